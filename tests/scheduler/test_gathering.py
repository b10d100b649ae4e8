"""Often asked for, run as often as needed: one at a time, and one more for all who asked meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from scheduler.gathering import Gathered


async def test_who_asks_during_a_run_shares_the_next_one() -> None:
    begun, gate = [0], asyncio.Event()

    async def work() -> None:
        begun[0] += 1
        await gate.wait()

    gathered = Gathered(work)
    first = asyncio.create_task(gathered.run())
    await asyncio.sleep(0)
    others = [asyncio.create_task(gathered.run()) for _ in range(50)]
    await asyncio.sleep(0)
    assert (begun[0], any(task.done() for task in others)) == (1, False)
    gate.set()
    await asyncio.gather(first, *others)
    assert begun[0] == 2
    assert gathered.idle


async def test_a_later_call_runs_anew() -> None:
    begun = [0]

    async def work() -> None:
        begun[0] += 1

    gathered = Gathered(work)
    await gathered.run()
    await gathered.run()
    assert begun[0] == 2


async def test_a_failure_reaches_those_who_waited_and_ends_nothing() -> None:
    begun, gate = [0], asyncio.Event()

    async def work() -> None:
        begun[0] += 1
        await gate.wait()
        if begun[0] < 3:
            raise RuntimeError(str(begun[0]))

    gathered = Gathered(work)
    tasks = [asyncio.create_task(gathered.run()) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(error) for error in found] == ["1", "2", "2"]
    await gathered.run()
    assert begun[0] == 3


async def test_one_who_is_cancelled_takes_nothing_from_the_others() -> None:
    begun, gate = [0], asyncio.Event()

    async def work() -> None:
        begun[0] += 1
        await gate.wait()

    gathered = Gathered(work)
    tasks = [asyncio.create_task(gathered.run()) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    gate.set()
    await asyncio.gather(tasks[0], tasks[2], tasks[3])
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert begun[0] == 2
