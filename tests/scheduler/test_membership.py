"""As whom somebody takes part in a meeting, by credential, role and invitation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from small_city import NOW

from directory.database import Database
from directory.model import Endpoint, Unit
from scheduler import booking
from scheduler.booking import Plan
from scheduler.errors import RightError
from scheduler.membership import Asker, leaders_of, member_of_meeting
from scheduler.model import Meeting


@pytest.fixture
async def meeting(database: Database) -> Meeting:
    """Chair 1, secretary 2; sites 1 and 2 are invited, and site 2 belongs to a unit of its own."""
    plan = Plan(
        "Giao ban",
        "briefing",
        1,
        2,
        NOW,
        NOW + timedelta(hours=1),
        "Asia/Ho_Chi_Minh",
        "",
        frozenset({1, 2}),
    )
    async with database.write() as session:
        parent = await session.get(Unit, 1)
        assert parent is not None
        session.add(
            Unit(id=2, code="2", name="Phường 2", kind="phuong", valid_from=parent.valid_from, search="2")
        )
        await session.flush()
        site = await session.get(Endpoint, 2)
        assert site is not None
        site.unit_id = 2
        return await booking.create(session, plan, by="person:2", now=NOW)


@pytest.mark.parametrize(
    ("asker", "found"),
    [
        (Asker("person", 1, "Ông Bình"), ("person:1", "chair")),
        (Asker("person", 2, "Ông Châu"), ("person:2", "secretary")),
        (Asker("person", 5, "Q", frozenset({"administrator"})), ("person:5", "secretary")),
        (Asker("person", 5, "Q", frozenset({"it_staff"})), ("person:5", "site")),
        (Asker("person", 5, "Q", frozenset({"secretary"})), ("person:5", "site")),
        (Asker("person", 5, "Q", frozenset({"official"}), [2]), ("site:00002", "site")),
        (Asker("person", 5, "Q", frozenset({"official"}), [1]), ("site:00001", "site")),
        (Asker("site", 2, "00002"), ("site:00002", "site")),
        (Asker("site", 9, "00009"), ("site:00009", "site")),
        (Asker("person", 5, "Q", frozenset({"official"})), None),
        (Asker("person", 5, "Q", frozenset({"official"}), [99]), None),
        (Asker("person", 5, "Q"), None),
        (Asker("agent", 1, "00001"), None),
    ],
)
async def test_as_whom(
    database: Database, meeting: Meeting, asker: Asker, found: tuple[str, str] | None
) -> None:
    async with database.read() as session:
        if found is None:
            with pytest.raises(RightError):
                await member_of_meeting(session, meeting, asker)
        else:
            person = await member_of_meeting(session, meeting, asker)
            assert (person.key, person.role) == found


async def test_leaders_of_a_meeting(database: Database, meeting: Meeting) -> None:
    async with database.read() as session:
        found = await leaders_of(session, meeting)
    assert [(one.key, one.name, one.role) for one in found] == [
        ("person:1", "Ông Bình", "chair"),
        ("person:2", "Ông Châu", "secretary"),
    ]
