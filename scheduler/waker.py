"""APScheduler, as an alarm clock: it wakes a function that finds out for itself what is due.

The alarm holds no truth. It rings at least every :data:`BEAT` seconds and at
the moment that the last waking asked for; whether anything is done then is
decided by the woken function, which claims work in the database. So a ring too
many is harmless, and a ring too few costs one beat.

APScheduler sleeps until a moment of the wall clock (apscheduler#351: set back
by a day, it sleeps a day more). Hence a pulse on the monotonic clock, which
rings by itself and notices when the two clocks part.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from directory.errors import UnavailableError

BEAT: Final = 10.0
"""Seconds between two rings when nothing is due sooner."""
AGAIN: Final = 1.0
"""Seconds until work that failed is tried again, unless the next beat comes first."""
JUMP: Final = 5.0
"""Seconds by which the clocks must part to be reported."""
PATIENCE: Final = 15.0
"""Seconds that the end waits for work in progress."""
_JOB: Final = "due"

_log = structlog.get_logger(__name__)

Work = Callable[[datetime], Awaitable[datetime | None]]
"""Does what is due at a moment, and says when it wants to be woken next (None: at the next beat)."""


class ClockWatch:
    """Tells a step of the wall clock from the passing of time, each step once. Pure."""

    __slots__ = ("_offset", "jumps")

    def __init__(self) -> None:
        self._offset: float | None = None
        self.jumps = 0

    def step(self, wall: float, monotonic: float) -> float:
        """Seconds by which the wall clock was set since the last call; 0 for less than :data:`JUMP`."""
        offset = wall - monotonic
        before, self._offset = self._offset, offset
        if before is None:
            return 0.0
        if abs(offset - before) <= JUMP:
            # Small differences (a clock that is slewed) add up to nothing to report.
            return 0.0
        self.jumps += 1
        return offset - before


class Waker:
    """Rings for one function. ``start`` in a running loop; ``stop`` waits for work in progress."""

    def __init__(
        self, work: Work, *, wall: Callable[[], float], monotonic: Callable[[], float], beat: float = BEAT
    ) -> None:
        self._work = work
        self._wall = wall
        self._monotonic = monotonic
        self._beat = beat
        self._watch = ClockWatch()
        self._running = asyncio.Lock()
        self._another = False
        """Whether somebody waits to run once more after the work that is under way."""
        self._pulse: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._alarm = AsyncIOScheduler(
            timezone=UTC,
            # By default a ring that is a second late is dropped with a line in the log.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self.rings = 0
        self.failures = 0
        self.last_ring = 0.0
        """On the monotonic clock, for ``/metrics``: a heartbeat."""

    @property
    def jumps(self) -> int:
        """How often the wall clock was set."""
        return self._watch.jumps

    async def start(self) -> None:
        """Ring once, and from then on."""
        self._alarm.start()
        self._pulse = asyncio.create_task(self._beats(), name="scheduler pulse")

    async def stop(self) -> None:
        """No ring after this."""
        if self._pulse is None:
            return
        self._stopping.set()
        self._alarm.shutdown(wait=False)
        try:
            # Work that is cut off in the middle of a transaction would leave a connection behind.
            async with asyncio.timeout(PATIENCE):
                await self._pulse
                async with self._running:
                    self._pulse = None
        except TimeoutError:
            _log.warning("work_cut_off")

    async def _beats(self) -> None:
        while not self._stopping.is_set():
            step = self._watch.step(self._wall(), self._monotonic())
            if step:
                _log.warning("clock_was_set", seconds=round(step, 1))
            await self.ring()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._beat):
                    await self._stopping.wait()

    async def ring(self) -> None:
        """Do what is due. Rings during the work are answered by the work that is under way, and one more."""
        if self._stopping.is_set():
            return
        if self._running.locked():
            if self._another:
                return
            self._another = True
        async with self._running:
            self._another = False
            self.rings += 1
            self.last_ring = self._monotonic()
            now = datetime.fromtimestamp(self._wall(), UTC)
            try:
                wanted = await self._work(now)
            except UnavailableError as error:
                # A database that starts again is there in a moment.
                self.failures += 1
                _log.warning("due_work_waits", error=str(error))
                wanted = now + timedelta(seconds=AGAIN)
            except Exception:
                # No fault must end the service.
                self.failures += 1
                _log.exception("due_work_failed")
                wanted = now + timedelta(seconds=AGAIN)
            self._set(now, wanted)

    def _set(self, now: datetime, wanted: datetime | None) -> None:
        """Have the alarm ring at ``wanted``, if that is before the next beat; it has one alarm at a time."""
        if wanted is None or not self._alarm.running or wanted > now + timedelta(seconds=self._beat):
            return
        at = max(wanted, now)
        self._alarm.add_job(self.ring, DateTrigger(at, UTC), id=_JOB, replace_existing=True)
