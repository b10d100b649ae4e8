"""RTCP packets as records, and reading a compound of them (RFC 3550, 4585, 5104, 5506).

Writing is in ``media.rtp.rtcp_write``; its functions can be had from here too.

A packet's own length field decides where the next one begins, whatever its
content says. So a packet that we do not know, or whose body does not hold what
its type needs, is passed over and those behind it still count; only a broken
frame (version, length) makes the datagram as a whole bad.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from media.errors import PacketError
from media.rtp.rtcp_write import (
    MAX_RTCP_SIZE,
    ReportBlock,
    pack_bye,
    pack_fir,
    pack_nack,
    pack_pli,
    pack_receiver_report,
    pack_remb,
    pack_sdes_cname,
    pack_sender_report,
    pack_transport_feedback,
)

__all__ = [
    "MAX_LOST",
    "MAX_PACKETS",
    "MAX_RTCP_SIZE",
    "Bye",
    "Fir",
    "FirEntry",
    "Nack",
    "Pli",
    "ReceiverReport",
    "Remb",
    "ReportBlock",
    "RtcpPacket",
    "Sdes",
    "SdesChunk",
    "SenderReport",
    "TransportFeedback",
    "pack_bye",
    "pack_fir",
    "pack_nack",
    "pack_pli",
    "pack_receiver_report",
    "pack_remb",
    "pack_sdes_cname",
    "pack_sender_report",
    "pack_transport_feedback",
    "parse_compound",
]

MAX_PACKETS: Final = 64
"""Packets of one compound that are looked at; those behind are left unread."""

MAX_LOST: Final = 4096
"""Sequence numbers that one :class:`Nack` may ask for; those behind are left unread."""

MAX_BITRATE: Final = (1 << 63) - 1
"""Where :attr:`Remb.bitrate` ends: an 18-bit mantissa with a 6-bit exponent can say more."""


class SenderReport(NamedTuple):
    """SR (RFC 3550 section 6.4.1). ``ntp`` is the whole 64-bit stamp, see ``media.rtp.ntp``."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...]


class ReceiverReport(NamedTuple):
    """RR (RFC 3550 section 6.4.2)."""

    ssrc: int
    reports: tuple[ReportBlock, ...]


class SdesChunk(NamedTuple):
    """The items of one source: (type, text as it came); type 1 is CNAME."""

    ssrc: int
    items: tuple[tuple[int, bytes], ...]


class Sdes(NamedTuple):
    """SDES (RFC 3550 section 6.5)."""

    chunks: tuple[SdesChunk, ...]


class Bye(NamedTuple):
    """BYE (RFC 3550 section 6.6), without its reason."""

    ssrcs: tuple[int, ...]


class Nack(NamedTuple):
    """Generic NACK (RFC 4585 section 6.2.1): 16-bit numbers in the order of the message."""

    sender_ssrc: int
    media_ssrc: int
    lost: list[int]


class Pli(NamedTuple):
    """Picture loss indication (RFC 4585 section 6.3.1)."""

    sender_ssrc: int
    media_ssrc: int


class FirEntry(NamedTuple):
    """One source that is asked for a keyframe; a repeated ``sequence`` is a repeated message."""

    ssrc: int
    sequence: int


class Fir(NamedTuple):
    """Full intra request (RFC 5104 section 4.3.1)."""

    sender_ssrc: int
    entries: tuple[FirEntry, ...]


class Remb(NamedTuple):
    """Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03), in bit/s."""

    sender_ssrc: int
    bitrate: int
    ssrcs: tuple[int, ...]


class TransportFeedback(NamedTuple):
    """Transport-wide feedback; ``fci`` is read by ``media.rtp.twcc``."""

    sender_ssrc: int
    media_ssrc: int
    fci: bytes


RtcpPacket = SenderReport | ReceiverReport | Sdes | Bye | Nack | Pli | Fir | Remb | TransportFeedback

_unpack_frame = Struct("!BBH").unpack_from
_unpack_sender = Struct("!IQIII").unpack_from
_unpack_block = Struct("!6I").unpack_from
_unpack_word = Struct("!I").unpack_from
_unpack_two_words = Struct("!II").unpack_from
_unpack_pair = Struct("!HH").unpack_from

_NACK, _TRANSPORT_CC = 1, 15
_PLI, _FIR, _APPLICATION = 1, 4, 15


