"""Sender reports as the map between RTP clocks of one sender."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.ntp import to_ntp
from media.streams.clock_map import ClockMap

WALL = 1_700_000_000.0


def clock(wall: float, stamp: int, rate: int = 90000) -> ClockMap:
    made = ClockMap(rate)
    made.report(to_ntp(wall), stamp, 5.0)
    return made


def test_unknown_until_a_report_with_a_clock_comes():
    made = ClockMap(90000)
    assert not made.known
    made.report(0, 55, 1.0)
    assert not made.known
    assert made.translate(1, clock(WALL, 1)) is None
    assert clock(WALL, 1).translate(1, made) is None
    made.report(to_ntp(WALL), 55, 1.0)
    assert made.known
    made.report(0, 77, 2.0)
    assert (made.rtp_timestamp, made.arrived) == (55, 1.0)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        (1000, 4_294_967_000),  # the instants of the two reports are 0.5 s apart
        (1000 + 45000, 4_294_967_000 + 45000 - 2**32),
        (1000 - 9000, 4_294_967_000 - 9000),
    ],
)
def test_translates_over_the_wrap(stamp, expected):
    other = clock(WALL + 0.5, 4_294_967_000 + 45000 & 0xFFFFFFFF)
    assert clock(WALL, 1000).translate(stamp & 0xFFFFFFFF, other) == expected & 0xFFFFFFFF


def test_seconds_of_a_stamp():
    made = clock(WALL, 0xFFFFFFF0, 48000)
    assert made.seconds_of((0xFFFFFFF0 + 24000) & 0xFFFFFFFF) - made.seconds_of(0xFFFFFFF0) == 0.5


@given(
    st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.floats(-30, 30), st.integers(-900_000, 900_000)
)
def test_there_and_back_is_where_it_began(first, second, apart, ahead):
    one, two = clock(WALL, first), clock(WALL + apart, second)
    stamp = (first + ahead) & 0xFFFFFFFF
    middle = one.translate(stamp, two)
    assert middle is not None
    back = two.translate(middle, one)
    assert back is not None
    assert (back - stamp + 1) & 0xFFFFFFFF <= 2
