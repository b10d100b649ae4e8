"""Where a keyframe starts in H.264 payloads (RFC 6184), read without reassembling anything.

A browser's keyframe is an access unit of SPS, PPS and IDR slices, in one or in
many packets. A decoder that is moved to the stream must get the SPS first, so
the unit's first packet with an SPS is where to switch, and the IDR packets
behind it, which carry the same RTP timestamp, are not another start. Senders
that give their parameter sets out of band begin with the IDR itself. Hence two
different answers, and the rule for a path is: *the first packet of a timestamp
for which ``keyframe_start`` is not NONE*. It needs to remember one timestamp
for each source; ``media.path.fanout`` does.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from media.errors import PacketError

_IDR: Final = 5
_SPS: Final = 7
_STAP_A: Final = 24
_FU_A: Final = 28


class KeyframeStart(IntEnum):
    """What a packet has of the beginning of a keyframe."""

    NONE = 0
    IDR = 1
    """The first slice of an IDR picture, with no SPS in this packet."""
    SPS = 2
    """A sequence parameter set: an access unit that a decoder can begin with."""


def keyframe_start(payload: bytes | memoryview) -> KeyframeStart:
    """What this RTP payload has of the beginning of a keyframe.

    Looks into single NAL units, STAP-A (all of its units) and the first
    fragment of FU-A. Of an IDR picture in several slices only the first one
    counts: its ``first_mb_in_slice`` is 0, which is a set first bit in
    Exp-Golomb code (ITU-T H.264 section 7.3.3). Raises :class:`PacketError` on
    an empty payload and on an aggregated unit that ends after the payload.
    """
    size = len(payload)
    if size == 0:
        raise PacketError("H.264 payload without data")
    kind = payload[0] & 0x1F
    if kind == _FU_A:
        if size < 2:
            raise PacketError("H.264 fragment without its header")
        header = payload[1]
        return _of_unit(header & 0x1F, payload, 2) if header & 0x80 else KeyframeStart.NONE
    if kind != _STAP_A:
        return _of_unit(kind, payload, 1)
    found = KeyframeStart.NONE
    position = 1
    while position < size:
        if position + 2 > size:
            raise PacketError("H.264 aggregation packet ends inside a length")
        length = payload[position] << 8 | payload[position + 1]
        position += 2
        if length == 0 or position + length > size:
            raise PacketError("H.264 aggregated unit does not fit its packet")
        start = _of_unit(payload[position] & 0x1F, payload[position : position + length], 1)
        if start > found:
            found = start
        position += length
    return found


def _of_unit(kind: int, payload: bytes | memoryview, slice_at: int) -> KeyframeStart:
    if kind == _SPS:
        return KeyframeStart.SPS
    if kind == _IDR and len(payload) > slice_at and payload[slice_at] & 0x80:
        return KeyframeStart.IDR
    return KeyframeStart.NONE


def starts_keyframe(payload: bytes | memoryview) -> bool:
    """Whether a keyframe may start here: ``keyframe_start`` is not NONE (see the module's rule)."""
    return keyframe_start(payload) is not KeyframeStart.NONE
