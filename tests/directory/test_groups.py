"""Groups of sites: made, changed by compare-and-swap, removed; each change has its line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from small_city import fill

from directory import groups
from directory.audit import entries
from directory.database import Database
from directory.errors import ChangedError, InvalidError, NotFoundError, TakenError
from directory.sites import sites_of_group

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
BY = "person:1"


async def test_the_life_of_a_group(database: Database) -> None:
    await fill(database)
    async with database.write() as session:
        group = await groups.create(session, " Đảng  ủy ", {1, 2, 3}, by=BY, now=NOW)
        assert group.name == "Đảng ủy"
        same = await groups.change(session, group.id, version=1, members=[3, 2, 1], by=BY, now=NOW)
        assert same.version == 1
        after = await groups.change(
            session, group.id, version=1, title="Ban chỉ đạo", members={3, 4}, by=BY, now=NOW
        )
        assert after.version == 2
    with pytest.raises(ChangedError):
        async with database.write() as session:
            await groups.change(session, group.id, version=1, members={1}, by=BY, now=NOW)
    async with database.read() as session:
        assert [site.id for site in await sites_of_group(session, group.id)] == [3, 4]
        assert await groups.all_groups(session) == [after]
    with pytest.raises(ChangedError):
        async with database.write() as session:
            await groups.remove(session, group.id, version=1, by=BY, now=NOW)
    async with database.write() as session:
        assert len((await groups.get(session, group.id)).members) == 2
        await groups.remove(session, group.id, version=2, by=BY, now=NOW)
    with pytest.raises(NotFoundError):
        async with database.read() as session:
            await groups.get(session, group.id)
    async with database.read() as session:
        lines = await entries(session, subject="site_group:")
    assert [line.action for line in lines] == ["site_group.delete", "site_group.update", "site_group.create"]
    assert lines[1].before == {"name": "Đảng ủy", "members": ["00001", "00002", "00003"]}
    assert lines[0].before == {"name": "Ban chỉ đạo", "members": ["00003", "00004"]}


async def test_what_cannot_be(database: Database) -> None:
    await fill(database)
    async with database.write() as session:
        first = await groups.create(session, "A", {1}, by=BY, now=NOW)
        await groups.create(session, "B", {1}, by=BY, now=NOW)
    for title, members, field in (("", {1}, "name"), ("C", set(), "members"), ("C", {99}, "members")):
        with pytest.raises(InvalidError) as caught:
            async with database.write() as session:
                await groups.create(session, title, members, by=BY, now=NOW)
        assert caught.value.details["field"] == field
    with pytest.raises(TakenError):
        async with database.write() as session:
            await groups.create(session, "B", {1}, by=BY, now=NOW)
    with pytest.raises(TakenError):
        async with database.write() as session:
            await groups.change(session, first.id, version=1, title="B", by=BY, now=NOW)
