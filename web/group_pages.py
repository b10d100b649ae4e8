"""Groups of sites: listed, made, changed, removed."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory import groups
from directory.access.rights import Action, may
from directory.database import Database
from directory.errors import ChangedError, DirectoryError, NotFoundError, UnavailableError
from directory.groups import GroupView
from directory.sites import Site, all_sites
from web.directory_pages import done, number
from web.directory_words import sentence
from web.forms import Form
from web.rendering import Renderer
from web.visitors import TurnedAway, check_form, now, require

LIST: Final = "/directory/groups"
NEW: Final = "/directory/groups/new"
MAX_FORM: Final = 500_000
"""Bytes of a form with all sites of a city ticked, and room."""
MAX_FIELDS: Final = 20_000
NAMED: Final = 6


class GroupPages:
    """See the module. Secretaries may change groups too: they invite by them."""

    def __init__(self, renderer: Renderer, database: Database) -> None:
        self._renderer = renderer
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        one = LIST + "/{group:int}"
        return [
            Route(LIST, self._list, methods=["GET"]),
            Route(NEW, self._new, methods=["GET", "POST"]),
            Route(one, self._one, methods=["GET", "POST"]),
            Route(f"{one}/remove", self._remove, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        principal = require(request, Action.VIEW_SITES)
        async with self._database.read() as session:
            found = await groups.all_groups(session)
            sites = {site.id: site for site in await all_sites(session)}
        rows = []
        for group in found:
            members = sorted((sites[m] for m in group.members if m in sites), key=lambda site: site.code)
            rows.append((group, len(members), [site.title for site in members[:NAMED]]))
        return self._renderer.render(
            request,
            "groups.html",
            rows=rows,
            named=NAMED,
            changes=may(principal, Action.CHANGE_GROUPS),
        )

    async def _new(self, request: Request) -> Response:
        principal = require(request, Action.CHANGE_GROUPS)
        if request.method == "GET":
            return await self._form(request, Form())
        fields = await check_form(request, most=MAX_FORM, most_fields=MAX_FIELDS)
        members = {number(text) for text in fields.all("members")}
        try:
            async with self._database.write() as session:
                group = await groups.create(
                    session, fields.text("name"), members, by=principal.actor, now=now()
                )
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            field, said = sentence(self._renderer.language(request), error)
            return await self._form(request, Form(fields, {field: said}), status=422)
        return done(LIST, "flash.group.saved", group.name)

    async def _one(self, request: Request) -> Response:
        principal = require(request, Action.VIEW_SITES)
        group = await self._group(request)
        if request.method == "GET":
            values = {"name": group.name, "members": [str(member) for member in group.members]}
            return await self._form(request, Form(values), group=group)
        principal = require(request, Action.CHANGE_GROUPS)
        fields = await check_form(request, most=MAX_FORM, most_fields=MAX_FIELDS)
        members = {number(text) for text in fields.all("members")}
        try:
            async with self._database.write() as session:
                # Retired sites are not in the form; they stay members for the day they come back.
                listed = {site.id for site in await all_sites(session)}
                after = await groups.change(
                    session,
                    group.id,
                    version=number(fields.text("version")),
                    title=fields.text("name"),
                    members=members | (group.members - listed),
                    by=principal.actor,
                    now=now(),
                )
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            field, said = sentence(self._renderer.language(request), error)
            changed = isinstance(error, ChangedError)
            group = await self._group(request)
            if not changed:
                group = GroupView(group.id, group.name, group.members, number(fields.text("version")))
            form = Form(fields, {field: said})
            return await self._form(request, form, group=group, status=409 if changed else 422)
        return done(LIST, "flash.group.saved", after.name)

    async def _remove(self, request: Request) -> Response:
        principal = require(request, Action.CHANGE_GROUPS)
        fields = await check_form(request)
        group = await self._group(request)
        try:
            async with self._database.write() as session:
                await groups.remove(
                    session,
                    group.id,
                    version=number(fields.text("version")),
                    by=principal.actor,
                    now=now(),
                )
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            _, said = sentence(self._renderer.language(request), error)
            values = {"name": group.name, "members": [str(member) for member in group.members]}
            return await self._form(request, Form(values, {"": said}), group=group, status=409)
        return done(LIST, "flash.group.removed", group.name)

    async def _group(self, request: Request) -> GroupView:
        try:
            async with self._database.read() as session:
                return await groups.get(session, min(request.path_params["group"], 2**31 - 1))
        except NotFoundError:
            raise HTTPException(404) from None

    async def _form(
        self, request: Request, form: Form, *, group: GroupView | None = None, status: int = 200
    ) -> Response:
        principal = require(request, Action.VIEW_SITES)
        async with self._database.read() as session:
            sites: list[Site] = await all_sites(session)
        members = group.members if group else frozenset()
        # Who changes a group looks for what is in it first.
        sites.sort(key=lambda site: site.id not in members)
        return self._renderer.render(
            request,
            "group.html",
            status=status,
            here=f"{LIST}/{group.id}" if group else NEW,
            form=form,
            group=group,
            sites=sites,
            members=[site for site in sites if site.id in members],
            changes=may(principal, Action.CHANGE_GROUPS),
        )
