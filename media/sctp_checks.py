"""What an SCTP packet must be before aiortc's parser may see it (RFC 9260, 3).

aiortc's SCTP trusts lengths inside chunks: a parameter of length 0 would keep
it in a loop for ever, and a selective acknowledgement can make it count to
65,535 for each of 300 gaps. Every packet passes here first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from google_crc32c import value as crc32c

from media.errors import PacketError

DATA = 0
INIT = 1
INIT_ACK = 2
SACK = 3
RECONFIG = 130
FORWARD_TSN = 192

MAX_STREAMS = 1024
"""Highest stream number and one; browsers use no more."""

MAX_CHUNKS = 128
MAX_PARAMETERS = 64

_COMMON_HEADER = 12
_HEADER = struct.Struct("!BBH")
_DATA_HEADER = 12
_INIT_HEADER = 16
_SACK_HEADER = 12

_WITH_PARAMETERS = {INIT: _INIT_HEADER, INIT_ACK: _INIT_HEADER, 4: 0, 5: 0, 6: 0, 9: 0, RECONFIG: 0}
"""Chunks that consist of parameters behind so many fixed bytes."""

_RECONFIG_SIZES = {13: 12, 16: 8, 17: 8}
"""Least length of a re-configuration parameter's value (RFC 6525, 4)."""


@dataclass(frozen=True, slots=True)
class Sack:
    """The numbers of a selective acknowledgement: ``gaps`` as offsets from ``cumulative``."""

    cumulative: int
    gaps: tuple[tuple[int, int], ...]


def check_packet(data: bytes) -> list[Sack]:
    """PacketError unless all lengths hold; returns the acknowledgements, for the caller to judge."""
    size = len(data)
    if size < _COMMON_HEADER + _HEADER.size:
        raise PacketError("short SCTP packet")
    if int.from_bytes(data[8:12], "little") != crc32c(data[:8] + bytes(4) + data[12:]):
        raise PacketError("wrong SCTP checksum")
    sacks = []
    kinds = []
    position = _COMMON_HEADER
    while position + _HEADER.size <= size:
        kind, _, length = _HEADER.unpack_from(data, position)
        if length < _HEADER.size or position + length > size:
            raise PacketError("SCTP chunk with a wrong length")
        sack = _check_chunk(kind, data[position + _HEADER.size : position + length])
        if sack is not None:
            sacks.append(sack)
        kinds.append(kind)
        position += length + (-length % 4)
    if len(kinds) > MAX_CHUNKS:
        raise PacketError("too many SCTP chunks")
    if INIT in kinds and len(kinds) > 1:
        raise PacketError("INIT beside other chunks")
    return sacks


def _check_chunk(kind: int, body: bytes) -> Sack | None:
    if kind == DATA:
        if len(body) <= _DATA_HEADER:
            raise PacketError("DATA without user data")
        if int.from_bytes(body[4:6], "big") >= MAX_STREAMS:
            raise PacketError("DATA on a stream beyond those granted")
    elif kind == SACK:
        return _read_sack(body)
    elif kind == FORWARD_TSN:
        if len(body) < 4 or len(body) % 4:
            raise PacketError("FORWARD TSN with a wrong length")
        for position in range(4, len(body), 4):
            if int.from_bytes(body[position : position + 2], "big") >= MAX_STREAMS:
                raise PacketError("FORWARD TSN for a stream beyond those granted")
    elif kind == 7:
        if len(body) != 4:
            raise PacketError("SHUTDOWN with a wrong length")
    elif kind in _WITH_PARAMETERS:
        fixed = _WITH_PARAMETERS[kind]
        if len(body) < fixed:
            raise PacketError("short SCTP chunk")
        if kind in (INIT, INIT_ACK) and not (int.from_bytes(body[:4], "big") and body[8:12].count(0) < 4):
            raise PacketError("INIT without a tag or streams")
        _check_parameters(kind, body[fixed:])
    return None


def _check_parameters(kind: int, body: bytes) -> None:
    position = count = 0
    while position + 4 <= len(body):
        name = int.from_bytes(body[position : position + 2], "big")
        length = int.from_bytes(body[position + 2 : position + 4], "big")
        if length < 4 or position + length > len(body):
            raise PacketError("SCTP parameter with a wrong length")
        if kind == RECONFIG:
            value = length - 4
            if value < _RECONFIG_SIZES.get(name, 0) or (name == 13 and value % 2):
                raise PacketError("re-configuration parameter with a wrong length")
        position += length + (-length % 4)
        count += 1
    if count > MAX_PARAMETERS:
        raise PacketError("too many SCTP parameters")


def _read_sack(body: bytes) -> Sack:
    if len(body) < _SACK_HEADER:
        raise PacketError("short SACK")
    cumulative, _, gap_count, duplicates = struct.unpack_from("!LLHH", body)
    if len(body) != _SACK_HEADER + 4 * (gap_count + duplicates):
        raise PacketError("SACK with a wrong length")
    end = 0
    gaps = []
    for place in range(gap_count):
        first, last = struct.unpack_from("!HH", body, _SACK_HEADER + 4 * place)
        if first <= end or last < first:
            raise PacketError("SACK with gaps out of order")
        gaps.append((first, last))
        end = last
    return Sack(cumulative, tuple(gaps))
