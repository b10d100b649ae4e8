"""Secrets: how they are made, which passwords are refused, and hashing in threads with a bound."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import unicodedata
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from directory.access.secrets import (
    KEY_COST,
    LONGEST,
    PASSWORD_COST,
    SHORTEST,
    Cost,
    Hasher,
    Hashing,
    NewSecret,
    check_password,
    new_key_secret,
    new_password,
    read_key,
)
from directory.errors import InvalidError, UnavailableError

CHEAP = Cost(1, 8, 1)


@pytest.fixture
def hasher() -> Iterator[Hasher]:
    hasher = Hasher(CHEAP)
    yield hasher
    hasher.close()


def test_new_passwords_are_readable_and_allowed() -> None:
    made = {new_password() for _ in range(300)}
    assert len(made) == 300
    for password in made:
        groups = password.split("-")
        assert [len(group) for group in groups] == [4, 4, 4, 4]
        assert not set(password) & set("01iloIO")
        check_password(password, "vannt")


def test_keys_have_128_bits_and_are_read_back() -> None:
    # 64 characters an alphabet, 6 bits each.
    assert len(new_key_secret()) * 6 >= 128
    assert len({new_key_secret() for _ in range(300)}) == 300
    secret = new_key_secret()
    assert read_key(f"0123456789abcdef.{secret}") == ("0123456789abcdef", secret)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "0123456789abcdef",
        "0123456789abcdef.",
        "0123456789abcdef." + "x" * 31,
        "0123456789abcdef." + "x" * 33,
        "0123456789ABCDEF." + "x" * 32,
        "0123456789abcdef." + "x" * 32 + "\n",
        " 0123456789abcdef." + "x" * 32,
        "0123456789abcde٣." + "x" * 32,
        "0123456789abcdef." + "é" * 32,
        "x" * 100_000,
    ],
)
def test_what_is_no_key(text: str) -> None:
    assert read_key(text) is None


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("", "too_short"),
        ("Ngắn quá1", "too_short"),
        (unicodedata.normalize("NFD", "ếếếếếabcd"), "too_short"),
        ("a1b2c3d4e5" * 20 + "x", "too_long"),
        ("tab\tin the middle", "characters"),
        ("zero\0in the middle", "characters"),
        ("half a \ud800 surrogate", "characters"),
        ("nguyenvanan", "is_login"),
        ("NguyenVanAn", "is_login"),
        ("Nguyễn Văn An", "is_login"),
        ("nguyenvanan1", "is_login"),
        ("!nguyenvanan!", "is_login"),
        ("1234567890", "common"),
        ("Password123", "common"),
        ("Mật Khẩu 123", "common"),
        ("aaaaaaaaaaaaaa", "common"),
        ("abababababab", "common"),
        ("đđđđđđđđđđ", "common"),
    ],
)
def test_passwords_that_are_refused(password: str, problem: str) -> None:
    with pytest.raises(InvalidError) as found:
        check_password(password, "nguyenvanan")
    assert found.value.details["field"] == "password"
    assert found.value.details["problem"] == problem
    assert not password or password not in str(found.value)


@pytest.mark.parametrize(
    "password",
    ["cầu Long Biên", "correct horse", "nguyenvanan-2041", "x9$kLm2!qZ", "ab1" * 66 + "xy", "Hồ Gươm 🐢 rùa"],
)
def test_passwords_that_pass(password: str) -> None:
    check_password(password, "nguyenvanan")


@given(st.text(max_size=250), st.text(max_size=70))
def test_any_text_is_judged_without_another_error(password: str, login: str) -> None:
    with contextlib.suppress(InvalidError):
        check_password(password, login)
        assert SHORTEST <= len(password) <= LONGEST


async def test_a_secret_is_right_or_not(hasher: Hasher) -> None:
    encoded = await hasher.hash("cầu Long Biên")
    assert "Long" not in encoded
    assert await hasher.hash("cầu Long Biên") != encoded
    assert (await hasher.verify("cầu Long Biên", encoded)).right
    # The other way of typing it, and another kind of space.
    assert (await hasher.verify(unicodedata.normalize("NFD", "cầu\u00a0Long Biên"), encoded)).right
    for wrong in ("cầu Long biên", "", "cầu Long Biên ", "x" * 100_000, "\ud800"):
        assert not (await hasher.verify(wrong, encoded)).right


@pytest.mark.parametrize(
    "encoded", [None, "", "no hash", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", "$argon2id$"]
)
async def test_without_a_hash_nothing_is_right(hasher: Hasher, encoded: str | None) -> None:
    for secret in ("anything", "", "\ud800"):
        assert not (await hasher.verify(secret, encoded)).right


async def test_somebody_unknown_costs_the_same_work_as_somebody_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What takes the time is argon2 with its parameters: the calls that reach it are compared."""
    hasher = Hasher(CHEAP)
    seen: list[tuple[object, int]] = []
    verify = type(hasher._argon2).verify

    def spy(self: object, encoded: str, secret: bytes) -> object:
        parameters = extract_parameters(encoded)
        seen.append((parameters, len(secret)))
        return verify(hasher._argon2, encoded, secret)

    encoded = await hasher.hash("a password of somebody")
    monkeypatch.setattr(type(hasher._argon2), "verify", spy)
    assert not (await hasher.verify("a wrong one, by length", encoded)).right
    assert not (await hasher.verify("a wrong one, by length", None)).right
    assert seen[0] == seen[1]
    hasher.close()


