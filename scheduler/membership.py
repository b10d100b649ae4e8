"""Who somebody is in a meeting: chair, secretary, an invited site, a guest who waits, or nobody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.model import Endpoint
from directory.model import Person as PersonRow
from directory.sites import Site, all_sites
from scheduler.channel.meeting import Person
from scheduler.errors import RightError
from scheduler.floor_state import Role
from scheduler.model import Invitation, Meeting
from scheduler.rights import person_member, site_member

CHAIR: Final[Role] = "chair"
SECRETARY: Final[Role] = "secretary"


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who has shown a credential. ``unit_ids`` are the units that a person speaks for itself."""

    kind: str
    id: int
    name: str
    roles: frozenset[str] = frozenset()
    unit_ids: Collection[int] = ()


async def member_of_meeting(session: AsyncSession, meeting: Meeting, asker: Asker) -> Person:
    """As whom ``asker`` takes part.

    A site's device is its site, invited or not (who is not waits in the lobby). A person is chair or
    secretary of this very meeting; an administrator helps as secretary; who speaks for the unit of an
    invited site comes as that site; IT staff and other secretaries may ask at the door. Raises RightError.
    """
    if asker.kind == "site":
        return as_person((await all_sites(session, Endpoint.id == asker.id))[0])
    if asker.kind == "person":
        if asker.id == meeting.chair_id:
            return Person(person_member(asker.id), asker.name, "chair")
        if asker.id == meeting.secretary_id or "administrator" in asker.roles:
            return Person(person_member(asker.id), asker.name, "secretary")
        site = await _spoken_for(session, meeting, asker.unit_ids)
        if site is not None:
            return as_person(site)
        if asker.roles & {"secretary", "it_staff", "chair"}:
            return Person(person_member(asker.id), asker.name, "site")
    raise RightError("not of this meeting", role=asker.kind, command="join")


async def leaders_of(session: AsyncSession, meeting: Meeting) -> list[Person]:
    """Chair and secretary of a meeting."""
    found: list[Person] = []
    for number, role in ((meeting.chair_id, CHAIR), (meeting.secretary_id, SECRETARY)):
        person = await session.get(PersonRow, number)
        if person is not None and all(one.key != person_member(number) for one in found):
            found.append(Person(person_member(number), person.name, role))
    return found


def as_person(site: Site) -> Person:
    """A site as the channel shows it."""
    return Person(site_member(site.code), site.name, "site", site.code, site.district)


async def _spoken_for(session: AsyncSession, meeting: Meeting, unit_ids: Collection[int]) -> Site | None:
    """The invited site of the units, the main one first."""
    if not unit_ids:
        return None
    invited = select(Invitation.endpoint_id).where(Invitation.meeting_id == meeting.id)
    found = await all_sites(session, Endpoint.unit_id.in_(unit_ids), Endpoint.id.in_(invited))
    return min(found, key=lambda site: (not site.main, site.code), default=None)
