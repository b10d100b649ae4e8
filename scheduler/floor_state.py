"""The state of one meeting's floor, the events that change it, and both as plain values for storage.

Only :meth:`State.apply` changes a state, and it needs nothing but the event:
replaying the log of events gives the state, on any machine and at any time.
Who may cause which event is ``scheduler.floor``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from scheduler.errors import SnapshotError
from scheduler.localtime import utc

Role = Literal["chair", "secretary", "site"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

EventKind = Literal[
    "joined", "left", "waiting", "waiting_ended", "admitted", "removed",
    "asked", "withdrawn", "lowered", "lowered_all",
    "given", "taken", "time_up",
    "muted", "unmuted", "muted_all", "locked", "unlocked",
]  # fmt: skip
EVENT_KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)

SNAPSHOT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; ``sequence`` counts from 1 without gaps in a meeting.

    ``by`` is the member that caused it, empty for the server. ``until`` is the
    end of the speaking time (given) or of the grace for a holder that was cut
    off (left). ``reason`` is a word for taken and the chair's text for removed.
    """

    sequence: int
    at: datetime
    kind: EventKind
    member: str = ""
    by: str = ""
    role: Role | None = None
    until: datetime | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is empty is left out."""
        plain = {name: value for name, value in asdict(self).items() if value not in (None, "")}
        return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in plain.items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Event:
        """The event that :meth:`to_dict` wrote. Raises SnapshotError."""
        kind, role = plain.get("kind"), plain.get("role")
        at = _moment(plain.get("at"))
        if kind not in EVENT_KINDS or at is None or (role is not None and role not in ROLES):
            raise SnapshotError("not an event of the floor")
        return cls(
            sequence=_number(plain.get("sequence")),
            at=at,
            kind=kind,
            member=_text(plain.get("member", "")),
            by=_text(plain.get("by", "")),
            role=role,
            until=_moment(plain.get("until")),
            reason=_text(plain.get("reason", "")),
        )


@dataclass(slots=True)
class Member:
    """Somebody who was let in. ``present`` is whether the line stands; ``muted`` is the server's decision."""

    role: Role
    present: bool
    muted: bool


