"""Calls about sites, units, districts and groups, by the functions that the pages use."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import endpoints, groups, units
from directory.access.rights import Action, Scope, scope
from directory.database import Database
from directory.endpoints import EndpointView
from directory.errors import NotFoundError
from directory.model import Endpoint, Unit
from directory.search import matches
from directory.sites import Site, all_sites, find, sites_of_group
from scheduler.booking import chunks
from scheduler.localtime import today
from web.rest.calls import Answer, AnyCall, Asked, Call, PathPart
from web.rest.directory_models import (
    DayQuery,
    GroupChange,
    GroupList,
    GroupView,
    Me,
    NewGroup,
    SiteChange,
    SiteDetails,
    SiteList,
    SiteQuery,
    SiteView,
    UnitDetails,
    UnitList,
    UnitQuery,
    UnitView,
)
from web.rest.errors import field_problem, refuse_field, refuse_fields, refuse_version
from web.rest.fields import LARGEST, Nothing
from web.visitors import csrf_token

SITE: Final = PathPart(
    "The site's code.", r"[0-9A-Za-z](?:[0-9A-Za-z._-]{0,30}[0-9A-Za-z])?", example="00004"
)
UNIT: Final = PathPart("The unit's official code.", r"[0-9A-Za-z]{1,10}", example="001")
NUMBER: Final = PathPart("Its number.", r"[1-9][0-9]{0,9}", example="1")


class DirectoryCalls:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def calls(self) -> list[AnyCall]:
        """All of them."""
        view, change = Action.VIEW_SITES, Action.CHANGE_GROUPS
        one_group = {"group": NUMBER}
        return [
            Call("GET", "/me", "me", "Who is signed in", "me", self._me, Me),
            Call(
                "GET", "/sites", "list_sites", "Find sites", "sites", self._sites, SiteList, view, SiteQuery
            ),
            Call(
                "GET",
                "/sites/{site}",
                "get_site",
                "One site",
                "sites",
                self._site,
                SiteDetails,
                view,
                parts={"site": SITE},
                gives_version=True,
            ),
            Call(
                "PATCH",
                "/sites/{site}",
                "change_site",
                "Change a site",
                "sites",
                self._change_site,
                SiteDetails,
                Action.CHANGE_SITES,
                body=SiteChange,
                parts={"site": SITE},
                takes_version=True,
                gives_version=True,
            ),
            Call(
                "GET", "/units", "list_units", "Find units", "sites", self._units, UnitList, view, UnitQuery
            ),
            Call(
                "GET",
                "/units/{unit}",
                "get_unit",
                "One unit, with what it was and became",
                "sites",
                self._unit,
                UnitDetails,
                view,
                DayQuery,
                parts={"unit": UNIT},
            ),
            Call(
                "GET",
                "/districts",
                "list_districts",
                "All districts of a day",
                "sites",
                self._districts,
                UnitList,
                view,
                DayQuery,
            ),
            Call("GET", "/groups", "list_groups", "All groups", "sites", self._groups, GroupList, view),
            Call(
                "POST",
                "/groups",
                "create_group",
                "A new group",
                "sites",
                self._new_group,
                GroupView,
                change,
                body=NewGroup,
                status=201,
                gives_version=True,
                refusals=(409,),
            ),
            Call(
                "GET",
                "/groups/{group}",
                "get_group",
                "One group",
                "sites",
                self._group,
                GroupView,
                view,
                parts=one_group,
                gives_version=True,
            ),
            Call(
                "PATCH",
                "/groups/{group}",
                "change_group",
                "Change a group",
                "sites",
                self._change_group,
                GroupView,
                change,
                body=GroupChange,
                parts=one_group,
                takes_version=True,
                gives_version=True,
            ),
            Call(
                "DELETE",
                "/groups/{group}",
                "remove_group",
                "Take a group off the record; its sites stay",
                "sites",
                self._remove_group,
                None,
                change,
                parts=one_group,
                status=204,
                takes_version=True,
            ),
        ]

    async def _me(self, asked: Asked[Nothing, Nothing]) -> Answer:
        who = asked.principal
        rights = {action.value: found for action in Action if (found := scope(who, action)) is not None}
        browser = "authorization" not in asked.request.headers
        return Answer(
            Me(
                kind=who.kind,
                id=who.id,
                name=who.name,
                full_name=who.full_name,
                device=who.device,
                roles=sorted(who.roles),
                units=sorted(who.unit_ids),
                rights={name: "all" if found is Scope.ALL else "own" for name, found in rights.items()},
                csrf_token=csrf_token(asked.request) if browser else None,
            )
        )

    # -- sites ---------------------------------------------------------------------------

    async def _sites(self, asked: Asked[SiteQuery, Nothing]) -> Answer:
        query = asked.query
        async with self._database.read() as session:
            if query.group is None:
                sites = await all_sites(session)
            else:
                try:
                    sites = await sites_of_group(session, query.group)
                except NotFoundError:
                    raise refuse_field("group", "unknown") from None
        sites = [
            site
            for site in (find(sites, query.q) if query.q else sites)
            if query.district in (None, site.district_code)
            and (not query.commissioning or site.commissioning in query.commissioning)
        ]
        first = (query.page - 1) * query.per_page
        return Answer(
            SiteList(
                items=[_site(site) for site in sites[first : first + query.per_page]],
                count=len(sites),
                page=query.page,
                per_page=query.per_page,
            )
        )

    async def _site(self, asked: Asked[Nothing, Nothing]) -> Answer:
        async with self._database.read() as session:
            found = await endpoints.by_code(session, asked.path["site"])
        return Answer(_site_details(found), found.version)

    async def _change_site(self, asked: Asked[Nothing, SiteChange]) -> Answer:
        wanted = asked.body.model_dump(exclude_unset=True)
        commissioning = wanted.pop("commissioning", None)
        for name in ("name", "line_type", "contact_name", "contact_phone"):
            if name in wanted and wanted[name] is None:
                raise refuse_field(name, "missing")
        async with self._database.write() as session:
            before = await endpoints.by_code(session, asked.path["site"])
            refuse_version(before.version, asked.version)
            found = await endpoints.change(
                session,
                before.id,
                version=asked.version,
                by=asked.principal.actor,
                now=asked.now,
                details=replace(before.details, **wanted),
                commissioning=commissioning,
            )
        return Answer(_site_details(found), found.version)

    # -- units ---------------------------------------------------------------------------

    async def _units(self, asked: Asked[UnitQuery, Nothing]) -> Answer:
        query = asked.query
        wanted = units.valid_on(query.on or today(asked.now)).order_by(Unit.code)
        if query.kind:
            wanted = wanted.where(Unit.kind.in_(query.kind))
        if query.parent is not None:
            wanted = wanted.where(Unit.parent_id.in_(select(Unit.id).where(Unit.code == query.parent)))
        async with self._database.read() as session:
            found = list(await session.scalars(wanted))
        if query.q:
            found = [unit for unit in found if matches(query.q, unit.search)]
        return Answer(_page(found, query.page, query.per_page))

    async def _unit(self, asked: Asked[DayQuery, Nothing]) -> Answer:
        day = asked.query.on or today(asked.now)
        async with self._database.read() as session:
            unit = await units.unit_by_code(session, asked.path["unit"], day)
            return Answer(
                UnitDetails(
                    unit=_unit(unit),
                    children=[_unit(one) for one in await units.children(session, unit.id, day)],
                    forerunners=[_unit(one) for one in await units.forerunners(session, unit.id)],
                    successors=[_unit(one) for one in await units.successors(session, unit.id)],
                )
            )

    async def _districts(self, asked: Asked[DayQuery, Nothing]) -> Answer:
        day: date = asked.query.on or today(asked.now)
        async with self._database.read() as session:
            found = list(await units.districts(session, day))
        return Answer(_page(found, 1, max(1, len(found))))

    # -- groups --------------------------------------------------------------------------

    async def _groups(self, asked: Asked[Nothing, Nothing]) -> Answer:
        async with self._database.read() as session:
            found = await groups.all_groups(session)
            codes = await codes_of(session, {number for group in found for number in group.members})
        return Answer(GroupList(items=[_group(group, codes) for group in found]))

    async def _group(self, asked: Asked[Nothing, Nothing]) -> Answer:
        async with self._database.read() as session:
            return await _shown_group(session, await groups.get(session, number_in(asked.path["group"])))

    async def _new_group(self, asked: Asked[Nothing, NewGroup]) -> Answer:
        async with self._database.write() as session:
            members = await ids_of(session, asked.body.sites)
            made = await groups.create(
                session, asked.body.name, members, by=asked.principal.actor, now=asked.now
            )
            answer = await _shown_group(session, made)
        return replace(answer, location=f"/groups/{made.id}")

    async def _change_group(self, asked: Asked[Nothing, GroupChange]) -> Answer:
        wanted, number = asked.body, number_in(asked.path["group"])
        async with self._database.write() as session:
            refuse_version((await groups.get(session, number)).version, asked.version)
            found = await groups.change(
                session,
                number,
                version=asked.version,
                title=wanted.name,
                members=None if wanted.sites is None else await ids_of(session, wanted.sites),
                by=asked.principal.actor,
                now=asked.now,
            )
            return await _shown_group(session, found)

    async def _remove_group(self, asked: Asked[Nothing, Nothing]) -> Answer:
        async with self._database.write() as session:
            number = number_in(asked.path["group"])
            refuse_version((await groups.get(session, number)).version, asked.version)
            await groups.remove(
                session, number, version=asked.version, by=asked.principal.actor, now=asked.now
            )
        return Answer(None)


def number_in(text: str) -> int:
    """The number of a path; one that no row can have is 0."""
    number = int(text)
    return number if number <= LARGEST else 0


async def ids_of(session: AsyncSession, codes: list[str], field: str = "sites") -> frozenset[int]:
    """The ids of sites by their codes. Raises ApiError at each one that is not in use."""
    known: dict[str, int] = {}
    for part in chunks(sorted(set(codes))):
        rows = await session.execute(
            select(Endpoint.code, Endpoint.id).where(Endpoint.code.in_(part), Endpoint.retired_at.is_(None))
        )
        known.update((code, number) for code, number in rows)
    wrong = [field_problem(f"{field}.{at}", "unknown") for at, code in enumerate(codes) if code not in known]
    if wrong:
        raise refuse_fields(wrong)
    return frozenset(known.values())


async def codes_of(session: AsyncSession, ids: set[int] | frozenset[int]) -> dict[int, str]:
    """The codes of sites that are in use, by id."""
    codes: dict[int, str] = {}
    for part in chunks(sorted(ids)):
        rows = await session.execute(
            select(Endpoint.id, Endpoint.code).where(Endpoint.id.in_(part), Endpoint.retired_at.is_(None))
        )
        codes.update((number, code) for number, code in rows)
    return codes


async def _shown_group(session: AsyncSession, group: groups.GroupView) -> Answer:
    return Answer(_group(group, await codes_of(session, group.members)), group.version)


def _group(group: groups.GroupView, codes: dict[int, str]) -> GroupView:
    sites = sorted(codes[number] for number in group.members if number in codes)
    return GroupView(id=group.id, name=group.name, sites=sites, version=group.version)


def _site(site: Site) -> SiteView:
    return SiteView(
        code=site.code,
        name=site.name,
        unit=site.unit_code,
        unit_kind=site.kind,
        district=site.district_code or None,
        district_name=site.district,
        main=site.main,
        commissioning=site.commissioning,
        line_type=site.line_type,
    )


def _site_details(found: EndpointView) -> SiteDetails:
    details = found.details
    return SiteDetails(
        code=found.code,
        name=details.name,
        unit_id=found.unit_id,
        place=found.place.name,
        place_kind=found.place.kind,
        address=found.place.address,
        main=found.main,
        line_type=details.line_type,
        backup_line_type=details.backup_line_type,
        contact_name=details.contact_name,
        contact_phone=details.contact_phone,
        commissioning=found.commissioning,
        commissioned_on=found.commissioned_on,
        retired_at=found.retired_at,
        version=found.version,
    )


def _page(found: list[Unit], page: int, per_page: int) -> UnitList:
    first = (page - 1) * per_page
    items = [_unit(unit) for unit in found[first : first + per_page]]
    return UnitList(items=items, count=len(found), page=page, per_page=per_page)


def _unit(unit: Unit) -> UnitView:
    return UnitView(
        id=unit.id,
        code=unit.code,
        name=unit.name,
        kind=unit.kind,
        parent_id=unit.parent_id,
        valid_from=unit.valid_from,
        valid_to=unit.valid_to,
    )
