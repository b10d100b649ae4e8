"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).

Each packet of a transport carries a 16-bit number in a header extension. The
receiver tells the sender for each number whether it came, and when, in ticks
of 250 us; from that the sender estimates the line. :class:`ArrivalLog` is the
receiver's side, :func:`parse_feedback` the sender's.

A feedback message names a first number, how many numbers it covers, a
reference time in units of 64 ms and a message count; then come *chunks* with
two bits (or one) for each number, and then one *delta* for each number that
came: the time since the one before it, as one octet, or as two where it is
negative or over 63.75 ms.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from media.errors import PacketError
from media.rtp.rtcp_write import MAX_RTCP_SIZE, pack_transport_feedback

TICKS_PER_SECOND: Final = 4000
"""A tick is 250 us."""

WINDOW: Final = 2048
"""Numbers behind the newest that are remembered; whoever lies further back is not reported."""

HISTORY: Final = TICKS_PER_SECOND // 2
"""Ticks for which a told arrival is remembered, so that a late packet can be told with its neighbours."""

MAX_STATUSES: Final = 8192
"""Numbers that a received feedback message may cover."""

_REFERENCE_TICKS: Final = 256
_MAX_RUN: Final = 0x1FFF
_LOST, _SMALL, _LARGE = 0, 1, 2

# What is left for chunks and deltas: RTCP header with two SSRCs, the fixed part, padding to 32 bits.
_BUDGET: Final = MAX_RTCP_SIZE - 12 - 8 - 3

_pack_fixed = Struct("!HHI").pack
_unpack_fixed = Struct("!HHI").unpack_from


class ArrivalLog:
    """When each transport-wide number came, until it has been told to the sender.

    Numbers may come in any order. A number that comes late, after a feedback
    that called it missing, is told with the next one, as long as neither
    ``WINDOW`` nor ``HISTORY`` has passed over it. Of a number that comes twice
    the first time counts. Memory is bounded by twice ``WINDOW`` entries.
    """

    __slots__ = ("_arrivals", "_count", "_floor", "_fresh", "_highest", "_next")

    def __init__(self) -> None:
        self._arrivals: dict[int, int] = {}  # extended number: tick; in order of arrival
        self._highest = -1
        self._next = 0  # the first number that the next feedback will tell
        self._floor = 0  # below this, arrivals have been forgotten
        self._fresh = False
        self._count = 0

    def __len__(self) -> int:
        """Arrivals in memory, told ones included."""
        return len(self._arrivals)

    def record(self, sequence: int, now: float) -> None:
        """A packet with this 16-bit number has come at ``now`` (seconds, monotonic)."""
        highest = self._highest
        if highest < 0:
            # One cycle up, so that numbers from before the first one are not negative.
            number = self._next = self._highest = sequence + 0x10000
            self._floor = number - WINDOW
        else:
            number = highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000
            if number > highest:
                self._highest = number
                if len(self._arrivals) >= 2 * WINDOW:
                    self._forget_below(number - WINDOW)
            elif number < self._floor or number <= highest - WINDOW or number in self._arrivals:
                return
            elif number < self._next:
                self._next = number
        self._arrivals[number] = round(now * TICKS_PER_SECOND)
        self._fresh = True

    def _forget_below(self, floor: int) -> None:
        self._arrivals = {number: tick for number, tick in self._arrivals.items() if number >= floor}
        self._floor = max(self._floor, floor)

    def feedback(self, sender_ssrc: int, media_ssrc: int, now: float) -> list[bytes]:
        """RTCP packets, each of at most 1,200 octets, for what came since the last call.

        Empty when nothing came. Numbers in between that did not come are told
        as lost, at most ``WINDOW`` of them. ``now`` only decides what is
        forgotten afterwards.
        """
        if not self._fresh:
            return []
        self._fresh = False
        start = max(self._next, self._highest - WINDOW + 1)
        arrivals = self._arrivals
        received = sorted(number for number in arrivals if number >= start)
        packets: list[bytes] = []
        position = 0
        while position < len(received):
            fci, position, start = self._message(received, position, start)
            packets.append(pack_transport_feedback(sender_ssrc, media_ssrc, fci))
        self._next = self._highest + 1
        self._forget_older(round(now * TICKS_PER_SECOND) - HISTORY)
        return packets

    def _forget_older(self, tick: int) -> None:
        old = []
        for number, arrived in self._arrivals.items():
            if arrived >= tick:
                break
            old.append(number)
        for number in old:
            del self._arrivals[number]
        if old:
            self._floor = max(self._floor, max(old) + 1)

    def _message(self, received: list[int], position: int, start: int) -> tuple[bytes, int, int]:
        """One FCI from ``received[position]`` on, covering from ``start``; where the next one begins."""
        arrivals = self._arrivals
        base = expected = start
        previous = arrivals[received[position]]
        reference = previous // _REFERENCE_TICKS
        previous = reference * _REFERENCE_TICKS
        symbols: list[int] = []
        deltas = bytearray()
        while position < len(received):
            number = received[position]
            gap = number - expected
            # Each chunk but the last one tells at least seven numbers.
            if len(deltas) + 2 + (len(symbols) + gap + 7) // 7 * 2 > _BUDGET:
                break
            tick = arrivals[number]
            delta = tick - previous
            if 0 <= delta <= 0xFF:
                symbol = _SMALL
                deltas.append(delta)
            elif -0x8000 <= delta <= 0x7FFF:
                symbol = _LARGE
                deltas += delta.to_bytes(2, "big", signed=True)
            else:
                break
            if gap:
                symbols.extend([_LOST] * gap)
            symbols.append(symbol)
            previous = tick
            expected = number + 1
            position += 1
        fixed = _pack_fixed(base & 0xFFFF, len(symbols), (reference & 0xFFFFFF) << 8 | self._count)
        self._count = self._count + 1 & 0xFF
        return fixed + _pack_chunks(symbols) + deltas, position, expected


