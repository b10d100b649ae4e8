"""Simulated sites in a booked meeting: they sign in by their keys and use the channel, as sites do.

Some ask for the floor now and then; each speaks for a while when it has it, and
comes back after everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import structlog
import websockets

from signaling.client.events import RoomEvent
from signaling.client.sites import SiteName, SiteOptions, run_sites
from signaling.errors import UnavailableError
from web.demo_people import SiteKey

PING: Final = 12.0
SPEECH: Final = (8.0, 20.0)
"""Seconds that a site speaks when it has the floor."""
SILENCE: Final = (20.0, 90.0)
"""Seconds after which a site asks for the floor again."""
ASKING: Final = 0.35
"""The share of sites that ask for the floor of their own accord."""
RETRY: Final = (0.5, 3.0)
_CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')

_log = structlog.get_logger(__name__)


class MeetingSite:
    """One site's session with the service: a cookie, the channel, tickets."""

    def __init__(self, base: str, meeting: str, site: SiteKey, rng: random.Random) -> None:
        self._base = base
        self._meeting = meeting
        self._site = site
        self._rng = rng
        self._asks = rng.random() < ASKING
        self._http = httpx.AsyncClient(trust_env=False, timeout=10.0, base_url=base)
        self._in = asyncio.Event()
        self.has_floor = False

    async def run(self) -> None:
        """Hold the channel until cancelled, whatever happens to it."""
        try:
            while True:
                try:
                    await self._sign_in()
                    await self._hold()
                except (httpx.HTTPError, OSError, TimeoutError, websockets.WebSocketException) as error:
                    _log.info("site_comes_again", site=self._site.code, error=type(error).__name__)
                self._in.clear()
                await asyncio.sleep(self._rng.uniform(*RETRY))
        finally:
            await self._http.aclose()

    async def token(self) -> str:
        """A ticket into the room, once the channel has let the site in. Raises UnavailableError."""
        await self._in.wait()
        try:
            page = await self._http.get("/home")
            token = _CSRF.search(page.text)
            answer = await self._http.post(
                f"/api/v1/meetings/{self._meeting}/ticket",
                headers={"X-CSRF-Token": token[1] if token else ""},
            )
        except httpx.HTTPError as error:
            raise UnavailableError(type(error).__name__) from None
        if answer.status_code != 200:
            raise UnavailableError(f"no ticket: {answer.status_code}")
        return str(answer.json()["token"])

    async def _sign_in(self) -> None:
        page = await self._http.get("/sign-in/site")
        if page.status_code != 200:
            # Signed in already: the page leads on.
            return
        token = _CSRF.search(page.text)
        answer = await self._http.post(
            "/sign-in/site", data={"key": self._site.key, "csrf": token[1] if token else ""}
        )
        if answer.status_code != 303:
            raise httpx.HTTPError(f"sign-in was answered {answer.status_code}")

    async def _hold(self) -> None:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._http.cookies.jar)
        address = f"{self._base.replace('http', 'ws', 1)}/channel/{self._meeting}"
        async with (
            websockets.connect(address, additional_headers={"Cookie": cookies}, proxy=None) as socket,
            asyncio.TaskGroup() as group,
        ):
            await socket.send('{"type":"hello","versions":[1]}')
            tasks = [group.create_task(work) for work in (self._ping(socket), self._speak(socket))]
            try:
                async for text in socket:
                    self._told(json.loads(text))
            finally:
                for task in tasks:
                    task.cancel()

    def _told(self, message: dict[str, Any]) -> None:
        if message["type"] in ("snapshot", "delta"):
            self._in.set()
            if "floor" in message:
                self.has_floor = message["floor"]["holder"] == f"site:{self._site.code}"

    async def _ping(self, socket: websockets.ClientConnection) -> None:
        number = 0
        while True:
            await asyncio.sleep(PING)
            number += 1
            await socket.send(json.dumps({"type": "ping", "id": f"p{number}"}))

    async def _speak(self, socket: websockets.ClientConnection) -> None:
        """Ask for the floor now and then; end the statement after a while."""
        number = 0
        while True:
            await asyncio.sleep(self._rng.uniform(*(SPEECH if self.has_floor else SILENCE)))
            if not (self.has_floor or self._asks):
                continue
            number += 1
            kind = "finish" if self.has_floor else "ask"
            await socket.send(json.dumps({"type": kind, "id": f"s{number}"}))


async def run_meeting(
    base: str,
    meeting: str,
    keys: Sequence[SiteKey],
    options: SiteOptions,
    report: Callable[[SiteName, RoomEvent], None],
) -> None:
    """Run all sites until cancelled."""
    sessions = {key.code: MeetingSite(base, meeting, key, random.Random(key.code)) for key in keys}
    names = [SiteName(key.code, key.name, key.district) for key in keys]

    async def token_for(site: SiteName) -> str:
        return await sessions[site.code].token()

    holding = [asyncio.create_task(session.run()) for session in sessions.values()]
    try:
        await run_sites(base, token_for, names, options, report=report)
    finally:
        for task in holding:
            task.cancel()
        for task in holding:
            with contextlib.suppress(asyncio.CancelledError):
                await task
