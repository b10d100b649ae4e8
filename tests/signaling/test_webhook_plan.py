"""The plan of one webhook address: order per room, pauses, bounds; all in virtual time."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from signaling.webhook_plan import Delivery, RetryPlan, RetryPolicy


def event(room: str, number: int) -> WebhookEvent:
    return WebhookEvent(event="x", room=models.Room(name=room), id=f"{room}{number}")


def names(deliveries: list[Delivery]) -> list[str]:
    return [delivery.event.id for delivery in deliveries]


def plan_with(*events: str, **policy: float) -> RetryPlan:
    plan = RetryPlan(RetryPolicy(**policy))  # type: ignore[arg-type]
    for name in events:
        plan.offer(name[0], event(name[0], int(name[1:])))
    return plan


@pytest.mark.parametrize(
    ("attempts", "pause"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (9, 30.0), (10, None), (10_000, None)],
)
def test_pauses(attempts: int, pause: float | None) -> None:
    assert RetryPolicy().pause(attempts) == pause


def test_pause_of_very_many_attempts_does_not_overflow() -> None:
    assert RetryPolicy(max_attempts=10**9, factor=1e10).pause(10**8) == 30.0


def test_rooms_side_by_side_and_each_in_order() -> None:
    plan = plan_with("a1", "a2", "b1", "a3", "b2")
    first = plan.due(0.0)
    assert names(first) == ["a1", "b1"]
    assert plan.due(0.0) == []
    plan.succeeded(first[0])
    second = plan.due(0.0)
    assert names(second) == ["a2"]
    plan.succeeded(first[1])
    plan.succeeded(second[0])
    assert names(plan.due(0.0)) == ["b2", "a3"]
    assert len(plan) == 2


def test_failure_holds_its_own_room_only() -> None:
    plan = plan_with("a1", "a2", "b1", "b2")
    a1, b1 = plan.due(10.0)
    assert plan.failed(a1, 10.0) is True
    plan.succeeded(b1)
    assert names(plan.due(10.0)) == ["b2"]
    assert plan.next_deadline() == 10.5
    assert plan.due(10.49) == []
    again = plan.due(10.5)
    assert again == [a1]
    assert a1.attempts == 2
    assert plan.failed(a1, 11.0) is True
    assert plan.next_deadline() == 12.0


def test_given_up_after_the_last_attempt_and_the_next_one_says_so() -> None:
    plan = plan_with("a1", "a2", max_attempts=3)
    now = 0.0
    for again in (True, True, False):
        (delivery,) = plan.due(now)
        assert delivery.event.id == "a1"
        assert plan.failed(delivery, now) is again
        now = plan.next_deadline() or 0.0
    (a2,) = plan.due(now)
    assert (a2.event.id, a2.num_dropped) == ("a2", 1)
    assert plan.lost == 1
    plan.succeeded(a2)
    plan.offer("a", event("a", 3))
    assert plan.due(now)[0].num_dropped == 0


def test_no_retry_where_it_cannot_help() -> None:
    plan = plan_with("a1", "a2")
    assert plan.failed(plan.due(0.0)[0], 0.0, retry=False) is False
    assert names(plan.due(0.0)) == ["a2"]


def test_missed_ones_are_handed_on_when_their_bearer_is_lost_too() -> None:
    plan = plan_with("a1", "a2", "a3", max_attempts=1)
    for _ in range(2):
        plan.failed(plan.due(0.0)[0], 0.0)
    (a3,) = plan.due(0.0)
    assert a3.num_dropped == 2


def test_oldest_is_dropped_but_not_what_is_under_way() -> None:
    plan = plan_with("a1", "b2", "a3", max_queued=3)
    a1, b2 = plan.due(0.0)
    plan.offer("c", event("c", 4))
    assert (len(plan), plan.lost) == (3, 1)
    plan.succeeded(a1)
    plan.succeeded(b2)
    (c4,) = plan.due(0.0)
    assert (c4.event.id, c4.num_dropped) == ("c4", 1)


def test_bound_in_bytes() -> None:
    plan = RetryPlan(RetryPolicy(max_queued_bytes=3000))
    for number in range(10):
        big = event("a", number)
        big.room.metadata = "x" * 1000
        plan.offer("a", big)
    assert len(plan) == 2
    assert plan.lost == 8
    (delivery,) = plan.due(0.0)
    assert (delivery.event.id, delivery.num_dropped) == ("a8", 8)


def test_one_that_is_larger_than_the_bound_is_dropped() -> None:
    plan = RetryPlan(RetryPolicy(max_queued_bytes=10))
    plan.offer("a", event("a", 1_000_000))
    assert (len(plan), plan.lost, plan.due(0.0), plan.next_deadline()) == (0, 1, [], None)


def test_in_flight_is_bounded_and_turns_are_taken() -> None:
    plan = plan_with(*(f"{room}{n}" for room in "abcd" for n in (1, 2)), max_in_flight=2)
    a1, b1 = plan.due(0.0)
    assert plan.next_deadline() is None
    plan.succeeded(a1)
    assert names(plan.due(0.0)) == ["c1"]
    plan.succeeded(b1)
    assert names(plan.due(0.0)) == ["d1"]


def test_hurry_and_abandon() -> None:
    plan = plan_with("a1", "a2")
    plan.failed(plan.due(0.0)[0], 0.0)
    plan.hurry()
    (a1,) = plan.due(0.0)
    assert a1.event.id == "a1"
    plan.abandon()
    assert (len(plan), plan.lost, plan.next_deadline()) == (0, 2, None)


def test_outcome_of_what_is_not_under_way_is_a_bug() -> None:
    plan = plan_with("a1")
    (a1,) = plan.due(0.0)
    plan.failed(a1, 0.0)
    with pytest.raises(AssertionError):
        plan.succeeded(a1)


@given(seed=st.integers(0, 2**32), max_queued=st.integers(1, 12))
def test_order_and_count_hold_whatever_happens(seed: int, max_queued: int) -> None:
    """A receiver's view: a room's ids rise, and what it got and what it was told it missed is everything."""
    chance = random.Random(seed)
    plan = RetryPlan(RetryPolicy(max_queued=max_queued, max_attempts=3, max_in_flight=3))
    now, offered, got, told = 0.0, 0, {"a": [], "b": [], "c": []}, 0  # type: ignore[var-annotated]
    flying: list[Delivery] = []

    def step(fail: bool) -> None:
        nonlocal now, told
        flying.extend(plan.due(now))
        if flying and chance.random() < 0.7:
            delivery = flying.pop(chance.randrange(len(flying)))
            if fail and chance.random() < 0.5:
                plan.failed(delivery, now, retry=chance.random() < 0.8)
            else:
                plan.succeeded(delivery)
                got[delivery.room].append(int(delivery.event.id[1:]))
                told += delivery.num_dropped
        else:
            now += chance.random()

    for _ in range(200):
        if chance.random() < 0.4:
            offered += 1
            room = chance.choice("abc")
            plan.offer(room, event(room, offered))
        step(fail=True)
        assert len(plan) <= max_queued + len(flying)
    for _ in range(1000):
        step(fail=False)
    assert len(plan) == 0
    for numbers in got.values():
        assert numbers == sorted(set(numbers))
    delivered = sum(map(len, got.values()))
    assert delivered + plan.lost == offered
    # A last delivery tells of all that was missed before it.
    plan.offer("a", event("a", 10_000))
    assert delivered + told + plan.due(now + 100)[0].num_dropped == offered
