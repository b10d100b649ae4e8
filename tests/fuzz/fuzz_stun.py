"""Connectivity checks: whatever comes, the agent answers or stays silent, and never with more than it got."""

import contextlib
import hmac
import struct
import zlib

from media.errors import PacketError
from media.ice import stun
from media.ice.lite import IceLiteAgent
from media.ice.records import IceCredentials

CREDENTIALS = IceCredentials("ours", "p" * 24)
SEAL = 32


def sealed(data: bytes) -> bytes:
    """The same attributes with true lengths, integrity and fingerprint, so that they are believed."""
    body = data[20:-SEAL] + bytes(-len(data[20:-SEAL]) % 4)
    head = struct.pack("!HHI12s", 1, len(body) + 24, stun.MAGIC_COOKIE, data[8:20])
    body += b"\0\x08\0\x14" + hmac.digest(CREDENTIALS.pwd.encode(), head + body, "sha1")
    whole = head[:2] + struct.pack("!H", len(body) + 8) + head[4:] + body
    return whole + struct.pack("!HHI", 0x8028, 4, zlib.crc32(whole) ^ 0x5354554E)


def fuzz(data: bytes) -> None:
    """May raise nothing; the parser alone may raise PacketError."""
    for datagram in (data, sealed(data)):
        agent = IceLiteAgent()
        agent.add(1, CREDENTIALS, 0.0)
        result = agent.handle(datagram, (0, "192.0.2.1", 5000), 0.0)
        if result.response is not None and len(result.response) > len(datagram):
            raise AssertionError("answered with more than was asked")
        with contextlib.suppress(PacketError):
            stun.is_authentic(stun.parse_request(datagram), CREDENTIALS.pwd)
