"""Token buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.limits import TokenBucket


@pytest.mark.parametrize(
    ("rate", "burst", "times", "passed"),
    [
        (1.0, 3.0, [0, 0, 0, 0], [True, True, True, False]),
        (1.0, 3.0, [0, 0, 0, 1, 1], [True, True, True, True, False]),
        (2.0, 1.0, [0, 0.4, 0.5, 0.9, 1.0], [True, False, True, False, True]),
        (1.0, 2.0, [0, 0, 100, 100, 100], [True, True, True, True, False]),
        (0.0, 2.0, [0, 1, 2, 1000], [True, True, False, False]),
        (0.0, 0.0, [0, 1], [False, False]),
        # A clock that goes back fills nothing and empties nothing.
        (1.0, 2.0, [10, 5, 5, 10.5, 11], [True, True, False, False, True]),
    ],
)
def test_table(rate: float, burst: float, times: list[float], passed: list[bool]) -> None:
    bucket = TokenBucket(rate, burst)
    assert [bucket.take(at) for at in times] == passed


def test_events_of_different_weight() -> None:
    bucket = TokenBucket(10.0, 100.0)
    assert not bucket.take(0.0, 101)
    assert bucket.take(0.0, 100)
    assert not bucket.take(1.0, 11)
    assert bucket.take(1.0, 10)
    assert bucket.take(1.0, 0)


def test_when_it_will_let_pass() -> None:
    bucket = TokenBucket(2.0, 4.0)
    assert bucket.ready_at(0.0) == 0.0
    assert bucket.take(0.0, 4)
    assert bucket.ready_at(0.0) == pytest.approx(0.5)
    assert bucket.ready_at(0.0, 4) == pytest.approx(2.0)
    assert bucket.ready_at(0.0, 5) is None
    assert TokenBucket(0.0, 1.0).ready_at(0.0, 2) is None


def test_senseless_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        TokenBucket(-1.0, 1.0)
    with pytest.raises(ValueError, match="negative"):
        TokenBucket(1.0, -1.0)
    with pytest.raises(ValueError, match="negative"):
        TokenBucket(1.0, 1.0).take(0.0, -1)


@given(
    st.floats(0.0, 100.0),
    st.floats(0.0, 100.0),
    st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.0, 20.0)), max_size=60),
)
def test_no_stretch_of_time_lets_more_pass(
    rate: float, burst: float, events: list[tuple[float, float]]
) -> None:
    bucket = TokenBucket(rate, burst)
    now = 0.0
    passed: list[tuple[float, float]] = []
    for wait, weight in events:
        now += wait
        if bucket.take(now, weight):
            passed.append((now, weight))
    for first in range(len(passed)):
        total = 0.0
        for at, weight in passed[first:]:
            total += weight
            assert total <= burst + rate * (at - passed[first][0]) + 1e-6