def _pack_chunks(symbols: list[int]) -> bytes:
    """Status chunks (section 3.1.3 and 3.1.4), each the one that tells most of what comes next.

    The last chunk may have room for more numbers than there are; the status
    count of the message says where they end.
    """
    chunks = bytearray()
    position = 0
    total = len(symbols)
    while position < total:
        symbol = symbols[position]
        run = 1
        limit = min(total - position, _MAX_RUN)
        while run < limit and symbols[position + run] == symbol:
            run += 1
        vector = symbols[position : position + 14]
        if run >= 14 or run == total - position or (run >= 7 and _LARGE in vector):
            word = symbol << 13 | run
            position += run
        elif _LARGE not in vector:
            word = 0x8000
            for index, bit in enumerate(vector):
                word |= bit << 13 - index
            position += 14
        else:
            word = 0xC000
            for index, pair in enumerate(vector[:7]):
                word |= pair << 12 - 2 * index
            position += 7
        chunks += word.to_bytes(2, "big")
    return bytes(chunks)


class FeedbackHeader(NamedTuple):
    """The fixed part of a feedback message.

    ``reference_time`` is signed and in units of 64 ms, with an origin that only
    the receiver knows; ``feedback_count`` numbers the messages, modulo 256.
    """

    base_sequence: int
    status_count: int
    reference_time: int
    feedback_count: int


def parse_feedback_header(fci: bytes) -> FeedbackHeader:
    """Read the fixed part; :class:`PacketError` if the FCI is shorter."""
    if len(fci) < 8:
        raise PacketError("transport feedback shorter than its fixed part")
    base, status_count, word = _unpack_fixed(fci)
    reference = word >> 8
    if reference & 0x800000:
        reference -= 1 << 24
    return FeedbackHeader(base, status_count, reference, word & 0xFF)


def parse_feedback(fci: bytes) -> list[tuple[int, int | None]]:
    """The 16-bit numbers that a feedback message covers, in order, each with its delta or None if lost.

    A delta is in ticks of 250 us since the arrival before it in the message;
    the first one counts from the reference time (256 ticks for each of its
    units). Raises :class:`PacketError` where chunks or deltas do not fit, on
    the reserved symbol, and for more than ``MAX_STATUSES`` numbers.
    """
    header = parse_feedback_header(fci)
    total = header.status_count
    if total > MAX_STATUSES:
        raise PacketError("transport feedback about too many packets")
    size = len(fci)
    position = 8
    symbols: list[int] = []
    while len(symbols) < total:
        if position + 2 > size:
            raise PacketError("transport feedback ends inside its chunks")
        word = fci[position] << 8 | fci[position + 1]
        position += 2
        if word < 0x8000:
            symbols.extend([word >> 13] * min(word & _MAX_RUN, total - len(symbols)))
            if word & _MAX_RUN == 0:
                raise PacketError("transport feedback with a run of nothing")
        elif word < 0xC000:
            symbols.extend(word >> shift & 1 for shift in range(13, -1, -1))
        else:
            symbols.extend(word >> shift & 3 for shift in range(12, -1, -2))
    del symbols[total:]
    found: list[tuple[int, int | None]] = []
    sequence = header.base_sequence
    for symbol in symbols:
        delta: int | None = None
        if symbol == _SMALL:
            if position >= size:
                raise PacketError("transport feedback ends inside its deltas")
            delta = fci[position]
            position += 1
        elif symbol == _LARGE:
            if position + 2 > size:
                raise PacketError("transport feedback ends inside its deltas")
            delta = int.from_bytes(fci[position : position + 2], "big", signed=True)
            position += 2
        elif symbol != _LOST:
            raise PacketError("transport feedback with the reserved symbol")
        found.append((sequence, delta))
        sequence = sequence + 1 & 0xFFFF
    return found