async def test_a_hash_of_other_parameters_is_outdated() -> None:
    old, new = Hasher(CHEAP), Hasher(Cost(2, 16, 1))
    encoded = await old.hash("cầu Long Biên")
    assert not (await old.verify("cầu Long Biên", encoded)).outdated
    verdict = await new.verify("cầu Long Biên", encoded)
    assert verdict.right
    assert verdict.outdated
    assert not (await new.verify("wrong", encoded)).outdated
    old.close()
    new.close()


async def test_the_loop_never_hashes_and_what_is_too_much_is_refused() -> None:
    gate, threads = threading.Event(), set()

    class Slow(PasswordHasher):
        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            threads.add(threading.current_thread().name)
            assert gate.wait(30)
            return "done"

    hasher = Hasher(CHEAP, workers=1, waiting=2)
    hasher._argon2 = Slow()
    calls = [asyncio.create_task(hasher.hash("secret")) for _ in range(3)]
    # One turn of the loop starts them all; that this test goes on shows that none hashes here.
    await asyncio.sleep(0)
    for _ in range(4):
        with pytest.raises(UnavailableError):
            await hasher.hash("one too many")
    assert hasher.refused == 4
    # A caller that goes away does not make room while its thread still works.
    calls[0].cancel()
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await hasher.hash("one too many")
    gate.set()
    assert await asyncio.gather(*calls[1:]) == ["done", "done"]
    assert await hasher.hash("again") == "done"
    assert threading.current_thread().name not in threads
    hasher.close()


async def test_after_closing_hashing_is_refused(hasher: Hasher) -> None:
    hasher.close()
    with pytest.raises(UnavailableError):
        await hasher.verify("x", None)


async def test_text_that_cannot_be_hashed(hasher: Hasher) -> None:
    for secret in ("", "\ud800", "x" * (LONGEST + 1)):
        with pytest.raises(InvalidError):
            await hasher.hash(secret)


async def test_new_secrets_hide_in_repr_and_open() -> None:
    hashing = Hashing(Hasher(CHEAP), Hasher(CHEAP))
    password, key = await hashing.make_password(), await hashing.make_key()
    assert isinstance(password, NewSecret)
    for made in (password, key):
        assert made.shown not in repr(made)
        assert made.hash not in repr(made)
    assert (await hashing.passwords.verify(password.shown, password.hash)).right
    read = read_key(key.shown)
    assert read is not None
    assert read[0] == key.credential_id
    assert (await hashing.keys.verify(read[1], key.hash)).right
    hashing.close()


async def test_the_real_costs_are_those_that_are_written_down() -> None:
    hashing = Hashing()
    password, key = await hashing.make_password(), await hashing.make_key()
    for made, cost in ((password, PASSWORD_COST), (key, KEY_COST)):
        found = extract_parameters(made.hash)
        assert (found.time_cost, found.memory_cost, found.parallelism) == (
            cost.passes,
            cost.memory,
            cost.lanes,
        )
        assert found.type.name == "ID"
        assert len(made.hash) <= 200
    hashing.close()
