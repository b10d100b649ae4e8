"""One database, SQLite or PostgreSQL, behind two doors: ``read`` and ``write``.

SQLite: a file in WAL mode. One connection writes, in ``BEGIN IMMEDIATE`` from
its first statement, so that what it read still holds when it writes; readers
have connections that cannot write. PostgreSQL: one pool; a writer runs at READ
COMMITTED, and what must not happen twice is held by a constraint or by
compare-and-swap, as on SQLite.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from directory.errors import UnavailableError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
BUSY_SECONDS = 15.0
"""How long a writer waits for another process's transaction, or for a connection of the pool."""
READERS = 4
POOL = 10
GONE = ("08", "53", "57P")
"""How SQLSTATEs begin that say that a server is not to be had: connection, resources, shut down or starting
(PostgreSQL's documentation, appendix A)."""


def database_url(text: str) -> URL:
    """The address with our drivers: ``sqlite:///file`` or ``postgresql://user@host/name``.

    Raises UnavailableError; its message has no password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise UnavailableError("the database's address is malformed") from None
    driver = DRIVERS.get(url.drivername.partition("+")[0])
    if driver is None:
        raise UnavailableError(f"no database of kind {url.drivername}: sqlite and postgresql are known")
    if driver.startswith("sqlite") and url.database in (None, "", ":memory:"):
        raise UnavailableError("SQLite needs a file")
    return url.set(drivername=driver)


class Database:
    """The connections. ``close`` at the end."""

    def __init__(self, url: str) -> None:
        self.url = database_url(url)
        self.is_sqlite = self.url.drivername.startswith("sqlite")
        if self.is_sqlite:
            self._writer = _sqlite(self.url, "BEGIN IMMEDIATE", 1)
            self._reader = _sqlite(self.url, "BEGIN", READERS)
        else:
            self._writer = self._reader = create_async_engine(
                self.url,
                # What is written may be a hash; it does not belong into a log with the statement.
                hide_parameters=True,
                pool_size=POOL,
                max_overflow=0,
                pool_timeout=BUSY_SECONDS,
                pool_pre_ping=True,
                connect_args={"timeout": 10, "server_settings": {"timezone": "UTC"}},
            )

    @property
    def engine(self) -> AsyncEngine:
        """The engine that may write; for migrations."""
        return self._writer

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction that may write: committed at the end, rolled back by any exception.

        On SQLite it is the only one at a time; keep it short, and await nothing but the database in it.
        Raises UnavailableError when the database cannot be had.
        """
        async with _transaction(self._writer) as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One view of the data for as long as it is open. Nothing is written at its end."""
        async with _transaction(self._reader, read_only=True) as session:
            yield session

    async def close(self) -> None:
        """End all connections."""
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine, read_only: bool = False) -> AsyncIterator[AsyncSession]:
    session = AsyncSession(engine, expire_on_commit=False)
    try:
        if read_only and engine.dialect.name == "postgresql":
            await session.connection(
                execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            )
        yield session
        # A reader commits too: a rollback would expire the objects that it has read.
        await session.commit()
    except (OperationalError, PoolTimeoutError, OSError) as error:
        # asyncpg lets through what its socket says: refused, timed out, no such file.
        await _give_up(session)
        raise UnavailableError(f"the database does not answer: {type(error).__name__}") from error
    except DBAPIError as error:
        await _give_up(session)
        if error.connection_invalidated or _is_gone(error):
            raise UnavailableError("the connection to the database was lost") from error
        raise
    except BaseException:
        await _give_up(session)
        raise
    finally:
        await session.close()


def _is_gone(error: DBAPIError) -> bool:
    """Whether it is the server's end or its beginning, and no fault of the statement."""
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(GONE)


async def _give_up(session: AsyncSession) -> None:
    try:
        await session.rollback()
    except (DBAPIError, OSError):
        # The connection is gone, and with it the transaction.
        await session.invalidate()


def _sqlite(url: URL, begin: str, connections: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )

    def connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # A power cut may not take back what was told to be booked.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        if begin == "BEGIN":
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", begun)
    return engine
