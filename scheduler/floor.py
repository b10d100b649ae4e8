"""The floor of one meeting: who asks, who has it, who is muted, let in or put out.

A pure state machine: :meth:`Floor.do` takes a command of a member in its role,
:meth:`Floor.arrive` and :meth:`Floor.depart` what happens to lines, and
:meth:`Floor.tick` the passing of time. Each returns the events that it caused,
already applied; a refused command changes nothing. Times are aware datetimes.

Rules that are not obvious:

- The place in the queue survives reloads and cuts. Asking while asking changes
  nothing (a repeated press must not cost the place); asking after the hand was
  lowered, withdrawn or served is a new place at the end.
- What two chairs may do in the same second is no error the second time:
  lowering, taking back, muting, admitting, locking.
- A holder whose line is cut keeps the floor for ``Rules.holder_grace``.
- Sites come in muted; having the floor unmutes, losing it mutes again. A chair
  may unmute a site without giving the floor.
- Who was removed waits in the lobby when it comes again, until admitted anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from scheduler.errors import FloorError, RightError
from scheduler.floor_state import Event, EventKind, Member, Role, State
from scheduler.localtime import utc

CommandKind = Literal[
    "ask", "withdraw", "finish", "lower", "lower_all", "give", "take_back",
    "mute", "unmute", "mute_all", "admit", "admit_all", "remove", "lock", "unlock",
]  # fmt: skip
COMMANDS: Final[tuple[CommandKind, ...]] = get_args(CommandKind)

_EVERYBODY: Final[frozenset[Role]] = frozenset(("chair", "secretary", "site"))
_LEADERS: Final[frozenset[Role]] = frozenset(("chair", "secretary"))
_CHAIR: Final[frozenset[Role]] = frozenset(("chair",))

RIGHTS: Final[Mapping[CommandKind, frozenset[Role]]] = MappingProxyType(
    {
        "ask": _EVERYBODY,
        "withdraw": _EVERYBODY,
        "finish": _EVERYBODY,
        "lower": _LEADERS,
        "lower_all": _LEADERS,
        # The chair alone decides who speaks and how long.
        "give": _CHAIR,
        "take_back": _CHAIR,
        "mute": _LEADERS,
        "unmute": _LEADERS,
        "mute_all": _LEADERS,
        "admit": _LEADERS,
        "admit_all": _LEADERS,
        "remove": _LEADERS,
        "lock": _LEADERS,
        "unlock": _LEADERS,
    }
)
"""Command to the roles that may give it."""

MOST_MEMBERS: Final = 4_000
MOST_WAITING: Final = 1_000
LONGEST_REASON: Final = 400


@dataclass(frozen=True, slots=True)
class Rules:
    """How the floor treats time and newcomers."""

    #: How long the floor is kept for a holder whose line was cut.
    holder_grace: timedelta = timedelta(seconds=20)
    #: Whether the floor is taken back when the speaking time is up; if not, the chair decides.
    take_back_at_time_up: bool = False
    #: Whether invited sites wait too; those who were not invited always do.
    lobby: bool = False
    longest_speech: timedelta = timedelta(hours=4)
    rights: Mapping[CommandKind, frozenset[Role]] = field(default_factory=lambda: RIGHTS)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the server knows it: never taken from what a browser says."""

    member: str
    role: Role


@dataclass(frozen=True, slots=True)
class Command:
    """A wish. ``seconds`` is the speaking time of *give*; ``target`` is a member."""

    kind: CommandKind
    target: str = ""
    seconds: float | None = None
    reason: str = ""


