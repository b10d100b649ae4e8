"""Connection quality: what costs how much, and what costs nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.quality import (
    ConnectionQuality,
    Quality,
    QualityScorer,
    QualityWindow,
    bitrate_score,
    loss_weight,
    mean_opinion_score,
    packet_score,
    participant_quality,
    quality_of,
)

POOR, GOOD, EXCELLENT, LOST = ConnectionQuality
LENGTH = 5.0


def window(
    loss: float = 0.0,
    expected: int = 250,
    *,
    rtt: float = 0.0,
    jitter: float = 0.0,
    media_bytes: int = 0,
    expected_bitrate: float = 0.0,
    layers_short: float = 0.0,
    silent_for: float = 0.0,
) -> QualityWindow:
    return QualityWindow(
        LENGTH,
        expected,
        round(expected * loss),
        media_bytes,
        rtt,
        jitter,
        expected_bitrate,
        layers_short,
        silent_for,
    )


def settle(
    scorer: QualityScorer, each: QualityWindow, start: float = 0.0, windows: int = 20
) -> list[Quality]:
    return [scorer.update(each, start + LENGTH * (index + 1)) for index in range(windows)]


@pytest.mark.parametrize(
    ("codec", "fec", "loss", "quality"),
    [
        ("audio/opus", False, 0.0, EXCELLENT),
        ("audio/opus", False, 0.02, EXCELLENT),
        ("audio/opus", False, 0.03, GOOD),
        ("audio/opus", False, 0.08, POOR),
        ("audio/opus", True, 0.03, EXCELLENT),
        ("audio/opus", True, 0.05, GOOD),
        ("audio/opus", True, 0.12, POOR),
        ("audio/red", False, 0.045, EXCELLENT),
        ("audio/red", False, 0.07, GOOD),
        ("audio/red", False, 0.16, POOR),
        ("audio/red", True, 0.07, EXCELLENT),
        ("video/vp8", False, 0.015, EXCELLENT),
        ("video/vp8", False, 0.03, GOOD),
        ("video/h264;mode=1;profile=42e0", False, 0.065, POOR),
        ("video/vp8", False, 1.0, POOR),
    ],
)
def test_loss_by_codec(codec: str, fec: bool, loss: float, quality: ConnectionQuality) -> None:
    scorer = QualityScorer(loss_weight(codec, fec))
    assert settle(scorer, window(loss, 2000))[-1].quality == quality


@pytest.mark.parametrize(
    ("rtt", "jitter", "score"),
    [
        (0.0, 0.0, 100.0),
        (0.080, 0.0, 99.0),
        (0.160, 0.020, 97.0),
        (0.320, 0.0, 96.0),
        (0.400, 0.0, 92.0),
        (0.200, 0.150, 72.0),
        (2.0, 0.0, 12.0),
        (60.0, 0.0, 0.0),
        (-1.0, -1.0, 100.0),
    ],
)
def test_delay(rtt: float, jitter: float, score: float) -> None:
    assert packet_score(window(rtt=rtt, jitter=jitter), 8.0) == pytest.approx(score)


@pytest.mark.parametrize(
    ("share", "quality"),
    [
        (1.5, EXCELLENT),
        (1.0, EXCELLENT),
        (0.5, EXCELLENT),
        (0.3, GOOD),
        (0.06, GOOD),
        (0.04, POOR),
        (0.0, LOST),
    ],
)
def test_bitrate(share: float, quality: ConnectionQuality) -> None:
    measured = window(media_bytes=round(1_000_000 * LENGTH / 8 * share), expected_bitrate=1_000_000)
    assert quality_of(bitrate_score(measured)) == quality
    assert bitrate_score(window(media_bytes=1)) == 100.0


@pytest.mark.parametrize(
    ("short", "quality"), [(0, EXCELLENT), (0.5, EXCELLENT), (1, GOOD), (2, POOR), (9, POOR)]
)
def test_layers(short: float, quality: ConnectionQuality) -> None:
    assert settle(QualityScorer(10.0), window(layers_short=short))[-1].quality == quality


@pytest.mark.parametrize(
    ("score", "quality", "mos"),
    [
        (100, EXCELLENT, 4.5),
        (80.1, EXCELLENT, 4.03),
        (80, GOOD, 4.02),
        (40.1, GOOD, 2.07),
        (40, POOR, 2.06),
        (20.1, POOR, 1.25),
        (20, LOST, 1.25),
        (3, LOST, 1.0),
        (0, LOST, 1.0),
    ],
)
def test_scale(score: float, quality: ConnectionQuality, mos: float) -> None:
    assert quality_of(score) == quality
    assert mean_opinion_score(score) == pytest.approx(mos, abs=0.01)


def test_falls_fast_and_rises_slowly() -> None:
    scorer = QualityScorer(10.0)
    down = [quality.quality for quality in settle(scorer, window(0.07), windows=2)]
    assert down == [GOOD, POOR]
    up = [quality.quality for quality in settle(scorer, window(), 10.0, windows=3)]
    assert up == [GOOD, GOOD, EXCELLENT]


def test_a_catastrophe_does_not_make_the_way_back_longer() -> None:
    scorer = QualityScorer(10.0)
    settle(scorer, window(1.0))
    assert settle(scorer, window(), 100.0, windows=4)[-1].quality == EXCELLENT


def test_loss_in_pauses_of_speech_weighs_less() -> None:
    talking, pausing = QualityScorer(8.0), QualityScorer(8.0)
    settle(talking, window())
    settle(pausing, window())
    assert settle(talking, window(0.08), 100.0, windows=1)[-1].quality == GOOD
    assert settle(pausing, window(0.08, 13), 100.0, windows=1)[-1].quality == EXCELLENT


@pytest.mark.parametrize("silent_for", [0.0, 7.9])
def test_dry_is_poor(silent_for: float) -> None:
    scorer = QualityScorer(8.0)
    assert scorer.update(window(expected=0, silent_for=silent_for), 5.0).quality == POOR


def test_nothing_at_all_is_lost_and_comes_back() -> None:
    scorer = QualityScorer(8.0)
    assert scorer.update(window(expected=0, silent_for=8.0), 5.0).quality == LOST
    scorer.expect(False, 6.0)
    assert scorer.current.quality == LOST
    assert scorer.update(window(expected=0, silent_for=13.0), 10.0).quality == LOST
    assert scorer.update(window(expected=0, silent_for=0.1), 15.0).quality == EXCELLENT


@pytest.mark.parametrize("expected", [0, 3, 250])
def test_never_a_drop_while_nothing_is_expected(expected: int) -> None:
    scorer = QualityScorer(8.0)
    scorer.expect(False, 0.0)
    assert {quality.quality for quality in settle(scorer, window(1.0, expected))} == {EXCELLENT}


def test_muting_clears_a_bad_score() -> None:
    scorer = QualityScorer(8.0)
    assert settle(scorer, window(0.5))[-1].quality == POOR
    scorer.expect(False, 100.0)
    assert scorer.current == Quality(EXCELLENT, 4.5)


@pytest.mark.parametrize(("unmuted_at", "quality"), [(12.4, POOR), (12.6, EXCELLENT), (15.0, EXCELLENT)])
def test_a_window_that_was_mostly_muted_does_not_count(unmuted_at: float, quality: ConnectionQuality) -> None:
    scorer = QualityScorer(8.0)
    scorer.expect(False, 0.0)
    scorer.update(window(expected=0), 5.0)
    scorer.expect(True, unmuted_at)
    scorer.expect(True, 14.0)
    assert scorer.update(window(expected=0), 15.0).quality == quality
    assert scorer.update(window(expected=0), 20.0).quality == POOR


def test_an_empty_window_changes_nothing() -> None:
    scorer = QualityScorer(8.0)
    assert scorer.update(QualityWindow(0.0, 0, 0), 5.0).quality == EXCELLENT


def test_a_participant_is_as_good_as_its_worst_stream() -> None:
    good = Quality(GOOD, 3.9)
    poor = Quality(POOR, 1.9)
    lost = Quality(LOST, mean_opinion_score(20.0))
    excellent = Quality(EXCELLENT, 4.5)
    assert participant_quality([]) == excellent
    assert participant_quality([good, excellent]) == good
    assert participant_quality([good, poor, excellent]) == poor
    assert participant_quality([poor, lost]) == lost
    assert participant_quality([excellent], silent_for=8.0) == lost
    assert participant_quality([excellent], silent_for=7.9) == excellent


windows = st.builds(
    QualityWindow,
    st.floats(0.0, 20.0),
    st.integers(-5, 5000),
    st.integers(-5, 9000),
    st.integers(0, 10**7),
    st.floats(-1.0, 100.0),
    st.floats(-1.0, 100.0),
    st.floats(-1.0, 1e8),
    st.floats(0.0, 3.0),
    st.floats(0.0, 20.0),
)


def test_a_vanishing_expectation_is_met() -> None:
    assert bitrate_score(QualityWindow(1.0, 1, 0, 1, expected_bitrate=5e-324)) == 100.0


@given(st.lists(st.tuples(windows, st.booleans()), max_size=30))
def test_score_stays_on_the_scale_and_agrees_with_the_quality(
    script: list[tuple[QualityWindow, bool]],
) -> None:
    scorer = QualityScorer(8.0)
    now = 0.0
    for each, expecting in script:
        before = scorer.current.score
        scorer.expect(expecting, now)
        now += each.duration
        after = scorer.update(each, now)
        assert 1.0 <= after.score <= 4.5
        assert after == scorer.current
        if each.silent_for >= scorer.lost_after:
            assert after.quality == LOST
        elif not expecting:
            assert after.score >= before


@given(st.integers(1, 2000), st.integers(0, 2000), st.integers(0, 2000))
def test_more_loss_is_never_better(expected: int, one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert packet_score(QualityWindow(5.0, expected, less), 8.0) >= packet_score(
        QualityWindow(5.0, expected, more), 8.0
    )


def test_the_score_told_is_monotone() -> None:
    told = [mean_opinion_score(score / 10) for score in range(1001)]
    assert all(lower <= higher for lower, higher in pairwise(told))
