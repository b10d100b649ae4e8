"""The nearest times that are free for all, and conflicts gathered by meeting for sentences.

Times are half-open: what ends at 09:00 and what begins at 09:00 do not meet.
A :class:`Timeline` holds the taken times of one resource (``site:12``,
``person:3``) and answers by bisection, so a question to 579 of them costs a
few thousand steps whatever else is booked. What stands in the way of a plan
is asked of the database, by :func:`scheduler.booking.conflicts`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from scheduler.errors import Conflict, ImpossibleError
from scheduler.localtime import DEFAULT_ZONE, instant, require_order, today, utc


@dataclass(frozen=True, slots=True)
class Busy:
    """A time that a meeting has taken. Instants are aware."""

    starts_at: datetime
    ends_at: datetime
    meeting_id: str
    title: str


class Timeline:
    """The taken times of one resource. They should not overlap; if they do, all of them count."""

    __slots__ = ("_busy", "_latest_end", "_starts")

    def __init__(self, busy: Iterable[Busy] = (), *, is_sorted: bool = False) -> None:
        """``is_sorted`` promises the order of ``starts_at`` and spares the sorting."""
        self._busy = list(busy) if is_sorted else sorted(busy, key=_start)
        self._starts = [item.starts_at for item in self._busy]
        # The latest end of each and all before it: once that is not past the question, nothing is.
        self._latest_end: list[datetime] = []
        latest: datetime | None = None
        for item in self._busy:
            latest = item.ends_at if latest is None or item.ends_at > latest else latest
            self._latest_end.append(latest)

    def __len__(self) -> int:
        return len(self._busy)

    def overlapping(self, starts_at: datetime, ends_at: datetime) -> list[Busy]:
        """The taken times that overlap the span, in order."""
        last = bisect_left(self._starts, ends_at)
        first = last
        while first > 0 and self._latest_end[first - 1] > starts_at:
            first -= 1
        return [item for item in self._busy[first:last] if item.ends_at > starts_at]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A time that somebody wants. ``resources`` are the sites and the chair.

    ``meeting_id`` is the meeting that is moved, whose own times are no conflict; empty for a new one.
    """

    starts_at: datetime
    ends_at: datetime
    resources: Collection[str]
    meeting_id: str = ""


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """When meetings may be proposed, by the clocks of ``zone``; ``weekdays`` count from Monday = 0."""

    opens: time = time(7)
    closes: time = time(18)
    weekdays: frozenset[int] = frozenset(range(5))
    #: Days on which nobody works: public holidays.
    holidays: frozenset[date] = frozenset()
    #: Proposed starts are whole multiples of it after midnight.
    step_minutes: int = 15
    #: How many days before and after the wanted day are searched.
    search_days: int = 14
    zone: str = DEFAULT_ZONE

    def __post_init__(self) -> None:
        if not 1 <= self.step_minutes <= 24 * 60 or not 0 <= self.search_days <= 366:
            raise ValueError("steps are 1 to 1440 minutes, the search is 0 to 366 days")

    def of(self, day: date) -> tuple[datetime, datetime] | None:
        """Begin and end of work on ``day`` as instants; None on a day off."""
        if day.weekday() not in self.weekdays or day in self.holidays or self.closes <= self.opens:
            return None
        return instant(day, self.opens, self.zone), instant(day, self.closes, self.zone)


@dataclass(frozen=True, slots=True)
class FreeTimes:
    """The nearest free times of the wanted length; None where the search found none."""

    before: tuple[datetime, datetime] | None
    after: tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class Clash:
    """One other meeting in the way, with the names of all that it has taken, for one sentence.

    Times are those of the other meeting.
    """

    meeting_id: str
    title: str
    starts_at: datetime
    ends_at: datetime
    names: tuple[str, ...]


def by_meeting(found: Iterable[Conflict]) -> list[Clash]:
    """Conflicts, once for each meeting: 579 sites in one other meeting are one sentence."""
    groups: dict[str, list[Conflict]] = {}
    for conflict in found:
        groups.setdefault(conflict.meeting_id, []).append(conflict)
    return [
        Clash(
            meeting_id,
            group[0].title,
            min(conflict.starts_at for conflict in group),
            max(conflict.ends_at for conflict in group),
            tuple(dict.fromkeys(conflict.name for conflict in group)),
        )
        for meeting_id, group in groups.items()
    ]


