"""Numbers of an outgoing stream: continuous over changes of source, and none ever given twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.sequences import timestamp_ahead
from media.streams.rewriter import MAX_STEPS, Rewriter

CLOCK = 90000


def test_numbers_follow_those_of_the_source():
    rewriter = Rewriter(100, 5000, CLOCK)
    rewriter.begin(1, 7000, 0, 1.0)
    assert [rewriter.place(7000 + n, n * 3000, 1.0) for n in (0, 1, 3, 2)] == [100, 101, 103, 102]
    assert rewriter.highest_out == 103


def test_nothing_is_placed_outside_of_an_epoch():
    rewriter = Rewriter(100, 5000, CLOCK)
    assert rewriter.place(1, 0, 1.0) is None
    assert rewriter.skip(1)
    rewriter.begin(1, 50, 0, 1.0)
    assert rewriter.place(49, 0, 1.0) is None
    assert rewriter.skip(49)
    assert rewriter.place(50, 0, 1.0) == 100


def test_what_is_left_out_closes_up():
    rewriter = Rewriter(10, 0, CLOCK)
    rewriter.begin(1, 100, 0, 1.0)
    assert rewriter.skip(100), "even the first"
    assert rewriter.place(101, 0, 1.0) == 10
    assert rewriter.skip(102)
    assert rewriter.skip(103)
    assert rewriter.place(104, 0, 1.0) == 11
    assert not rewriter.skip(104)


def test_what_is_missing_before_a_step_keeps_its_number():
    rewriter = Rewriter(10, 0, CLOCK)
    rewriter.begin(1, 100, 0, 1.0)
    assert rewriter.place(100, 0, 1.0) == 10
    assert rewriter.skip(102)
    assert rewriter.place(103, 0, 1.0) == 12
    assert rewriter.place(101, 0, 1.0) == 11


@pytest.mark.parametrize("skipped", [[101], [101, 102], [101, 103]])
def test_what_was_left_out_has_no_number(skipped):
    """Its place went to the packet behind it; a late copy must not get it too."""
    rewriter = Rewriter(10, 0, CLOCK)
    rewriter.begin(1, 100, 0, 1.0)
    rewriter.place(100, 0, 1.0)
    for sequence in skipped:
        rewriter.skip(sequence)
    rewriter.place(110, 0, 1.0)
    assert [rewriter.place(sequence, 0, 1.0) for sequence in skipped] == [None] * len(skipped)


def test_steps_are_bounded_and_what_lies_before_them_is_given_up():
    rewriter = Rewriter(10, 0, CLOCK)
    epoch = rewriter.begin(1, 0, 0, 1.0)
    for n in range(200):
        if n % 2:
            assert rewriter.place(3 * n, 0, 1.0) is not None
        else:
            rewriter.skip(3 * n)
    assert len(epoch.starts) == len(epoch.offsets) == MAX_STEPS
    assert rewriter.place(4, 0, 1.0) is None


def test_a_change_of_source_continues_numbers_and_time():
    rewriter = Rewriter(10, 1000, CLOCK)
    rewriter.begin(1, 500, 70_000, 1.0)
    rewriter.place(500, 70_000, 1.0)
    rewriter.place(503, 79_000, 1.1)
    epoch = rewriter.begin(2, 90, 4_000_000_000, 1.2)
    assert rewriter.place(90, 4_000_000_000, 1.2) == 14
    assert (4_000_000_000 + epoch.timestamp_offset) & 0xFFFFFFFF == 1000 + 9000 + 9000


@pytest.mark.parametrize(
    ("mapped_ahead", "expected_ahead"),
    [
        (3000, 3000),  # the reports' word
        (-500, 1),  # never backwards
        (11 * CLOCK, 9000),  # not believed: then the time that went by
        (None, 9000),
    ],
)
def test_time_stamp_of_a_switch(mapped_ahead, expected_ahead):
    rewriter = Rewriter(10, 0xFFFFFF00, CLOCK)
    rewriter.begin(1, 500, 50, 1.0)
    rewriter.place(500, 50, 1.0)
    last = rewriter.last_timestamp
    mapped = None if mapped_ahead is None else (last + mapped_ahead) & 0xFFFFFFFF
    epoch = rewriter.begin(2, 9, 777, 1.1, mapped)
    assert timestamp_ahead((777 + epoch.timestamp_offset) & 0xFFFFFFFF, last) == expected_ahead


def test_the_same_source_keeps_its_clock_over_a_pause():
    rewriter = Rewriter(10, 0, CLOCK)
    first = rewriter.begin(1, 500, 0, 1.0)
    rewriter.place(500, 0, 1.0)
    again = rewriter.begin(1, 900, 60 * CLOCK + 123, 61.0)
    assert again.timestamp_offset == first.timestamp_offset


def test_picture_ids_and_tl0_go_on():
    rewriter = Rewriter(10, 0, CLOCK)
    first = rewriter.begin(1, 500, 0, 1.0)
    rewriter.anchor_pictures(0x7FFE, 255)
    assert (first.picture_id_offset, first.tl0_offset) == (0, 0)
    rewriter.note_picture(0x7FFE, 255)
    rewriter.note_picture(0x7FFF, 0)
    rewriter.note_picture(0x7FFD, 254)  # late
    second = rewriter.begin(2, 1, 0, 2.0)
    rewriter.anchor_pictures(40, 9)
    assert (40 + second.picture_id_offset) & 0x7FFF == 0
    assert (9 + second.tl0_offset) & 0xFF == 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("begin"), st.integers(1, 3), st.integers(0, 40)),
            st.tuples(st.sampled_from(["place", "skip"]), st.integers(-30, 6), st.just(0)),
        ),
        max_size=200,
    )
)
def test_no_number_is_given_twice_and_each_is_explained(actions):
    """Within an epoch, numbers differ as the incoming ones do, less those that were left out in between."""
    rewriter = Rewriter(1, 0, CLOCK)
    highest = 1000
    given_out: set[int] = set()
    epoch_first = 0
    placed: dict[int, int] = {}
    left_out: set[int] = set()
    for kind, value, ahead in actions:
        if kind == "begin":
            highest += ahead + 1
            before = rewriter.highest_out
            rewriter.begin(value, highest, highest * 3000, highest / 30)
            placed, left_out, epoch_first = {}, set(), highest
            number = rewriter.place(highest, highest * 3000, highest / 30)
            assert number == before + 1
            assert number not in given_out
            given_out.add(number)
            placed[highest] = number
            continue
        sequence = highest + value
        if sequence in placed or rewriter.epoch is None:
            continue
        ahead_of_all = sequence > highest
        highest = max(highest, sequence)
        if kind == "skip":
            if rewriter.skip(sequence) and ahead_of_all:
                left_out.add(sequence)
            continue
        number = rewriter.place(sequence, sequence * 3000, sequence / 30)
        if sequence < epoch_first or sequence in left_out:
            assert number is None
            continue
        if number is None:
            continue
        assert number not in given_out
        given_out.add(number)
        for other, other_number in placed.items():
            low, high = sorted((other, sequence))
            between = sum(low < item < high for item in left_out)
            assert abs(number - other_number) == high - low - between
        placed[sequence] = number
