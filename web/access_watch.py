"""Who may not be there any more is put out: sessions that ended, roles that were taken away.

A request is judged by the database each time, but a channel that stands and a participant in a room go on
by themselves. So all of them are looked at every few seconds: those whose session has ended (it was
revoked or has expired, its credential was replaced, its person disabled, its site retired) are cut off,
and persons by their roles of now, leaders each time and the others in turns. Tokens outlive sessions by
minutes; they name theirs by a handle, and who comes into a room with that of an ended one is put out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from sqlalchemy import select

from directory.access import sessions
from directory.access.principal import Principal
from directory.access.sessions import SEEN_EVERY
from directory.database import Database
from scheduler.channel.meeting import Person
from scheduler.errors import SchedulerError
from scheduler.model import Meeting
from scheduler.ports import Rooms
from scheduler.rights import member_of
from scheduler.running import Line
from scheduler.states import OPEN
from signaling.errors import NotFoundError, SignalingError

EVERY: Final = 2.0
"""Seconds between two looks."""
IN_TURN: Final = 10
"""Persons other than leaders whose roles are looked at each time."""
MOST_GUESTS: Final = 10_000
"""Participants that are remembered; beyond that the one who came first is forgotten."""
ATTRIBUTE: Final = "session"
"""Of a participant: the handle of the session by which it got its token."""
_PICTURES: Final = (models.TrackSource.CAMERA, models.TrackSource.SCREEN_SHARE)
_LEADERS: Final = ("chair", "secretary")

_log = structlog.get_logger(__name__)

Member = Callable[[str, Principal], Awaitable[Person]]


@dataclass(frozen=True, slots=True)
class _Seat:
    """A line of the channel, and whose it is."""

    meeting_id: str
    room: str
    principal: Principal
    person: Person


Guest = tuple[str, str, str]
"""Room, identity and session of somebody with a token."""


class AccessWatch:
    """See the module. ``member`` says as whom a principal takes part in a meeting, by its roles."""

    def __init__(
        self, database: Database, rooms: Rooms, member: Member, *, wall: Callable[[], float]
    ) -> None:
        self.cut = 0
        """Lines and participants that were cut off."""
        self._database = database
        self._rooms = rooms
        self._member = member
        self._wall = wall
        self._seats: OrderedDict[Line, _Seat] = OrderedDict()
        self._guests: OrderedDict[Guest, None] = OrderedDict()
        self._kept_alive: datetime | None = None
        self._caught_up = False

    @contextlib.contextmanager
    def seat(self, line: Line, room: str, principal: Principal, person: Person) -> Iterator[None]:
        """While the line stands."""
        self._seats[line] = _Seat(line.meeting_id, room, principal, person)
        try:
            yield
        finally:
            self._seats.pop(line, None)

    def admitted(self, room: str, identity: str, session_id: str) -> dict[str, str]:
        """Somebody gets a token; the attributes that it has to hold."""
        self._remember((room, identity, session_id))
        return {ATTRIBUTE: sessions.handle_of(session_id)}

    async def joined(self, event: WebhookEvent) -> None:
        """Somebody came into a room: with a token of a session that lives, or out again.

        A media server that makes rooms by itself would let one come into the room of a meeting that is over.
        """
        room, who = event.room.name, event.participant
        handle = who.attributes.get(ATTRIBUTE, "")
        async with self._database.read() as session:
            state = await session.scalar(select(Meeting.state).where(Meeting.room == room))
            living = await sessions.by_handle(session, handle, self._now()) if handle else ""
        if state is not None and state != OPEN:
            with contextlib.suppress(SignalingError):
                await self._rooms.delete_room(room)
        elif living is None:
            await self._put_out(room, who.identity, handle)
        elif living:
            self._remember((room, who.identity, living))

    def left(self, event: WebhookEvent) -> None:
        """Somebody is gone from a room. Its token may bring it back, which is told again."""
        who = event.participant
        handle = who.attributes.get(ATTRIBUTE, "")
        for guest in [one for one in self._guests if one[:2] == (event.room.name, who.identity)]:
            if sessions.handle_of(guest[2]) == handle:
                del self._guests[guest]

    async def published(self, event: WebhookEvent) -> None:
        """Put out who publishes sound as a picture: rights go by source, and LiveKit 1.9 compares no kinds.

        Our own relay refuses such a track; on another server the right to a camera would let one speak.
        """
        track, who = event.track, event.participant
        if track.type == models.TrackType.AUDIO and track.source in _PICTURES and member_of(who.identity):
            self.cut += 1
            with contextlib.suppress(SignalingError):
                await self._rooms.remove(event.room.name, who.identity)

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Look again and again."""
        looking = asyncio.create_task(self._look_always(), name="access watch")
        try:
            yield
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def _look_always(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except Exception as error:
                # A look that failed is made up for by the next one.
                _log.warning("access_not_looked_at", error=type(error).__name__)

    async def look(self) -> None:
        """Look at all of them once. Raises DirectoryError."""
        now = self._now()
        if not self._caught_up:
            await self._catch_up(now)
        asked = {seat.principal.session_id for seat in self._seats.values()}
        asked |= {session_id for _, _, session_id in self._guests}
        if not asked:
            return
        async with self._database.read() as session:
            living = await sessions.still_living(session, asked, now)
        ended = asked - living
        for line in [line for line, seat in self._seats.items() if seat.principal.session_id in ended]:
            self._cut(line)
        for guest in [guest for guest in self._guests if guest[2] in ended]:
            del self._guests[guest]
            await self._put_out(guest[0], guest[1], sessions.handle_of(guest[2]))
        await self._look_at_roles(now)
        if self._kept_alive is None or now - self._kept_alive >= SEEN_EVERY:
            # A page that only listens to a long meeting asks for nothing, and is in use all the same.
            self._kept_alive = now
            in_use = {seat.principal.session_id for seat in self._seats.values()}
            await sessions.keep_alive(self._database, sorted(in_use), now)

    async def _catch_up(self, now: datetime) -> None:
        """After a start: whoever is in the rooms of open meetings came in before."""
        async with self._database.read() as session:
            rooms = list(await session.scalars(select(Meeting.room).where(Meeting.state == OPEN)))
        inside: list[tuple[str, models.ParticipantInfo]] = []
        try:
            for room in rooms:
                # A room that is not made yet is empty; whoever comes into it is told of.
                with contextlib.suppress(NotFoundError):
                    inside += [(room, one) for one in await self._rooms.participants(room)]
        except SignalingError:
            return
        self._caught_up = True
        async with self._database.read() as session:
            for room, one in inside:
                living = await sessions.by_handle(session, _handle(one), now)
                if living is not None:
                    self._remember((room, one.identity, living))
                elif _handle(one):
                    await self._put_out(room, one.identity, _handle(one))

    async def _look_at_roles(self, now: datetime) -> None:
        persons = [line for line, seat in self._seats.items() if seat.principal.kind == "person"]
        leaders = [line for line in persons if self._seats[line].person.role in _LEADERS]
        others = [line for line in persons if self._seats[line].person.role not in _LEADERS][:IN_TURN]
        for line in leaders + others:
            seat = self._seats.get(line)
            if seat is None or await self._is_still(seat, now):
                if seat is not None:
                    self._seats.move_to_end(line)
                continue
            self._cut(line)
            for guest in [one for one in self._guests if one[0] == seat.room]:
                if guest[2] == seat.principal.session_id:
                    await self._put_out(seat.room, guest[1], sessions.handle_of(guest[2]))

    async def _is_still(self, seat: _Seat, now: datetime) -> bool:
        """Whether somebody would come in as before."""
        async with self._database.read() as session:
            principal = await sessions.principal_of(session, seat.principal.session_id, now)
        if principal is None:
            return False
        try:
            person = await self._member(seat.meeting_id, principal)
        except SchedulerError:
            return False
        return (person.key, person.role) == (seat.person.key, seat.person.role)

    def _cut(self, line: Line) -> None:
        """End a line. Its page comes again, and then it is decided anew."""
        self.cut += 1
        self._seats.pop(line, None)
        line.session.close("restart")
        line.wake.set()

    async def _put_out(self, room: str, identity: str, handle: str) -> None:
        """Put the participant out, unless somebody else has come into its place by another session."""
        try:
            for one in await self._rooms.participants(room):
                if one.identity == identity and _handle(one) == handle:
                    self.cut += 1
                    await self._rooms.remove(room, identity)
        except SignalingError as error:
            _log.warning("participant_not_put_out", room=room, error=error.code)

    def _remember(self, guest: Guest) -> None:
        self._guests[guest] = None
        self._guests.move_to_end(guest)
        while len(self._guests) > MOST_GUESTS:
            self._guests.popitem(last=False)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)


def _handle(participant: models.ParticipantInfo) -> str:
    return participant.attributes.get(ATTRIBUTE, "")
