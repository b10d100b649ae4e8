"""The directory: sites found as one types, the roll-out by district, one site with all about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from directory import endpoints
from directory.access.rights import Action, may
from directory.commissioning import STEPS
from directory.database import Database
from directory.devices import add_device, devices_of, remove_device
from directory.endpoints import EndpointView
from directory.errors import ChangedError, DirectoryError, NotFoundError, UnavailableError
from directory.exports import FORMATS, export_endpoints
from directory.model import Unit
from directory.model.sites import COMMISSIONING, DEVICE_KINDS, LINE_TYPES, PLACE_KINDS
from directory.search import search_key
from directory.sites import Site, all_sites, find
from directory.tabular.telephones import show_telephone
from web.directory_words import past_of, sentence
from web.flash import Flash, set_flash
from web.forms import Form
from web.problems import every_problem
from web.rendering import Renderer
from web.site_form import HARMLESS, check_site, read_site, written
from web.site_words import (
    DEVICE_WORDS,
    LINE_WORDS,
    PLACE_WORDS,
    STATE_BADGES,
    STATE_WORDS,
    STEP_WORDS,
)
from web.visitors import TurnedAway, check_form, now, require

LIST: Final = "/directory"
ROLLOUT: Final = "/directory/rollout"
SITE: Final = "/directory/sites/"
PER_PAGE: Final = 100
RETIRED: Final = "retired"
"""What the list's filter of states has besides those of commissioning."""
_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class District:
    """A district in lists, with how many of its sites are in each state of commissioning."""

    code: str
    name: str
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """All its sites."""
        return sum(self.counts.values())

    def bar(self, width: int = 1000) -> list[tuple[str, int, int]]:
        """Parts of a bar of ``width``: state, where it begins, how wide it is; together the whole width."""
        parts, done = [], 0
        for state in reversed(COMMISSIONING):
            begin = done * width // max(1, self.total)
            done += self.counts[state]
            end = done * width // max(1, self.total)
            if end > begin:
                parts.append((state, begin, end - begin))
        return parts


def by_district(sites: Sequence[Site]) -> list[District]:
    """The districts of sites, by code; those of no district come last, under no name."""
    found: dict[str, District] = {}
    for site in sites:
        blank = dict.fromkeys(COMMISSIONING, 0)
        district = found.setdefault(site.district_code, District(site.district_code, site.district, blank))
        district.counts[site.commissioning] += 1
    return sorted(found.values(), key=lambda district: (not district.code, district.code))


