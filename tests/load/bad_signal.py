"""Bad frames of somebody with a token: unknown fields, noise, broken framing, too much, random requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from livekit.protocol import rtc

from load.bad_context import Context
from load.bad_messages import TEXTS, random_request, request_kinds, unknown_fields
from load.bad_wire import BINARY, TEXT, RawSocket, frame, in_parallel

BATCH = 400
"""Requests of one session: it may send 600 at once."""

VOLUME = 2_000_000
"""Octets of one session; it may send twice as many at once."""

WIDTH = 6

ENDING = {"offer": 1_000, "answer": 1_000, "leave": 1_000, "simulate": 2_000}
"""Kinds that end the session as a rule, each of which costs a join: fewer of them."""

EVERY_OTHER = 10_000
BIG = 20

PROTOCOL, TOO_BIG, BAD_TEXT, POLICY = 1002, 1009, 1007, 1008


class Crowd:
    """Attackers with tokens of their own; each comes back as often as its session is ended."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name
        self._next = 0
        self.joins = 0

    async def member(self) -> RawSocket:
        """A fresh session, of one of 50 identities in turn."""
        self._next += 1
        self.joins += 1
        return await self._context.door.join(self._context.token(f"{self._name}{self._next % 50}"))


async def unknown(context: Context) -> dict[str, Any]:
    """Harmless requests with fields of a protocol to come: nobody is sent away, every session answers."""
    rng, number = context.rng, context.count()
    crowd = Crowd(context, "newer")
    kinds = [kind for kind in request_kinds() if kind not in ENDING]

    async def work() -> None:
        session = await crowd.member()
        for _ in range(min(BATCH, number)):
            request = random_request(rng.choice(kinds), rng)
            session.send(frame(request.SerializeToString() + unknown_fields(rng)))
        context.expect(await session.alive(), f"unknown fields ended a session: {session.closed}")
        session.abort()

    await in_parallel([work] * max(1, number // BATCH), WIDTH)
    return {"requests": max(1, number // BATCH) * min(BATCH, number), "joins": crowd.joins}


async def noise(context: Context) -> dict[str, Any]:
    """Random frames: passed over where they happen to be protobuf, else the session ends with 1002."""
    rng, number = context.rng, context.count()
    seen: Counter[Any] = Counter()
    crowd = Crowd(context, "noisy")

    async def work() -> None:
        session = await crowd.member()
        for _ in range(BATCH):
            opcode = rng.choice((BINARY, TEXT))
            data = rng.randbytes(rng.choice((0, 1, 2, 5, 40, 1000)))
            if opcode == TEXT:
                data = data.decode("latin-1").encode() if rng.random() < 0.7 else data
            elif rng.random() < 0.7:
                data = unknown_fields(rng)
            session.send(frame(data, opcode))
            seen["frames"] += 1
            if opcode == TEXT or not await session.alive():
                closed = await session.end()
                seen[closed.code] += 1
                context.expect(bool(closed.reason) or closed.code != PROTOCOL, "1002 without words")
                break
            if seen["frames"] >= number:
                break
        session.abort()

    while seen["frames"] < number:
        await in_parallel([work] * WIDTH, WIDTH)
    return context.expect_only("random frames", seen, ["frames", PROTOCOL, BAD_TEXT, 1000]) | {
        "joins": crowd.joins
    }


async def framing(context: Context) -> dict[str, Any]:
    """Frames that RFC 6455 forbids: each ends the connection, by 1002 or 1007."""
    broken = {
        "unmasked": b"\x82\x01a",
        "reserved bits": b"\xf2\x80\x00\x00\x00\x00",
        "reserved opcode": b"\x83\x80\x00\x00\x00\x00",
        "long ping": frame(bytes(126), 9),
        "fragmented ping": frame(b"x", 9, final=False),
        "continuation of nothing": frame(b"x", 0),
        "text that is no UTF-8": frame(b"\xff\xfe", TEXT),
        "close with a bad code": frame(b"\x00\x01", 8),
        "length beyond all": b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
    }
    seen: Counter[Any] = Counter()
    crowd = Crowd(context, "framing")
    for _ in range(context.count(50, least=1)):
        for what, data in broken.items():
            session = await crowd.member()
            session.send(data)
            closed = await session.end()
            seen[closed.code] += 1
            context.expect(closed.code in (PROTOCOL, BAD_TEXT, TOO_BIG), f"{what}: closed with {closed}")
            session.abort()
    return {str(code): number for code, number in seen.items()}


async def big(context: Context) -> dict[str, Any]:
    """Messages of 2, 3 and 5 MB, as protobuf and as JSON: read, or refused with words."""
    seen: Counter[Any] = Counter()
    crowd = Crowd(context, "big")
    sids = json.dumps({"subscription": {"trackSids": ["TR_x"] * 200_000, "subscribe": False}})
    leaves = rtc.SignalRequest(
        subscription=rtc.UpdateSubscription(track_sids=["x"] * 600_000)
    ).SerializeToString()
    cases: dict[str, tuple[bytes, tuple[int, ...]]] = {
        "3 MB of noise": (frame(bytes(3_000_000)), (PROTOCOL,)),
        "3 MB of text": (frame(b" " * 3_000_000, TEXT), (PROTOCOL,)),
        "5 MB": (frame(bytes(5_000_000)), (TOO_BIG,)),
        "3 MB in pieces": (_pieces(bytes(3_000_000), 1000), (PROTOCOL,)),
        "1.4 MB of sids in JSON": (frame(sids.encode(), TEXT), (0, PROTOCOL, POLICY)),
        "1.8 MB of sids": (frame(leaves), (0, PROTOCOL, POLICY)),
    }
    for _ in range(context.count(BIG, least=2)):
        for what, (data, allowed) in cases.items():
            session = await crowd.member()
            session.send(data)
            code = 0
            if not await _answers(session):
                code = (await session.end()).code
                context.expect(
                    bool(session.closed and session.closed.reason), f"{what}: closed without words"
                )
            seen[f"{what}: {code}"] += 1
            context.expect(code in allowed, f"{what}: {session.closed}")
            session.abort()
    return dict(seen)


async def _answers(session: RawSocket) -> bool:
    """As ``alive``, also for a session that has become one of JSON."""
    session.send(frame(json.dumps({"pingReq": {"timestamp": 1}}).encode(), TEXT))
    while await session.next():
        if session.last_text is not None and "pongResp" in session.last_text:
            return True
    return False


def _pieces(data: bytes, size: int) -> bytes:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    last = len(parts) - 1
    return b"".join(
        frame(part, BINARY if index == 0 else 0, final=index == last) for index, part in enumerate(parts)
    )


async def requests(context: Context) -> dict[str, Any]:
    """Every kind of request with parts missing or random: answered, or the session ends with words."""
    rng = context.rng
    figures: dict[str, Any] = {}
    crowd = Crowd(context, "random")
    for kind in request_kinds():
        number = context.count(ENDING.get(kind, EVERY_OTHER), least=10)
        codes: Counter[Any] = Counter()
        await in_parallel(_workers(context, crowd, kind, number, codes, rng), WIDTH)
        figures[kind] = {"requests": number} | context.expect_only(
            f"random {kind}", codes, ["open", 1000, 1001, PROTOCOL]
        )
    return figures


def _workers(
    context: Context, crowd: Crowd, kind: str, number: int, codes: Counter[Any], rng: Any
) -> list[Callable[[], Awaitable[None]]]:
    left = number

    async def work() -> None:
        nonlocal left
        while left > 0:
            session = await crowd.member()
            texts = TEXTS + _known_sids(session)
            octets = 0
            for _ in range(1 if kind in ENDING else BATCH):
                if left <= 0 or octets > VOLUME:
                    break
                data = random_request(kind, rng, texts).SerializeToString()
                session.send(frame(data))
                octets += len(data)
                left -= 1
            if await session.alive():
                codes["open"] += 1
            else:
                codes[session.closed.code if session.closed else 0] += 1
            session.abort()

    return [work] * WIDTH


def _known_sids(session: RawSocket) -> tuple[str, ...]:
    """Names of what there is, so that random requests hit something."""
    join = session.last["join"].join
    others = [other.sid for other in join.other_participants[:10]]
    tracks = [track.sid for other in join.other_participants for track in other.tracks]
    return (join.participant.sid, *others, *tracks[:10])


async def attack(context: Context) -> dict[str, Any]:
    """All of it."""
    return {
        "unknown fields": await unknown(context),
        "random frames": await noise(context),
        "forbidden framing": await framing(context),
        "big messages": await big(context),
        "requests": await requests(context),
    }
