"""Meetings that run, over HTTP: the media server's webhooks, tickets into rooms, and the channel of pages.

What is decided is decided in ``scheduler``; here it is only carried.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog
from livekit.protocol.webhook import WebhookEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from directory.access.principal import Principal
from directory.database import Database
from directory.errors import DirectoryError
from media import clock
from scheduler import rights
from scheduler.attending import AttendanceLog
from scheduler.channel.meeting import Person
from scheduler.channel.messages import MOST_FROM_CLIENT
from scheduler.desk import FloorDesk
from scheduler.errors import FloorError, NoMeetingError, RightError, SchedulerError, StateError
from scheduler.floor import MOST_MEMBERS
from scheduler.life import Changed, MeetingLife
from scheduler.membership import member_of_meeting
from scheduler.model import Meeting
from scheduler.rows import get_meeting
from scheduler.running import Line, RunningMeetings
from scheduler.states import CLOSED, OPEN, Rules
from scheduler.waker import Waker
from signaling import tokens
from signaling.client.room_service import RoomService
from signaling.client.webhook_receiver import MAX_BODY_BYTES, receive
from signaling.errors import SignalingError
from signaling.tokens import KeyRing
from web.access_watch import AccessWatch
from web.errors import Refusal, json_error
from web.meetings_data import asker_of
from web.middleware import CODE
from web.settings import Settings
from web.visitors import TurnedAway, check_header, require

WEBHOOKS: Final = "/webhooks/media"
TICKET_LIFE: Final = 120.0
"""Seconds in which a page has to join; once it is in, the media server renews its token."""
LONG_BODY: Final = 20.0
MOST_HEARD: Final = 10_000
FIRST_PAUSE: Final = 0.1
LAST_PAUSE: Final = 2.0
"""Seconds until an event is written again for which there was no database: at first, and at most."""
LAST_WORDS: Final = 5.0
"""Seconds for writing down what happened before the end."""
GOODBYE: Final = 5.0
"""Seconds in which a page takes its last message."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MediaServer:
    """A LiveKit-compatible server, for the service and for pages (``page_url`` empty: their own host)."""

    url: str
    key: str
    secret: str
    page_url: str = ""

    def __repr__(self) -> str:
        return f"MediaServer({self.url!r})"


