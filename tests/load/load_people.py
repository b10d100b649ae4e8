"""Participants of the measurements: our own client with its sources, and livekit-client in Chromium."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from conformance.clients.browser import BrowserSite, Chromium
from conformance.clients.page_server import client_folder
from livekit.protocol import models

from load.load_server import RelayServer
from signaling.client.retry import Backoff
from signaling.client.room import RoomClient
from signaling.client.subscribing import ReceivedTrack

CAMERA, MICROPHONE = models.TrackSource.CAMERA, models.TrackSource.MICROPHONE
ROOM = "measured"

# The numbers of one received track, from the browser's own statistics.
STATS = """async (person, LK, key) => {
  const watcher = person.pictures.get(key) ?? person.sounds.get(key);
  if (watcher === undefined) return null;
  const parts = [...(await watcher.track.getRTCStatsReport()).values()];
  const found = parts.find((part) => part.type === "inbound-rtp");
  if (found === undefined) return null;
  return Object.fromEntries(Object.entries(found).filter(([, value]) => typeof value === "number"));
}"""


async def join(server: RelayServer, identity: str, *, room: str = ROOM, **options: Any) -> RoomClient:
    """Our client, connected; options go to ``RoomClient.connect``."""
    client = RoomClient(backoff=Backoff(first=0.2, factor=1.3, cap=1.0))
    await client.connect(server.url, lambda: server.token(room, identity), **options)
    return client


async def received(client: RoomClient, identity: str, source: models.TrackSource) -> ReceivedTrack:
    """The track of a participant, once its subscription is there."""
    await client.until(lambda: bool(client.received_from(identity, source)), 20)
    return client.received_from(identity, source)[0]


@contextlib.asynccontextmanager
async def closing(*clients: RoomClient) -> AsyncIterator[None]:
    """Close our clients at the end, whatever happened."""
    try:
        yield
    finally:
        for client in clients:
            await client.close()


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Chromium]:
    """One Chromium with the conformance suite's page and the pinned livekit-client."""
    running = await Chromium(client_folder(newest=False)).start()
    try:
        yield running
    finally:
        await running.close()


async def browser_joins(
    chromium: Chromium, server: RelayServer, identity: str, console: list[str] | None = None
) -> BrowserSite:
    """A participant in a page of its own."""
    page = await chromium.page(console if console is not None else [])
    site = BrowserSite(page, identity)
    token = server.token(ROOM, identity)
    return await site.join(server.websocket_url, token, room={}, encryption=None)


async def stats(site: BrowserSite, identity: str, source: str) -> dict[str, float] | None:
    """The browser's ``inbound-rtp`` numbers of one received track; None while there is none."""
    found = await site.do(STATS, f"{identity}/{source}")
    return None if found is None else dict(found)
