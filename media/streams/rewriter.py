"""Continuous numbering of one outgoing RTP stream while its source changes.

A receiver must see one stream: sequence numbers without holes that nobody can
fill, timestamps that go on, VP8 picture ids that rise by one a frame. The
rewriter keeps, for the source that feeds the stream now, the offsets to add. A
change of source begins a new :class:`Epoch`; a packet that is left out (padding
only, muted) moves the sequence offset for what comes after it, so that the
numbers close up and nobody asks for it.

The law that SRTP rests on: two different packets never get the same outgoing
number. ``place`` gives a number once or not at all.
"""

from __future__ import annotations

from bisect import bisect_right

from media.rtp.sequences import timestamp_ahead

MAX_STEPS = 64
"""Steps of the sequence offset kept in an epoch; a packet from before the oldest is given up."""


class Epoch:
    """Offsets of one uninterrupted stretch of one source. Shared by reference with what was sent in it."""

    __slots__ = (
        "first",
        "offsets",
        "picture_id_offset",
        "source",
        "starts",
        "timestamp_offset",
        "tl0_offset",
    )

    def __init__(self, source: int, first: int, sequence_offset: int, timestamp_offset: int) -> None:
        self.source = source
        self.first = first
        self.timestamp_offset = timestamp_offset
        self.picture_id_offset = 0
        self.tl0_offset = 0
        self.starts = [first]
        self.offsets = [sequence_offset]


class Rewriter:
    """Numbers for one outgoing stream; extended sequence numbers in, 64-bit extended numbers out.

    ``first_sequence`` should lie in the lower half of 16 bits, so that a
    receiver that misses the first packets still guesses SRTP's roll-over
    counter as 0 (RFC 3711, 3.3.1).
    """

    __slots__ = (
        "_highest_in",
        "_highest_out",
        "_last_sent_at",
        "_last_timestamp",
        "_last_tl0",
        "clock_rate",
        "epoch",
        "last_picture_id",
    )

    def __init__(self, first_sequence: int, first_timestamp: int, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self.epoch: Epoch | None = None
        self._highest_in = -1
        self._highest_out = first_sequence - 1
        self._last_timestamp = first_timestamp
        self._last_sent_at: float | None = None
        self.last_picture_id = -1
        """The newest outgoing VP8 picture id; -1 before the first."""
        self._last_tl0 = -1

    @property
    def highest_out(self) -> int:
        """The highest extended number given so far."""
        return self._highest_out

    @property
    def last_timestamp(self) -> int:
        """The newest outgoing RTP timestamp."""
        return self._last_timestamp

    def begin(
        self,
        source: int,
        sequence: int,
        timestamp: int,
        now: float,
        mapped_timestamp: int | None = None,
    ) -> Epoch:
        """Start an epoch whose first packet is ``sequence`` of ``source``.

        ``mapped_timestamp`` is the outgoing timestamp that sender reports give
        for this packet, or None when they cannot tell; then the time that went
        by decides. Either way the result lies after the last one sent, and a
        source that goes on after a pause keeps its own offset.
        """
        previous = self.epoch
        if self._last_sent_at is None:
            expected = self._last_timestamp
        else:
            elapsed = max(0.0, now - self._last_sent_at)
            expected = (self._last_timestamp + max(1, round(elapsed * self.clock_rate))) & 0xFFFFFFFF
        wanted = expected
        tolerance = 10 * self.clock_rate
        if previous is not None and previous.source == source:
            mapped_timestamp = (timestamp + previous.timestamp_offset) & 0xFFFFFFFF
        if mapped_timestamp is not None and abs(timestamp_ahead(mapped_timestamp, expected)) < tolerance:
            wanted = mapped_timestamp
        if self._last_sent_at is not None and timestamp_ahead(wanted, self._last_timestamp) <= 0:
            wanted = (self._last_timestamp + 1) & 0xFFFFFFFF
        epoch = Epoch(
            source,
            sequence,
            self._highest_out + 1 - sequence,
            (wanted - timestamp) & 0xFFFFFFFF,
        )
        self.epoch = epoch
        self._highest_in = sequence - 1
        return epoch

    def anchor_pictures(self, picture_id: int | None, tl0: int | None) -> None:
        """Continue the picture ids of VP8 at the first packet of an epoch (RFC 7741, 4.2)."""
        epoch = self.epoch
        assert epoch is not None, "anchor_pictures belongs after begin"
        if picture_id is not None:
            target = picture_id if self.last_picture_id < 0 else self.last_picture_id + 1
            epoch.picture_id_offset = (target - picture_id) & 0x7FFF
        if tl0 is not None:
            target = tl0 if self._last_tl0 < 0 else self._last_tl0 + 1
            epoch.tl0_offset = (target - tl0) & 0xFF

    def place(self, sequence: int, timestamp: int, now: float) -> int | None:
        """The extended outgoing number of this packet of the current source, or None if it has none.

        None for what came before the epoch or before its oldest remembered step,
        and for what was left out.
        The caller gives each incoming number at most once.
        """
        epoch = self.epoch
        if epoch is None or sequence < epoch.first:
            return None
        if sequence > self._highest_in:
            self._highest_in = sequence
            out = sequence + epoch.offsets[-1]
            self._highest_out = out
            self._last_timestamp = (timestamp + epoch.timestamp_offset) & 0xFFFFFFFF
            self._last_sent_at = now
            return out
        starts, offsets = epoch.starts, epoch.offsets
        index = bisect_right(starts, sequence) - 1
        if index < 0:
            return None
        following = index + 1
        if following < len(starts) and sequence >= starts[following] - offsets[index] + offsets[following]:
            # It was left out, and the number it would have went to the packet behind it.
            return None
        return sequence + offsets[index]

    def note_picture(self, picture_id: int | None, tl0: int | None) -> None:
        """Remember the newest outgoing picture numbers (values as sent)."""
        if picture_id is not None and (
            self.last_picture_id < 0 or ((picture_id - self.last_picture_id) & 0x7FFF) < 0x4000
        ):
            self.last_picture_id = picture_id
        if tl0 is not None and (self._last_tl0 < 0 or ((tl0 - self._last_tl0) & 0xFF) < 0x80):
            self._last_tl0 = tl0

    def skip(self, sequence: int) -> bool:
        """Leave this packet out; false when its number lies behind and its gap is visible already."""
        epoch = self.epoch
        if epoch is None or sequence < epoch.first:
            return True
        if sequence <= self._highest_in:
            return False
        self._highest_in = sequence
        # What is still missing below keeps the old offset; what follows moves down by one.
        self._highest_out = sequence - 1 + epoch.offsets[-1]
        if epoch.starts[-1] == sequence:
            epoch.starts[-1] = sequence + 1
            epoch.offsets[-1] -= 1
        else:
            epoch.starts.append(sequence + 1)
            epoch.offsets.append(epoch.offsets[-1] - 1)
            if len(epoch.starts) > MAX_STEPS:
                del epoch.starts[0], epoch.offsets[0]
        return True
