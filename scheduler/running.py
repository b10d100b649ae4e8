"""Meetings that run: the driver between a meeting's channel, the database and the media server.

One input at a time for each meeting: it is applied to the floor in memory, its
events are stored, rights on the media server follow, and then all pages are
told. If storing fails, the meeting in memory is thrown away; pages are told to
come again and find what is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from directory.database import Database
from directory.sites import all_sites
from scheduler.attending import AttendanceLog, facts, head_counts
from scheduler.calendar import invited_sites
from scheduler.channel.meeting import LiveMeeting, Outcome, Person
from scheduler.channel.messages import MeetingView
from scheduler.channel.session import Moment, Session
from scheduler.desk import CHANGING_RIGHTS, FloorDesk, first_seen
from scheduler.errors import MeetingChangedError, StateError
from scheduler.floor_state import EventKind
from scheduler.life import Changed, MeetingLife
from scheduler.membership import as_person, leaders_of
from scheduler.model import Meeting
from scheduler.rights import identity
from scheduler.rows import get_meeting
from scheduler.states import CLOSED, OPEN

LATE_AFTER: Final = timedelta(minutes=15)
RIGHTS_WITHIN: Final = 2.0
"""Seconds that pages wait for the media server to follow; it goes on following after that."""
FIRST_AGAIN: Final = 0.5
LAST_AGAIN: Final = 15.0
"""Seconds until a media server that could not follow is asked again: at first, and at most."""
IDLE: Final = 60.0
"""Seconds between two looks at a meeting in which nothing is due."""

_log = structlog.get_logger(__name__)

Input = Callable[[Moment], Outcome]


class Line:
    """One page's connection. The adapter sends what ``session.take()`` gives whenever ``wake`` is set."""

    def __init__(self, meeting_id: str, session: Session) -> None:
        self.meeting_id = meeting_id
        self.session = session
        self.wake = asyncio.Event()


@dataclass(slots=True)
class _Running:
    meeting_id: str
    room: str
    live: LiveMeeting
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    lines: set[Line] = field(default_factory=set)
    timer: asyncio.Task[None] | None = None
    again: asyncio.Task[None] | None = None
    """Asks the media server again, as it could not follow."""
    behind: bool = False
    """The media server has not followed yet: nobody waits for it until it has."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ending: bool = False
    """The chair is ending it: the pages are sent away after the chair's answer."""

    def wake_all(self) -> None:
        for line in self.lines:
            line.wake.set()
        self.changed.set()


