"""What all tests share: settings, and addresses of empty databases of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import PostgresServer, postgres_or_reason
from hypothesis import HealthCheck, settings

# The machines are noisy: how long an example took says nothing about the code.
settings.register_profile("diemcau", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("diemcau")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the tests' own; fails with one sentence where there is none."""
    server = postgres_or_reason()
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
