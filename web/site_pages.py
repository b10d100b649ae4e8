"""The page of a site's own screen, ``/kiosk``, and what it asks again and again: which meeting comes next.

A site's device is signed in by its key (``/sign-in/site``). What it is told concerns its own site alone:
no request names another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import jinja2
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from directory.access.principal import Principal
from directory.access.rights import Action
from directory.database import Database
from directory.errors import UnavailableError
from directory.model import Endpoint, Person
from directory.sites import Site, all_sites
from media import clock
from scheduler.calendar import meetings_between, next_of_site
from scheduler.model import Meeting
from scheduler.states import OPEN, PUBLISHED
from web import i18n
from web.assets import APP_FOLDER, PREFIX, Assets, AssetsMissing
from web.errors import error_page
from web.rendering import clean
from web.signin import SITE_PATH
from web.visitors import TurnedAway, csrf_token, now, principal, require

KIOSK: Final = "/kiosk"
NEXT: Final = "/api/v1/site/next"
ENTRY: Final = "src/site-kiosk/main.ts"
WORKER_ENTRY: Final = "src/site-kiosk/worker.ts"
WORKER: Final = "/kiosk-worker.js"
"""A service worker serves pages below its own path alone, so it has one of its own."""
TIME_HEADER: Final = "X-Server-Time"
"""Milliseconds of Unix time when the answer was made, also of an answer without content."""

AHEAD: Final = timedelta(days=7)
MOST_LATER: Final = 3
RELOAD_SECONDS: Final = 5
"""Nobody presses F5 at a site: a page that could not be made loads itself anew."""

_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Coming:
    """What a site's screen shows: its name, the meeting that is open or next, and those after it."""

    site: Site
    meeting: Meeting | None
    chair: str
    later: tuple[Meeting, ...]


async def coming(session: AsyncSession, endpoint_id: int, moment: datetime) -> Coming | None:
    """For one site; None if it is not there any more."""
    sites = await all_sites(session, Endpoint.id == endpoint_id)
    if not sites:
        return None
    meeting = await next_of_site(session, endpoint_id, moment)
    if meeting is None:
        return Coming(sites[0], None, "", ())
    chair = await session.get(Person, meeting.chair_id)
    listed = await meetings_between(
        session, moment, moment + AHEAD, states=(OPEN, PUBLISHED), endpoint_ids={endpoint_id}
    )
    later = [one.meeting for one in listed if one.meeting.id != meeting.id]
    return Coming(sites[0], meeting, chair.name if chair else "", tuple(later[:MOST_LATER]))


def as_plain(found: Coming, release: str) -> dict[str, Any]:
    """As JSON; times are milliseconds of Unix time. ``release`` changes when the page's script does."""
    meeting = found.meeting
    return {
        "site": {
            "code": found.site.code,
            "name": clean(found.site.name),
            "district": clean(found.site.district),
        },
        "meeting": None if meeting is None else _meeting(meeting) | {"chair": clean(found.chair)},
        "later": [_meeting(one) for one in found.later],
        "release": release,
    }


def _meeting(meeting: Meeting) -> dict[str, Any]:
    return {
        "id": meeting.id,
        "title": clean(meeting.title),
        "kind": meeting.kind,
        "state": meeting.state,
        "starts_at": _milliseconds(meeting.starts_at),
        "ends_at": _milliseconds(meeting.ends_at),
    }


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


class SitePages:
    """See the module. ``wall`` is the server's clock in seconds. Raises AssetsMissing."""

    def __init__(
        self, database: Database, built: Path = APP_FOLDER, *, wall: Callable[[], float] = clock.wall
    ) -> None:
        self._database = database
        self._wall = wall
        assets = Assets(built)
        self._script = assets.script(ENTRY)
        self._styles = assets.styles(ENTRY)
        self._worker_script = _worker(built / assets.script(WORKER_ENTRY).removeprefix(PREFIX))
        self._template = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=clean,
        ).get_template("site_kiosk.html")

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [
            Route(KIOSK, self._kiosk, methods=["GET"]),
            Route(WORKER, self._worker, methods=["GET"]),
            Route(NEXT, self._next, methods=["GET"]),
        ]

    async def _kiosk(self, request: Request) -> Response:
        if principal(request) is None:
            try:
                require(request)
            except TurnedAway as turned:
                if turned.status == 503:
                    return _again(turned.code, turned.status)
                return RedirectResponse(
                    f"{SITE_PATH}?{urlencode({'next': KIOSK})}", 303, {"Cache-Control": "no-store"}
                )
        found = _site(request)
        language = i18n.choose_language(
            request.cookies.get("language"), request.headers.get("accept-language")
        )
        page = self._template.render(
            language=language,
            t=lambda key, **fields: i18n.translate(language, key, **fields),
            script=self._script,
            styles=self._styles,
            token=csrf_token(request),
            site_name=found.full_name,
            server_time=self._now_ms(),
        )
        return HTMLResponse(page, headers={"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"})

    async def _worker(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "same-origin"}
        return Response(self._worker_script, media_type="text/javascript", headers=headers)

    async def _next(self, request: Request) -> Response:
        found = _site(request)
        try:
            async with self._database.read() as session:
                what = await coming(session, found.id, now())
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=RELOAD_SECONDS) from None
        if what is None:
            raise TurnedAway("sign_in_needed", 401)
        plain = as_plain(what, self._script)
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
        headers = {
            "ETag": f'"{digest[:20]}"',
            "Cache-Control": "private, no-cache",
            "Vary": "Cookie",
            TIME_HEADER: str(self._now_ms()),
        }
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return JSONResponse(plain, headers=headers)

    def _now_ms(self) -> int:
        return round(self._wall() * 1000)


def _worker(path: Path) -> str:
    """The service worker with its words, in all languages. Raises AssetsMissing."""
    try:
        script = path.read_text("utf-8")
    except OSError as error:
        raise AssetsMissing("the pages are not built: run `make install`") from error
    spoken = [[language, i18n.translate(language, "kiosk.unreached")] for language in i18n.LANGUAGES]
    return f"self.words = {json.dumps(spoken)};\n{script}"


def _site(request: Request) -> Principal:
    """The site whose device asks; people and agents have pages of their own. Raises TurnedAway."""
    found = require(request, Action.SPEAK_AS_SITE)
    if found.kind != "site":
        raise TurnedAway("forbidden", 403)
    return found


def _again(code: str, status: int) -> Response:
    answer = error_page(code, status)
    answer.headers["Refresh"] = str(RELOAD_SECONDS)
    answer.headers["Cache-Control"] = "no-store"
    return answer
