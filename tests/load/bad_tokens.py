"""Tokens that lead nowhere: forged, outside of their time, malformed; by /rtc/validate and by upgrades."""

from __future__ import annotations

import base64
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import jwt
from conformance.processes import KEY, SECRET

from load.bad_context import MEETING, TEN_THOUSAND, Context
from load.bad_wire import get_request, in_parallel

PER_CONNECTION = 100
WIDTH = 8


def _claims(rng: random.Random) -> dict[str, Any]:
    now = int(time.time())
    video = {"roomJoin": True, "room": MEETING}
    return {"iss": KEY, "sub": f"forger{rng.random()}", "nbf": now - 5, "exp": now + 600, "video": video}


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(rng: random.Random) -> str:
    """Well formed, but not signed by the key that it names."""
    claims = _claims(rng)
    way = rng.randrange(6)
    if way == 0:
        return jwt.encode(claims, "another-secret-of-thirty-two-bytes-length", "HS256")
    if way == 1:
        return jwt.encode(claims | {"iss": "unknown"}, SECRET, "HS256")
    if way == 2:
        return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."
    if way == 3:
        return jwt.encode(claims, SECRET + SECRET, "HS384")
    head, _, signature = jwt.encode(claims, SECRET, "HS256").split(".")
    if way == 4:
        return f"{head}.{_part(claims | {'sub': 'mayor'})}.{signature}"
    return f"{head}.{_part(claims)}.{signature[:-8]}AAAAAAAA"


def expired(rng: random.Random) -> str:
    """Signed, but outside of its time, or without one."""
    claims = _claims(rng)
    now = int(time.time())
    way = rng.randrange(4)
    if way == 0:
        claims["exp"] = now - rng.randrange(120, 10**6)
    elif way == 1:
        claims["nbf"] = now + rng.randrange(120, 10**6)
    elif way == 2:
        claims["exp"] = 0
    else:
        del claims["exp"]
    return jwt.encode(claims, SECRET, "HS256")


def malformed(rng: random.Random) -> str:
    """No token at all, or one that lost or changed a part; or signed claims of wrong types."""
    way = rng.randrange(6)
    if way == 0:
        return rng.randbytes(rng.randrange(1, 200)).decode("latin-1")
    if way == 1:
        return ".".join(_part(rng.random()) for _ in range(rng.randrange(1, 6)))
    if way == 2:
        values: list[Any] = [[], 5, None, {"a": []}, "x", "\ud800", 1e400, True]
        claims = _claims(rng) | {rng.choice(["sub", "exp", "video", "attributes"]): rng.choice(values[:2])}
        return jwt.encode(claims, SECRET, "HS256")
    if way == 3:
        return "." * rng.randrange(1, 50)
    whole = jwt.encode(_claims(rng), SECRET, "HS256")
    if way == 4:
        return whole[: rng.randrange(1, len(whole) - 1)]
    place = rng.randrange(len(whole))
    return whole[:place] + rng.choice("!~ é\0") + whole[place + 1 :]


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "forged": forged,
    "expired": expired,
    "malformed": malformed,
}


async def validate(context: Context, maker: Callable[[random.Random], str], number: int) -> Counter[int]:
    """Ask /rtc/validate with so many tokens, in the query or in the header."""
    seen: Counter[int] = Counter()

    def request() -> bytes:
        token = maker(context.rng)
        if context.rng.random() < 0.5 and token.isascii() and token.isprintable():
            return get_request("/rtc/validate", f"Authorization: Bearer {token}")
        return get_request(f"/rtc/validate?access_token={quote(token)}")

    def piece(size: int) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            seen.update(await context.door.call(*(request() for _ in range(size))))

        return work

    sizes = [PER_CONNECTION] * (number // PER_CONNECTION) + [number % PER_CONNECTION or 1]
    await in_parallel([piece(size) for size in sizes], WIDTH)
    return seen


async def upgrades(context: Context, maker: Callable[[random.Random], str], number: int) -> Counter[int]:
    """Ask for a WebSocket with so many tokens."""
    seen: Counter[int] = Counter()

    async def work() -> None:
        found = await context.door.upgrade(maker(context.rng))
        seen[found if isinstance(found, int) else 101] += 1
        if not isinstance(found, int):
            found.abort()

    await in_parallel([work] * number, WIDTH)
    return seen


async def attack(context: Context) -> dict[str, Any]:
    """All kinds both ways: every answer is 401."""
    figures: dict[str, Any] = {}
    number = context.count(TEN_THOUSAND)
    for name, maker in MAKERS.items():
        for way in (validate, upgrades):
            seen = await way(context, maker, number)
            figures[f"{name}, {way.__name__}"] = context.expect_only(f"{name} {way.__name__}", seen, [401])
    statuses = await context.door.call(
        get_request("/rtc/validate"), get_request(f"/rtc/validate?access_token={context.token('visitor')}")
    )
    context.expect(statuses == [401, 200], f"no token and a good one were answered {statuses}")
    return figures
