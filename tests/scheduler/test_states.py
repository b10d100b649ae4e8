"""The life of a meeting: every step from every state, and what is due when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import states
from scheduler.errors import ImpossibleError, StateError
from scheduler.model.meetings import MEETING_STATES
from scheduler.states import Action, Life, Rules, due, next_due

START = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
END = START + timedelta(hours=1)
NOW = START - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def life(state: str) -> Life:
    return Life(state, START, END)


def take(one: Life, what: str) -> Life:
    match what:
        case "publish":
            return one.publish(NOW)
        case "move":
            return one.move(START + MINUTE, END + MINUTE, NOW, "bận")
        case "cancel":
            return one.cancel("bão")
        case "open":
            return one.open(START)
        case "skip":
            return one.skip(END, states.END_PASSED)
        case "extend":
            return one.extend(END + MINUTE, START)
        case _:
            return one.close(END)


TABLE = {
    "draft": {"publish": "published", "move": "draft", "cancel": "cancelled"},
    "published": {"move": "published", "cancel": "cancelled", "open": "open", "skip": "skipped"},
    "open": {"extend": "open", "close": "closed"},
    "closed": {},
    "cancelled": {},
    "skipped": {},
}
WHAT = ("publish", "move", "cancel", "open", "skip", "extend", "close")


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("state", states.STATES)
def test_every_step_from_every_state(state: str, what: str) -> None:
    wanted = TABLE[state].get(what)
    if wanted is None:
        with pytest.raises(StateError) as caught:
            take(life(state), what)
        assert caught.value.details == {"state": state, "step": what}
    else:
        after = take(life(state), what)
        assert after.state == wanted
        assert after.version == 2


def test_the_states_are_those_that_are_stored() -> None:
    assert set(states.STATES) == set(MEETING_STATES)
    assert {"closed", "cancelled", "skipped"} == states.FINAL


def test_what_each_step_leaves_behind() -> None:
    published = life("draft").publish(NOW)
    moved = published.move(START + MINUTE, END + MINUTE, NOW, " bận ")
    assert (moved.starts_at, moved.ends_at, moved.reason, moved.version) == (
        START + MINUTE,
        END + MINUTE,
        "bận",
        3,
    )
    opened = moved.open(START + 2 * MINUTE)
    assert opened.opened_at == START + 2 * MINUTE
    closed = opened.extend(END + 9 * MINUTE, END).close(END + 8 * MINUTE)
    assert (closed.closed_at, closed.opened_at) == (END + 8 * MINUTE, START + 2 * MINUTE)
    assert published.cancel("bão").reason == "bão"
    skipped = published.skip(END, states.END_PASSED)
    assert (skipped.reason, skipped.closed_at, skipped.opened_at) == ("end_passed", END, None)


def test_fc_c10_an_unchanged_save_changes_nothing() -> None:
    published = life("published")
    assert published.move(START, END, NOW) is published
    opened = life("open")
    assert opened.extend(END, NOW) is opened


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda: life("draft").publish(END), "past"),
        (lambda: life("published").cancel("  "), "missing"),
        (lambda: life("published").cancel("x" * 401), "too_long"),
        (lambda: life("published").move(END, START, NOW), "before_start"),
        (lambda: life("published").move(NOW - MINUTE, END, NOW), "past"),
        (lambda: life("open").extend(START + MINUTE, START + 2 * MINUTE), "past"),
        (lambda: life("open").extend(START, NOW), "before_start"),
    ],
)
def test_senseless_steps_are_refused(change, problem: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ImpossibleError) as caught:
        change()
    assert caught.value.problem == problem


def test_a_late_meeting_may_get_another_end() -> None:
    # It has not been opened yet and its start has passed: the start stays, so nothing moves into the past.
    assert life("published").move(START, END + MINUTE, START + MINUTE).ends_at == END + MINUTE


RULES = Rules(open_before=15 * MINUTE, close_after=10 * MINUTE, least_left=5 * MINUTE)


@pytest.mark.parametrize(
    ("state", "minutes", "rules", "wanted"),
    [
        # Minutes are counted from the start; the meeting takes 60.
        ("published", -1, Rules(), None),
        ("published", 0, Rules(), ("open", 0, "")),
        ("published", 59, Rules(), ("open", 59, "")),
        ("published", 60, Rules(), ("skip", 60, "end_passed")),
        ("published", 60 * 24 * 365, Rules(), ("skip", 60 * 24 * 365, "end_passed")),
        ("published", -16, RULES, None),
        ("published", -15, RULES, ("open", 0, "")),
        ("published", 0, RULES, ("open", 15, "")),
        ("published", 54, RULES, ("open", 69, "")),
        ("published", 55, RULES, ("skip", 70, "too_little_left")),
        ("published", 60, RULES, ("skip", 75, "end_passed")),
        ("open", 0, Rules(), None),
        ("open", 59, Rules(), None),
        ("open", 60, Rules(), ("close", 0, "")),
        ("open", 69, RULES, None),
        ("open", 75, RULES, ("close", 5, "")),
        *[(state, 30, RULES, None) for state in ("draft", "closed", "cancelled", "skipped")],
        *[(state, 9999, RULES, None) for state in ("draft", "closed", "cancelled", "skipped")],
    ],
)
def test_what_is_due(state: str, minutes: int, rules: Rules, wanted: tuple[str, int, str] | None) -> None:
    now = START + minutes * MINUTE
    action = due(life(state), now, rules)
    if wanted is None:
        assert action is None
    else:
        kind, late, reason = wanted
        assert action == Action(kind, now - late * MINUTE, late * MINUTE, reason)  # type: ignore[arg-type]


def test_a_meeting_shorter_than_the_least_is_opened_in_time() -> None:
    short = Life("published", START, START + 3 * MINUTE)
    assert due(short, START, RULES) == Action("open", START - 15 * MINUTE, 15 * MINUTE)
    late = due(short, START + MINUTE, RULES)
    assert late is not None
    assert late.step == "skip"


def test_negative_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        Rules(open_before=-MINUTE)


@given(
    st.lists(st.integers(-3000, 200_000_000), max_size=30),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_fc_c11_nothing_is_done_twice_however_the_clock_steps(
    clock: list[int], before: int, after: int
) -> None:
    """The wall clock goes to any minutes in any order; each action is done when it is due and seen."""
    rules = Rules(before * MINUTE, after * MINUTE)
    meeting = life("published")
    done: list[str] = []
    for minutes in clock:
        now = START + minutes * MINUTE
        while (action := due(meeting, now, rules)) is not None:
            assert action.lateness >= timedelta(0)
            first = next_due(meeting, rules)
            assert first is not None
            assert action.due_at == first <= now
            done.append(action.step)
            if action.step == "skip":
                meeting = meeting.skip(now, action.reason)
            else:
                meeting = meeting.open(now) if action.step == "open" else meeting.close(now)
        wait = next_due(meeting, rules)
        assert wait is None or wait > now
    assert done in ([], ["open"], ["open", "close"], ["skip"])
