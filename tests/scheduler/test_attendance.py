"""Attendance from a log that has its facts late, twice and in any order (FC-a01)."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.attendance import Invited, Report, Rules, report
from scheduler.attending import head_counts, presence
from scheduler.model import AttendanceFact

START = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
SITE = "site:00004:main"
INVITED = [
    Invited("site:00004", "Phường Trúc Bạch", "00004", "Quận Ba Đình"),
    Invited("site:00001", "Phường Phúc Xá", "00001", "Quận Ba Đình"),
]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def fact(
    kind: str, told: float, identity: str = "", sid: str = "", begin: float | None = None
) -> AttendanceFact:
    return AttendanceFact(
        at=at(told),
        kind=kind,
        identity=identity,
        sid=sid,
        room_sid="RM_1",
        joined_at=None if begin is None else at(begin),
    )


def heads(told: float, count: int, identity: str) -> AttendanceFact:
    return AttendanceFact(at=at(told), kind="head_count", identity=identity, count=count)


def joined(sid: str, begin: float, told: float | None = None, identity: str = SITE) -> AttendanceFact:
    return fact("joined", begin if told is None else told, identity, sid, begin)


def left(sid: str, begin: float, end: float, identity: str = SITE) -> AttendanceFact:
    """An end is told in whole seconds and counts as the middle of that second."""
    return fact("left", end, identity, sid, begin)


def made(
    facts: list[AttendanceFact], end: float | None = 3600, now: float = 3600, rules: Rules | None = None
) -> Report:
    return report(
        presence(facts), head_counts(facts), INVITED, START, None if end is None else at(end), at(now), rules
    )


def spans(one: Report) -> list[tuple[float, float | None]]:
    """The first line's intervals in seconds after the start."""
    return [
        ((i.start - START).total_seconds(), None if i.end is None else (i.end - START).total_seconds())
        for i in one.lines[0].intervals
    ]


FACTS = [joined("s1", 0), left("s1", 0, 600), joined("s2", 600.8)]


@pytest.mark.parametrize("facts", list(itertools.permutations(FACTS)))
def test_fc_a01_any_order_gives_one_open_interval(facts: tuple[AttendanceFact, ...]) -> None:
    one = made(list(facts), end=None, now=1800)
    assert spans(one) == [(0, 600.5), (600.8, None)]
    assert one.lines[0].status == "present"
    assert one.lines[0].seconds == pytest.approx(600.5 + 1199.2)


@pytest.mark.parametrize("facts", list(itertools.permutations([*FACTS, FACTS[1]])))
def test_fc_a01_a_doubled_left_changes_nothing(facts: tuple[AttendanceFact, ...]) -> None:
    assert spans(made(list(facts), end=None, now=1800)) == [(0, 600.5), (600.8, None)]


@pytest.mark.parametrize("facts", list(itertools.permutations([FACTS[0], FACTS[2]])))
def test_fc_a01_a_missing_left_is_closed_by_the_next_join(facts: tuple[AttendanceFact, ...]) -> None:
    one = made(list(facts), end=None, now=1800)
    # Without a gap the two are one presence, no second of it twice.
    assert spans(one) == [(0, None)]
    assert one.lines[0].seconds == 1800


@pytest.mark.parametrize(
    "facts", list(itertools.permutations([joined("s1", 0), joined("s2", 600), left("s2", 600, 900)]))
)
def test_fc_a01_an_old_session_without_its_left_outlasts_no_newer_one(
    facts: tuple[AttendanceFact, ...],
) -> None:
    assert spans(made(list(facts), end=None, now=1800)) == [(0, 900.5)]


def test_fc_a01_a_left_that_is_told_after_the_next_join_ends_nothing() -> None:
    one = made([joined("s1", 0), joined("s2", 600), left("s1", 0, 602)], end=None, now=1800)
    assert spans(one) == [(0, None)]
    assert one.lines[0].last_left is None


def test_a_left_alone_tells_the_whole_session() -> None:
    assert spans(made([left("s1", 60, 600)])) == [(60, 600.5)]


def test_the_end_of_the_room_ends_what_nobody_told_the_end_of() -> None:
    ended = fact("ended", 3500)
    one = made([ended, joined("s1", 0), joined("x", 10, identity="site:00001:main")])
    assert [line.last_left for line in one.lines] == [at(3500.5), at(3500.5)]
    # The room before, of the same name, says nothing of a session in this one.
    before = fact("ended", 30)
    before.room_sid = "RM_0"
    one = made([before, joined("s1", 20)], end=None)
    assert spans(one) == [(20, None)]


def test_a_session_that_was_broken_off_while_it_connected_is_none() -> None:
    aborted = fact("aborted", 5, SITE, "s1", 3)
    assert made([aborted]).lines[0].status == "absent"
    assert spans(made([aborted, joined("s1", 3)])) == [(3, 5.5)]


