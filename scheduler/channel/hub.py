"""The published state of one meeting, and its way to all receivers: snapshot, then numbered deltas.

Changes are gathered and told by :meth:`Hub.flush` as one delta with the next
sequence number. A delta holds the new values, not steps, and is serialised
once for all receivers of an audience: *leaders* (chair, secretary) see the
lobby, *sites* do not. A receiver that comes again within the history gets the
deltas it missed; one that was away longer, or in another epoch (the service
was restarted), gets a fresh snapshot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from scheduler.channel.messages import (
    VERSIONS,
    FloorView,
    Hello,
    MeetingView,
    Waiting,
    encode,
    milliseconds,
)
from scheduler.channel.roster import RosterEntry
from scheduler.channel.session import DEFAULT, Limits, Moment, Session
from scheduler.floor_state import Role

LEADERS: Final = "leaders"
SITES: Final = "sites"
AUDIENCES: Final = (LEADERS, SITES)


def audience(role: Role) -> str:
    """Which deltas a role gets."""
    return SITES if role == "site" else LEADERS


class Hub:
    """State and receivers of one meeting's channel. ``epoch`` names this life of the numbering."""

    def __init__(self, meeting: MeetingView, epoch: str, limits: Limits = DEFAULT) -> None:
        self.limits = limits
        self.epoch = epoch
        self.sequence = 0
        #: How many texts were made; for measuring that fan-out does not multiply it.
        self.serialised = 0
        self.sessions: list[Session] = []
        self.meeting = meeting
        self.floor = FloorView()
        self.lobby: tuple[Waiting, ...] = ()
        self.roster: dict[str, RosterEntry] = {}
        # What has been told; the snapshot is made of it, so that it fits the next delta.
        self._told_meeting = self.meeting
        self._told_floor = self.floor
        self._told_lobby: tuple[Waiting, ...] = ()
        self._told_roster: dict[str, RosterEntry] = {}
        #: Keys that may differ from what was told, in order; and since when there has been one.
        self._dirty: dict[str, None] = {}
        self._dirty_since: float | None = None
        self._history: deque[tuple[int, dict[str, str]]] = deque()
        self._history_characters = 0
        self._snapshots: dict[str, tuple[int, str]] = {}

    def put(self, entry: RosterEntry, now: Moment) -> None:
        """Set the entry of its key."""
        if self.roster.get(entry.key) != entry:
            self.roster[entry.key] = entry
            self._touch(entry.key, now)

    def drop(self, key: str, now: Moment) -> None:
        """Take an entry out of the roster."""
        if self.roster.pop(key, None) is not None:
            self._touch(key, now)

    def _touch(self, key: str, now: Moment) -> None:
        self._dirty[key] = None
        if self._dirty_since is None:
            self._dirty_since = now.mono

    def is_urgent(self) -> bool:
        """Whether more than the roster changed: that is told at once."""
        return (self.meeting, self.floor, self.lobby) != (
            self._told_meeting,
            self._told_floor,
            self._told_lobby,
        )

    def deadline(self) -> float | None:
        """The monotonic time by which :meth:`flush` should be called; None if nothing waits."""
        if self.is_urgent():
            return 0.0
        return None if self._dirty_since is None else self._dirty_since + self.limits.coalesce

    def flush(self, now: Moment) -> bool:
        """Tell all receivers what changed, as one delta, and whether anything did."""
        self._dirty_since = None
        dirty, self._dirty = self._dirty, {}
        common = self._changes(dirty)
        lobby = [one.plain() for one in self.lobby] if self.lobby != self._told_lobby else None
        self._told_meeting, self._told_floor, self._told_lobby = self.meeting, self.floor, self.lobby
        if not common and lobby is None:
            return False
        self.sequence += 1
        texts = {
            SITES: self._encode("delta", now, **common),
            LEADERS: self._encode("delta", now, **common, lobby=lobby),
        }
        self._remember(texts)
        for session in self.sessions:
            if session.state == "in":
                session.send(texts[audience(session.role)])
        return True

    def _changes(self, dirty: Iterable[str]) -> dict[str, Any]:
        """What differs from what was told; from here on it has been told."""
        changed, gone = [], []
        for key in dirty:
            before, after = self._told_roster.get(key), self.roster.get(key)
            if before == after:
                continue
            if after is None:
                gone.append(key)
                del self._told_roster[key]
            else:
                changed.append(after.patch(before))
                self._told_roster[key] = after
        result: dict[str, Any] = {}
        if changed:
            result["roster"] = changed
        if gone:
            result["gone"] = gone
        if self.floor != self._told_floor:
            result["floor"] = self.floor.plain()
        if self.meeting != self._told_meeting:
            result["meeting"] = self.meeting.plain()
        return result

    def _encode(self, kind: str, now: Moment, **values: Any) -> str:
        self.serialised += 1
        return encode(kind, sequence=self.sequence, at=milliseconds(now.wall), **values)

    def _remember(self, texts: dict[str, str]) -> None:
        self._history.append((self.sequence, texts))
        self._history_characters += sum(map(len, texts.values()))
        while self._history and (
            len(self._history) > self.limits.history_messages
            or self._history_characters > self.limits.history_characters
        ):
            _, old = self._history.popleft()
            self._history_characters -= sum(map(len, old.values()))

    def welcome(self, session: Session, hello: Hello, now: Moment, *, waiting: bool = False) -> None:
        """Answer a hello: *welcome*, and for one who is in, the missed deltas or a snapshot."""
        if session not in self.sessions:
            self.sessions.append(session)
        missed = None if waiting else self._missed(session.role, hello)
        session.send(
            encode(
                "welcome",
                version=max(set(hello.versions) & set(VERSIONS)),
                epoch=self._epoch_for(session.role),
                at=milliseconds(now.wall),
                member=session.member,
                role=session.role,
                waiting=waiting,
                resumed=missed is not None,
                ping_seconds=self.limits.ping_every,
            )
        )
        if session.closing:
            return
        session.state = "waiting" if waiting else "in"
        if not waiting:
            for text in [self._snapshot(audience(session.role), now)] if missed is None else missed:
                session.send(text)

    def _epoch_for(self, role: Role) -> str:
        # Who changes the role has not seen what the other audience saw.
        return f"{self.epoch}-{audience(role)}"

    def _missed(self, role: Role, hello: Hello) -> list[str] | None:
        """The deltas after those that the client has seen; None if it needs a snapshot."""
        if hello.epoch != self._epoch_for(role) or not hello.sequence <= self.sequence:
            return None
        if hello.sequence == self.sequence:
            return []
        if not self._history or self._history[0][0] > hello.sequence + 1:
            return None
        missed = [texts[audience(role)] for sequence, texts in self._history if sequence > hello.sequence]
        # A long way back costs more than a snapshot, and half the outbox is for what comes meanwhile.
        if len(missed) > self.limits.outbox_messages // 2 or sum(map(len, missed)) > self._snapshot_size():
            return None
        return missed

    def _snapshot_size(self) -> int:
        """About the characters of a snapshot, from the last one."""
        return max((len(text) for _, text in self._snapshots.values()), default=16 * 1024)

    def _snapshot(self, whose: str, now: Moment) -> str:
        """What was told up to the last delta; made once for all who come between two deltas."""
        known = self._snapshots.get(whose)
        if known is not None and known[0] == self.sequence:
            return known[1]
        text = self._encode(
            "snapshot",
            now,
            meeting=self._told_meeting.plain(),
            floor=self._told_floor.plain(),
            roster=[entry.plain() for entry in self._told_roster.values()],
            lobby=[one.plain() for one in self._told_lobby] if whose == LEADERS else None,
        )
        self._snapshots[whose] = (self.sequence, text)
        return text

    def forget(self, session: Session) -> None:
        """Take a receiver off the list; nothing happens if it is not there."""
        if session in self.sessions:
            self.sessions.remove(session)
