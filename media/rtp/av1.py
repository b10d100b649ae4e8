"""AV1 over RTP (AOMedia's "RTP Payload Format for AV1", v1.0): where a keyframe starts.

Two places say so: the N bit of the aggregation header that begins each payload
(section 4.4), and the dependency descriptor header extension (appendix A),
which can be read of end-to-end encrypted payloads too.
"""

from __future__ import annotations

from typing import NamedTuple

from media.errors import PacketError


class AggregationHeader(NamedTuple):
    """The first octet of an AV1 payload.

    ``continues``: the first element is the rest of an OBU of the packet before
    (Z). ``unfinished``: the last element goes on in the next packet (Y).
    ``elements`` is W: their number, or 0 where each has its length before it.
    ``new_sequence``: first packet of a coded video sequence (N), that is of a
    keyframe.
    """

    continues: bool
    unfinished: bool
    elements: int
    new_sequence: bool


def parse_aggregation_header(payload: bytes | memoryview) -> AggregationHeader:
    """Read the aggregation header.

    Raises :class:`PacketError` when nothing stands behind it, and when N and Z
    are both set, which the specification forbids.
    """
    if len(payload) < 2:
        raise PacketError("AV1 payload without data")
    first = payload[0]
    if first & 0x88 == 0x88:
        raise PacketError("AV1 sequence that starts with the rest of a unit")
    return AggregationHeader(first & 0x80 != 0, first & 0x40 != 0, first >> 4 & 0x03, first & 0x08 != 0)


def starts_keyframe(payload: bytes | memoryview) -> bool:
    """Whether this is the first packet of a coded video sequence (N bit)."""
    return parse_aggregation_header(payload).new_sequence


class DependencyDescriptor(NamedTuple):
    """The mandatory fields of a dependency descriptor (appendix A.8.3), and one bit of the rest.

    ``structure`` is true where the descriptor carries a template dependency
    structure, which it does at the beginning of a coded video sequence.
    """

    start_of_frame: bool
    end_of_frame: bool
    template_id: int
    frame_number: int
    structure: bool

    @property
    def starts_keyframe(self) -> bool:
        """First packet of a frame with which a decoder can begin."""
        return self.start_of_frame and self.structure


def parse_dependency_descriptor(value: bytes) -> DependencyDescriptor:
    """Read the value of the header extension; :class:`PacketError` if it is under three octets."""
    if len(value) < 3:
        raise PacketError("dependency descriptor shorter than its mandatory fields")
    first = value[0]
    return DependencyDescriptor(
        first & 0x80 != 0,
        first & 0x40 != 0,
        first & 0x3F,
        value[1] << 8 | value[2],
        len(value) > 3 and value[3] & 0x80 != 0,
    )
