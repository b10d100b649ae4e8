"""Polling with one scalable unit of time; nothing in this suite sleeps to prove something.

Every deadline is written in units. A unit is one second, times `CONFORMANCE_TIME_SCALE` for slow machines.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

SCALE = float(os.environ.get("CONFORMANCE_TIME_SCALE", "1"))


def units(count: float) -> float:
    """Seconds in `count` units of patience."""
    return count * SCALE


async def until(
    condition: Callable[[], Any | Awaitable[Any]],
    what: str | Callable[[], str],
    *,
    within: float = 10.0,
    every: float = 0.03,
) -> Any:
    """Return the first truthy value of `condition`, polled until `within` units have passed.

    `condition` may be a coroutine function. On failure an AssertionError says `what` was awaited; a callable
    `what` is evaluated then, to show the last state.
    """
    deadline = time.monotonic() + units(within)
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {units(within):g} s: {text}")
        await asyncio.sleep(every)


async def holds(
    condition: Callable[[], Any | Awaitable[Any]],
    what: str | Callable[[], str],
    *,
    during: float,
    every: float = 0.05,
) -> None:
    """Assert that `condition` is true at every poll during so many *seconds*: for "nothing happens" cases.

    Use it only where the opposite, if it came, would come within that time; the time is not scaled.
    """
    end = time.monotonic() + during
    while time.monotonic() < end:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if not value:
            raise AssertionError(what() if callable(what) else what)
        await asyncio.sleep(every)
