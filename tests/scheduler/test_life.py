"""Meetings open and close by themselves, once, on both databases; after outages; with a server that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from small_city import NOW
from sqlalchemy import select

from directory.database import Database
from directory.model import AuditEntry
from scheduler import booking
from scheduler.attending import AttendanceLog, facts, presence
from scheduler.booking import Plan
from scheduler.errors import ImpossibleError, NoMeetingError, StateError
from scheduler.life import AGAIN, AT_ONCE, Changed, MeetingLife
from scheduler.model import Action, Meeting, Slot
from scheduler.rows import get_meeting
from scheduler.states import Rules
from signaling.errors import InvalidArgumentError, UnavailableError

MINUTE = timedelta(minutes=1)
START = NOW + 60 * MINUTE
RULES = Rules(close_after=15 * MINUTE, least_left=5 * MINUTE)


class FakeRooms:
    """A media server in memory: which rooms are there, and what was asked; ``down`` refuses everything."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.sids: dict[str, str] = {}
        self.asked: list[str] = []
        self.down = False

    def _ask(self, what: str) -> None:
        if self.down:
            raise UnavailableError("down")
        self.asked.append(what)

    async def create_room(
        self, name: str, *, empty_timeout: int = 0, departure_timeout: int = 0, metadata: str = ""
    ) -> models.Room:
        self._ask("create")
        if name not in self.names:
            self.sids[name] = f"RM_{self.asked.count('create')}"
        self.names.add(name)
        return models.Room(name=name, sid=self.sids[name])

    async def delete_room(self, name: str) -> None:
        self._ask("delete")
        self.names.discard(name)

    async def rooms(self, names: Sequence[str] = ()) -> list[models.Room]:
        if self.down:
            raise UnavailableError("down")
        return [models.Room(name=name, sid=self.sids.get(name, "")) for name in sorted(self.names)]

    async def participants(self, name: str) -> list[models.ParticipantInfo]:
        return []

    async def remove(self, name: str, identity: str) -> None: ...

    async def permit(
        self, name: str, identity: str, permission: models.ParticipantPermission
    ) -> models.ParticipantInfo:
        return models.ParticipantInfo()

    async def mute(self, name: str, identity: str, track_sid: str, muted: bool = True) -> None: ...


async def book(database: Database, start: datetime = START, site: int = 1, chair: int = 1) -> str:
    end, zone = start + 60 * MINUTE, "Asia/Ho_Chi_Minh"
    plan = Plan("Giao ban", "briefing", chair, 2, start, end, zone, endpoint_ids=frozenset({site}))
    async with database.write() as session:
        meeting = await booking.create(session, plan, by="person:2", now=NOW)
        await booking.publish(session, meeting.id, version=1, by="person:2", now=NOW)
        return meeting.id


async def state(database: Database, meeting_id: str) -> str:
    async with database.read() as session:
        return (await get_meeting(session, meeting_id)).state


@pytest.fixture
def rooms() -> FakeRooms:
    return FakeRooms()


@pytest.fixture
def life(database: Database, rooms: FakeRooms) -> MeetingLife:
    return MeetingLife(database, rooms, RULES)


async def test_it_opens_and_closes_at_its_time_and_once(
    database: Database, rooms: FakeRooms, life: MeetingLife
) -> None:
    meeting = await book(database)
    assert await life.wake(NOW) == START
    assert (await state(database, meeting), rooms.names) == ("published", set())
    assert await life.wake(START) == START + 75 * MINUTE
    assert (await state(database, meeting), len(rooms.names)) == ("open", 1)
    for minute in range(1, 75, 20):
        await life.wake(START + minute * MINUTE)
    assert rooms.asked == ["create"]
    assert await life.wake(START + 75 * MINUTE) is None
    await life.wake(START + 80 * MINUTE)
    assert (await state(database, meeting), rooms.names) == ("closed", set())
    assert rooms.asked == ["create", "delete"]
    async with database.read() as session:
        row = await get_meeting(session, meeting)
        assert (row.opened_at, row.closed_at) == (START, START + 75 * MINUTE)
        assert list(await session.scalars(select(Slot))) == []
        actions = await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
        assert list(actions)[-2:] == ["meeting.open", "meeting.close"]


async def test_after_an_outage_it_opens_late(database: Database, life: MeetingLife) -> None:
    meeting = await book(database)
    await life.wake(START + 20 * MINUTE)
    assert await state(database, meeting) == "open"
    assert life.late == 1200


@pytest.mark.parametrize("minutes", [55, 60, 600])
async def test_what_makes_no_sense_any_more_is_skipped_with_a_record(
    database: Database, rooms: FakeRooms, life: MeetingLife, minutes: int
) -> None:
    meeting = await book(database)
    await life.wake(START + minutes * MINUTE)
    async with database.read() as session:
        row = await get_meeting(session, meeting)
    assert row.state == "skipped"
    assert row.reason in ("end_passed", "too_little_left")
    assert rooms.asked == []


