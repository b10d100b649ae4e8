"""Who attended a meeting: presence as the log tells it, held against the list of the invited.

What the media server told becomes presence by session in
``signaling.client.presence``, which gives the same for facts that come late,
twice, or in any order (FC-a01). Here it becomes lines for people: present, late,
absent, minutes within the meeting. A member is present while any of its devices
is, and no second counts twice. Participants that are no member's (agents,
recorders) are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from scheduler.rights import member_of
from signaling.client.presence import PresenceLog

Status = Literal["invited", "present", "late", "absent"]


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody on the list; ``key`` is the identity without the device."""

    key: str
    name: str
    code: str = ""
    district: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """When coming is late and going is early."""

    late_after: timedelta = timedelta(minutes=15)
    early_before: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Interval:
    """A time of presence; ``end`` is None while it lasts."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """One member in the report.

    ``intervals`` are as they happened, also before the start and after the end;
    ``seconds`` counts only what lies within the meeting. ``late_by`` is the
    time after the start for one who was late. ``status`` *invited* is for a
    meeting that is young: whether it comes is not known yet.
    """

    key: str
    name: str
    code: str
    district: str
    was_invited: bool
    status: Status
    intervals: tuple[Interval, ...]
    seconds: float
    late_by: timedelta | None
    left_early: bool
    head_count: int | None

    @property
    def minutes(self) -> int:
        """Full minutes within the meeting."""
        return int(self.seconds // 60)

    @property
    def first_joined(self) -> datetime | None:
        """When it came first."""
        return self.intervals[0].start if self.intervals else None

    @property
    def last_left(self) -> datetime | None:
        """When it went last; None while it is there, or if it never was."""
        return self.intervals[-1].end if self.intervals else None


@dataclass(frozen=True, slots=True)
class Report:
    """Lines in the order of the invited list, then those who came without being on it."""

    lines: tuple[Line, ...]

    def count(self, status: Status) -> int:
        """How many of the invited have ``status``; the late are not among the present."""
        return sum(line.was_invited and line.status == status for line in self.lines)

    @property
    def heads(self) -> int:
        """The sum of the head-counts that sites gave."""
        return sum(line.head_count or 0 for line in self.lines)


def report(
    presence: PresenceLog,
    head_counts: Mapping[str, int],
    invited: Sequence[Invited],
    starts_at: datetime,
    ended_at: datetime | None,
    now: datetime,
    rules: Rules | None = None,
) -> Report:
    """The attendance of a meeting; ``ended_at`` is None while it lasts, and presence counts up to ``now``.

    ``head_counts`` are by identity or by member key.
    """
    rules = rules or Rules()
    present = _presence(presence)
    heads = {member_of(who) or who: count for who, count in head_counts.items()}
    window = starts_at, now if ended_at is None else ended_at
    lines = []
    listed = {one.key: one for one in invited}
    strangers = sorted(present.keys() - listed.keys())
    for one in [*listed.values(), *(Invited(key, key) for key in strangers)]:
        intervals = present.get(one.key, [])
        inside = _inside(intervals, window)
        late = bool(inside) and inside[0][0] > starts_at + rules.late_after
        status: Status
        if inside:
            status = "late" if late else "present"
        elif ended_at is None and now <= starts_at + rules.late_after:
            # Waiting already, or not here yet.
            status = "present" if intervals and intervals[-1].end is None else "invited"
        else:
            status = "absent"
        lines.append(
            Line(
                key=one.key,
                name=one.name,
                code=one.code,
                district=one.district,
                was_invited=one.key in listed,
                status=status,
                intervals=tuple(intervals),
                seconds=sum((end - start).total_seconds() for start, end in inside),
                late_by=inside[0][0] - starts_at if late else None,
                left_early=bool(inside)
                and ended_at is not None
                and inside[-1][1] < ended_at - rules.early_before,
                head_count=heads.get(one.key),
            )
        )
    return Report(tuple(lines))


def _presence(log: PresenceLog) -> dict[str, list[Interval]]:
    """The presence of each member over all its devices: in order, without overlap, only the last open."""
    spans: dict[str, list[Interval]] = {}
    for identity in log.identities():
        key = member_of(identity)
        if key:
            spans.setdefault(key, []).extend(
                Interval(_instant(span.start), None if span.end is None else _instant(span.end))
                for span in log.intervals(identity)
            )
    return {key: _merged(found) for key, found in spans.items()}


def _merged(spans: list[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for span in sorted(spans, key=lambda span: span.start):
        last = merged[-1] if merged else None
        if last is None or (last.end is not None and span.start > last.end):
            merged.append(span)
        elif last.end is not None and (span.end is None or span.end > last.end):
            merged[-1] = Interval(last.start, span.end)
    return merged


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _inside(
    intervals: Iterable[Interval], window: tuple[datetime, datetime]
) -> list[tuple[datetime, datetime]]:
    """The parts of intervals within the window that have a length."""
    parts = []
    for interval in intervals:
        start = max(interval.start, window[0])
        end = window[1] if interval.end is None else min(interval.end, window[1])
        if start < end:
            parts.append((start, end))
    return parts
