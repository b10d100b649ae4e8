"""The VP8 payload descriptor (RFC 7741 section 4.2): what forwarding reads of it, and rewriting it.

The relay changes picture ids and TL0PICIDX so that a subscriber who is moved
from one simulcast layer to another sees one continuous stream. The compressed
picture is never touched; of it only the P bit of the payload header is read.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from media.errors import PacketError

_pack_id = Struct("!BBH").pack
_pack_id_and_tl0 = Struct("!BBHB").pack
_new_tuple = tuple.__new__  # half the cost of calling the class, which only forwards to it


class Vp8Descriptor(NamedTuple):
    """What a VP8 payload's descriptor says.

    ``size`` is the descriptor's length in octets. ``start`` is true on the
    first packet of a frame (S bit, partition 0), and only there can
    ``keyframe`` be true. ``picture_id_bits`` is 0, 7 or 15, and ``picture_id``
    None for 0. ``tl0_picture_index`` is None and ``temporal_id`` 0 where the
    descriptor does not name them. ``layer_sync`` is the Y bit: a receiver of
    lower temporal layers may go up here. ``discardable`` is the N bit: no
    other frame refers to this one.
    """

    size: int
    start: bool
    keyframe: bool
    picture_id: int | None
    picture_id_bits: int
    tl0_picture_index: int | None
    temporal_id: int
    layer_sync: bool
    discardable: bool


def parse_descriptor(payload: bytes | memoryview) -> Vp8Descriptor:
    """Read the descriptor at the start of an RTP payload.

    Raises :class:`PacketError` when the payload ends inside the descriptor, or
    right behind it (a descriptor always stands before at least one octet).
    """
    size = len(payload)
    if size < 2:
        raise PacketError("VP8 payload without data")
    first = payload[0]
    start = first & 0x17 == 0x10
    if first < 0x80:
        keyframe = start and not payload[1] & 1
        return _new_tuple(Vp8Descriptor, (1, start, keyframe, None, 0, None, 0, False, first & 0x20 != 0))
    present = payload[1]
    position = 2
    picture_id: int | None = None
    bits = 0
    tl0: int | None = None
    temporal_id = 0
    sync = False
    try:
        if present & 0x80:
            picture_id = payload[2]
            if picture_id & 0x80:
                picture_id = (picture_id & 0x7F) << 8 | payload[3]
                position = 4
                bits = 15
            else:
                position = 3
                bits = 7
        if present & 0x40:
            tl0 = payload[position]
            position += 1
        if present & 0x30:
            if present & 0x20:
                layers = payload[position]
                temporal_id = layers >> 6
                sync = layers & 0x20 != 0
            position += 1
        keyframe = not payload[position] & 1 and start
    except IndexError:
        raise PacketError("VP8 payload ends inside its descriptor") from None
    return _new_tuple(
        Vp8Descriptor,
        (position, start, keyframe, picture_id, bits, tl0, temporal_id, sync, first & 0x20 != 0),
    )


def pack_descriptor(payload: bytes, descriptor: Vp8Descriptor, picture_id: int, tl0: int) -> bytes:
    """The descriptor alone of :func:`rewrite_descriptor`, for who joins a packet from pieces."""
    size = descriptor.size
    bits = descriptor.picture_id_bits
    if descriptor.tl0_picture_index is None:
        if bits == 0:
            return payload[:size]
        behind = 4 if bits == 15 else 3
        return _pack_id(payload[0], payload[1], 0x8000 | picture_id & 0x7FFF) + payload[behind:size]
    if bits == 0:
        return payload[:2] + bytes((tl0 & 0xFF,)) + payload[3:size]
    behind = 5 if bits == 15 else 4
    return (
        _pack_id_and_tl0(payload[0], payload[1], 0x8000 | picture_id & 0x7FFF, tl0 & 0xFF)
        + payload[behind:size]
    )


def rewrite_descriptor(payload: bytes, descriptor: Vp8Descriptor, picture_id: int, tl0: int) -> bytes:
    """The payload with another picture id and TL0PICIDX.

    ``descriptor`` is that of this payload; ``picture_id`` is taken modulo 2^15
    and ``tl0`` modulo 2^8. A field that the descriptor does not have is not
    added. A picture id of 7 bits becomes one of 15 bits, since continuous
    numbers across a switch need the larger space: its M bit is set, one octet
    is put in, and the payload grows by one. With 15 bits the length stays.
    The N, S, partition, TID, Y and KEYIDX fields stay as they are.
    """
    return pack_descriptor(payload, descriptor, picture_id, tl0) + payload[descriptor.size :]
