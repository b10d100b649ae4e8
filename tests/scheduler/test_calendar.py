"""Lists of meetings and free times, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from small_city import NOW

from directory.database import Database
from scheduler import booking
from scheduler.booking import Plan
from scheduler.calendar import free_times, is_invited, meetings_between, next_of_site
from scheduler.model import Meeting
from scheduler.planning import WorkingHours
from scheduler.rows import get_meeting

HOUR = timedelta(hours=1)
DAY = 24 * HOUR


def plan(start: datetime, *sites: int, chair: int = 1, title: str = "Giao ban") -> Plan:
    return Plan(
        title, "briefing", chair, 5, start, start + HOUR, "Asia/Ho_Chi_Minh", "", frozenset(sites or {1})
    )


async def book(database: Database, wanted: Plan, publish: bool = True) -> Meeting:
    async with database.write() as session:
        meeting = await booking.create(session, wanted, by="person:2", now=NOW)
        if publish:
            meeting = await booking.publish(session, meeting.id, version=1, by="person:2", now=NOW)
        return meeting


async def titles(database: Database, start: datetime, end: datetime, **filters: object) -> list[str]:
    async with database.read() as session:
        listed = await meetings_between(session, start, end, **filters)  # type: ignore[arg-type]
        return [item.meeting.title for item in listed]


async def test_lists_of_a_day_a_site_and_a_person(database: Database) -> None:
    await book(database, plan(NOW + DAY, 1, 2, title="A"))
    await book(database, plan(NOW + DAY + HOUR, 2, chair=2, title="B"))
    await book(database, plan(NOW + 2 * DAY, 1, title="C"))
    await book(database, plan(NOW + DAY, 1, chair=3, title="Nháp"), publish=False)
    day = (NOW + DAY, NOW + 2 * DAY)
    assert sorted(await titles(database, *day)) == ["A", "B", "Nháp"]
    assert await titles(database, *day, states=["published"]) == ["A", "B"]
    assert await titles(database, *day, endpoint_ids=[1]) == ["A"]
    assert await titles(database, *day, endpoint_ids=[2]) == ["A", "B"]
    assert await titles(database, *day, person_id=3) == ["Nháp"]
    assert await titles(database, *day, person_id=2) == ["B"]
    assert await titles(database, *day, endpoint_ids=[], person_id=4) == []
    async with database.read() as session:
        (first, *_) = await meetings_between(session, *day, states=["published"])
        assert first.sites == 2


async def test_a_meeting_over_midnight_stands_in_both_days(database: Database) -> None:
    """FC-c10."""
    late = datetime.fromisoformat("2026-12-01T23:30+07:00")
    await book(database, plan(late, title="Đêm"))
    first = datetime.fromisoformat("2026-12-01T00:00+07:00")
    for offset, found in ((0, ["Đêm"]), (1, ["Đêm"]), (2, [])):
        day = first + offset * DAY
        assert await titles(database, day, day + DAY) == found


async def test_what_comes_next_for_a_site(database: Database) -> None:
    later = await book(database, plan(NOW + 5 * HOUR, 1, 2))
    sooner = await book(database, plan(NOW + 2 * HOUR, 2))
    async with database.read() as session:
        one = await next_of_site(session, 1, NOW)
        two = await next_of_site(session, 2, NOW)
        assert one is not None
        assert two is not None
        assert (one.id, two.id) == (later.id, sooner.id)
        assert await next_of_site(session, 3, NOW) is None
        assert await next_of_site(session, 2, NOW + 10 * HOUR) is None
        assert await is_invited(session, later.id, 1)
        assert not await is_invited(session, later.id, 3)


async def test_an_open_meeting_is_what_a_site_is_in_even_past_its_end(database: Database) -> None:
    running = await book(database, plan(NOW + HOUR, 1))
    await book(database, plan(NOW + 3 * HOUR, 1))
    async with database.write() as session:
        (await get_meeting(session, running.id)).state = "open"
    async with database.read() as session:
        found = await next_of_site(session, 1, NOW + 4 * HOUR)
        assert found is not None
        assert found.id == running.id


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [
        ("2026-12-01T09:00+07:00", "2026-12-01T07:45+07:00", "2026-12-01T10:00+07:00"),
        ("2026-12-01T08:45+07:00", "2026-12-01T07:45+07:00", "2026-12-01T10:00+07:00"),
    ],
)
async def test_the_nearest_free_times_for_all_sites(
    database: Database, wanted: str, before: str, after: str
) -> None:
    """One site is taken from 08:45 to 09:45, another until 10:00, so that 07:45 and 10:00 are free."""
    await book(database, plan(datetime.fromisoformat("2026-12-01T08:45+07:00"), 1, chair=2))
    await book(database, plan(datetime.fromisoformat("2026-12-01T09:00+07:00"), 2, chair=3))
    start = datetime.fromisoformat(wanted)
    async with database.read() as session:
        free = await free_times(session, plan(start, 1, 2), WorkingHours(), NOW)
    assert free.before is not None
    assert free.after is not None
    assert free.before[0] == datetime.fromisoformat(before)
    assert free.after[0] == datetime.fromisoformat(after)


async def test_nothing_in_the_past_is_proposed(database: Database) -> None:
    start = NOW + 0.25 * HOUR
    await book(database, plan(start, 1))
    async with database.read() as session:
        free = await free_times(session, plan(start, 1, chair=2), WorkingHours(), NOW)
    assert free.before is None
    assert free.after is not None
    assert free.after[0] >= start + HOUR
