"""The VP9 payload descriptor (RFC 9628 section 4.2), as far as forwarding reads it."""

from __future__ import annotations

from typing import NamedTuple

from media.errors import PacketError


class Vp9Descriptor(NamedTuple):
    """What a VP9 payload's descriptor says.

    ``size`` is its length in octets. ``start`` and ``end`` mark the first and
    last packet of a *layer frame*; a picture of several spatial layers has one
    layer frame for each, all with one RTP timestamp. ``inter_predicted`` is the
    P bit (the layer frame refers to earlier pictures), ``inter_layer`` the D
    bit (it refers to the layer below). ``keyframe`` is true on the first packet
    of a picture with which a decoder can begin: B set, P clear, lowest spatial
    layer. ``picture_id_bits`` is 0, 7 or 15. ``tl0_picture_index`` is None in
    flexible mode. ``resolutions`` are the (width, height) of the scalability
    structure, empty where the packet has none or names no sizes.
    """

    size: int
    start: bool
    end: bool
    keyframe: bool
    inter_predicted: bool
    picture_id: int | None
    picture_id_bits: int
    temporal_id: int
    switching_up: bool
    spatial_id: int
    inter_layer: bool
    tl0_picture_index: int | None
    resolutions: tuple[tuple[int, int], ...]


def parse_descriptor(payload: bytes | memoryview) -> Vp9Descriptor:
    """Read the descriptor at the start of an RTP payload.

    Raises :class:`PacketError` when the payload ends inside it or right behind
    it, and when flexible mode names more than three references.
    """
    try:
        return _parse(payload)
    except IndexError:
        raise PacketError("VP9 payload ends inside its descriptor") from None


def _parse(payload: bytes | memoryview) -> Vp9Descriptor:
    first = payload[0]
    position = 1
    picture_id: int | None = None
    bits = 0
    temporal_id = spatial_id = 0
    switching_up = inter_layer = False
    tl0: int | None = None
    resolutions: tuple[tuple[int, int], ...] = ()
    inter_predicted = first & 0x40 != 0
    flexible = first & 0x10 != 0
    if first & 0x80:
        picture_id = payload[1]
        position = 2
        bits = 7
        if picture_id & 0x80:
            picture_id = (picture_id & 0x7F) << 8 | payload[2]
            position = 3
            bits = 15
    if first & 0x20:
        layers = payload[position]
        position += 1
        temporal_id = layers >> 5
        switching_up = layers & 0x10 != 0
        spatial_id = layers >> 1 & 0x07
        inter_layer = layers & 0x01 != 0
        if not flexible:
            tl0 = payload[position]
            position += 1
    if flexible and inter_predicted:
        for count in range(1, 4):
            more = payload[position] & 0x01
            position += 1
            if not more:
                break
            if count == 3:
                raise PacketError("VP9 descriptor with more than three references")
    if first & 0x02:
        position, resolutions = _parse_structure(payload, position)
    payload[position]  # a descriptor always stands before data
    start = first & 0x08 != 0
    return Vp9Descriptor(
        position,
        start,
        first & 0x04 != 0,
        start and not inter_predicted and spatial_id == 0,
        inter_predicted,
        picture_id,
        bits,
        temporal_id,
        switching_up,
        spatial_id,
        inter_layer,
        tl0,
        resolutions,
    )


def _parse_structure(payload: bytes | memoryview, position: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """The scalability structure (RFC 9628 section 4.2.1): the octet behind it, and its resolutions."""
    head = payload[position]
    position += 1
    resolutions = []
    if head & 0x10:
        for _ in range((head >> 5) + 1):
            width = payload[position] << 8 | payload[position + 1]
            height = payload[position + 2] << 8 | payload[position + 3]
            resolutions.append((width, height))
            position += 4
    if head & 0x08:
        pictures = payload[position]
        position += 1
        for _ in range(pictures):
            position += 1 + (payload[position] >> 2 & 0x03)
    return position, tuple(resolutions)


def starts_keyframe(payload: bytes | memoryview) -> bool:
    """Whether this is the first packet of a picture with which a decoder can begin."""
    return parse_descriptor(payload).keyframe