class DirectoryPages:
    """See the module."""

    def __init__(self, renderer: Renderer, database: Database) -> None:
        self._renderer = renderer
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        site = SITE + "{code}"
        return [
            Route(LIST, self._list, methods=["GET"]),
            Route(ROLLOUT, self._rollout, methods=["GET"]),
            Route("/directory/export.{form}", self._export, methods=["GET"]),
            Route(site, self._show, methods=["GET"]),
            Route(f"{site}/edit", self._edit, methods=["GET", "POST"]),
            Route(f"{site}/step", self._step, methods=["POST"]),
            Route(f"{site}/retire", self._retire, methods=["POST"]),
            Route(f"{site}/restore", self._restore, methods=["POST"]),
            Route(f"{site}/devices", self._add_device, methods=["POST"]),
            Route(f"{site}/devices/{{device:int}}/remove", self._remove_device, methods=["POST"]),
        ]

    # -- lists -----------------------------------------------------------------------------------

    async def _list(self, request: Request) -> Response:
        principal = require(request, Action.VIEW_SITES)
        asked = request.query_params
        query = asked.get("q", "")[:200]
        state = asked.get("state", "") if asked.get("state") in (*COMMISSIONING, RETIRED) else ""
        async with self._database.read() as session:
            sites = await all_sites(session, retired=state == RETIRED)
        districts = by_district(sites)
        district = asked.get("district", "") if asked.get("district") in {d.code for d in districts} else ""
        found = find(
            [
                site
                for site in sites
                if (not district or site.district_code == district)
                and (state in ("", RETIRED) or site.commissioning == state)
            ],
            query,
        )
        sort = asked.get("sort", "") if asked.get("sort") in ("name", "code", "state") else ""
        descending = asked.get("order") == "desc"
        if sort:
            orders: dict[str, Any] = {
                "name": lambda site: (search_key(site.name), site.district_code),
                "code": lambda site: site.code,
                "state": lambda site: (COMMISSIONING.index(site.commissioning), site.code),
            }
            found = sorted(found, key=orders[sort], reverse=descending)
        pages = max(1, -(-len(found) // PER_PAGE))
        page = min(number(asked.get("page", "1")) or 1, pages)
        return self._renderer.render(
            request,
            "directory.html",
            query=query,
            district=district,
            state=state,
            sort=sort,
            descending=descending,
            districts=[d for d in districts if d.code],
            rows=found[(page - 1) * PER_PAGE : page * PER_PAGE],
            count=len(found),
            page=page,
            pages=pages,
            imports=may(principal, Action.IMPORT_SITES),
            **_words(),
        )

    async def _rollout(self, request: Request) -> Response:
        require(request, Action.VIEW_SITES)
        async with self._database.read() as session:
            sites = await all_sites(session)
        districts = by_district(sites)
        total = District("", "", {s: sum(d.counts[s] for d in districts) for s in COMMISSIONING})
        return self._renderer.render(request, "rollout.html", districts=districts, total=total, **_words())

    async def _export(self, request: Request) -> Response:
        require(request, Action.VIEW_SITES)
        form = request.path_params["form"]
        if form not in FORMATS:
            raise HTTPException(404)
        async with self._database.read() as session:
            data = await export_endpoints(session, form)
        headers = {
            "Content-Disposition": f'attachment; filename="diem-cau.{form}"',
            "Cache-Control": "no-store",
        }
        return Response(data, media_type=_TYPES[form], headers=headers)

    # -- one site ----------------------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        require(request, Action.VIEW_SITES)
        return await self._page(request)

    async def _page(
        self, request: Request, *, status: int = 200, refused: str = "", form: Form | None = None
    ) -> Response:
        principal = require(request, Action.VIEW_SITES)
        async with self._database.read() as session:
            view = await _site(session, request)
            unit = await session.get_one(Unit, view.unit_id)
            above = await session.get(Unit, unit.parent_id) if unit.parent_id is not None else None
            devices = await devices_of(session, view.id)
            past = await past_of(session, self._renderer.language(request), view)
        return self._renderer.render(
            request,
            "directory_site.html",
            status=status,
            here=SITE + view.code,
            site=view,
            unit=unit,
            above=above,
            devices=devices,
            past=past,
            refused=refused,
            form=form or Form({"kind": DEVICE_KINDS[0]}, prefix="device"),
            device_kinds=DEVICE_KINDS,
            steps=[(state, STEP_WORDS[view.commissioning, state]) for state in STEPS[view.commissioning]],
            changes=may(principal, Action.CHANGE_SITES),
            keys=may(principal, Action.VIEW_CREDENTIALS),
            telephone=show_telephone,
            **_words(),
        )

    async def _edit(self, request: Request) -> Response:
        principal = require(request, Action.CHANGE_SITES)
        async with self._database.read() as session:
            view = await _site(session, request)
        if request.method == "GET":
            return self._form(request, view, Form(written(view)), view.version)
        fields = await check_form(request)
        version = number(fields.text("version"))
        language = self._renderer.language(request)
        try:
            details, place, since = read_site(fields)
            async with self._database.write() as session:
                await endpoints.change(
                    session,
                    view.id,
                    version=version,
                    details=details,
                    place=place,
                    main=fields.text("main") == "yes",
                    commissioned_on=since,
                    by=principal.actor,
                    now=now(),
                )
        except ChangedError as error:
            # Saving again goes on from what is stored now, which is shown beside what was written.
            async with self._database.read() as session:
                view = await _site(session, request)
            form = Form(fields, {"": sentence(language, error)[1]})
            return self._form(request, view, form, view.version, status=409, theirs=True)
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            said = dict(sentence(language, one) for one in every_problem(error, fields, check_site, HARMLESS))
            return self._form(request, view, Form(fields, said), version, status=422)
        return done(SITE + view.code, "flash.site.changed", view.details.name)

    def _form(
        self,
        request: Request,
        view: EndpointView,
        form: Form,
        version: int,
        *,
        status: int = 200,
        theirs: bool = False,
    ) -> Response:
        return self._renderer.render(
            request,
            "directory_edit.html",
            status=status,
            here=f"{SITE}{view.code}/edit",
            site=view,
            form=form,
            version=version,
            theirs=written(view) if theirs else {},
            line_types=LINE_TYPES,
            place_kinds=PLACE_KINDS,
            **_words(),
        )

    async def _step(self, request: Request) -> Response:
        return await self._do(request, "flash.site.changed")

    async def _retire(self, request: Request) -> Response:
        return await self._do(request, "flash.site.retired")

    async def _restore(self, request: Request) -> Response:
        return await self._do(request, "flash.site.restored")

    async def _add_device(self, request: Request) -> Response:
        return await self._do(request, "flash.site.changed")

    async def _remove_device(self, request: Request) -> Response:
        return await self._do(request, "flash.site.changed")

    async def _do(self, request: Request, key: str) -> Response:
        """One press on a site's page; the last part of the address says which."""
        principal = require(request, Action.CHANGE_SITES)
        fields = await check_form(request)
        by, moment = principal.actor, now()
        version = number(fields.text("version"))
        what = request.url.path.rpartition("/")[2]
        try:
            async with self._database.write() as session:
                view = await _site(session, request)
                if what == "step":
                    await endpoints.change(
                        session,
                        view.id,
                        version=version,
                        commissioning=fields.text("state"),
                        by=by,
                        now=moment,
                    )
                elif what == "retire":
                    await endpoints.retire(session, view.id, version=version, by=by, now=moment)
                elif what == "restore":
                    await endpoints.restore(session, view.id, version=version, by=by, now=moment)
                elif what == "devices":
                    await add_device(
                        session,
                        view.id,
                        fields.text("kind"),
                        fields.text("device_name"),
                        fields.text("serial"),
                        version=version,
                        by=by,
                        now=moment,
                    )
                else:
                    device = request.path_params["device"]
                    await remove_device(session, view.id, device, version=version, by=by, now=moment)
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            field, said = sentence(self._renderer.language(request), error)
            status = 409 if isinstance(error, ChangedError) else 422
            if what == "devices" and field:
                form = Form(fields, {field: said}, prefix="device")
                return await self._page(request, status=status, form=form)
            return await self._page(request, status=status, refused=said)
        return done(SITE + view.code, key, view.details.name)


async def _site(session: AsyncSession, request: Request) -> EndpointView:
    try:
        return await endpoints.by_code(session, request.path_params["code"][:64])
    except NotFoundError:
        raise HTTPException(404) from None


def _words() -> dict[str, Any]:
    """The tables of words, for templates."""
    return {
        "states": COMMISSIONING,
        "state_words": STATE_WORDS,
        "state_badges": STATE_BADGES,
        "line_words": LINE_WORDS,
        "place_words": PLACE_WORDS,
        "device_words": DEVICE_WORDS,
    }


def number(text: str) -> int:
    """A small whole number out of a form or address, else 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def done(to: str, key: str, name: str) -> Response:
    """On to a page that says what was done."""
    answer = RedirectResponse(to, 303)
    set_flash(answer, Flash("success", key, {"name": name}))
    return answer
