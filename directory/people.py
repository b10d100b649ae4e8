"""People: put on record, changed by compare-and-swap, disabled; found as names are typed.

Every function works in the caller's transaction; an exception is meant to end it. Nobody is
ever removed, for meetings and the audit log name people for ever.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.access.errors import LastAdministratorError
from directory.access.logins import read_login
from directory.access.sessions import end_of_person
from directory.audit import record
from directory.errors import ChangedError, InvalidError, NotFoundError, TakenError
from directory.model import Person, PersonRole, PersonUnit, Unit
from directory.model.people import ROLES
from directory.search import given_name_key, search_key

LANGUAGES: Final = ("vi", "en")
PAGE: Final = 100
ADMINISTRATOR: Final = "administrator"

_PHONE: Final = re.compile(r"[0-9+()./x -]*", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the text around them about, so that a list shows another name than it has."""
_QUERY: Final = 200
"""Characters of a query that are looked at."""
_CHUNK: Final = 500
_LARGEST: Final = 2**31 - 1
"""A database's integer; it would not look for a larger one but fail."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a person's page shows and lets change."""

    name: str
    title: str = ""
    phone: str = ""
    email: str = ""
    language: str = "vi"


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person with roles and units. ``version`` is what a change has to name."""

    id: int
    login: str
    details: Details
    disabled_at: datetime | None
    version: int
    roles: frozenset[str]
    unit_ids: frozenset[int]

    @property
    def name(self) -> str:
        """The full name."""
        return self.details.name


async def create(
    session: AsyncSession,
    login: str,
    details: Details,
    *,
    roles: Collection[str] = (),
    unit_ids: Collection[int] = (),
    by: str,
    now: datetime,
) -> PersonView:
    """Put a person on record, without a credential. Raises InvalidError; TakenError for a login in use.

    A login (:func:`~directory.access.logins.read_login`) stays its owner's, disabled or not, and never
    changes.
    """
    read = read_login(login)
    if read is None:
        raise InvalidError("this cannot be a login", field="login", problem="login")
    login = read
    details = checked_details(details)
    await _check_roles_and_units(session, roles, unit_ids)
    row = dict(login=login, search=_key(login, details), version=1, **dataclasses.asdict(details))
    try:
        async with session.begin_nested():
            person_id = await session.scalar(insert(Person).values(row).returning(Person.id))
    except IntegrityError as error:
        if "login" not in str(error.orig):
            raise
        raise TakenError(f"the login {login} is in use", field="login", login=login) from None
    view = PersonView(person_id or 0, login, details, None, 1, frozenset(roles), frozenset(unit_ids))
    await _put(session, PersonRole, view.id, "role", view.roles)
    await _put(session, PersonUnit, view.id, "unit_id", view.unit_ids)
    await record(
        session,
        at=now,
        actor=by,
        action="person.create",
        subject=f"person:{view.id}",
        before=None,
        after=_logged(view),
    )
    return view


async def change(
    session: AsyncSession,
    person_id: int,
    *,
    version: int,
    by: str,
    now: datetime,
    details: Details | None = None,
    roles: Collection[str] | None = None,
    unit_ids: Collection[int] | None = None,
) -> PersonView:
    """Change what is given, all of it or nothing. No difference changes nothing, not even the version.

    Raises NotFoundError, ChangedError for another version, InvalidError, LastAdministratorError.
    """
    details = None if details is None else checked_details(details)
    await _check_roles_and_units(session, roles or (), unit_ids or ())
    before = await _begin(session, person_id, version, risky=roles is not None and ADMINISTRATOR not in roles)
    after = dataclasses.replace(
        before,
        details=before.details if details is None else details,
        roles=before.roles if roles is None else frozenset(roles),
        unit_ids=before.unit_ids if unit_ids is None else frozenset(unit_ids),
    )
    return await _swap(session, before, after, "person.update", by=by, now=now)


async def disable(
    session: AsyncSession, person_id: int, *, version: int, by: str, now: datetime
) -> PersonView:
    """Keep a person out: sessions end, the password opens nothing. Raises as :func:`change` does."""
    before = await _begin(session, person_id, version, risky=True)
    if before.disabled_at is not None:
        return before
    after = dataclasses.replace(before, disabled_at=now)
    after = await _swap(session, before, after, "person.disable", by=by, now=now)
    await end_of_person(session, person_id, by=by, now=now)
    return after


async def enable(
    session: AsyncSession, person_id: int, *, version: int, by: str, now: datetime
) -> PersonView:
    """Let a person in again, with the credential from before. Raises as :func:`change` does."""
    before = await _begin(session, person_id, version, risky=False)
    after = dataclasses.replace(before, disabled_at=None)
    return await _swap(session, before, after, "person.enable", by=by, now=now)


async def get(session: AsyncSession, person_id: int) -> PersonView:
    """One person, as the database has it now. Raises NotFoundError."""
    found = await _views(session, [person_id] if 0 < person_id <= _LARGEST else [])
    if not found:
        raise NotFoundError(f"no person {person_id}", person=person_id)
    return found[0]


async def by_login(session: AsyncSession, login: str) -> PersonView:
    """One person. Raises NotFoundError."""
    person_id = await session.scalar(select(Person.id).where(Person.login == (read_login(login) or "")))
    if person_id is None:
        raise NotFoundError("no person with this login")
    return await get(session, person_id)


async def search(
    session: AsyncSession,
    query: str = "",
    *,
    role: str = "",
    disabled: bool = False,
    skip: int = 0,
    limit: int = PAGE,
) -> tuple[list[PersonView], int]:
    """People whom ``query`` means, a page of them, and how many there are in all.

    Each word of it begins a word of name, login or title, with or without diacritics. Sorted by given
    name. ``disabled`` has those too who are kept out.
    """
    conditions: list[ColumnElement[bool]] = [
        literal(" ").concat(Person.search).contains(f" {word}", autoescape=True)
        for word in search_key(query[:_QUERY]).split()
    ]
    if role and role not in ROLES:
        return [], 0
    if role:
        conditions.append(Person.id.in_(select(PersonRole.person_id).where(PersonRole.role == role)))
    if not disabled:
        conditions.append(Person.disabled_at.is_(None))
    rows = await session.execute(select(Person.name, Person.login, Person.id).where(*conditions))
    found = sorted((given_name_key(name), login, person_id) for name, login, person_id in rows)
    page = [person_id for _, _, person_id in found[max(0, skip) : max(0, skip) + max(0, limit)]]
    return await _views(session, page), len(found)


async def _begin(session: AsyncSession, person_id: int, version: int, *, risky: bool) -> PersonView:
    """The person as it is before a change; ``risky`` ones could take the last administrator."""
    if risky:
        # Before anything else is locked, always in the order of ids: who loses an administrator waits
        # here for others who do, and counts anew. SQLite has one writer, and no rows to lock.
        await session.execute(_administrators().order_by(Person.id).with_for_update(key_share=True))
    before = await get(session, person_id)
    if before.version != version:
        raise ChangedError("the person was changed meanwhile", person=person_id)
    return before


async def _swap(
    session: AsyncSession, before: PersonView, after: PersonView, action: str, *, by: str, now: datetime
) -> PersonView:
    if after == before:
        return before
    if _administers(before) and not _administers(after):
        others = await session.scalar(_administrators().where(Person.id != before.id).limit(1))
        if others is None:
            raise LastAdministratorError("there must be an administrator", person=before.id)
    swapped = await session.scalar(
        update(Person)
        .where(Person.id == before.id, Person.version == before.version)
        .values(
            version=before.version + 1,
            disabled_at=after.disabled_at,
            search=_key(after.login, after.details),
            **dataclasses.asdict(after.details),
        )
        .returning(Person.version)
        .execution_options(synchronize_session=False)
    )
    if swapped is None:
        raise ChangedError("the person was changed meanwhile", person=before.id)
    for table, column, old, new in (
        (PersonRole, "role", before.roles, after.roles),
        (PersonUnit, "unit_id", before.unit_ids, after.unit_ids),
    ):
        gone = getattr(table, column).in_(old - new)
        await session.execute(delete(table).where(table.person_id == before.id, gone))
        await _put(session, table, before.id, column, new - old)
    await record(
        session,
        at=now,
        actor=by,
        action=action,
        subject=f"person:{before.id}",
        before=_logged(before),
        after=_logged(after),
    )
    return dataclasses.replace(after, version=swapped)


def _administrators() -> Any:
    having = select(PersonRole.person_id).where(PersonRole.role == ADMINISTRATOR)
    return select(Person.id).where(Person.id.in_(having), Person.disabled_at.is_(None))


def _administers(person: PersonView) -> bool:
    return ADMINISTRATOR in person.roles and person.disabled_at is None


async def _views(session: AsyncSession, person_ids: list[int]) -> list[PersonView]:
    """Those people, in that order. Columns are read, not objects, which could be of an earlier moment."""
    fields = [getattr(Person, field.name) for field in dataclasses.fields(Details)]
    found: dict[int, PersonView] = {}
    for at in range(0, len(person_ids), _CHUNK):
        ids = person_ids[at : at + _CHUNK]
        roles = await _of_people(session, PersonRole, PersonRole.role, ids)
        units = await _of_people(session, PersonUnit, PersonUnit.unit_id, ids)
        rows = await session.execute(
            select(Person.id, Person.login, Person.disabled_at, Person.version, *fields).where(
                Person.id.in_(ids)
            )
        )
        for number, login, disabled_at, version, *values in rows:
            details = Details(*values)
            found[number] = PersonView(
                number,
                login,
                details,
                disabled_at,
                version,
                frozenset(roles.get(number, ())),
                frozenset(units.get(number, ())),
            )
    return [found[number] for number in person_ids if number in found]


async def _of_people(session: AsyncSession, table: Any, column: Any, ids: list[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for number, value in await session.execute(
        select(table.person_id, column).where(table.person_id.in_(ids))
    ):
        found.setdefault(number, []).append(value)
    return found


async def _put(
    session: AsyncSession, table: type[Any], person_id: int, column: str, values: Iterable[Any]
) -> None:
    rows = [{"person_id": person_id, column: value} for value in sorted(values)]
    if rows:
        await session.execute(insert(table), rows)


async def _check_roles_and_units(
    session: AsyncSession, roles: Collection[str], unit_ids: Collection[int]
) -> None:
    unknown: set[Any] = set(roles) - set(ROLES)
    if unknown:
        raise InvalidError("no such role", field="roles", problem="unknown", unknown=sorted(unknown))
    ids = sorted({number for number in unit_ids if 0 < number <= _LARGEST})
    known: set[int] = set()
    for at in range(0, len(ids), _CHUNK):
        known.update(await session.scalars(select(Unit.id).where(Unit.id.in_(ids[at : at + _CHUNK]))))
    if known != set(unit_ids):
        raise InvalidError(
            "no such unit", field="unit_ids", problem="unknown", unknown=sorted(set(unit_ids) - known)
        )


def checked_details(details: Details) -> Details:
    """The details as they are kept. Raises InvalidError for the first that cannot be."""
    checked = Details(
        name=_text("name", details.name, 200),
        title=_text("title", details.title, 200),
        phone=_text("phone", details.phone, 32),
        email=_text("email", details.email, 254),
        language=details.language,
    )
    if not search_key(checked.name):
        raise InvalidError("a person needs a name", field="name", problem="missing")
    if not _PHONE.fullmatch(checked.phone):
        raise InvalidError("this is no telephone number", field="phone", problem="phone")
    if checked.email and not _EMAIL.fullmatch(checked.email):
        raise InvalidError("this is no address of mail", field="email", problem="email")
    if checked.language not in LANGUAGES:
        raise InvalidError("no such language", field="language", problem="unknown")
    return checked


def _text(field: str, text: str, most: int) -> str:
    plain = unicodedata.normalize("NFC", text).strip()
    if len(plain) > most:
        raise InvalidError(f"{field} is too long", field=field, problem="too_long", most=most)
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _DIRECTIONS for c in plain):
        raise InvalidError(f"{field} has characters that no line has", field=field, problem="characters")
    return plain


def _key(login: str, details: Details) -> str:
    return search_key(login, details.name, details.title)


def _logged(person: PersonView) -> dict[str, object]:
    return dataclasses.asdict(person.details) | {
        "login": person.login,
        "disabled_at": person.disabled_at,
        "roles": person.roles,
        "unit_ids": person.unit_ids,
    }
