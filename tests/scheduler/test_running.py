"""A meeting that runs: pages see what is stored, rights follow, restarts and failures lose nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from people_in_rooms import PeopleInRooms
from running_world import CHAIR, NOW, World, condition, open_meeting
from sqlalchemy import update

from directory.database import Database
from scheduler import rights
from scheduler.attending import facts, head_counts
from scheduler.desk import floor_events
from scheduler.errors import NoMeetingError, StateError
from scheduler.floor import replay
from scheduler.model import Meeting
from scheduler.rows import get_meeting


@pytest.fixture
async def meeting(database: Database) -> str:
    return await open_meeting(database)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database, PeopleInRooms())
    yield world
    await world.running.close()


async def test_the_floor_goes_to_a_site_and_all_see_it(world: World, meeting: str) -> None:
    chair = await world.page(meeting, CHAIR)
    one, two = await world.site(meeting, 1), await world.site(meeting, 2)
    await one.say("ask")
    await chair.until(lambda: chair.roster["site:00001"]["order"] == 1)
    await chair.say("give", target="site:00001")
    assert chair.answer == "done"
    for page in (chair, one, two):
        await page.until(partial(page.holds, "site:00001"))
    assert (world.people.sources("site:00001"), world.people.sources("site:00002")) == (4, 1)
    await one.say("finish")
    await two.until(lambda: two.floor["holder"] == "")
    assert world.people.sources("site:00001") == 1


async def test_a_site_cannot_act_as_chair(world: World, meeting: str) -> None:
    one = await world.site(meeting, 1)
    for kind in ("give", "unmute", "mute_all", "remove", "end"):
        await one.say(kind, target="site:00001")
        assert one.answer == "refused"
    assert world.people.sources("site:00001") == 1


async def test_who_is_invited_present_and_gone(world: World, meeting: str) -> None:
    chair = await world.page(meeting, CHAIR)
    assert {key: entry["presence"] for key, entry in chair.roster.items() if key.startswith("site")} == {
        f"site:0000{number}": "invited" for number in (1, 2, 3)
    }
    one = await world.site(meeting, 1)
    await chair.until(lambda: chair.roster["site:00001"]["presence"] == "present")
    await world.running.disconnect(one.line)
    await chair.until(lambda: chair.roster["site:00001"]["presence"] == "absent")


async def test_heads_go_into_the_log(world: World, meeting: str) -> None:
    one = await world.site(meeting, 1)
    await one.say("head_count", count=12)
    async with world.database.read() as session:
        assert head_counts(await facts(session, meeting)) == {"site:00001:main": 12}


async def test_a_new_process_finds_everything(world: World, meeting: str) -> None:
    """FC-e04: places in the queue survive; nobody's line stands until it comes again."""
    one, two = await world.site(meeting, 1), await world.site(meeting, 2)
    await one.say("ask")
    await two.say("ask")
    await one.say("head_count", count=5)
    again = World(world.database, world.people)
    chair = await again.page(meeting, CHAIR)
    assert [chair.roster[f"site:0000{n}"]["order"] for n in (1, 2, 3)] == [1, 2, 0]
    assert chair.roster["site:00001"]["head_count"] == 5
    assert chair.roster["site:00001"]["presence"] == "absent"
    back = await again.site(meeting, 1)
    assert back.roster["site:00001"]["order"] == 1
    await chair.until(lambda: chair.roster["site:00001"]["presence"] == "present")
    async with world.database.read() as session:
        assert replay(await floor_events(session, meeting)) == await again.desk.state(meeting)
    await again.running.close()


async def test_two_processes_cannot_part(world: World, meeting: str) -> None:
    """The one that finds other events than its own throws its meeting away; its pages come again."""
    one = await world.site(meeting, 1)
    other = World(world.database, world.people)
    await (await other.site(meeting, 2)).say("ask")
    await one.say("ask")
    assert one.line.session.closing == "restart"
    assert world.running.dropped == 1
    back = await world.site(meeting, 1)
    await back.say("ask")
    assert (await world.desk.state(meeting)).queue == ["site:00002", "site:00001"]
    await other.running.close()


