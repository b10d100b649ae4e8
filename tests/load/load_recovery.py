"""What is lost when a WebSocket is cut, a port changes, or the server is killed; how soon all is back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from conformance.clients.browser import ARGUMENTS, CHROMIUM, BrowserSite, Chromium
from conformance.waiting import until
from e2e.meeting_page import MeetingPage
from e2e.service import Service
from playwright.async_api import async_playwright

from load import load_people as people
from load.load_churn import publish
from load.load_datagrams import DatagramRelay
from load.load_server import RelayServer
from media.clock import monotonic
from signaling.client.events import Reconnecting, Resumed, RoomEvent
from signaling.client.room import RoomClient
from signaling.client.sites import SimulatedSite, SiteName, SiteOptions
from signaling.client.subscribing import ReceivedTrack

FRONT = "127.0.0.2"
AFTER = 4.0
"""Seconds for which is watched what an incident does."""
SITES = 5
BACK_WITHIN = 15.0
PATIENCE = 45.0

Figures = dict[str, Any]

# The longest time between two shown frames since `reset`, in seconds, the running one included.
WATCH_FRAMES = """(person, LK, key) => {
  const { element } = person.pictures.get(key);
  let last = performance.now(), longest = 0;
  const note = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    element.requestVideoFrameCallback(note);
  };
  element.requestVideoFrameCallback(note);
  person.gapReset = () => { longest = 0; last = performance.now(); };
  person.gap = () => Math.max(longest, performance.now() - last) / 1000;
}"""

CONNECTIONS = """(person) => {
  const { subscriber, publisher } = person.room.engine.pcManager;
  return [publisher, subscriber].filter(Boolean).map((transport) => {
    const pc = transport._pc ?? transport.pc;
    pc.measuredMark ??= Math.random();
    return pc.measuredMark;
  });
}"""

# Frames shown so far of every tile with a picture, by identity.
TILES = """() => Object.fromEntries([...document.querySelectorAll('[data-testid=tile]')].map((tile) => {
  const video = tile.querySelector('video');
  const frames = video === null || video.paused ? 0 : video.getVideoPlaybackQuality().totalVideoFrames;
  return [tile.dataset.identity, frames];
}))"""


class Silences:
    """Longest time between two packets of a received track since ``reset``, in seconds."""

    def __init__(self, track: ReceivedTrack) -> None:
        self._last = monotonic()
        self._longest = 0.0
        track.watch(on_packet=lambda header, packet: self._note())

    def _note(self) -> None:
        now = monotonic()
        self._longest = max(self._longest, now - self._last)
        self._last = now

    def reset(self) -> None:
        """Begin anew."""
        self._longest = 0.0
        self._last = monotonic()

    @property
    def longest(self) -> float:
        """The one that still lasts counts too."""
        return max(self._longest, monotonic() - self._last)


class Pair:
    """Two of our clients that see and hear each other, with the silences of each other's pictures."""

    def __init__(self, first: RoomClient, second: RoomClient) -> None:
        self.first, self.second = first, second
        self.events: list[RoomEvent] = []
        first.listen(self.events.append)

    async def meet(self) -> Pair:
        """Publish, and wait until pictures come both ways."""
        await publish(self.first)
        await publish(self.second)
        self.down = Silences(await people.received(self.first, "second", people.CAMERA))
        self.up = Silences(await people.received(self.second, "first", people.CAMERA))
        for client, other in ((self.first, "second"), (self.second, "first")):
            track = await people.received(client, other, people.CAMERA)
            await client.until(lambda t=track: t.counters.packets > 10, 20)  # type: ignore[misc]
        return self


@contextlib.asynccontextmanager
async def pair(server: RelayServer) -> AsyncIterator[Pair]:
    """Two of our clients in the room."""
    first = await people.join(server, "first")
    async with people.closing(first):
        second = await people.join(server, "second")
        async with people.closing(second):
            yield await Pair(first, second).meet()


