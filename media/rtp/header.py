"""RTP fixed headers and header extensions (RFC 3550 section 5.1, RFC 8285), and what a first byte says.

Everything here runs once or more for each packet, so it is written flat: one
``unpack_from`` for the fixed part, slices only where bytes are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple

from media.errors import PacketError

FIXED_SIZE: Final = 12
"""Octets of an RTP header without contributing sources and extension block."""

ONE_BYTE_PROFILE: Final = 0xBEDE
TWO_BYTE_PROFILE: Final = 0x1000
"""The upper twelve bits; the lower four are ``appbits``, which mean nothing to us."""

_unpack_fixed = Struct("!BBHII").unpack_from
_pack_fixed = Struct("!BBHII").pack
_unpack_block = Struct("!HH").unpack_from
_pack_block = Struct("!HH").pack
_OCTETS: Final = tuple(bytes((value,)) for value in range(256))
_new_tuple = tuple.__new__  # half the cost of calling the class, which only forwards to it


class DatagramKind(Enum):
    """What a datagram claims to be by its first byte (RFC 7983)."""

    STUN = "stun"
    DTLS = "dtls"
    RTP = "rtp"
    """RTP or RTCP; ``is_rtcp`` tells them apart."""
    OTHER = "other"


def _kind_of(first_byte: int) -> DatagramKind:
    if first_byte <= 3:
        return DatagramKind.STUN
    if 20 <= first_byte <= 63:
        return DatagramKind.DTLS
    if 128 <= first_byte <= 191:
        return DatagramKind.RTP
    return DatagramKind.OTHER


_KINDS: Final = tuple(_kind_of(value) for value in range(256))


def classify(first_byte: int) -> DatagramKind:
    """What a datagram that begins with this byte (0 to 255) claims to be."""
    return _KINDS[first_byte]


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram of kind RTP is RTCP: packet types 192 to 223 (RFC 5761 section 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


class RtpHeader(NamedTuple):
    """A parsed RTP header; offsets are octets from the packet's start.

    The payload is ``data[payload_offset:payload_end]``: padding is outside, and
    a packet of nothing but padding has both equal. ``profile`` is the 16-bit
    word that begins the extension block, 0 where there is no block; the
    elements then are ``data[ext_start:ext_end]``, without the block's own four
    octets. Without a block both are where it would stand.
    """

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_offset: int
    payload_end: int
    profile: int
    ext_start: int
    ext_end: int


def parse_header(data: bytes) -> RtpHeader:
    """Read the header of an RTP packet (RFC 3550 section 5.1).

    Raises :class:`PacketError` on a version other than 2, on contributing
    sources or an extension block that end after the data, and on a padding
    count of 0 or more than what follows the header.
    """
    size = len(data)
    if size < 12:
        raise PacketError("RTP packet shorter than its fixed header")
    first, second, sequence, timestamp, ssrc = _unpack_fixed(data)
    if first & 0xC0 != 0x80:
        raise PacketError("RTP version is not 2")
    profile = 0
    offset = ext_start = ext_end = 12 + ((first & 0x0F) << 2)
    if first & 0x10:
        ext_start = offset + 4
        if ext_start > size:
            raise PacketError("RTP extension block ends after the packet")
        profile, words = _unpack_block(data, offset)
        offset = ext_end = ext_start + (words << 2)
    if offset > size:
        raise PacketError("RTP header ends after the packet")
    end = size
    if first & 0x20:
        # With no octet after the header, the last octet belongs to the header and is no count.
        padding = data[-1]
        if padding == 0 or padding > size - offset:
            raise PacketError("RTP padding count does not fit the packet")
        end = size - padding
    return _new_tuple(
        RtpHeader,
        (second > 127, second & 0x7F, sequence, timestamp, ssrc, offset, end, profile, ext_start, ext_end),
    )


def parse_extensions(data: bytes, header: RtpHeader) -> dict[int, bytes]:
    """The header extension elements of a packet by their local id (RFC 8285 section 4).

    Never raises: an element that is cut off, the reserved id 15 of the one-byte
    form and an id 0 with a length end the block, and what came before counts.
    Of an id that stands twice, the last one counts. A block of another profile
    gives nothing.
    """
    found: dict[int, bytes] = {}
    position = header.ext_start
    end = header.ext_end
    profile = header.profile
    if profile == 0xBEDE:
        while position < end:
            first = data[position]
            position += 1
            if first == 0:
                continue
            if first < 16 or first >= 240:
                break
            after = position + (first & 0x0F) + 1
            if after > end:
                break
            found[first >> 4] = data[position:after]
            position = after
    elif profile & 0xFFF0 == 0x1000:
        while position < end:
            identifier = data[position]
            position += 1
            if identifier == 0:
                continue
            if position >= end:
                break
            after = position + 1 + data[position]
            if after > end:
                break
            found[identifier] = data[position + 1 : after]
            position = after
    return found


def pack_extensions(items: Sequence[tuple[int, bytes]]) -> bytes:
    """The whole extension block of these elements, or ``b""`` when there are none.

    The block begins with its profile and length and is padded to 32 bits. The
    two-byte form is taken only where the one-byte form cannot say it: an id
    over 14, or a value of 0 or more than 16 octets. Raises ``ValueError`` for
    an id outside 1 to 255 or a value over 255 octets.
    """
    if not items:
        return b""
    parts: list[bytes] = []
    size = 0
    for identifier, value in items:
        length = len(value)
        if not (1 <= identifier <= 14 and 1 <= length <= 16):
            return _pack_two_byte(items)
        parts.append(_OCTETS[identifier << 4 | length - 1])
        parts.append(value)
        size += 1 + length
    words = (size + 3) >> 2
    return _pack_block(ONE_BYTE_PROFILE, words) + b"".join(parts) + bytes((words << 2) - size)


def _pack_two_byte(items: Sequence[tuple[int, bytes]]) -> bytes:
    parts: list[bytes] = []
    size = 0
    for identifier, value in items:
        length = len(value)
        if not 1 <= identifier <= 255:
            raise ValueError(f"header extension id {identifier} is not in 1 to 255")
        if length > 255:
            raise ValueError(f"header extension value of {length} octets, at most 255")
        parts.append(bytes((identifier, length)))
        parts.append(value)
        size += 2 + length
    words = (size + 3) >> 2
    return _pack_block(TWO_BYTE_PROFILE, words) + b"".join(parts) + bytes((words << 2) - size)


def pack_header(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool = False,
    extensions: bytes = b"",
) -> bytes:
    """An RTP header without contributing sources or padding.

    ``extensions`` is a whole block as :func:`pack_extensions` makes it.
    ``sequence`` and ``timestamp`` must be in 16 and 32 bits already;
    ``struct.error`` otherwise.
    """
    return (
        _pack_fixed(
            0x90 if extensions else 0x80,
            payload_type | 0x80 if marker else payload_type,
            sequence,
            timestamp,
            ssrc,
        )
        + extensions
    )


def build_packet(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    *,
    marker: bool = False,
    extensions: Sequence[tuple[int, bytes]] = (),
    padding: int = 0,
) -> bytes:
    """A whole RTP packet; for clients and tests, while the relay copies what it got.

    ``padding`` is the number of octets to add, its own count included (0 to 255).
    """
    header = pack_header(payload_type, sequence, timestamp, ssrc, marker, pack_extensions(extensions))
    if not padding:
        return header + payload
    return bytes((header[0] | 0x20,)) + header[1:] + payload + bytes(padding - 1) + bytes((padding,))
