"""A running meeting: its floor, its roster, and the pages in it, put together without any I/O.

Each input gives an :class:`Outcome` that is already applied to the floor but
not yet told to anybody. The driver stores its events, changes the rights on
the media server, and then calls :meth:`LiveMeeting.publish`: what a page shows
is in the database. If storing fails, the driver throws the object away and
makes a new one from what is stored; pages come again and get a snapshot. One
input at a time per meeting, from the input to its publishing.

Drive: ``connect`` → ``receive``… → ``disconnect`` for each connection, ``tick``
at ``deadline``, and after each of them ``publish``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from scheduler.channel.hub import Hub
from scheduler.channel.messages import (
    End,
    FloorRequest,
    FloorView,
    HeadCount,
    Hello,
    Leave,
    MeetingView,
    Ping,
    Request,
    Waiting,
    encode,
)
from scheduler.channel.reading import clean
from scheduler.channel.roster import LONGEST_NAME, Presence, RosterEntry
from scheduler.channel.session import DEFAULT, Limits, Moment, Session
from scheduler.errors import FloorError, RightError
from scheduler.floor import Actor, Floor
from scheduler.floor_state import Event, Role

MOST_SESSIONS_OF_ONE: Final = 8


@dataclass(frozen=True, slots=True)
class Person:
    """A site or a person, as the directory knows it; ``key`` is ``site:<code>`` or ``person:<id>``."""

    key: str
    name: str
    role: Role = "site"
    code: str = ""
    district: str = ""


@dataclass(slots=True)
class Outcome:
    """What an input caused, for the driver.

    ``events`` are to be stored in order. ``speak`` has the members whose right
    to be heard changed, against what their role is born with (sites: not).
    ``head_counts`` are facts for the attendance log.
    ``ends`` is set when the chair ended the meeting, ``reason`` is why.
    """

    events: tuple[Event, ...] = ()
    speak: dict[str, bool] = field(default_factory=dict)
    head_counts: dict[str, int] = field(default_factory=dict)
    ends: bool = False
    reason: str = ""
    #: For publish: who has said hello, answers, and members whose lines in the roster may have changed.
    hellos: list[tuple[Session, Hello]] = field(default_factory=list)
    answers: list[tuple[Session, str]] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    closes: list[tuple[Session, str]] = field(default_factory=list)


class LiveMeeting:
    """One meeting while it is open."""

    def __init__(
        self,
        view: MeetingView,
        invited: Iterable[Person],
        floor: Floor,
        epoch: str,
        now: Moment,
        *,
        late_after: timedelta = timedelta(minutes=15),
        first_seen: Mapping[str, datetime] | None = None,
        head_counts: Mapping[str, int] | None = None,
        limits: Limits = DEFAULT,
    ) -> None:
        """``epoch`` is a fresh random word; ``first_seen`` and ``head_counts`` are what the log has."""
        self.floor = floor
        self.hub = Hub(_cleaned(view), epoch, limits)
        self._people = {person.key: _known(person) for person in invited}
        self._invited = frozenset(self._people)
        self._late_at = view.starts_at + late_after
        self._absent_told = now.wall >= self._late_at
        self._first_seen = dict(first_seen or {})
        self._head_counts = dict(head_counts or {})
        self._sessions: dict[str, list[Session]] = {}
        #: Connections that have not said hello.
        self._new: set[Session] = set()
        #: Who may be heard, as the driver was told.
        self._speak = {key: floor.state.may_speak(key) for key in floor.state.members}
        for key in [*self._people, *floor.state.members]:
            self._refresh(key, now)
        self._refresh_floor()
        self.hub.flush(now)

    def connect(self, person: Person, now: Moment) -> Session:
        """A new connection of somebody who has shown a credential. It is in only after its hello."""
        self._people.setdefault(person.key, _known(person))
        session = Session(person.key, person.role, now, self.hub.limits)
        self._new.add(session)
        return session

    def receive(self, session: Session, text: str, now: Moment) -> Outcome:
        """A text from a connection. Refusals are answers in the outcome, never exceptions."""
        message = session.receive(text, now)
        outcome = Outcome()
        if isinstance(message, Hello):
            self._hello(session, message, now, outcome)
        elif message is not None:
            try:
                self._request(session, message, now, outcome)
            except (RightError, FloorError) as error:
                session.refuse(message.id, error)
        return outcome

    def _hello(self, session: Session, hello: Hello, now: Moment, outcome: Outcome) -> None:
        self._new.discard(session)
        mine = self._sessions.setdefault(session.member, [])
        if sum(not one.closing for one in mine) >= MOST_SESSIONS_OF_ONE:
            session.close("full")
            return
        invited = session.member in self._invited
        try:
            events = self.floor.arrive(session.member, session.role, now.wall, invited=invited)
        except FloorError:
            session.close("full")
            return
        self._take_in(outcome, events)
        if session.role == "site":
            # A site has one device in the meeting: the last one that came.
            outcome.closes += [(older, "taken_over") for older in mine]
        mine.append(session)
        outcome.hellos.append((session, hello))

    def _request(self, session: Session, message: Request, now: Moment, outcome: Outcome) -> None:
        match message:
            case Ping(request_id):
                outcome.answers.append((session, encode("pong", id=request_id)))
                return
            case FloorRequest(_, command):
                actor = Actor(session.member, session.role)
                self._take_in(outcome, self.floor.do(actor, command, now.wall))
            case HeadCount(_, count):
                self._count_heads(session, count, outcome)
            case Leave():
                if not self._others(session):
                    self._take_in(outcome, self.floor.depart(session.member, now.wall, for_good=True))
                outcome.closes.append((session, "left"))
            case End(_, reason):
                if session.role != "chair":
                    raise RightError("only a chair ends", role=session.role, command="end")
                outcome.ends, outcome.reason = True, reason
        outcome.answers.append((session, encode("done", id=message.id)))

    def _count_heads(self, session: Session, count: int, outcome: Outcome) -> None:
        if session.role != "site":
            raise RightError("only a site has heads to count", role=session.role, command="head_count")
        if session.member not in self.floor.state.members:
            raise FloorError("not in the meeting", problem="not_in_meeting")
        if self._head_counts.get(session.member) != count:
            self._head_counts[session.member] = count
            outcome.head_counts[session.member] = count
            outcome.touched.add(session.member)

    def disconnect(self, session: Session, now: Moment) -> Outcome:
        """The connection is gone, however it ended; a second call does nothing."""
        outcome = Outcome()
        self.hub.forget(session)
        self._new.discard(session)
        mine = self._sessions.get(session.member, [])
        if session in mine:
            mine.remove(session)
            if not self._others(session):
                self._take_in(outcome, self.floor.depart(session.member, now.wall))
            if not mine:
                del self._sessions[session.member]
        session.close("left")
        return outcome

    def _others(self, session: Session) -> bool:
        """Whether the member has another connection that is not about to end."""
        mine = self._sessions.get(session.member, ())
        return any(one is not session and not one.closing for one in mine)

    def tick(self, now: Moment) -> Outcome:
        """What the passing of time causes. Silent sessions are closed; the driver then disconnects them."""
        outcome = Outcome()
        self._take_in(outcome, self.floor.tick(now.wall))
        for session in self._connections():
            session.tick(now)
        if not self._absent_told and now.wall >= self._late_at:
            self._absent_told = True
            outcome.touched |= self._invited
        return outcome

    def publish(self, outcome: Outcome, now: Moment) -> None:
        """Tell what an outcome caused, after it was stored: answers, and one delta for all."""
        for key in outcome.touched:
            self._refresh(key, now)
        self._refresh_floor()
        for session, text in outcome.answers:
            session.send(text)
        for session, word in outcome.closes:
            session.close(word)
        state = self.floor.state
        for session, hello in outcome.hellos:
            self.hub.welcome(session, hello, now, waiting=session.member in state.lobby)
        for event in outcome.events:
            for session in list(self._sessions.get(event.member, ())):
                if event.kind == "removed":
                    session.close("removed")
                elif event.kind == "admitted" and session.state == "waiting":
                    self.hub.welcome(session, Hello((1,)), now)
        self.flush(now)

    def flush(self, now: Moment) -> None:
        """Send the gathered changes if it is time."""
        due = self.hub.deadline()
        if due is not None and now.mono >= due:
            self.hub.flush(now)

    def deadlines(self) -> tuple[datetime | None, float | None]:
        """When :meth:`tick` and :meth:`publish` have something to do: by wall time, and by monotonic time."""
        walls = [self.floor.deadline(), None if self._absent_told else self._late_at]
        monos = [session.deadline() for session in self._connections()]
        flush = self.hub.deadline()
        if flush is not None:
            monos.append(flush)
        return (
            min((wall for wall in walls if wall is not None), default=None),
            min(monos, default=None),
        )

    def set_view(self, view: MeetingView) -> None:
        """Another end or state of the meeting; told with the next publishing."""
        self.hub.meeting = _cleaned(view)

    def close_all(self, word: str) -> None:
        """End all connections: the meeting *ended*, or the service is to *restart*."""
        for session in self._connections():
            session.close(word)

    def _connections(self) -> Iterator[Session]:
        return itertools.chain(self._new, *self._sessions.values())

    def _take_in(self, outcome: Outcome, events: tuple[Event, ...]) -> None:
        """Note what events change, for the driver and for the roster."""
        state = self.floor.state
        outcome.events += events
        for event in events:
            if event.kind in ("joined", "admitted"):
                self._first_seen.setdefault(event.member, event.at)
            affected = (
                set(state.members) if event.kind == "muted_all" else {event.member} & set(state.members)
            )
            for key in affected:
                may = state.may_speak(key)
                # Before it joined, its token said what its role is born with.
                if self._speak.get(key, state.members[key].role != "site") != may:
                    outcome.speak[key] = may
                self._speak[key] = may
            outcome.touched |= affected | ({event.member} if event.member else set())
        if events:
            # Those who asked before: their places may be others now.
            outcome.touched.update(key for key, entry in self.hub.roster.items() if entry.order)

    def _refresh(self, key: str, now: Moment) -> None:
        state = self.floor.state
        member = state.members.get(key)
        if member is None and key not in self._invited:
            self.hub.drop(key, now)
            return
        person = self._people.get(key) or Person(key, key)
        role = member.role if member is not None else person.role
        self.hub.put(
            RosterEntry(
                key=key,
                name=person.name,
                role=role,
                code=person.code,
                district=person.district,
                presence=self._presence(key, now),
                head_count=self._head_counts.get(key),
                order=state.order(key),
                has_floor=state.holder == key,
                muted=member.muted if member is not None else role == "site",
            ),
            now,
        )

    def _presence(self, key: str, now: Moment) -> Presence:
        member = self.floor.state.members.get(key)
        if member is not None and member.present:
            return "late" if self._first_seen.get(key, now.wall) > self._late_at else "present"
        return "absent" if key in self._first_seen or now.wall >= self._late_at else "invited"

    def _refresh_floor(self) -> None:
        state = self.floor.state
        self.hub.floor = FloorView(
            state.holder,
            state.since,
            state.until,
            state.time_is_up,
            state.away_until is not None,
            state.locked,
        )
        self.hub.lobby = tuple(
            Waiting(key, self._people[key].name if key in self._people else key, role)
            for key, role in state.lobby.items()
        )


def _known(person: Person) -> Person:
    """Names as readers take them; they come from lists that people typed."""
    return replace(
        person, name=clean(person.name, LONGEST_NAME), district=clean(person.district, LONGEST_NAME)
    )


def _cleaned(view: MeetingView) -> MeetingView:
    return replace(view, title=clean(view.title, LONGEST_NAME))
