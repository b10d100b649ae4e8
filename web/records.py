"""The service's database: opened and brought up to this version at the start, closed at the end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from directory.database import Database
from directory.errors import UnavailableError
from directory.migrations import migrate
from scheduler.migrations import VERSIONS
from web.server import StartError
from web.settings import Settings
from web.state import StateFolder

FILE = "main.db"


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
        try:
            yield
        finally:
            await self.database.close()