class Floor:
    """The floor of one meeting: a :class:`~scheduler.floor_state.State` and the rules for changing it."""

    def __init__(self, rules: Rules | None = None, state: State | None = None) -> None:
        self.rules = rules or Rules()
        self.state = state or State()
        self._handlers: dict[CommandKind, Callable[[_Turn, Command], None]] = {
            "ask": self._ask,
            "withdraw": self._withdraw,
            "finish": self._finish,
            "lower": self._lower,
            "lower_all": self._lower_all,
            "give": self._give,
            "take_back": self._take_back,
            "mute": self._mute,
            "unmute": self._unmute,
            "mute_all": self._mute_all,
            "admit": self._admit,
            "admit_all": self._admit_all,
            "remove": self._remove,
            "lock": self._lock,
            "unlock": self._unlock,
        }

    def snapshot(self) -> dict[str, Any]:
        """The state as plain values for JSON."""
        return self.state.snapshot()

    @classmethod
    def restore(cls, plain: Mapping[str, Any], rules: Rules | None = None) -> Floor:
        """The floor of a snapshot. Raises SnapshotError."""
        return cls(rules, State.restore(plain))

    def do(self, actor: Actor, command: Command, now: datetime) -> tuple[Event, ...]:
        """Carry out a command, or raise RightError (the role may not) or FloorError (no sense now).

        FloorError's problems: ``not_in_meeting``, ``not_present``, ``has_floor``, ``nobody_asks``,
        ``limit_impossible``, ``unknown_member``, ``is_chair``, ``reason_too_long``.
        """
        if actor.role not in self.rules.rights.get(command.kind, ()):
            raise RightError(f"a {actor.role} may not {command.kind}", role=actor.role, command=command.kind)
        turn = _Turn(self.state, actor.member, utc(now))
        self._handlers[command.kind](turn, command)
        return turn.events()

    def arrive(self, member: str, role: Role, now: datetime, *, invited: bool = True) -> tuple[Event, ...]:
        """A line of ``member`` stands: it is in (*joined*), or waits to be let in (*waiting*).

        Who was in is in again, also in a locked meeting. Raises FloorError ``full``.
        """
        turn, state = _Turn(self.state, "", utc(now)), self.state
        known = state.members.get(member)
        if known is not None:
            if not known.present or known.role != role:
                turn.add("joined", member, role=role)
        elif role in _LEADERS and member not in state.removed:
            if member in state.lobby:
                turn.add("waiting_ended", member)
            self._require_room(len(state.members), MOST_MEMBERS)
            turn.add("joined", member, role=role)
        elif member in state.removed or state.locked or self.rules.lobby or not invited:
            if member not in state.lobby:
                self._require_room(len(state.lobby), MOST_WAITING)
                turn.add("waiting", member, role=role)
        elif member not in state.lobby:
            self._require_room(len(state.members), MOST_MEMBERS)
            turn.add("joined", member, role=role)
        return turn.events()

    def depart(self, member: str, now: datetime, *, for_good: bool = False) -> tuple[Event, ...]:
        """The last line of ``member`` is gone. ``for_good``: it left by its own will, so it asks no more."""
        turn, state = _Turn(self.state, "", utc(now)), self.state
        if member in state.lobby:
            turn.add("waiting_ended", member)
            return turn.events()
        known = state.members.get(member)
        if known is None:
            return ()
        if for_good:
            if member in state.queue:
                turn.add("withdrawn", member)
            if member == state.holder:
                turn.add("taken", member, reason="left")
        if known.present:
            keeps = member == state.holder and not for_good
            turn.add("left", member, until=turn.now + self.rules.holder_grace if keeps else None)
        return turn.events()

    def restarted(self, now: datetime) -> tuple[Event, ...]:
        """After a restart no line stands: all are away until they come again; places and the floor stay."""
        gone = [key for key, member in self.state.members.items() if member.present]
        return tuple(event for key in [*gone, *self.state.lobby] for event in self.depart(key, now))

    def tick(self, now: datetime) -> tuple[Event, ...]:
        """What the passing of time causes; nothing before :meth:`deadline`."""
        turn, state = _Turn(self.state, "", utc(now)), self.state
        if state.away_until is not None and turn.now >= state.away_until:
            turn.add("taken", state.holder, reason="away")
        elif state.until is not None and turn.now >= state.until and not state.time_is_up:
            turn.add("time_up", state.holder)
            if self.rules.take_back_at_time_up:
                turn.add("taken", state.holder, reason="time_up")
        return turn.events()

    def deadline(self) -> datetime | None:
        """When :meth:`tick` has something to do; None for never."""
        state = self.state
        times = [state.away_until, None if state.time_is_up else state.until]
        return min((moment for moment in times if moment is not None), default=None)

    def _ask(self, turn: _Turn, command: Command) -> None:
        member = self.state.members.get(turn.by)
        if member is None or not member.present:
            raise FloorError("not in the meeting", problem="not_in_meeting")
        if turn.by == self.state.holder:
            raise FloorError("has the floor", problem="has_floor")
        if turn.by not in self.state.queue:
            turn.add("asked", turn.by)

    def _withdraw(self, turn: _Turn, command: Command) -> None:
        if turn.by in self.state.queue:
            turn.add("withdrawn", turn.by)

    def _finish(self, turn: _Turn, command: Command) -> None:
        if turn.by == self.state.holder:
            turn.add("taken", turn.by, reason="finished")

    def _lower(self, turn: _Turn, command: Command) -> None:
        if command.target in self.state.queue:
            turn.add("lowered", command.target)

    def _lower_all(self, turn: _Turn, command: Command) -> None:
        if self.state.queue:
            turn.add("lowered_all")

    def _give(self, turn: _Turn, command: Command) -> None:
        state = self.state
        target = command.target
        if not target:
            target = next((key for key in state.queue if state.members[key].present), "")
            if not target:
                raise FloorError("nobody who is present asks", problem="nobody_asks")
        member = self._member(target)
        if not member.present:
            raise FloorError("the line does not stand", problem="not_present", member=target)
        until = None
        if command.seconds is not None:
            most = self.rules.longest_speech.total_seconds()
            if not 1 <= command.seconds <= most:
                raise FloorError("no such speaking time", problem="limit_impossible", most=most)
            until = turn.now + timedelta(seconds=command.seconds)
        if state.holder not in ("", target):
            turn.add("taken", state.holder, reason="given_on")
        turn.add("given", target, until=until)

    def _take_back(self, turn: _Turn, command: Command) -> None:
        # A late press that names the last holder must not take the floor from the next one.
        if self.state.holder and command.target in ("", self.state.holder):
            turn.add("taken", self.state.holder, reason="taken_back")

    def _mute(self, turn: _Turn, command: Command) -> None:
        if not self._member(command.target).muted:
            turn.add("muted", command.target)

    def _unmute(self, turn: _Turn, command: Command) -> None:
        if self._member(command.target).muted:
            turn.add("unmuted", command.target)

    def _mute_all(self, turn: _Turn, command: Command) -> None:
        heard = (
            not member.muted and member.role != "chair" and key != self.state.holder
            for key, member in self.state.members.items()
        )
        if any(heard):
            turn.add("muted_all")

    def _admit(self, turn: _Turn, command: Command) -> None:
        if command.target in self.state.lobby:
            self._require_room(len(self.state.members), MOST_MEMBERS)
            turn.add("admitted", command.target)
        elif command.target not in self.state.members:
            raise FloorError("does not wait", problem="unknown_member", member=command.target)

    def _admit_all(self, turn: _Turn, command: Command) -> None:
        self._require_room(len(self.state.members) + len(self.state.lobby), MOST_MEMBERS + 1)
        for key in self.state.lobby:
            turn.add("admitted", key)

    def _remove(self, turn: _Turn, command: Command) -> None:
        state, target = self.state, command.target
        if len(command.reason) > LONGEST_REASON:
            raise FloorError("the reason is too long", problem="reason_too_long", most=LONGEST_REASON)
        if target in state.removed and target not in state.lobby:
            return
        if target not in state.lobby and self._member(target).role == "chair":
            raise FloorError("a chair is not put out", problem="is_chair", member=target)
        if target in state.queue:
            turn.add("lowered", target)
        if target == state.holder:
            turn.add("taken", target, reason="removed")
        turn.add("removed", target, reason=command.reason.strip())

    def _lock(self, turn: _Turn, command: Command) -> None:
        if not self.state.locked:
            turn.add("locked")

    def _unlock(self, turn: _Turn, command: Command) -> None:
        if self.state.locked:
            turn.add("unlocked")

    def _member(self, key: str) -> Member:
        member = self.state.members.get(key)
        if member is None:
            raise FloorError("not in the meeting", problem="unknown_member", member=key)
        return member

    def _require_room(self, taken: int, most: int) -> None:
        if taken >= most:
            raise FloorError("the meeting is full", problem="full", most=most)


class _Turn:
    """The events of one call: gathered first, applied together, so that a refusal leaves no trace."""

    def __init__(self, state: State, by: str, now: datetime) -> None:
        self.by = by
        self.now = now
        self._state = state
        self._events: list[Event] = []

    def add(
        self,
        kind: EventKind,
        member: str = "",
        *,
        role: Role | None = None,
        until: datetime | None = None,
        reason: str = "",
    ) -> None:
        sequence = self._state.sequence + len(self._events) + 1
        self._events.append(Event(sequence, self.now, kind, member, self.by, role, until, reason))

    def events(self) -> tuple[Event, ...]:
        """Apply what was gathered, and return it."""
        for event in self._events:
            self._state.apply(event)
        return tuple(self._events)


def replay(events: Iterable[Event]) -> State:
    """The state after all ``events`` of a meeting, from its first. Raises SnapshotError."""
    state = State()
    for event in events:
        state.apply(event)
    return state
