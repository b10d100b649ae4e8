"""The meeting that must not notice anything: two of our clients, in a process of their own.

``python -m load.bad_meeting URL ROOM``: prints ``ready`` once both see and hear each other, and when its
input ends, one line of JSON: frames and the longest gap of every track, and what happened to the clients.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from conformance.processes import KEY, SECRET
from livekit import api
from livekit.protocol import models

from signaling.client.assembly import ReceivedFrame
from signaling.client.events import Disconnected, Reconnecting, RoomEvent
from signaling.client.looped import LoopedCamera, LoopedMicrophone, LoopSpec
from signaling.client.picture import PictureSpec, site_colour
from signaling.client.room import RoomClient
from signaling.client.sources import Layer
from signaling.client.tone import ToneSpec

NOTABLE = 0.4
"""Seconds: gaps from here on are listed with their time."""

LAYERS = (Layer("q", 160, 90, 60_000), Layer("h", 320, 180, 150_000))


class Gaps:
    """When the frames of one track came."""

    def __init__(self) -> None:
        self.frames = 0
        self.longest = 0.0
        self.notable: list[tuple[float, float]] = []
        self._last = 0.0

    def frame(self, _frame: ReceivedFrame) -> None:
        """One more."""
        now = time.monotonic()
        self.frames += 1
        if self._last:
            self._gap(now - self._last)
        self._last = now

    def _gap(self, gap: float) -> None:
        self.longest = max(self.longest, gap)
        if gap >= NOTABLE:
            self.notable.append((round(time.time(), 2), round(gap, 3)))

    def end(self) -> dict[str, Any]:
        """The figures; the time since the last frame counts as a gap too."""
        self._gap(time.monotonic() - self._last)
        return {"frames": self.frames, "longest_gap": round(self.longest, 3), "gaps": self.notable[:50]}


class Member:
    """One participant with what it saw."""

    def __init__(self, identity: str, colour: int) -> None:
        self.identity = identity
        self.client = RoomClient()
        self.troubles: list[str] = []
        self.tracks: dict[str, Gaps] = {}
        self._colour = colour
        self.client.listen(self._event)

    def _event(self, event: RoomEvent) -> None:
        if isinstance(event, Reconnecting | Disconnected):
            self.troubles.append(f"{type(event).__name__} at {time.time():.1f}")

    async def join(self, url: str, room: str) -> None:
        """Join, and publish a picture with two layers and a tone."""

        def token() -> str:
            grants = api.VideoGrants(room_join=True, room=room)
            return api.AccessToken(KEY, SECRET).with_identity(self.identity).with_grants(grants).to_jwt()

        await self.client.connect(url, token)
        picture = PictureSpec(site_colour(self._colour), (self.identity,))
        await self.client.publish(LoopedCamera(LoopSpec(picture, layers=LAYERS)))
        await self.client.publish(LoopedMicrophone(ToneSpec(400 + 200 * self._colour, silence=0.0)))

    async def watch(self, other: str) -> None:
        """Note each frame of the other's picture and sound."""
        for source in (models.TrackSource.CAMERA, models.TrackSource.MICROPHONE):
            await self.client.until(lambda s=source: bool(self.client.received_from(other, s)))  # type: ignore[misc]
            gaps = Gaps()
            self.client.received_from(other, source)[0].watch(on_frame=gaps.frame)
            self.tracks[models.TrackSource.Name(source).lower()] = gaps
        await self.client.until(lambda: all(gaps.frames > 10 for gaps in self.tracks.values()))


async def main(url: str, room: str) -> None:
    """See the module."""
    members = Member("a", 0), Member("b", 1)
    for member in members:
        await member.join(url, room)
    await members[0].watch("b")
    await members[1].watch("a")
    print("ready", flush=True)
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    own_lag = 0.0
    while not over.done():
        before = time.monotonic()
        await asyncio.sleep(0.05)
        own_lag = max(own_lag, time.monotonic() - before - 0.05)
    figures: dict[str, Any] = {
        member.identity: {
            "tracks": {name: gaps.end() for name, gaps in member.tracks.items()},
            "troubles": member.troubles,
        }
        for member in members
    }
    figures["own_loop_lag"] = round(own_lag, 3)
    print(json.dumps(figures), flush=True)
    for member in members:
        await member.client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
