"""Strangers on the UDP port: nothing that they send is answered with a single octet."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aioice import stun
from OpenSSL import SSL

from load.bad_context import TEN_THOUSAND, Context, Pace
from media.path.srtp import SrtpPair
from media.ports import SrtpKeys
from media.rtp.header import pack_header
from media.rtp.rtcp_write import pack_pli

PORTS = 16
PER_SECOND = 3_000


@dataclass
class Count:
    """Datagrams and octets, out and in."""

    sent: int = 0
    sent_octets: int = 0
    received: int = 0
    received_octets: int = 0

    def as_dict(self) -> dict[str, int]:
        """For the figures."""
        return dict(vars(self))


class Strangers:
    """A few UDP sockets that nobody at the server knows."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(PORTS)]
        for sock in self._sockets:
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))

    async def send(self, make: Callable[[], bytes], number: int) -> Count:
        """Send so many datagrams and count what comes back."""
        count = Count()
        pace = Pace(PER_SECOND)
        for index in range(number):
            data = make()
            count.sent += self._send(self._sockets[index % PORTS], data)
            count.sent_octets += len(data)
            await pace.turn()
            if index % 256 == 0:
                self._collect(count)
        await asyncio.sleep(0.3)
        self._collect(count)
        return count

    def _send(self, sock: socket.socket, data: bytes) -> bool:
        try:
            sock.sendto(data, self._target)
        except OSError:
            return False
        return True

    def _collect(self, count: Count) -> None:
        for sock in self._sockets:
            while True:
                try:
                    data = sock.recv(65536)
                except OSError:
                    break
                count.received += 1
                count.received_octets += len(data)

    def close(self) -> None:
        """Close the sockets."""
        for sock in self._sockets:
            sock.close()


def check(username: str, pwd: str | None) -> bytes:
    """A connectivity check, with integrity if there is a password."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1853817087
    message.attributes["ICE-CONTROLLING"] = 77
    message.attributes["USE-CANDIDATE"] = None
    if pwd is not None:
        message.add_message_integrity(pwd.encode())
        message.add_fingerprint()
    return bytes(message)


def dtls_hello() -> bytes:
    """The first flight of a DTLS client."""
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
    connection = SSL.Connection(context)
    connection.set_connect_state()
    with contextlib.suppress(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(4096)


def wrong_keys(rng: random.Random) -> SrtpPair:
    """SRTP under keys that nobody has agreed on."""
    key = rng.randbytes(28)
    return SrtpPair(SrtpKeys("SRTP_AEAD_AES_128_GCM", rx=key, tx=key))


def rtp_packet(pair: SrtpPair, rng: random.Random, sequence: int) -> bytes:
    """A protected RTP packet of random payload."""
    head = pack_header(rng.randrange(96, 127), sequence & 0xFFFF, rng.getrandbits(32), 1234, False, b"")
    return pair.protect(head + rng.randbytes(rng.randrange(1, 900)))


def rtcp_packet(pair: SrtpPair, rng: random.Random) -> bytes:
    """A protected PLI."""
    return pair.protect_rtcp(pack_pli(rng.getrandbits(32), rng.getrandbits(32)))


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The same with some octets changed, cut off or added."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    if rng.random() < 0.3:
        del changed[rng.randrange(1, len(changed)) :]
    elif rng.random() < 0.2:
        changed += rng.randbytes(rng.randrange(1, 600))
    return bytes(changed)


async def attack(context: Context, ufrag: str) -> dict[str, Any]:
    """``ufrag`` is the server's own of a participant who is in the meeting."""
    rng = context.rng
    hello = dtls_hello()
    pair = wrong_keys(rng)
    sequence = iter(range(10**9))
    name = f"{ufrag}:abcd"
    makers: dict[str, Callable[[], bytes]] = {
        "STUN without integrity": lambda: check(name, None),
        "STUN with wrong integrity": lambda: check(name, f"{rng.getrandbits(96):024x}"),
        "STUN for an unknown user": lambda: check(f"{rng.getrandbits(32):08x}:abcd", "p" * 24),
        "STUN malformed": lambda: mutated(check(name, "p" * 24), rng),
        "DTLS hello of a stranger": lambda: hello,
        "DTLS malformed": lambda: mutated(hello, rng),
        "RTP under a wrong key": lambda: rtp_packet(pair, rng, next(sequence)),
        "RTCP under a wrong key": lambda: rtcp_packet(pair, rng),
        "random datagrams": lambda: rng.randbytes(rng.randrange(1, 1400)),
    }
    figures: dict[str, Any] = {}
    strangers = Strangers(context.media)
    try:
        for what, make in makers.items():
            count = await strangers.send(make, context.count(TEN_THOUSAND))
            figures[what] = count.as_dict()
            context.expect(count.received == 0, f"{what}: a stranger got {count.received_octets} octets")
    finally:
        strangers.close()
    return figures
