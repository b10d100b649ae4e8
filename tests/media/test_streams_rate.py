"""The sliding bitrate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.rate import RateWindow


def test_a_steady_stream_has_its_rate() -> None:
    rate = RateWindow()
    for step in range(300):
        rate.add(1250, step * 0.01)
    assert rate.bitrate(2.999) == pytest.approx(1_000_000, rel=0.06)


@pytest.mark.parametrize(("later", "bitrate"), [(0.0, 8000), (0.9, 8000), (1.05, 0), (50.0, 0)])
def test_a_single_packet_counts_for_a_second(later: float, bitrate: float) -> None:
    rate = RateWindow()
    rate.add(1000, 100.0)
    assert rate.bitrate(100.0 + later) == bitrate


def test_nothing_yet() -> None:
    assert RateWindow().bitrate(5.0) == 0.0


@given(st.lists(st.tuples(st.integers(0, 1500), st.floats(0, 0.5)), min_size=1, max_size=80))
def test_is_the_sum_of_the_last_second_to_a_slot(packets: list[tuple[int, float]]) -> None:
    rate = RateWindow()
    now = 0.0
    seen: list[tuple[float, int]] = []
    for octets, pause in packets:
        now += pause
        rate.add(octets, now)
        seen.append((now, octets))
        measured = rate.bitrate(now) / 8
        assert sum(size for at, size in seen if at > now - 0.94) <= measured
        assert measured <= sum(size for at, size in seen if at > now - 1.0 - 1e-9)
