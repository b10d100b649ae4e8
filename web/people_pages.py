"""People: found, put on record, changed, kept out, given passwords. Changes are for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from directory import audit, people
from directory.access import credentials, owners, sessions
from directory.access.credentials import CredentialInfo
from directory.access.principal import Principal
from directory.access.rights import Action, may
from directory.access.secrets import Hashing
from directory.access.sessions import SessionInfo
from directory.database import Database
from directory.errors import ChangedError, DirectoryError, NotFoundError, UnavailableError
from directory.people import PersonView
from scheduler.localtime import format_instant, today
from web.audit_words import actor_names, actor_words
from web.flash import Flash, set_flash
from web.forms import Form
from web.navigation import ROLE_WORDS, ROLES
from web.people_form import (
    HARMLESS,
    LANGUAGE_WORDS,
    Written,
    check_person,
    differences,
    read_person,
    role_words,
    sentence,
    shown_person,
    unit_choices,
    unit_names,
)
from web.problems import every_problem
from web.rendering import Renderer
from web.signin import browser_of
from web.visitors import Fields, TurnedAway, check_form, now, require

LIST: Final = "/people"
NEW: Final = "/people/new"
PER_PAGE: Final = 25
MAX_FORM: Final = 200_000
"""Bytes of a form with all units of a city ticked, and room."""
ROLE_OPTIONS: Final = tuple((role, ROLE_WORDS[role]) for role in ROLES)


@dataclass(frozen=True, slots=True)
class Shown:
    """A person's page: the record, its units, its credential, its sessions."""

    person: PersonView
    units: list[str]
    credential: CredentialInfo | None
    sessions: list[tuple[SessionInfo, str]]


