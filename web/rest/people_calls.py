"""Calls about people, and the audit log. Passwords are issued on pages, where they are shown once."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from directory import audit, people
from directory.access.rights import Action
from directory.database import Database
from directory.people import Details, PersonView
from web.rest.calls import Answer, AnyCall, Asked, Call
from web.rest.directory_calls import NUMBER, number_in
from web.rest.directory_models import (
    AuditItem,
    AuditList,
    NewPerson,
    PersonChange,
    PersonItem,
    PersonList,
    PersonQuery,
)
from web.rest.errors import refuse_field, refuse_version
from web.rest.fields import Incoming, Instant, Line, Nothing, QueryNumber, QueryPageSize

_DETAILS: Final = ("name", "title", "phone", "email", "language")


class AuditQuery(Incoming):
    """Which changes."""

    actor: Line = ""
    subject: Line = ""
    since: Instant | None = None
    until: Instant | None = None
    below: QueryNumber | None = None
    limit: QueryPageSize = 50


class PeopleCalls:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def calls(self) -> list[AnyCall]:
        """All of them."""
        view, change = Action.VIEW_PEOPLE, Action.CHANGE_PEOPLE
        one = {"person": NUMBER}
        return [
            Call(
                "GET",
                "/people",
                "list_people",
                "Find people",
                "people",
                self._people,
                PersonList,
                view,
                PersonQuery,
            ),
            Call(
                "POST",
                "/people",
                "create_person",
                "Put a person on record, without a password",
                "people",
                self._new,
                PersonItem,
                change,
                body=NewPerson,
                status=201,
                gives_version=True,
                refusals=(409,),
            ),
            Call(
                "GET",
                "/people/{person}",
                "get_person",
                "One person",
                "people",
                self._person,
                PersonItem,
                view,
                parts=one,
                gives_version=True,
            ),
            Call(
                "PATCH",
                "/people/{person}",
                "change_person",
                "Change a person, keep one out, or let one in again",
                "people",
                self._change,
                PersonItem,
                change,
                body=PersonChange,
                parts=one,
                takes_version=True,
                gives_version=True,
            ),
            Call(
                "GET",
                "/audit",
                "list_audit",
                "The log of changes, the newest first",
                "audit",
                self._audit,
                AuditList,
                Action.VIEW_AUDIT,
                AuditQuery,
            ),
        ]

    async def _people(self, asked: Asked[PersonQuery, Nothing]) -> Answer:
        query = asked.query
        async with self._database.read() as session:
            found, count = await people.search(
                session,
                query.q,
                role=query.role or "",
                disabled=query.disabled,
                skip=(query.page - 1) * query.per_page,
                limit=query.per_page,
            )
        items = [_item(person) for person in found]
        return Answer(PersonList(items=items, count=count, page=query.page, per_page=query.per_page))

    async def _person(self, asked: Asked[Nothing, Nothing]) -> Answer:
        async with self._database.read() as session:
            return _answer(await people.get(session, number_in(asked.path["person"])))

    async def _new(self, asked: Asked[Nothing, NewPerson]) -> Answer:
        new = asked.body
        async with self._database.write() as session:
            made = await people.create(
                session,
                new.login,
                Details(new.name, new.title, new.phone, new.email, new.language),
                roles=new.roles,
                unit_ids=new.units,
                by=asked.principal.actor,
                now=asked.now,
            )
        return replace(_answer(made), location=f"/people/{made.id}")

    async def _change(self, asked: Asked[Nothing, PersonChange]) -> Answer:
        wanted = asked.body.model_dump(exclude_unset=True)
        for name, value in wanted.items():
            if value is None:
                raise refuse_field(name, "missing")
        by, now = asked.principal.actor, asked.now
        number = number_in(asked.path["person"])
        async with self._database.write() as session:
            before = await people.get(session, number)
            refuse_version(before.version, asked.version)
            details = {name: wanted[name] for name in _DETAILS if name in wanted}
            found = await people.change(
                session,
                number,
                version=asked.version,
                by=by,
                now=now,
                details=replace(before.details, **details) if details else None,
                roles=wanted.get("roles"),
                unit_ids=wanted.get("units"),
            )
            if "disabled" in wanted and wanted["disabled"] != (found.disabled_at is not None):
                switch = people.disable if wanted["disabled"] else people.enable
                found = await switch(session, number, version=found.version, by=by, now=now)
        return _answer(found)

    async def _audit(self, asked: Asked[AuditQuery, Nothing]) -> Answer:
        query = asked.query
        async with self._database.read() as session:
            found = await audit.entries(
                session,
                below=query.below,
                limit=query.limit,
                actor=query.actor,
                subject=query.subject,
                since=query.since,
                until=query.until,
            )
        items = [
            AuditItem(
                id=entry.id,
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                subject=entry.subject,
                before=entry.before,
                after=entry.after,
            )
            for entry in found
        ]
        return Answer(AuditList(items=items, next_below=items[-1].id if len(items) == query.limit else None))


def _answer(person: PersonView) -> Answer:
    return Answer(_item(person), person.version)


def _item(person: PersonView) -> PersonItem:
    details = person.details
    return PersonItem(
        id=person.id,
        login=person.login,
        name=details.name,
        title=details.title,
        phone=details.phone,
        email=details.email,
        language=details.language,
        roles=sorted(person.roles),
        units=sorted(person.unit_ids),
        disabled_at=person.disabled_at,
        version=person.version,
    )