def test_two_devices_of_one_site_are_one_presence() -> None:
    other = "site:00004:spare"
    facts = [joined("a", 0), left("a", 0, 600), joined("b", 300, identity=other), left("b", 300, 900, other)]
    one = made(facts)
    assert spans(one) == [(0, 900.5)]
    assert one.lines[0].seconds == 900.5


@pytest.mark.parametrize(
    ("facts", "status", "minutes", "late_by", "early"),
    [
        ([], "absent", 0, None, False),
        ([joined("a", -1200), left("a", -1200, 3600)], "present", 60, None, False),
        ([joined("a", 300), left("a", 300, 3600)], "present", 55, None, False),
        ([joined("a", 301), left("a", 301, 3600)], "late", 54, 301, False),
        ([joined("a", 0), left("a", 0, 3299)], "present", 54, None, True),
        ([joined("a", 0), left("a", 0, 3300)], "present", 55, None, False),
        # There for the test only, and gone before it began.
        ([joined("a", -1200), left("a", -1200, -600)], "absent", 0, None, False),
        # Came after the end.
        ([joined("a", 3700)], "absent", 0, None, False),
        # In time, cut, and back: not late.
        ([joined("a", 0), left("a", 0, 60), joined("b", 1200)], "present", 41, None, False),
    ],
)
def test_present_late_absent(
    facts: list[AttendanceFact], status: str, minutes: int, late_by: float | None, early: bool
) -> None:
    five = timedelta(minutes=5)
    line = made(facts, rules=Rules(late_after=five, early_before=five)).lines[0]
    assert (line.status, line.minutes, line.left_early) == (status, minutes, early)
    assert line.late_by == (None if late_by is None else timedelta(seconds=late_by))


@pytest.mark.parametrize(
    ("facts", "now", "status"),
    [
        ([], -60, "invited"),
        ([], 900, "invited"),
        ([], 901, "absent"),
        ([joined("a", -300)], -60, "present"),
        ([joined("a", -300), left("a", -300, -200)], -60, "invited"),
        ([joined("a", 0), left("a", 0, 100)], 200, "present"),
    ],
)
def test_while_it_lasts(facts: list[AttendanceFact], now: float, status: str) -> None:
    assert made(facts, end=None, now=now).lines[0].status == status


def test_counts_heads_and_those_who_were_not_invited() -> None:
    facts = [
        joined("a", 0),
        joined("b", 1200, identity="site:00001:main"),
        joined("c", 0, identity="person:9:phone"),
        joined("d", 0, identity="recorder"),
        heads(100, 12, SITE),
        heads(200, 9, SITE),
        heads(50, 4, "site:00001:main"),
    ]
    one = made(facts)
    assert [(line.key, line.was_invited, line.status) for line in one.lines] == [
        ("site:00004", True, "present"),
        ("site:00001", True, "late"),
        ("person:9", False, "present"),
    ]
    assert [one.count(status) for status in ("present", "late", "absent")] == [1, 1, 0]
    assert [line.head_count for line in one.lines] == [9, 4, None]
    assert one.heads == 13


def test_two_sites_of_one_name_stay_two() -> None:
    twins = [Invited("site:00295", "Phường Minh Khai"), Invited("site:00613", "Phường Minh Khai")]
    one = report(presence([joined("a", 0, identity="site:00613:main")]), {}, twins, START, at(60), at(60))
    assert [line.status for line in one.lines] == ["absent", "present"]


seconds = st.integers(-600, 4000)
sessions = st.lists(
    st.tuples(st.sampled_from([SITE, "site:00004:spare"]), seconds, st.integers(0, 1000), st.booleans()),
    max_size=8,
)


@given(sessions, st.randoms(use_true_random=False))
def test_the_order_of_facts_says_nothing_and_no_second_counts_twice(plan, rng: random.Random) -> None:  # type: ignore[no-untyped-def]
    facts = []
    for number, (identity, begin, length, tells) in enumerate(plan):
        facts.append(joined(f"s{number}", begin, identity=identity))
        if tells:
            facts.append(left(f"s{number}", begin, begin + length, identity))
    one = made(facts)
    shuffled = [*facts, *facts]
    rng.shuffle(shuffled)
    assert made(shuffled) == one
    line = one.lines[0]
    assert 0 <= line.seconds <= 3600
    for before, after in itertools.pairwise(line.intervals):
        assert before.end is not None
        assert before.start <= before.end < after.start
    # Every second that a session surely had is in some interval.
    for _, begin, length, tells in plan:
        if tells and length == 0:
            continue
        moment = at(begin)
        assert any(i.start <= moment and (i.end is None or moment <= i.end) for i in line.intervals)
