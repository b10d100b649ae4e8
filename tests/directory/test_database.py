"""Both databases: transactions, the tables of the migrations, instants, the log that only grows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta, timezone

import pytest
from databases import postgres_or_reason
from sqlalchemy import TextClause, func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.database import Database, database_url
from directory.errors import UnavailableError
from directory.migrations import migrate
from directory.model import AuditEntry, Group, Session

NOON = datetime(2026, 12, 1, 12, 0, 0, 123456, tzinfo=UTC)


def entry(number: int, at: datetime = NOON) -> AuditEntry:
    return AuditEntry(at=at, actor="service", action="test", subject=f"test:{number}", before=None, after={})


async def test_migrating_again_and_at_once_changes_nothing(empty_url: str) -> None:
    first, second = Database(empty_url), Database(empty_url)
    await asyncio.gather(migrate(first), migrate(second))
    await migrate(first)
    async with first.read() as session:
        assert (await session.scalar(select(func.count()).select_from(AuditEntry))) == 0
    await first.close()
    await second.close()


async def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    async with database.write() as session:
        await session.execute(text("INSERT INTO alembic_version VALUES ('of_tomorrow')"))
    with pytest.raises(UnavailableError, match="newer version") as found:
        await migrate(database)
    assert found.value.details == {"revisions": ["of_tomorrow"]}


async def test_instants_keep_their_moment_and_their_order(database: Database) -> None:
    hanoi = timezone(timedelta(hours=7))
    moments = [NOON, NOON.replace(microsecond=0), NOON.astimezone(hanoi) + timedelta(hours=1)]
    async with database.write() as session:
        session.add_all([entry(number, at) for number, at in enumerate(moments)])
    async with database.read() as session:
        found = list(await session.scalars(select(AuditEntry.at).order_by(AuditEntry.at)))
        assert found == sorted(moments)
        assert all(at.utcoffset() == timedelta(0) for at in found)
        late = await session.scalar(select(func.count()).where(AuditEntry.at > NOON))
        assert late == 1


async def test_an_instant_without_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="an instant needs a zone"):
        async with database.write() as session:
            session.add(entry(1, NOON.replace(tzinfo=None)))


async def test_an_exception_takes_everything_back(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            session.add(entry(1))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEntry)) == 0


async def test_the_audit_log_only_grows(database: Database) -> None:
    async with database.write() as session:
        session.add(entry(1))
    for statement in (update(AuditEntry).values(actor="me"), text("DELETE FROM audit_entry")):
        with pytest.raises(DBAPIError, match="only grows"):
            async with database.write() as session:
                await session.execute(statement)
    async with database.read() as session:
        assert list(await session.scalars(select(AuditEntry.actor))) == ["service"]


async def test_readers_cannot_write(database: Database) -> None:
    async def write() -> None:
        async with database.read() as session:
            session.add(entry(1))
            await session.flush()

    with pytest.raises((DBAPIError, UnavailableError)):
        await write()


async def test_a_reader_keeps_its_view_while_others_write(database: Database) -> None:
    count = select(func.count()).select_from(AuditEntry)
    async with database.read() as reader:
        assert await reader.scalar(count) == 0
        async with database.write() as writer:
            writer.add(entry(1))
        assert await reader.scalar(count) == 0
    async with database.read() as reader:
        assert await reader.scalar(count) == 1


async def test_writers_from_two_processes_lose_nothing(database: Database) -> None:
    """Two pools on one database stand for two processes: each counts up a hundred times."""
    other = Database(database.url.render_as_string(hide_password=False))
    async with database.write() as session:
        session.add(Group(id=1, name="g", search="g", version=0))

    async def count_up(door: Database) -> None:
        for _ in range(100):
            async with door.write() as session:
                await session.execute(update(Group).values(version=Group.version + 1))

    await asyncio.gather(count_up(database), count_up(database), count_up(other))
    async with database.read() as session:
        assert await session.scalar(select(Group.version)) == 300
    await other.close()


async def test_references_are_checked(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            session.add(
                Session(
                    id="0" * 64,
                    credential_id="nobody",
                    person_id=7,
                    created_at=NOON,
                    seen_at=NOON,
                    expires_at=NOON,
                )
            )


@pytest.mark.parametrize(
    "address",
    ["", "x", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "postgresql://u:geheim@h:port/d"],
)
def test_addresses_that_cannot_be_are_refused_without_their_password(address: str) -> None:
    with pytest.raises(UnavailableError) as found:
        database_url(address)
    assert "geheim" not in str(found.value)


async def test_a_database_that_is_not_there_is_said_so() -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(UnavailableError):
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    await database.close()


async def test_a_crash_of_postgresql_is_said_so_and_passes() -> None:
    server = postgres_or_reason()
    if isinstance(server, str):
        pytest.fail(server)
    with server:
        database = Database(server.new_database())
        await migrate(database)
        with pytest.raises(UnavailableError):
            await _write(database, text("SELECT pg_terminate_backend(pg_backend_pid())"))
        with pytest.raises(UnavailableError):
            await _write(database, text("SELECT 1"), lambda: server.stop("immediate"))
        for door in (database.read, database.write):
            # There is not even a socket.
            with pytest.raises(UnavailableError):
                await _ask(door)
        await asyncio.to_thread(server.start)
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(AuditEntry)) == 0
        await database.close()


async def _write(database: Database, last: TextClause, between: Callable[[], None] = lambda: None) -> None:
    async with database.write() as session:
        session.add(entry(1))
        await session.flush()
        await asyncio.to_thread(between)
        await session.execute(last)


async def _ask(door: Callable[[], AbstractAsyncContextManager[AsyncSession]]) -> None:
    async with door() as session:
        await session.execute(text("SELECT 1"))
