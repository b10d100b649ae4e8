"""From encoded frames to RTP payloads and back (RFC 7741, RFC 6184, RFC 7587). Pure.

Payloads of one frame differ in size by at most an octet, so that a relay can
send them on in one burst of equal segments.
"""

from __future__ import annotations

from typing import Final

from media.errors import PacketError
from media.rtp import red
from media.rtp.vp8 import parse_descriptor

MAX_PAYLOAD: Final = 1100
"""Octets of a frame in one packet; with header, extensions and SRTP it stays under 1,200."""
MAX_FRAME: Final = 4 * 1024 * 1024
"""Longest frame put together from packets."""


def pieces(data: bytes, limit: int) -> list[bytes]:
    """``data`` in the fewest parts of at most ``limit`` octets, of nearly equal size."""
    count = max(1, -(-len(data) // limit))
    small, larger = divmod(len(data), count)
    parts = []
    position = 0
    for index in range(count):
        size = small + (1 if index < larger else 0)
        parts.append(data[position : position + size])
        position += size
    return parts


def vp8_payloads(frame: bytes, picture_id: int) -> list[bytes]:
    """The payloads of a VP8 frame; ``picture_id`` in 15 bits (RFC 7741 section 4.2)."""
    number = (0x8000 | picture_id & 0x7FFF).to_bytes(2, "big")
    return [
        (b"\x90\x80" if index == 0 else b"\x80\x80") + number + part
        for index, part in enumerate(pieces(frame, MAX_PAYLOAD))
    ]


def h264_units(frame: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit."""
    units = []
    start = frame.find(b"\x00\x00\x01")
    while start >= 0:
        start += 3
        after = frame.find(b"\x00\x00\x01", start)
        end = len(frame) if after < 0 else after
        unit = frame[start:end].rstrip(b"\x00") if after >= 0 else frame[start:end]
        if unit:
            units.append(unit)
        start = after
    return units


def h264_payloads(frame: bytes) -> list[bytes]:
    """The payloads of an Annex B access unit: single NAL units and FU-A (RFC 6184, 5.6 and 5.8)."""
    payloads = []
    for unit in h264_units(frame):
        if len(unit) <= MAX_PAYLOAD:
            payloads.append(unit)
            continue
        parts = pieces(unit[1:], MAX_PAYLOAD - 2)
        indicator = unit[0] & 0xE0 | 28
        kind = unit[0] & 0x1F
        for index, part in enumerate(parts):
            edge = (0x80 if index == 0 else 0) | (0x40 if index == len(parts) - 1 else 0)
            payloads.append(bytes((indicator, edge | kind)) + part)
    return payloads


def payloads_of(codec: str, frame: bytes, picture_id: int) -> list[bytes]:
    """The RTP payloads of a frame of this codec."""
    if codec == "video/vp8":
        return vp8_payloads(frame, picture_id)
    if codec.startswith("video/h264"):
        return h264_payloads(frame)
    return [frame]


def h264_part(payload: bytes) -> bytes:
    """What a payload adds to an Annex B access unit. PacketError for a cut or unknown form."""
    if not payload:
        raise PacketError("empty H.264 payload")
    kind = payload[0] & 0x1F
    if 1 <= kind <= 23:
        return b"\x00\x00\x00\x01" + payload
    if kind == 24:
        parts = []
        position = 1
        while position < len(payload):
            size = int.from_bytes(payload[position : position + 2], "big")
            unit = payload[position + 2 : position + 2 + size]
            if size == 0 or len(unit) != size:
                raise PacketError("cut STAP-A")
            parts.append(b"\x00\x00\x00\x01" + unit)
            position += 2 + size
        return b"".join(parts)
    if kind == 28 and len(payload) > 2:
        if payload[1] & 0x80:
            return b"\x00\x00\x00\x01" + bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)) + payload[2:]
        return payload[2:]
    raise PacketError(f"H.264 packetization of kind {kind}")


def h264_keyframe(payload: bytes) -> bool:
    """Whether an IDR picture or its parameter sets begin in this payload."""
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind == 24 and len(payload) > 3:
        kind = payload[3] & 0x1F
    elif kind == 28 and len(payload) > 1:
        return payload[1] & 0x9F in (0x85, 0x87)
    return kind in (5, 7)


def part_of(codec: str, payload: bytes) -> tuple[bytes, bool, bool]:
    """What a payload adds to its frame, whether the frame begins here, and whether it is a keyframe.

    PacketError for a malformed payload. Where the codec does not say where a
    frame begins (H.264), the second answer is true for what may begin one.
    """
    if codec == "video/vp8":
        descriptor = parse_descriptor(payload)
        return payload[descriptor.size :], descriptor.start, descriptor.keyframe
    if codec.startswith("video/h264"):
        starts = payload[:1] != b"" and (
            payload[0] & 0x1F != 28 or (payload[1:2] != b"" and payload[1] >= 0x80)
        )
        return h264_part(payload), starts, h264_keyframe(payload)
    if codec == "audio/red":
        return red.primary(payload), True, False
    return payload, True, False
