"""The sites of a meeting, all arriving within seconds: the process beside :mod:`bench_roster`.

Reads one JSON object from its standard input (``base``, ``meeting``, ``seconds``, and ``sites`` as cookie and
form token each), lets every site come in by the meeting channel, take a ticket and join the media room by
signaling, and prints a line of JSON when all are in. Media are not sent: what a page does for a newcomer
comes from these messages. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

AT_ONCE = 40
"""Arrivals under way at one moment."""
PING = 12.0


class Arrival(NamedTuple):
    """One site's browser: its session and the token of its page."""

    cookie: str
    token: str


class Storm:
    """All arrivals of one meeting."""

    def __init__(self, base: str, meeting: str) -> None:
        self.base = base
        self.meeting = meeting
        self.failed: list[str] = []
        self.arrived: list[float] = []
        self._sockets = base.replace("http", "ws", 1)
        self._open: list[ClientConnection] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._few = asyncio.Semaphore(AT_ONCE)

    async def blow(self, sites: Sequence[Arrival], seconds: float) -> None:
        """Everybody comes within ``seconds``, or as fast as the machine lets them."""
        start = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=60.0) as client, asyncio.TaskGroup() as group:
            for number, site in enumerate(sites):
                due = start + number * seconds / len(sites)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self._arrive(client, site))

    async def _arrive(self, client: httpx.AsyncClient, site: Arrival) -> None:
        async with self._few:
            try:
                await self._come(client, site)
                self.arrived.append(time.monotonic())
            except (httpx.HTTPError, OSError, TimeoutError, ConnectionClosed, KeyError, ValueError) as error:
                self.failed.append(type(error).__name__)

    async def _come(self, client: httpx.AsyncClient, site: Arrival) -> None:
        cookie = {"Cookie": f"diemcau_session={site.cookie}"}
        channel = await self._connect(f"{self._sockets}/channel/{self.meeting}", cookie)
        await channel.send('{"type":"hello","versions":[1]}')
        async with asyncio.timeout(60):
            while '"snapshot"' not in str(await channel.recv())[:40]:
                pass
        self._tasks.append(asyncio.create_task(self._hold(channel, ping=True)))
        answer = await client.post(
            f"{self.base}/api/v1/meetings/{self.meeting}/ticket",
            headers=cookie | {"X-CSRF-Token": site.token},
        )
        query = {"access_token": answer.json()["token"], "protocol": 16, "auto_subscribe": 0, "sdk": "js"}
        signal = await self._connect(f"{self._sockets}/rtc?{urlencode(query)}", {})
        await signal.recv()
        self._tasks.append(asyncio.create_task(self._hold(signal)))

    async def _connect(self, address: str, headers: dict[str, str]) -> ClientConnection:
        socket = await connect(
            address,
            additional_headers=headers,
            compression=None,
            max_size=None,
            proxy=None,
            open_timeout=60,
        )
        self._open.append(socket)
        return socket

    async def _hold(self, socket: ClientConnection, *, ping: bool = False) -> None:
        pings = asyncio.create_task(self._ping(socket)) if ping else None
        with contextlib.suppress(ConnectionClosed):
            async for _ in socket:
                pass
        if pings is not None:
            pings.cancel()

    async def _ping(self, socket: ClientConnection) -> None:
        number = 0
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(PING)
                number += 1
                await socket.send(json.dumps({"type": "ping", "id": f"p{number}"}))

    async def close(self) -> None:
        """Cut all lines."""
        for task in self._tasks:
            task.cancel()
        for socket in self._open:
            socket.transport.abort()


async def main() -> None:
    """See the module."""
    loop = asyncio.get_running_loop()
    given: dict[str, Any] = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    storm = Storm(given["base"], given["meeting"])
    begun = time.monotonic()
    await storm.blow([Arrival(*site) for site in given["sites"]], given["seconds"])
    last = max(storm.arrived, default=begun)
    told = {"arrived": len(storm.arrived), "failed": storm.failed, "seconds": round(last - begun, 2)}
    print(json.dumps(told), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await storm.close()


if __name__ == "__main__":
    asyncio.run(main())
