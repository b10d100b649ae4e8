"""The alarm clock: it rings at the asked moment and at each beat, survives failing work and set clocks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.errors import UnavailableError
from scheduler.waker import JUMP, ClockWatch, Waker


async def reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - conditions here have no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("steps", "reported"),
    [
        ([(0, 0), (10, 10), (20, 20)], [0, 0, 0]),
        ([(0, 0), (10, 10), (-100, 20)], [0, 0, -120]),
        ([(0, 0), (7_210, 10), (7_220, 20)], [0, 7_200, 0]),
        ([(0, 0), (13, 10), (26, 20)], [0, 0, 0]),
        ([(0, 0), (2e9, 10), (20, 20)], [0, 2e9 - 10, -2e9 + 10]),
    ],
)
def test_fc_c11_each_step_of_the_clock_is_reported_once(
    steps: list[tuple[float, float]], reported: list[float]
) -> None:
    watch = ClockWatch()
    assert [watch.step(wall, monotonic) for wall, monotonic in steps] == reported
    assert watch.jumps == sum(step != 0 for step in reported)


@given(st.lists(st.floats(0, JUMP / 2), max_size=50))
def test_a_clock_that_is_slewed_is_not_reported(drifts: list[float]) -> None:
    watch = ClockWatch()
    wall = monotonic = 0.0
    for drift in drifts:
        wall, monotonic = wall + 10 + drift, monotonic + 10
        assert watch.step(wall, monotonic) == 0.0


async def test_it_rings_at_once_and_at_the_moment_that_was_asked() -> None:
    rung: list[datetime] = []

    async def work(now: datetime) -> datetime | None:
        rung.append(now)
        return now + timedelta(seconds=0.3) if len(rung) == 1 else None

    waker = Waker(work, wall=time.time, monotonic=time.monotonic, beat=60.0)
    await waker.start()
    await reached(lambda: len(rung) == 2)
    await waker.stop()
    assert rung[1] - rung[0] >= timedelta(seconds=0.3)
    assert rung[0].tzinfo is UTC


async def test_fc_c11_set_back_by_a_day_it_still_rings() -> None:
    """The alarm for a moment of yesterday's clock never comes; the pulse does."""
    shift = [0.0]
    rung: list[datetime] = []

    async def work(now: datetime) -> datetime | None:
        rung.append(now)
        shift[0] = -86_400.0 if len(rung) > 1 else 0.0
        return now + timedelta(seconds=0.04)

    waker = Waker(work, wall=lambda: time.time() + shift[0], monotonic=time.monotonic, beat=0.05)
    await waker.start()
    await reached(lambda: len(rung) > 5)
    await waker.stop()
    assert waker.jumps == 1
    assert rung[-1] < rung[0]


async def test_fc_c11_seventy_four_years_ahead_and_back_bring_no_burst() -> None:
    shift = [0.0]
    rung = [0]

    async def work(now: datetime) -> datetime | None:
        rung[0] += 1
        return None

    waker = Waker(work, wall=lambda: time.time() + shift[0], monotonic=time.monotonic, beat=0.05)
    await waker.start()
    await reached(lambda: rung[0] >= 2)
    shift[0] = 74 * 365 * 86_400.0
    begun, before = time.monotonic(), rung[0]
    await reached(lambda: rung[0] >= before + 4)
    shift[0] = 0.0
    await reached(lambda: waker.jumps == 2)
    assert rung[0] - before <= (time.monotonic() - begun) / 0.05 + 2
    await waker.stop()


async def test_failing_work_is_tried_again() -> None:
    rung = [0]

    async def work(now: datetime) -> datetime | None:
        rung[0] += 1
        if rung[0] < 3:
            raise RuntimeError("the database is away")
        return None

    waker = Waker(work, wall=time.time, monotonic=time.monotonic, beat=0.02)
    await waker.start()
    await reached(lambda: rung[0] >= 4)
    await waker.stop()
    assert waker.failures == 2


@pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), UnavailableError("starting")])
async def test_failing_work_does_not_wait_for_the_next_beat(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("scheduler.waker.AGAIN", 0.01)
    rung = [0]

    async def work(now: datetime) -> datetime | None:
        rung[0] += 1
        if rung[0] == 1:
            raise error
        return None

    waker = Waker(work, wall=time.time, monotonic=time.monotonic, beat=3600.0)
    await waker.start()
    await reached(lambda: rung[0] == 2)
    await waker.stop()


async def test_many_rings_at_once_are_two() -> None:
    """What rings during the work is answered by one more run, since the work may have looked already."""
    begun, gate = [0], asyncio.Event()

    async def work(now: datetime) -> datetime | None:
        begun[0] += 1
        await gate.wait()
        return None

    waker = Waker(work, wall=time.time, monotonic=time.monotonic)
    rings = [asyncio.create_task(waker.ring()) for _ in range(20)]
    await reached(lambda: begun[0] == 1)
    gate.set()
    await asyncio.gather(*rings)
    assert begun[0] == 2


async def test_nothing_rings_after_the_stop() -> None:
    rung = [0]

    async def work(now: datetime) -> datetime | None:
        rung[0] += 1
        return now + timedelta(seconds=0.05)

    waker = Waker(work, wall=time.time, monotonic=time.monotonic, beat=0.1)
    await waker.start()
    await reached(lambda: rung[0] >= 2)
    await waker.stop()
    after = rung[0]
    await asyncio.sleep(0.3)
    assert rung[0] == after
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "scheduler pulse"]
