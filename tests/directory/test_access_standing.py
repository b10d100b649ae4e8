"""Sessions behind what stands for long, such as a channel: which of many still live, and whose they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from access_city import BY, NOON, add_person, cheap_hashing, found_city, visit
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from directory import people
from directory.access import credentials, owners, sessions
from directory.access.secrets import Hashing
from directory.access.sessions import LIFETIMES, SEEN_EVERY, Opened
from directory.database import Database
from directory.model import Credential, Endpoint, Person, Session

IDLE = LIFETIMES.person.idle


@pytest.fixture
def hashing() -> Iterator[Hashing]:
    hashing = cheap_hashing()
    yield hashing
    hashing.close()


async def person_session(database: Database, hashing: Hashing, login: str = "an") -> Opened:
    person = await add_person(database, login, roles=["chair"])
    issued = await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
    async with database.write() as session:
        return await sessions.open_session(session, issued.credential.id, visit())


async def site_session(database: Database, hashing: Hashing) -> Opened:
    city = await found_city(database)
    issued = await credentials.issue_key(database, hashing, owners.site_device(city.site), by=BY, now=NOON)
    async with database.write() as session:
        return await sessions.open_session(session, issued.credential.id, visit())


Ending = Callable[[AsyncSession], Awaitable[object]]
PERSON: dict[str, Ending] = {
    "revoked": lambda session: session.execute(update(Session).values(revoked_at=NOON)),
    "expired": lambda session: session.execute(update(Session).values(expires_at=NOON)),
    "idle": lambda session: session.execute(update(Session).values(seen_at=NOON - IDLE)),
    "credential revoked": lambda session: session.execute(update(Credential).values(revoked_at=NOON)),
    "person disabled": lambda session: session.execute(update(Person).values(disabled_at=NOON)),
}


async def alive(database: Database, opened: Opened) -> tuple[bool, bool, bool]:
    """By all three ways to ask."""
    async with database.read() as session:
        found = await sessions.principal_of(session, opened.session_id, NOON)
        some = await sessions.still_living(session, {opened.session_id, "f" * 64}, NOON)
        named = await sessions.by_handle(session, sessions.handle_of(opened.session_id), NOON)
    assert found is None or found.session_id == opened.session_id
    assert some <= {opened.session_id}
    assert named in (None, opened.session_id)
    return found is not None, bool(some), named is not None


@pytest.mark.parametrize("ending", PERSON)
async def test_every_end_of_a_session_is_seen(database: Database, hashing: Hashing, ending: str) -> None:
    opened = await person_session(database, hashing)
    assert await alive(database, opened) == (True, True, True)
    async with database.write() as session:
        await PERSON[ending](session)
    assert await alive(database, opened) == (False, False, False)


async def test_a_site_that_is_retired_has_no_session(database: Database, hashing: Hashing) -> None:
    opened = await site_session(database, hashing)
    assert await alive(database, opened) == (True, True, True)
    async with database.write() as session:
        await session.execute(update(Endpoint).values(retired_at=NOON))
    assert await alive(database, opened) == (False, False, False)


async def test_whose_it_is_follows_the_database(database: Database, hashing: Hashing) -> None:
    opened = await person_session(database, hashing)
    async with database.read() as session:
        before = await sessions.principal_of(session, opened.session_id, NOON)
    assert before is not None
    async with database.write() as session:
        await people.change(session, before.id, version=1, roles=["official"], by=BY, now=NOON)
    async with database.read() as session:
        after = await sessions.principal_of(session, opened.session_id, NOON)
    assert after is not None
    assert [sorted(one.roles) for one in (before, after)] == [["chair"], ["official"]]


@pytest.mark.parametrize(
    "handle", ["", "x", "0" * 16, "0" * 15, "%" * 16, "ABCDEF0123456789", "0" * 64, "\0" * 16]
)
async def test_other_handles_name_nothing(database: Database, hashing: Hashing, handle: str) -> None:
    await person_session(database, hashing)
    async with database.read() as session:
        assert await sessions.by_handle(session, handle, NOON) is None


async def test_a_handle_opens_nothing(database: Database, hashing: Hashing) -> None:
    opened = await person_session(database, hashing)
    handle = sessions.handle_of(opened.session_id)
    assert len(handle) == 16
    for cookie in (handle, opened.session_id, opened.session_id[:43]):
        assert await sessions.look_up(database, cookie, NOON) is None


async def test_more_than_one_statement_takes_are_asked_for(database: Database, hashing: Hashing) -> None:
    opened = [await person_session(database, hashing, login) for login in ("an", "binh")]
    asked = {one.session_id for one in opened} | {f"{number:064x}" for number in range(1_200)}
    async with database.read() as session:
        assert await sessions.still_living(session, asked, NOON) == {one.session_id for one in opened}
        assert await sessions.still_living(session, [], NOON) == set()


async def test_sessions_in_use_are_kept_alive_but_no_more_often_than_needed(
    database: Database, hashing: Hashing
) -> None:
    opened = [await person_session(database, hashing, login) for login in ("an", "binh")]

    async def seen() -> list[float]:
        async with database.read() as session:
            rows = [await session.get_one(Session, one.session_id, populate_existing=True) for one in opened]
        return [(row.seen_at - NOON).total_seconds() for row in rows]

    await sessions.keep_alive(database, [opened[0].session_id], NOON + SEEN_EVERY / 2)
    assert await seen() == [0.0, 0.0]
    later = NOON + IDLE - timedelta(seconds=1)
    await sessions.keep_alive(database, [opened[0].session_id, "f" * 64], later)
    assert await seen() == [(later - NOON).total_seconds(), 0.0]
    async with database.read() as session:
        living = await sessions.still_living(session, [one.session_id for one in opened], NOON + IDLE)
    assert living == {opened[0].session_id}


async def test_an_ended_session_is_not_brought_back(database: Database, hashing: Hashing) -> None:
    opened = await person_session(database, hashing)
    async with database.write() as session:
        await sessions.revoke(session, opened.session_id, by=BY, now=NOON)
    await sessions.keep_alive(database, [opened.session_id], NOON + timedelta(hours=1))
    assert await alive(database, opened) == (False, False, False)
