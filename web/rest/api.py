"""The API as one part: its calls, its routes, its document."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory.access.signin import SignIn
from directory.database import Database
from web.rest.attendance_calls import AttendanceCalls
from web.rest.calls import PREFIX, AnyCall, Server
from web.rest.directory_calls import DirectoryCalls
from web.rest.document import as_json, document
from web.rest.meeting_calls import MeetingCalls
from web.rest.people_calls import PeopleCalls
from web.rest.signin import Callers
from web.visitors import now

DOCUMENT: Final = f"{PREFIX}/openapi.json"


class RestApi:
    """``door`` is where the pages sign in; ``changed`` is called after each change of a meeting."""

    def __init__(
        self,
        database: Database,
        door: SignIn,
        changed: Callable[[], None] = lambda: None,
        *,
        now: Callable[[], datetime] = now,
    ) -> None:
        self.calls: list[AnyCall] = [
            *DirectoryCalls(database).calls(),
            *PeopleCalls(database).calls(),
            *MeetingCalls(database, changed).calls(),
            *AttendanceCalls(database).calls(),
        ]
        self._server = Server(Callers(database, door), now)

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [Route(DOCUMENT, self._document, methods=["GET"]), *self._server.routes(self.calls)]

    async def _document(self, request: Request) -> Response:
        return Response(self._text, media_type="application/json")

    @cached_property
    def _text(self) -> str:
        """Made when it is first asked for."""
        return as_json(document(self.calls))
