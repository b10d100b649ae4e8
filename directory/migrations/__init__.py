"""Bringing a database to this version's tables, by Alembic.

Contract: ``await migrate(database, *folders)`` at each start; it waits while another
process does the same, and does nothing when there is nothing to do. Each part keeps its
revisions in a folder of its own and gives it; a database that a newer version has
changed is refused. Left out: data, which the parts load themselves.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from directory.database import Database
from directory.errors import UnavailableError

HERE = Path(__file__).resolve().parent
VERSIONS = HERE / "versions"
"""The directory's own revisions."""

LOCK = 0x6469656D
"""PostgreSQL's advisory lock of migrations."""


def configuration(*folders: Path) -> Config:
    """Alembic's settings, without a file: our environment and the revisions of all parts."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(folder) for folder in (VERSIONS, *folders)))
    return config


async def migrate(database: Database, *folders: Path) -> None:
    """Bring the database up to the newest revision of every folder. Raises UnavailableError."""
    config = configuration(*folders)
    async with database.engine.begin() as connection:
        await connection.run_sync(_upgrade, config)


def _upgrade(connection: Connection, config: Config) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known
    if unknown:
        raise UnavailableError("the database was changed by a newer version", revisions=sorted(unknown))
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")
