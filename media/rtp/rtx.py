"""Retransmission payloads (RFC 4588 section 4): two octets of original number, then the payload."""

from __future__ import annotations

from media.errors import PacketError


def unwrap(payload: bytes) -> tuple[int, bytes]:
    """The original sequence number and payload of a retransmission, padding already removed.

    Raises :class:`PacketError` for under two octets: browsers probe the line
    with retransmission packets that hold nothing but padding.
    """
    if len(payload) < 2:
        raise PacketError("retransmission without an original sequence number")
    return payload[0] << 8 | payload[1], payload[2:]


def wrap(sequence: int, payload: bytes) -> bytes:
    """The payload of a retransmission; ``sequence`` is folded into 16 bits."""
    return bytes((sequence >> 8 & 0xFF, sequence & 0xFF)) + payload
