"""The messages of the meeting channel, version 1, as values, and their strict JSON form.

``docs/meeting-channel.md`` describes each for those who write clients; a test
holds both together. Times on the wire are milliseconds of Unix time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from scheduler.channel.reading import Fields, load
from scheduler.channel.roster import LONGEST_KEY, LONGEST_NAME, MOST_HEADS
from scheduler.errors import MessageError
from scheduler.floor import COMMANDS, LONGEST_REASON, MOST_MEMBERS, MOST_WAITING, Command, CommandKind
from scheduler.floor_state import ROLES, Role

VERSIONS: Final = (1,)
"""Versions of the channel that this server speaks."""

MOST_FROM_CLIENT: Final = 8 * 1024
"""Characters in a message of a client."""
MOST_FROM_SERVER: Final = 4 * 1024 * 1024
"""Characters in a message of the server: a snapshot of the largest meeting has about a megabyte."""

LONGEST_ID: Final = 40
LONGEST_WORD: Final = 60

CLOSE_CODES: Final = {
    "version": 4001,
    "hello_expected": 4002,
    "bad_messages": 4003,
    "too_slow": 4004,
    "silent": 4005,
    "removed": 4006,
    "taken_over": 4007,
    "left": 4008,
    "ended": 4009,
    "full": 4010,
    "restart": 4011,
}
"""Words of *closing*, and the WebSocket close code that follows it."""

STAY_AWAY: Final = frozenset(("version", "removed", "taken_over", "left", "ended"))
"""After these a client does not come again by itself; after all others it does, spread over seconds."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The client's first: versions that it speaks, and what it has seen, if it comes again."""

    versions: tuple[int, ...]
    epoch: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life; answered by *pong* with the same id."""

    id: str


@dataclass(frozen=True, slots=True)
class FloorRequest:
    """A command to the floor; on the wire the command's kind is the type."""

    id: str
    command: Command


@dataclass(frozen=True, slots=True)
class HeadCount:
    """A site tells how many delegates are in its room."""

    id: str
    count: int


@dataclass(frozen=True, slots=True)
class Leave:
    """The client leaves by its user's will: its place in the queue is given up."""

    id: str


@dataclass(frozen=True, slots=True)
class End:
    """The chair ends the meeting for all."""

    id: str
    reason: str = ""


Request = Ping | FloorRequest | HeadCount | Leave | End
ClientMessage = Hello | Request

CLIENT_TYPES: Final = ("hello", "ping", *COMMANDS, "head_count", "leave", "end")
SERVER_TYPES: Final = ("welcome", "snapshot", "delta", "done", "refused", "pong", "closing")

_TARGETED: Final[tuple[CommandKind, ...]] = (
    "lower",
    "give",
    "take_back",
    "mute",
    "unmute",
    "admit",
    "remove",
)
_NEEDS_TARGET: Final = frozenset(_TARGETED) - {"give", "take_back"}


def parse_client(text: str) -> ClientMessage:
    """A client's message. Raises MessageError.

    Problems: ``too_large``, ``not_json``, ``unknown_type``, ``bad_field`` (with ``field``). ``details``
    have the message's ``id`` where it could be read, for the answer.
    """
    values = load(text, MOST_FROM_CLIENT)
    kind = values.text("type", LONGEST_WORD)
    if kind == "hello":
        return Hello(
            values.integers("versions", 20),
            values.text("epoch", LONGEST_ID, ""),
            values.integer("sequence") if "sequence" in values else 0,
        )
    request_id = values.text("id", LONGEST_ID)
    try:
        return _request(kind, request_id, values)
    except MessageError as error:
        error.details.setdefault("id", request_id)
        raise


def _request(kind: str, request_id: str, values: Fields) -> Request:
    if kind == "ping":
        return Ping(request_id)
    if kind == "head_count":
        return HeadCount(request_id, values.integer("count", 0, MOST_HEADS))
    if kind == "leave":
        return Leave(request_id)
    if kind == "end":
        return End(request_id, values.text("reason", LONGEST_REASON, ""))
    for known in COMMANDS:
        if kind == known:
            return FloorRequest(request_id, _command(known, values))
    raise MessageError("unknown type", problem="unknown_type")


def _command(kind: CommandKind, values: Fields) -> Command:
    target = ""
    if kind in _TARGETED:
        target = values.text("target", LONGEST_KEY, None if kind in _NEEDS_TARGET else "")
    seconds = values.optional_number("seconds", 1, 24 * 3600) if kind == "give" else None
    reason = values.text("reason", LONGEST_REASON, "") if kind == "remove" else ""
    return Command(kind, target, seconds, reason)


@dataclass(frozen=True, slots=True)
class MeetingView:
    """What all may know of the meeting itself."""

    title: str
    state: str
    starts_at: datetime
    ends_at: datetime

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "title": self.title,
            "state": self.state,
            "starts_at": milliseconds(self.starts_at),
            "ends_at": milliseconds(self.ends_at),
        }


@dataclass(frozen=True, slots=True)
class FloorView:
    """Who has the floor since and until when. ``until`` None is without limit; ``holder`` empty is nobody."""

    holder: str = ""
    since: datetime | None = None
    until: datetime | None = None
    time_is_up: bool = False
    #: The holder's line is cut; the floor is kept for it.
    away: bool = False
    locked: bool = False

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "holder": self.holder,
            "since": None if self.since is None else milliseconds(self.since),
            "until": None if self.until is None else milliseconds(self.until),
            "time_is_up": self.time_is_up,
            "away": self.away,
            "locked": self.locked,
        }


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody in the lobby."""

    key: str
    name: str
    role: Role = "site"

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"key": self.key, "name": self.name, "role": self.role}


def read_meeting(values: Fields) -> MeetingView:
    """Raises MessageError."""
    return MeetingView(
        values.text("title", LONGEST_NAME),
        values.text("state", LONGEST_WORD),
        moment(values.integer("starts_at", most=LAST_TIME)),
        moment(values.integer("ends_at", most=LAST_TIME)),
    )


def read_floor(values: Fields) -> FloorView:
    """Raises MessageError."""
    since, until = (values.optional_integer(name, most=LAST_TIME) for name in ("since", "until"))
    return FloorView(
        values.text("holder", LONGEST_KEY),
        None if since is None else moment(since),
        None if until is None else moment(until),
        values.flag("time_is_up"),
        values.flag("away"),
        values.flag("locked"),
    )


def read_lobby(values: Fields) -> tuple[Waiting, ...]:
    """The list ``lobby`` of a message. Raises MessageError."""
    return tuple(
        Waiting(one.text("key", LONGEST_KEY), one.text("name", LONGEST_NAME), one.choice("role", ROLES))
        for one in values.inners("lobby", MOST_WAITING)
    )


def encode(kind: str, **values: Any) -> str:
    """A message of the server; None is left out."""
    if kind not in SERVER_TYPES:
        raise ValueError(f"no message {kind}")
    plain = {"type": kind, **{name: value for name, value in values.items() if value is not None}}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
#: Latest time on the wire: the end of the year 9998.
LAST_TIME: Final = 253_370_764_800_000
MOST_ROSTER: Final = 2 * MOST_MEMBERS


def milliseconds(at: datetime) -> int:
    """An instant on the wire."""
    return (at - _EPOCH) // _MILLISECOND


def moment(value: int) -> datetime:
    """An instant from the wire."""
    return _EPOCH + value * _MILLISECOND
