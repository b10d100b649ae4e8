"""NTP stamps: known instants, the turn of 2036, round trips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp import ntp


@pytest.mark.parametrize(
    ("wall", "stamp"),
    [
        (0.0, 2208988800 << 32),
        (0.5, (2208988800 << 32) + (1 << 31)),
        (1_700_000_000.25, (3908988800 << 32) + (1 << 30)),
        (2_085_978_496.0, 0),
        (2_085_978_497.0, 1 << 32),
    ],
    ids=["1970", "half a second", "2023", "2036-02-07 06:28:16", "a second later"],
)
def test_to_and_from(wall: float, stamp: int) -> None:
    assert ntp.to_ntp(wall) == stamp
    assert ntp.from_ntp(stamp) == wall


@given(st.floats(0, 4_000_000_000))
def test_round_trip_within_a_microsecond(wall: float) -> None:
    assert abs(ntp.from_ntp(ntp.to_ntp(wall)) - wall) < 1e-6


def test_middle_bits() -> None:
    assert ntp.middle_bits(0x0123456789ABCDEF) == 0x456789AB


@pytest.mark.parametrize(
    ("arrival", "lsr", "dlsr", "seconds"),
    [
        (0x0002_8000, 0x0001_0000, 0x0001_0000, 0.5),
        (0x0000_4000, 0xFFFF_C000, 0x0000_4000, 0.25),
        (0x0001_0000, 0, 0, None),
        (0x0001_0000, 0x0000_8000, 0x0001_0000, None),
        (0x0001_0000, 0x0001_0000, 0x0000_0010, 0.0),
        (0x0100_0000, 0x0000_0001, 0, None),
        (0x003B_0000, 0, 0, None),
        (0x003C_0000, 0x0001_0000, 0, 59.0),
        (0x003D_0000, 0x0001_0000, 0, None),
        (0x0001_0000, 0x0001_0000, 0, 0.0),
    ],
    ids=[
        "plain",
        "wrap",
        "no sr",
        "negative",
        "a hair negative",
        "over a minute",
        "no sr, late",
        "59 s",
        "60 s",
        "none",
    ],
)
def test_round_trip_time(arrival: int, lsr: int, dlsr: int, seconds: float | None) -> None:
    assert ntp.round_trip(arrival, lsr, dlsr) == seconds
