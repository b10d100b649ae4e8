import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.health import BUCKETS, WINDOW, LagMeter, watch_loop


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 10)), max_size=60))
def test_the_worst_is_that_of_the_window(steps: list[tuple[float, float]]) -> None:
    meter = LagMeter()
    now = 0.0
    seen: list[tuple[float, float]] = []
    for lag, pause in steps:
        now += pause
        meter.observe(lag, now)
        seen.append((now, lag))
        recent = [value for at, value in seen if at >= now - WINDOW]
        assert meter.worst(now) == max(recent)
    assert sum(meter.counts) == len(steps)
    assert meter.worst(now + WINDOW + 1) == 0.0


@pytest.mark.parametrize(
    ("lag", "place"), [(0.0, 0), (0.001, 0), (0.0011, 1), (2.0, len(BUCKETS)), (-1.0, 0)]
)
def test_lags_are_counted_up_to_their_bound(lag: float, place: int) -> None:
    meter = LagMeter()
    meter.observe(lag, 0.0)
    assert meter.counts[place] == 1


async def test_the_watch_sees_a_blocked_loop() -> None:
    meter = LagMeter()
    times = iter([0.0, 0.6, 0.6, 0.7, 0.7, 0.8])
    task = asyncio.create_task(watch_loop(meter, lambda: next(times, 1.0), interval=0.001))
    async with asyncio.timeout(10):
        while sum(meter.counts) < 1:  # noqa: ASYNC110 - the meter has nothing to wait for
            await asyncio.sleep(0)
    task.cancel()
    assert meter.worst(0.6) == pytest.approx(0.599)
