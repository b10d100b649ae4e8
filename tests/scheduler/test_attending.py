"""The attendance log on both databases: each fact once, in any order, and heads as they were counted."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from livekit.protocol.webhook import WebhookEvent
from small_city import NOW
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from directory.database import Database
from scheduler import booking
from scheduler.attending import AttendanceLog, facts, head_counts, presence
from scheduler.booking import Plan
from scheduler.errors import ImpossibleError, NoMeetingError, StateError
from scheduler.model import Meeting

ROOM = "meeting-1"
T = int(NOW.timestamp())


@pytest.fixture
async def meeting(database: Database) -> str:
    """An open meeting in the room ``meeting-1``."""
    end = NOW + timedelta(hours=1)
    plan = Plan("Giao ban", "briefing", 1, 2, NOW, end, "Asia/Ho_Chi_Minh", "", frozenset({1, 2}))
    async with database.write() as session:
        made = await booking.create(session, plan, by="person:2", now=NOW)
        await session.execute(update(Meeting).where(Meeting.id == made.id).values(state="open", room=ROOM))
        return made.id


def event(
    name: str, sid: str = "", at: int = T, joined: int = T, identity: str = "site:00001:main"
) -> WebhookEvent:
    told = WebhookEvent(event=name, created_at=at)
    told.room.name, told.room.sid = ROOM, "RM_1"
    if sid:
        told.participant.sid, told.participant.identity = sid, identity
        told.participant.joined_at = joined
    return told


STORY = [
    event("participant_joined", "PA_1", T, T),
    event("participant_left", "PA_1", T + 61, T),
    event("participant_joined", "PA_2", T + 60, T + 60),
]


async def told(database: Database, story: Iterable[WebhookEvent]) -> AttendanceLog:
    log = AttendanceLog(database)
    for part in story:
        await log.take(part)
    return log


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_fc_a01_any_order_and_doubles_leave_the_site_present(
    database: Database, meeting: str, order: tuple[int, ...]
) -> None:
    await told(database, [STORY[number] for number in order for _ in range(2)])
    async with database.read() as session:
        lines = await facts(session, meeting)
    assert len(lines) == 3
    log = presence(lines)
    assert log.present() == {"site:00001:main": "PA_2"}
    assert [interval.end is None for interval in log.intervals("site:00001:main")] == [False, True]


async def test_fc_a01_a_missing_left_is_closed_by_the_next_joined(database: Database, meeting: str) -> None:
    await told(database, [STORY[0], STORY[2]])
    async with database.read() as session:
        intervals = presence(await facts(session, meeting)).intervals("site:00001:main")
    assert [(round(i.start) - T, i.end is None) for i in intervals] == [(0, False), (60, True)]


async def test_the_end_of_the_room_ends_all(database: Database, meeting: str) -> None:
    await told(database, [*STORY, event("room_finished", at=T + 600)])
    async with database.read() as session:
        assert presence(await facts(session, meeting)).present() == {}


async def test_an_aborted_session_was_not_there(database: Database, meeting: str) -> None:
    await told(database, [event("participant_connection_aborted", "PA_9")])
    async with database.read() as session:
        assert presence(await facts(session, meeting)).intervals("site:00001:main") == []


async def test_it_says_what_is_new(database: Database, meeting: str) -> None:
    log = AttendanceLog(database)
    assert await log.take(STORY[0]) == meeting
    assert await log.take(STORY[0]) is None
    assert await log.take(event("track_published", "PA_1")) is None
    other = event("participant_joined", "PA_3")
    other.room.name = "somewhere"
    assert await log.take(other) is None
    assert log.unknown == 1


async def test_the_same_told_to_two_processes_is_one_line(database: Database, meeting: str) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    logs = [AttendanceLog(database), AttendanceLog(other)]
    new = await asyncio.gather(*(logs[number % 2].take(STORY[0]) for number in range(20)))
    assert sum(found is not None for found in new) == 1
    await other.close()


async def test_heads_are_counted_and_the_last_word_counts(database: Database, meeting: str) -> None:
    log = AttendanceLog(database)
    for count in (3, 12, 7):
        await log.head_count(meeting, "site:00001:main", count, now=NOW)
    await log.head_count(meeting, "site:00002:main", 0, now=NOW)
    async with database.read() as session:
        lines = await facts(session, meeting)
    assert head_counts(lines) == {"site:00001:main": 7, "site:00002:main": 0}
    assert len(lines) == 4


@pytest.mark.parametrize("count", [-1, 1001])
async def test_impossible_numbers_of_people(database: Database, meeting: str, count: int) -> None:
    with pytest.raises(ImpossibleError):
        await AttendanceLog(database).head_count(meeting, "site:00001:main", count, now=NOW)


async def test_heads_are_counted_in_open_meetings_only(database: Database, meeting: str) -> None:
    log = AttendanceLog(database)
    async with database.write() as session:
        await session.execute(update(Meeting).values(state="closed"))
    with pytest.raises(StateError):
        await log.head_count(meeting, "site:00001:main", 1, now=NOW)
    with pytest.raises(NoMeetingError):
        await log.head_count("none", "site:00001:main", 1, now=NOW)


async def test_lines_cannot_be_changed(database: Database, meeting: str) -> None:
    await told(database, STORY)

    async def change() -> None:
        async with database.write() as session:
            await session.execute(text("UPDATE attendance_fact SET identity = 'site:00009:main'"))

    with pytest.raises(DBAPIError, match="only grows"):
        await change()


async def test_long_and_strange_names_are_cut_not_refused(database: Database, meeting: str) -> None:
    log = AttendanceLog(database)
    await log.take(event("participant_joined", "PA_" + "x" * 500, identity="é" * 500))
    async with database.read() as session:
        (line,) = await facts(session, meeting)
    assert len(line.identity) == 100
    assert line.joined_at == datetime.fromtimestamp(T, UTC)


async def test_a_thousand_facts_in_random_order(database: Database, meeting: str) -> None:
    rng = random.Random(1)
    story = []
    for site in range(50):
        for turn in range(5):
            sid, start = f"PA_{site}_{turn}", T + turn * 100
            who = f"site:{site:05}:main"
            story.append(event("participant_joined", sid, start, start, who))
            if turn < 4:
                story.append(event("participant_left", sid, start + 90, start, who))
    rng.shuffle(story)
    await told(database, story)
    async with database.read() as session:
        log = presence(await facts(session, meeting))
    assert log.present() == {f"site:{site:05}:main": f"PA_{site}_4" for site in range(50)}
    assert log.seconds("site:00001:main", T + 500) == pytest.approx(4 * 90 + 100, abs=4)
