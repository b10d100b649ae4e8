"""Clients of our own relay for tests: a seat is a client with the events it saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from client_relay import TestRelay, token
from livekit.protocol import models

from signaling.client.events import (
    RoomEvent,
)
from signaling.client.picture import PictureSpec, site_colour
from signaling.client.retry import Backoff
from signaling.client.room import RoomClient
from signaling.client.sources import Layer
from signaling.client.subscribing import ReceivedTrack
from signaling.client.synthetic import SyntheticCamera, SyntheticMicrophone
from signaling.client.tone import ToneSpec

CAMERA, MICROPHONE = models.TrackSource.CAMERA, models.TrackSource.MICROPHONE
SMALL = (Layer("q", 160, 90, 60_000), Layer("h", 320, 180, 150_000))
QUICK = Backoff(first=0.1, factor=1.3, cap=0.5)


class Seat:
    """A client with the events it saw."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.client = RoomClient(backoff=QUICK)
        self.events: list[RoomEvent] = []
        self.client.listen(self.events.append)

    def saw(self, kind: type[RoomEvent]) -> list[RoomEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    async def join(self, relay: TestRelay, **options: object) -> Seat:
        await self.client.connect(relay.url, lambda: token(self.identity), **options)  # type: ignore[arg-type]
        return self

    async def track(self, identity: str, source: models.TrackSource) -> ReceivedTrack:
        """The received track of a participant, once it is there."""
        await self.client.until(lambda: bool(self.client.received_from(identity, source)))
        return self.client.received_from(identity, source)[0]


def camera(index: int = 0) -> SyntheticCamera:
    return SyntheticCamera(PictureSpec(site_colour(index), (f"Xã {index}",)), layers=SMALL, fps=15)


def tone(frequency: int) -> SyntheticMicrophone:
    return SyntheticMicrophone(ToneSpec(frequency, amplitude=0.2, silence=0.0))


async def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    """Poll a condition; TimeoutError when it never holds."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(0.02)


async def moving(track: ReceivedTrack, packets: int = 8, timeout: float = 10.0) -> None:
    """Wait until so many more packets came."""
    before = track.counters.packets
    await until(lambda: track.counters.packets >= before + packets, timeout)
