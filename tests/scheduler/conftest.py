"""Both databases with all tables and a small city."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from small_city import fill

from directory.database import Database
from directory.migrations import migrate
from scheduler.migrations import VERSIONS


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """A database with the small city."""
    database = Database(empty_url)
    await migrate(database, VERSIONS)
    await fill(database)
    yield database
    await database.close()
