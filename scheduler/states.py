"""The life of a meeting: which step may follow which, and what is due at a moment.

::

    draft ──publish──▶ published ──open──▶ open ──close──▶ closed
      │                 │     └──skip──▶ skipped
      └────cancel───────┴──▶ cancelled

A draft or a published meeting can be moved, an open one extended. Closed,
cancelled and skipped are final. ``version`` grows with each change that people
see in their calendars; a change that changes nothing leaves it as it is
(FC-c10).

:func:`due` looks at the stored row and the wall clock alone, so it gives the
same answer after a restart, a sleep or a step of the clock (FC-c11). Doing it
once is the claimer's work: the state changes with the claim, and then nothing
is due any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from scheduler.errors import ImpossibleError, StateError
from scheduler.localtime import require_order

DRAFT: Final = "draft"
PUBLISHED: Final = "published"
OPEN: Final = "open"
CLOSED: Final = "closed"
CANCELLED: Final = "cancelled"
SKIPPED: Final = "skipped"

STATES: Final = (DRAFT, PUBLISHED, OPEN, CLOSED, CANCELLED, SKIPPED)

Step = Literal["publish", "move", "cancel", "open", "skip", "extend", "close"]

STEPS: Final[Mapping[tuple[str, Step], str]] = {
    (DRAFT, "publish"): PUBLISHED,
    (DRAFT, "move"): DRAFT,
    (DRAFT, "cancel"): CANCELLED,
    (PUBLISHED, "move"): PUBLISHED,
    (PUBLISHED, "cancel"): CANCELLED,
    (PUBLISHED, "open"): OPEN,
    (PUBLISHED, "skip"): SKIPPED,
    (OPEN, "extend"): OPEN,
    (OPEN, "close"): CLOSED,
}
"""State and step to the next state; what is not here is refused."""

FINAL: Final = frozenset(STATES) - {state for state, _ in STEPS}
"""States that nothing leaves."""

LONGEST_REASON: Final = 400

#: Why a meeting was skipped, as stored: its planned end had passed, or too little of it was left.
END_PASSED: Final = "end_passed"
TOO_LITTLE_LEFT: Final = "too_little_left"


def step(state: str, what: Step) -> str:
    """The state after ``what``. Raises StateError (``details``: state, step)."""
    following = STEPS.get((state, what))
    if following is None:
        raise StateError(f"a meeting that is {state} cannot {what}", state=state, step=what)
    return following


@dataclass(frozen=True, slots=True)
class Life:
    """Where a meeting is in its life. Each step gives a new value, or raises StateError or ImpossibleError.

    Instants are aware. ``reason`` is that of the last cancelling, skipping, moving or closing.
    """

    state: str
    starts_at: datetime
    ends_at: datetime
    version: int = 1
    reason: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None

    def publish(self, now: datetime) -> Life:
        """Make it hold. One whose time has passed is refused: ImpossibleError ``past``."""
        state = step(self.state, "publish")
        if self.ends_at <= now:
            raise ImpossibleError("it would be over already", field="starts_at", problem="past")
        return self._next(state)

    def move(self, starts_at: datetime, ends_at: datetime, now: datetime, reason: str = "") -> Life:
        """Another time; the same time changes nothing at all."""
        state = step(self.state, "move")
        require_order(starts_at, ends_at, "ends_at")
        if (starts_at, ends_at) == (self.starts_at, self.ends_at):
            return self
        if self.state == PUBLISHED and starts_at < now and starts_at != self.starts_at:
            raise ImpossibleError("moved into the past", field="starts_at", problem="past")
        return replace(self._next(state, reason), starts_at=starts_at, ends_at=ends_at)

    def cancel(self, reason: str) -> Life:
        """Call it off; a reason is needed: ImpossibleError ``missing``."""
        state = step(self.state, "cancel")
        if not reason.strip():
            raise ImpossibleError("a reason is needed", field="reason", problem="missing")
        return self._next(state, reason)

    def open(self, now: datetime) -> Life:
        """Let people in."""
        return replace(self._next(step(self.state, "open")), opened_at=now)

    def skip(self, now: datetime, reason: str) -> Life:
        """Record that it did not take place, as the service could not open it while it made sense."""
        return replace(self._next(step(self.state, "skip"), reason), closed_at=now)

    def extend(self, ends_at: datetime, now: datetime) -> Life:
        """A later end for an open meeting; one that has passed is refused: ImpossibleError ``past``."""
        state = step(self.state, "extend")
        require_order(self.starts_at, ends_at, "ends_at")
        if ends_at <= now:
            raise ImpossibleError("this end has passed", field="ends_at", problem="past")
        return self if ends_at == self.ends_at else replace(self._next(state), ends_at=ends_at)

    def close(self, now: datetime, reason: str = "") -> Life:
        """End it."""
        return replace(self._next(step(self.state, "close"), reason), closed_at=now)

    def _next(self, state: str, reason: str = "") -> Life:
        reason = reason.strip()
        if len(reason) > LONGEST_REASON:
            raise ImpossibleError(
                "the reason is too long", field="reason", problem="too_long", most=LONGEST_REASON
            )
        return replace(self, state=state, version=self.version + 1, reason=reason or self.reason)


class MeetingRow(Protocol):
    """What :func:`due` reads of a stored meeting; a :class:`Life` has it too."""

    @property
    def state(self) -> str: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """When the service acts by itself."""

    #: How long before its start a meeting opens: time for the lobby and the test of picture and sound.
    open_before: timedelta = timedelta(0)
    #: How long after its expected end an open meeting is closed.
    close_after: timedelta = timedelta(0)
    #: A meeting that could not be opened in time is skipped once no more than this is left of it.
    least_left: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if min(self.open_before, self.close_after, self.least_left) < timedelta(0):
            raise ValueError("times of the rules are not negative")


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do now. ``lateness`` is how long ago it was due; ``reason`` is why it is skipped."""

    step: Literal["open", "close", "skip"]
    due_at: datetime
    lateness: timedelta
    reason: str = ""


def due(meeting: MeetingRow, now: datetime, rules: Rules) -> Action | None:
    """What has to be done about ``meeting`` at ``now``, by the stored row alone; None if nothing has."""
    if meeting.state == PUBLISHED:
        due_at = meeting.starts_at - rules.open_before
        if now < due_at:
            return None
        if now >= meeting.ends_at:
            return Action("skip", due_at, now - due_at, END_PASSED)
        # A meeting that is planned shorter than that is opened all the same, if it can be from its start.
        if now > meeting.starts_at and meeting.ends_at - now <= rules.least_left:
            return Action("skip", due_at, now - due_at, TOO_LITTLE_LEFT)
        return Action("open", due_at, now - due_at)
    if meeting.state == OPEN:
        due_at = meeting.ends_at + rules.close_after
        return None if now < due_at else Action("close", due_at, now - due_at)
    return None


def next_due(meeting: MeetingRow, rules: Rules) -> datetime | None:
    """The moment from which :func:`due` has something to do, if the row stays as it is; None for never."""
    if meeting.state == PUBLISHED:
        return meeting.starts_at - rules.open_before
    return meeting.ends_at + rules.close_after if meeting.state == OPEN else None
