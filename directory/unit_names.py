"""The names under which the endpoints of a unit are found: its own, its district's, and old ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from directory.errors import NotFoundError
from directory.model import Unit, UnitSuccessor
from directory.search import search_key

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class UnitNames:
    """What of a unit goes into the search key of its endpoints. ``old`` has codes and names."""

    code: str
    name: str
    above: str
    old: tuple[str, ...]

    def key(self, code: str, own: str) -> str:
        """The search key of the endpoint that has this code and this name of its own."""
        # The unit's own name stays findable where the site is called otherwise.
        unit = [text for text, mine in ((self.code, code), (self.name, own)) if text != mine]
        return search_key(code, own, *unit, self.above, *self.old)


async def unit_names(session: AsyncSession, ids: Collection[int]) -> dict[int, UnitNames]:
    """The names of those units. Raises NotFoundError for an unknown one."""
    above, old, wanted = aliased(Unit), aliased(Unit), sorted(set(ids))
    result: dict[int, UnitNames] = {}
    for at in range(0, len(wanted), _CHUNK):
        part = wanted[at : at + _CHUNK]
        olds: dict[int, list[str]] = {}
        for new_id, code, known in await session.execute(
            select(UnitSuccessor.new_id, old.code, old.name)
            .join(old, UnitSuccessor.old_id == old.id)
            .where(UnitSuccessor.new_id.in_(part))
            .order_by(old.code)
        ):
            olds.setdefault(new_id, []).extend((code, known))
        for unit_id, code, known, upper in await session.execute(
            select(Unit.id, Unit.code, Unit.name, func.coalesce(above.name, ""))
            .outerjoin(above, Unit.parent_id == above.id)
            .where(Unit.id.in_(part))
        ):
            result[unit_id] = UnitNames(code, known, upper, tuple(olds.get(unit_id, ())))
    missing = set(wanted) - result.keys()
    if missing:
        raise NotFoundError("no such unit", unit=min(missing))
    return result
