"""Rooms are looked into: lost webhooks are made up for, late ones come first, lists that lag do no harm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from people_in_rooms import PeopleInRooms
from small_city import NOW
from sqlalchemy import update

from directory.database import Database
from scheduler import booking
from scheduler.attending import AttendanceLog, facts, presence
from scheduler.booking import Plan
from scheduler.model import AttendanceFact, Meeting
from scheduler.polling import CONFIRM, EVERY, LAG, Room, RoomPoll

ROOM, SID, SITE = "meeting-1", "RM_1", "site:00001:main"
State = models.ParticipantInfo.State
ACTIVE, DISCONNECTED, JOINED = State.ACTIVE, State.DISCONNECTED, State.JOINED
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Listed(PeopleInRooms):
    """A media server that lists who is said to be there, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[str, models.ParticipantInfo] = {}
        self.asked = 0

    def put(self, sid: str, state: models.ParticipantInfo.State = ACTIVE) -> None:
        moment = int(NOW.timestamp())
        self.there[sid] = models.ParticipantInfo(sid=sid, identity=SITE, state=state, joined_at=moment)

    async def participants(self, name: str) -> list[models.ParticipantInfo]:
        self.asked += 1
        return list(self.there.values())


class World:
    """One open meeting, its log, and who looks into its room."""

    def __init__(self, database: Database, meeting: str) -> None:
        self.database = database
        self.meeting = meeting
        self.rooms = Listed()
        self.log = AttendanceLog(database)
        self.poll = RoomPoll(self.log, self.rooms)

    async def tell(self, kind: str, sid: str, after: timedelta = timedelta(0)) -> None:
        event = WebhookEvent(event=f"participant_{kind}", created_at=int((NOW + after).timestamp()))
        event.room.name, event.room.sid = ROOM, SID
        event.participant.sid, event.participant.identity = sid, SITE
        event.participant.joined_at = int(NOW.timestamp())
        await self.log.take(event)

    async def look(self, after: timedelta) -> None:
        await self.poll.look({SID: Room(self.meeting, ROOM, SID)}, NOW + after)

    async def lines(self) -> list[AttendanceFact]:
        async with self.database.read() as session:
            return list(await facts(session, self.meeting))

    async def kinds(self) -> list[str]:
        return [line.kind for line in await self.lines()]

    async def present(self) -> set[str]:
        return set(presence(await self.lines()).present().values())


@pytest.fixture
async def world(database: Database) -> World:
    plan = Plan("Giao ban", "briefing", 1, 2, NOW, NOW + 60 * MINUTE, "UTC", "", frozenset({1, 2}))
    async with database.write() as session:
        made = await booking.create(session, plan, by="person:2", now=NOW)
        await session.execute(update(Meeting).where(Meeting.id == made.id).values(state="open", room=ROOM))
    return World(database, made.id)


async def test_fc_a01_a_left_that_was_lost_is_closed_by_the_poll(world: World) -> None:
    await world.tell("joined", "PA_1")
    await world.look(MINUTE)
    assert await world.present() == {"PA_1"}
    await world.look(MINUTE + CONFIRM)
    assert await world.present() == set()
    (interval,) = presence(await world.lines()).intervals(SITE)
    assert interval.end == pytest.approx((NOW + MINUTE).timestamp(), abs=1)
    for later in range(2, 5):
        await world.look(later * MINUTE)
    assert await world.kinds() == ["joined", "missed"]


async def test_fc_a01_its_own_left_takes_precedence_however_late(world: World) -> None:
    await world.tell("joined", "PA_1")
    await world.look(MINUTE)
    await world.look(MINUTE + CONFIRM)
    await world.tell("left", "PA_1", 30 * SECOND)
    (interval,) = presence(await world.lines()).intervals(SITE)
    assert interval.end == pytest.approx((NOW + 30 * SECOND).timestamp(), abs=1)


async def test_a_joined_that_was_lost_is_found_once(world: World) -> None:
    world.rooms.put("PA_1")
    await world.look(MINUTE)
    await world.look(2 * MINUTE)
    await world.tell("joined", "PA_1")
    assert await world.kinds() == ["joined"]
    (interval,) = presence(await world.lines()).intervals(SITE)
    assert interval.start == pytest.approx(NOW.timestamp(), abs=1)


async def test_a_list_that_lags_once_ends_nobody(world: World) -> None:
    await world.tell("joined", "PA_1")
    await world.look(MINUTE)
    world.rooms.put("PA_1")
    await world.look(MINUTE + CONFIRM)
    world.rooms.there.clear()
    await world.look(3 * MINUTE)
    assert await world.kinds() == ["joined"]


async def test_who_came_a_moment_ago_is_not_missed(world: World) -> None:
    await world.tell("joined", "PA_1")
    await world.look(LAG - SECOND)
    await world.look(LAG + EVERY)
    assert await world.kinds() == ["joined"]


@pytest.mark.parametrize("state", [JOINED, DISCONNECTED])
async def test_who_is_not_in_yet_or_any_more_did_not_join(
    world: World, state: models.ParticipantInfo.State
) -> None:
    world.rooms.put("PA_1", state)
    await world.look(MINUTE)
    assert await world.kinds() == []


async def test_it_is_looked_once_in_a_while_whatever_the_clock_does(world: World) -> None:
    for seconds in range(0, 60, 10):
        await world.look(seconds * SECOND)
    assert world.rooms.asked == 1
    await world.look(EVERY)
    assert world.rooms.asked == 2
    await world.look(-timedelta(days=1))
    await world.look(EVERY - timedelta(days=1))
    assert world.rooms.asked == 4


async def test_rooms_that_are_gone_are_forgotten(world: World) -> None:
    await world.tell("joined", "PA_1")
    await world.look(MINUTE)
    await world.poll.look({}, NOW + MINUTE + SECOND)
    assert (world.poll._looked, world.poll._missed) == ({}, {})
