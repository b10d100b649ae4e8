"""Credentials: one living one for each owner, revoked with its sessions, never with its hash in sight."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from access_city import BY, NOON, add_person, cheap_hashing, found_city, visit
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from directory import people
from directory.access import credentials, owners, sessions
from directory.access.credentials import CredentialInfo, Issued
from directory.access.owners import Owner
from directory.access.secrets import Hashing
from directory.audit import entries
from directory.database import Database
from directory.errors import ChangedError, InvalidError, NotFoundError
from directory.model import AuditEntry, Credential, Endpoint


@pytest.fixture
def hashing() -> Iterator[Hashing]:
    hashing = cheap_hashing()
    yield hashing
    hashing.close()


async def living(database: Database) -> list[CredentialInfo]:
    async with database.read() as session:
        return list(await credentials.living(session))


async def test_a_password_is_issued_and_replaces_the_old_one(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    first = await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
    later = NOON + timedelta(days=1)
    second = await credentials.issue_password(database, hashing, person.id, by="person:9", now=later)
    assert first.secret != second.secret
    assert first.credential.must_change
    assert await living(database) == [second.credential]
    async with database.read() as session:
        newest, oldest = await credentials.of_owner(session, owners.person(person.id))
        assert newest == second.credential
        assert (oldest.id, oldest.revoked_at) == (first.credential.id, later)
        assert (newest.created_by, newest.kind, newest.person_id) == ("person:9", "person", person.id)


async def test_devices_and_agents_have_one_each(database: Database, hashing: Hashing) -> None:
    city = await found_city(database)
    all_owners = [
        owners.site_device(city.site),
        owners.site_device(city.site, "spare"),
        owners.agent(city.site, "main"),
        owners.site_device(city.other_site),
    ]
    for _ in range(2):
        issued = [
            await credentials.issue_key(database, hashing, owner, by=BY, now=NOON) for owner in all_owners
        ]
    assert {info.id for info in await living(database)} == {one.credential.id for one in issued}
    for owner, one in zip(all_owners, issued, strict=True):
        assert one.secret.startswith(one.credential.id + ".")
        assert not one.credential.must_change
        async with database.read() as session:
            assert len(await credentials.of_owner(session, owner)) == 2


@pytest.mark.parametrize("name", ["", "Main", "a b", "a:b", "-a", "a" * 33, "á", "a\n"])
def test_names_of_devices_that_cannot_be(name: str) -> None:
    for make in (owners.site_device, owners.agent):
        with pytest.raises(InvalidError) as found:
            make(1, name)
        assert found.value.details["field"] == "device"


async def test_who_may_not_sign_in_gets_none(database: Database, hashing: Hashing) -> None:
    city = await found_city(database)
    person = await add_person(database)
    async with database.write() as session:
        await people.disable(session, person.id, version=1, by=BY, now=NOON)
        site = await session.get_one(Endpoint, city.site)
        site.retired_at = NOON
    for number in (person.id, 4711, 0, 2**70):
        with pytest.raises(NotFoundError):
            await credentials.issue_password(database, hashing, number, by=BY, now=NOON)
    for number in (city.site, 4711, -1, 2**31):
        with pytest.raises(NotFoundError):
            await credentials.issue_key(database, hashing, owners.site_device(number), by=BY, now=NOON)
    with pytest.raises(ValueError, match="passwords"):
        await credentials.issue_key(database, hashing, owners.person(person.id), by=BY, now=NOON)
    assert await living(database) == []


async def test_revoking_ends_its_sessions_and_no_other(database: Database, hashing: Hashing) -> None:
    an, binh = await add_person(database, "an"), await add_person(database, "binh")
    issued, cookies = [], []
    for person in (an, binh):
        one = await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
        issued.append(one)
        async with database.write() as session:
            cookies += [
                (await sessions.open_session(session, one.credential.id, visit())).cookie for _ in "ab"
            ]
    async with database.write() as session:
        await credentials.revoke(session, issued[0].credential.id, by=BY, now=NOON)
    found = [await sessions.look_up(database, cookie, NOON) for cookie in cookies]
    assert [one and one.name for one in found] == [None, None, "binh", "binh"]
    for missing in (issued[0].credential.id, "nobody", "\0" * 16, "\ud800"):
        with pytest.raises(NotFoundError):
            async with database.write() as session:
                await credentials.revoke(session, missing, by=BY, now=NOON)


async def test_one_of_somebody_disabled_can_be_revoked(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    issued = await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
    async with database.write() as session:
        await people.disable(session, person.id, version=1, by=BY, now=NOON)
        await credentials.revoke(session, issued.credential.id, by=BY, now=NOON)
    assert await living(database) == []


async def test_each_step_is_logged_without_secret_or_hash(database: Database, hashing: Hashing) -> None:
    city = await found_city(database)
    person = await add_person(database)
    issued: list[Issued] = []
    for _ in range(2):
        issued.append(await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON))
        key = owners.site_device(city.site)
        issued.append(await credentials.issue_key(database, hashing, key, by=BY, now=NOON))
    async with database.write() as session:
        await credentials.revoke(session, issued[-1].credential.id, by=BY, now=NOON)
    async with database.read() as session:
        log = await entries(session, subject="credential:")
        hashes = list(await session.scalars(select(Credential.hash)))
        everything = [*await session.scalars(select(Credential)), *await credentials.living(session)]
    actions = [entry.action for entry in log]
    assert actions.count("credential.issue") == 4
    assert actions.count("credential.revoke") == 3
    assert {(entry.after or {})["owner"] for entry in log if entry.action == "credential.issue"} == {
        f"person:{person.id}",
        "site:00004:main",
    }
    seen = (
        json.dumps([[entry.before, entry.after, entry.subject] for entry in log])
        + repr(everything)
        + repr(issued)
    )
    for secret in [
        *hashes,
        *(one.secret for one in issued),
        *(one.secret[17:] for one in issued if "." in one.secret),
    ]:
        assert secret not in seen


@pytest.mark.parametrize("kind", ["person", "device"])
async def test_of_many_issued_at_once_one_lives(database: Database, hashing: Hashing, kind: str) -> None:
    city = await found_city(database)
    person = await add_person(database)
    other = Database(database.url.render_as_string(hide_password=False))

    async def issue(door: Database) -> Issued:
        if kind == "person":
            return await credentials.issue_password(door, hashing, person.id, by=BY, now=NOON)
        return await credentials.issue_key(door, hashing, owners.site_device(city.site), by=BY, now=NOON)

    issued = await asyncio.gather(*(issue(door) for door in (database, other) * 6))
    await other.close()
    [last] = await living(database)
    assert last.id in {one.credential.id for one in issued}
    async with database.read() as session:
        owner = owners.person(person.id) if kind == "person" else owners.site_device(city.site)
        assert len(await credentials.of_owner(session, owner)) == 12
        log = await entries(session, subject="credential:", limit=500)
        assert sum(entry.action == "credential.revoke" for entry in log) == 11


async def test_no_session_outlives_a_credential_that_is_revoked_meanwhile(
    database: Database, hashing: Hashing
) -> None:
    """Sessions are opened while the credential is revoked: each is refused, or ends with it."""
    person = await add_person(database)
    other = Database(database.url.render_as_string(hide_password=False))
    for _ in range(5):
        issued = await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
        cookies: list[str] = []

        async def come_in(door: Database, credential_id: str, cookies: list[str]) -> None:
            async with door.write() as session:
                opened = await sessions.open_session(session, credential_id, visit())
            cookies.append(opened.cookie)

        async def revoke(credential_id: str) -> None:
            async with other.write() as session:
                await credentials.revoke(session, credential_id, by=BY, now=NOON)

        credential_id = issued.credential.id
        work = [come_in(door, credential_id, cookies) for door in (database, other) * 4]
        work.insert(4, revoke(credential_id))
        results = await asyncio.gather(*work, return_exceptions=True)
        assert results[4] is None
        assert {type(one).__name__ for one in results if one is not None} <= {"SignInError"}
        for cookie in cookies:
            assert await sessions.look_up(database, cookie, NOON) is None
        async with database.read() as session:
            assert await sessions.of_person(session, person.id, NOON) == []
    await other.close()


async def test_a_kill_while_issuing_leaves_the_old_one(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    old = await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
    async with database.write() as session:
        cookie = (await sessions.open_session(session, old.credential.id, visit())).cookie
    async with database.read() as session:
        before = len(await entries(session))
    secret = await hashing.make_password()

    async def killed() -> None:
        async with database.write() as session:
            await credentials.issue(session, owners.person(person.id), secret, by=BY, now=NOON)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await killed()
    assert [info.id for info in await living(database)] == [old.credential.id]
    assert await sessions.look_up(database, cookie, NOON) is not None
    async with database.read() as session:
        assert len(list(await session.scalars(select(AuditEntry.id)))) == before


async def test_replacing_another_than_the_living_one_is_refused(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    secret = await hashing.make_password()
    owner = owners.person(person.id)
    for wrong in ("none yet", "x"):
        with pytest.raises(ChangedError):
            async with database.write() as session:
                await credentials.issue(session, owner, secret, by=BY, now=NOON, replacing=wrong)
        await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
    [info] = await living(database)
    async with database.write() as session:
        await credentials.issue(session, owner, secret, by=BY, now=NOON, replacing=info.id)
    assert [one.id for one in await living(database)] == [secret.credential_id]


@pytest.mark.parametrize(
    "owner",
    [Owner("person"), Owner("device"), Owner("device", person_id=1), Owner("person", endpoint_id=1)],
    ids=str,
)
async def test_the_database_refuses_owners_that_cannot_be(database: Database, owner: Owner) -> None:
    city = await found_city(database)
    person = await add_person(database)
    ids = (owner.person_id and person.id, owner.endpoint_id and city.site)
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await session.execute(
                insert(Credential).values(
                    id="x",
                    kind=owner.kind,
                    person_id=ids[0],
                    endpoint_id=ids[1],
                    device="",
                    hash="",
                    created_at=NOON,
                    created_by=BY,
                    must_change=False,
                )
            )
