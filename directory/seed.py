"""Hanoi on record: the 579 units of 2021 in 30 districts, the 126 of 2025, and a main site for each."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.hanoi import hanoi_districts, hanoi_new_units, hanoi_units
from directory.model import Endpoint, Place, Unit, UnitSuccessor
from directory.search import search_key
from directory.units import UnitEntry, add_units

CITY: Final = UnitEntry("01", "Thành phố Hà Nội", "thanh_pho")
SINCE_2021: Final = date(2021, 1, 1)
REFORM: Final = date(2025, 7, 1)
"""The day of the two-level administration: no districts, 126 communes and wards."""

COMMUNES: Final = frozenset({"xa", "phuong", "thi_tran"})

_DISTRICT_KINDS: Final = {"Quận": "quan", "Huyện": "huyen", "Thị xã": "thi_xa"}


def _district_kind(name: str) -> str:
    return next(kind for prefix, kind in _DISTRICT_KINDS.items() if name.startswith(prefix))


async def load_hanoi_units(session: AsyncSession) -> int:
    """Both lists of units, with what became of each; how many were added. Again is no error."""
    districts = [UnitEntry(d.code, d.name, _district_kind(d.name), CITY.code) for d in hanoi_districts()]
    communes = [UnitEntry(u.code, u.name, u.kind, u.district_code) for u in hanoi_units()]
    old = await add_units(session, [CITY, *districts, *communes], SINCE_2021, REFORM)
    new = [UnitEntry(u.code, u.name, u.kind, CITY.code, u.old_codes) for u in hanoi_new_units()]
    return len(old) + len(await add_units(session, [CITY, *new], REFORM))


async def load_main_sites(session: AsyncSession, day: date) -> int:
    """A main site in the office of each commune-level unit of ``day`` that has none; how many were added.

    A site's code is its unit's. Raises nothing of its own; sites that have the code already stay.
    """
    units = {unit.id: unit for unit in await session.scalars(select(Unit))}
    taken = set(await session.scalars(select(Endpoint.code)))
    communes = [u for u in units.values() if u.kind in COMMUNES and u.valid_on(day) and u.code not in taken]
    places = {unit.id: _office(unit) for unit in communes}
    session.add_all(places.values())
    await session.flush()
    old_names: dict[int, list[str]] = {}
    for link in await session.scalars(select(UnitSuccessor)):
        old_names.setdefault(link.new_id, []).extend((units[link.old_id].code, units[link.old_id].name))
    for unit in communes:
        above = units[unit.parent_id].name if unit.parent_id is not None else ""
        session.add(
            Endpoint(
                code=unit.code,
                unit_id=unit.id,
                place_id=places[unit.id].id,
                main=True,
                name=unit.name,
                search=search_key(unit.code, unit.name, above, *old_names.get(unit.id, [])),
                commissioning="in_use",
            )
        )
    await session.flush()
    return len(communes)


def _office(unit: Unit) -> Place:
    return Place(unit_id=unit.id, kind="office", name=f"UBND {unit.name}")
