"""Both databases for the directory's tests: a file of SQLite, and a PostgreSQL that the tests start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from databases import PostgresServer, postgres_or_reason

from directory.database import Database
from directory.migrations import migrate


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server of the tests' own; fails with one sentence where there is none."""
    server = postgres_or_reason(tmp_path_factory.mktemp("postgres"))
    if isinstance(server, str):
        pytest.fail(server)
    with server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'main.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """A database with all tables and nothing in them."""
    database = Database(empty_url)
    await migrate(database)
    yield database
    await database.close()
