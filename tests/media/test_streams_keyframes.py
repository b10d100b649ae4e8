"""Keyframe requests: merged, throttled, repeated while unanswered."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.keyframes import KeyframeThrottle


def test_the_first_request_goes_out_at_once() -> None:
    throttle = KeyframeThrottle()
    assert not throttle.waiting
    assert throttle.request(10.0)
    assert throttle.waiting


def test_late_joiners_cost_the_source_nothing() -> None:
    throttle = KeyframeThrottle()
    asked = [throttle.request(10.0 + index / 1000) for index in range(400)]
    assert asked.count(True) == 1
    throttle.keyframe(10.4)
    assert not any(throttle.due(10.4 + step / 10) for step in range(100))


def test_a_request_after_an_answer_waits_for_the_floor() -> None:
    throttle = KeyframeThrottle()
    assert throttle.request(0.0)
    throttle.keyframe(0.1)
    assert not throttle.request(0.2)
    assert throttle.waiting
    assert throttle.next_at == pytest.approx(0.5)
    assert not throttle.due(0.49)
    assert throttle.due(0.5)


def test_a_keyframe_serves_a_request_that_was_held_back() -> None:
    throttle = KeyframeThrottle()
    assert throttle.request(0.0)
    throttle.keyframe(0.1)
    assert not throttle.request(0.2)
    throttle.keyframe(0.3)
    assert throttle.next_at is None
    assert not throttle.due(60.0)


def sent(throttle: KeyframeThrottle, until: float, step: float = 0.05) -> list[float]:
    times = [0.0] if throttle.request(0.0) else []
    for index in range(1, round(until / step) + 1):
        now = index * step
        if throttle.due(now):
            times.append(round(now, 3))
    return times


@pytest.mark.parametrize(
    ("rtt", "times"),
    [
        (None, [0.0, 0.5, 1.5, 3.5, 5.5]),
        (0.1, [0.0, 0.5, 1.5, 3.5, 5.5]),
        (0.6, [0.0, 0.9, 1.9, 3.9, 5.9]),
        (2.0, [0.0, 3.0, 6.0]),
        (3600.0, [0.0, 5.0]),
    ],
)
def test_unanswered_requests_are_repeated_ever_more_rarely(rtt: float | None, times: list[float]) -> None:
    throttle = KeyframeThrottle()
    throttle.set_rtt(rtt)
    assert sent(throttle, 6.0) == pytest.approx(times)


def test_repetition_ends_when_nobody_waits() -> None:
    throttle = KeyframeThrottle()
    assert throttle.request(0.0)
    throttle.cancel()
    assert not throttle.waiting
    assert not throttle.due(60.0)
    assert throttle.request(60.0)


def test_patience_begins_anew_after_an_answer() -> None:
    throttle = KeyframeThrottle()
    assert sent(throttle, 4.0)[-1] == 3.5
    throttle.keyframe(4.0)
    assert throttle.request(10.0)
    assert throttle.due(10.5)


def test_fc_a09_one_pli_per_switch_and_layer() -> None:
    """HIGH to MEDIUM to HIGH: each layer hears one PLI for each switch to it."""
    layers = {"f": KeyframeThrottle(), "q": KeyframeThrottle()}
    plis = {"f": 0, "q": 0}
    now = 0.0
    for layer in ("f", "q", "f", "q", "f"):
        asked_at = now
        while now < asked_at + 3.0:
            throttle = layers[layer]
            if (now == asked_at and throttle.request(now)) or throttle.due(now):
                plis[layer] += 1
            if throttle.waiting and now >= asked_at + 0.3:
                throttle.keyframe(now)
            now += 0.05
    assert plis == {"f": 3, "q": 2}


@pytest.mark.parametrize(("interval", "ceiling"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0)])
def test_settings_that_make_no_sense_are_refused(interval: float, ceiling: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        KeyframeThrottle(interval, ceiling)


steps = st.lists(
    st.tuples(
        st.floats(0.0, 1.0),
        st.sampled_from(["request", "due", "keyframe", "cancel"]),
        st.one_of(st.none(), st.floats(0.0, 10.0)),
    ),
    max_size=80,
)


@given(steps)
def test_two_plis_never_lie_closer_than_the_interval(script: list[tuple[float, str, float | None]]) -> None:
    throttle = KeyframeThrottle()
    now, plis = 0.0, []
    for wait, act, rtt in script:
        now += wait
        throttle.set_rtt(rtt)
        if (act == "request" and throttle.request(now)) or (act == "due" and throttle.due(now)):
            plis.append(now)
        elif act == "keyframe":
            throttle.keyframe(now)
        elif act == "cancel":
            throttle.cancel()
    assert all(later - earlier >= throttle.interval - 1e-9 for earlier, later in pairwise(plis))


@given(steps)
def test_whoever_waits_is_served_in_bounded_time(script: list[tuple[float, str, float | None]]) -> None:
    throttle = KeyframeThrottle()
    now = 0.0
    for wait, act, rtt in script:
        now += wait
        throttle.set_rtt(rtt)
        if act == "request":
            throttle.request(now)
            assert throttle.waiting
        elif act == "keyframe":
            throttle.keyframe(now)
        at = throttle.next_at
        assert (at is not None) == throttle.waiting
        if at is not None:
            assert at <= now + 5.0
