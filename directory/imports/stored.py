"""What is on record, as plans look at it: read once, then looked up without the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.endpoints import EndpointView, views
from directory.model import Unit, UnitSuccessor
from directory.search import search_key

_PREFIXES = ("quan ", "huyen ", "thi xa ", "thanh pho ")


@dataclass(frozen=True, slots=True)
class UnitOnRecord:
    """A unit; see :class:`directory.model.Unit`."""

    id: int
    code: str
    name: str
    kind: str
    parent_id: int | None
    valid_from: date
    valid_to: date | None

    def valid_on(self, day: date) -> bool:
        """Whether it exists on ``day``."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(slots=True)
class Stored:
    """Units, endpoints (retired ones too), and which unit became which."""

    units: Sequence[UnitOnRecord]
    endpoints: Sequence[EndpointView]
    links: frozenset[tuple[int, int]] = frozenset()
    by_id: dict[int, UnitOnRecord] = field(init=False)
    by_code: dict[str, list[UnitOnRecord]] = field(init=False)
    by_name: dict[str, list[UnitOnRecord]] = field(init=False)
    endpoint_by_code: dict[str, EndpointView] = field(init=False)
    endpoints_by_name: dict[str, list[EndpointView]] = field(init=False)
    with_sites: frozenset[int] = field(init=False)
    """Ids of units that have an endpoint which is not retired."""

    def __post_init__(self) -> None:
        self.by_id = {unit.id: unit for unit in self.units}
        self.by_code, self.by_name, self.endpoints_by_name = {}, {}, {}
        for unit in self.units:
            self.by_code.setdefault(unit.code, []).append(unit)
            self.by_name.setdefault(search_key(unit.name), []).append(unit)
        self.endpoint_by_code = {view.code: view for view in self.endpoints}
        self.with_sites = frozenset(view.unit_id for view in self.endpoints if view.retired_at is None)
        for view in self.endpoints:
            if view.retired_at is None:
                self.endpoints_by_name.setdefault(search_key(view.details.name), []).append(view)

    def with_code(self, written: str) -> list[UnitOnRecord]:
        """Units of a code as spreadsheets leave it: 1 may be 01, 001 or 00001."""
        forms = dict.fromkeys([written, *(written.zfill(digits) for digits in (5, 3, 2))])
        return [unit for form in forms for unit in self.by_code.get(form, ())]

    def district(self, unit: UnitOnRecord) -> UnitOnRecord | None:
        """The district of a unit: what stands above it, unless that is the city."""
        above = self.by_id.get(unit.parent_id) if unit.parent_id is not None else None
        return above if above is not None and above.parent_id is not None else None

    def title(self, unit: UnitOnRecord) -> str:
        """Name and district, or name and code where there is none."""
        district = self.district(unit)
        return f"{unit.name}, {district.name}" if district else f"{unit.name} ({unit.code})"

    def in_district(self, unit: UnitOnRecord, code: str, name: str) -> bool:
        """Whether a unit is in the district that was written, by code, by name, or by both."""
        district = self.district(unit)
        if not code and not name:
            return True
        if district is None:
            return False
        return (not code or district in self.with_code(code)) and (not name or same_name(name, district.name))


def same_name(written: str, known: str) -> bool:
    """Whether a district is meant: without diacritics, with or without the word of its kind."""
    one, other = search_key(written), search_key(known)
    return one == other or _bare(one) == _bare(other)


def _bare(key: str) -> str:
    return next((key.removeprefix(prefix) for prefix in _PREFIXES if key.startswith(prefix)), key)


def titles(names: Iterable[str], most: int = 5) -> str:
    """Some names in one line; of many the first."""
    known = list(names)
    return "; ".join(known[:most]) + ("; …" if len(known) > most else "")


async def load_stored(session: AsyncSession) -> Stored:
    """All of it, in three queries."""
    units = [
        UnitOnRecord(*row)
        for row in await session.execute(
            select(
                Unit.id, Unit.code, Unit.name, Unit.kind, Unit.parent_id, Unit.valid_from, Unit.valid_to
            ).order_by(Unit.code, Unit.valid_from)
        )
    ]
    links = await session.execute(select(UnitSuccessor.old_id, UnitSuccessor.new_id))
    return Stored(units, await views(session), frozenset((old, new) for old, new in links))
