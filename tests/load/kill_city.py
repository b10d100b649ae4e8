"""The city of the killed service: people and sites with credentials, in a database with today's tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from small_city import fill
from sqlalchemy import insert, select

from directory.access import credentials, owners
from directory.access.secrets import Cost, Hasher, Hashing
from directory.database import Database
from directory.migrations import migrate
from directory.model import Person, PersonRole
from directory.search import search_key
from scheduler.migrations import VERSIONS

CHAIRS = (1, 2, 3, 6, 7, 8, 9)
SECRETARIES = (4, 5)
NAMES = {1: "Ông Bình", 2: "Ông Châu", 3: "Ông Dũng", 6: "Bà Hoa", 7: "Bà Lan", 8: "Bà Mai", 9: "Bà Nga"}
"""Of chairs."""
LIVE_SITES = (1, 2, 3, 4)
"""Those that come into their meetings."""
NEAR_SITES = tuple(range(1, 13))
"""Those that are invited to meetings which are due in seconds."""
FAR_SITES = tuple(range(13, 31))
"""Those that are invited by the booking form to meetings of the coming weeks."""
PASSWORD = "một câu dễ nhớ 27"


@dataclass(frozen=True, slots=True)
class Keys:
    """How everybody signs in."""

    logins: dict[int, str]
    sites: dict[int, str]


async def make_city(url: str) -> Keys:
    """Make the tables and the city in an empty database."""
    # What a hash costs is no matter here.
    cheap = Cost(1, 8, 1)
    hashing = Hashing(Hasher(cheap, name="cheap"), Hasher(cheap, name="cheap-key"))
    database = Database(url)
    now = datetime.now(UTC)
    try:
        await migrate(database, VERSIONS)
        await fill(database)
        roles = [(number, "chair") for number in CHAIRS] + [(number, "secretary") for number in SECRETARIES]
        async with database.write() as session:
            known = {person.id: person for person in await session.scalars(select(Person))}
            for number, name in NAMES.items():
                if number not in known:
                    session.add(Person(id=number, login=f"p{number}", name=name, search=search_key(name)))
                else:
                    known[number].search = search_key(name)
            await session.flush()
            rows = [{"person_id": number, "role": role} for number, role in roles]
            await session.execute(insert(PersonRole), rows)
        for number in (*CHAIRS, *SECRETARIES):
            secret = await hashing.own_password(PASSWORD)
            async with database.write() as session:
                await credentials.issue(session, owners.person(number), secret, by="cli:show", now=now)
        keys = {}
        for number in LIVE_SITES:
            owner = owners.site_device(number)
            keys[number] = (
                await credentials.issue_key(database, hashing, owner, by="cli:show", now=now)
            ).secret
        return Keys({number: f"p{number}" for number in (*CHAIRS, *SECRETARIES)}, keys)
    finally:
        hashing.close()
        await database.close()
