"""Making secrets, and hashing them with argon2 in a few threads of their own."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import HashingError, InvalidHashError, VerificationError

from directory.errors import InvalidError, UnavailableError

P = ParamSpec("P")
T = TypeVar("T")

SHORTEST: Final = 10
LONGEST: Final = 200
"""Characters of a password."""

_READABLE: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what is taken for something else on paper: 0 and o, 1 and i and l."""
_GROUPS, _GROUP = 4, 4
_FEWEST_CHARACTERS: Final = 5
_COMMON_ONES: Final = """
    0123456789 1234567890 12345678910 1234512345 0987654321 9876543210 1122334455 123456789a a123456789
    1q2w3e4r5t q1w2e3r4t5 qwertyuiop qwerty1234 qwerty12345 qwerty123456 asdfghjkl1 1qaz2wsx3edc
    abcdefghij abcd123456 abc1234567 abc123456789 password12 password123 password1234 passw0rd123
    administrator admin12345 admin123456 adminadmin welcome123 iloveyou12 iloveyou123 letmein123
    matkhau123 matkhau1234 matkhau12345 matkhaumoi xinchao123 hanoi12345 hanoi123456 thudohanoi
    vietnam123 vietnam1234 anhyeuem123 emyeuanh123 diemcau123 diemcau1234 diemcau2025 diemcau2026
"""
_COMMON: Final = frozenset(_COMMON_ONES.split())
"""Those that people choose first, without marks, spaces and case."""

