"""Active speakers: LiveKit's thresholds, and nobody speaks for ever."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.speakers import Speaker, SpeakerDetector, SpeakerSettings, linear_level

POLL = 0.2


def talk(
    detector: SpeakerDetector[str], key: str, start: float, seconds: float, level: int = 20
) -> Iterator[tuple[float, list[Speaker[str]]]]:
    """A source that is loud all the time, asked every 0.2 s."""
    for index in range(1, round(seconds / POLL) + 1):
        now = round(start + index * POLL, 6)
        loud = POLL if level <= detector.settings.threshold else 0.0
        detector.observe(key, POLL, loud, level, now)
        yield now, detector.update(now)


def quiet(
    detector: SpeakerDetector[str], start: float, seconds: float
) -> Iterator[tuple[float, list[Speaker[str]]]]:
    """Nothing is observed any more."""
    for index in range(1, round(seconds / POLL) + 1):
        now = round(start + index * POLL, 6)
        yield now, detector.update(now)


def off_at(updates: Iterator[tuple[float, list[Speaker[str]]]], key: str) -> float:
    return next(now for now, speakers in updates if Speaker(key, 0.0, False) in speakers)


@pytest.mark.parametrize(
    ("observed", "active", "loudest", "on"),
    [
        (0.4, 0.4, 20, True),
        (0.4, 0.4, 30, True),
        (0.4, 0.16, 20, True),
        (0.4, 0.15, 20, False),
        (0.4, 0.0, 127, False),
        (0.4, 0.4, 36, False),
        # As loud as the threshold, but smoothing wants a second window.
        (0.4, 0.4, 35, False),
        # Too little sound to judge yet.
        (0.3, 0.3, 10, False),
        # A window may be a packet or two short.
        (0.36, 0.36, 10, True),
    ],
)
def test_one_window(observed: float, active: float, loudest: int, on: bool) -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    detector.observe("a", observed, active, loudest, 1.0)
    assert [speaker.active for speaker in detector.update(1.0)] == ([True] if on else [])


def test_a_quiet_voice_needs_more_than_one_window() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    on = [now for now, speakers in talk(detector, "a", 0.0, 4.0, level=33) if speakers]
    assert on == [0.8]


@pytest.mark.parametrize(
    ("loudest", "level"),
    [(0, 0.75), (6, 0.375), (12, 0.25), (20, 0.125), (31, 0.125)],
)
def test_levels_are_told_in_eighths(loudest: int, level: float) -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    detector.observe("a", 0.4, 0.4, loudest, 0.4)
    assert detector.update(0.4) == [Speaker("a", level, True)]


def test_level_grows_with_the_share_that_was_active() -> None:
    levels = []
    for active in (0.16, 0.24, 0.32, 0.4):
        detector: SpeakerDetector[str] = SpeakerDetector(SpeakerSettings(steps=1000))
        detector.observe("a", 0.4, active, 5, 0.4)
        levels.append(detector.update(0.4)[0].level)
    assert levels == sorted(levels)
    assert len(set(levels)) == 4


@pytest.mark.parametrize(("dbov", "amplitude"), [(0, 1.0), (20, 0.1), (40, 0.01), (-3, 1.0)])
def test_linear_level(dbov: float, amplitude: float) -> None:
    assert linear_level(dbov) == pytest.approx(amplitude)


def test_an_unchanged_level_is_not_told_again() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    told = [speakers for _now, speakers in talk(detector, "a", 0.0, 20.0) if speakers]
    assert told == [[Speaker("a", 0.125, True)]]


def test_speakers_come_loudest_first() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    for key, level in (("low", 20), ("loud", 1), ("mid", 8)):
        detector.observe(key, 0.4, 0.4, level, 0.4)
    assert [speaker.key for speaker in detector.update(0.4)] == ["loud", "mid", "low"]
    assert [speaker.key for speaker in detector.current()] == ["loud", "mid", "low"]


def test_two_sources_of_one_speaker() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    detector.assign("mic", "A")
    detector.assign("screen", "A")
    detector.observe("mic", 0.4, 0.4, 20, 0.4)
    detector.observe("screen", 0.4, 0.4, 0, 0.4)
    assert detector.update(0.4) == [Speaker("A", 0.75, True)]
    detector.remove("screen")
    assert detector.update(0.9) == [Speaker("A", 0.125, True)]
    detector.remove("mic")
    assert detector.update(0.9) == [Speaker("A", 0.0, False)]


def test_fc_a18_muted_in_the_middle_of_a_word() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    assert any(speakers for _now, speakers in talk(detector, "A", 0.0, 5.0))
    detector.mute("A", True)
    # Packets that were on their way still come.
    assert off_at(talk(detector, "A", 5.0, 1.0), "A") <= 6.0
    assert detector.current() == []
    assert not [speakers for _now, speakers in talk(detector, "A", 6.0, 3.0) if speakers]
    detector.mute("A", False)
    assert [speakers for _now, speakers in talk(detector, "A", 9.0, 1.0) if speakers]


def test_fc_a18_unpublished_in_the_middle_of_a_word() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    assert any(speakers for _now, speakers in talk(detector, "A", 0.0, 5.0))
    detector.remove("A")
    assert detector.update(5.1) == [Speaker("A", 0.0, False)]
    assert detector.update(5.2) == []


def test_fc_a18_killed_in_the_middle_of_a_word() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    assert any(speakers for _now, speakers in talk(detector, "A", 0.0, 5.0))
    assert off_at(quiet(detector, 5.0, 3.0), "A") <= 6.0
    assert detector.current() == []


def test_fc_a18_a_newcomer_learns_who_speaks_now() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    list(talk(detector, "A", 0.0, 5.0))
    assert detector.current() == [Speaker("A", 0.125, True)]


def test_one_lost_window_of_packets_is_not_silence() -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    list(talk(detector, "A", 0.0, 5.0))
    assert not [speakers for _now, speakers in quiet(detector, 5.0, 0.4) if speakers]


acts = st.lists(
    st.tuples(
        st.floats(0.01, 0.9),
        st.sampled_from("abc"),
        st.sampled_from(["observe", "mute", "unmute", "remove", "update", "update"]),
        st.floats(-0.1, 0.5),
        st.floats(-0.1, 0.6),
        st.integers(-5, 200),
    ),
    max_size=120,
)


@given(acts)
def test_deltas_fold_to_the_truth(script: list[tuple[float, str, str, float, float, int]]) -> None:
    detector: SpeakerDetector[str] = SpeakerDetector()
    folded: dict[str, float] = {}
    muted: set[str] = set()
    heard: dict[str, float] = {}
    now = 0.0
    for wait, key, act, observed, active, loudest in script:
        now += wait
        if act == "observe":
            detector.observe(key, observed, active, loudest, now)
            if observed > 0 and key not in muted:
                heard[key] = now
        elif act == "mute":
            detector.mute(key, True)
            muted.add(key)
            heard.pop(key, None)
        elif act == "unmute":
            detector.mute(key, False)
            muted.discard(key)
            heard.pop(key, None)
        elif act == "remove":
            detector.remove(key)
            muted.discard(key)
            heard.pop(key, None)
        else:
            for speaker in detector.update(now):
                if speaker.active:
                    folded[speaker.key] = speaker.level
                else:
                    del folded[speaker.key]
            assert folded == {speaker.key: speaker.level for speaker in detector.current()}
            assert all(0.0 < level <= 1.0 for level in folded.values())
            assert not folded.keys() & muted
            assert all(key in heard and now - heard[key] < detector.settings.stale for key in folded)
    for key in "abc":
        detector.remove(key)
    for speaker in detector.update(now):
        assert not speaker.active
        del folded[speaker.key]
    assert folded == {}