class PeoplePages:
    """See the module."""

    def __init__(self, renderer: Renderer, database: Database, hashing: Hashing) -> None:
        self._renderer = renderer
        self._database = database
        self._hashing = hashing

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        one = LIST + "/{person:int}"
        return [
            Route(LIST, self._list, methods=["GET"]),
            Route(NEW, self._new, methods=["GET", "POST"]),
            Route(one, self._show, methods=["GET"]),
            Route(f"{one}/edit", self._edit, methods=["GET", "POST"]),
            Route(f"{one}/disable", self._disable, methods=["POST"]),
            Route(f"{one}/enable", self._enable, methods=["POST"]),
            Route(f"{one}/password", self._password, methods=["POST"]),
            Route(f"{one}/end-sessions", self._end_sessions, methods=["POST"]),
        ]

    # -- reading -----------------------------------------------------------------------------

    async def _list(self, request: Request) -> Response:
        principal = require(request, Action.VIEW_PEOPLE)
        asked = request.query_params
        query = asked.get("q", "")[:200]
        role = asked.get("role", "") if asked.get("role") in ROLES else ""
        disabled = asked.get("disabled") == "1"
        page = _number(asked.get("page", "1"))
        async with self._database.read() as session:
            rows, count = await people.search(
                session, query, role=role, disabled=disabled, skip=(page - 1) * PER_PAGE, limit=PER_PAGE
            )
            pages = max(1, -(-count // PER_PAGE))
            if page > pages:
                page = pages
                rows, count = await people.search(
                    session, query, role=role, disabled=disabled, skip=(page - 1) * PER_PAGE, limit=PER_PAGE
                )
        language = self._renderer.language(request)
        return self._renderer.render(
            request,
            "people.html",
            query=query,
            role=role,
            disabled=disabled,
            rows=[(person, role_words(language, person.roles)) for person in rows],
            count=count,
            page=page,
            pages=pages,
            role_options=ROLE_OPTIONS,
            changes=may(principal, Action.CHANGE_PEOPLE),
        )

    async def _show(self, request: Request) -> Response:
        principal = require(request, Action.VIEW_PEOPLE)
        return await self._page(request, principal)

    async def _page(
        self,
        request: Request,
        principal: Principal,
        *,
        status: int = 200,
        secret: str = "",
        refused: str = "",
    ) -> Response:
        """The person's page; ``secret`` is a new password, shown now and never again."""
        number = request.path_params["person"]
        sees = may(principal, Action.VIEW_CREDENTIALS)
        async with self._database.read() as session:
            person = await _person(session, number)
            units = await unit_names(session, person.unit_ids)
            infos = await credentials.of_owner(session, owners.person(number)) if sees else []
            opened = await sessions.of_person(session, number, now()) if sees else []
        shown = Shown(
            person,
            sorted(units.values()),
            next((info for info in infos if info.revoked_at is None), None),
            [(info, browser_of(info.agent)) for info in opened],
        )
        return self._renderer.render(
            request,
            "person.html",
            status=status,
            here=f"{LIST}/{number}",
            shown=shown,
            person=person,
            roles=role_words(self._renderer.language(request), person.roles),
            languages_said=LANGUAGE_WORDS,
            secret=secret,
            refused=refused,
            myself=principal.kind == "person" and principal.id == number,
            sees=sees,
            changes=may(principal, Action.CHANGE_PEOPLE),
            issues=may(principal, Action.ISSUE_PERSON_CREDENTIALS),
            reads_log=may(principal, Action.VIEW_AUDIT),
            moment=format_instant,
        )

    # -- putting on record and changing ----------------------------------------------------------

    async def _new(self, request: Request) -> Response:
        principal = require(request, Action.CHANGE_PEOPLE)
        if request.method == "GET":
            return await self._form(request, Form({"language": "vi"}), NEW)
        fields = await check_form(request, most=MAX_FORM)
        written = read_person(fields)
        try:
            async with self._database.write() as session:
                person = await people.create(
                    session,
                    written.login,
                    written.details,
                    roles=written.roles,
                    unit_ids=written.unit_ids,
                    by=principal.actor,
                    now=now(),
                )
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            said = self._problems(request, fields, error)
            return await self._form(request, Form(fields, said), NEW, status=422)
        return _done(f"{LIST}/{person.id}", Flash("success", "flash.person.created", {"name": person.name}))

    async def _edit(self, request: Request) -> Response:
        principal = require(request, Action.CHANGE_PEOPLE)
        number = request.path_params["person"]
        here = f"{LIST}/{number}/edit"
        async with self._database.read() as session:
            person = await _person(session, number)
        if request.method == "GET":
            return await self._form(request, Form(shown_person(person)), here, person=person)
        fields = await check_form(request, most=MAX_FORM)
        written = read_person(fields)
        try:
            async with self._database.write() as session:
                person = await people.change(
                    session,
                    number,
                    version=_number(fields.text("version")),
                    by=principal.actor,
                    now=now(),
                    details=written.details,
                    roles=written.roles,
                    unit_ids=written.unit_ids,
                )
        except ChangedError:
            return await self._changed(request, fields, written, here)
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            form = Form(fields, self._problems(request, fields, error, login=False))
            version = _number(fields.text("version"))
            return await self._form(request, form, here, status=422, person=person, version=version)
        return _done(f"{LIST}/{number}", Flash("success", "flash.person.changed", {"name": person.name}))

    def _problems(
        self, request: Request, fields: Fields, error: DirectoryError, *, login: bool = True
    ) -> dict[str, str]:
        """The sentences of all wrong fields, by field."""
        language = self._renderer.language(request)

        def check(left: Fields) -> None:
            check_person(left, login=login)

        return dict(sentence(language, one) for one in every_problem(error, fields, check, HARMLESS))

    async def _changed(self, request: Request, fields: Any, written: Written, here: str) -> Response:
        """Somebody else was faster: who and when, what is stored now, and the form as it was written.

        It goes on from what is stored now, so that saving again is a decision made in its knowledge.
        """
        number = request.path_params["person"]
        language = self._renderer.language(request)
        async with self._database.read() as session:
            person = await _person(session, number)
            units = await unit_names(session, person.unit_ids)
            said = await self._changed_by(session, request, number)
        form = Form(fields, {"": said})
        theirs = differences(language, written, person, units)
        return await self._form(request, form, here, status=409, person=person, theirs=theirs)

    async def _changed_by(self, session: AsyncSession, request: Request, number: int) -> str:
        for entry in await audit.entries(session, subject=f"person:{number}", limit=1):
            names = await actor_names(session, [entry.actor])
            return self._renderer.say(
                request,
                "people.changed_by",
                name=actor_words(self._renderer.language(request), entry.actor, names),
                when=format_instant(entry.at),
            )
        return self._renderer.say(request, "people.changed")

    async def _form(
        self,
        request: Request,
        form: Form,
        here: str,
        *,
        status: int = 200,
        person: PersonView | None = None,
        version: int = 0,
        theirs: list[tuple[str, str]] | None = None,
    ) -> Response:
        ticked = {int(text) for text in form.chosen("unit_ids") if text.isascii() and text.isdigit()}
        ticked |= person.unit_ids if person is not None else set()
        async with self._database.read() as session:
            beside = [number for number in ticked if number < 2**31]
            units = await unit_choices(session, today(now()), beside=beside)
        return self._renderer.render(
            request,
            "person_form.html",
            status=status,
            here=here,
            form=form,
            action=here,
            person=person,
            version=version or (person.version if person is not None else 0),
            units=units,
            theirs=theirs or [],
            role_options=ROLE_OPTIONS,
            languages_said=LANGUAGE_WORDS,
            back=f"{LIST}/{person.id}" if person is not None else LIST,
        )

    # -- keeping out, passwords, sessions -----------------------------------------------------------

    async def _disable(self, request: Request) -> Response:
        return await self._switch(request, "flash.person.disabled")

    async def _enable(self, request: Request) -> Response:
        return await self._switch(request, "flash.person.enabled")

    async def _switch(self, request: Request, key: str) -> Response:
        principal = require(request, Action.CHANGE_PEOPLE)
        fields = await check_form(request)
        number = request.path_params["person"]
        off = key == "flash.person.disabled"
        if off and number == principal.id:
            said = self._renderer.say(request, "people.not_oneself")
            return await self._page(request, principal, status=422, refused=said)
        version = _number(fields.text("version"))
        do = people.disable if off else people.enable
        try:
            async with self._database.write() as session:
                person = await do(session, number, version=version, by=principal.actor, now=now())
        except ChangedError:
            async with self._database.read() as session:
                said = await self._changed_by(session, request, number)
            return await self._page(request, principal, status=409, refused=said)
        except NotFoundError:
            raise HTTPException(404) from None
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            _, said = sentence(self._renderer.language(request), error)
            return await self._page(request, principal, status=422, refused=said)
        return _done(f"{LIST}/{number}", Flash("success", key, {"name": person.name}))

    async def _password(self, request: Request) -> Response:
        principal = require(request, Action.ISSUE_PERSON_CREDENTIALS)
        await check_form(request)
        number = request.path_params["person"]
        async with self._database.read() as session:
            person = await _person(session, number)
        if number == principal.id:
            # It would end the session in which the new password is about to be read.
            said = self._renderer.say(request, "people.own_password")
            return await self._page(request, principal, status=422, refused=said)
        if person.disabled_at is not None:
            said = self._renderer.say(request, "people.enable_first")
            return await self._page(request, principal, status=422, refused=said)
        try:
            issued = await credentials.issue_password(
                self._database, self._hashing, number, by=principal.actor, now=now()
            )
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except NotFoundError:
            said = self._renderer.say(request, "people.enable_first")
            return await self._page(request, principal, status=409, refused=said)
        return await self._page(request, principal, secret=issued.secret)

    async def _end_sessions(self, request: Request) -> Response:
        principal = require(request, Action.ISSUE_PERSON_CREDENTIALS)
        await check_form(request)
        number = request.path_params["person"]
        async with self._database.write() as session:
            person = await _person(session, number)
            but = principal.session_id if number == principal.id else ""
            await sessions.end_of_person(session, number, by=principal.actor, now=now(), but=but)
        return _done(f"{LIST}/{number}", Flash("success", "flash.person.sessions", {"name": person.name}))


async def _person(session: AsyncSession, number: int) -> PersonView:
    if number >= 2**31:
        raise HTTPException(404)
    try:
        return await people.get(session, number)
    except NotFoundError:
        raise HTTPException(404) from None


def _number(text: str) -> int:
    """A page or version; 1 for what is none."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def _done(path: str, flash: Flash) -> Response:
    answer = RedirectResponse(path, 303, {"Cache-Control": "no-store"})
    set_flash(answer, flash)
    return answer
