"""When higher layers are tried."""

from itertools import pairwise

import pytest

from media.streams.allocator import Step
from media.streams.probing import WIDEST, Prober

SCREEN, CAMERA = Step(7, 2, 4_000_000), Step(1, 1, 530_000)
ESTIMATE, SENT = 270_000.0, 180_000.0


@pytest.mark.parametrize(
    ("steps", "estimate", "sent", "congested_at", "begins"),
    [
        ([CAMERA], ESTIMATE, SENT, None, True),
        ([CAMERA], ESTIMATE, SENT, 6.9, True),
        # Nobody wants more.
        ([], ESTIMATE, SENT, None, False),
        # The receiver says that this is too much already.
        ([CAMERA], 160_000.0, SENT, None, False),
        # The line was congested just now.
        ([CAMERA], ESTIMATE, SENT, 7.1, False),
    ],
)
def test_when_a_probe_may_begin(
    steps: list[Step], estimate: float, sent: float, congested_at: float | None, begins: bool
) -> None:
    prober = Prober()
    assert prober.start(steps, estimate, sent, congested_at, 10.0) == ((CAMERA,) if begins else ())
    assert prober.steps == ((CAMERA,) if begins else ())


def test_one_probe_at_a_time() -> None:
    prober = Prober()
    assert prober.start([CAMERA], ESTIMATE, SENT, None, 10.0) == (CAMERA,)
    assert prober.start([SCREEN], ESTIMATE, SENT, None, 10.1) == ()
    assert prober.judge(ESTIMATE, 530_000, None, 10.2) is None
    assert prober.steps == (CAMERA,)


@pytest.mark.parametrize(
    ("estimate", "congested_at", "at", "verdict"),
    [
        (ESTIMATE, None, 12.0, None),
        (ESTIMATE, 9.0, 12.0, None),
        (ESTIMATE, 10.5, 11.0, False),
        # A promise is no proof before the line had time to fill.
        (530_000.0, None, 11.9, None),
        (530_000.0, None, 12.0, True),
        (530_000.0, 10.5, 12.0, False),
        (ESTIMATE, None, 18.0, True),
        (None, None, 12.0, True),
    ],
)
def test_verdict(estimate: float | None, congested_at: float | None, at: float, verdict: bool | None) -> None:
    prober = Prober()
    assert prober.judge(estimate, 530_000, None, 9.0) is None
    prober.start([CAMERA], ESTIMATE, SENT, None, 10.0)
    assert prober.judge(estimate, 530_000, congested_at, at) is verdict
    assert (prober.steps == ()) == (verdict is not None)


def test_failures_make_probes_ever_rarer() -> None:
    prober = Prober()
    starts = []
    for now in range(600):
        if prober.steps:
            assert prober.judge(1e9, 530_000, now - 0.5, now) is False
        if prober.start([CAMERA], ESTIMATE, SENT, None, now):
            starts.append(now)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps == sorted(gaps)
    assert 7 <= gaps[0] <= 10
    assert 60 <= gaps[-1] <= 62


def succeed(prober: Prober, steps: list[Step], now: float) -> int:
    """Let one probe succeed; how many steps it took."""
    taken = len(prober.start(steps, ESTIMATE, SENT, None, now))
    assert prober.judge(1e9, 530_000, None, now + 2.0) is True
    return taken


def test_success_makes_probes_wider_and_failure_narrow_again() -> None:
    prober = Prober()
    steps = [Step(number, 1, 530_000) for number in range(40)]
    assert [succeed(prober, steps, 10.0 + 2.5 * turn) for turn in range(6)] == [1, 2, 4, 8, WIDEST, WIDEST]
    assert len(prober.start(steps, ESTIMATE, SENT, None, 40.0)) == WIDEST
    assert prober.judge(1e9, 530_000, 41.0, 41.0) is False
    # Which of them was too much is not known, so none is blamed.
    assert prober.start(steps, ESTIMATE, SENT, None, 45.9) == ()
    assert prober.start(steps, ESTIMATE, SENT, None, 46.0) == (steps[0],)


def test_what_failed_is_passed_over_until_the_others_had_their_turn() -> None:
    prober = Prober()
    tried = []
    now = 0.0
    for _turn in range(4):
        now += 100.0
        tried += prober.start([SCREEN, CAMERA], ESTIMATE, SENT, None, now)
        assert prober.judge(ESTIMATE, 1e9, now + 0.5, now + 1.0) is False
    assert tried == [SCREEN, CAMERA, SCREEN, CAMERA]


def test_a_probe_that_is_not_wanted_any_more_counts_as_nothing() -> None:
    prober = Prober()
    prober.start([CAMERA], ESTIMATE, SENT, None, 10.0)
    prober.abandon(10.5)
    assert prober.steps == ()
    assert prober.start([CAMERA], ESTIMATE, SENT, None, 15.4) == ()
    assert prober.start([CAMERA], ESTIMATE, SENT, None, 15.5) == (CAMERA,)
    prober = Prober()
    prober.abandon(10.0)
    assert prober.start([CAMERA], ESTIMATE, SENT, None, 10.0) == (CAMERA,)
