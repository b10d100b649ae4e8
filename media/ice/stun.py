"""STUN binding requests of connectivity checks, and the answers to them (RFC 8489, RFC 8445 7.3).

The one file that uses ``aioice.stun``. Reading goes through its parser, behind
a check of the header that costs next to nothing, so that datagrams which only
look like STUN do not reach it. Answers are written here: an ICE-lite agent
sends three kinds of message, and these are a few packed fields each.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass, field

from aioice import stun

from media.errors import PacketError

MAGIC_COOKIE = 0x2112A442
HEADER_SIZE = 20
MAX_SIZE = 1280
"""Longest request that is read; checks of browsers are 100 to 200 bytes."""

_BINDING_REQUEST = 0x0001
_BINDING_SUCCESS = 0x0101
_BINDING_ERROR = 0x0111
_USERNAME = 0x0006
_MESSAGE_INTEGRITY = 0x0008
_ERROR_CODE = 0x0009
_XOR_MAPPED_ADDRESS = 0x0020
_PRIORITY = 0x0024
_FINGERPRINT = 0x8028
_ICE_CONTROLLED = 0x8029
_FINGERPRINT_XOR = 0x5354554E

_PEER_REFLEXIVE = (110 << 24) | (65535 << 8) | 255
"""Priority of a peer-reflexive candidate (RFC 8445, 5.1.2)."""

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A connectivity check as read, its integrity not yet verified.

    ``priority`` is the PRIORITY attribute (0 when absent), ``use_candidate``
    the nomination, ``controlled`` true when the sender claims to be controlled
    as we are.
    """

    local_ufrag: str
    remote_ufrag: str
    priority: int
    use_candidate: bool
    controlled: bool
    transaction_id: bytes
    message: stun.Message = field(repr=False, compare=False)


def is_binding_request(data: bytes) -> bool:
    """Whether the header is that of a binding request whose length is the datagram's."""
    size = len(data)
    if size < HEADER_SIZE or size > MAX_SIZE or size % 4:
        return False
    kind, length, cookie, _ = _HEADER.unpack_from(data)
    return (kind, cookie, length) == (_BINDING_REQUEST, MAGIC_COOKIE, size - HEADER_SIZE)


def peek_local_ufrag(data: bytes) -> str | None:
    """The part before the colon of the first USERNAME; None when there is none.

    Cheap, so that a check for nobody here costs no parsing and no HMAC.
    """
    position = HEADER_SIZE
    end = len(data)
    while position + 4 <= end:
        kind, length = _ATTRIBUTE.unpack_from(data, position)
        position += 4
        if position + length > end:
            return None
        if kind == _USERNAME:
            local, colon, _ = data[position : position + length].partition(b":")
            return local.decode("ascii", "replace") if colon else None
        if kind == _MESSAGE_INTEGRITY:
            return None
        position += length + (-length % 4)
    return None


def parse_request(data: bytes) -> BindingRequest:
    """Read a check completely. PacketError when malformed, or its FINGERPRINT is wrong."""
    if not is_binding_request(data):
        raise PacketError("not a binding request")
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error, IndexError, OverflowError) as exc:
        raise PacketError(f"malformed STUN: {type(exc).__name__}") from None
    attributes = message.attributes
    username = attributes.get("USERNAME")
    if username is None or "MESSAGE-INTEGRITY" not in attributes:
        raise PacketError("a check needs USERNAME and MESSAGE-INTEGRITY")
    local, colon, remote = username.partition(":")
    if not colon:
        raise PacketError("USERNAME without a colon")
    return BindingRequest(
        local_ufrag=local,
        remote_ufrag=remote,
        priority=attributes.get("PRIORITY", 0),
        use_candidate="USE-CANDIDATE" in attributes,
        controlled="ICE-CONTROLLED" in attributes,
        transaction_id=message.transaction_id,
        message=message,
    )


def is_authentic(request: BindingRequest, pwd: str) -> bool:
    """Whether MESSAGE-INTEGRITY was made with this password (RFC 8489, 14.5)."""
    return request.message.check_message_integrity(pwd.encode("ascii"))


def success_response(request: BindingRequest, pwd: str, host: str, port: int) -> bytes:
    """The answer that names the address seen, with integrity and fingerprint."""
    packed = ipaddress.ip_address(host).packed
    pad = struct.pack("!I", MAGIC_COOKIE) + request.transaction_id
    value = struct.pack("!BBH", 0, 1 if len(packed) == 4 else 2, port ^ (MAGIC_COOKIE >> 16)) + bytes(
        a ^ b for a, b in zip(packed, pad, strict=False)
    )
    attribute = _attribute(_XOR_MAPPED_ADDRESS, value)
    return _seal(_BINDING_SUCCESS, request.transaction_id, attribute, pwd)


def role_conflict_response(request: BindingRequest, pwd: str) -> bytes:
    """Error 487: we are ICE-lite, so the other side must control (RFC 8445, 7.3.1.1)."""
    value = struct.pack("!HBB", 0, 4, 87) + b"Role Conflict"
    return _seal(_BINDING_ERROR, request.transaction_id, _attribute(_ERROR_CODE, value), pwd)


def probe_request(transaction_id: bytes, username: str, pwd: str) -> bytes:
    """A check of our own, with the peer's password; we are controlled (RFC 8445, 7.1)."""
    attributes = (
        _attribute(_USERNAME, username.encode("ascii"))
        + _attribute(_PRIORITY, _PEER_REFLEXIVE.to_bytes(4, "big"))
        + _attribute(_ICE_CONTROLLED, transaction_id[:8])
    )
    return _seal(_BINDING_REQUEST, transaction_id, attributes, pwd)


def peek_success(data: bytes) -> bytes | None:
    """The transaction of a datagram whose header is that of a success response, else None."""
    size = len(data)
    if size < HEADER_SIZE or size > MAX_SIZE or size % 4:
        return None
    kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
    if (kind, cookie, length) != (_BINDING_SUCCESS, MAGIC_COOKIE, size - HEADER_SIZE):
        return None
    return bytes(transaction_id)


def is_authentic_success(data: bytes, pwd: str) -> bool:
    """Whether this response was made with the password; False for a malformed one too."""
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error, IndexError, OverflowError):
        return False
    return message.check_message_integrity(pwd.encode("ascii"))


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _seal(kind: int, transaction_id: bytes, body: bytes, pwd: str) -> bytes:
    """A message of these attributes with MESSAGE-INTEGRITY and FINGERPRINT behind them."""
    # Both checks are made with the header's length as if the message ended with them.
    signed = _HEADER.pack(kind, len(body) + 24, MAGIC_COOKIE, transaction_id) + body
    body += _attribute(_MESSAGE_INTEGRITY, hmac.digest(pwd.encode("ascii"), signed, "sha1"))
    whole = _HEADER.pack(kind, len(body) + 8, MAGIC_COOKIE, transaction_id) + body
    return whole + _attribute(_FINGERPRINT, (zlib.crc32(whole) ^ _FINGERPRINT_XOR).to_bytes(4, "big"))
