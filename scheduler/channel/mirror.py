"""The reader's side of the meeting channel: what a page knows, from the messages alone.

For clients in Python (simulated sites, tests) and as the reference of what the
browser's code does. A gap or a message that does not fit raises MessageError:
the client then comes again without a resume point.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from scheduler.channel.messages import (
    LAST_TIME,
    LONGEST_ID,
    LONGEST_WORD,
    MOST_FROM_SERVER,
    MOST_ROSTER,
    SERVER_TYPES,
    STAY_AWAY,
    VERSIONS,
    FloorView,
    MeetingView,
    Waiting,
    moment,
    read_floor,
    read_lobby,
    read_meeting,
)
from scheduler.channel.reading import Fields, load
from scheduler.channel.roster import LONGEST_KEY, RosterEntry, read_entry
from scheduler.errors import MessageError
from scheduler.floor_state import ROLES, Role


class Mirror:
    """One page's picture of the meeting. ``me`` is the own member key, by the server."""

    def __init__(self) -> None:
        self.me = ""
        self.role: Role = "site"
        self.epoch = ""
        self.sequence = 0
        self.waiting = False
        self.resumed = False
        self.at: datetime | None = None
        self.meeting: MeetingView | None = None
        self.floor = FloorView()
        self.lobby: tuple[Waiting, ...] = ()
        self.roster: dict[str, RosterEntry] = {}
        #: Answers by request id: *done*, *pong*, or the code and problem of a refusal.
        self.answers: dict[str, tuple[str, str]] = {}
        self.closing = ""
        self.dropped = 0
        self._has_state = False

    def hello(self) -> dict[str, Any]:
        """The hello of this client, with its resume point if it has one."""
        plain: dict[str, Any] = {"type": "hello", "versions": list(VERSIONS)}
        if self._has_state:
            plain |= {"epoch": self.epoch, "sequence": self.sequence}
        return plain

    @property
    def comes_again(self) -> bool:
        """Whether the client may connect again by itself after the closing that it was told."""
        return self.closing not in STAY_AWAY

    def queue(self) -> list[str]:
        """The keys of those who ask for the floor, in order."""
        asking = [entry for entry in self.roster.values() if entry.order]
        return [entry.key for entry in sorted(asking, key=lambda entry: entry.order)]

    def receive(self, text: str) -> str:
        """Take a message of the server and return its type. Raises MessageError."""
        values = load(text, MOST_FROM_SERVER)
        kind = values.text("type", LONGEST_WORD)
        if kind not in SERVER_TYPES:
            raise MessageError("unknown type", problem="unknown_type")
        getattr(self, f"_{kind}")(values)
        return kind

    # Read to the end before anything is believed: a refused message leaves no trace.

    def _welcome(self, values: Fields) -> None:
        values.choice("version", VERSIONS)
        epoch, me = values.text("epoch", LONGEST_ID), values.text("member", LONGEST_KEY)
        role = values.choice("role", ROLES)
        waiting, resumed = values.flag("waiting"), values.flag("resumed")
        self.epoch, self.me, self.role = epoch, me, role
        self.waiting, self.resumed, self.closing = waiting, resumed, ""

    def _snapshot(self, values: Fields) -> None:
        sequence, at = values.integer("sequence"), _told_at(values)
        meeting, floor = read_meeting(values.inner("meeting")), read_floor(values.inner("floor"))
        entries = [read_entry(one) for one in values.inners("roster", MOST_ROSTER)]
        lobby = _lobby(values)
        self.sequence, self.at, self.meeting, self.floor, self.lobby = sequence, at, meeting, floor, lobby
        self.roster = {entry.key: entry for entry in entries}
        self._has_state = True

    def _delta(self, values: Fields) -> None:
        sequence, at = values.integer("sequence"), _told_at(values)
        if not self._has_state or sequence != self.sequence + 1:
            raise MessageError("a gap", problem="gap")
        entries = [
            read_entry(patch, self.roster.get(patch.text("key", LONGEST_KEY)))
            for patch in values.inners("roster", MOST_ROSTER)
        ]
        gone = values.texts("gone", MOST_ROSTER, LONGEST_KEY)
        if not self.roster.keys() >= set(gone):
            values.refuse("gone")
        floor, meeting = values.optional("floor", read_floor), values.optional("meeting", read_meeting)
        lobby = _lobby(values) if "lobby" in values else self.lobby
        self.sequence, self.at, self.lobby = sequence, at, lobby
        self.floor, self.meeting = floor or self.floor, meeting or self.meeting
        self.roster |= {entry.key: entry for entry in entries}
        for key in gone:
            self.roster.pop(key, None)

    def _done(self, values: Fields) -> None:
        self.answers[values.text("id", LONGEST_ID)] = ("done", "")

    def _pong(self, values: Fields) -> None:
        self.answers[values.text("id", LONGEST_ID)] = ("pong", "")

    def _refused(self, values: Fields) -> None:
        code = values.text("code", LONGEST_WORD), values.text("problem", LONGEST_WORD, "")
        self.answers[values.text("id", LONGEST_ID)] = code

    def _closing(self, values: Fields) -> None:
        code, dropped = values.text("code", LONGEST_WORD), values.optional_integer("dropped")
        self.closing, self.dropped = code, dropped or 0


def _told_at(values: Fields) -> datetime:
    return moment(values.integer("at", most=LAST_TIME))


def _lobby(values: Fields) -> tuple[Waiting, ...]:
    return read_lobby(values) if "lobby" in values else ()
