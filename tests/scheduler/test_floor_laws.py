"""Laws of the floor under any sequence of commands, lines and time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import FloorError, RightError
from scheduler.floor import COMMANDS, Actor, Command, Floor, Rules, replay
from scheduler.floor_state import ROLES, Event

T = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
Step = tuple[Any, ...]

MEMBERS = [f"site:{n}" for n in range(5)] + ["person:1", "person:2"]

member = st.sampled_from(MEMBERS)
role = st.sampled_from(ROLES)
rules = st.builds(
    Rules,
    holder_grace=st.sampled_from([timedelta(0), timedelta(seconds=20)]),
    take_back_at_time_up=st.booleans(),
    lobby=st.booleans(),
)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("do"),
            st.builds(Actor, member, role),
            st.builds(
                Command,
                st.sampled_from(COMMANDS),
                st.one_of(st.just(""), member),
                st.one_of(st.none(), st.floats(0, 90)),
            ),
        ),
        st.tuples(st.just("arrive"), member, role, st.booleans()),
        st.tuples(st.just("depart"), member, st.booleans()),
        st.tuples(st.just("wait"), st.floats(0, 60)),
        st.tuples(st.just("restarted")),
    ),
    max_size=60,
)


def run(floor: Floor, plan: list[Step]) -> Iterator[tuple[Step, tuple[Event, ...]]]:
    """Each step that was not refused, with its events; time passes by the waits."""
    now = T
    # Most are there from the beginning: otherwise most commands would be refused.
    arrivals: list[Step] = [
        ("arrive", key, "site" if key.startswith("site") else "chair", True) for key in MEMBERS[1:]
    ]
    for step in [*arrivals, *plan]:
        before = floor.snapshot()
        try:
            match step:
                case ("do", actor, command):
                    events = floor.do(actor, command, now)
                case ("arrive", key, its_role, invited):
                    events = floor.arrive(key, its_role, now, invited=invited)
                case ("depart", key, for_good):
                    events = floor.depart(key, now, for_good=for_good)
                case ("restarted",):
                    events = floor.restarted(now)
                case (_, seconds):
                    now += timedelta(seconds=seconds)
                    events = floor.tick(now)
        except (FloorError, RightError):
            assert floor.snapshot() == before
            continue
        yield step, events


@given(rules, steps)
def test_replay_gives_the_state_and_numbers_have_no_gaps(its_rules: Rules, plan: list) -> None:  # type: ignore[type-arg]
    floor = Floor(its_rules)
    log: list[Event] = []
    for _, events in run(floor, plan):
        log += events
    assert [event.sequence for event in log] == list(range(1, len(log) + 1))
    stored = [json.loads(json.dumps(event.to_dict())) for event in log]
    assert [Event.from_dict(plain) for plain in stored] == log
    assert replay(log) == floor.state


@given(rules, steps)
def test_laws_hold_after_each_step_and_snapshots_are_the_state(its_rules: Rules, plan: list) -> None:  # type: ignore[type-arg]
    floor = Floor(its_rules)
    for _, events in run(floor, plan):
        state = floor.state
        assert state.broken_law() == ""
        assert [state.order(key) for key in state.queue] == list(range(1, len(state.queue) + 1))
        assert Floor.restore(json.loads(json.dumps(floor.snapshot())), its_rules).state == state
        given_to = [event.member for event in events if event.kind == "given"]
        assert len(given_to) <= 1
        if given_to:
            assert state.holder == given_to[0]
            assert state.may_speak(state.holder)


@given(rules, steps)
def test_the_order_of_those_who_keep_asking_never_changes(its_rules: Rules, plan: list) -> None:  # type: ignore[type-arg]
    floor = Floor(its_rules)
    before: list[str] = []
    for _, events in run(floor, plan):
        after = list(floor.state.queue)
        new = [event.member for event in events if event.kind == "asked"]
        assert after == [key for key in before if key in after and key not in new] + new
        before = after


@given(rules, steps)
def test_only_a_chair_and_the_server_give_or_take_and_each_loss_has_a_cause(
    its_rules: Rules, plan: list[Step]
) -> None:
    floor = Floor(its_rules)
    for step, events in run(floor, plan):
        for event in events:
            if event.kind == "given":
                assert step[0] == "do"
                assert step[1].role == "chair"
            if event.kind == "taken":
                assert event.reason in {
                    "given_on", "taken_back", "finished", "left", "away", "time_up", "removed",
                }  # fmt: skip


@given(rules, steps)
def test_ticks_before_the_deadline_do_nothing_and_at_it_something(its_rules: Rules, plan: list) -> None:  # type: ignore[type-arg]
    floor = Floor(its_rules)
    for _ in run(floor, plan):
        deadline = floor.deadline()
        if deadline is None:
            assert floor.tick(T + timedelta(days=365)) == ()
        else:
            assert floor.tick(deadline - timedelta(microseconds=1)) == ()
            copy = Floor.restore(floor.snapshot(), its_rules)
            assert copy.tick(deadline)
