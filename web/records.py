"""The service's database: opened, brought up to this version, kept tidy, closed at the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from directory.access import sessions
from directory.database import Database
from directory.errors import UnavailableError
from directory.migrations import migrate
from media import clock
from scheduler.migrations import VERSIONS
from web.server import StartError
from web.settings import Settings
from web.state import StateFolder

FILE = "main.db"
FIRST_TIDYING: Final = 60.0
"""Seconds after the start, in which there is more important work."""
TIDY_EVERY: Final = 24 * 3600.0
KEPT_AFTER_END: Final = timedelta(days=30)
"""Sessions that ended stay on record so long, beside the audit log, which keeps them for ever."""

_log = structlog.get_logger(__name__)


def database_address(settings: Settings, state: StateFolder) -> str:
    """The setting, or a file in the state folder."""
    return settings["database_url"] or f"sqlite:///{(state.path / FILE).resolve()}"


class Records:
    """``database`` may be used while ``lifespan`` is open. Raises StartError for an impossible address."""

    def __init__(self, settings: Settings, state: StateFolder) -> None:
        try:
            self.database = Database(database_address(settings, state))
        except UnavailableError as error:
            raise StartError(f"database_url: {error}") from None
        self._folder = Path(self.database.url.database or "").parent if self.database.is_sqlite else None

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Raises StartError when the database cannot be used."""
        try:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            await migrate(self.database, VERSIONS)
        except UnavailableError as error:
            await self.database.close()
            raise StartError(f"the database cannot be used: {error}") from None
        except (DBAPIError, OSError) as error:
            await self.database.close()
            reason = error.orig if isinstance(error, DBAPIError) else error.strerror
            raise StartError(f"the database cannot be used: {reason}") from None
        tidying = asyncio.create_task(self._tidy_always(), name="records tidying")
        try:
            yield
        finally:
            tidying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await tidying
            await self.database.close()

    async def tidy(self, now: datetime) -> int:
        """Remove what nobody needs any more; how many sessions. Raises UnavailableError."""
        async with self.database.write() as session:
            return await sessions.purge(session, now - KEPT_AFTER_END)

    async def _tidy_always(self) -> None:
        await asyncio.sleep(FIRST_TIDYING)
        while True:
            try:
                removed = await self.tidy(datetime.fromtimestamp(clock.wall(), UTC))
            except UnavailableError as error:
                _log.warning("records_not_tidied", error=str(error))
            else:
                _log.info("records_tidied", sessions=removed)
            await asyncio.sleep(TIDY_EVERY)
