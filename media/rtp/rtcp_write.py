"""Writing RTCP packets (RFC 3550, 4585, 5104). Import these names from ``media.rtp.rtcp``.

Each function gives whole packets with their headers, so that a compound is the
concatenation of results. SSRCs and counters must be in their 32 bits already
(``struct.error`` otherwise), except where a function says that it folds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final, NamedTuple

MAX_RTCP_SIZE: Final = 1200
"""Octets that an RTCP packet of ours never exceeds, below every usual path's limit."""

_MAX_PARTS: Final = 31
"""What the five bits of a count can say."""

_MAX_NACK_PAIRS: Final = (MAX_RTCP_SIZE - 12) // 4
_MAX_FIR_ENTRIES: Final = (MAX_RTCP_SIZE - 12) // 8

_pack_head = Struct("!BBHI").pack
_pack_feedback = Struct("!BBHII").pack
_pack_sender = Struct("!QIII").pack
_pack_block = Struct("!6I").pack
_pack_pair = Struct("!HH").pack
_pack_word = Struct("!I").pack
_pack_fir = Struct("!IB3x").pack


class ReportBlock(NamedTuple):
    """What a receiver says of one source (RFC 3550 section 6.4.1).

    ``fraction_lost`` is 0 to 255 (of 256), ``cumulative_lost`` a signed 24-bit
    number, ``highest_sequence`` the extended one, ``jitter`` in units of the RTP
    clock, ``lsr`` the middle 32 bits of the last SR's NTP stamp or 0, ``dlsr``
    the delay since then in 1/65,536 s.
    """

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence: int
    jitter: int
    lsr: int
    dlsr: int


def _pack_blocks(reports: Sequence[ReportBlock]) -> bytes:
    if len(reports) > _MAX_PARTS:
        raise ValueError(f"{len(reports)} report blocks, at most {_MAX_PARTS} in a packet")
    return b"".join(
        _pack_block(
            block.ssrc,
            (block.fraction_lost & 0xFF) << 24
            | max(-0x800000, min(0x7FFFFF, block.cumulative_lost)) & 0xFFFFFF,
            block.highest_sequence & 0xFFFFFFFF,
            block.jitter & 0xFFFFFFFF,
            block.lsr,
            block.dlsr & 0xFFFFFFFF,
        )
        for block in reports
    )


def pack_sender_report(
    ssrc: int,
    ntp: int,
    rtp_timestamp: int,
    packets: int,
    octets: int,
    reports: Sequence[ReportBlock] = (),
) -> bytes:
    """An SR. The two counters are folded into 32 bits; ``ValueError`` for over 31 reports."""
    body = _pack_blocks(reports)
    return (
        _pack_head(0x80 | len(reports), 200, 6 + len(body) // 4, ssrc)
        + _pack_sender(ntp, rtp_timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
        + body
    )


def pack_receiver_report(ssrc: int, reports: Sequence[ReportBlock] = ()) -> bytes:
    """An RR; without reports it is the head that RFC 3550 asks of a compound packet."""
    body = _pack_blocks(reports)
    return _pack_head(0x80 | len(reports), 201, 1 + len(body) // 4, ssrc) + body


def pack_sdes_cname(ssrc: int, cname: str) -> bytes:
    """An SDES with one chunk that holds the CNAME; ``ValueError`` if it is over 255 octets of UTF-8."""
    text = cname.encode()
    if len(text) > 255:
        raise ValueError(f"CNAME of {len(text)} octets, at most 255")
    item = bytes((1, len(text))) + text
    item += bytes(4 - len(item) % 4)
    return _pack_head(0x81, 202, 1 + len(item) // 4, ssrc) + item


def pack_bye(ssrcs: Sequence[int]) -> bytes:
    """A BYE for up to 31 sources, without a reason."""
    if len(ssrcs) > _MAX_PARTS:
        raise ValueError(f"{len(ssrcs)} sources, at most {_MAX_PARTS} in a BYE")
    return bytes((0x80 | len(ssrcs), 203, 0, len(ssrcs))) + b"".join(map(_pack_word, ssrcs))


def pack_nack(sender_ssrc: int, media_ssrc: int, lost: Iterable[int]) -> list[bytes]:
    """Generic NACKs for these sequence numbers, as many packets of at most 1,200 octets as it takes.

    Numbers are folded into 16 bits. Any order is right; ascending order (with
    the wrap) packs best, as one pair covers a number and the 16 after it.
    """
    pairs: list[bytes] = []
    first = mask = 0
    pending = False
    for number in lost:
        number &= 0xFFFF
        if pending:
            ahead = number - first & 0xFFFF
            if ahead <= 16:
                if ahead:
                    mask |= 1 << ahead - 1
                continue
            pairs.append(_pack_pair(first, mask))
        first, mask, pending = number, 0, True
    if pending:
        pairs.append(_pack_pair(first, mask))
    return [
        _pack_feedback(0x81, 205, 2 + len(part), sender_ssrc, media_ssrc) + b"".join(part)
        for part in (pairs[at : at + _MAX_NACK_PAIRS] for at in range(0, len(pairs), _MAX_NACK_PAIRS))
    ]


def pack_transport_feedback(sender_ssrc: int, media_ssrc: int, fci: bytes) -> bytes:
    """Transport-wide feedback around an FCI of ``media.rtp.twcc``, zero-padded to 32 bits.

    The padding is declared as RTCP padding (P bit and count), so that a reader
    does not take it for deltas.
    """
    padding = -len(fci) % 4
    first = 0x8F
    if padding:
        first |= 0x20
        fci += bytes(padding - 1) + bytes((padding,))
    return _pack_feedback(first, 205, 2 + len(fci) // 4, sender_ssrc, media_ssrc) + fci


def pack_pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    """A picture loss indication."""
    return _pack_feedback(0x81, 206, 2, sender_ssrc, media_ssrc)


def pack_fir(sender_ssrc: int, entries: Sequence[tuple[int, int]]) -> bytes:
    """A full intra request for these (SSRC, command sequence number modulo 256).

    ``ValueError`` for more entries than fit 1,200 octets.
    """
    if len(entries) > _MAX_FIR_ENTRIES:
        raise ValueError(f"{len(entries)} sources, at most {_MAX_FIR_ENTRIES} in a FIR")
    body = b"".join(_pack_fir(ssrc, sequence & 0xFF) for ssrc, sequence in entries)
    return _pack_feedback(0x84, 206, 2 + len(body) // 4, sender_ssrc, 0) + body


def pack_remb(sender_ssrc: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """A REMB for up to 255 sources; ``bitrate`` in bit/s is rounded down to 18 significant bits."""
    if len(ssrcs) > 255:
        raise ValueError(f"{len(ssrcs)} sources, at most 255 in a REMB")
    if bitrate < 0:
        raise ValueError("a bitrate is not negative")
    exponent = max(0, bitrate.bit_length() - 18)
    if exponent > 63:
        raise ValueError("a bitrate that REMB cannot say")
    word = len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
    body = b"REMB" + _pack_word(word) + b"".join(map(_pack_word, ssrcs))
    return _pack_feedback(0x8F, 206, 2 + len(body) // 4, sender_ssrc, 0) + body
