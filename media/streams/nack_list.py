"""Which packets of a source are missing, and when to ask its sender for them again (RFC 4585 section 6.2.1).

A number is asked for after a short wait in which it may come late by itself,
then again after growing pauses of at least a round trip, and given up after a
number of tries or an age at which it would be of no use.
"""

from __future__ import annotations

from typing import Final

REORDER_WAIT: Final = 0.01
"""Seconds in which packets that overtook one another on the line set themselves right."""

MIN_PAUSE: Final = 0.02
"""Seconds between two requests for the same packet, however short the round trip."""

GROWTH: Final = 1.5
"""Each pause is this many times the one before."""

TRUST: Final = 1.5
"""A repair is overdue after this many times what the others took."""

_SMOOTHING: Final = 0.125
_TRIES, _SINCE, _DUE, _ASKED = 0, 1, 2, 3


class NackList:
    """The missing packets of one source.

    ``max_missing`` bounds the list: when a gap would lead over it, everything is
    forgotten and :meth:`overflow` says so once. The gap then is too wide to be
    mended, and video should ask for a keyframe instead. How long a repair takes
    is learnt from those that came at the first request. The defaults suit
    video; :meth:`for_audio` has those for sound, whose jitter buffer waits less.
    """

    __slots__ = (
        "_highest",
        "_max_age",
        "_max_missing",
        "_max_tries",
        "_missing",
        "_overflow",
        "_reorder_wait",
        "_repair_time",
        "_wake",
        "given_up",
    )

    def __init__(
        self,
        max_missing: int = 300,
        max_tries: int = 10,
        max_age: float = 1.0,
        reorder_wait: float = REORDER_WAIT,
    ) -> None:
        self._max_missing = max_missing
        self._max_tries = max_tries
        self._max_age = max_age
        self._reorder_wait = reorder_wait
        self._highest = -1
        self._missing: dict[int, list[float]] = {}  # extended number: tries, since, due, asked
        self._repair_time: float | None = None
        self._wake = 0.0  # no number is due before this
        self._overflow = False
        self.given_up = 0
        """Packets that were not asked for any more, because of tries, age or overflow."""

    @classmethod
    def for_audio(cls) -> NackList:
        """A list with a short life: three tries within 200 ms, at most 50 packets."""
        return cls(max_missing=50, max_tries=3, max_age=0.2)

    def __len__(self) -> int:
        """How many packets are missing."""
        return len(self._missing)

    def received(self, number: int, now: float) -> None:
        """The packet of this extended number has come, by itself or as a retransmission."""
        highest = self._highest
        missing = self._missing
        if number <= highest:
            if missing:
                state = missing.pop(number, None)
                # What was asked for twice does not tell which request was answered (Karn's rule).
                if state is not None and state[_TRIES] == 1:
                    self._repaired_after(now - state[_ASKED])
            return
        self._highest = number
        gap = number - highest - 1
        if gap == 0 or highest < 0:
            return
        if gap + len(missing) > self._max_missing:
            self.given_up += gap + len(missing)
            missing.clear()
            self._overflow = True
            return
        due = now + self._reorder_wait
        if not missing or due < self._wake:
            self._wake = due
        for lost in range(highest + 1, number):
            missing[lost] = [0, now, due, 0.0]

    def _repaired_after(self, seconds: float) -> None:
        known = self._repair_time
        sample = min(max(0.0, seconds), self._max_age)
        self._repair_time = sample if known is None else known + _SMOOTHING * (sample - known)

    def due(self, now: float, rtt: float) -> list[int]:
        """The 16-bit numbers to ask for now, oldest first; ``rtt`` in seconds, while no repair has come.

        The numbers given are taken as asked for: the next pause begins.
        """
        missing = self._missing
        if not missing or now < self._wake:
            return []
        known = self._repair_time
        pause = max(rtt if known is None else known * TRUST, MIN_PAUSE)
        numbers: list[int] = []
        over: list[int] = []
        wake = now + self._max_age
        for number, state in missing.items():
            if now - state[_SINCE] >= self._max_age:
                over.append(number)
                continue
            if now >= state[_DUE]:
                if state[_TRIES] >= self._max_tries:
                    over.append(number)
                    continue
                numbers.append(number & 0xFFFF)
                state[_DUE] = now + pause * GROWTH ** state[_TRIES]
                state[_TRIES] += 1
                state[_ASKED] = now
            if state[_DUE] < wake:
                wake = state[_DUE]
        self._wake = wake
        for number in over:
            del missing[number]
        self.given_up += len(over)
        return numbers

    def next_due(self) -> float | None:
        """The time before which :meth:`due` has nothing to give; None while nothing is missing."""
        return self._wake if self._missing else None

    def overflow(self) -> bool:
        """Whether the list has overflowed since the last call."""
        overflow = self._overflow
        self._overflow = False
        return overflow

    def clear(self) -> None:
        """Begin anew with the next packet: numbering restarted, or what is missing matters no more."""
        self._missing.clear()
        self._highest = -1
