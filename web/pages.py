"""The pages: templates filled on the server, everything else by their scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from web import i18n
from web.assets import APP_FOLDER, PREFIX, Assets
from web.static_files import read_folder, static_route

TEMPLATES: Final = Path(__file__).parent / "templates"
MAX_NAME: Final = 60
"""Characters of a name that a link may suggest."""

MAX_ROOM: Final = 128


class Pages:
    """``title`` gives the shown name of a room; ``at_work`` where somebody who is signed in belongs, if any.

    Raises AssetsMissing where the pages are not built.
    """

    def __init__(
        self,
        title: Callable[[str], str],
        folder: Path = APP_FOLDER,
        *,
        at_work: Callable[[Request], str] = lambda request: "",
    ) -> None:
        self._title = title
        self._at_work = at_work
        self._assets = Assets(folder)
        self._files = read_folder(folder)
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
        )
        for entry in ("src/main.ts", "src/start.ts"):
            self._assets.script(entry)

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [
            Route("/", self._start, methods=["GET"]),
            Route("/meet/{room}", self._meeting, methods=["GET"]),
            static_route(PREFIX, self._files),
        ]

    async def _start(self, request: Request) -> Response:
        elsewhere = self._at_work(request)
        if elsewhere:
            return RedirectResponse(elsewhere, 303, {"Cache-Control": "no-store", "Vary": "Cookie"})
        return self._render(request, "start.html")

    async def _meeting(self, request: Request) -> Response:
        room = request.path_params["room"][:MAX_ROOM]
        suggested = request.query_params.get("n", "").strip()[:MAX_NAME]
        return self._render(
            request, "meeting.html", room=room, room_title=self._title(room), suggested_name=suggested
        )

    def _render(self, request: Request, template: str, **values: Any) -> Response:
        language = i18n.choose_language(
            request.cookies.get("language"), request.headers.get("accept-language")
        )
        page = self._environment.get_template(template).render(
            language=language,
            t=lambda key, **fields: i18n.translate(language, key, **fields),
            script=self._assets.script,
            styles=self._assets.styles,
            **values,
        )
        return HTMLResponse(page, headers={"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"})
