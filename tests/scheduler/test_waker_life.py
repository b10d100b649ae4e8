"""FC-c11 as a whole: the alarm, a meeting in the database, and a wall clock that steps."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta

from people_in_rooms import PeopleInRooms
from small_city import NOW
from sqlalchemy import select

from directory.database import Database
from directory.model import AuditEntry
from scheduler import booking
from scheduler.booking import Plan
from scheduler.life import MeetingLife
from scheduler.states import Rules
from scheduler.waker import Waker

MINUTE = timedelta(minutes=1)
START = NOW + 3 * MINUTE
BEAT = 0.03


@dataclass
class Clock:
    """A wall clock that is set; the monotonic one goes on."""

    shift: float

    def wall(self) -> float:
        return time.time() + self.shift

    def set(self, minutes: float) -> None:
        """So many minutes from the time at which the meeting was booked."""
        self.shift = (NOW + minutes * MINUTE).timestamp() - time.time()


async def beats(waker: Waker, count: int) -> None:
    """Wait for so many rings."""
    wanted, deadline = waker.rings + count, time.monotonic() + 20
    while waker.rings < wanted:
        assert time.monotonic() < deadline, "it rings no more"
        await asyncio.sleep(BEAT / 3)


async def test_fc_c11_a_meeting_opens_and_closes_once_however_the_clock_steps(database: Database) -> None:
    plan = Plan(
        "Giao ban", "briefing", 1, 2, START, START + 60 * MINUTE, "Asia/Ho_Chi_Minh", "", frozenset({1})
    )
    async with database.write() as session:
        made = await booking.create(session, plan, by="person:2", now=NOW)
        await booking.publish(session, made.id, version=1, by="person:2", now=NOW)
    rules = Rules(close_after=15 * MINUTE, least_left=5 * MINUTE)
    life = MeetingLife(database, PeopleInRooms(), rules)
    clock = Clock(0.0)
    clock.set(0)
    waker = Waker(life.wake, wall=clock.wall, monotonic=time.monotonic, beat=BEAT)

    async def done() -> list[str]:
        async with database.read() as session:
            lines = await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
            return [action.partition(".")[2] for action in lines]

    await waker.start()
    day, years = 24 * 60, 74 * 365 * 24 * 60
    for minutes, then in [
        (-2, []),
        (-day, []),
        (2.9, []),
        (3.1, ["open"]),
        (1, ["open"]),
        (-day, ["open"]),
        (30, ["open"]),
        (120, ["open", "close"]),
        (3.1, ["open", "close"]),
        (years, ["open", "close"]),
        (30, ["open", "close"]),
    ]:
        clock.set(minutes)
        # The first ring may have read the clock before it was set.
        await beats(waker, 3)
        assert await done() == ["create", "publish", *then], minutes
    await waker.stop()
    assert waker.failures == 0


CHILD = """
import asyncio, sys, time
from datetime import timedelta
from scheduler.waker import Waker

async def work(now):
    print(time.monotonic(), flush=True)
    return now + timedelta(seconds=0.1)

async def main():
    waker = Waker(work, wall=time.time, monotonic=time.monotonic, beat=0.1)
    await waker.start()
    await asyncio.to_thread(sys.stdin.read)
    await waker.stop()

asyncio.run(main())
"""


def test_fc_c11_a_process_that_was_stopped_goes_on_without_a_burst() -> None:
    """SIGSTOP for longer than many beats; the first rings after it are the next ones, not all missed ones."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        for _ in range(3):
            assert float(child.stdout.readline())
        child.send_signal(signal.SIGSTOP)
        time.sleep(2.0)
        resumed = time.monotonic()
        child.send_signal(signal.SIGCONT)
        rings: list[float] = []
        while len(rings) < 8:
            at = float(child.stdout.readline())
            if at >= resumed:
                rings.append(at)
        # An alarm and a pulse of a tenth of a second each: eight rings need three tenths at the least.
        assert rings[-1] - rings[0] > 0.25
        child.stdin.close()
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