@dataclass(slots=True)
class State:
    """The floor at one moment. Members are named by key: ``site:<code>``, ``person:<id>``."""

    sequence: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    #: Who asks for the floor, first come first.
    queue: list[str] = field(default_factory=list)
    #: Who has the floor; empty for nobody.
    holder: str = ""
    since: datetime | None = None
    #: End of the speaking time; None for no limit.
    until: datetime | None = None
    time_is_up: bool = False
    #: While the holder is cut off: until when the floor is kept for it.
    away_until: datetime | None = None
    #: Who waits to be let in, with the role, in the order of coming.
    lobby: dict[str, Role] = field(default_factory=dict)
    #: Who was put out and has to be admitted anew.
    removed: set[str] = field(default_factory=set)
    locked: bool = False

    def order(self, member: str) -> int:
        """The place in the queue, from 1; 0 for a member that does not ask."""
        return self.queue.index(member) + 1 if member in self.queue else 0

    def may_speak(self, member: str) -> bool:
        """Whether the server lets its microphone be heard."""
        one = self.members.get(member)
        return one is not None and not one.muted

    def apply(self, event: Event) -> None:
        """Take the next event. One out of its turn, or that does not fit, is a SnapshotError."""
        if event.sequence != self.sequence + 1:
            raise SnapshotError(f"event {event.sequence} after {self.sequence}")
        try:
            getattr(self, f"_{event.kind}")(event)
        except (KeyError, ValueError):
            raise SnapshotError(f"event {event.sequence}, {event.kind}, does not fit the state") from None
        self.sequence = event.sequence

    def _joined(self, event: Event) -> None:
        known = self.members.get(event.member)
        role = event.role or "site"
        if known is not None and (known.role == role or event.member == self.holder):
            muted = known.muted
        else:
            muted = role == "site"
        self.members[event.member] = Member(role, True, muted)
        if event.member == self.holder:
            self.away_until = None

    def _left(self, event: Event) -> None:
        self.members[event.member].present = False
        if event.member == self.holder:
            self.away_until = event.until

    def _waiting(self, event: Event) -> None:
        self.lobby[event.member] = event.role or "site"

    def _waiting_ended(self, event: Event) -> None:
        del self.lobby[event.member]

    def _admitted(self, event: Event) -> None:
        role = self.lobby.pop(event.member)
        self.removed.discard(event.member)
        self.members[event.member] = Member(role, True, role == "site")

    def _removed(self, event: Event) -> None:
        if event.member in self.queue or event.member == self.holder:
            raise ValueError("queue and floor are left before")
        if self.lobby.pop(event.member, None) is None:
            del self.members[event.member]
        self.removed.add(event.member)

    def _asked(self, event: Event) -> None:
        if event.member in self.queue or event.member == self.holder:
            raise ValueError("asks already")
        if event.member not in self.members:
            raise KeyError(event.member)
        self.queue.append(event.member)

    def _withdrawn(self, event: Event) -> None:
        self.queue.remove(event.member)

    _lowered = _withdrawn

    def _lowered_all(self, event: Event) -> None:
        self.queue.clear()

    def _given(self, event: Event) -> None:
        if self.holder not in ("", event.member):
            raise ValueError("the floor is taken back before")
        self.members[event.member].muted = False
        if event.member in self.queue:
            self.queue.remove(event.member)
        self.holder, self.since, self.until = event.member, event.at, event.until
        self.time_is_up, self.away_until = False, None

    def _taken(self, event: Event) -> None:
        if event.member != self.holder:
            raise ValueError("has not the floor")
        member = self.members[event.member]
        member.muted = member.role == "site"
        self.holder, self.since, self.until = "", None, None
        self.time_is_up, self.away_until = False, None

    def _time_up(self, event: Event) -> None:
        if event.member != self.holder:
            raise ValueError("has not the floor")
        self.time_is_up = True

    def _muted(self, event: Event) -> None:
        self.members[event.member].muted = True

    def _unmuted(self, event: Event) -> None:
        self.members[event.member].muted = False

    def _muted_all(self, event: Event) -> None:
        for key, member in self.members.items():
            if member.role != "chair" and key != self.holder:
                member.muted = True

    def _locked(self, event: Event) -> None:
        self.locked = True

    def _unlocked(self, event: Event) -> None:
        self.locked = False

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain values for JSON."""
        return {
            "version": SNAPSHOT_VERSION,
            "sequence": self.sequence,
            "members": [[key, m.role, m.present, m.muted] for key, m in self.members.items()],
            "queue": list(self.queue),
            "holder": self.holder,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "time_is_up": self.time_is_up,
            "away_until": self.away_until.isoformat() if self.away_until else None,
            "lobby": [[key, role] for key, role in self.lobby.items()],
            "removed": sorted(self.removed),
            "locked": self.locked,
        }

    @classmethod
    def restore(cls, plain: Mapping[str, Any]) -> State:
        """The state of a snapshot. Raises SnapshotError for one that is damaged or breaks a law."""
        if plain.get("version") != SNAPSHOT_VERSION:
            raise SnapshotError("a snapshot of another version")
        try:
            state = cls(
                sequence=_number(plain["sequence"]),
                members={
                    _text(key): Member(_role(role), _flag(present), _flag(muted))
                    for key, role, present, muted in plain["members"]
                },
                queue=[_text(key) for key in plain["queue"]],
                holder=_text(plain["holder"]),
                since=_moment(plain["since"]),
                until=_moment(plain["until"]),
                time_is_up=_flag(plain["time_is_up"]),
                away_until=_moment(plain["away_until"]),
                lobby={_text(key): _role(role) for key, role in plain["lobby"]},
                removed={_text(key) for key in plain["removed"]},
                locked=_flag(plain["locked"]),
            )
        except (KeyError, TypeError, ValueError):
            raise SnapshotError("a damaged snapshot") from None
        broken = state.broken_law()
        if broken:
            raise SnapshotError(broken)
        return state

    def broken_law(self) -> str:
        """Which law of the floor does not hold; empty for none. A state made by events breaks none."""
        if len(set(self.queue)) != len(self.queue) or not self.members.keys() >= set(self.queue):
            return "the queue has doubles or strangers"
        if self.holder and (self.holder not in self.members or self.holder in self.queue):
            return "the floor is held by a stranger or by one who asks"
        if (self.since is not None) != bool(self.holder):
            return "the floor is held since no time, or by nobody since some time"
        if not self.holder and (self.until or self.time_is_up or self.away_until):
            return "a time without a holder"
        if self.lobby.keys() & self.members.keys() or self.removed & self.members.keys():
            return "somebody is in and out"
        return ""


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise SnapshotError("not a number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise SnapshotError("not a text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise SnapshotError("neither true nor false")
    return value


def _role(value: object) -> Role:
    for role in ROLES:
        if value == role:
            return role
    raise SnapshotError("not a role")


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return utc(datetime.fromisoformat(_text(value)))
    except ValueError:
        raise SnapshotError("not an instant") from None
