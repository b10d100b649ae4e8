"""The throttle: waits that grow, failures that leak, a memory with a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.access.throttle import Throttle, address_name


def test_five_failures_are_free_and_then_each_wait_doubles() -> None:
    throttle = Throttle(free=5, leak=1e9, first=1.0, longest=60.0)
    now, waits = 100.0, []
    for _ in range(13):
        now += throttle.wait("a", now)
        throttle.failed("a", now)
        waits.append(throttle.wait("a", now))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert throttle.wait("b", now) == 0


def test_a_wait_passes_and_tries_meanwhile_do_not_make_it_longer() -> None:
    throttle = Throttle(free=1, leak=1e9, first=8.0)
    throttle.failed("a", 0.0)
    assert [throttle.take("a", now) for now in (0.0, 3.0, 7.5)] == [8.0, 5.0, 0.5]
    assert throttle.take("a", 8.0) == 0.0
    assert throttle.wait("a", 8.0) == 16.0


def test_parallel_tries_count_each_other() -> None:
    throttle = Throttle(free=5, leak=1e9)
    assert [throttle.take("a", 1.0) for _ in range(100)].count(0.0) == 5


def test_success_forgets_and_a_try_without_answer_is_taken_back() -> None:
    throttle = Throttle(free=2, leak=1e9)
    for _ in range(2):
        throttle.failed("a", 0.0)
    assert throttle.wait("a", 0.0) > 0
    throttle.take_back("a")
    assert throttle.wait("a", 0.0) == 0
    throttle.take_back("a")
    assert len(throttle) == 0
    throttle.take_back("a")
    throttle.failed("a", 0.0)
    throttle.succeeded("a")
    throttle.succeeded("a")
    assert len(throttle) == 0


def test_failures_leak() -> None:
    throttle = Throttle(free=3, leak=60.0, first=1.0, longest=1000.0)
    for _ in range(6):
        throttle.failed("a", 0.0)
    assert throttle.wait("a", 0.0) == 8.0
    # Two have leaked: four are left, and their wait is over for long.
    assert throttle.take("a", 120.0) == 0.0
    assert throttle.wait("a", 120.0) == 4.0
    # Parts of a minute are not lost by counting: the next leaks at 180.
    assert throttle.take("a", 179.0) == 0.0
    assert throttle.take("a", 190.0) == 0.0
    assert throttle.wait("a", 190.0) == 8.0
    throttle.failed("a", 10_000.0)
    assert throttle.wait("a", 10_000.0) == 0.0


def test_memory_is_bounded_and_says_what_it_forgets() -> None:
    throttle = Throttle(free=1, leak=60.0, size=3)
    throttle.failed("old", 0.0)
    for name in ("a", "b", "c"):
        throttle.failed(name, 100.0)
    # "old" had leaked by then, so that nothing was lost.
    assert (len(throttle), throttle.forgotten) == (3, 0)
    throttle.failed("a", 101.0)
    throttle.failed("d", 101.0)
    assert (len(throttle), throttle.forgotten) == (3, 1)
    assert throttle.wait("b", 101.0) == 0.0
    assert throttle.wait("a", 101.0) > 0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 1e6)), max_size=60))
def test_no_wait_is_longer_than_the_longest_and_no_memory_than_its_size(
    tries: list[tuple[str, float]],
) -> None:
    throttle = Throttle(free=2, leak=30.0, longest=50.0, size=4)
    now = 0.0
    for name, step in tries:
        now = max(now, step)
        wait = throttle.wait(name, now)
        assert 0 <= wait <= 50
        assert throttle.wait(name, now + wait) == pytest.approx(0.0, abs=1e-6)
        throttle.take(name, now)
        assert len(throttle) <= 4


def test_very_many_failures_do_not_overflow() -> None:
    throttle = Throttle(free=0, leak=1e9, longest=300.0)
    for _ in range(5000):
        throttle.failed("a", 0.0)
    assert throttle.wait("a", 0.0) == 300.0


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"),
        ("", ""),
        ("no address", "no address"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_addresses(address: str, name: str) -> None:
    assert address_name(address) == name