async def test_a_database_that_fails_costs_one_press_and_no_truth(
    world: World, meeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await world.site(meeting, 1)

    async def fail(*_: object) -> bool:
        raise OSError("the disk is full")

    monkeypatch.setattr(world.desk, "store", fail)
    await one.say("ask")
    assert [message["type"] for message in one.told][-1] == "closing"
    monkeypatch.undo()
    back = await world.site(meeting, 1)
    assert back.roster["site:00001"]["order"] == 0
    await back.say("ask")
    await back.until(lambda: back.roster["site:00001"]["order"] == 1)


async def test_a_meeting_that_ends_while_it_is_loaded_is_not_kept(
    world: World, meeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, go_on = asyncio.Event(), asyncio.Event()
    load = world.running._load

    async def slowly(meeting_id: str) -> Any:
        loaded = await load(meeting_id)
        read.set()
        await go_on.wait()
        return loaded

    monkeypatch.setattr(world.running, "_load", slowly)
    connecting = asyncio.create_task(world.running.connect(meeting, CHAIR))
    await read.wait()
    ending = asyncio.create_task(world.life.end(meeting, by="person:1", now=NOW))
    await asyncio.sleep(0)
    go_on.set()
    line = await connecting
    await ending
    assert line.session.closing == "ended"
    assert len(world.running) == 0


@pytest.mark.parametrize(("kind", "values"), [("ask", {}), ("head_count", {"count": 3})])
async def test_nothing_is_written_of_a_meeting_that_has_ended(
    world: World,
    meeting: str,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    values: dict[str, int],
) -> None:
    """Another process has ended it; pages come again, and are told so."""
    one = await world.site(meeting, 1)
    async with world.database.write() as session:
        await session.execute(update(Meeting).where(Meeting.id == meeting).values(state="closed"))
    await one.say(kind, **values)
    assert one.line.session.closing == "restart"
    # It is no fault, and the log must not say so.
    assert "error" not in capsys.readouterr().out.replace("error=", "")
    async with world.database.read() as session:
        kinds = [event.kind for event in await floor_events(session, meeting)]
        assert await facts(session, meeting) == []
    assert kinds == ["joined"]
    with pytest.raises(StateError):
        await world.site(meeting, 1)


@pytest.mark.parametrize("method", ["tick", "publish", "receive"])
async def test_a_fault_in_a_meeting_throws_it_away_in_memory_and_not_its_clock(
    world: World, meeting: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    one = await world.site(meeting, 1)
    live = world.running._running[meeting].live

    def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(live, method, fail)
    if method == "tick":
        monkeypatch.setattr(live, "deadlines", lambda: (NOW, None))
    await one.say("ask")
    await condition(lambda: one.line.session.closing == "restart")
    assert world.running.dropped == 1
    back = await world.site(meeting, 1)
    await back.say("ask")
    assert back.answer == "done"


async def test_the_chair_ends_it_for_all(world: World, meeting: str) -> None:
    chair, one = await world.page(meeting, CHAIR), await world.site(meeting, 1)
    await chair.say("end", reason="xong")
    assert one.line.session.closing == "ended"
    async with world.database.read() as session:
        assert (await get_meeting(session, meeting)).state == "closed"
    assert len(world.running) == 0
    with pytest.raises(StateError):
        await world.site(meeting, 1)


async def test_the_chair_is_answered_when_the_end_is_stored(
    world: World, meeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chair = await world.page(meeting, CHAIR)

    async def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(world.life, "_step", fail)
    await chair.say("end", reason="xong")
    assert [message["type"] for message in chair.told][-1] == "closing"
    assert chair.line.session.closing == "restart"
    monkeypatch.undo()
    back = await world.page(meeting, CHAIR)
    await back.say("end", reason="xong")
    assert back.answer == "done"
    async with world.database.read() as session:
        stored = await get_meeting(session, meeting)
        assert (stored.state, stored.reason) == ("closed", "xong")


async def test_a_page_that_goes_in_the_middle_of_its_request_leaves_all_of_it(
    world: World, meeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chair = await world.page(meeting, CHAIR)
    begun, go_on = asyncio.Event(), asyncio.Event()
    step = world.life._step

    async def slowly(*given: Any) -> None:
        begun.set()
        await go_on.wait()
        await step(*given)

    monkeypatch.setattr(world.life, "_step", slowly)
    request = asyncio.create_task(chair.say("end"))
    await begun.wait()
    request.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await request
    await chair.until(lambda: chair.line.session.closing == "ended")
    async with world.database.read() as session:
        assert (await get_meeting(session, meeting)).state == "closed"


async def test_who_is_put_out_is_out(world: World, meeting: str) -> None:
    chair, one = await world.page(meeting, CHAIR), await world.site(meeting, 1)
    await chair.say("remove", target="site:00001", reason="nhầm phòng")
    assert one.line.session.closing == "removed"
    assert rights.identity("site:00001") not in world.people.people
    back = await world.site(meeting, 1)
    assert back.told[0]["waiting"] is True
    await chair.until(lambda: any(message.get("lobby") for message in chair.told))
    await chair.say("admit", target="site:00001")
    await back.until(lambda: "site:00001" in back.roster)


async def test_speaking_time_runs_out_by_itself(world: World, meeting: str) -> None:
    chair = await world.page(meeting, CHAIR)
    await world.site(meeting, 1)
    await chair.say("give", target="site:00001", seconds=1)
    await chair.until(lambda: chair.floor.get("time_is_up", False))


async def test_only_open_meetings_run(world: World, meeting: str) -> None:
    async with world.database.write() as session:
        await session.execute(update(Meeting).values(state="published"))
    with pytest.raises(StateError):
        await world.site(meeting, 1)
    with pytest.raises(NoMeetingError):
        await world.running.connect("none", CHAIR)


async def test_nothing_is_left_after_the_end(world: World, meeting: str) -> None:
    pages = [await world.site(meeting, number) for number in (1, 2, 3)]
    for page in pages:
        await world.running.disconnect(page.line)
    assert world.running.lines == 0
    await world.running.close()
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("meeting ")]
