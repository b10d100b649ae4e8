"""Coming in: one error for all that is wrong, waits that grow, passwords of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest
from access_city import BY, CHEAP, NOON, add_person, cheap_hashing, found_city, visit
from sqlalchemy import select

from directory import people
from directory.access import credentials, owners, sessions
from directory.access.errors import SignInError, TooManyTriesError
from directory.access.principal import Principal
from directory.access.secrets import Cost, Hasher, Hashing, Verdict
from directory.access.sessions import Opened
from directory.access.signin import SignIn
from directory.access.throttle import Throttle
from directory.database import Database
from directory.errors import ChangedError, InvalidError, UnavailableError
from directory.model import Credential, Endpoint
from directory.people import PersonView

OWN = "cầu Long Biên 1902"


@pytest.fixture
def hashing() -> Iterator[Hashing]:
    hashing = cheap_hashing()
    yield hashing
    hashing.close()


@pytest.fixture
def door(database: Database, hashing: Hashing) -> SignIn:
    return SignIn(database, hashing)


@dataclass
class Somebody:
    person: PersonView
    password: str


@pytest.fixture
async def an(database: Database, hashing: Hashing) -> Somebody:
    person = await add_person(database, "an", roles=["chair"])
    issued = await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
    return Somebody(person, issued.secret)


async def principal_of(database: Database, opened: Opened) -> Principal:
    principal = await sessions.look_up(database, opened.cookie, NOON)
    assert principal is not None
    return principal


async def wait_of(attempt: Awaitable[object]) -> int:
    """The wait that an attempt is told; 0 if it was judged."""
    try:
        await attempt
    except TooManyTriesError as error:
        return error.retry_after
    except SignInError:
        pass
    return 0


async def test_the_right_password_opens_a_session(database: Database, door: SignIn, an: Somebody) -> None:
    for login in ("an", " AN "):
        opened = await door.person(login, an.password, visit())
        principal = await principal_of(database, opened)
        assert (principal.id, set(principal.roles)) == (an.person.id, {"chair"})
        assert principal.must_change
    assert len(door.names) == len(door.addresses) == 0


async def test_all_that_is_wrong_is_one_error(
    database: Database, door: SignIn, hashing: Hashing, an: Somebody
) -> None:
    without = await add_person(database, "without")
    revoked, disabled = await add_person(database, "revoked"), await add_person(database, "disabled")
    passwords = {}
    for person in (revoked, disabled):
        issued = await credentials.issue_password(database, hashing, person.id, by=BY, now=NOON)
        passwords[person.login] = issued.secret
        if person is revoked:
            async with database.write() as session:
                await credentials.revoke(session, issued.credential.id, by=BY, now=NOON)
    async with database.write() as session:
        await people.disable(session, disabled.id, version=1, by=BY, now=NOON)
    said = set()
    for number, (login, password) in enumerate(
        [
            ("an", "wrong"),
            ("an", ""),
            ("an", an.password.upper()),
            ("an", an.password + " "),
            ("an", "x" * 100_000),
            ("an\0", an.password),
            ("nobody", an.password),
            ("", ""),
            ("x" * 100_000, an.password),
            ("\ud800", an.password),
            ("an", "\ud800"),
            (without.login, an.password),
            (revoked.login, passwords["revoked"]),
            (disabled.login, passwords["disabled"]),
        ]
    ):
        with pytest.raises(SignInError) as found:
            await door.person(login, password, visit(1000.0 * number, f"10.0.0.{number}"))
        said.add((str(found.value), str(found.value.details), found.value.code))
    assert len(said) == 1
    async with database.read() as session:
        assert await sessions.living(session, NOON) == []


async def test_an_unknown_login_is_hashed_for_like_a_known_one(
    door: SignIn, hashing: Hashing, an: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    verify = hashing.passwords._verify

    def told(secret: bytes, encoded: str | None) -> Verdict:
        asked.append(encoded is None)
        return verify(secret, encoded)

    monkeypatch.setattr(hashing.passwords, "_verify", told)
    for login in ("an", "nobody"):
        with pytest.raises(SignInError):
            await door.person(login, "wrong", visit())
    assert asked == [False, True]


async def test_after_five_failures_a_login_waits_longer_and_longer(door: SignIn, an: Somebody) -> None:
    at, waits = 0.0, []
    for number in range(9):
        # From another address each: it is the login that counts.
        attempt = visit(at, f"10.0.{number}.1")
        waits.append(await wait_of(door.person("An", f"wrong {number}", attempt)))
        if waits[-1]:
            at += waits[-1]
            assert await wait_of(door.person("an", "wrong again", visit(at, f"10.0.{number}.1"))) == 0
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8]
    # The right password waits too, or guessing would go on; others do not.
    with pytest.raises(TooManyTriesError) as found:
        await door.person("an", an.password, visit(at))
    assert found.value.details == {"retry_after": 16}
    assert await wait_of(door.person("binh", "wrong", visit(at))) == 0
    await door.person("an", an.password, visit(at + 16))
    assert await wait_of(door.person("an", "wrong", visit(at + 16))) == 0


async def test_an_address_that_tries_many_logins_waits(door: SignIn, an: Somebody) -> None:
    waits = [await wait_of(door.person(f"login-{number}", "x", visit(0, "10.9.9.9"))) for number in range(35)]
    assert waits == [0] * 30 + [1] * 5
    with pytest.raises(TooManyTriesError):
        await door.person("an", an.password, visit(0, "10.9.9.9"))
    await door.person("an", an.password, visit(0, "10.9.9.8"))


async def test_parallel_guesses_are_not_more_than_free_ones(door: SignIn, an: Somebody) -> None:
    results = await asyncio.gather(
        *(door.person("an", f"guess {number}", visit()) for number in range(40)), return_exceptions=True
    )
    kinds = [type(result) for result in results]
    assert kinds.count(SignInError) == 5
    assert kinds.count(TooManyTriesError) == 35


async def test_a_whole_city_comes_in_at_once_through_one_address(
    database: Database, hashing: Hashing
) -> None:
    door = SignIn(database, hashing)
    city = await found_city(database)
    keys = [
        (
            await credentials.issue_key(
                database, hashing, owners.site_device(city.site, f"d{n}"), by=BY, now=NOON
            )
        ).secret
        for n in range(60)
    ]
    opened = await asyncio.gather(*(door.device(key, visit()) for key in keys))
    devices = {(await principal_of(database, one)).device for one in opened}
    assert devices == {f"d{n}" for n in range(60)}


async def test_a_key_opens_a_site_and_wrong_ones_are_one_error(
    database: Database, door: SignIn, hashing: Hashing, an: Somebody
) -> None:
    city = await found_city(database)
    issued = await credentials.issue_key(database, hashing, owners.site_device(city.site), by=BY, now=NOON)
    retired = await credentials.issue_key(
        database, hashing, owners.site_device(city.other_site), by=BY, now=NOON
    )
    async with database.write() as session:
        (await session.get_one(Endpoint, city.other_site)).retired_at = NOON
        [of_an] = await credentials.of_owner(session, owners.person(an.person.id))
    principal = await principal_of(database, await door.device(f" {issued.secret}\n", visit()))
    assert principal.actor == "site:00004:main"
    wrong = [
        issued.secret[:-1] + ("A" if issued.secret[-1] != "A" else "B"),
        "0" * 16 + issued.secret[16:],
        issued.credential.id,
        "",
        "\ud800",
        f"{of_an.id}.{'x' * 32}",
        retired.secret,
    ]
    for number, key in enumerate(wrong):
        with pytest.raises(SignInError, match="no sign-in with these words"):
            await door.device(key, visit(0, f"10.1.0.{number}"))


async def test_a_stranger_who_knows_an_id_keeps_no_site_out(
    database: Database, door: SignIn, hashing: Hashing
) -> None:
    city = await found_city(database)
    issued = await credentials.issue_key(database, hashing, owners.site_device(city.site), by=BY, now=NOON)
    wrong = f"{issued.credential.id}.{'x' * 32}"
    waits = [await wait_of(door.device(wrong, visit(0, "10.6.6.6"))) for _ in range(7)]
    assert waits == [0, 0, 0, 0, 0, 1, 1]
    await door.device(issued.secret, visit(0, "10.0.0.4"))


async def test_a_replaced_key_opens_nothing(database: Database, door: SignIn, hashing: Hashing) -> None:
    city = await found_city(database)
    old, new = [
        await credentials.issue_key(database, hashing, owners.site_device(city.site), by=BY, now=NOON)
        for _ in "ab"
    ]
    with pytest.raises(SignInError):
        await door.device(old.secret, visit())
    await door.device(new.secret, visit())


async def test_an_outdated_hash_is_renewed_at_sign_in(database: Database, an: Somebody) -> None:
    stronger = Hashing(Hasher(Cost(2, 16, 1)), Hasher(CHEAP))
    door = SignIn(database, stronger)

    async def kept() -> str:
        async with database.read() as session:
            return (await session.scalars(select(Credential.hash))).one()

    before = await kept()
    with pytest.raises(SignInError):
        await door.person("an", "wrong", visit())
    assert await kept() == before
    await door.person("an", an.password, visit())
    after = await kept()
    assert "m=16,t=2" in after
    await door.person("an", an.password, visit())
    assert await kept() == after
    stronger.close()


async def test_a_password_of_ones_own(database: Database, door: SignIn, an: Somebody) -> None:
    others = [await door.person("an", an.password, visit(at)) for at in (0, 1)]
    principal = await principal_of(database, others[0])
    opened = await door.change_password(principal, an.password, OWN, visit(2))
    fresh = await principal_of(database, opened)
    assert not fresh.must_change
    assert fresh.credential_id != principal.credential_id
    for old in others:
        assert await sessions.look_up(database, old.cookie, NOON) is None
    with pytest.raises(SignInError):
        await door.person("an", an.password, visit(3))
    assert not (await door.person("an", OWN, visit(3))).must_change


@pytest.mark.parametrize(
    ("current", "new", "field", "problem"),
    [
        ("wrong", OWN, "current", "wrong"),
        (None, "short", "password", "too_short"),
        (None, "matkhau123", "password", "common"),
        (None, None, "password", "same"),
    ],
)
async def test_passwords_that_are_not_taken(
    database: Database,
    door: SignIn,
    an: Somebody,
    current: str | None,
    new: str | None,
    field: str,
    problem: str,
) -> None:
    principal = await principal_of(database, await door.person("an", an.password, visit()))
    with pytest.raises(InvalidError) as found:
        await door.change_password(principal, current or an.password, new or an.password, visit())
    assert (found.value.details["field"], found.value.details["problem"]) == (field, problem)
    await door.person("an", an.password, visit())


async def test_who_stole_a_session_cannot_guess_its_password(
    database: Database, door: SignIn, an: Somebody
) -> None:
    principal = await principal_of(database, await door.person("an", an.password, visit()))
    for _ in range(5):
        with pytest.raises(InvalidError):
            await door.change_password(principal, "guess", OWN, visit())
    with pytest.raises(TooManyTriesError):
        await door.change_password(principal, an.password, OWN, visit())


async def test_of_two_own_passwords_at_once_one_is_kept(
    database: Database, door: SignIn, an: Somebody
) -> None:
    principal = await principal_of(database, await door.person("an", an.password, visit()))
    wanted = [f"{OWN} {number}" for number in range(4)]
    results = await asyncio.gather(
        *(door.change_password(principal, an.password, new, visit()) for new in wanted),
        return_exceptions=True,
    )
    won = [number for number, result in enumerate(results) if isinstance(result, Opened)]
    assert len(won) == 1
    assert {type(result) for result in results} <= {Opened, ChangedError, InvalidError}
    await door.person("an", wanted[won[0]], visit())
    async with database.read() as session:
        assert len(await credentials.of_owner(session, owners.person(an.person.id))) == 2


async def test_a_site_has_no_password_to_change(database: Database, door: SignIn, hashing: Hashing) -> None:
    city = await found_city(database)
    issued = await credentials.issue_key(database, hashing, owners.site_device(city.site), by=BY, now=NOON)
    principal = await principal_of(database, await door.device(issued.secret, visit()))
    with pytest.raises(InvalidError):
        await door.change_password(principal, issued.secret, OWN, visit())


async def test_a_revocation_between_judging_and_opening_is_obeyed(
    database: Database, door: SignIn, hashing: Hashing, an: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify: Callable[..., Awaitable[object]] = hashing.passwords.verify

    async def verify_and_lose(secret: str, encoded: str | None) -> object:
        verdict = await verify(secret, encoded)
        await credentials.issue_password(database, hashing, an.person.id, by=BY, now=NOON)
        return verdict

    monkeypatch.setattr(hashing.passwords, "verify", verify_and_lose)
    with pytest.raises(SignInError):
        await door.person("an", an.password, visit())
    async with database.read() as session:
        assert await sessions.living(session, NOON) == []


async def test_what_could_not_be_judged_does_not_count(database: Database, an: Somebody) -> None:
    hashing = cheap_hashing()
    door = SignIn(database, hashing, names=Throttle(free=1), addresses=Throttle(free=1))
    hashing.close()
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await door.person("an", an.password, visit())
    assert len(door.names) == len(door.addresses) == 0