def nearest_free(
    wanted: Wanted, busy: Mapping[str, Timeline], hours: WorkingHours, *, not_before: datetime
) -> FreeTimes:
    """The last free time that starts before the wanted one, and the first that starts after it.

    Free for all resources, within working hours of one day, on the grid, not
    before ``not_before`` (now), within ``hours.search_days``. Raises
    ImpossibleError ``before_start``.
    """
    require_order(wanted.starts_at, wanted.ends_at, "ends_at")
    length = utc(wanted.ends_at) - utc(wanted.starts_at)
    try:
        day = today(wanted.starts_at, hours.zone)
        bounds = [
            instant(day + timedelta(n), time(), hours.zone)
            for n in (-hours.search_days, hours.search_days + 1)
        ]
    except OverflowError:
        raise ImpossibleError("out of the calendar", field="starts_at", problem="date_out_of_range") from None
    search = _Search(_merged(wanted, busy, bounds[0], bounds[1]), length, hours, utc(not_before))
    start = utc(wanted.starts_at)
    after = before = None
    for offset in range(hours.search_days + 1):
        after = after or search.first(day + timedelta(offset), start)
        before = before or search.last(day - timedelta(offset), start)
        if after and before:
            break
    return FreeTimes(before, after)


class _Search:
    """Free times of one length among merged taken times."""

    def __init__(
        self,
        taken: Sequence[tuple[datetime, datetime]],
        length: timedelta,
        hours: WorkingHours,
        not_before: datetime,
    ) -> None:
        self._taken = taken
        self._starts = [start for start, _ in taken]
        self._length = length
        self._hours = hours
        self._not_before = not_before
        self._step = timedelta(minutes=hours.step_minutes)

    def first(self, day: date, after: datetime) -> tuple[datetime, datetime] | None:
        """The first free time of ``day`` that starts later than ``after``."""
        work = self._hours.of(day)
        if work is None:
            return None
        earliest = max(work[0], self._not_before, after + timedelta(microseconds=1))
        start = self._on_grid(day, earliest, up=True)
        while start + self._length <= work[1]:
            obstacle = self._obstacle(start)
            if obstacle is None:
                return start, start + self._length
            start = self._on_grid(day, obstacle[1], up=True)
        return None

    def last(self, day: date, before: datetime) -> tuple[datetime, datetime] | None:
        """The last free time of ``day`` that starts earlier than ``before``."""
        work = self._hours.of(day)
        if work is None:
            return None
        start = self._on_grid(day, min(work[1] - self._length, before - timedelta(microseconds=1)), up=False)
        while start >= max(work[0], self._not_before):
            obstacle = self._obstacle(start)
            if obstacle is None:
                return start, start + self._length
            start = self._on_grid(day, obstacle[0] - self._length, up=False)
        return None

    def _obstacle(self, start: datetime) -> tuple[datetime, datetime] | None:
        """A taken time that overlaps a meeting from ``start`` on; merged ones do not overlap each other."""
        index = bisect_left(self._starts, start + self._length) - 1
        if index >= 0 and self._taken[index][1] > start:
            return self._taken[index]
        return None

    def _on_grid(self, day: date, moment: datetime, *, up: bool) -> datetime:
        """The next or previous multiple of the step after the local midnight of ``day``."""
        midnight = instant(day, time(), self._hours.zone)
        steps, rest = divmod(moment - midnight, self._step)
        return midnight + self._step * (steps + 1 if up and rest else steps)


def _merged(
    wanted: Wanted, busy: Mapping[str, Timeline], first: datetime, last: datetime
) -> list[tuple[datetime, datetime]]:
    """The times between ``first`` and ``last`` in which any resource is taken, in order and disjoint."""
    # Many resources share a meeting: each of its times counts once.
    spans = {
        (utc(item.starts_at), utc(item.ends_at))
        for resource in wanted.resources
        if resource in busy
        for item in busy[resource].overlapping(first, last)
        if not wanted.meeting_id or item.meeting_id != wanted.meeting_id
    }
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _start(item: Busy) -> datetime:
    return item.starts_at
