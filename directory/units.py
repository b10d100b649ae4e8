"""Units on record: loading lists of them, what became of each, and what a district has on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.errors import InvalidError, NotFoundError
from directory.model import Unit, UnitSuccessor
from directory.model.units import UNIT_KINDS
from directory.search import search_key


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """A line of a list of units. ``parent`` and ``forerunners`` are codes; parents come before children."""

    code: str
    name: str
    kind: str
    parent: str = ""
    forerunners: tuple[str, ...] = ()


def valid_on(day: date) -> Select[Unit]:
    """All units that exist on ``day``."""
    return select(Unit).where(Unit.valid_from <= day, or_(Unit.valid_to.is_(None), Unit.valid_to > day))


async def add_units(
    session: AsyncSession, entries: Iterable[UnitEntry], valid_from: date, valid_to: date | None = None
) -> list[Unit]:
    """Put a list on record, once: units that are there already, by code and first day, are left alone.

    Forerunners are the units of those codes that existed the day before ``valid_from``. Gives the units
    that were added. Raises InvalidError for an unknown kind, parent or forerunner.
    """
    known = {u.code: u for u in await session.scalars(select(Unit).where(Unit.valid_from == valid_from))}
    before = {u.code: u for u in await session.scalars(select(Unit).where(Unit.valid_from < valid_from))}
    added: list[Unit] = []
    links: list[tuple[Unit, Unit]] = []
    for entry in entries:
        if entry.code in known:
            continue
        if entry.kind not in UNIT_KINDS:
            raise InvalidError(f"no kind of unit: {entry.kind}", field="kind", code=entry.code)
        parent = known.get(entry.parent)
        if entry.parent and parent is None:
            raise InvalidError(f"no unit {entry.parent} above {entry.code}", field="parent", code=entry.code)
        unit = Unit(
            code=entry.code,
            name=entry.name,
            kind=entry.kind,
            valid_from=valid_from,
            valid_to=valid_to,
            search=search_key(entry.code, entry.name),
        )
        unit.parent = parent
        session.add(unit)
        known[unit.code] = unit
        added.append(unit)
        for code in entry.forerunners:
            old = before.get(code)
            if old is None:
                raise InvalidError(f"no unit {code} before {entry.code}", field="forerunner", code=entry.code)
            links.append((old, unit))
    await session.flush()
    session.add_all([UnitSuccessor(old_id=old.id, new_id=new.id) for old, new in links])
    await session.flush()
    return added


async def unit_by_code(session: AsyncSession, code: str, day: date) -> Unit:
    """The unit with this code on ``day``. Raises NotFoundError."""
    unit = await session.scalar(valid_on(day).where(Unit.code == code))
    if unit is None:
        raise NotFoundError(f"no unit {code} on {day}", code=code)
    return unit


async def children(session: AsyncSession, unit_id: int, day: date) -> Sequence[Unit]:
    """The units directly below, by code."""
    return list(await session.scalars(valid_on(day).where(Unit.parent_id == unit_id).order_by(Unit.code)))


async def districts(session: AsyncSession, day: date) -> Sequence[Unit]:
    """The units that have a parent and children, by code: districts where there are any."""
    parents = select(Unit.parent_id).where(Unit.parent_id.is_not(None))
    found = valid_on(day).where(Unit.id.in_(parents), Unit.parent_id.is_not(None)).order_by(Unit.code)
    return list(await session.scalars(found))


async def successors(session: AsyncSession, unit_id: int) -> Sequence[Unit]:
    """What a unit became, by code."""
    found = select(Unit).join(UnitSuccessor, UnitSuccessor.new_id == Unit.id)
    return list(await session.scalars(found.where(UnitSuccessor.old_id == unit_id).order_by(Unit.code)))


async def forerunners(session: AsyncSession, unit_id: int) -> Sequence[Unit]:
    """Of which units a unit took all or a part, by code."""
    found = select(Unit).join(UnitSuccessor, UnitSuccessor.old_id == Unit.id)
    return list(await session.scalars(found.where(UnitSuccessor.new_id == unit_id).order_by(Unit.code)))
