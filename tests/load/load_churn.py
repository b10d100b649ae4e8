"""Joins and leaves with media, one after another, while a resident stays: what the relay keeps of them."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field
from typing import Any

from conformance.waiting import until

from load import load_people as people
from load.load_server import RelayServer
from signaling.client.looped import LoopedCamera, LoopedMicrophone, LoopSpec
from signaling.client.picture import PictureSpec
from signaling.client.room import RoomClient
from signaling.client.sources import Layer
from signaling.client.tone import ToneSpec

RESIDENT = "resident"
ENOUGH = 5
"""Packets of each track, each way, that make a visit one with media."""
VISIT_SECONDS = 20.0
LOOP = LoopSpec(PictureSpec((40, 120, 60), ("Vào ra",)), (Layer("q", 160, 90, 60_000),), fps=10)
TONE = ToneSpec(440, silence=0.0)
GAUGES = ("diemcau_participants", "diemcau_transports", "diemcau_sources", "diemcau_subscriptions")


async def publish(client: RoomClient) -> None:
    """A camera and a microphone that cost no encoder."""
    await client.publish(LoopedCamera(LOOP))
    await client.publish(LoopedMicrophone(TONE))


@dataclass
class Visits:
    """What happened to the visitors: seconds each took, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Churn:
    """One relay, one resident, and any number of visitors."""

    def __init__(self, server: RelayServer) -> None:
        self.server = server
        self._resident: RoomClient | None = None
        self._number = 0

    async def __aenter__(self) -> Churn:
        self._resident = await people.join(self.server, RESIDENT)
        await publish(self._resident)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._resident is not None:
            await self._resident.close()

    async def visits(self, count: int, gap: float) -> Visits:
        """So many visitors, one each ``gap`` seconds, several at once if a visit lasts longer."""
        result = Visits()
        tasks = []
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for index in range(count):
            await asyncio.sleep(max(0.0, begun + index * gap - loop.time()))
            self._number += 1
            tasks.append(asyncio.create_task(self._visit(f"visitor-{self._number}", result)))
        await asyncio.gather(*tasks)
        return result

    async def _visit(self, identity: str, result: Visits) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        client = None
        try:
            async with asyncio.timeout(VISIT_SECONDS):
                client = await people.join(self.server, identity)
                await publish(client)
                resident = self._resident
                assert resident is not None, "visits come while the resident is in"
                await client.until(lambda: flows(client, RESIDENT), VISIT_SECONDS)
                await resident.until(lambda: flows(resident, identity), VISIT_SECONDS)
        except Exception as error:
            result.errors.append(f"{identity}: {type(error).__name__} {error}")
        finally:
            if client is not None:
                await client.close()
        result.seconds.append(loop.time() - begun)

    async def settled(self) -> dict[str, float]:
        """The relay's numbers once only the resident is left."""

        async def alone() -> dict[str, float] | None:
            numbers = await asyncio.to_thread(self.server.metrics)
            return (
                numbers
                if numbers["diemcau_participants"] == 1 and numbers["diemcau_transports"] == 2
                else None
            )

        numbers = await until(alone, "the relay forgets the visitors", within=20, every=0.5)
        gc.collect()
        process = self.server.process()
        memory = process.memory_full_info()
        return {
            "rss_bytes": float(memory.rss),
            "uss_bytes": float(memory.uss),
            "open_fds": float(process.num_fds()),
            "threads": float(process.num_threads()),
            **{name.removeprefix("diemcau_"): numbers.get(name, 0.0) for name in GAUGES},
            "loop_lag_worst_seconds": numbers.get("diemcau_loop_lag_worst_seconds", 0.0),
        }


def flows(client: RoomClient | None, identity: str) -> bool:
    """Whether picture and sound of a participant have come."""
    if client is None:
        return False
    tracks: list[Any] = []
    for source in (people.CAMERA, people.MICROPHONE):
        tracks += client.received_from(identity, source)[:1]
    return len(tracks) == 2 and all(track.counters.packets >= ENOUGH for track in tracks)
