"""A small city for the tests of access: units, a site, people, and cheap hashes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from directory import people
from directory.access.secrets import Cost, Hasher, Hashing
from directory.access.sessions import Visit
from directory.database import Database
from directory.model import Endpoint, Place, Unit
from directory.people import Details, PersonView

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
CHEAP = Cost(1, 8, 1)
BY = "cli:tests"


def cheap_hashing() -> Hashing:
    return Hashing(Hasher(CHEAP, workers=2), Hasher(CHEAP))


def visit(seconds: float = 0.0, address: str = "10.0.0.1", agent: str = "Chromium") -> Visit:
    return Visit(NOON + timedelta(seconds=seconds), 1000.0 + seconds, address, agent)


@dataclass(frozen=True)
class City:
    """Ids: the city with a district and its commune, and a ward of no district; a site in each of both."""

    city: int
    district: int
    commune: int
    ward: int
    site: int
    other_site: int


async def found_city(database: Database) -> City:
    async with database.write() as session:
        ids: list[int] = []
        for code, name, kind, parent in (
            ("01", "Thành phố Hà Nội", "thanh_pho", None),
            ("001", "Quận Ba Đình", "quan", 0),
            ("00004", "Phường Trúc Bạch", "phuong", 1),
            ("00070", "Phường Hàng Mã", "phuong", 0),
        ):
            unit = Unit(code=code, name=name, kind=kind, valid_from=date(2021, 1, 1), search=code)
            unit.parent_id = None if parent is None else ids[parent]
            session.add(unit)
            await session.flush()
            ids.append(unit.id)
        sites = []
        for unit_id, code in ((ids[2], "00004"), (ids[3], "00070")):
            place = Place(unit_id=unit_id, kind="office", name="UBND")
            session.add(place)
            await session.flush()
            site = Endpoint(
                code=code, unit_id=unit_id, place_id=place.id, main=True, name=f"Site {code}", search=""
            )
            session.add(site)
            await session.flush()
            sites.append(site.id)
    return City(*ids, *sites)


async def add_person(
    database: Database,
    login: str = "an",
    *,
    name: str = "Nguyễn Văn An",
    roles: Collection[str] = (),
    unit_ids: Collection[int] = (),
) -> PersonView:
    async with database.write() as session:
        return await people.create(
            session, login, Details(name), roles=roles, unit_ids=unit_ids, by=BY, now=NOON
        )
