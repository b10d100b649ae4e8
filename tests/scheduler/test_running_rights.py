"""The media server follows the floor of a meeting that runs: after failures, hangs and restarts too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from people_in_rooms import PeopleInRooms
from running_world import CHAIR, World, condition, open_meeting

from directory.database import Database
from scheduler import running as running_module


@pytest.fixture
async def meeting(database: Database) -> str:
    return await open_meeting(database)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database, PeopleInRooms())
    yield world
    await world.running.close()


async def test_a_media_server_that_fails_does_not_stop_the_meeting(world: World, meeting: str) -> None:
    chair, one = await world.page(meeting, CHAIR), await world.site(meeting, 1)
    await condition(lambda: world.people.sources("site:00001") == 1)
    world.people.down = True
    await chair.say("give", target="site:00001")
    await one.until(lambda: one.floor["holder"] == "site:00001")
    assert world.people.sources("site:00001") == 1
    world.people.down = False
    await world.running.joined(meeting)
    assert world.people.sources("site:00001") == 4


async def test_a_media_server_that_comes_back_follows_by_itself(
    world: World, meeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that has lost the floor must not be heard until something else happens in the meeting."""
    monkeypatch.setattr(running_module, "FIRST_AGAIN", 0.01)
    chair = await world.page(meeting, CHAIR)
    await world.site(meeting, 1)
    await chair.say("give", target="site:00001")
    world.people.down = True
    await chair.say("take_back")
    assert (chair.answer, world.people.sources("site:00001")) == ("done", 4)
    world.people.down = False
    await condition(lambda: world.people.sources("site:00001") == 1)


async def test_pages_that_stop_waiting_do_not_cut_off_the_rights(
    world: World, meeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "RIGHTS_WITHIN", 0.0)
    chair = await world.page(meeting, CHAIR)
    await world.site(meeting, 1)
    reached, go_on = asyncio.Event(), asyncio.Event()
    permit = world.people.permit

    async def slowly(*given: Any) -> Any:
        reached.set()
        await go_on.wait()
        return await permit(*given)

    monkeypatch.setattr(world.people, "permit", slowly)
    await chair.say("give", target="site:00001")
    assert chair.answer == "done"
    await reached.wait()
    # It is behind, and known to be: the next one does not wait for it at all.
    monkeypatch.setattr(running_module, "RIGHTS_WITHIN", 3600.0)
    async with asyncio.timeout(10):
        await chair.say("take_back")
        await chair.say("give", target="site:00001")
    go_on.set()
    await condition(lambda: world.people.sources("site:00001") == 4)
    await condition(lambda: not world.running._running[meeting].behind)


async def test_a_restart_makes_the_media_server_follow(world: World, meeting: str) -> None:
    """What was decided right before a kill did not reach a media server that lives on."""
    chair = await world.page(meeting, CHAIR)
    await world.site(meeting, 1)
    world.people.down = True
    await chair.say("give", target="site:00001")
    await world.running.close()
    world.people.down = False
    again = World(world.database, world.people)
    await again.running.connect(meeting, CHAIR)
    await condition(lambda: world.people.sources("site:00001") == 4)
    await again.running.close()
