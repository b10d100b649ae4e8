"""Bandwidth allocation of one subscriber."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.ports import Kind
from media.streams.allocator import (
    Allocator,
    Choice,
    Demand,
    Option,
    Step,
    allocate,
    merit,
    next_steps,
    total_bitrate,
)

K = 1000
SIMULCAST = (Option(0, 150 * K), Option(1, 500 * K), Option(2, 1700 * K))


def sound(subscription: int = 1, bitrate: int = 30 * K) -> Demand:
    return Demand(subscription, Kind.AUDIO, (Option(0, bitrate),), 0)


def camera(subscription: int, wanted: int | None = 2, priority: int = 0) -> Demand:
    return Demand(subscription, Kind.VIDEO, SIMULCAST, wanted, priority)


def screen(subscription: int, bitrate: int = 600 * K) -> Demand:
    return Demand(subscription, Kind.VIDEO, (Option(2, bitrate),), 2, screen=True)


def layers(choices: dict[int, Choice]) -> dict[int, int | None]:
    return {subscription: choice.layer for subscription, choice in choices.items()}


@pytest.mark.parametrize(
    ("demands", "estimate", "chosen"),
    [
        # No limit is known: everything.
        ([sound(), camera(2), screen(3)], None, {1: 0, 2: 2, 3: 2}),
        # Sound is never paused.
        ([sound(), camera(2)], 0, {1: 0, 2: None}),
        ([sound(), camera(2)], 179 * K, {1: 0, 2: None}),
        ([sound(), camera(2)], 180 * K, {1: 0, 2: 0}),
        ([sound(), camera(2)], 529 * K, {1: 0, 2: 0}),
        ([sound(), camera(2)], 530 * K, {1: 0, 2: 1}),
        ([sound(), camera(2)], 9000 * K, {1: 0, 2: 2}),
        ([sound(), camera(2, wanted=1)], 9000 * K, {1: 0, 2: 1}),
        ([camera(2, wanted=None)], 9000 * K, {2: None}),
        # Everybody the lowest before anybody a higher one.
        ([camera(1), camera(2), camera(3)], 799 * K, {1: 0, 2: 0, 3: 0}),
        ([camera(1), camera(2), camera(3)], 800 * K, {1: 1, 2: 0, 3: 0}),
        ([camera(1), camera(2), camera(3)], 1500 * K, {1: 1, 2: 1, 3: 1}),
        ([camera(1), camera(2), camera(3)], 299 * K, {1: 0, 2: None, 3: None}),
        # Higher priority first, also upwards.
        ([camera(1), camera(2, priority=1)], 200 * K, {1: None, 2: 0}),
        ([camera(1), camera(2, priority=1)], 1850 * K, {1: 0, 2: 2}),
        # A screen before cameras of any priority.
        ([camera(1, priority=9), screen(2)], 600 * K, {1: None, 2: 2}),
        # A screen that does not fit does not take the cameras with it.
        ([camera(1), screen(2)], 599 * K, {1: 1, 2: None}),
        # A wanted layer that is not sent.
        ([Demand(1, Kind.VIDEO, (SIMULCAST[0], SIMULCAST[2]), 1)], None, {1: 0}),
        ([Demand(1, Kind.VIDEO, (SIMULCAST[2],), 0)], None, {1: 2}),
        ([Demand(1, Kind.VIDEO, (), 2)], None, {1: None}),
        ([], 100, {}),
    ],
)
def test_table(demands: list[Demand], estimate: float | None, chosen: dict[int, int | None]) -> None:
    assert layers(allocate(demands, estimate)) == chosen


def test_paused_means_that_there_was_something_to_send() -> None:
    demands = [camera(1), camera(2, wanted=None), Demand(3, Kind.VIDEO, (), 2), sound(4)]
    assert allocate(demands, 0) == {
        1: Choice(None, True),
        2: Choice(None, False),
        3: Choice(None, False),
        4: Choice(0, False),
    }


def test_without_pausing_the_lowest_layer_is_always_sent() -> None:
    demands = [sound(), camera(2), camera(3)]
    assert layers(allocate(demands, 10 * K, allow_pause=False)) == {1: 0, 2: 0, 3: 0}


def test_caps_hold_single_subscriptions() -> None:
    demands = [camera(1), camera(2), camera(3)]
    assert layers(allocate(demands, None, caps={1: 0, 2: None})) == {1: 0, 2: None, 3: 2}


def test_steps_up_in_the_order_in_which_they_come() -> None:
    demands = [sound(), camera(2), camera(3, priority=1), screen(4), camera(5, wanted=0)]
    choices = allocate(demands, 480 * K)
    assert layers(choices) == {1: 0, 2: 0, 3: 0, 4: None, 5: 0}
    assert next_steps(demands, choices) == [
        Step(4, 2, 1080 * K),
        Step(3, 1, 830 * K),
        Step(2, 1, 830 * K),
    ]
    assert next_steps(demands, allocate(demands, None)) == []


def test_down_at_once_up_after_patience() -> None:
    allocator = Allocator(margin=0.1, patience=3.0)
    demands = [camera(1)]
    assert layers(allocator.update(demands, None, 0.0)) == {1: 2}
    assert layers(allocator.update(demands, 600 * K, 1.0)) == {1: 1}
    assert layers(allocator.update(demands, 100 * K, 1.1)) == {1: None}
    assert allocator.choices[1] == Choice(None, True)
    assert layers(allocator.update(demands, 600 * K, 2.0)) == {1: None}
    assert layers(allocator.update(demands, 600 * K, 4.9)) == {1: None}
    assert layers(allocator.update(demands, 600 * K, 5.0)) == {1: 1}


def test_a_short_rise_lifts_nobody() -> None:
    allocator = Allocator(margin=0.1, patience=3.0)
    demands = [camera(1)]
    allocator.update(demands, 200 * K, 0.0)
    for turn in range(20):
        estimate = (200 if turn % 4 == 3 else 2000) * K
        assert layers(allocator.update(demands, estimate, 1.0 + turn * 0.9)) == {1: 0}


def test_without_the_margin_nobody_rises() -> None:
    allocator = Allocator(margin=0.1, patience=3.0)
    demands = [camera(1)]
    allocator.update(demands, 200 * K, 0.0)
    for turn in range(20):
        assert layers(allocator.update(demands, 549 * K, 1.0 + turn)) == {1: 0}
    allocator.update(demands, 551 * K, 30.0)
    assert layers(allocator.update(demands, 551 * K, 33.0)) == {1: 1}


def test_a_new_picture_gets_its_lowest_layer_from_those_who_have_more() -> None:
    allocator = Allocator()
    assert layers(allocator.update([camera(1)], 600 * K, 0.0)) == {1: 1}
    assert layers(allocator.update([camera(1), camera(2)], 600 * K, 0.1)) == {1: 0, 2: 0}


def test_a_larger_tile_is_served_at_once_where_there_is_room() -> None:
    allocator = Allocator()
    assert layers(allocator.update([camera(1, wanted=0)], 600 * K, 0.0)) == {1: 0}
    assert layers(allocator.update([camera(1, wanted=2)], 600 * K, 0.1)) == {1: 1}


def test_fc_a09_the_layer_is_back_without_a_new_request() -> None:
    """f stops for three seconds and returns, with and without a limit of the line."""
    for estimate in (None, 5000 * K):
        allocator = Allocator()
        without = Demand(1, Kind.VIDEO, SIMULCAST[:1], 2)
        assert layers(allocator.update([camera(1)], estimate, 0.0)) == {1: 2}
        assert layers(allocator.update([without], estimate, 1.0)) == {1: 0}
        assert layers(allocator.update([camera(1)], estimate, 4.0)) == {1: 2}


def test_fc_a09_the_only_layer_left_is_taken_at_once() -> None:
    allocator = Allocator()
    demands = [Demand(1, Kind.VIDEO, SIMULCAST[:2], 1)]
    assert layers(allocator.update(demands, 200 * K, 0.0)) == {1: 0}
    left = [Demand(1, Kind.VIDEO, (Option(1, 180 * K),), 1)]
    assert layers(allocator.update(left, 200 * K, 1.0)) == {1: 1}


def test_a_picture_plays_on_until_a_screen_surely_fits() -> None:
    allocator = Allocator()
    demands = [camera(1, wanted=0), screen(2)]
    assert layers(allocator.update(demands, 300 * K, 0.0)) == {1: 0, 2: None}
    assert layers(allocator.update(demands, 670 * K, 1.0)) == {1: 0, 2: None}
    assert layers(allocator.update(demands, 670 * K, 4.0)) == {1: None, 2: 2}


def test_a_step_is_taken_at_once_and_nothing_else() -> None:
    allocator = Allocator()
    demands = [camera(1), camera(2)]
    assert layers(allocator.update(demands, 300 * K, 0.0)) == {1: 0, 2: 0}
    step = next_steps(demands, allocator.choices)[0]
    assert step == Step(1, 1, 650 * K)
    assert layers(allocator.update(demands, 9000 * K, 1.0, [step])) == {1: 1, 2: 0}


def test_with_infinite_patience_only_steps_rise() -> None:
    allocator = Allocator(patience=math.inf)
    demands = [camera(1), camera(2)]
    allocator.update(demands, 300 * K, 0.0)
    for now in range(1, 100):
        assert layers(allocator.update(demands, 9000 * K, now)) == {1: 0, 2: 0}
    steps = next_steps(demands, allocator.choices)
    assert layers(allocator.update(demands, 9000 * K, 100.0, steps)) == {1: 1, 2: 1}


def test_gone_subscriptions_are_forgotten() -> None:
    allocator = Allocator()
    allocator.update([camera(1)], 100 * K, 0.0)
    assert allocator.update([], 100 * K, 1.0) == {}
    assert layers(allocator.update([camera(1)], 600 * K, 2.0)) == {1: 1}


@st.composite
def options(draw: st.DrawFn) -> tuple[Option, ...]:
    used = draw(st.sets(st.integers(0, 2)))
    bitrates = sorted(draw(st.lists(st.integers(0, 2000), min_size=len(used), max_size=len(used))))
    return tuple(Option(layer, bitrate) for layer, bitrate in zip(sorted(used), bitrates, strict=True))


@st.composite
def demand_lists(draw: st.DrawFn) -> list[Demand]:
    count = draw(st.integers(0, 7))
    return [
        Demand(
            number,
            draw(st.sampled_from([Kind.AUDIO, Kind.VIDEO, Kind.VIDEO, Kind.VIDEO])),
            draw(options()),
            draw(st.sampled_from([None, 0, 1, 2, 2])),
            draw(st.integers(0, 2)),
            draw(st.booleans()),
        )
        for number in range(count)
    ]


def unavoidable(demands: list[Demand], allow_pause: bool) -> int:
    """Bit/s that are sent whatever the estimate is."""
    total = 0
    for demand in demands:
        usable = demand.usable()
        if usable and demand.kind is Kind.AUDIO:
            total += usable[-1].bitrate
        elif usable and not allow_pause:
            total += usable[0].bitrate
    return total


@given(demand_lists(), st.integers(0, 8000), st.booleans())
def test_never_over_the_estimate_but_for_sound_and_minimum(
    demands: list[Demand], estimate: int, allow_pause: bool
) -> None:
    choices = allocate(demands, estimate, allow_pause=allow_pause)
    assert total_bitrate(demands, choices) <= max(estimate, unavoidable(demands, allow_pause))
    for demand in demands:
        choice = choices[demand.subscription]
        assert choice.layer in [None, *(option.layer for option in demand.usable())]
        if demand.usable() and (demand.kind is Kind.AUDIO or not allow_pause):
            assert choice.layer is not None


@given(demand_lists(), st.lists(st.integers(0, 8000), min_size=2, max_size=8))
def test_a_higher_estimate_is_never_worse(demands: list[Demand], estimates: list[int]) -> None:
    allocations = [allocate(demands, estimate) for estimate in [*sorted(estimates), None]]
    for lower, higher in pairwise(allocations):
        assert merit(demands, lower) <= merit(demands, higher)


@given(st.integers(1, 9), options().filter(len), st.lists(st.integers(0, 8000), min_size=2, max_size=8))
def test_among_equals_nobody_goes_dark_by_a_higher_estimate(
    count: int, same: tuple[Option, ...], estimates: list[int]
) -> None:
    demands = [Demand(number, Kind.VIDEO, same, 2) for number in range(count)]
    allocations = [layers(allocate(demands, estimate)) for estimate in sorted(estimates)]
    for lower, higher in pairwise(allocations):
        for number in range(count):
            assert lower[number] is None or higher[number] is not None


@given(demand_lists(), st.integers(0, 8000))
def test_nobody_gets_more_while_an_affordable_picture_is_dark(demands: list[Demand], estimate: int) -> None:
    choices = allocate(demands, estimate)
    spent = total_bitrate(demands, choices)
    spare = (
        estimate
        - spent
        + sum(
            usable[[option.layer for option in usable].index(layer)].bitrate - usable[0].bitrate
            for demand in demands
            if demand.kind is Kind.VIDEO
            and (layer := choices[demand.subscription].layer) is not None
            and (usable := demand.usable())
        )
    )
    for demand in demands:
        if choices[demand.subscription].paused:
            assert demand.usable()[0].bitrate > spare


@given(
    st.lists(
        st.tuples(demand_lists(), st.one_of(st.none(), st.integers(0, 8000)), st.floats(0.0, 2.0)),
        min_size=1,
        max_size=15,
    ),
    st.booleans(),
)
def test_over_time_too_the_estimate_is_kept(
    script: list[tuple[list[Demand], int | None, float]], allow_pause: bool
) -> None:
    allocator = Allocator(allow_pause=allow_pause)
    now = 0.0
    for demands, estimate, wait in script:
        now += wait
        choices = allocator.update(demands, estimate, now)
        assert choices.keys() == {demand.subscription for demand in demands}
        if estimate is not None:
            assert total_bitrate(demands, choices) <= max(estimate, unavoidable(demands, allow_pause))


@given(demand_lists(), st.integers(1, 8000))
def test_a_steady_line_ends_in_a_steady_allocation(demands: list[Demand], estimate: int) -> None:
    allocator = Allocator()
    allocator.update(demands, 0, 0.0)
    allocator.update(demands, estimate, 1.0)
    settled = allocator.update(demands, estimate, 4.0)
    assert merit(demands, settled) >= merit(demands, allocate(demands, estimate / 1.1))
    for turn in range(10):
        assert allocator.update(demands, estimate, 5.0 + turn) == settled
