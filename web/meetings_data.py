"""What the pages of meetings read from the database: whom they show it to, names, choices, history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit, people
from directory.access.principal import Principal
from directory.access.rights import Action, Scope, may, scope
from directory.model import Endpoint, Group, GroupMember, Person, Unit
from directory.people import PersonView
from directory.sites import Site, all_sites, site_of
from scheduler.booking import chunks, site_resource
from scheduler.calendar import invited_sites
from scheduler.errors import RightError
from scheduler.listing import Seer
from scheduler.membership import Asker, member_of_meeting
from scheduler.model import Meeting
from web.booking_form import Choices, SiteGroup, Who

MOST_CHAIRS: Final = 8
"""People that the search for a chair shows."""
MOST_SECRETARIES: Final = 300
HISTORY: Final = 100
"""Changes that a meeting's page shows, the latest ones."""
CHAIR: Final = "chair"
SECRETARY: Final = "secretary"


async def seer_of(session: AsyncSession, principal: Principal) -> Seer:
    """Which meetings somebody may see."""
    person = principal.id if principal.kind == "person" else None
    if scope(principal, Action.VIEW_MEETINGS) is Scope.ALL:
        return Seer(person, everything=True, drafts=may(principal, Action.BOOK_MEETINGS))
    own: set[int] = set()
    if principal.kind == "site":
        own.add(principal.id)
    else:
        for units in chunks(sorted(principal.reach)):
            own.update(await session.scalars(select(Endpoint.id).where(Endpoint.unit_id.in_(units))))
    return Seer(person, frozenset(own))


def asker_of(principal: Principal) -> Asker:
    """Somebody who is signed in, as the door of a meeting asks."""
    return Asker(principal.kind, principal.id, principal.full_name, principal.roles, principal.unit_ids)


async def may_enter(session: AsyncSession, meeting: Meeting, principal: Principal) -> bool:
    """Whether somebody takes part in a meeting, or may at least wait at its door."""
    try:
        await member_of_meeting(session, meeting, asker_of(principal))
    except RightError:
        return False
    return True


async def load_choices(
    session: AsyncSession, *, beside: Iterable[int] = (), secretaries: Iterable[int] = ()
) -> Choices:
    """All that a booking may choose. ``beside`` are sites, and ``secretaries`` people, that stand there
    already and stay choosable, whatever became of them."""
    sites = await all_sites(session)
    known = {site.id for site in sites}
    members: dict[int, set[int]] = {}
    for group_id, endpoint_id in await session.execute(select(GroupMember.group_id, GroupMember.endpoint_id)):
        members.setdefault(group_id, set()).add(endpoint_id)
    groups = await session.execute(select(Group.id, Group.name).order_by(Group.search))
    found, _ = await people.search(session, role=SECRETARY, limit=MOST_SECRETARIES)
    listed = [who_of(person) for person in found]
    for number in dict.fromkeys(secretaries):
        if number not in {who.id for who in listed}:
            listed += await who(session, [number])
    return Choices(
        tuple(sites),
        tuple(SiteGroup(n, name, frozenset(members.get(n, ()))) for n, name in groups if members.get(n)),
        tuple(listed),
        tuple(await sites_by_id(session, [number for number in beside if number not in known])),
    )


def who_of(person: PersonView) -> Who:
    """A person as the form shows it."""
    return Who(person.id, person.name, person.details.title, person.login)


async def who(session: AsyncSession, numbers: Sequence[int]) -> list[Who]:
    """These people, disabled ones too; unknown numbers are left out."""
    rows = await session.execute(
        select(Person.id, Person.name, Person.title, Person.login).where(Person.id.in_(numbers))
    )
    found = {number: Who(number, name, title, login) for number, name, title, login in rows}
    return [found[number] for number in numbers if number in found]


async def find_chairs(
    session: AsyncSession, query: str, *, beside: Iterable[int] = (), limit: int = MOST_CHAIRS
) -> tuple[list[Who], int]:
    """People who may chair and whom ``query`` means, and how many there are; ``beside`` come first."""
    found, count = await people.search(session, query[:200], role=CHAIR, limit=limit)
    listed = await who(session, list(dict.fromkeys(beside)))
    known = {person.id for person in listed}
    return [*listed, *(who_of(person) for person in found if person.id not in known)], count


async def sites_by_id(session: AsyncSession, numbers: Sequence[int]) -> list[Site]:
    """These sites, retired ones too, by district and code."""
    found: list[Site] = []
    for part in chunks(sorted(numbers)):
        rows = await session.execute(
            select(Endpoint, Unit).join(Unit, Endpoint.unit_id == Unit.id).where(Endpoint.id.in_(part))
        )
        pairs = [(endpoint, unit) for endpoint, unit in rows]
        above_ids = {unit.parent_id for _, unit in pairs if unit.parent_id is not None}
        above = {unit.id: unit for unit in await session.scalars(select(Unit).where(Unit.id.in_(above_ids)))}
        found += [site_of(endpoint, unit, above.get(unit.parent_id or 0)) for endpoint, unit in pairs]
    return sorted(found, key=lambda site: (site.district_code, site.code))


async def invited(session: AsyncSession, meeting_id: str) -> list[Site]:
    """The sites that are invited to a meeting, retired ones too."""
    return await sites_by_id(session, await invited_sites(session, meeting_id))


def titles(sites: Iterable[Site]) -> dict[str, str]:
    """Names with districts, by what slots call the sites."""
    return {site_resource(site.id): site.title for site in sites}


async def person_names(session: AsyncSession, numbers: Iterable[int]) -> dict[int, str]:
    """The names of people."""
    names: dict[int, str] = {}
    for part in chunks(sorted(set(numbers))):
        rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(part)))
        names.update((number, name) for number, name in rows)
    return names


@dataclass(frozen=True, slots=True)
class Past:
    """A change in a meeting's history. ``who`` is a name; empty for the service itself."""

    at: datetime
    who: str
    action: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """The latest changes, the newest first, with the names of the people that stand in them."""

    changes: tuple[Past, ...]
    names: Mapping[int, str]


async def history(session: AsyncSession, meeting: Meeting, limit: int = HISTORY) -> History:
    """What the audit log has of a meeting."""
    entries = await audit.entries(session, subject=f"meeting:{meeting.id}", limit=limit)
    numbers = {number for entry in entries if (number := _person(entry.actor)) is not None}
    for entry in entries:
        for values in (entry.before or {}, entry.after or {}):
            numbers |= {
                values[key] for key in ("chair_id", "secretary_id") if isinstance(values.get(key), int)
            }
    names = await person_names(session, numbers)
    return History(
        tuple(
            Past(entry.at, _actor(entry.actor, names), entry.action, entry.before or {}, entry.after or {})
            for entry in entries
        ),
        names,
    )


def _person(actor: str) -> int | None:
    kind, _, number = actor.partition(":")
    return int(number) if kind == "person" and number.isascii() and number.isdigit() else None


def _actor(actor: str, names: Mapping[int, str]) -> str:
    number = _person(actor)
    if number is not None:
        return names.get(number, actor)
    return "" if actor == "service" else actor
