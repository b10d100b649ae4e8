"""A small city for tests of meetings: thirty sites, and five people who book and chair."""

from __future__ import annotations

from datetime import UTC, date, datetime

from directory.database import Database
from directory.model import Endpoint, Person, Place, Unit
from directory.search import search_key

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
"""Monday, nine o'clock in Hanoi."""
SITES = 30


async def fill(database: Database) -> None:
    """Sites 1 to 30 in one district, and five people."""
    async with database.write() as session:
        unit = Unit(id=1, code="001", name="Quận A", kind="quan", valid_from=date(2021, 1, 1), search="a")
        session.add(unit)
        await session.flush()
        session.add(Place(id=1, unit_id=1, kind="office", name="UBND"))
        names = ["Bình", "Châu", "Dũng", "Giang", "Hà"]
        session.add_all(
            [Person(id=n, login=f"p{n}", name=f"Ông {name}", search="") for n, name in enumerate(names, 1)]
        )
        await session.flush()
        session.add_all(
            [
                Endpoint(
                    id=number,
                    code=f"{number:05}",
                    unit_id=1,
                    place_id=1,
                    name=f"Phường {number}",
                    search=search_key(f"Phường {number}"),
                )
                for number in range(1, SITES + 1)
            ]
        )
