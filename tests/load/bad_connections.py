"""Connections that hold on to something: half-open, silent, slow, never reading, gone at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from livekit.protocol import rtc

from load.bad_context import MEETING, Context, Pace, eventually
from load.bad_wire import RawSocket, drop, frame, get_request, in_parallel, upgrade_request

HALF_OPEN = 2_000
SLOW = 500
HASTY = 2_000
FLOOD = 100_000
SMALL_SHARE = 0.05
SMALL_BUFFER = 4_096
PER_ROOM = 50
WIDTH = 8
MB = 1024 * 1024

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _ended(reader: asyncio.StreamReader) -> None:
    """Return once the server has closed this connection."""
    try:
        while await reader.read(65536):
            pass
    except ConnectionError:
        pass


async def _visitor(context: Context) -> float:
    """How long somebody legitimate waits for an answer now, in seconds."""
    began = time.monotonic()
    token = context.token("visitor")
    statuses = await context.door.call(get_request(f"/rtc/validate?access_token={token}"))
    context.expect(statuses == [200], f"a visitor beside half-open connections was answered {statuses}")
    return time.monotonic() - began


async def half_open(context: Context) -> dict[str, Any]:
    """Connections with a part of an upgrade, or with nothing: closed in time, and nobody else kept out."""
    number = context.count(HALF_OPEN)
    request = upgrade_request(context.token("half"))
    held: list[Streams] = []

    async def work() -> None:
        reader, writer = await context.door.open()
        writer.write(request[: context.rng.randrange(len(request) - 3)])
        held.append((reader, writer))

    await in_parallel([work] * number, 50)
    waits = [await _visitor(context) for _ in range(10)]
    began = time.monotonic()
    async with asyncio.timeout(40):
        await asyncio.gather(*(_ended(reader) for reader, _ in held))
    for _, writer in held:
        await drop(writer)
    context.expect(max(waits) < 3, f"a visitor waited {max(waits):.1f} s beside half-open connections")
    return {"connections": number, "visitor waited": max(waits), "closed after": time.monotonic() - began}


async def slow_headers(context: Context) -> dict[str, Any]:
    """Slowloris: one header octet now and then keeps no connection beyond the limit."""
    number = context.count(SLOW)
    held: list[Streams] = [await context.door.open() for _ in range(number)]
    began = time.monotonic()
    for _, writer in held:
        writer.write(b"GET /rtc/validate HTTP/1.1\r\nHost: x\r\nX-A: ")
    ends = [asyncio.create_task(_ended(reader)) for reader, _ in held]
    while not all(end.done() for end in ends) and time.monotonic() - began < 30:
        for (_, writer), end in zip(held, ends, strict=True):
            if not end.done() and not writer.is_closing():
                writer.write(b"a")
        await asyncio.sleep(0.7)
    lasted = time.monotonic() - began
    context.expect(all(end.done() for end in ends), "slow headers were still taken after 30 s")
    for end in ends:
        end.cancel()
    for _, writer in held:
        await drop(writer)
    return {"connections": number, "closed after": lasted}


async def silent(context: Context) -> dict[str, Any]:
    """Upgraded, and then not a word: every session is closed by the server, every participant leaves."""
    number = context.count(HALF_OPEN)
    held: list[RawSocket] = []
    names = iter(range(number))

    async def work() -> None:
        index = next(names)
        found = await context.door.upgrade(context.token(f"silent{index}", f"silent{index // PER_ROOM}"))
        context.expect(not isinstance(found, int), f"a silent one was answered {found}")
        if not isinstance(found, int):
            held.append(found)

    await in_parallel([work] * number, WIDTH)
    most = context.server.metrics()
    wait = await _visitor(context)
    began = time.monotonic()
    async with asyncio.timeout(90):
        await asyncio.gather(*(_ended(session.reader) for session in held))
    for session in held:
        await drop(session.writer)
    return {
        "connections": number,
        "sessions then": most["diemcau_signal_sessions"],
        "resident then": most["process_resident_memory_bytes"],
        "visitor waited": wait,
        "closed after": time.monotonic() - began,
    }


async def hasty(context: Context) -> dict[str, Any]:
    """Gone right after the upgrade request, by a reset."""
    number = context.count(HASTY)

    async def work() -> None:
        _, writer = await context.door.open()
        writer.write(upgrade_request(context.token(f"hasty{context.rng.randrange(20)}")))
        if context.rng.random() < 0.5:
            await asyncio.sleep(context.rng.random() * 0.02)
        writer.transport.abort()

    await in_parallel([work] * number, WIDTH)
    return {"connections": number}


async def never_reads(context: Context) -> dict[str, Any]:
    """A client that never reads in a busy room: cut off before it costs more than a bounded memory."""
    door = context.door
    deaf = await door.upgrade(context.token("deaf"), receive_buffer=SMALL_BUFFER)
    assert not isinstance(deaf, int), "the deaf client may join"
    deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]
    talker = await door.join(context.token("talker"))
    before = context.server.metrics()["process_resident_memory_bytes"]
    pace = Pace(25)
    sent = 0
    most = before
    follow = asyncio.create_task(talker.end())
    began = time.monotonic()
    while context.share >= SMALL_SHARE and time.monotonic() - began < 60:
        update = rtc.UpdateParticipantMetadata(metadata=chr(65 + sent % 26) * 60_000)
        talker.request(rtc.SignalRequest(update_metadata=update))
        sent += 1
        await pace.turn()
        if sent % 25 == 0:
            now = await asyncio.to_thread(context.server.metrics)
            most = max(most, now["process_resident_memory_bytes"])
            if not await asyncio.to_thread(_present, context, "deaf"):
                break
    lasted = time.monotonic() - began
    if context.share >= SMALL_SHARE:
        context.expect(not _present(context, "deaf"), "a client that does not read is still there after 60 s")
    context.expect(most - before < 64 * MB, f"a client that does not read cost {most - before:.0f} octets")
    deaf.abort()
    talker.abort()
    await follow
    return {"updates of 60 kB": sent, "cut off after": lasted, "memory at most": most - before}


def _present(context: Context, identity: str) -> bool:
    """Whether this participant still has a session or a place in the meeting."""
    from load.bad_calls import identities

    return identity in identities(context, MEETING)


async def ping_flood(context: Context) -> dict[str, Any]:
    """Pings whose pongs nobody reads: the answers may not pile up in the server's memory."""
    number = context.count(FLOOD, least=1_000)
    session = await context.door.upgrade(context.token("pinger"), receive_buffer=SMALL_BUFFER)
    assert not isinstance(session, int), "the pinging client may join"
    session.reader._transport.pause_reading()  # type: ignore[attr-defined]
    before = context.server.metrics()["process_resident_memory_bytes"]
    pings = frame(bytes(125), 9) * 100
    sent = 0
    try:
        async with asyncio.timeout(30):
            while sent < number * 4:
                session.writer.write(pings)
                await session.writer.drain()
                sent += 100
    except (TimeoutError, ConnectionError):
        pass
    after = context.server.metrics()["process_resident_memory_bytes"]
    context.expect(after - before < 24 * MB, f"unread pongs cost {after - before:.0f} octets")
    session.abort()
    return {"pings": sent, "memory": after - before}


async def attack(context: Context) -> dict[str, Any]:
    """All of it."""
    figures: dict[str, Any] = {}
    waiting: tuple[Callable[[Context], Awaitable[dict[str, Any]]], ...] = (half_open, slow_headers, silent)
    if context.share < SMALL_SHARE:
        # A test has no time for one after the other.
        together = await asyncio.gather(*(part(context) for part in waiting))
        figures.update({part.__name__: found for part, found in zip(waiting, together, strict=True)})
        waiting = ()
    for part in (*waiting, hasty, never_reads, ping_flood):
        figures[part.__name__] = await part(context)
        gone = await eventually(lambda: context.server.metrics()["diemcau_half_open_connections"] <= 1, 20)
        context.expect(gone, f"half-open connections are left after {part.__name__}")
    return figures
