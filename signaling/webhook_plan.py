"""When which webhook event goes to one address: order, retries, bounds. No I/O and no clock.

One :class:`RetryPlan` serves one address. Drive it so: :meth:`~RetryPlan.offer`
events as they happen; take what is :meth:`~RetryPlan.due` and send it; tell the
outcome of each by :meth:`~RetryPlan.succeeded` or :meth:`~RetryPlan.failed`;
ask again then, or at :meth:`~RetryPlan.next_deadline`. ``now`` is monotonic
seconds and never goes back.

Events of one room leave one after the other, in order; a room that waits for a
retry does not hold up the others. When too much waits, the **oldest** events
that are not under way are dropped, since the newest say how things are now, and
the next event that is sent carries their number.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from livekit.protocol.webhook import WebhookEvent

#: ``num_dropped`` is an int32.
_MAX_INT32: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Pauses between attempts, in seconds, and how much may wait. The defaults give up after two minutes."""

    first_pause: float = 0.5
    factor: float = 2.0
    longest_pause: float = 30.0
    max_attempts: int = 10
    max_queued: int = 2000
    max_queued_bytes: int = 16 * 1024 * 1024
    max_in_flight: int = 8

    def pause(self, attempts: int) -> float | None:
        """The pause after so many failed attempts (1 or more); ``None``: give up."""
        if attempts >= self.max_attempts:
            return None
        try:
            return min(self.longest_pause, self.first_pause * self.factor ** (attempts - 1))
        except OverflowError:
            return self.longest_pause


@dataclass(slots=True, eq=False)
class Delivery:
    """An event on its way to one address."""

    room: str
    event: WebhookEvent
    size: int
    number: int
    attempts: int = 0
    #: Events that the receiver has missed before this one; known from the first attempt on.
    num_dropped: int = 0


@dataclass(slots=True)
class _Line:
    """The events of one room, in order; the first is under way, or waits until ``not_before``."""

    waiting: deque[Delivery]
    in_flight: bool = False
    not_before: float = 0.0


class RetryPlan:
    """The order of events for one address."""

    def __init__(self, policy: RetryPolicy | None = None) -> None:
        self._policy = policy or RetryPolicy()
        self._lines: dict[str, _Line] = {}
        self._queued = 0
        self._bytes = 0
        self._in_flight = 0
        self._missed = 0
        self._offered = 0
        #: Events given up or dropped since the start.
        self.lost = 0

    def __len__(self) -> int:
        """Events that have not been delivered or given up."""
        return self._queued

    def offer(self, room: str, event: WebhookEvent) -> None:
        """Queue ``event``, dropping the oldest ones if there is no room. It must not be changed any more."""
        line = self._lines.get(room)
        if line is None:
            line = self._lines[room] = _Line(deque())
        delivery = Delivery(room, event, event.ByteSize(), self._offered)
        self._offered += 1
        line.waiting.append(delivery)
        self._queued += 1
        self._bytes += delivery.size
        while self._queued > self._policy.max_queued or self._bytes > self._policy.max_queued_bytes:
            if not self._drop_oldest():
                break

    def due(self, now: float) -> list[Delivery]:
        """Deliveries to be attempted now; each is under way until its outcome is told."""
        taken = []
        for line in self._lines.values():
            if self._in_flight >= self._policy.max_in_flight:
                break
            if line.in_flight or now < line.not_before:
                continue
            delivery = line.waiting[0]
            if delivery.attempts == 0:
                delivery.num_dropped = min(self._missed, _MAX_INT32)
                self._missed -= delivery.num_dropped
            delivery.attempts += 1
            line.in_flight = True
            self._in_flight += 1
            taken.append(delivery)
        return taken

    def next_deadline(self) -> float | None:
        """When :meth:`due` may have something again; ``None``: not before an outcome or an offer."""
        if self._in_flight >= self._policy.max_in_flight:
            return None
        return min((line.not_before for line in self._lines.values() if not line.in_flight), default=None)

    def succeeded(self, delivery: Delivery) -> None:
        """The receiver has it."""
        self._landed(delivery)
        self._remove_first(delivery.room)

    def failed(self, delivery: Delivery, now: float, *, retry: bool = True) -> bool:
        """The attempt failed; ``retry`` is false where another one cannot help. Whether one will be made."""
        line = self._landed(delivery)
        pause = self._policy.pause(delivery.attempts) if retry else None
        if pause is None:
            self._miss(delivery)
            self._remove_first(delivery.room)
            return False
        line.not_before = now + pause
        # Behind the rooms that have not had their turn.
        self._lines[delivery.room] = self._lines.pop(delivery.room)
        return True

    def hurry(self) -> None:
        """Forget the pauses: the end is near, and each event gets its next attempt now."""
        for line in self._lines.values():
            line.not_before = 0.0

    def abandon(self) -> None:
        """Count all that waits as lost and forget it; for the end, when nothing is under way any more."""
        self.lost += self._queued
        self._lines.clear()
        self._queued = self._bytes = self._in_flight = 0

    def _landed(self, delivery: Delivery) -> _Line:
        line = self._lines[delivery.room]
        assert line.in_flight, "outcome of a room that has nothing under way"
        assert line.waiting[0] is delivery, "outcome of a delivery that is not under way"
        line.in_flight = False
        self._in_flight -= 1
        return line

    def _remove_first(self, room: str) -> None:
        line = self._lines.pop(room)
        self._forget(line.waiting.popleft())
        line.not_before = 0.0
        if line.waiting:
            self._lines[room] = line

    def _drop_oldest(self) -> bool:
        """Drop the oldest event that is not under way; whether there was one."""
        candidates = [
            (line.waiting[index].number, room, index)
            for room, line in self._lines.items()
            if len(line.waiting) > (index := 1 if line.in_flight else 0)
        ]
        if not candidates:
            return False
        _, room, index = min(candidates)
        line = self._lines[room]
        delivery = line.waiting[index]
        del line.waiting[index]
        self._miss(delivery)
        self._forget(delivery)
        if index == 0:
            line.not_before = 0.0
        if not line.waiting:
            del self._lines[room]
        return True

    def _miss(self, delivery: Delivery) -> None:
        self._missed += 1 + delivery.num_dropped
        self.lost += 1

    def _forget(self, delivery: Delivery) -> None:
        self._queued -= 1
        self._bytes -= delivery.size
