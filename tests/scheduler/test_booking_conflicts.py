"""FC-c03: what is in the way of many dates, on both databases, against a search that looks at everything."""

from __future__ import annotations

import dataclasses
import random
from datetime import datetime, timedelta

from small_city import NOW, SITES

from directory.database import Database
from scheduler import booking
from scheduler.booking import Plan, person_resource, site_resource
from scheduler.errors import ConflictError
from scheduler.model import Meeting

BY = "person:1"
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
FIRST = NOW + WEEK
"""A Monday, nine o'clock in Hanoi: week 1."""

Found = set[tuple[datetime, str, str]]
"""Start of what is in the way, whom it has taken, and which meeting it is."""


def plan(start: datetime, hours: float = 1, *, sites: set[int], chair: int = 1) -> Plan:
    end = start + hours * HOUR
    return Plan("Giao ban", "briefing", chair, 2, start, end, "Asia/Ho_Chi_Minh", "", frozenset(sites))


def week(number: int) -> datetime:
    """The beginning of a date, counted from 1."""
    return FIRST + (number - 1) * WEEK


async def book(database: Database, wanted: Plan) -> Meeting:
    async with database.write() as session:
        meeting = await booking.create(session, wanted, by=BY, now=NOW)
        return await booking.publish(session, meeting.id, version=meeting.version, by=BY, now=NOW)


async def in_the_way(database: Database, wanted: Plan) -> Found:
    async with database.read() as session:
        found = await booking.conflicts(session, wanted, most=2_500)
    return {(one.starts_at, one.resource, one.meeting_id) for one in found}


def everything(wanted: Plan, stored: dict[str, Plan]) -> Found:
    """The same by brute force."""
    return {
        (other.starts_at, resource, identity)
        for identity, other in stored.items()
        if wanted.starts_at < other.ends_at and other.starts_at < wanted.ends_at
        for resource in {site_resource(number) for number in wanted.endpoint_ids & other.endpoint_ids}
        | ({person_resource(wanted.chair_id)} if wanted.chair_id == other.chair_id else set())
    }


async def test_fc_c03_all_dates_are_checked_not_only_the_first_weeks(database: Database) -> None:
    taken = {3, 20, *range(9, 24, 2)}
    others = {}
    for number in sorted(taken):
        half = 0.5 * HOUR if number % 2 else -0.5 * HOUR
        made = await book(database, plan(week(number) + half, sites={7}, chair=3))
        others[number] = made.id
    # They touch in week 5, at both ends, and others have week 6.
    await book(database, plan(week(5) - HOUR, sites={7}, chair=3))
    await book(database, plan(week(5) + HOUR, sites={7}, chair=3))
    await book(database, plan(week(6), sites={8}, chair=3))
    found = {}
    for number in range(1, 25):
        met = await in_the_way(database, plan(week(number), sites={5, 6, 7}))
        if met:
            [(_, resource, found[number])] = met
            assert resource == "site:7"
    assert found == others


async def test_fc_c03_a_moved_date_counts_at_its_new_time_and_is_free_at_its_old_one(
    database: Database,
) -> None:
    dates = {}
    for number in range(1, 25):
        dates[number] = await book(database, plan(week(number), sites={7}))
    old = plan(week(23), sites={7})
    new = dataclasses.replace(old, starts_at=week(23) + 29 * HOUR, ends_at=week(23) + 30 * HOUR)
    async with database.write() as session:
        await booking.change(session, dates[23].id, new, version=2, by=BY, now=NOW, reason="nghỉ lễ")
    single = plan(week(23) + 29.5 * HOUR, sites={7}, chair=3)
    assert await in_the_way(database, single) == {(new.starts_at, "site:7", dates[23].id)}
    try:
        await book(database, single)
    except ConflictError as error:
        [conflict] = error.conflicts
        assert (conflict.name, conflict.title, conflict.starts_at) == ("Phường 7", "Giao ban", new.starts_at)
    else:
        raise AssertionError("a double booking")
    await book(database, plan(week(23), sites={7}, chair=3))


async def test_fc_c03_five_hundred_random_plans_find_what_a_plain_search_finds(database: Database) -> None:
    chance = random.Random(3)

    def some() -> Plan:
        start = FIRST + timedelta(minutes=15 * chance.randrange(4 * 24 * 6))
        sites = set(chance.sample(range(1, SITES + 1), chance.randint(1, 5)))
        return plan(start, chance.choice((0.25, 0.5, 1, 2, 5, 24)), sites=sites, chair=chance.randint(1, 5))

    stored: dict[str, Plan] = {}
    for _ in range(120):
        wanted = some()
        expected = everything(wanted, stored)
        try:
            stored[(await book(database, wanted)).id] = wanted
        except ConflictError:
            assert expected
        else:
            assert not expected
    assert len(stored) > 30
    met = 0
    for _ in range(500):
        wanted = some()
        expected = everything(wanted, stored)
        assert await in_the_way(database, wanted) == expected
        met += bool(expected)
    assert 100 < met < 500
