"""The audit log as administrators read it: filtered, the newest first, page by page."""

from __future__ import annotations

from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory import audit
from directory.access.rights import Action
from directory.database import Database
from scheduler.localtime import day_bounds
from web.audit_words import NOUNS, actor_of, lines
from web.forms import Form, read_date
from web.rendering import Renderer
from web.visitors import require

PATH: Final = "/audit"
PER_PAGE: Final = 50
THINGS: Final = (
    "person",
    "credential",
    "session",
    "endpoint",
    "device",
    "place",
    "unit",
    "site_group",
    "meeting",
)
"""What the log can be narrowed to; one of ``NOUNS`` each."""
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2100


class AuditPages:
    """See the module."""

    def __init__(self, renderer: Renderer, database: Database) -> None:
        self._renderer = renderer
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [Route(PATH, self._show, methods=["GET"])]

    async def _show(self, request: Request) -> Response:
        require(request, Action.VIEW_AUDIT)
        asked = request.query_params
        values = {name: asked.get(name, "")[:100] for name in ("who", "thing", "subject", "since", "until")}
        errors = {}
        days: dict[str, date | None] = {}
        for name in ("since", "until"):
            day = days[name] = read_date(values[name]) if values[name].strip() else None
            if values[name].strip() and (day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR):
                errors[name] = self._renderer.say(request, "audit.day.wrong")
        since, until = days["since"], days["until"]
        if not errors and since is not None and until is not None and until < since:
            errors["until"] = self._renderer.say(request, "audit.day.order")
        below = asked.get("below", "")
        language = self._renderer.language(request)
        async with self._database.read() as session:
            actor = await actor_of(session, values["who"])
            if actor is None:
                errors["who"] = self._renderer.say(request, "audit.who.unknown")
            found = []
            if not errors:
                subject = values["subject"] or (f"{values['thing']}:" if values["thing"] in NOUNS else "")
                found = list(
                    await audit.entries(
                        session,
                        below=int(below) if below.isascii() and below.isdigit() and len(below) < 18 else None,
                        limit=PER_PAGE + 1,
                        actor=actor or "",
                        subject=subject,
                        since=day_bounds(since)[0] if since else None,
                        until=day_bounds(until)[1] if until else None,
                    )
                )
            shown = await lines(session, language, found[:PER_PAGE])
        return self._renderer.render(
            request,
            "audit.html",
            status=422 if errors else 200,
            form=Form(values, errors),
            things=[(thing, NOUNS[thing]) for thing in THINGS],
            rows=shown,
            older=shown[-1].id if len(found) > PER_PAGE else None,
            newest=not below,
            filtered=any(values.values()),
            subject=values["subject"],
        )
