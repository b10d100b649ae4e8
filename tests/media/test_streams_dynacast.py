"""Demand for layers: more at once, less after a while."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.dynacast import CodecDemand, LayerDemand
from media.streams.video_quality import VideoQuality

LOW, MEDIUM, HIGH, OFF = VideoQuality


def highest(demand: list[CodecDemand] | None) -> list[VideoQuality] | None:
    return None if demand is None else [codec.highest for codec in demand]


def settled(*codecs: str) -> LayerDemand:
    """A track whose first seconds are over and that nobody watches."""
    demand = LayerDemand(codecs or ("vp8",))
    demand.update(0.0)
    demand.update(10.0)
    return demand


def test_a_new_track_is_wanted_in_all_qualities() -> None:
    demand = LayerDemand()
    assert demand.update(100.0) == [CodecDemand("vp8", ((LOW, True), (MEDIUM, True), (HIGH, True)))]
    assert demand.update(100.0) is None


def test_a_track_that_nobody_watches_is_switched_off() -> None:
    demand = LayerDemand()
    demand.update(100.0)
    assert demand.update(109.9) is None
    assert demand.next_at() == pytest.approx(110.0)
    assert demand.update(110.0) == [CodecDemand("vp8", ((LOW, False), (MEDIUM, False), (HIGH, False)))]
    assert demand.next_at() is None
    assert demand.current()[0].highest == OFF


@pytest.mark.parametrize(
    ("quality", "enabled"),
    [
        (LOW, (True, False, False)),
        (MEDIUM, (True, True, False)),
        (HIGH, (True, True, True)),
    ],
)
def test_up_to_the_wanted_quality_all_are_enabled(quality: int, enabled: tuple[bool, ...]) -> None:
    demand = settled()
    demand.set("a", quality)
    told = demand.update(20.0)
    assert told is not None
    assert tuple(on for _quality, on in told[0].qualities) == enabled


def test_more_is_told_at_once_and_less_after_the_delay() -> None:
    demand = settled()
    demand.set("a", LOW)
    assert highest(demand.update(20.0)) == [LOW]
    demand.set("b", HIGH)
    assert highest(demand.update(20.1)) == [HIGH]
    demand.set("b", MEDIUM)
    assert demand.update(21.0) is None
    assert demand.next_at() == pytest.approx(26.0)
    assert demand.update(25.9) is None
    assert highest(demand.update(26.0)) == [MEDIUM]
    demand.remove("b")
    assert demand.update(26.1) is None
    assert highest(demand.update(31.1)) == [LOW]


def test_who_pages_through_pictures_stops_no_encoder() -> None:
    demand = settled()
    demand.set("a", HIGH)
    assert highest(demand.update(20.0)) == [HIGH]
    for turn in range(10):
        now = 20.0 + turn * 8
        demand.set("a", None)
        assert demand.update(now + 1) is None
        demand.set("a", HIGH)
        assert demand.update(now + 5.5) is None
    assert demand.next_at() is None


def test_off_is_no_wish() -> None:
    demand = settled()
    demand.set("a", LOW)
    demand.update(20.0)
    demand.set("a", OFF)
    demand.update(21.0)
    assert highest(demand.update(26.0)) == [OFF]


def test_the_highest_wish_of_all_counts() -> None:
    demand = settled()
    for index in range(579):
        demand.set(index, LOW)
    assert highest(demand.update(20.0)) == [LOW]
    demand.set(7, HIGH)
    assert highest(demand.update(20.0)) == [HIGH]
    demand.remove(7)
    demand.remove("nobody")
    demand.update(21.0)
    assert highest(demand.update(26.0)) == [LOW]


def test_codecs_have_demands_of_their_own() -> None:
    demand = settled("vp8", "h264")
    demand.set("a", HIGH, "h264")
    assert highest(demand.update(20.0)) == [OFF, HIGH]
    demand.set("a", LOW)
    assert highest(demand.update(21.0)) == [LOW, HIGH]
    assert highest(demand.update(26.0)) == [LOW, OFF]
    assert [codec.codec for codec in demand.current()] == ["vp8", "h264"]


def test_a_codec_that_is_not_published_is_refused() -> None:
    with pytest.raises(ValueError, match="codec"):
        settled().set("a", HIGH, "av1")
    with pytest.raises(ValueError, match="codec"):
        LayerDemand(())


script = st.lists(
    st.tuples(st.floats(0.0, 4.0), st.sampled_from("abc"), st.sampled_from([None, LOW, MEDIUM, HIGH, OFF])),
    max_size=60,
)


@given(script)
def test_the_publisher_never_lacks_what_is_wanted(
    script: list[tuple[float, str, VideoQuality | None]],
) -> None:
    demand = LayerDemand()
    wishes: dict[str, int] = {}
    told: list[CodecDemand] = []
    now = 0.0
    for wait, subscriber, quality in script:
        now += wait
        demand.set(subscriber, quality)
        wishes.pop(subscriber, None)
        if quality is not None and quality != OFF:
            wishes[subscriber] = quality
        told = demand.update(now) or told
        assert told == demand.current()
        enabled = [on for _quality, on in told[0].qualities]
        assert enabled == sorted(enabled, reverse=True)
        assert sum(enabled) > max(wishes.values(), default=-1)
    told = demand.update(now) or told
    told = demand.update(now + 10.0) or told
    assert sum(on for _quality, on in told[0].qualities) == max(wishes.values(), default=-1) + 1
    assert demand.next_at() is None
