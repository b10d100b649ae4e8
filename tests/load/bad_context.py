"""What the attacks of the bad-input show share: the target, the scale, the seeds, and what was wrong."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from conformance.processes import KEY, SECRET
from livekit import api

from load.bad_wire import Door
from load.load_server import RelayServer

MEETING = "meeting"
"""The room of the meeting that goes on; attackers with a token are in it too."""

TEN_THOUSAND = 10_000


@dataclass
class Context:
    """One run. ``share`` 1.0 is the full show; a test takes a small part of it."""

    server: RelayServer
    share: float = 1.0
    rng: random.Random = field(default_factory=lambda: random.Random(3))
    problems: list[str] = field(default_factory=list)

    @property
    def door(self) -> Door:
        """The server's TCP side."""
        return Door(self.server.port)

    @property
    def media(self) -> tuple[str, int]:
        """The server's UDP side."""
        return "127.0.0.1", self.server.udp_port

    def count(self, full: int = TEN_THOUSAND, *, least: int = 20) -> int:
        """How often, in this run, what the full show does ``full`` times."""
        return max(min(full, least), round(full * self.share))

    def expect(self, holds: bool, problem: str) -> None:
        """Note a problem if it does not hold."""
        if not holds:
            self.problems.append(problem)

    def expect_only(self, what: str, seen: Counter[Any], allowed: Iterable[Any]) -> dict[str, int]:
        """Note what was seen beside the allowed; gives the counts for the figures."""
        strange = {key: number for key, number in seen.items() if key not in set(allowed)}
        self.expect(not strange, f"{what}: {strange}")
        return {str(key): number for key, number in sorted(seen.items(), key=str)}

    def token(self, identity: str, room: str = MEETING) -> str:
        """A legitimate way into a room."""
        grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True)
        return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


class Pace:
    """Holds a loop to so many turns a second, so that an attack lasts instead of being one burst."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._due = time.monotonic()

    async def turn(self) -> None:
        """Wait until the next turn is due."""
        self._due += self._interval
        ahead = self._due - time.monotonic()
        if ahead > 0.002:
            await asyncio.sleep(ahead)
        elif ahead < -0.5:
            self._due = time.monotonic()
            await asyncio.sleep(0)


async def eventually(condition: Callable[[], bool], within: float) -> bool:
    """Whether the condition comes true in time; it is asked four times a second."""
    deadline = time.monotonic() + within
    while True:
        if await asyncio.to_thread(condition):
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.25)
