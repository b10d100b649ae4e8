"""Sessions: what the cookie opens, when it stops, what lists show, what ends together."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from access_city import BY, NOON, City, add_person, cheap_hashing, found_city, visit
from sqlalchemy import func, select, text

from directory import people
from directory.access import credentials, owners, sessions
from directory.access.errors import SignInError
from directory.access.principal import Principal
from directory.access.secrets import Hashing
from directory.access.sessions import LIFETIMES, Lifetime, Lifetimes, Opened
from directory.audit import entries
from directory.database import Database
from directory.errors import NotFoundError, UnavailableError
from directory.model import Endpoint, Session

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SHORT = Lifetimes(Lifetime(HOUR, 3 * HOUR, 3), Lifetime(DAY, 3 * DAY, 2))


@pytest.fixture
def hashing() -> Iterator[Hashing]:
    hashing = cheap_hashing()
    yield hashing
    hashing.close()


async def credential_of(database: Database, hashing: Hashing, person_id: int) -> str:
    return (await credentials.issue_password(database, hashing, person_id, by=BY, now=NOON)).credential.id


async def come_in(database: Database, credential_id: str, seconds: float = 0.0) -> Opened:
    async with database.write() as session:
        return await sessions.open_session(session, credential_id, visit(seconds), SHORT)


async def look(database: Database, opened: Opened, seconds: float = 0.0) -> Principal | None:
    return await sessions.look_up(database, opened.cookie, visit(seconds).now, SHORT)


async def seen_at(database: Database, opened: Opened) -> float:
    async with database.read() as session:
        return ((await session.get_one(Session, opened.session_id)).seen_at - NOON).total_seconds()


async def test_a_person_is_a_principal_with_roles_units_and_all_below(
    database: Database, hashing: Hashing
) -> None:
    city = await found_city(database)
    person = await add_person(database, roles=["chair", "official"], unit_ids=[city.district])
    opened = await come_in(database, await credential_of(database, hashing, person.id))
    principal = await look(database, opened)
    assert principal == Principal(
        "person",
        person.id,
        "an",
        opened.session_id,
        principal.credential_id if principal else "",
        full_name="Nguyễn Văn An",
        roles=frozenset({"chair", "official"}),
        unit_ids=frozenset({city.district}),
        reach=frozenset({city.district, city.commune}),
        must_change=True,
    )
    assert principal.actor == f"person:{person.id}"
    assert opened.must_change
    for secret in (opened.cookie, opened.session_id):
        assert secret not in repr(opened)
        assert secret not in repr(principal)


async def test_rights_follow_the_database_at_once(database: Database, hashing: Hashing) -> None:
    city = await found_city(database)
    person = await add_person(database, roles=["chair"])
    opened = await come_in(database, await credential_of(database, hashing, person.id))
    async with database.write() as session:
        await people.change(
            session, person.id, version=1, by=BY, now=NOON, roles=["official"], unit_ids=[city.city]
        )
    principal = await look(database, opened)
    assert principal is not None
    assert principal.roles == {"official"}
    assert principal.reach == {city.city, city.district, city.commune, city.ward}


@pytest.mark.parametrize("kind", ["site", "agent"])
async def test_a_device_is_its_site(database: Database, hashing: Hashing, kind: str) -> None:
    city = await found_city(database)
    owner = owners.site_device(city.site, "spare") if kind == "site" else owners.agent(city.site, "spare")
    issued = await credentials.issue_key(database, hashing, owner, by=BY, now=NOON)
    principal = await look(database, await come_in(database, issued.credential.id))
    assert principal is not None
    assert (principal.kind, principal.id, principal.name, principal.device) == (
        kind,
        city.site,
        "00004",
        "spare",
    )
    assert principal.actor == f"{kind}:00004:spare"
    assert principal.unit_ids == principal.reach == {city.commune}
    assert principal.roles == frozenset()
    assert not principal.must_change


async def test_the_table_has_no_cookie(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    opened = await come_in(database, await credential_of(database, hashing, person.id))
    # 43 characters of base64 are 256 bits.
    assert re.fullmatch(r"[\w-]{43}", opened.cookie)
    async with database.read() as session:
        rows = [str(row) for row in await session.execute(text("SELECT * FROM session"))]
        log = [f"{entry.subject} {entry.before} {entry.after}" for entry in await entries(session)]
    assert opened.cookie not in "".join(rows + log)
    assert opened.session_id not in "".join(log)
    # The handle that lists show opens nothing.
    assert await sessions.look_up(database, opened.session_id, NOON) is None


@pytest.mark.parametrize("cookie", ["", "x", "x" * 43, "x" * 42 + "\n", "ế" * 43, "x" * 100_000, "\0" * 43])
async def test_other_cookies_open_nothing(database: Database, cookie: str) -> None:
    assert await sessions.look_up(database, cookie, NOON) is None


@pytest.mark.parametrize(
    ("kind", "visits", "alive"),
    [
        ("person", [0, 3599], True),
        ("person", [0, 3600], False),
        ("person", [0, 3000, 6000], True),
        # Seen all the time, and yet at an end after three hours.
        ("person", [0, 3000, 6000, 9000, 10_799], True),
        ("person", [0, 3000, 6000, 9000, 10_800], False),
        ("site", [0, 86_399], True),
        ("site", [0, 86_400], False),
        ("site", [0, 80_000, 160_000, 240_000, 259_199], True),
        ("site", [0, 80_000, 160_000, 240_000, 259_200], False),
    ],
)
async def test_idle_and_absolute_end(
    database: Database, hashing: Hashing, kind: str, visits: list[int], alive: bool
) -> None:
    if kind == "person":
        credential_id = await credential_of(database, hashing, (await add_person(database)).id)
    else:
        owner = owners.site_device((await found_city(database)).site)
        credential_id = (await credentials.issue_key(database, hashing, owner, by=BY, now=NOON)).credential.id
    opened = await come_in(database, credential_id)
    found = [await look(database, opened, at) is not None for at in visits]
    assert found == [True] * (len(visits) - 1) + [alive]
    async with database.read() as session:
        assert len(await sessions.living(session, visit(visits[-1]).now, lifetimes=SHORT)) == alive


async def test_being_seen_is_written_once_a_minute(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    opened = await come_in(database, await credential_of(database, hashing, person.id))
    written = []
    for at in (0, 59.9, 60, 61, 119, 121, 100):
        assert await look(database, opened, at) is not None
        written.append(await seen_at(database, opened))
    assert written == [0, 0, 60, 60, 60, 121, 121]


async def test_who_cannot_be_written_down_as_seen_is_served(
    database: Database, hashing: Hashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await add_person(database)
    opened = await come_in(database, await credential_of(database, hashing, person.id))

    def no_writer() -> None:
        raise UnavailableError("the disk is full")

    monkeypatch.setattr(database, "write", no_writer)
    assert await look(database, opened, 100) is not None
    assert await seen_at(database, opened) == 0


async def test_lists_for_a_person_and_for_administrators(database: Database, hashing: Hashing) -> None:
    city = await found_city(database)
    an, binh = await add_person(database, "an"), await add_person(database, "binh", name="Bình")
    of_an = await credential_of(database, hashing, an.id)
    of_binh = await credential_of(database, hashing, binh.id)
    of_site = (
        await credentials.issue_key(database, hashing, owners.agent(city.site), by=BY, now=NOON)
    ).credential.id
    opened = [await come_in(database, one, at) for at, one in enumerate((of_an, of_binh, of_site, of_an))]
    await look(database, opened[0], 200)
    async with database.read() as session:
        now = visit(200).now
        mine = await sessions.of_person(session, an.id, now)
        assert [info.id for info in mine] == [opened[0].session_id, opened[3].session_id]
        assert (mine[0].owner, mine[0].full_name, mine[0].address) == ("person:an", an.name, "10.0.0.1")
        [site] = await sessions.of_endpoint(session, city.site, now)
        assert (site.owner, site.full_name, site.agent) == ("agent:00004:agent", "Site 00004", "Chromium")
        everybody = await sessions.living(session, now)
        assert [info.id for info in everybody] == [opened[i].session_id for i in (0, 3, 2, 1)]
        assert await sessions.living(session, now, skip=1, limit=2) == everybody[1:3]


async def test_one_is_ended_by_its_owner_alone(database: Database, hashing: Hashing) -> None:
    an, binh = await add_person(database, "an"), await add_person(database, "binh")
    first, second = [
        await come_in(database, await credential_of(database, hashing, one.id)) for one in (an, binh)
    ]
    for session_id, person_id in (
        (second.session_id, an.id),
        ("0" * 64, None),
        ("\0", None),
        ("\ud800", None),
    ):
        with pytest.raises(NotFoundError):
            async with database.write() as session:
                await sessions.revoke(session, session_id, by=BY, now=NOON, person_id=person_id)
    async with database.write() as session:
        await sessions.revoke(session, second.session_id, by=BY, now=NOON, person_id=binh.id)
    assert await look(database, second) is None
    assert await look(database, first) is not None
    with pytest.raises(NotFoundError):
        async with database.write() as session:
            await sessions.revoke(session, second.session_id, by=BY, now=NOON)
    async with database.read() as session:
        log = await entries(session, subject="session:")
        assert [entry.action for entry in log] == ["session.revoke", "session.open", "session.open"]
        assert (log[0].actor, log[0].after) == (BY, {"revoked_at": NOON.isoformat()})


async def test_all_but_this_one_are_ended(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    credential_id = await credential_of(database, hashing, person.id)
    opened = [await come_in(database, credential_id, at) for at in range(3)]
    async with database.write() as session:
        ended = await sessions.end_of_person(session, person.id, by=BY, now=NOON, but=opened[1].session_id)
    assert ended == 2
    assert [await look(database, one, 5) is not None for one in opened] == [False, True, False]


async def test_who_is_disabled_is_out_and_old_sessions_stay_ended(
    database: Database, hashing: Hashing
) -> None:
    person = await add_person(database)
    credential_id = await credential_of(database, hashing, person.id)
    opened = await come_in(database, credential_id)
    async with database.write() as session:
        await people.disable(session, person.id, version=1, by=BY, now=NOON)
    assert await look(database, opened) is None
    with pytest.raises(SignInError):
        await come_in(database, credential_id)
    async with database.write() as session:
        await people.enable(session, person.id, version=2, by=BY, now=NOON)
    assert await look(database, opened) is None
    assert await look(database, await come_in(database, credential_id)) is not None


async def test_a_site_that_is_retired_is_out(database: Database, hashing: Hashing) -> None:
    city = await found_city(database)
    issued = await credentials.issue_key(database, hashing, owners.site_device(city.site), by=BY, now=NOON)
    opened = await come_in(database, issued.credential.id)
    async with database.write() as session:
        (await session.get_one(Endpoint, city.site)).retired_at = NOON
    assert await look(database, opened) is None
    with pytest.raises(SignInError):
        await come_in(database, issued.credential.id)


async def test_no_session_outlives_a_person_who_is_disabled_meanwhile(
    database: Database, hashing: Hashing
) -> None:
    person = await add_person(database)
    credential_id = await credential_of(database, hashing, person.id)
    other = Database(database.url.render_as_string(hide_password=False))
    opened: list[Opened] = []

    async def enter(door: Database) -> None:
        opened.append(await come_in(door, credential_id))

    async def disable() -> None:
        async with other.write() as session:
            await people.disable(session, person.id, version=version, by=BY, now=NOON)

    for version in (1, 3, 5, 7):
        work = [enter(door) for door in (database, other) * 4]
        work.insert(4, disable())
        results = await asyncio.gather(*work, return_exceptions=True)
        assert results[4] is None
        assert {type(one) for one in results if one is not None} <= {SignInError}
        async with database.write() as session:
            await people.enable(session, person.id, version=version + 1, by=BY, now=NOON)
            assert await sessions.of_person(session, person.id, NOON) == []
    assert [await look(database, one) for one in opened] == [None] * len(opened)
    await other.close()


async def test_one_credential_has_a_few_sessions_and_the_unseen_ones_go(
    database: Database, hashing: Hashing
) -> None:
    person = await add_person(database)
    credential_id = await credential_of(database, hashing, person.id)
    opened = [await come_in(database, credential_id, at) for at in range(3)]
    await look(database, opened[0], 100)
    opened.append(await come_in(database, credential_id, 101))
    assert [await look(database, one, 102) is not None for one in opened] == [True, False, True, True]


async def test_what_a_browser_says_of_itself_is_cut_and_cleaned(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    credential_id = await credential_of(database, hashing, person.id)
    async with database.write() as session:
        await sessions.open_session(
            session, credential_id, visit(0, "1" * 99, "a\0b\r\n\u202ec\ud800" + "x" * 999)
        )
    async with database.read() as session:
        [info] = await sessions.of_person(session, person.id, NOON)
    assert info.agent.startswith("abcx")
    assert len(info.agent) <= 200
    assert info.address == "1" * 45


async def test_rows_of_ended_sessions_are_removed_and_others_stay(
    database: Database, hashing: Hashing
) -> None:
    person = await add_person(database)
    credential_id = await credential_of(database, hashing, person.id)
    ended, living = await come_in(database, credential_id), await come_in(database, credential_id, 5 * 3600)
    revoked = await come_in(database, credential_id, 5 * 3600)
    async with database.write() as session:
        await sessions.revoke(session, revoked.session_id, by=BY, now=NOON)
        assert await sessions.purge(session, NOON) == 0
        assert await sessions.purge(session, visit(3 * 3600 + 1).now) == 2
    async with database.read() as session:
        assert list(await session.scalars(select(Session.id))) == [living.session_id]
    assert await look(database, ended) is None


async def test_a_kill_while_opening_leaves_nothing(database: Database, hashing: Hashing) -> None:
    person = await add_person(database)
    credential_id = await credential_of(database, hashing, person.id)

    async def killed() -> None:
        async with database.write() as session:
            await sessions.open_session(session, credential_id, visit())
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await killed()
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Session)) == 0
        assert (await credentials.living(session))[0].used_at is None
        assert not await entries(session, subject="session:")


async def test_opening_is_noted_with_the_credential(database: Database, hashing: Hashing) -> None:
    city: City = await found_city(database)
    issued = await credentials.issue_key(database, hashing, owners.site_device(city.site), by=BY, now=NOON)
    await come_in(database, issued.credential.id, 7)
    with pytest.raises(SignInError):
        await come_in(database, "nobody")
    async with database.read() as session:
        [info] = await credentials.living(session)
        assert info.used_at == visit(7).now
        [entry] = await entries(session, subject="session:")
        assert entry.actor == "site:00004:main"
        assert entry.after == {"credential": info.id, "address": "10.0.0.1"}


def test_the_lifetimes_that_are_written_down() -> None:
    assert LIFETIMES.of("person").absolute == timedelta(hours=16)
    assert LIFETIMES.of("device") == LIFETIMES.of("agent") == LIFETIMES.site
    assert LIFETIMES.site.absolute <= timedelta(days=400)
