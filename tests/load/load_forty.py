"""One part of the load of forty: a process of publishers, or of watchers, that obeys lines on its input.

``ready`` is printed once all are in (and, for watchers, everything that they asked for flows); each line
``report`` is answered by one line of JSON with totals; the end of the input ends the process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from conformance.processes import KEY, SECRET
from livekit import api
from livekit.protocol import models

from media.clock import monotonic
from signaling.client.looped import LoopedCamera, LoopedMicrophone, LoopSpec
from signaling.client.picture import PictureSpec, site_colour
from signaling.client.room import RoomClient
from signaling.client.sources import Layer
from signaling.client.tone import ToneSpec, site_frequency

ROOM = "forty"
WATCHED = 9
HEARD = 3
LAYERS = (Layer("q", 320, 180, 120_000), Layer("h", 640, 360, 400_000))
FPS = 15
AT_ONCE = 4
SETTLE = 120.0


def publisher(number: int) -> str:
    """Identity of a publisher."""
    return f"site-{number:02d}"


def token(identity: str) -> str:
    """A token for the room."""
    grants = api.VideoGrants(room_join=True, room=ROOM)
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


async def publish(url: str, number: int) -> RoomClient:
    """A site with a camera of two layers and a steady tone, played from a recording."""
    client = RoomClient()
    await client.connect(url, lambda: token(publisher(number)), auto_subscribe=False)
    picture = PictureSpec(site_colour(number), (f"Điểm {number}",))
    await client.publish(LoopedCamera(LoopSpec(picture, LAYERS, FPS, noise=0.1)))
    await client.publish(LoopedMicrophone(ToneSpec(site_frequency(number), silence=0.0)))
    return client


class Watcher:
    """Watches nine at the lowest layer and hears three of them."""

    def __init__(self, number: int, publishers: int) -> None:
        self.identity = f"watcher-{number:02d}"
        self.client = RoomClient()
        self.sites = [publisher((number + step) % publishers) for step in range(WATCHED)]

    async def join(self, url: str) -> None:
        """Join, ask for what is wanted, and wait until all of it flows."""
        client = self.client
        await client.connect(url, lambda: token(self.identity), auto_subscribe=False)
        for index, site in enumerate(self.sites):
            camera = await self._sid(site, models.TrackSource.CAMERA)
            client.subscribe(camera)
            client.track_settings(camera, quality=models.VideoQuality.LOW)
            if index < HEARD:
                client.subscribe(await self._sid(site, models.TrackSource.MICROPHONE))
        await client.until(lambda: len(self.packets()) == WATCHED + HEARD and min(self.packets()) > 0, SETTLE)

    async def _sid(self, site: str, source: models.TrackSource) -> str:
        def found() -> str:
            owners = [p for p in self.client.participants.values() if p.identity == site]
            return next((t.sid for p in owners for t in p.tracks.values() if t.source == source), "")

        await self.client.until(lambda: bool(found()), SETTLE)
        return found()

    def packets(self) -> list[int]:
        """Packets of each received track so far, cameras and sound, in the order of their sids."""
        return [track.counters.packets for _, track in sorted(self.client.received.items())]

    def totals(self) -> list[dict[str, Any]]:
        """Everything counted of each received track."""
        now = monotonic()
        return [
            {
                "sid": sid,
                "kind": track.kind.value,
                "packets": track.counters.packets,
                "missing": track.counters.missing,
                "nacked": track.counters.nacked,
                "recovered": track.counters.recovered,
                "largest_silence": round(track.counters.largest_silence, 3),
                "since_last": round(now - track.counters.last_packet_at, 3),
            }
            for sid, track in sorted(self.client.received.items())
        ]


async def main(role: str, url: str, first: int, count: int, publishers: int) -> None:
    """Run one process of clients."""
    gate = asyncio.Semaphore(AT_ONCE)
    watchers = [Watcher(first + index, publishers) for index in range(count)]
    clients: list[RoomClient] = []

    async def one(index: int) -> None:
        async with gate:
            if role == "publish":
                clients.append(await publish(url, first + index))
            else:
                await watchers[index].join(url)
                clients.append(watchers[index].client)

    await asyncio.gather(*(one(index) for index in range(count)))
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip() == "report":
            times = psutil.Process().cpu_times()
            answer: dict[str, Any] = {"cpu_seconds": times.user + times.system, "at": monotonic()}
            if role == "watch":
                answer["watchers"] = {watcher.identity: watcher.totals() for watcher in watchers}
            print(json.dumps(answer), flush=True)
    await asyncio.gather(*(client.close() for client in clients))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("publish", "watch"))
    parser.add_argument("url")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--publishers", type=int, required=True)
    given = parser.parse_args()
    asyncio.run(main(given.role, given.url, given.first, given.count, given.publishers))
