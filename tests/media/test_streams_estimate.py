"""What a line carries: evidence of congestion, and what is none."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.estimate import CEILING, FLOOR, BitrateEstimate

K = 1000.0


def fed(sent: float, rembs: list[float], step: float = 0.5) -> BitrateEstimate:
    estimate = BitrateEstimate()
    estimate.sent(sent, 0.0)
    for index, bitrate in enumerate(rembs):
        estimate.remb(bitrate, index * step)
    return estimate


@pytest.mark.parametrize(
    ("sent", "rembs", "limit"),
    [
        # Nothing is known.
        (500 * K, [], None),
        (0.0, [100 * K] * 9, None),
        # The receiver says that it can take more.
        (500 * K, [750 * K] * 9, None),
        (500 * K, [480 * K] * 9, None),
        # Below what is sent, but rising: it has only not grown yet.
        (1200 * K, [260 * K * 1.08 ** (index / 2) for index in range(20)], None),
        # Below what is sent for less than a second.
        (500 * K, [300 * K, 300 * K], None),
        # Below what is sent, and staying there.
        (500 * K, [300 * K, 300 * K, 300 * K], 300 * K),
        (500 * K, [300 * K, 301 * K, 302 * K], 302 * K),
        # Falling below what is sent.
        (500 * K, [400 * K, 370 * K], 370 * K),
        # Falling, but not below it.
        (500 * K, [900 * K, 700 * K, 600 * K, 500 * K], None),
        # Absurd values.
        (500 * K, [0, 0, 0], FLOOR),
        (500 * K, [-5, -5, -5], FLOOR),
        (500 * K, [1e30] * 9, None),
    ],
)
def test_remb(sent: float, rembs: list[float], limit: float | None) -> None:
    assert fed(sent, rembs).value(5.0) == limit


def test_once_limited_the_newest_remb_counts() -> None:
    estimate = fed(500 * K, [300 * K] * 3)
    estimate.sent(280 * K, 2.0)
    estimate.remb(320 * K, 2.0)
    assert estimate.value(2.0) == 320 * K
    estimate.remb(900 * K, 3.0)
    assert estimate.value(3.0) == 900 * K


def test_a_remb_that_is_not_renewed_fades() -> None:
    estimate = fed(500 * K, [300 * K] * 3)
    assert estimate.value(6.0) == 300 * K
    assert estimate.value(16.0) == pytest.approx(300 * K * 1.05**10)
    assert estimate.value(1e9) == pytest.approx(300 * K * 1.05**50)


@pytest.mark.parametrize(
    ("fractions", "limit"),
    [
        ([0.0, 0.0, 0.0], None),
        ([0.1, 0.1, 0.1], None),
        ([0.2, 0.2], None),
        ([0.2, 0.2, 0.2], 900 * K),
        ([0.2, 0.2, 0.2, 0.2], 900 * K),
        ([0.2, 0.2, 0.2, 0.05], 900 * K),
        ([0.2, 0.2, 0.2, 0.0], 945 * K),
        ([0.8, 0.8, 0.8], 200 * K),
        ([1.0, 1.0, 1.0], 500 * K),
        ([-3.0, 7.0, 7.0], 500 * K),
        ([0.0, 0.0, 0.9, 0.0], None),
        ([0.0, 0.0, 0.9, 0.05, 0.9, 0.0], None),
        ([0.0, 0.0, 0.9, 0.9], 100 * K),
    ],
)
def test_loss(fractions: list[float], limit: float | None) -> None:
    estimate = BitrateEstimate()
    estimate.sent(1000 * K, 0.0)
    for index, fraction in enumerate(fractions):
        estimate.loss(fraction, float(index))
    value = estimate.value(10.0)
    assert value == (None if limit is None else pytest.approx(limit))


def test_reports_of_a_second_are_weighed_together() -> None:
    estimate = BitrateEstimate()
    estimate.sent(1000 * K, 0.0)
    estimate.loss(0.5, 0.0, packets=100)
    estimate.loss(0.0, 1.0, packets=900)
    assert estimate.value(1.0) is None
    estimate.loss(0.5, 1.5, packets=900)
    estimate.loss(0.0, 2.0, packets=100)
    assert estimate.value(2.0) is None
    estimate.loss(0.5, 2.5, packets=900)
    estimate.loss(0.0, 3.0, packets=100)
    assert estimate.value(3.0) is not None


@pytest.mark.parametrize(("packets", "congested"), [(50, False), (100, False), (2000, True)])
def test_loss_is_believed_when_chance_does_not_explain_it(packets: int, congested: bool) -> None:
    """A twentieth above the bound: of 50 or 100 packets that is luck, of 2,000 it is not."""
    estimate = BitrateEstimate()
    estimate.sent(1000 * K, 0.0)
    for second in range(3):
        estimate.loss(0.15, float(second), packets)
    assert (estimate.congested_at is not None) == congested


def test_doubtful_loss_is_added_up_until_it_is_certain() -> None:
    estimate = BitrateEstimate()
    estimate.sent(1000 * K, 0.0)
    for second in range(6):
        estimate.loss(0.16, float(second), 100)
        assert estimate.congested_at is None or second >= 2
    assert estimate.congested_at is not None


def test_five_per_cent_by_chance_is_no_congestion() -> None:
    """Ten minutes of a line that loses a twentieth of sound and of a small picture."""
    rng = random.Random(5)
    estimate = BitrateEstimate()
    for second in range(600):
        estimate.sent(60 * K, float(second))
        for packets in (50, 4):
            lost = sum(rng.random() < 0.05 for _ in range(packets))
            estimate.loss(lost / packets, float(second), packets)
    assert estimate.congested_at is None


def test_without_loss_the_limit_grows_no_further_than_was_tried() -> None:
    estimate = BitrateEstimate()
    estimate.sent(1000 * K, 0.0)
    for second in range(3):
        estimate.loss(0.8, float(second))
    assert estimate.value(3.0) == pytest.approx(200 * K)
    estimate.sent(180 * K, 3.0)
    for second in range(3, 100):
        estimate.loss(0.0, float(second))
    assert estimate.value(100.0) == pytest.approx(280 * K)


def test_loss_that_does_not_depend_on_us_is_passed_over() -> None:
    estimate = BitrateEstimate()
    estimate.sent(1000 * K, 0.0)
    for second in range(3):
        estimate.loss(0.2, float(second))
    congested_at = estimate.congested_at
    assert congested_at == 2.0
    estimate.sent(500 * K, 3.0)
    for second in range(3, 30):
        estimate.loss(0.2, float(second))
    assert estimate.congested_at == congested_at
    # It is gone, and when it returns it is judged anew.
    estimate.loss(0.0, 30.0)
    estimate.loss(0.2, 31.0)
    assert estimate.congested_at == 31.0


def test_loss_of_a_full_line_stays_congestion() -> None:
    """Half is sent, as much arrives as before: the line was full."""
    estimate = BitrateEstimate()
    capacity, sent = 200 * K, 1000 * K
    for second in range(10):
        estimate.sent(sent, float(second))
        estimate.loss(1.0 - capacity / sent, float(second))
        if second == 4:
            sent = 500 * K
    assert estimate.congested_at == 9.0


def test_lifting_holds_until_the_next_congestion() -> None:
    estimate = fed(500 * K, [300 * K] * 3)
    estimate.lift(450 * K)
    assert estimate.value(2.0) == 450 * K
    estimate.lift(400 * K)
    assert estimate.value(2.0) == 450 * K
    estimate.remb(200 * K, 2.0)
    estimate.remb(180 * K, 2.5)
    assert estimate.congested_at == 2.5
    assert estimate.value(2.5) == 180 * K


def test_lifted_high_enough_there_is_no_limit() -> None:
    estimate = fed(500 * K, [300 * K] * 3)
    estimate.lift(60_000 * K)
    assert estimate.value(2.0) is None


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 20.0), st.sampled_from(["remb", "loss", "sent", "lift"]), st.floats(-1e15, 1e15)
        ),
        max_size=60,
    )
)
def test_the_estimate_stays_within_its_bounds(script: list[tuple[float, str, float]]) -> None:
    estimate = BitrateEstimate()
    now = 0.0
    for wait, what, value in script:
        now += wait
        if what == "remb":
            estimate.remb(value, now)
        elif what == "loss":
            estimate.loss(value / 1e15, now)
        elif what == "sent":
            estimate.sent(value, now)
        else:
            estimate.lift(value / 1e8)
        known = estimate.value(now)
        assert known is None or FLOOR <= known <= max(CEILING, 1e15 / 1e8)
        assert known is None or estimate.congested_at is not None
