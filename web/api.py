"""The pages' questions to the server: which rooms are open, and the way into one."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any, Final, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from media import clock
from web.errors import Refusal, json_error
from web.joining import Joining, parse_join
from web.middleware import CODE, host_of

COOKIE: Final = "diemcau_place"
COOKIE_LIFE: Final = 180 * 24 * 3600
MAX_BODY: Final = 8 * 1024
BODY_TIMEOUT: Final = 10.0
_PATH: Final = "/api/join"


class Rooms(Protocol):
    """What the API needs from the media server."""

    def people(self, room: str) -> int:
        """How many are in the room now, 0 for one that is not there."""
        ...

    def prepare(self, room: str, identity: str) -> None:
        """Open the room if need be. Raises Refusal ``room_full``."""
        ...


class Api:
    """Routes under ``/api``."""

    def __init__(self, joining: Joining, rooms: Rooms) -> None:
        self._joining = joining
        self._open_rooms = rooms
        self.joins: Counter[str] = Counter()
        """Answers to requests to join, by ``admitted`` or the refusal's code."""

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [
            Route("/api/rooms", self._rooms, methods=["GET"]),
            Route(_PATH, self._join, methods=["POST"]),
        ]

    async def _rooms(self, request: Request) -> Response:
        room = self._joining.room
        rooms = []
        if room is not None:
            rooms.append(
                {"name": room.name, "title": room.title, "people": self._open_rooms.people(room.name)}
            )
        return JSONResponse({"rooms": rooms}, headers={"Cache-Control": "no-store"})

    async def _join(self, request: Request) -> Response:
        try:
            _require_same_origin(request)
            body = await _read_json(request)
            asked = parse_join(body, request.cookies.get(COOKIE, ""))
            address = request.client.host if request.client else ""
            admission = self._joining.admit(asked, address, clock.monotonic(), clock.wall())
            self._open_rooms.prepare(asked.room, admission.identity)
        except Refusal as refusal:
            self.joins[refusal.code] += 1
            request.scope[CODE] = refusal.code
            return json_error(refusal)
        except ClientDisconnect:
            return Response(status_code=400)
        self.joins["admitted"] += 1
        answer = JSONResponse(
            {
                "url": "",  # The page's own host, under whatever name it was reached.
                "token": admission.token,
                "identity": admission.identity,
                "role": admission.role,
                "rejoin": None,  # The cookie lets the browser come back.
            },
            headers={"Cache-Control": "no-store"},
        )
        answer.set_cookie(
            COOKIE,
            admission.ticket,
            max_age=COOKIE_LIFE,
            path=_PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer


def _require_same_origin(request: Request) -> None:
    """A form or script of another site may not join for its visitor.

    JSON needs a preflight across sites, which is not answered; and browsers say
    whence a request comes.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal("bad_request", 415)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refusal("wrong_origin", 403)
    origin = request.headers.get("origin")
    if origin is not None:
        host = host_of(request.scope)
        if not host or origin.partition("://")[2].lower() != host.lower():
            raise Refusal("wrong_origin", 403)


async def _read_json(request: Request) -> Any:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Refusal("too_large", 413)
    except TimeoutError:
        raise Refusal("bad_request", 408) from None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("bad_request", 400) from None
