"""The form of a person: its fields, what is wrong with them in words, and whom a person may speak for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from directory.access.errors import LastAdministratorError
from directory.access.logins import read_login
from directory.errors import DirectoryError, InvalidError, NotFoundError, TakenError
from directory.model import Endpoint, Unit
from directory.people import Details, PersonView, checked_details
from directory.search import given_name_key
from web import i18n
from web.i18n import Language
from web.navigation import ROLE_WORDS, ROLES
from web.visitors import Fields

FIELDS: Final = ("login", "name", "title", "phone", "email", "language", "roles", "unit_ids")

LABELS: Final = {
    "login": "sign_in.login",
    "name": "people.name",
    "title": "people.title_field",
    "phone": "people.phone",
    "email": "people.email",
    "language": "people.language",
    "roles": "people.roles",
    "unit_ids": "people.units",
}
"""The names of fields, as keys of the catalogue."""

_PROBLEMS: Final = {
    ("login", "login"): "people.login.wrong",
    ("name", "missing"): "people.name.empty",
    ("phone", "phone"): "people.phone.wrong",
    ("email", "email"): "people.email.wrong",
    ("language", "unknown"): "people.language.wrong",
    ("roles", "unknown"): "people.roles.wrong",
    ("unit_ids", "unknown"): "people.units.wrong",
}
_UNIT_ID: Final = 12
"""Digits of a unit's number that are looked at."""


@dataclass(frozen=True, slots=True)
class Written:
    """A form as it was sent, read."""

    login: str
    details: Details
    roles: frozenset[str]
    unit_ids: frozenset[int]


def read_person(fields: Fields) -> Written:
    """The form's values. What cannot be is refused by the directory, in one place for pages and API."""
    details = Details(
        fields.text("name"),
        fields.text("title"),
        fields.text("phone"),
        fields.text("email"),
        fields.text("language") or "vi",
    )
    return Written(
        fields.text("login"),
        details,
        frozenset(fields.all("roles")),
        # What is no number is no unit; 0 is none, so it is told as one that is not there.
        frozenset(
            int(text) if text.isascii() and text.isdigit() and len(text) <= _UNIT_ID else 0
            for text in fields.all("unit_ids")
        ),
    )


def shown_person(person: PersonView) -> dict[str, str | list[str]]:
    """A person as the form shows it."""
    details = person.details
    return {
        "login": person.login,
        "name": details.name,
        "title": details.title,
        "phone": details.phone,
        "email": details.email,
        "language": details.language,
        "roles": sorted(person.roles),
        "unit_ids": [str(number) for number in sorted(person.unit_ids)],
    }


HARMLESS: Final = {"login": "la", "name": "a", "title": "", "phone": "", "email": "", "language": "vi"}
"""Values that are never wrong, see :func:`web.problems.every_problem`."""


def check_person(fields: Fields, *, login: bool) -> None:
    """Raises InvalidError for the first field that cannot be; a ``login`` only where one is given."""
    if login and read_login(fields.text("login")) is None:
        raise InvalidError("this cannot be a login", field="login", problem="login")
    checked_details(read_person(fields).details)


def sentence(language: Language, error: DirectoryError) -> tuple[str, str]:
    """The field that an error belongs to (empty for the form as a whole), and what is told about it."""
    field = str(error.details.get("field", ""))
    if isinstance(error, TakenError):
        return field, i18n.translate(language, "people.login.taken", login=error.details.get("login", ""))
    if isinstance(error, LastAdministratorError):
        return "roles", i18n.translate(language, "people.last_administrator")
    if isinstance(error, NotFoundError):
        return "", i18n.translate(language, "people.gone")
    problem = str(error.details.get("problem", ""))
    if isinstance(error, InvalidError) and field in LABELS:
        label = i18n.translate(language, LABELS[field])
        if problem == "too_long":
            return field, i18n.translate(
                language, "people.too_long", field=label, most=error.details.get("most", "")
            )
        if problem == "characters":
            return field, i18n.translate(language, "people.characters", field=label)
        if (field, problem) in _PROBLEMS:
            return field, i18n.translate(language, _PROBLEMS[field, problem])
    return "", i18n.translate(language, "people.refused")


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """A unit as lists show it; ``above`` tells equal names apart, ``since`` old and new ones."""

    id: int
    name: str
    above: str
    valid: bool
    code: str


async def unit_choices(session: AsyncSession, day: date, *, beside: Collection[int] = ()) -> list[UnitChoice]:
    """Units that somebody may speak for: those of ``day``, those with sites in use, and those of ``beside``.

    After a reform the old units stay on record, and sites may still belong to them.
    """
    above = aliased(Unit)
    in_use = select(Endpoint.unit_id).where(Endpoint.retired_at.is_(None))
    parents = select(Unit.parent_id).where(Unit.id.in_(in_use), Unit.parent_id.is_not(None))
    today = (Unit.valid_from <= day) & or_(Unit.valid_to.is_(None), Unit.valid_to > day)
    rows = await session.execute(
        select(Unit, above.name)
        .outerjoin(above, Unit.parent_id == above.id)
        .where(or_(today, Unit.id.in_(in_use), Unit.id.in_(parents), Unit.id.in_(sorted(beside))))
    )
    found = [UnitChoice(unit.id, unit.name, over or "", unit.valid_on(day), unit.code) for unit, over in rows]
    # Cities and districts first: they have no unit of two levels above them.
    return sorted(found, key=lambda one: (bool(one.above), one.above, given_name_key(one.name), one.code))


async def unit_names(session: AsyncSession, unit_ids: Iterable[int]) -> dict[int, str]:
    """Names of units, with what is above them."""
    above = aliased(Unit)
    rows = await session.execute(
        select(Unit.id, Unit.name, above.name)
        .outerjoin(above, Unit.parent_id == above.id)
        .where(Unit.id.in_(sorted(unit_ids)))
    )
    return {number: f"{name}, {over}" if over else name for number, name, over in rows}


def role_words(language: Language, roles: Collection[str]) -> list[str]:
    """The words for roles, in the order of their weight."""
    return [i18n.translate(language, ROLE_WORDS[role]) for role in ROLES if role in roles]


def differences(
    language: Language, mine: Written, theirs: PersonView, units: dict[int, str]
) -> list[tuple[str, str]]:
    """Fields in which the stored person differs from a form: their names, and what is stored now."""
    found = []
    for name in ("name", "title", "phone", "email", "language"):
        stored = str(getattr(theirs.details, name))
        if stored != str(getattr(mine.details, name)).strip():
            shown = i18n.translate(language, LANGUAGE_WORDS[stored]) if name == "language" else stored
            found.append((name, shown))
    if theirs.roles != mine.roles:
        found.append(("roles", ", ".join(role_words(language, theirs.roles))))
    if theirs.unit_ids != mine.unit_ids:
        found.append(("unit_ids", "; ".join(units.get(number, "") for number in sorted(theirs.unit_ids))))
    nothing = i18n.translate(language, "people.nothing_there")
    return [(i18n.translate(language, LABELS[name]), shown or nothing) for name, shown in found]


LANGUAGE_WORDS: Final = {"vi": "people.language.vi", "en": "people.language.en"}