async def client_signal_cut(server: RelayServer) -> Figures:
    """Our client's WebSocket is reset: the same participant goes on, and pictures never stop."""
    async with pair(server) as both:
        sid = both.first.local.sid
        track = await people.received(both.first, "second", people.CAMERA)
        both.down.reset(), both.up.reset()
        begun = monotonic()
        both.first.cut_signal()
        await both.first.until(lambda: any(isinstance(event, Resumed) for event in both.events), 20)
        resumed = monotonic() - begun
        await asyncio.sleep(max(0.0, AFTER - resumed))
        same = both.first.local.sid == sid and not track.ended
        return {
            "resumed_seconds": round(resumed, 3),
            "longest_silence_down": round(both.down.longest, 3),
            "longest_silence_up": round(both.up.longest, 3),
            "same_connection": same,
        }


async def client_port_moved(server: RelayServer) -> Figures:
    """Our client sends and receives from other ports at once, without a word."""
    async with pair(server) as both:
        both.down.reset(), both.up.reset()
        both.first.move_port()
        await asyncio.sleep(AFTER)
        calm = not any(isinstance(event, Reconnecting) for event in both.events)
        return {
            "longest_silence_down": round(both.down.longest, 3),
            "longest_silence_up": round(both.up.longest, 3),
            "same_connection": calm,
        }


async def clients_behind_moved_ports(folder: Path) -> Figures:
    """Two of our clients whose ports change on the way, which they cannot notice: as behind a NAT that was
    started anew. The longest silences are over all of :data:`AFTER`, so a picture that the relay takes away
    because of the reported loss counts too."""
    server = RelayServer(folder, node_ip=FRONT)
    with server, DatagramRelay((FRONT, server.udp_port), ("127.0.0.1", server.udp_port)) as line:
        async with pair(server) as both:
            both.down.reset(), both.up.reset()
            moved = line.move_ports()
            await asyncio.sleep(AFTER)
            return {
                "flows_moved": moved,
                "longest_silence_down": round(both.down.longest, 3),
                "longest_silence_up": round(both.up.longest, 3),
                "same_connection": not any(isinstance(event, Reconnecting) for event in both.events),
            }


@contextlib.asynccontextmanager
async def browser_and_client(
    chromium: Chromium, server: RelayServer
) -> AsyncIterator[tuple[BrowserSite, Silences]]:
    """Chromium and our client see each other; the page watches its frames, the client its packets."""
    client = await people.join(server, "client")
    async with people.closing(client):
        await publish(client)
        browser = await people.browser_joins(chromium, server, "browser")
        try:
            await browser.publish_camera("blue")
            await browser.publish_microphone("blue")
            track = await people.received(client, "browser", people.CAMERA)
            await client.until(lambda: track.counters.packets > 10, 20)
            shown = "(person, LK, key) => (person.pictures.get(key)?.frames ?? 0) > 10"
            await browser.value(shown, "client/camera", within=20)
            await browser.do(WATCH_FRAMES, "client/camera")
            yield browser, Silences(track)
        finally:
            await browser.leave()
            await browser.page.close()


async def browser_signal_cut(chromium: Chromium, server: RelayServer) -> Figures:
    """Chromium's WebSocket alone is cut: frames go on over the same peer connections."""
    async with browser_and_client(chromium, server) as (browser, up):
        before = await browser.do(CONNECTIONS)
        await browser.do("(person) => person.gapReset()")
        up.reset()
        begun = monotonic()
        await browser.do("(person) => { person.room.simulateScenario('signal-reconnect'); }")
        await browser.event("reconnected", within=20)
        resumed = monotonic() - begun
        await asyncio.sleep(max(0.0, AFTER - resumed))
        same = await browser.do(CONNECTIONS) == before and not await browser.happened("reconnecting")
        return {
            "resumed_seconds": round(resumed, 3),
            "longest_silence_down": round(await browser.do("(person) => person.gap()"), 3),
            "longest_silence_up": round(up.longest, 3),
            "same_connection": same,
        }