async def test_a_media_server_that_is_down_is_asked_again(
    database: Database, rooms: FakeRooms, life: MeetingLife
) -> None:
    meeting = await book(database)
    rooms.down = True
    await life.wake(START)
    assert await state(database, meeting) == "open"
    rooms.down = False
    await life.wake(START + MINUTE)
    assert len(rooms.names) == 1
    async with database.read() as session:
        assert await session.scalar(select(Action.done_at)) == START + MINUTE


async def test_a_media_server_that_forgot_its_rooms_gets_them_back(
    database: Database, rooms: FakeRooms, life: MeetingLife
) -> None:
    await book(database)
    await life.wake(START)
    before = set(rooms.names)
    rooms.names.clear()
    await life.wake(START + MINUTE)
    assert rooms.names == before


async def test_who_was_in_a_room_that_was_forgotten_is_gone(
    database: Database, rooms: FakeRooms, life: MeetingLife
) -> None:
    """A server that was killed tells nobody's leaving: its next room, or the end, is the end of presence."""
    meeting = await book(database)
    await life.wake(START)
    (name,) = rooms.names
    log = AttendanceLog(database)

    async def join(room_sid: str, identity: str) -> None:
        event = WebhookEvent(event="participant_joined", created_at=int(START.timestamp()))
        event.room.name, event.room.sid = name, room_sid
        event.participant.sid, event.participant.identity = f"PA_{identity}", identity
        await log.take(event)

    async def present() -> set[str]:
        async with database.read() as session:
            return set(presence(await facts(session, meeting)).present())

    await join("RM_1", "site:00001:main")
    await life.wake(START + MINUTE)
    assert await present() == {"site:00001:main"}
    rooms.names.clear()
    await life.wake(START + 2 * MINUTE)
    assert await present() == set()
    await join("RM_2", "site:00002:main")
    await life.wake(START + 3 * MINUTE)
    assert await present() == {"site:00002:main"}
    rooms.names.clear()
    await life.wake(START + 75 * MINUTE)
    await life.wake(START + 76 * MINUTE)
    assert await present() == set()
    async with database.read() as session:
        ended = [(f.room_sid, f.at) for f in await facts(session, meeting) if f.kind == "ended"]
    assert ended == [("RM_1", START + 2 * MINUTE), ("RM_2", START + 75 * MINUTE)]


@pytest.mark.parametrize("ended", [False, True], ids=["open", "ended"])
async def test_a_presence_that_a_cut_off_waking_left_open_is_ended_by_the_next(
    database: Database, rooms: FakeRooms, ended: bool
) -> None:
    """A room was made anew, or the meeting ended, and the process died before the line was written."""
    life = MeetingLife(database, rooms, RULES)
    meeting = await book(database)
    await life.wake(START)
    (name,) = rooms.names
    if ended:
        await life.end(meeting, by="person:1", now=START + MINUTE)
    event = WebhookEvent(event="participant_joined", created_at=int(START.timestamp()))
    event.room.name, event.room.sid = name, "RM_1"
    event.participant.sid, event.participant.identity = "PA_1", "site:00001:main"
    await AttendanceLog(database).take(event)
    if not ended:
        rooms.sids[name] = "RM_2"
    later = MeetingLife(database, rooms, RULES)
    await later.wake(START + 30 * MINUTE)
    await later.wake(START + 31 * MINUTE)
    async with database.read() as session:
        lines = await facts(session, meeting)
    assert presence(lines).present() == {}
    assert [(line.kind, line.sid, line.at) for line in lines][1:] == [("ended", "RM_1", START + 30 * MINUTE)]


