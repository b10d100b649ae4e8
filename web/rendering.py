"""Server-made pages: templates in the reader's language, with the components of ``templates/ui``.

A page is a template that extends ``site.html`` and uses ``ui.…`` (see
``docs/add-a-page.md``). There is one environment for each language, so that
components know their words without being handed them.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from web import i18n
from web.assets import APP_FOLDER, Assets
from web.flash import Flash, forget_flash, read_flash
from web.forms import show_date, show_time
from web.i18n import Language
from web.navigation import Visitor, navigation

TEMPLATES: Final = Path(__file__).parent / "templates"
ENTRY: Final = "src/site.ts"
"""The script of all server-made pages: partial updates and the components that need one."""

LANGUAGE_PATH: Final = "/language"
LANGUAGE_LIFE: Final = 31_536_000
MAX_BODY: Final = 4_096
BODY_TIMEOUT: Final = 20.0

WEEKDAYS: Final = (
    "weekday.1",
    "weekday.2",
    "weekday.3",
    "weekday.4",
    "weekday.5",
    "weekday.6",
    "weekday.7",
)

_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
"""Controls, and marks that turn the direction of text: they would let a name look like another one."""

_LOCAL: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}", re.ASCII)


def clean(value: Any) -> Any:
    """Text without unseen characters, anything else as it is; Jinja's ``finalize``."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _UNSEEN.sub("", value)


def local_path(text: str) -> str:
    """``text`` if it is a path on this server with its query, else the start page."""
    return text if _LOCAL.fullmatch(text) else "/"


def environment(say: Callable[..., str], language: Language, folder: Path = TEMPLATES) -> jinja2.Environment:
    """Jinja with every component under ``ui``; ``say`` gives the words for a key."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    ui = SimpleNamespace()
    made.globals.update(
        ui=ui,
        t=say,
        language=language,
        languages=i18n.LANGUAGES,
        date=show_date,
        time=show_time,
        day=lambda value: f"{say(WEEKDAYS[value.weekday()])}, {show_date(value)}",
    )
    for path in sorted((TEMPLATES / "ui").glob("*.html")):
        module = made.get_template(f"ui/{path.name}").module
        for name, macro in vars(module).items():
            if not name.startswith("_"):
                setattr(ui, name, macro)
    return made


class Renderer:
    """Fills templates for one service.

    ``visitor`` tells who asks, and ``csrf`` the token that forms of that
    person carry (nothing: no field). Raises AssetsMissing where the pages'
    scripts are not built.
    """

    def __init__(
        self,
        folder: Path = APP_FOLDER,
        *,
        visitor: Callable[[Request], Visitor | None] = lambda request: None,
        csrf: Callable[[Request], str] = lambda request: "",
    ) -> None:
        self._assets = Assets(folder)
        self._script = self._assets.script(ENTRY)
        self._styles = self._assets.styles(ENTRY)
        self._visitor = visitor
        self._csrf = csrf
        self._environments = {
            language: environment(functools.partial(i18n.translate, language), language)
            for language in i18n.LANGUAGES
        }

    def routes(self) -> list[BaseRoute]:
        """What all pages share: the language switch."""
        return [Route(LANGUAGE_PATH, choose_language, methods=["POST"])]

    @staticmethod
    def language(request: Request) -> Language:
        """The language in which this request is answered."""
        return i18n.choose_language(request.cookies.get("language"), request.headers.get("accept-language"))

    def say(self, request: Request, key: str, **values: object) -> str:
        """Words for this request, such as the sentence of a wrong field."""
        return i18n.translate(self.language(request), key, **values)

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        flashes: Sequence[Flash] = (),
        here: str = "",
        **values: Any,
    ) -> Response:
        """The page. ``here`` is where the language switch comes back to, if that is not this address:
        needed in answers to POST."""
        language = self.language(request)
        kept = read_flash(request)
        visitor = self._visitor(request)
        token = self._csrf(request)
        page = (
            self._environments[language]
            .get_template(template)
            .render(
                script=self._script,
                styles=self._styles,
                visitor=visitor,
                navigation=navigation(visitor, request.url.path),
                flashes=[*flashes, *([kept] if kept else [])],
                come_back=here or local_path(_path(request)),
                here=functools.partial(_here, request),
                csrf=Markup('<input type="hidden" name="csrf" value="{}">').format(token) if token else "",
                **values,
            )
        )
        headers = {"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language, HX-Request"}
        response = HTMLResponse(page, status, headers)
        if kept:
            forget_flash(response)
        return response


def _path(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _here(request: Request, **changes: object) -> str:
    """This page's address with some parameters changed, or taken away by None."""
    parameters = {key: value for key, value in request.query_params.multi_items() if key not in changes}
    parameters |= {key: str(value) for key, value in changes.items() if value is not None}
    return request.url.path + (f"?{urlencode(parameters)}" if parameters else "")


async def choose_language(request: Request) -> Response:
    """Keeps the chosen language in a cookie and goes back to where the person was."""
    body = b""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return Response(status_code=413)
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    except TimeoutError:
        return Response(status_code=408)
    except ValueError:
        # More fields than the switch has.
        return Response(status_code=400)
    wish = fields.get("language", [""])[0]
    answer = RedirectResponse(local_path(fields.get("next", ["/"])[0]), 303)
    if wish in i18n.LANGUAGES:
        answer.set_cookie("language", wish, max_age=LANGUAGE_LIFE, samesite="lax")
    return answer
