"""NACK lists: when packets are asked for, given up, and when a gap is too wide."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.rtcp import pack_nack
from media.streams.nack_list import MIN_PAUSE, REORDER_WAIT, NackList
from media.streams.sequence import SequenceExtender


def filled(numbers: list[int], now: float = 0.0, **options: float) -> NackList:
    nacks = NackList(**options)  # type: ignore[arg-type]
    for number in numbers:
        nacks.received(number, now)
    return nacks


@pytest.mark.parametrize(
    ("received", "asked"),
    [
        ([5], []),
        ([5, 6, 7], []),
        ([5, 7], [6]),
        ([5, 9], [6, 7, 8]),
        ([5, 9, 7], [6, 8]),
        ([5, 7, 6], []),
        ([5, 4], []),
        ([5, 2], []),
        ([65534, 65537], [65535, 0]),
        ([5, 7, 5, 7, 4], [6]),
    ],
)
def test_what_is_asked_for(received: list[int], asked: list[int]) -> None:
    assert filled(received).due(REORDER_WAIT, 0.1) == asked


def test_waits_for_packets_that_overtook() -> None:
    nacks = filled([5, 7])
    assert nacks.next_due() == REORDER_WAIT
    assert nacks.due(REORDER_WAIT * 0.9, 0.1) == []
    assert nacks.due(REORDER_WAIT, 0.1) == [6]
    assert filled([5, 7], reorder_wait=0.0).due(0.0, 0.1) == [6]


def test_asks_again_after_growing_pauses() -> None:
    nacks = filled([5, 7], max_age=100.0)
    asked_at = [step / 1000 for step in range(4000) if nacks.due(step / 1000, 0.1)]
    pauses = [round(later - earlier, 3) for earlier, later in pairwise(asked_at)]
    assert pauses[:4] == pytest.approx([0.1, 0.15, 0.225, 0.338], abs=0.002)
    assert pauses == sorted(pauses)


def test_a_short_round_trip_does_not_flood() -> None:
    nacks = filled([5, 7])
    assert nacks.due(0.1, 0.0) == [6]
    assert nacks.due(0.1 + MIN_PAUSE * 0.9, 0.0) == []
    assert nacks.due(0.1 + MIN_PAUSE * 1.01, 0.0) == [6]


@pytest.mark.parametrize(("took", "pause"), [(0.005, MIN_PAUSE), (0.04, 0.06), (0.2, 0.3)])
def test_learns_how_long_a_repair_takes(took: float, pause: float) -> None:
    """The next packet is asked for again when a repair would have come, whatever was assumed before."""
    nacks = filled([5, 7], now=1.0)
    assert nacks.due(1.01, 0.08) == [6]
    nacks.received(6, 1.01 + took)
    nacks.received(9, 2.0)
    assert nacks.due(2.01, 0.08) == [8]
    assert nacks.due(2.01 + pause * 0.95, 0.08) == []
    assert nacks.due(2.01 + pause * 1.05, 0.08) == [8]


def test_what_was_asked_for_twice_teaches_nothing() -> None:
    nacks = filled([5, 7])
    assert nacks.due(0.01, 0.08) == nacks.due(0.1, 0.08) == [6]
    nacks.received(6, 0.5)
    nacks.received(9, 0.6)
    assert nacks.due(0.61, 0.08) == [8]
    assert nacks.due(0.70, 0.08) == [8]


def test_what_came_unasked_teaches_nothing() -> None:
    nacks = filled([5, 7])
    nacks.received(6, 0.005)
    nacks.received(9, 0.1)
    assert nacks.due(0.11, 0.08) == [8]
    assert nacks.due(0.18, 0.08) == []


def test_gives_up_after_the_tries() -> None:
    nacks = filled([5, 7], max_tries=3, max_age=100.0)
    times = [step / 100 for step in range(300) if nacks.due(step / 100, 0.02)]
    assert len(times) == 3
    assert len(nacks) == 0
    assert nacks.given_up == 1
    assert nacks.next_due() is None


def test_gives_up_by_age() -> None:
    nacks = filled([5, 7], max_age=0.5)
    assert nacks.due(0.49, 0.1) == [6]
    assert nacks.due(0.7, 0.1) == []
    assert len(nacks) == 0
    assert nacks.given_up == 1


def test_a_younger_packet_is_asked_for_when_an_older_one_is_given_up() -> None:
    nacks = filled([5, 7], max_age=0.5)
    nacks.received(9, 0.3)
    assert nacks.due(0.6, 0.1) == [8]
    assert len(nacks) == 1


def test_a_younger_packet_is_asked_for_when_an_older_one_has_had_its_tries() -> None:
    nacks = filled([5, 7], max_tries=1, max_age=10.0)
    assert nacks.due(0.1, 0.1) == [6]
    nacks.received(9, 0.3)
    assert nacks.due(0.6, 0.1) == [8]
    assert len(nacks) == 1


def test_next_due_is_when_something_is_due() -> None:
    nacks = filled([5, 7])
    assert nacks.due(0.1, 0.1) == [6]
    assert nacks.next_due() == pytest.approx(0.2)
    nacks.received(9, 0.15)
    assert nacks.next_due() == pytest.approx(0.15 + REORDER_WAIT)


def test_a_repeat_of_the_newest_changes_nothing() -> None:
    nacks = filled([5, 7, 7, 7])
    assert nacks.due(0.1, 0.1) == [6]
    assert not nacks.overflow()


def test_sound_gives_up_sooner() -> None:
    nacks = NackList.for_audio()
    nacks.received(5, 0.0)
    nacks.received(7, 0.0)
    assert nacks.due(0.05, 0.1) == [6]
    assert nacks.due(0.21, 0.1) == []
    assert len(nacks) == 0


def test_a_packet_that_comes_is_not_asked_for_again() -> None:
    nacks = filled([5, 9])
    assert nacks.due(0.1, 0.1) == [6, 7, 8]
    nacks.received(7, 0.15)
    assert nacks.due(0.3, 0.1) == [6, 8]


def test_later_gaps_have_times_of_their_own() -> None:
    nacks = filled([5, 7])
    assert nacks.due(0.05, 0.1) == [6]
    nacks.received(9, 0.1)
    assert nacks.due(0.105, 0.1) == []
    assert nacks.due(0.11, 0.1) == [8]
    assert nacks.due(0.16, 0.1) == [6]


def test_overflow_forgets_all_and_says_so_once() -> None:
    nacks = filled([5, 7, 307])
    assert len(nacks) == 300
    assert not nacks.overflow()
    nacks.received(309, 0.0)
    assert len(nacks) == 0
    assert [nacks.overflow(), nacks.overflow()] == [True, False]
    assert nacks.given_up == 301
    nacks.received(311, 0.0)
    assert nacks.due(0.1, 0.1) == [310]


def test_clear_begins_anew() -> None:
    nacks = filled([5, 9])
    nacks.clear()
    nacks.received(70000, 0.0)
    assert nacks.due(1.0, 0.1) == []
    assert not nacks.overflow()


@pytest.mark.parametrize("gap", [301, 2999, 5000, 40000])
def test_fc_a13_a_wide_gap_asks_for_a_keyframe_instead(gap: int) -> None:
    nacks = NackList()
    for number in [*range(100, 200), *range(200 + gap, 400 + gap)]:
        nacks.received(number, 0.0)
        assert len(nacks) <= 300
    assert nacks.overflow()
    assert nacks.due(0.5, 0.1) == []


def test_fc_a13_jumps_raise_nothing_and_requests_stay_small() -> None:
    extender, nacks = SequenceExtender(), NackList()
    sequences = [
        *range(100, 201),
        *range(40000, 40101),
        *range(201, 211),
        39990,
        *range(65530, 65536),
        *range(21),
        22,
        24,
    ]
    for position, sequence in enumerate(sequences):
        now = position / 1000
        number, restarted = extender.extend(sequence)
        if restarted:
            nacks.clear()
        if number is not None:
            nacks.received(number, now)
        for packet in pack_nack(1, 2, nacks.due(now, 0.1)):
            assert len(packet) <= 1200
    assert nacks.due(1.0, 0.1) == [21, 23]
    assert not nacks.overflow()


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3) | st.integers(-50, 0) | st.integers(1, 400),
            st.floats(0, 0.1),
            st.booleans(),
        ),
        max_size=150,
    )
)
def test_asks_only_for_what_never_came(steps: list[tuple[int, float, bool]]) -> None:
    nacks = NackList(max_missing=100, max_tries=4, max_age=0.5)
    highest, now = 100_000, 5.0
    nacks.received(highest, now)
    came = {highest}
    asked: dict[int, list[float]] = {}
    for step, pause, ask in steps:
        number, now = highest + step, now + pause
        nacks.received(number, now)
        came.add(number)
        highest = max(highest, number)
        assert len(nacks) <= 100
        if ask:
            for short in nacks.due(now, 0.05):
                full = highest - ((highest - short) & 0xFFFF)
                assert full not in came
                assert 100_000 < full < highest
                asked.setdefault(full, []).append(now)
    for times in asked.values():
        assert len(times) <= 4
        assert times[-1] - times[0] < 0.5
        assert all(later - earlier >= 0.05 - 1e-9 for earlier, later in pairwise(times))