async def browser_port_moved(chromium: Chromium, folder: Path) -> Figures:
    """All clients come to the server from other ports at once, as behind a NAT that was started anew."""
    server = RelayServer(folder, node_ip=FRONT)
    with server, DatagramRelay((FRONT, server.udp_port), ("127.0.0.1", server.udp_port)) as line:
        async with browser_and_client(chromium, server) as (browser, up):
            await browser.do("(person) => person.gapReset()")
            up.reset()
            moved = line.move_ports()
            await asyncio.sleep(AFTER)
            return {
                "flows_moved": moved,
                "longest_silence_down": round(await browser.do("(person) => person.gap()"), 3),
                "longest_silence_up": round(up.longest, 3),
                "same_connection": not await browser.happened("reconnecting"),
            }


async def server_killed(folder: Path, downtimes: list[float]) -> list[Figures]:
    """kill -9 and start again, once for each downtime in seconds: a browser on the product's page and five
    simulated sites come back by themselves. ``folder`` must be there."""
    sites = [
        SimulatedSite(SiteName(f"{number:05d}", f"Xã {number}"), number, SiteOptions(looped=True))
        for number in range(SITES)
    ]
    with Service(folder) as service:

        def token(name: SiteName) -> str:
            return service.token(name.identity, name.title)

        tasks = [asyncio.create_task(site.run(service.media, token)) for site in sites]
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
                context = await browser.new_context(viewport={"width": 1366, "height": 768}, locale="vi-VN")
                page = MeetingPage(service, context, await context.new_page())
                await (await page.open()).join()
                everybody = Everybody(page, sites)
                await everybody.back(monotonic())
                return [await _kill(service, everybody, downtime) for downtime in downtimes]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _kill(service: Service, everybody: Everybody, downtime: float) -> Figures:
    killed = monotonic()
    service.kill()
    await asyncio.sleep(downtime)
    await asyncio.to_thread(service.start)
    listening = monotonic()
    back = await everybody.back(listening)
    return {
        "downtime_asked": downtime,
        "downtime": round(listening - killed, 3),
        "page_sees_all_sites": back["page"],
        "sites_see_all": back["sites"],
        "all_back": max(back.values()),
    }


class Everybody:
    """The person at the page and the sites, and whether all see all."""

    def __init__(self, page: MeetingPage, sites: list[SimulatedSite]) -> None:
        self.page = page
        self.sites = sites

    async def back(self, since: float) -> dict[str, float]:
        """Seconds after ``since`` until the page shows moving pictures of all sites, and each site gets
        the pictures of the page and of all other sites. AssertionError after :data:`PATIENCE`."""
        page, sites = await asyncio.gather(self._page_sees(since), self._sites_see(since))
        return {"page": round(page, 3), "sites": round(sites, 3)}

    async def _page_sees(self, since: float) -> float:
        wanted = {site.name.identity for site in self.sites}
        seen: dict[str, list[int]] = {}

        async def all_move() -> bool:
            for identity, frames in (await self.page.page.evaluate(TILES)).items():
                seen.setdefault(identity, []).append(int(frames))
            return all(
                any(0 < before < after for before, after in itertools.pairwise(seen.get(identity, [])))
                for identity in wanted
            )

        await until(all_move, lambda: f"the page sees {wanted}: {seen}", within=PATIENCE, every=0.1)
        return monotonic() - since

    async def _sites_see(self, since: float) -> float:
        person = await self.page.identity()

        def missing() -> list[tuple[str, str]]:
            names = [person, *(site.name.identity for site in self.sites)]
            return [
                (site.name.identity, other)
                for site in self.sites
                for other in names
                if other != site.name.identity
                and not any(
                    track.counters.last_packet_at > since and track.counters.packets > 2
                    for track in site.client.received_from(other, people.CAMERA)
                )
            ]

        await until(lambda: not missing(), lambda: f"not seen: {missing()}", within=PATIENCE, every=0.1)
        return monotonic() - since