class Conference:
    """All that makes meetings run in one process."""

    def __init__(self, database: Database, media: MediaServer, rules: Rules) -> None:
        self.database = database
        self.media = media
        self.rooms = RoomService(media.url, media.key, media.secret, clock.wall)
        self.desk = FloorDesk(database, self.rooms)
        self.attendance = AttendanceLog(database)
        self.life = MeetingLife(database, self.rooms, rules, self._changed)
        self.running = RunningMeetings(
            database, self.desk, self.attendance, self.life, wall=clock.wall, monotonic=clock.monotonic
        )
        self.waker = Waker(self.life.wake, wall=clock.wall, monotonic=clock.monotonic)
        self.watch = AccessWatch(database, self.rooms, self._as_member, wall=clock.wall)
        self._keys = KeyRing({media.key: media.secret})
        self._heard: asyncio.Queue[WebhookEvent] = asyncio.Queue(MOST_HEARD)
        self._joining: set[asyncio.Task[None]] = set()
        self.refused_webhooks = 0
        self.unheard = 0
        """Events that were dropped, since writing them down took too long."""

    def gauges(self) -> dict[str, float]:
        """For metrics: what is so now."""
        return {
            "meetings_running": len(self.running),
            "meeting_pages": self.running.lines,
            "scheduler_heartbeat_age_seconds": clock.monotonic() - self.waker.last_ring,
        }

    def totals(self) -> dict[str, float]:
        """For metrics: what has been counted."""
        return {
            "scheduler_rings": self.waker.rings,
            "scheduler_failures": self.waker.failures,
            "scheduler_clock_jumps": self.waker.jumps,
            "meetings_claimed": self.life.claimed,
            "accesses_cut": self.watch.cut,
            "media_server_failures": self.life.failed_effects + self.desk.failed_rights,
            "meetings_dropped": self.running.dropped,
            "events_unheard": self.unheard,
            "webhooks_refused": self.refused_webhooks,
        }

    def hear(self, event: WebhookEvent) -> None:
        """An event of the relay in this process; a LiveKit server sends its events as webhooks."""
        if not event.created_at:
            event.created_at = int(clock.wall())
        try:
            self._heard.put_nowait(event)
        except asyncio.QueueFull:
            self.unheard += 1

    async def _changed(self, change: Changed) -> None:
        await self.running.changed(change)

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [
            Route(WEBHOOKS, self._webhook, methods=["POST"]),
            Route("/api/v1/meetings/{meeting}/ticket", self._ticket, methods=["POST"]),
            WebSocketRoute("/channel/{meeting}", self._channel),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """From the first waking to the last farewell; the media server must be there before."""
        listening = asyncio.create_task(self._listen(), name="conference events")
        await self.waker.start()
        try:
            async with self.watch.lifespan():
                yield
        finally:
            await self.waker.stop()
            await self.running.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._heard.join()
            ending = [listening, *self._joining]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            await self.rooms.close()

    async def _listen(self) -> None:
        """Write down what the relay of this process tells, one event after the other."""
        while True:
            event = await self._heard.get()
            try:
                await self._take_heard(event)
            except Exception:
                # A fault of one event must not make the service deaf.
                self.unheard += 1
                _log.exception("event_not_written", event_name=event.event)
            finally:
                self._heard.task_done()

    async def _take_heard(self, event: WebhookEvent) -> None:
        """Nobody tells it again: while the database is away, it waits here and the others in the queue."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self.take(event)
                return
            except DirectoryError as error:
                _log.warning("event_waits", event_name=event.event, error=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE)

    async def take(self, event: WebhookEvent) -> None:
        """An event of the media server, verified: attendance, and rights of who came in.

        Rights follow later: looking through a full room must not keep the next events off the record.
        """
        meeting_id = await self.attendance.take(event)
        if event.event == "participant_left":
            self.watch.left(event)
        elif event.event == "track_published":
            await self.watch.published(event)
        elif event.event == "participant_joined":
            task = asyncio.create_task(self._joined(meeting_id, event), name="rights after a join")
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)

    async def _joined(self, meeting_id: str | None, event: WebhookEvent) -> None:
        try:
            await self.watch.joined(event)
            if meeting_id is not None:
                await self.running.joined(meeting_id)
        except (SchedulerError, DirectoryError) as error:
            _log.warning("rights_not_followed", meeting=meeting_id, error=str(error))

    # -- webhooks ----------------------------------------------------------------------

    async def _webhook(self, request: Request) -> Response:
        body = bytearray()
        try:
            async with asyncio.timeout(LONG_BODY):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        return Response(status_code=413)
            event = receive(self._keys, bytes(body), request.headers.get("authorization", ""), clock.wall())
        except TimeoutError:
            return Response(status_code=408)
        except SignalingError as error:
            self.refused_webhooks += 1
            return Response(status_code=error.http_status)
        await self.take(event)
        return Response(status_code=200)

    # -- the way into the room -----------------------------------------------------------

    async def _ticket(self, request: Request) -> Response:
        try:
            # Whose session has ended is told so, not that a form is old.
            principal = require(request)
            check_header(request)
            meeting, person = await self._member(request.path_params["meeting"], principal)
            return await self._admit(meeting, person, principal)
        except TurnedAway:
            raise
        except (Refusal, SchedulerError) as error:
            refusal = error if isinstance(error, Refusal) else _refusal(error)
            request.scope[CODE] = refusal.code
            return json_error(refusal)

    async def _admit(self, meeting: Meeting, person: Person, principal: Principal) -> Response:
        """A token with the rights of this moment, for who has come in by the channel and was not put out."""
        if meeting.state != OPEN:
            raise StateError("the meeting is not open", state=meeting.state)
        state = await self.desk.state(meeting.id)
        known = state.members.get(person.key)
        if person.key in state.removed:
            raise Refusal("removed_from_meeting", 403)
        if known is None:
            raise Refusal("not_admitted", 409)
        now = clock.wall()
        granted = rights.grants(meeting.room, person.key, known.role, state, _shown(person))
        came_by = self.watch.admitted(meeting.room, granted.identity, principal.session_id)
        granted = replace(granted, attributes=came_by)
        token = tokens.issue(self.media.key, self.media.secret, granted, exp=now + TICKET_LIFE, now=now)
        return JSONResponse(
            {
                "url": self.media.page_url,
                "token": token,
                "room": meeting.room,
                "identity": granted.identity,
                "name": granted.name,
                "role": known.role,
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _member(self, meeting_id: str, principal: Principal) -> tuple[Meeting, Person]:
        async with self.database.read() as session:
            meeting = await get_meeting(session, meeting_id)
            return meeting, await member_of_meeting(session, meeting, asker_of(principal))

    async def _as_member(self, meeting_id: str, principal: Principal) -> Person:
        """As whom ``principal`` takes part now. Raises SchedulerError."""
        return (await self._member(meeting_id, principal))[1]

    # -- the channel -----------------------------------------------------------------------

    async def _channel(self, websocket: WebSocket) -> None:
        _require_own_origin(websocket)
        principal = require(websocket)
        try:
            meeting, person = await self._member(websocket.path_params["meeting"], principal)
            if self.running.lines >= 4 * MOST_MEMBERS:
                raise FloorError("too many pages", problem="full")
            line = await self.running.connect(meeting.id, person)
        except SchedulerError as error:
            refusal = _refusal(error)
            websocket.scope[CODE] = refusal.code
            raise TurnedAway(refusal.code, refusal.status) from None
        try:
            with self.watch.seat(line, meeting.room, principal, person):
                await websocket.accept()
                await self._carry(websocket, line)
        finally:
            # An input is carried out wholly, whatever ends this connection.
            await asyncio.shield(self.running.disconnect(line))

    async def _carry(self, websocket: WebSocket, line: Line) -> None:
        """Texts both ways, until one side has ended."""
        writer = asyncio.create_task(_write(websocket, line), name="channel writer")
        reader = asyncio.create_task(self._read(websocket, line), name="channel reader")
        try:
            await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writer, reader):
                task.cancel()
            for task in (writer, reader):
                # A peer that is gone is how connections end.
                with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError, OSError):
                    await task

    async def _read(self, websocket: WebSocket, line: Line) -> None:
        while True:
            message = await websocket.receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            if text is None or len(text) > MOST_FROM_CLIENT:
                text = ""
            await self.running.receive(line, text)


async def _write(websocket: WebSocket, line: Line) -> None:
    """Send what waits; ends with the close code of the session. A page that takes nothing is cut off."""
    session = line.session
    while True:
        line.wake.clear()
        while (text := session.take()) is not None:
            if session.closing:
                async with asyncio.timeout(GOODBYE):
                    await websocket.send_text(text)
            else:
                await _send_or_closing(websocket, line, text)
        code = session.close_code
        if code is not None:
            if websocket.application_state is WebSocketState.CONNECTED:
                await websocket.close(code)
            return
        await line.wake.wait()


async def _send_or_closing(websocket: WebSocket, line: Line, text: str) -> None:
    """Send one text; when the session ends meanwhile, wait for it no longer than for a goodbye."""
    sending = asyncio.ensure_future(websocket.send_text(text))
    try:
        while not sending.done():
            waking = asyncio.ensure_future(line.wake.wait())
            await asyncio.wait({sending, waking}, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
            line.wake.clear()
            if line.session.closing and not sending.done():
                async with asyncio.timeout(GOODBYE):
                    await asyncio.shield(sending)
        await sending
    finally:
        sending.cancel()


def media_server(settings: Settings, key: str, secret: str, port: int) -> MediaServer:
    """The LiveKit server of the settings, or the relay of this process on ``port`` with its key."""
    if settings["media_url"]:
        return MediaServer(
            settings["media_url"], settings["media_key"], settings["media_secret"], settings["media_url"]
        )
    bound = next(iter(settings["bind"]), "")
    host = "127.0.0.1" if bound in ("", "0.0.0.0", "::") else bound
    host = f"[{host}]" if ":" in host else host
    return MediaServer(f"http://{host}:{port or settings['port']}", key, secret)


def meeting_rules(settings: Settings) -> Rules:
    """When meetings open and close by themselves."""
    return Rules(close_after=timedelta(seconds=settings["meeting_overrun"]))


def _require_own_origin(websocket: WebSocket) -> None:
    """Another site's page must not open the channel with its visitor's cookie."""
    origin = websocket.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != websocket.headers.get("host"):
        raise TurnedAway("wrong_origin", 403)


def _shown(person: Person) -> str:
    """A name that tells sites of equal name apart."""
    return f"{person.name}, {person.district}" if person.district else person.name


def _refusal(error: SchedulerError) -> Refusal:
    match error:
        case NoMeetingError():
            return Refusal("no_meeting", 404)
        case RightError():
            return Refusal("not_of_this_meeting", 403)
        case StateError():
            closed = error.details.get("state") == CLOSED
            return Refusal("meeting_over" if closed else "meeting_not_open", 409)
        case FloorError():
            return Refusal("meeting_full", 503)
        case _:
            return Refusal("meeting_changed", 409)
