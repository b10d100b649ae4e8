"""One more site of a unit that has one already, such as a village's house of culture beside the office.

Many at once come by the import of a table.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory import endpoints
from directory.access.rights import Action
from directory.database import Database
from directory.endpoints import CODE, EndpointView, NewEndpoint
from directory.errors import DirectoryError, InvalidError, NotFoundError, UnavailableError
from directory.model import Endpoint, Unit
from directory.model.sites import LINE_TYPES, PLACE_KINDS
from web.directory_pages import SITE, done
from web.directory_words import sentence
from web.forms import Form
from web.problems import every_problem
from web.rendering import Renderer
from web.site_form import HARMLESS, check_site, read_site
from web.site_words import LINE_WORDS, PLACE_WORDS
from web.visitors import Fields, TurnedAway, check_form, now, require

_HARMLESS: Final = {"name": "a", "code": "a", **HARMLESS}


class NewSitePages:
    """See the module."""

    def __init__(self, renderer: Renderer, database: Database) -> None:
        self._renderer = renderer
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [Route(SITE + "{code}/another", self._another, methods=["GET", "POST"])]

    async def _another(self, request: Request) -> Response:
        principal = require(request, Action.CHANGE_SITES)
        async with self._database.read() as session:
            try:
                beside = await endpoints.by_code(session, request.path_params["code"][:64])
            except NotFoundError:
                raise HTTPException(404) from None
            unit = await session.get_one(Unit, beside.unit_id)
            free = await free_code(session, unit.code)
        if request.method == "GET":
            form = Form({"code": free, "place_kind": "village_house", "line_type": "unknown"})
            return self._form(request, beside, unit, form)
        fields = await check_form(request)
        try:
            details, place, _ = read_site(fields)
            new = NewEndpoint(fields.text("code").strip(), beside.unit_id, details, place)
            async with self._database.write() as session:
                made = await endpoints.create(session, new, by=principal.actor, now=now())
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            language = self._renderer.language(request)
            found = every_problem(error, fields, _check, _HARMLESS)
            said = dict(sentence(language, one) for one in found)
            return self._form(request, beside, unit, Form(fields, said), 422)
        return done(SITE + made.code, "flash.site.created", made.details.name)

    def _form(
        self, request: Request, beside: EndpointView, unit: Unit, form: Form, status: int = 200
    ) -> Response:
        return self._renderer.render(
            request,
            "directory_new.html",
            status=status,
            here=f"{SITE}{beside.code}/another",
            beside=beside,
            unit=unit,
            form=form,
            line_types=LINE_TYPES,
            place_kinds=PLACE_KINDS,
            line_words=LINE_WORDS,
            place_words=PLACE_WORDS,
        )


async def free_code(session: AsyncSession, unit_code: str) -> str:
    """The next code of a unit's further sites, ``00004-2`` and so on; those of retired ones stay theirs."""
    like = Endpoint.code.startswith(f"{unit_code}-", autoescape=True)
    taken = set(await session.scalars(select(Endpoint.code).where(like)))
    numbers = [int(found[1]) for code in taken if (found := re.fullmatch(r".*-([0-9]{1,6})", code))]
    return f"{unit_code}-{max([1, *numbers]) + 1}"


def _check(fields: Fields) -> None:
    """Raises InvalidError for the first field that cannot be."""
    if not CODE.fullmatch(fields.text("code").strip()):
        raise InvalidError("this cannot be a code", field="code", problem="code")
    check_site(fields)
