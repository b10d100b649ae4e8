"""The floor in the database on both engines of storage, and the rights that follow on a media server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from livekit.protocol import models
from people_in_rooms import PeopleInRooms
from small_city import NOW
from sqlalchemy import update

from directory.database import Database
from scheduler import booking, rights
from scheduler.booking import Plan
from scheduler.desk import CHANGING_RIGHTS, FloorDesk, first_seen, floor_events
from scheduler.errors import RightError
from scheduler.floor import Actor, Command, CommandKind, Floor, Rules, replay
from scheduler.floor_state import Event, Role
from scheduler.model import Meeting
from signaling.errors import InvalidArgumentError

CHAIR = Actor("person:1", "chair")
SITES = [f"site:{number:05}" for number in range(1, 11)]


async def change(
    desk: FloorDesk, meeting: str, on: Callable[[Floor], tuple[Event, ...]], by: str
) -> tuple[Event, ...]:
    """As a running meeting does it; who is behind begins anew."""
    for _ in range(100):
        floor = await desk.floor(meeting)
        before = floor.state.sequence
        events = on(floor)
        if not events or await desk.store(meeting, before, floor, events, by):
            break
    else:
        raise AssertionError("nothing can be stored")
    if CHANGING_RIGHTS & {event.kind for event in events}:
        await desk.align(meeting, "room")
    return events


async def do(
    desk: FloorDesk, meeting: str, actor: Actor, command: Command, now: datetime
) -> tuple[Event, ...]:
    return await change(desk, meeting, lambda floor: floor.do(actor, command, now), actor.member)


async def arrive(
    desk: FloorDesk, meeting: str, member: str, role: Role, now: datetime, *, invited: bool = True
) -> tuple[Event, ...]:
    return await change(desk, meeting, lambda floor: floor.arrive(member, role, now, invited=invited), member)


async def depart(desk: FloorDesk, meeting: str, member: str, now: datetime) -> tuple[Event, ...]:
    return await change(desk, meeting, lambda floor: floor.depart(member, now), member)


async def tick(desk: FloorDesk, meeting: str, now: datetime) -> tuple[Event, ...]:
    return await change(desk, meeting, lambda floor: floor.tick(now), "service")


@pytest.fixture
async def meeting(database: Database) -> str:
    end = NOW + timedelta(hours=1)
    plan = Plan("Giao ban", "briefing", 1, 2, NOW, end, "Asia/Ho_Chi_Minh", "", frozenset({1, 2}))
    async with database.write() as session:
        made = await booking.create(session, plan, by="person:2", now=NOW)
        await session.execute(update(Meeting).where(Meeting.id == made.id).values(state="open"))
        return made.id


@pytest.fixture
async def people(database: Database, meeting: str) -> PeopleInRooms:
    """Ten sites and the chair are in."""
    people = PeopleInRooms()
    desk = FloorDesk(database, people)
    for member in [*SITES, CHAIR.member]:
        people.join(member)
        await arrive(desk, meeting, member, "chair" if member == CHAIR.member else "site", NOW)
    people.calls = 0
    return people


@pytest.fixture
def desk(database: Database, people: PeopleInRooms) -> FloorDesk:
    return FloorDesk(database, people)


async def test_giving_and_taking_the_floor_changes_one_sites_rights(
    desk: FloorDesk, people: PeopleInRooms, meeting: str
) -> None:
    assert [people.sources(site) for site in SITES] == [1] * 10
    await do(desk, meeting, Actor(SITES[0], "site"), Command("ask"), NOW)
    assert people.calls == 0
    await do(desk, meeting, CHAIR, Command("give", SITES[0]), NOW)
    assert [people.sources(site) for site in SITES] == [4] + [1] * 9
    await do(desk, meeting, CHAIR, Command("take_back"), NOW)
    assert [people.sources(site) for site in SITES] == [1] * 10
    assert people.calls == 2


async def test_a_site_does_not_give_itself_the_floor(
    desk: FloorDesk, people: PeopleInRooms, meeting: str
) -> None:
    kinds: tuple[CommandKind, ...] = ("give", "unmute", "mute_all", "remove", "admit")
    for kind in kinds:
        with pytest.raises(RightError):
            await do(desk, meeting, Actor(SITES[0], "site"), Command(kind, SITES[0]), NOW)
    assert people.calls == 0


async def test_everything_is_in_the_database(database: Database, desk: FloorDesk, meeting: str) -> None:
    for site in SITES[:3]:
        await do(desk, meeting, Actor(site, "site"), Command("ask"), NOW)
    await do(desk, meeting, CHAIR, Command("lower", SITES[1]), NOW)
    again = FloorDesk(database, PeopleInRooms())
    state = await again.state(meeting)
    assert state.queue == [SITES[0], SITES[2]]
    async with database.read() as session:
        events = await floor_events(session, meeting)
    assert replay(events) == state
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


async def test_fc_e04_ten_sites_ask_at_once_and_all_are_in_the_order(
    database: Database, desk: FloorDesk, meeting: str
) -> None:
    other_database = Database(database.url.render_as_string(hide_password=False))
    other = FloorDesk(other_database, PeopleInRooms())
    desks = [desk, other]
    await asyncio.gather(
        *(
            do(desks[number % 2], meeting, Actor(site, "site"), Command("ask"), NOW)
            for number, site in enumerate(SITES)
        )
    )
    state = await desk.state(meeting)
    assert sorted(state.queue) == SITES
    assert sorted(state.order(site) for site in SITES) == list(range(1, 11))
    async with database.read() as session:
        assert replay(await floor_events(session, meeting)) == state
    await other_database.close()


async def test_fc_e04_two_chairs_lower_the_same_hand_at_once(desk: FloorDesk, meeting: str) -> None:
    await do(desk, meeting, Actor(SITES[4], "site"), Command("ask"), NOW)
    both = [Actor("person:1", "chair"), Actor("person:2", "secretary")]
    lowered = await asyncio.gather(
        *(do(desk, meeting, actor, Command("lower", SITES[4]), NOW) for actor in both)
    )
    assert sorted(len(events) for events in lowered) == [0, 1]
    assert (await desk.state(meeting)).queue == []


async def test_the_first_two_at_once(database: Database) -> None:
    end = NOW + timedelta(hours=1)
    plan = Plan("Họp", "briefing", 1, 2, NOW, end, "Asia/Ho_Chi_Minh", "", frozenset({1}))
    async with database.write() as session:
        made = await booking.create(session, plan, by="person:2", now=NOW)
        await session.execute(update(Meeting).where(Meeting.id == made.id).values(state="open"))
    desk = FloorDesk(database, PeopleInRooms())
    await asyncio.gather(*(arrive(desk, made.id, site, "site", NOW) for site in SITES))
    assert set((await desk.state(made.id)).members) == set(SITES)


async def test_who_was_removed_is_put_out_and_does_not_come_back(
    desk: FloorDesk, people: PeopleInRooms, meeting: str
) -> None:
    """FC-a03: it may have a token still; the rights say no, and it is put out again."""
    await do(desk, meeting, CHAIR, Command("remove", SITES[0], reason="nhầm"), NOW)
    assert rights.identity(SITES[0]) not in people.people
    people.join(SITES[0])
    await desk.align(meeting, "room")
    assert rights.identity(SITES[0]) not in people.people
    events = await arrive(desk, meeting, SITES[0], "site", NOW)
    assert [event.kind for event in events] == ["waiting"]
    people.join(SITES[0])
    await do(desk, meeting, CHAIR, Command("admit", SITES[0]), NOW)
    assert people.sources(SITES[0]) == 1


async def test_a_media_server_that_is_down_gets_the_rights_later(
    desk: FloorDesk, people: PeopleInRooms, meeting: str
) -> None:
    people.down = True
    await do(desk, meeting, CHAIR, Command("give", SITES[3]), NOW)
    assert (people.sources(SITES[3]), desk.failed_rights) == (1, 1)
    people.down = False
    await desk.align(meeting, "room")
    assert people.sources(SITES[3]) == 4


async def test_what_is_refused_for_one_is_done_for_the_others(
    desk: FloorDesk, people: PeopleInRooms, meeting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, permit = rights.identity(SITES[2]), people.permit

    async def some(name: str, identity: str, permission: models.ParticipantPermission) -> object:
        if identity == refused:
            raise InvalidArgumentError("not this one")
        return await permit(name, identity, permission)

    for site in SITES[:5]:
        await do(desk, meeting, CHAIR, Command("unmute", site), NOW)
    assert [people.sources(site) for site in SITES[:5]] == [4] * 5
    monkeypatch.setattr(people, "permit", some)
    await do(desk, meeting, CHAIR, Command("mute_all"), NOW)
    assert [people.sources(site) for site in SITES[:5]] == [1, 1, 4, 1, 1]
    assert not await desk.align(meeting, "room")
    monkeypatch.undo()
    assert await desk.align(meeting, "room")
    assert people.sources(SITES[2]) == 1


async def test_first_seen_is_the_first_time_of_each(
    database: Database, desk: FloorDesk, meeting: str
) -> None:
    await depart(desk, meeting, SITES[0], NOW + timedelta(minutes=1))
    await arrive(desk, meeting, SITES[0], "site", NOW + timedelta(minutes=2))
    await arrive(desk, meeting, "site:00030", "site", NOW + timedelta(minutes=3), invited=False)
    async with database.read() as session:
        assert await first_seen(session, meeting) == dict.fromkeys([*SITES, CHAIR.member], NOW)
    await do(desk, meeting, CHAIR, Command("admit", "site:00030"), NOW + timedelta(minutes=4))
    async with database.read() as session:
        assert (await first_seen(session, meeting))["site:00030"] == NOW + timedelta(minutes=4)


async def test_time_runs_out_and_the_holder_that_fell_out_loses_the_floor(
    database: Database, people: PeopleInRooms, meeting: str
) -> None:
    desk = FloorDesk(database, people, Rules(take_back_at_time_up=True))
    await do(desk, meeting, CHAIR, Command("give", SITES[0], seconds=60), NOW)
    assert (await desk.floor(meeting)).deadline() == NOW + timedelta(seconds=60)
    assert (await tick(desk, meeting, NOW + timedelta(seconds=59))) == ()
    events = await tick(desk, meeting, NOW + timedelta(seconds=60))
    assert [event.kind for event in events] == ["time_up", "taken"]
    assert people.sources(SITES[0]) == 1
    await do(desk, meeting, CHAIR, Command("give", SITES[1]), NOW)
    await depart(desk, meeting, SITES[1], NOW)
    assert (await tick(desk, meeting, NOW + timedelta(seconds=21)))[0].kind == "taken"


async def test_helpers_of_the_service_keep_their_own_rights(
    desk: FloorDesk, people: PeopleInRooms, meeting: str
) -> None:
    people.people["recorder"] = models.ParticipantPermission(hidden=True, can_subscribe=True)
    await do(desk, meeting, CHAIR, Command("mute_all"), NOW)
    assert people.people["recorder"].hidden


@pytest.mark.parametrize("state", ["draft", "published", "closed", "cancelled"])
async def test_the_floor_belongs_to_open_meetings(
    database: Database, desk: FloorDesk, meeting: str, state: str
) -> None:
    async with database.write() as session:
        await session.execute(update(Meeting).values(state=state))
    floor = await desk.floor(meeting)
    before = floor.state.sequence
    events = floor.do(CHAIR, Command("give", SITES[0]), NOW)
    assert not await desk.store(meeting, before, floor, events, CHAIR.member)
    assert not await desk.store("none", 0, floor, events, CHAIR.member)
    assert (await desk.floor(meeting)).state.sequence == before


async def test_who_is_behind_writes_nothing(database: Database, desk: FloorDesk, meeting: str) -> None:
    first, second = await desk.floor(meeting), await desk.floor(meeting)
    before = first.state.sequence
    asked = [
        floor.do(Actor(site, "site"), Command("ask"), NOW)
        for floor, site in ((first, SITES[0]), (second, SITES[1]))
    ]
    assert await desk.store(meeting, before, first, asked[0], SITES[0])
    assert not await desk.store(meeting, before, second, asked[1], SITES[1])
    async with database.read() as session:
        assert replay(await floor_events(session, meeting)) == await desk.state(meeting) == first.state