async def test_a_meeting_that_ends_while_rooms_are_mended_keeps_none(
    database: Database, rooms: FakeRooms, life: MeetingLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await book(database)
    await life.wake(START)
    rooms.names.clear()
    create, tell = rooms.create_room, life._tell
    ending: list[asyncio.Task[None]] = []
    closed = asyncio.Event()

    async def slowly(name: str, **options: Any) -> models.Room:
        ending.append(asyncio.create_task(life.end(meeting, by="person:1", now=START + MINUTE)))
        await closed.wait()
        return await create(name, **options)

    async def telling(changed: Changed) -> None:
        closed.set()
        await tell(changed)

    monkeypatch.setattr(rooms, "create_room", slowly)
    monkeypatch.setattr(life, "_tell", telling)
    await life.wake(START + MINUTE)
    await asyncio.gather(*ending)
    assert rooms.names == set()


async def test_a_room_that_came_back_after_the_end_is_ended_again(
    database: Database, rooms: FakeRooms, life: MeetingLife
) -> None:
    """A token of a closed meeting may make its room again; rooms of others are left alone."""
    meeting = await book(database)
    await life.wake(START)
    await life.end(meeting, by="person:1", now=START + MINUTE)
    async with database.read() as session:
        room = (await get_meeting(session, meeting)).room
    rooms.names |= {room, "giao-ban"}
    await life.wake(START + 2 * MINUTE)
    assert rooms.names == {"giao-ban"}


async def test_one_meeting_that_cannot_be_claimed_keeps_no_other_from_its_time(
    database: Database, rooms: FakeRooms, life: MeetingLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await book(database), await book(database, site=2, chair=2)
    claim = life._claim

    async def some(meeting: Meeting, *given: Any) -> bool:
        if meeting.id == bad:
            raise RuntimeError("a fault of ours")
        return await claim(meeting, *given)

    monkeypatch.setattr(life, "_claim", some)
    # It is tried again, and not without a pause.
    assert await life.wake(START) == START + AGAIN
    assert (await state(database, bad), await state(database, good)) == ("published", "open")
    assert life.failed_claims == 1
    monkeypatch.undo()
    await life.wake(START + AGAIN)
    assert await state(database, bad) == "open"


async def test_one_room_that_is_refused_keeps_no_other_closed(
    database: Database, rooms: FakeRooms, life: MeetingLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    meetings = [await book(database, site=number, chair=number) for number in (1, 2, 3)]
    async with database.read() as session:
        names = [(await get_meeting(session, meeting)).room for meeting in meetings]
    create = rooms.create_room

    async def some(name: str, **options: Any) -> models.Room:
        if name == names[1]:
            raise InvalidArgumentError("not this one")
        return await create(name, **options)

    monkeypatch.setattr(rooms, "create_room", some)
    await life.wake(START)
    assert rooms.names == {names[0], names[2]}
    rooms.names.clear()
    await life.wake(START + MINUTE)
    assert rooms.names == {names[0], names[2]}
    monkeypatch.undo()
    await life.wake(START + 2 * MINUTE)
    assert rooms.names == set(names)


async def test_two_processes_do_everything_once(database: Database, rooms: FakeRooms) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    told: list[Changed] = []

    async def listen(changed: Changed) -> None:
        told.append(changed)

    lives = [MeetingLife(door, rooms, RULES, listen) for door in (database, other, database, other)]
    meetings = [await book(database, site=number, chair=number % 5 + 1) for number in range(1, 6)]
    await asyncio.gather(*(life.wake(START) for life in lives))
    await asyncio.gather(*(life.wake(START + 90 * MINUTE) for life in lives))
    assert sorted((c.meeting_id, c.state) for c in told) == sorted(
        (meeting, state) for meeting in meetings for state in ("open", "closed")
    )
    await other.close()


async def test_the_chair_ends_it_twice_without_harm(
    database: Database, rooms: FakeRooms, life: MeetingLife
) -> None:
    meeting = await book(database)
    with pytest.raises(StateError):
        await life.end(meeting, by="person:1", now=NOW)
    await life.open_now(meeting, by="person:1", now=NOW)
    await life.open_now(meeting, by="person:1", now=NOW)
    assert len(rooms.names) == 1
    await life.end(meeting, by="person:1", now=NOW + MINUTE)
    await life.end(meeting, by="person:1", now=NOW + MINUTE)
    assert rooms.asked == ["create", "delete"]
    with pytest.raises(NoMeetingError):
        await life.end("none", by="person:1", now=NOW)


async def test_an_extended_meeting_closes_later(database: Database, life: MeetingLife) -> None:
    meeting = await book(database)
    await life.wake(START)
    await life.extend(meeting, START + 120 * MINUTE, by="person:1", now=START + MINUTE)
    await life.wake(START + 100 * MINUTE)
    assert await state(database, meeting) == "open"
    with pytest.raises(ImpossibleError):
        await life.extend(meeting, START + 90 * MINUTE, by="person:1", now=START + 100 * MINUTE)
    await life.wake(START + 135 * MINUTE)
    assert await state(database, meeting) == "closed"


async def test_a_cancelled_meeting_stays_closed(
    database: Database, rooms: FakeRooms, life: MeetingLife
) -> None:
    meeting = await book(database)
    async with database.write() as session:
        await booking.cancel(session, meeting, version=2, by="person:2", now=NOW, reason="bão")
    assert await life.wake(START) is None
    assert rooms.asked == []


async def test_more_than_one_waking_takes_are_taken_by_the_next(
    database: Database, life: MeetingLife
) -> None:
    count = AT_ONCE + 3
    async with database.write() as session:
        session.add_all(
            [
                Meeting(
                    id=f"m{number}",
                    title="Giao ban",
                    kind="briefing",
                    state="published",
                    chair_id=1,
                    secretary_id=2,
                    starts_at=START,
                    ends_at=START + 60 * MINUTE,
                    zone="Asia/Ho_Chi_Minh",
                    room=f"meeting-{number}",
                    created_at=NOW,
                    created_by="person:2",
                )
                for number in range(count)
            ]
        )
    assert await life.wake(START + 120 * MINUTE) == START + 120 * MINUTE
    assert await life.wake(START + 120 * MINUTE) is None
    async with database.read() as session:
        assert set(await session.scalars(select(Meeting.state))) == {"skipped"}
