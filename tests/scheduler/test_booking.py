"""Booking on both databases: versions, conflicts by name, and nobody in two meetings at once."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from small_city import NOW
from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.database import Database
from directory.model import AuditEntry, Base, Endpoint
from scheduler import booking
from scheduler.booking import Plan
from scheduler.errors import (
    ConflictError,
    ImpossibleError,
    MeetingChangedError,
    NoMeetingError,
    SchedulerError,
    StateError,
)
from scheduler.model import Meeting, Slot
from scheduler.rows import get_meeting

HOUR = timedelta(hours=1)
BY = "person:1"


def plan(start: datetime = NOW + 24 * HOUR, hours: float = 1, **changes: Any) -> Plan:
    base = Plan("Giao ban", "briefing", 1, 2, start, start + hours * HOUR, "Asia/Ho_Chi_Minh", "1. Báo cáo")
    return dataclasses.replace(base, **{"endpoint_ids": frozenset({1, 2, 3}), **changes})


async def do(database: Database, work: Callable[[AsyncSession], Awaitable[Meeting]]) -> Meeting:
    async with database.write() as session:
        return await work(session)


async def booked(database: Database, wanted: Plan, now: datetime = NOW) -> Meeting:
    async with database.write() as session:
        meeting = await booking.create(session, wanted, by=BY, now=now)
        return await booking.publish(session, meeting.id, version=meeting.version, by=BY, now=now)


async def slots(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Slot)) or 0


async def test_a_draft_takes_no_time_and_a_published_meeting_does(database: Database) -> None:
    draft = await do(database, lambda s: booking.create(s, plan(), by=BY, now=NOW))
    assert (draft.state, draft.version, await slots(database)) == ("draft", 1, 0)
    meeting = await do(database, lambda s: booking.publish(s, draft.id, version=1, by=BY, now=NOW))
    assert (meeting.state, meeting.version, meeting.published_at, await slots(database)) == (
        "published",
        2,
        NOW,
        4,
    )
    async with database.read() as session:
        assert await booking.plan_of(session, await get_meeting(session, draft.id)) == plan()


async def test_a_taken_site_is_refused_with_both_names(database: Database) -> None:
    first = await booked(database, plan(title="Giao ban tuần"))
    second = plan(NOW + 24.5 * HOUR, chair_id=3, endpoint_ids=frozenset({3, 4}))
    with pytest.raises(ConflictError) as found:
        await booked(database, second)
    (conflict,) = found.value.conflicts
    assert (conflict.resource, conflict.name, conflict.title) == ("site:3", "Phường 3", "Giao ban tuần")
    assert (conflict.meeting_id, conflict.starts_at, conflict.ends_at) == (
        first.id,
        first.starts_at,
        first.ends_at,
    )
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Meeting)) == 1


async def test_a_taken_chair_is_refused(database: Database) -> None:
    await booked(database, plan())
    with pytest.raises(ConflictError) as found:
        await booked(database, plan(endpoint_ids=frozenset({9})))
    assert [(c.resource, c.name) for c in found.value.conflicts] == [("person:1", "Ông Bình")]


@pytest.mark.parametrize(
    ("hours", "fits"), [(1, True), (-1, True), (0.99, False), (-0.99, False), (0, False)]
)
async def test_meetings_may_touch_but_not_overlap(database: Database, hours: float, fits: bool) -> None:
    await booked(database, plan())
    shifted = plan(NOW + (24 + hours) * HOUR)
    if fits:
        await booked(database, shifted)
    else:
        with pytest.raises(ConflictError):
            await booked(database, shifted)


async def test_a_meeting_over_midnight_conflicts_with_a_quarter_past(database: Database) -> None:
    """FC-c10: 22:00 to 00:30 in Hanoi, and one at 00:15."""
    late = datetime.fromisoformat("2026-12-01T22:00+07:00")
    await booked(database, plan(late, 2.5))
    with pytest.raises(ConflictError):
        await booked(database, plan(datetime.fromisoformat("2026-12-02T00:15+07:00")))


async def test_a_long_meeting_is_seen_from_its_end(database: Database) -> None:
    await booked(database, plan(NOW + HOUR, 24))
    with pytest.raises(ConflictError):
        await booked(database, plan(NOW + 24.9 * HOUR))
    await booked(database, plan(NOW + 25 * HOUR))


async def test_moving_frees_the_old_time_and_takes_the_new_one(database: Database) -> None:
    meeting = await booked(database, plan())
    moved = plan(NOW + 30 * HOUR)
    changed = await do(
        database, lambda s: booking.change(s, meeting.id, moved, version=2, by=BY, now=NOW, reason="bận")
    )
    assert (changed.version, changed.starts_at, changed.reason) == (3, NOW + 30 * HOUR, "bận")
    await booked(database, plan())
    with pytest.raises(ConflictError):
        await booked(database, plan(NOW + 30 * HOUR))


async def test_moving_onto_itself_is_no_conflict(database: Database) -> None:
    meeting = await booked(database, plan())
    later = plan(NOW + 24.5 * HOUR)
    await do(database, lambda s: booking.change(s, meeting.id, later, version=2, by=BY, now=NOW))


async def test_an_unchanged_save_changes_nothing(database: Database) -> None:
    """FC-c10: no new version, no line in the log."""
    meeting = await booked(database, plan())
    async with database.read() as session:
        lines = await session.scalar(select(func.count()).select_from(AuditEntry))
    same = await do(database, lambda s: booking.change(s, meeting.id, plan(), version=2, by=BY, now=NOW))
    assert same.version == 2
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEntry)) == lines


async def test_cancelling_needs_a_reason_and_frees_the_time(database: Database) -> None:
    meeting = await booked(database, plan())
    with pytest.raises(ImpossibleError):
        await do(database, lambda s: booking.cancel(s, meeting.id, version=2, by=BY, now=NOW, reason="  "))
    gone = await do(
        database, lambda s: booking.cancel(s, meeting.id, version=2, by=BY, now=NOW, reason="bão số 5")
    )
    assert (gone.state, gone.reason, await slots(database)) == ("cancelled", "bão số 5", 0)
    with pytest.raises(StateError):
        await do(database, lambda s: booking.cancel(s, meeting.id, version=3, by=BY, now=NOW, reason="x"))
    with pytest.raises(StateError):
        await do(database, lambda s: booking.publish(s, meeting.id, version=3, by=BY, now=NOW))


async def test_who_saw_an_older_version_changes_nothing(database: Database) -> None:
    meeting = await booked(database, plan())
    await do(database, lambda s: booking.change(s, meeting.id, plan(title="A"), version=2, by=BY, now=NOW))
    for work in (
        lambda s: booking.change(s, meeting.id, plan(title="B"), version=2, by=BY, now=NOW),
        lambda s: booking.cancel(s, meeting.id, version=2, by=BY, now=NOW, reason="x"),
    ):
        with pytest.raises(MeetingChangedError):
            await do(database, work)
    async with database.read() as session:
        assert (await get_meeting(session, meeting.id)).title == "A"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"agenda": "x" * 20_001}, "agenda"),
        ({"kind": "party"}, "kind"),
        ({"ends_at": NOW + 24 * HOUR}, "ends_at"),
        ({"ends_at": NOW}, "ends_at"),
        ({"ends_at": NOW + 49 * HOUR}, "ends_at"),
        ({"chair_id": 99}, "chair"),
        ({"secretary_id": 99}, "secretary"),
        ({"endpoint_ids": frozenset({1, 999})}, "sites"),
        ({"endpoint_ids": frozenset(range(3000))}, "sites"),
    ],
)
async def test_what_cannot_be_is_refused_at_its_field(
    database: Database, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ImpossibleError) as found:
        await do(database, lambda s: booking.create(s, plan(**changes), by=BY, now=NOW))
    assert found.value.details["field"] == field


@pytest.mark.parametrize(
    ("wanted", "field"), [(plan(NOW - HOUR), "starts_at"), (plan(endpoint_ids=frozenset()), "sites")]
)
async def test_not_every_draft_can_be_published(database: Database, wanted: Plan, field: str) -> None:
    draft = await do(database, lambda s: booking.create(s, wanted, by=BY, now=NOW))
    with pytest.raises(ImpossibleError) as found:
        await do(database, lambda s: booking.publish(s, draft.id, version=1, by=BY, now=NOW))
    assert found.value.details["field"] == field


async def test_a_retired_site_is_not_invited(database: Database) -> None:
    async with database.write() as session:
        site = await session.get(Endpoint, 3)
        assert site is not None
        site.retired_at = NOW
    with pytest.raises(ImpossibleError):
        await do(database, lambda s: booking.create(s, plan(), by=BY, now=NOW))


async def test_no_such_meeting(database: Database) -> None:
    with pytest.raises(NoMeetingError):
        await do(database, lambda s: booking.publish(s, "none", version=1, by=BY, now=NOW))


async def test_the_audit_log_has_what_changed(database: Database) -> None:
    meeting = await booked(database, plan())
    await do(database, lambda s: booking.change(s, meeting.id, plan(title="Mới"), version=2, by=BY, now=NOW))
    async with database.read() as session:
        lines = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    assert [line.action for line in lines] == ["meeting.create", "meeting.publish", "meeting.change"]
    assert (lines[2].before, lines[2].after) == ({"title": "Giao ban"}, {"title": "Mới"})
    assert {line.subject for line in lines} == {f"meeting:{meeting.id}"}


async def test_many_at_once_never_book_twice(database: Database) -> None:
    """Two secretaries with a pool each save a hundred overlapping meetings; each refusal names a meeting."""
    other = Database(database.url.render_as_string(hide_password=False))
    refused: list[ConflictError] = []

    async def save(door: Database, number: int) -> int:
        start = NOW + 24 * HOUR + (number % 10) * 0.5 * HOUR
        sites = frozenset({number % 7 + 1, number % 5 + 8})
        try:
            await booked(door, plan(start, chair_id=number % 5 + 1, endpoint_ids=sites))
        except ConflictError as error:
            refused.append(error)
            return 0
        return 1

    doors = [database, other]
    done = sum(await asyncio.gather(*(save(doors[number % 2], number) for number in range(100))))
    assert done + len(refused) == 100
    assert done > 0
    assert all(conflict.title for error in refused for conflict in error.conflicts)
    async with database.read() as session:
        taken = list(await session.scalars(select(Slot).order_by(Slot.resource, Slot.starts_at)))
        meetings = set(await session.scalars(select(Meeting.id).where(Meeting.state == "published")))
    assert {slot.meeting_id for slot in taken} == meetings
    assert len(meetings) == done
    for slot, after in itertools.pairwise(taken):
        assert slot.resource != after.resource or slot.ends_at <= after.starts_at
    await other.close()


async def test_the_migrations_make_the_tables_that_the_code_describes(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def test_errors_are_one_tree() -> None:
    for error in (ConflictError, ImpossibleError, MeetingChangedError, NoMeetingError, StateError):
        assert issubclass(error, SchedulerError)