def parse_compound(data: bytes) -> list[RtcpPacket]:
    """The known packets of an RTCP datagram in order, reduced-size ones (RFC 5506) included.

    Raises :class:`PacketError` when a packet's version is not 2 or its length
    leads out of the datagram, or when there is no whole packet.
    """
    size = len(data)
    if size < 4:
        raise PacketError("RTCP datagram shorter than a header")
    packets: list[RtcpPacket] = []
    position = 0
    for _ in range(MAX_PACKETS):
        if position == size:
            break
        if position + 4 > size:
            raise PacketError("RTCP datagram ends inside a header")
        first, kind, words = _unpack_frame(data, position)
        if first & 0xC0 != 0x80:
            raise PacketError("RTCP version is not 2")
        body = position + 4
        position = end = body + (words << 2)
        if end > size:
            raise PacketError("RTCP packet ends after its datagram")
        if first & 0x20:
            padding = data[end - 1] if end > body else 0
            if padding == 0 or padding > end - body:
                continue
            end -= padding
        packet = _parse_body(data, kind, first & 0x1F, body, end)
        if packet is not None:
            packets.append(packet)
    return packets


def _parse_body(data: bytes, kind: int, count: int, start: int, end: int) -> RtcpPacket | None:
    """The packet of this type, or None for an unknown type or a body that is too short for it.

    ``count`` is the five bits after the padding flag: a number of parts, or a feedback format.
    """
    size = end - start
    if kind == 205 or kind == 206:
        if size < 8:
            return None
        sender, media = _unpack_two_words(data, start)
        if kind == 205:
            if count == _NACK:
                return Nack(sender, media, _parse_lost(data, start + 8, end))
            if count == _TRANSPORT_CC:
                return TransportFeedback(sender, media, data[start + 8 : end])
        elif count == _PLI:
            return Pli(sender, media)
        elif count == _FIR:
            return Fir(sender, _parse_fir(data, start + 8, end))
        elif count == _APPLICATION:
            return _parse_remb(data, sender, start + 8, end)
    elif kind == 201:
        if size >= 4 + 24 * count:
            return ReceiverReport(_unpack_word(data, start)[0], _parse_blocks(data, start + 4, count))
    elif kind == 200:
        if size >= 24 + 24 * count:
            ssrc, ntp, timestamp, packets, octets = _unpack_sender(data, start)
            reports = _parse_blocks(data, start + 24, count)
            return SenderReport(ssrc, ntp, timestamp, packets, octets, reports)
    elif kind == 202:
        return Sdes(_parse_chunks(data, count, start, end))
    elif kind == 203 and size >= 4 * count:
        return Bye(tuple(_unpack_word(data, start + 4 * index)[0] for index in range(count)))
    return None


def _parse_blocks(data: bytes, position: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for _ in range(count):
        ssrc, loss, highest, jitter, lsr, dlsr = _unpack_block(data, position)
        cumulative = loss & 0xFFFFFF
        if cumulative & 0x800000:
            cumulative -= 1 << 24
        blocks.append(ReportBlock(ssrc, loss >> 24, cumulative, highest, jitter, lsr, dlsr))
        position += 24
    return tuple(blocks)


def _parse_chunks(data: bytes, count: int, position: int, end: int) -> tuple[SdesChunk, ...]:
    """As many chunks as are whole; an item that is cut off ends the reading.

    A chunk ends with one to four zero octets up to the next 32-bit boundary. A
    list that ends exactly with the packet, without a zero octet, is accepted.
    """
    start = position
    chunks = []
    for _ in range(count):
        if position + 4 > end:
            break
        ssrc = _unpack_word(data, position)[0]
        position += 4
        items = []
        cut = False
        while position < end and data[position] != 0:
            after = position + 2 + data[position + 1] if position + 1 < end else end + 1
            if after > end:
                cut = True
                break
            items.append((data[position], data[position + 2 : after]))
            position = after
        chunks.append(SdesChunk(ssrc, tuple(items)))
        if cut:
            break
        position += 4 - (position - start & 3)
    return tuple(chunks)


def _parse_lost(data: bytes, position: int, end: int) -> list[int]:
    lost: list[int] = []
    while position + 4 <= end:
        sequence, mask = _unpack_pair(data, position)
        position += 4
        lost.append(sequence)
        while mask:
            sequence = sequence + 1 & 0xFFFF
            if mask & 1:
                lost.append(sequence)
            mask >>= 1
        if len(lost) >= MAX_LOST:
            del lost[MAX_LOST:]
            break
    return lost


def _parse_fir(data: bytes, position: int, end: int) -> tuple[FirEntry, ...]:
    return tuple(FirEntry(_unpack_word(data, at)[0], data[at + 4]) for at in range(position, end - 7, 8))


def _parse_remb(data: bytes, sender: int, position: int, end: int) -> Remb | None:
    if end - position < 8 or data[position : position + 4] != b"REMB":
        return None
    word = _unpack_word(data, position + 4)[0]
    count = word >> 24
    if end - position < 8 + 4 * count:
        return None
    bitrate = min((word & 0x3FFFF) << (word >> 18 & 0x3F), MAX_BITRATE)
    ssrcs = tuple(_unpack_word(data, position + 8 + 4 * index)[0] for index in range(count))
    return Remb(sender, bitrate, ssrcs)
