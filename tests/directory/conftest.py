"""Both databases, with the directory's tables."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from directory.database import Database
from directory.migrations import migrate


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """A database with all tables and nothing in them."""
    database = Database(empty_url)
    await migrate(database)
    yield database
    await database.close()
