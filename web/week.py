"""A week of meetings as the page lays it out: days with their parts, as in a printed weekly schedule. Pure.

Days and hours are Hanoi's. A meeting over midnight stands in both days (FC-c10).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Generic, Literal, Protocol, TypeVar

from scheduler.localtime import DEFAULT_ZONE, day_bounds, local, local_days

Part = Literal["morning", "afternoon", "evening"]
PARTS: Final[tuple[Part, ...]] = ("morning", "afternoon", "evening")
NOON: Final = time(12)
EVENING: Final = time(18)


class Spanned(Protocol):
    """What has a time. Instants are aware."""

    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


M = TypeVar("M", bound=Spanned)


@dataclass(frozen=True, slots=True)
class Entry(Generic[M]):
    """A meeting on one day, with its hours on that day; ``until`` 00:00 is the day's end."""

    meeting: M
    begin: time
    until: time
    from_before: bool
    """It began on an earlier day."""
    goes_on: bool
    """It goes on on the next day."""


@dataclass(frozen=True, slots=True)
class Day(Generic[M]):
    """One day: its entries by part, each in the order of their beginning."""

    date: date
    today: bool
    parts: tuple[tuple[Part, tuple[Entry[M], ...]], ...]

    @property
    def count(self) -> int:
        """How many meetings the day has."""
        return sum(len(entries) for _, entries in self.parts)


def monday_of(day: date) -> date:
    """The first day of the week."""
    return day - timedelta(day.weekday())


def week_bounds(monday: date) -> tuple[datetime, datetime]:
    """The instants between which the week lies."""
    return day_bounds(monday)[0], day_bounds(monday + timedelta(6))[1]


def lay_out(meetings: Iterable[M], monday: date, today: date) -> list[Day[M]]:
    """The seven days from ``monday``; parts of meetings outside of them are left aside."""
    days = [monday + timedelta(n) for n in range(7)]
    found: dict[date, list[Entry[M]]] = {day: [] for day in days}
    for meeting in sorted(meetings, key=lambda one: one.starts_at):
        touched = local_days(meeting.starts_at, meeting.ends_at)
        for day in touched:
            if day in found:
                found[day].append(_entry(meeting, day, touched))
    return [Day(day, day == today, _parts(found[day])) for day in days]


def _entry(meeting: M, day: date, touched: Sequence[date]) -> Entry[M]:
    before, after = day != touched[0], day != touched[-1]
    begin = time() if before else local(meeting.starts_at, DEFAULT_ZONE).time()
    until = time() if after else local(meeting.ends_at, DEFAULT_ZONE).time()
    return Entry(meeting, begin, until, before, after)


def _parts(entries: Sequence[Entry[M]]) -> tuple[tuple[Part, tuple[Entry[M], ...]], ...]:
    sorted_out: dict[Part, list[Entry[M]]] = {part: [] for part in PARTS}
    for entry in sorted(entries, key=lambda one: one.begin):
        part: Part = "morning" if entry.begin < NOON else "afternoon" if entry.begin < EVENING else "evening"
        sorted_out[part].append(entry)
    return tuple((part, tuple(sorted_out[part])) for part in PARTS)
