"""The page in which a booked meeting takes place, ``/meetings/{id}/room``.

Its script does the rest by the meeting channel. Who comes too early, too late, or to a meeting of others
gets a page that says so and where to go instead.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory.database import Database
from directory.errors import UnavailableError
from scheduler.channel.meeting import Person
from scheduler.errors import NoMeetingError, RightError
from scheduler.listing import sees
from scheduler.localtime import format_date, format_span, format_time, local
from scheduler.membership import member_of_meeting
from scheduler.model import Meeting
from scheduler.rows import get_meeting
from scheduler.states import CANCELLED, CLOSED, DRAFT, OPEN, PUBLISHED, SKIPPED
from web.assets import APP_FOLDER, Assets
from web.meeting_words import reason_words
from web.meetings_data import asker_of, seer_of
from web.rendering import Renderer
from web.visitors import HOME, TurnedAway, csrf_token, now, require

ENTRY: Final = "src/room.ts"
EARLY: Final = timedelta(hours=1)
"""So long before the beginning the room's page waits by itself; who comes earlier chooses to."""

_AWAY: Final = {
    PUBLISHED: ("room.away.early", "room.away.early.text", 409),
    DRAFT: ("room.away.draft", "room.away.draft.text", 409),
    CLOSED: ("room.away.closed", "room.away.closed.text", 410),
    CANCELLED: ("room.away.cancelled", "room.away.cancelled.text", 410),
    SKIPPED: ("room.away.skipped", "room.away.skipped.text", 410),
}
"""Title, sentence and status by the state of a meeting that one cannot enter."""


def room_address(meeting_id: str) -> str:
    """Where the room of a meeting is."""
    return f"/meetings/{meeting_id}/room"


class RoomPages:
    """See the module. Raises AssetsMissing."""

    def __init__(self, renderer: Renderer, database: Database, built: Path = APP_FOLDER) -> None:
        self._renderer = renderer
        self._database = database
        assets = Assets(built)
        self._script = assets.script(ENTRY)
        self._styles = assets.styles(ENTRY)

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [Route(room_address("{meeting}"), self._room, methods=["GET"])]

    async def _room(self, request: Request) -> Response:
        principal = require(request)
        try:
            async with self._database.read() as session:
                meeting = await get_meeting(session, request.path_params["meeting"])
                seen = await sees(session, meeting, await seer_of(session, principal))
                try:
                    person = await member_of_meeting(session, meeting, asker_of(principal))
                except RightError:
                    person = None
        except NoMeetingError:
            raise HTTPException(404) from None
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        if meeting.state == DRAFT and not seen:
            # Nobody learns of a draft who could not see it.
            raise HTTPException(404)
        if person is None:
            return self._strange(request, meeting if seen else None)
        waits = meeting.state == PUBLISHED and (
            meeting.starts_at - now() <= EARLY or "wait" in request.query_params
        )
        if meeting.state == OPEN or waits:
            title = meeting.title if seen else self._renderer.say(request, "room.untitled")
            return self._page(request, meeting, title, person, principal.kind)
        return self._away(request, meeting, seen)

    def _page(self, request: Request, meeting: Meeting, title: str, person: Person, kind: str) -> Response:
        starts = local(meeting.starts_at)
        return self._renderer.render(
            request,
            "room.html",
            room_script=self._script,
            room_styles=self._styles,
            meeting=meeting,
            room_title=title,
            joins_as=f"{person.name}, {person.district}" if person.district else person.name,
            kind=kind,
            token=csrf_token(request),
            starts_time=format_time(starts.time()),
            starts_date=format_date(starts.date()),
            home=HOME,
        )

    def _away(self, request: Request, meeting: Meeting, seen: bool) -> Response:
        title, text, status = _AWAY[meeting.state]
        reason = ""
        if seen and meeting.state in (CANCELLED, SKIPPED):
            reason = reason_words(self._renderer.language(request), meeting.reason)
        return self._said(
            request,
            status,
            title,
            text,
            meeting=meeting if seen else None,
            name=meeting.title if seen else "",
            when=format_span(meeting.starts_at, meeting.ends_at),
            reason=reason,
            wait=f"{request.url.path}?wait" if meeting.state == PUBLISHED else "",
        )

    def _strange(self, request: Request, meeting: Meeting | None = None) -> Response:
        """Of a meeting that one may not see, nothing is told."""
        return self._said(
            request,
            403,
            "room.away.strange",
            "room.away.strange.text",
            meeting=meeting,
            name=meeting.title if meeting else "",
            when="",
            reason="",
            wait="",
        )

    def _said(self, request: Request, status: int, title: str, text: str, **values: Any) -> Response:
        return self._renderer.render(
            request, "room_away.html", status=status, title=title, text=text, home=HOME, **values
        )