class RunningMeetings:
    """See the module. ``wall`` and ``monotonic`` are the clocks. ``close`` at the end."""

    def __init__(
        self,
        database: Database,
        desk: FloorDesk,
        attendance: AttendanceLog,
        life: MeetingLife,
        *,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
        late_after: timedelta = LATE_AFTER,
    ) -> None:
        self._database = database
        self._desk = desk
        self._attendance = attendance
        self._life = life
        self._wall = wall
        self._monotonic = monotonic
        self._late_after = late_after
        self._running: dict[str, _Running] = {}
        self._opening = asyncio.Lock()
        self._following: set[asyncio.Task[None]] = set()
        self.dropped = 0
        """Meetings that were thrown away in memory, since they could not be stored."""

    def __len__(self) -> int:
        return len(self._running)

    @property
    def lines(self) -> int:
        """Connections of all meetings."""
        return sum(len(running.lines) for running in self._running.values())

    # -- connections -----------------------------------------------------------------

    async def connect(self, meeting_id: str, person: Person) -> Line:
        """A page of somebody who has shown a credential. Raises NoMeetingError, StateError."""
        running = await self._open(meeting_id)
        line = Line(meeting_id, running.live.connect(person, self._moment()))
        running.lines.add(line)
        running.changed.set()
        return line

    async def receive(self, line: Line, text: str) -> None:
        """A text from the page. Nothing that a page sends raises."""
        running = self._running.get(line.meeting_id)
        if running is None or line not in running.lines:
            line.session.close("restart")
            line.wake.set()
            return
        live, session = running.live, line.session
        # Shielded: a page that goes away in the middle of its request must not leave half of it.
        await asyncio.shield(
            self._apply(running, lambda now: live.receive(session, text, now), session.member)
        )

    async def disconnect(self, line: Line) -> None:
        """The page is gone."""
        running = self._running.get(line.meeting_id)
        if running is None or line not in running.lines:
            return
        running.lines.discard(line)
        live = running.live
        await self._apply(running, lambda now: live.disconnect(line.session, now), line.session.member)

    async def changed(self, change: Changed) -> None:
        """A meeting's state changed: its pages are told, or sent away. For MeetingLife's listener."""
        # One that is being loaded was maybe read as it was before: it is waited for.
        async with self._opening:
            running = self._running.get(change.meeting_id)
        if running is None:
            return
        if change.state == OPEN or running.ending:
            return
        self._forget(running, "ended" if change.state == CLOSED else "restart")

    async def joined(self, meeting_id: str) -> None:
        """A participant came into the room, maybe with a token from before: make rights as they should be."""
        async with self._database.read() as session:
            room = (await get_meeting(session, meeting_id)).room
        followed = await self._desk.align(meeting_id, room)
        running = self._running.get(meeting_id)
        if not followed and running is not None:
            self._ask_again(running)

    async def close(self) -> None:
        """Send all pages away; they come again."""
        for running in list(self._running.values()):
            self._forget(running, "restart")
        following = list(self._following)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)

    # -- one meeting -------------------------------------------------------------------

    async def _open(self, meeting_id: str) -> _Running:
        async with self._opening:
            running = self._running.get(meeting_id)
            if running is None:
                running = self._running[meeting_id] = await self._load(meeting_id)
                running.timer = asyncio.create_task(self._time_passes(running), name=f"meeting {meeting_id}")
                # What was decided before a restart may not have reached the media server.
                self._start_following(running)
            return running

    async def _load(self, meeting_id: str) -> _Running:
        """A meeting as it is stored. After a restart nobody's line stands."""
        now = self._moment()
        async with self._database.read() as session:
            meeting = await get_meeting(session, meeting_id)
            if meeting.state != OPEN:
                raise StateError("the meeting is not open", state=meeting.state)
            numbers = set(await invited_sites(session, meeting_id))
            sites = [site for site in await all_sites(session) if site.id in numbers]
            lines = await facts(session, meeting_id)
            first = await first_seen(session, meeting_id)
            leaders = await leaders_of(session, meeting)
        floor = await self._desk.floor(meeting_id)
        before = floor.state.sequence
        events = floor.restarted(now.wall)
        if events and not await self._desk.store(meeting_id, before, floor, events, "service"):
            raise MeetingChangedError("the floor was changed meanwhile", meeting=meeting_id)
        invited = [as_person(site) for site in sites]
        live = LiveMeeting(
            _view(meeting),
            [*leaders, *invited],
            floor,
            secrets.token_hex(6),
            now,
            late_after=self._late_after,
            first_seen=first,
            head_counts={who.rpartition(":")[0]: count for who, count in head_counts(lines).items()},
        )
        return _Running(meeting_id, meeting.room, live)

    async def _apply(self, running: _Running, change: Input, by: str) -> None:
        """One input, from the floor in memory to all pages."""
        async with running.lock:
            if self._running.get(running.meeting_id) is not running:
                return
            now = self._moment()
            before = running.live.floor.state.sequence
            try:
                outcome = change(now)
                await self._keep(running, before, outcome, by, now)
                if outcome.ends:
                    running.ending = True
                    await self._life.end(running.meeting_id, by=by, now=now.wall, reason=outcome.reason)
                await self._change_rights(running, {event.kind for event in outcome.events})
                running.live.publish(outcome, now)
            except (MeetingChangedError, StateError) as error:
                # Closed a moment ago, or changed by another process: pages come again and find out.
                self.dropped += 1
                _log.info("meeting_changed_elsewhere", meeting=running.meeting_id, error=str(error))
                self._forget(running, "restart")
                return
            except Exception:
                self.dropped += 1
                _log.exception("meeting_not_stored", meeting=running.meeting_id)
                self._forget(running, "restart")
                return
            running.wake_all()
            if outcome.ends:
                self._forget(running, "ended")

    async def _keep(self, running: _Running, before: int, outcome: Outcome, by: str, now: Moment) -> None:
        if outcome.events and not await self._desk.store(
            running.meeting_id, before, running.live.floor, outcome.events, by
        ):
            raise MeetingChangedError("the floor was changed meanwhile", meeting=running.meeting_id)
        for member, count in outcome.head_counts.items():
            await self._attendance.head_count(running.meeting_id, identity(member), count, now=now.wall)

    # -- rights on the media server ------------------------------------------------------

    async def _change_rights(self, running: _Running, kinds: AbstractSet[EventKind]) -> None:
        """Have the media server follow what happened; pages wait for it, but not one after the other.

        Who has just joined gets its rights with its ticket, so a storm of joins does not wait at all.
        """
        if not kinds & CHANGING_RIGHTS:
            return
        following = self._start_following(running)
        if kinds & CHANGING_RIGHTS != {"joined"} and not running.behind:
            await asyncio.wait({following}, timeout=RIGHTS_WITHIN)
            if not following.done():
                running.behind = True

    def _start_following(self, running: _Running) -> asyncio.Task[None]:
        """Have the media server follow the floor; nobody who stops waiting for it cuts it off."""
        task = asyncio.create_task(self._follow(running), name=f"rights {running.meeting_id}")
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        return task

    async def _follow(self, running: _Running) -> None:
        if await self._desk.align(running.meeting_id, running.room):
            running.behind = False
        else:
            self._ask_again(running)

    def _ask_again(self, running: _Running) -> None:
        running.behind = True
        if running.again is None and self._running.get(running.meeting_id) is running:
            running.again = asyncio.create_task(
                self._until_followed(running), name=f"again {running.meeting_id}"
            )

    async def _until_followed(self, running: _Running) -> None:
        """Until the rights are as they should be, or the meeting is forgotten."""
        wait = FIRST_AGAIN
        while True:
            await asyncio.sleep(wait)
            if await self._desk.align(running.meeting_id, running.room):
                break
            wait = min(2 * wait, LAST_AGAIN)
        running.again, running.behind = None, False

    # -- time and the end ----------------------------------------------------------------

    def _forget(self, running: _Running, word: str) -> None:
        """Throw the meeting in memory away, and send its pages away with a word."""
        if self._running.get(running.meeting_id) is running:
            del self._running[running.meeting_id]
        running.live.close_all(word)
        for line in running.lines:
            line.session.close(word)
            line.wake.set()
        running.lines.clear()
        for task in (running.timer, running.again):
            if task is not None:
                task.cancel()

    async def _time_passes(self, running: _Running) -> None:
        """Do what is due by the clock, until the meeting is forgotten."""
        while True:
            running.changed.clear()
            wait = self._wait(running)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await running.changed.wait()
                    # A storm of changes is looked at once in a while, not once for each.
                    await asyncio.sleep(min(wait, 0.05))
            if self._wait(running) <= 0.0:
                # Shielded, since an input is carried out wholly or not at all.
                await asyncio.shield(self._apply(running, running.live.tick, "service"))

    def _wait(self, running: _Running) -> float:
        """Seconds until something is due; 0 for now."""
        wall, mono = running.live.deadlines()
        now = self._moment()
        waits = [IDLE]
        if wall is not None:
            waits.append((wall - now.wall).total_seconds())
        if mono is not None:
            waits.append(mono - now.mono)
        return max(0.0, min(waits))

    def _moment(self) -> Moment:
        return Moment(datetime.fromtimestamp(self._wall(), UTC), self._monotonic())


def _view(meeting: Meeting) -> MeetingView:
    return MeetingView(meeting.title, meeting.state, meeting.starts_at, meeting.ends_at)