_KEY: Final = re.compile(r"([0-9a-f]{16})\.([A-Za-z0-9_-]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash takes: passes over the memory, memory in KiB, lanes (RFC 9106, section 3.1)."""

    passes: int
    memory: int
    lanes: int


PASSWORD_COST: Final = Cost(3, 64 * 1024, 4)
"""The second recommended option of RFC 9106, section 4."""
KEY_COST: Final = Cost(1, 1024, 1)
"""A key has 192 random bits and needs no stretching; a whole city signs in at once after an outage."""


def new_credential_id() -> str:
    """16 characters, random; not secret."""
    return secrets.token_hex(8)


def new_password() -> str:
    """A password to be read from paper or over the telephone: four groups of four, 79 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(_GROUP)) for _ in range(_GROUPS))


def new_key_secret() -> str:
    """The second part of a device's key: 192 bits."""
    return secrets.token_urlsafe(24)


def read_key(text: str) -> tuple[str, str] | None:
    """The credential's id and the secret of a key ``<id>.<secret>``; nothing if it is none."""
    found = _KEY.fullmatch(text)
    return (found[1], found[2]) if found else None


def check_password(password: str, login: str) -> None:
    """Raises InvalidError for a password that nobody may choose; ``details["problem"]`` says why."""

    def refuse(problem: str, **details: int) -> InvalidError:
        return InvalidError(
            f"the password is refused: {problem}", field="password", problem=problem, **details
        )

    # By what somebody sees as letters: é is one, however it was typed.
    plain = unicodedata.normalize("NFC", password)
    if len(plain) < SHORTEST:
        raise refuse("too_short", least=SHORTEST)
    if len(password) > LONGEST:
        raise refuse("too_long", most=LONGEST)
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in plain):
        raise refuse("characters")
    marks = unicodedata.normalize("NFKD", plain).casefold()
    simple = "".join(c for c in marks if not unicodedata.combining(c) and not c.isspace()).replace("đ", "d")
    name = login.casefold()
    if name and (simple == name or (name in simple and len(simple) - len(name) < 4)):
        raise refuse("is_login")
    if simple in _COMMON or len(set(simple)) < _FEWEST_CHARACTERS:
        raise refuse("common")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a secret is right; and whether its hash was made with other parameters than today's."""

    right: bool
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret that nobody has yet: ``shown`` to its owner once, kept as ``hash``."""

    credential_id: str
    shown: str = field(repr=False)
    hash: str = field(repr=False)


class Hasher:
    """Hashes with one cost in ``workers`` threads; ``waiting`` more calls may wait, others are refused.

    ``refused`` counts those. The event loop never hashes: argon2 gives up the interpreter's lock.
    """

    def __init__(self, cost: Cost, *, workers: int = 1, waiting: int = 100, name: str = "argon2") -> None:
        self.cost = cost
        self.refused = 0
        self._argon2 = PasswordHasher(cost.passes, cost.memory, cost.lanes)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._room = threading.BoundedSemaphore(workers + waiting)

    async def hash(self, secret: str) -> str:
        """The encoded hash. Raises UnavailableError when too many wait, InvalidError for impossible text."""
        text = _prepared(secret)
        if text is None:
            raise InvalidError("this secret cannot be hashed", field="password", problem="characters")
        try:
            return await self._submit(self._argon2.hash, text)
        except HashingError:
            raise UnavailableError("no memory for hashing") from None

    async def verify(self, secret: str, encoded: str | None) -> Verdict:
        """Whether ``encoded`` is the hash of ``secret``.

        Without a hash the answer is no, after the same work as with one. Raises UnavailableError when
        too many wait.
        """
        text = _prepared(secret)
        return await self._submit(self._verify, text or b"", encoded if text is not None else None)

    def close(self) -> None:
        """End the threads; what waits is cancelled."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, secret: bytes, encoded: str | None) -> Verdict:
        try:
            self._argon2.verify(encoded or self._of_nobody(), secret)
        except (VerificationError, InvalidHashError):
            return Verdict(False)
        # The hash of nobody is random: whoever meets it by luck is still nobody.
        if encoded is None:
            return Verdict(False)
        return Verdict(True, self._argon2.check_needs_rehash(encoded))

    def _of_nobody(self) -> str:
        """A hash with today's cost that no known secret has."""
        cost = self.cost
        salt, digest = (
            base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
            for length in (self._argon2.salt_len, self._argon2.hash_len)
        )
        return f"$argon2id$v=19$m={cost.memory},t={cost.passes},p={cost.lanes}${salt}${digest}"

    async def _submit(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        if not self._room.acquire(blocking=False):
            self.refused += 1
            raise UnavailableError("too many secrets wait to be hashed")
        try:
            future = self._threads.submit(work, *arguments, **named)
        except RuntimeError:
            self._room.release()
            raise UnavailableError("hashing has ended") from None
        # Freed when the thread is done, not when the caller stops waiting: a cancelled call still works.
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def _done(self, _future: Future[Any]) -> None:
        self._room.release()


class Hashing:
    """Hashers of passwords and of keys, apart, so that people who guess passwords delay no site."""

    def __init__(self, passwords: Hasher | None = None, keys: Hasher | None = None) -> None:
        self.passwords = passwords or Hasher(PASSWORD_COST, workers=2, waiting=100, name="argon2-password")
        self.keys = keys or Hasher(KEY_COST, workers=1, waiting=2_000, name="argon2-key")

    async def make_password(self) -> NewSecret:
        """A password to be told to a person. Raises UnavailableError."""
        return await self.own_password(new_password())

    async def own_password(self, password: str) -> NewSecret:
        """A password that a person chose; :func:`check_password` comes before. Raises UnavailableError."""
        return NewSecret(new_credential_id(), password, await self.passwords.hash(password))

    async def make_key(self) -> NewSecret:
        """A key for a device or an agent. Raises UnavailableError."""
        credential_id, secret = new_credential_id(), new_key_secret()
        return NewSecret(credential_id, f"{credential_id}.{secret}", await self.keys.hash(secret))

    def close(self) -> None:
        """End all threads."""
        self.passwords.close()
        self.keys.close()


def _prepared(secret: str) -> bytes | None:
    """As RFC 8265, section 4.2.2 prepares a password: NFC, all spaces alike. Nothing for impossible text.

    Keyboards differ in whether they send é as one code point or as two.
    """
    if not secret or len(secret) > LONGEST:
        return None
    spaced = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in secret)
    try:
        return unicodedata.normalize("NFC", spaced).encode()
    except UnicodeEncodeError:
        return None
