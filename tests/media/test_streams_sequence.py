"""Extending 16-bit sequence numbers: wraps, reordering, jumps, and the law behind them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.sequence import MAX_STEP, PATIENCE, SequenceExtender

ONE = 0x10000


@pytest.mark.parametrize(
    ("sequences", "extended"),
    [
        ([0, 1, 2], [ONE, ONE + 1, ONE + 2]),
        ([65534, 65535, 0, 1], [ONE + 65534, ONE + 65535, 2 * ONE, 2 * ONE + 1]),
        ([5, 4, 6, 5], [ONE + 5, ONE + 4, ONE + 6, ONE + 5]),
        ([0, 65535, 1], [ONE, ONE - 1, ONE + 1]),
        ([65535, 0, 65534, 1], [ONE + 65535, 2 * ONE, ONE + 65534, 2 * ONE + 1]),
        ([0, MAX_STEP, 0], [ONE, ONE + MAX_STEP, ONE]),
    ],
    ids=["plain", "wrap", "reordered", "before the first", "reordered over the wrap", "greatest step"],
)
def test_one_run(sequences: list[int], extended: list[int]) -> None:
    extender = SequenceExtender()
    assert [extender.extend(sequence) for sequence in sequences] == [(number, False) for number in extended]
    assert extender.highest == max(extended)


def test_a_stray_packet_is_held_and_the_run_goes_on() -> None:
    extender = SequenceExtender()
    answers = [extender.extend(sequence) for sequence in (10, 40000, 11, 40001, 12)]
    assert answers == [(ONE + 10, False), (None, False), (ONE + 11, False), (None, False), (ONE + 12, False)]


def test_two_in_a_row_are_a_restart() -> None:
    extender = SequenceExtender()
    extender.extend(10)
    assert extender.extend(40000) == (None, False)
    assert extender.extend(40001) == (3 * ONE + 40001, True)
    assert extender.extend(40000) == (3 * ONE + 40000, False)
    assert extender.extend(40002) == (3 * ONE + 40002, False)


def test_a_restart_over_the_wrap() -> None:
    extender = SequenceExtender()
    extender.extend(30000)
    assert extender.extend(65535) == (None, False)
    number, restarted = extender.extend(0)
    assert restarted
    assert number is not None
    assert number & 0xFFFF == 0


def test_fc_a13_a_jump_of_forty_thousand() -> None:
    extender = SequenceExtender()
    runs = [
        range(100, 201),
        range(40000, 40101),
        range(201, 211),
        [39990],
        [*range(65530, 65536), *range(21)],
    ]
    answers = [[extender.extend(sequence) for sequence in run] for run in runs]
    assert [sum(number is None for number, _ in run) for run in answers] == [0, 1, 1, 1, 0]
    assert [sum(restarted for _, restarted in run) for run in answers] == [0, 1, 1, 0, 1]
    numbers = [number for run in answers for number, _ in run if number is not None]
    assert len(numbers) == len(set(numbers))
    assert numbers[-3:] == [max(numbers) - 2, max(numbers) - 1, max(numbers)]
    assert extender.highest & 0xFFFF == 20


def test_a_sender_that_begins_a_little_back_is_understood() -> None:
    extender = SequenceExtender()
    extender.extend(5000)
    answers = [extender.extend(sequence) for sequence in range(4000, 4000 + PATIENCE + 1)]
    assert answers[: PATIENCE - 1] == [(ONE + sequence, False) for sequence in range(4000, 3999 + PATIENCE)]
    assert answers[PATIENCE - 1 :] == [
        (3 * ONE + 3999 + PATIENCE, True),
        (3 * ONE + 4000 + PATIENCE, False),
    ]


def test_late_packets_between_new_ones_are_no_restart() -> None:
    extender = SequenceExtender()
    extender.extend(5000)
    for late in range(4 * PATIENCE):
        assert extender.extend(4000 + late) == (ONE + 4000 + late, False)
        if late % 20 == 0:
            assert extender.extend(5001 + late) == (ONE + 5001 + late, False)


def test_retransmissions_show_no_restart() -> None:
    extender = SequenceExtender()
    extender.extend(5000)
    for late in range(4 * PATIENCE):
        assert extender.extend(4000 + late, recovered=True) == (ONE + 4000 + late, False)
    assert extender.extend(30000, recovered=True) == (None, False)
    assert extender.extend(30001, recovered=True) == (None, False)
    assert extender.highest == ONE + 5000


@given(st.integers(0, 0xFFFF), st.lists(st.integers(-200, 400), max_size=200))
def test_numbers_of_one_run_are_their_distance_apart(first: int, steps: list[int]) -> None:
    extender = SequenceExtender()
    start, _ = extender.extend(first)
    assert start is not None
    position = highest = 0
    for step in steps:
        if step < 0 and highest + step == position + 1:
            continue  # long runs behind the highest are a restart, and another test's
        position = max(highest + step, 1 - start)
        highest = max(highest, position)
        assert extender.extend((first + position) & 0xFFFF) == (start + position, False)


@given(st.lists(st.integers(0, 0xFFFF), max_size=300))
def test_any_numbers(sequences: list[int]) -> None:
    extender = SequenceExtender()
    before = -1
    for sequence in sequences:
        number, restarted = extender.extend(sequence)
        if number is None:
            assert extender.highest == before
            assert not restarted
        else:
            assert number & 0xFFFF == sequence
            assert number >= 0
            if restarted:
                assert number > before + MAX_STEP
        assert extender.highest >= before
        before = extender.highest
