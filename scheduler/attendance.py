"""Who attended a meeting, from the log of what happened, held against the list of the invited.

The log may have its facts late, twice, or in any order: the report is the same
(FC-a01, livekit/livekit#2399). Presence is kept by session, which is a
participant's ``sid``, new for each join:

- A *left* ends its own session and no other, at the earliest time that was told.
- Where it is missing, the end of the room or the breaking-off ends it; in any
  case the next session of the same identity does. Only the newest can be open.
- A session that was broken off (*aborted*) before it was in the room is none.

An identity is ``site:<code>:<device>`` or ``person:<id>:<device>``; a member is
present while any of its devices is, and no second counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

JOINED: Final = "joined"
LEFT: Final = "left"
ABORTED: Final = "aborted"
HEAD_COUNT: Final = "head_count"
ENDED: Final = "ended"

Status = Literal["invited", "present", "late", "absent"]


class FactRow(Protocol):
    """What is read of a line of the log. Times are aware; ``joined_at`` is the session's beginning."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def sid(self) -> str: ...
    @property
    def joined_at(self) -> datetime | None: ...
    @property
    def count(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the log as a value."""

    at: datetime
    kind: str
    identity: str
    sid: str = ""
    joined_at: datetime | None = None
    count: int | None = None


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


def member_of(identity: str) -> str:
    """The member key of an identity: all but the device."""
    return ":".join(identity.split(":", 2)[:2])


def report(
    facts: Iterable[FactRow],
    invited: Sequence[Invited],
    starts_at: datetime,
    ended_at: datetime | None,
    now: datetime,
    rules: Rules | None = None,
) -> Report:
    """The attendance of a meeting; ``ended_at`` is None while it lasts, and presence counts up to ``now``."""
    rules = rules or Rules()
    log = _Log(facts)
    window = starts_at, now if ended_at is None else ended_at
    lines = []
    listed = {one.key: one for one in invited}
    strangers = sorted(key for key in log.members() if key not in listed)
    for one in [*listed.values(), *(Invited(key, key) for key in strangers)]:
        intervals = log.intervals(one.key)
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
                head_count=log.head_counts.get(one.key),
            )
        )
    return Report(tuple(lines))


@dataclass(slots=True)
class _Session:
    start: datetime
    counts: bool = False
    left: datetime | None = None
    aborted: datetime | None = None


@dataclass(slots=True)
class _Log:
    """Facts folded by session."""

    facts: Iterable[FactRow]
    head_counts: Mapping[str, int] = field(init=False)
    _sessions: dict[str, dict[str, dict[str, _Session]]] = field(init=False, default_factory=dict)
    _ended: list[datetime] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        heads: dict[str, tuple[datetime, int]] = {}
        for fact in self.facts:
            if fact.kind == ENDED:
                self._ended.append(fact.at)
            elif fact.kind == HEAD_COUNT and fact.count is not None:
                key = member_of(fact.identity)
                heads[key] = max(heads.get(key, (fact.at, fact.count)), (fact.at, fact.count))
            elif fact.kind in (JOINED, LEFT, ABORTED) and fact.sid:
                self._fold(fact)
        self._ended.sort()
        self.head_counts = {key: count for key, (_, count) in heads.items()}

    def _fold(self, fact: FactRow) -> None:
        sessions = self._sessions.setdefault(member_of(fact.identity), {}).setdefault(fact.identity, {})
        start = fact.joined_at or fact.at
        session = sessions.setdefault(fact.sid, _Session(start))
        # Without joined_at the earliest fact is the best guess.
        session.start = min(session.start, start)
        if fact.kind == ABORTED:
            session.aborted = _earlier(session.aborted, fact.at)
            return
        session.counts = True
        if fact.kind == LEFT:
            session.left = _earlier(session.left, fact.at)

    def members(self) -> list[str]:
        """The keys of all who were present at some time."""
        return [key for key in self._sessions if self.intervals(key)]

    def intervals(self, key: str) -> list[Interval]:
        """The presence of a member over all its devices: in order, without overlap, only the last open."""
        spans = [
            span for sessions in self._sessions.get(key, {}).values() for span in self._of_identity(sessions)
        ]
        spans.sort(key=lambda span: (span.start, span.end is None, span.end or span.start))
        merged: list[Interval] = []
        for span in spans:
            last = merged[-1] if merged else None
            if last is None or (last.end is not None and span.start > last.end):
                merged.append(span)
            elif last.end is not None and (span.end is None or span.end > last.end):
                merged[-1] = Interval(last.start, span.end)
        return merged

    def _of_identity(self, sessions: dict[str, _Session]) -> Iterable[Interval]:
        known = [(sid, session) for sid, session in sessions.items() if session.counts]
        # Of two that began at the same moment the closed one comes first.
        known.sort(key=lambda pair: (pair[1].start, self._end(pair[1]) is None, pair[0]))
        for index, (_, session) in enumerate(known):
            end = self._end(session)
            if index + 1 < len(known):
                end = _earlier(end, known[index + 1][1].start)
            yield Interval(session.start, None if end is None else max(end, session.start))

    def _end(self, session: _Session) -> datetime | None:
        if session.left is not None:
            return session.left
        end = session.aborted
        for ended in self._ended:
            if ended >= session.start:
                return _earlier(end, ended)
        return end


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


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
