"""Remedies on a lossy line: when they begin, how far they go, when they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.mending import CLEAN_FOR, LONGEST_HOLD, PLAIN, Mend, Mending


def fed(fraction: float, seconds: int, packets: int = 100, rtt: float | None = None) -> Mending:
    mending = Mending()
    for second in range(seconds):
        mending.loss(fraction, packets, rtt, float(second))
    return mending


@pytest.mark.parametrize(
    ("fraction", "packets", "rtt", "wanted"),
    [
        (0.0, 100, None, PLAIN),
        (0.01, 100, None, PLAIN),
        (0.05, 100, None, Mend(0.2, 2)),
        (0.05, 100, 0.01, Mend(0.25, 2)),
        (0.05, 100, 0.1, Mend(0.3, 2)),
        (0.05, 100, 5.0, Mend(LONGEST_HOLD, 2)),
        (0.05, 1, None, PLAIN),
    ],
)
def test_a_line_is_mended_when_it_loses(
    fraction: float, packets: int, rtt: float | None, wanted: Mend
) -> None:
    assert fed(fraction, 20, packets, rtt).present == wanted


def test_it_begins_within_seconds() -> None:
    assert fed(0.05, 2).present != PLAIN


def test_one_lost_packet_of_few_is_not_a_lossy_line() -> None:
    mending = Mending()
    assert mending.loss(0.25, 4, None, 0.0) == PLAIN


def test_it_ends_when_the_line_has_been_clean_for_long() -> None:
    mending = fed(0.05, 10)
    ends = [second for second in range(10, 200) if mending.loss(0.0, 100, None, float(second)) == PLAIN]
    assert ends
    assert ends[0] >= 10 + CLEAN_FOR


def test_the_hold_does_not_sway_with_the_round_trip() -> None:
    mending = Mending()
    holds = [mending.loss(0.05, 100, 0.05 + 0.03 * (second % 3), float(second)).hold for second in range(30)]
    assert holds == sorted(holds)


@given(
    st.lists(
        st.tuples(
            st.floats(-1, 2),
            st.integers(-5, 5000),
            st.none() | st.floats(0, 60),
            st.floats(-1, 20),
        ),
        max_size=60,
    )
)
def test_no_report_whatever_asks_for_too_much(script: list[tuple[float, int, float | None, float]]) -> None:
    mending = Mending()
    now = 0.0
    for fraction, packets, rtt, wait in script:
        now += wait
        mend = mending.loss(fraction, packets, rtt, now)
        assert 0.0 <= mend.hold <= LONGEST_HOLD
        assert mend.copies in (1, 2)
