"""Redundant audio data (RFC 2198): several blocks of sound in one payload."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from media.errors import PacketError

MAX_BLOCKS: Final = 32
"""Redundant blocks that a payload may have; browsers send one or two."""


def primary(payload: bytes) -> bytes:
    """The newest block alone, which is what a subscriber without RED is sent.

    Raises :class:`PacketError` where headers or blocks do not fit the payload.
    """
    size = len(payload)
    position = lengths = 0
    while position < size and payload[position] & 0x80:
        if position + 4 > size or position >= 4 * MAX_BLOCKS:
            raise PacketError("RED block headers do not fit the payload")
        lengths += (payload[position + 2] & 0x03) << 8 | payload[position + 3]
        position += 4
    position += 1 + lengths
    if position > size:
        raise PacketError("RED blocks do not fit the payload")
    return payload[position:]


def blocks(payload: bytes) -> list[tuple[int, int, bytes]]:
    """All blocks as (payload type, timestamp offset, data), oldest first, the primary last.

    A block's RTP timestamp is the packet's minus the offset; the primary's
    offset is 0. Raises :class:`PacketError` as :func:`primary` does.
    """
    heads: list[tuple[int, int, int]] = []
    position = 0
    size = len(payload)
    while position < size and payload[position] & 0x80:
        if position + 4 > size or len(heads) == MAX_BLOCKS:
            raise PacketError("RED block headers do not fit the payload")
        word = int.from_bytes(payload[position : position + 4], "big")
        heads.append((word >> 24 & 0x7F, word >> 10 & 0x3FFF, word & 0x3FF))
        position += 4
    if position >= size:
        raise PacketError("RED payload without its primary block")
    last = payload[position]
    position += 1
    found: list[tuple[int, int, bytes]] = []
    for payload_type, offset, length in heads:
        found.append((payload_type, offset, payload[position : position + length]))
        position += length
    if position > size:
        raise PacketError("RED blocks do not fit the payload")
    found.append((last, 0, payload[position:]))
    return found


def pack(payload_type: int, data: bytes, redundant: Iterable[tuple[int, int, bytes]] = ()) -> bytes:
    """A RED payload of a primary block and older ones as (payload type, timestamp offset, data).

    ``ValueError`` for an offset over 16,383, a block over 1,023 octets or more
    than 32 of them.
    """
    heads: list[bytes] = []
    bodies: list[bytes] = []
    for kind, offset, block in redundant:
        if not 0 <= offset <= 0x3FFF or len(block) > 0x3FF or len(heads) == MAX_BLOCKS:
            raise ValueError("a block that RED cannot say")
        heads.append((1 << 31 | kind << 24 | offset << 10 | len(block)).to_bytes(4, "big"))
        bodies.append(block)
    return b"".join((*heads, bytes((payload_type,)), *bodies, data))
