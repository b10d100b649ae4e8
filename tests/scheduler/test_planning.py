"""Taken times by bisection, and the nearest free times."""

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import localtime
from scheduler.errors import Conflict, ImpossibleError
from scheduler.planning import Busy, Timeline, Wanted, WorkingHours, by_meeting, nearest_free

HOURS = WorkingHours()
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("site:1", "site:2", "person:1")


def at(text: str) -> datetime:
    """``01/12 08:00``: a time of Hanoi in 2026 (the 1st of December is a Tuesday)."""
    day, clock = text.split()
    return localtime.parse_instant(f"{day}/2026", clock)


def busy(start: str, end: str, meeting: str = "m1", title: str = "Giao ban") -> Busy:
    return Busy(at(start), at(end), meeting, title)


def wanted(start: str, end: str, meeting_id: str = "") -> Wanted:
    return Wanted(at(start), at(end), NAMES, meeting_id)


def shown(times: tuple[datetime, datetime] | None) -> str | None:
    return localtime.format_span(*times) if times else None


@pytest.mark.parametrize(
    ("start", "end", "meets"),
    [
        ("01/12 07:00", "01/12 08:00", False),
        ("01/12 07:00", "01/12 08:01", True),
        ("01/12 08:15", "01/12 08:30", True),
        ("01/12 07:00", "01/12 10:00", True),
        ("01/12 08:59", "01/12 10:00", True),
        ("01/12 09:00", "01/12 10:00", False),
        ("30/11 08:00", "30/11 09:00", False),
    ],
)
def test_times_are_half_open(start: str, end: str, meets: bool) -> None:
    item = busy("01/12 08:00", "01/12 09:00")
    assert Timeline([item]).overlapping(at(start), at(end)) == ([item] if meets else [])


def test_fc_c10_a_meeting_over_midnight_is_there_after_midnight() -> None:
    line = Timeline([busy("01/12 22:00", "02/12 00:30")])
    [found] = line.overlapping(at("02/12 00:15"), at("02/12 01:00"))
    assert localtime.format_span(found.starts_at, found.ends_at) == "01/12/2026 22:00–02/12/2026 00:30"


def test_a_moved_meeting_is_not_in_its_own_way() -> None:
    lines = {"site:1": Timeline([busy("01/12 08:00", "01/12 09:00")])}

    def after(meeting_id: str) -> str | None:
        own = wanted("01/12 08:30", "01/12 09:30", meeting_id)
        return shown(nearest_free(own, lines, HOURS, not_before=LONG_AGO).after)

    assert after("m1") == "01/12/2026 08:45–09:45"
    assert after("m2") == "01/12/2026 09:00–10:00"
    # Two meetings without id are two: an unsaved one does not excuse the other.
    lines = {"site:1": Timeline([busy("01/12 08:00", "01/12 09:00", meeting="")])}
    assert after("") == "01/12/2026 09:00–10:00"


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(ImpossibleError) as caught:
        nearest_free(wanted("01/12 09:00", "01/12 08:00"), {}, HOURS, not_before=LONG_AGO)
    assert caught.value.problem == "before_start"


def test_one_meeting_in_the_way_of_many_is_one_clash() -> None:
    first, last = at("01/12 08:00"), at("01/12 10:00")
    clashes = by_meeting(
        [
            Conflict("site:1", "Phường Phúc Xá", "m1", "Giao ban", first, last),
            Conflict("person:1", "Nguyễn Văn An", "m2", "Tập huấn", first, last),
            Conflict("site:2", "Phường Trúc Bạch", "m1", "Giao ban", first, last),
        ]
    )
    assert [(c.meeting_id, c.title, c.names) for c in clashes] == [
        ("m1", "Giao ban", ("Phường Phúc Xá", "Phường Trúc Bạch")),
        ("m2", "Tập huấn", ("Nguyễn Văn An",)),
    ]


@pytest.mark.parametrize(
    ("start", "end", "taken", "before", "after"),
    [
        # Around one meeting.
        (
            "01/12 08:00",
            "01/12 09:00",
            [("01/12 08:00", "01/12 09:00")],
            "01/12/2026 07:00–08:00",
            "01/12/2026 09:00–10:00",
        ),
        # Off the grid: starts are at full quarters.
        (
            "01/12 08:05",
            "01/12 09:05",
            [("01/12 08:20", "01/12 09:05")],
            "01/12/2026 07:15–08:15",
            "01/12/2026 09:15–10:15",
        ),
        # Nothing left that day: the working day before and after, over a week-end.
        (
            "04/12 17:00",
            "04/12 18:00",
            [("04/12 07:00", "04/12 18:00")],
            "03/12/2026 17:00–18:00",
            "07/12/2026 07:00–08:00",
        ),
        # Wanted at night and on a Sunday.
        ("06/12 22:00", "06/12 23:00", [], "04/12/2026 17:00–18:00", "07/12/2026 07:00–08:00"),
        # A gap that is too short is no time.
        (
            "01/12 10:00",
            "01/12 11:00",
            [("01/12 07:30", "01/12 09:00"), ("01/12 09:45", "01/12 12:00")],
            "30/11/2026 17:00–18:00",
            "01/12/2026 12:00–13:00",
        ),
        # Longer than any working day.
        ("01/12 06:00", "01/12 18:00", [("01/12 07:00", "01/12 08:00")], None, None),
        # A taken time that began the night before.
        (
            "02/12 07:00",
            "02/12 08:00",
            [("01/12 22:00", "02/12 07:20")],
            "01/12/2026 17:00–18:00",
            "02/12/2026 07:30–08:30",
        ),
    ],
)
def test_nearest_free_times(
    start: str, end: str, taken: list[tuple[str, str]], before: str | None, after: str | None
) -> None:
    # Spread over resources: a time must be free for all of them.
    lines = {
        resource: Timeline([busy(*span) for span in taken[index :: len(NAMES)]])
        for index, resource in enumerate(NAMES)
    }
    free = nearest_free(wanted(start, end), lines, HOURS, not_before=LONG_AGO)
    assert (shown(free.before), shown(free.after)) == (before, after)


def test_nothing_is_proposed_in_the_past() -> None:
    lines = {"site:1": Timeline([busy("01/12 09:00", "01/12 10:00")])}
    free = nearest_free(wanted("01/12 09:00", "01/12 10:00"), lines, HOURS, not_before=at("01/12 08:01"))
    assert shown(free.before) is None
    free = nearest_free(wanted("01/12 09:00", "01/12 10:00"), lines, HOURS, not_before=at("01/12 10:01"))
    assert shown(free.after) == "01/12/2026 10:15–11:15"


def test_the_search_is_bounded() -> None:
    hours = WorkingHours(search_days=3)
    lines = {"site:1": Timeline([busy("20/11 00:00", "12/12 00:00")])}
    free = nearest_free(wanted("01/12 09:00", "01/12 10:00"), lines, hours, not_before=LONG_AGO)
    assert free.before is None
    assert free.after is None


def test_holidays_and_other_hours() -> None:
    hours = WorkingHours(
        opens=time(8), closes=time(12), weekdays=frozenset({1, 2, 5}), holidays=frozenset({date(2026, 12, 2)})
    )
    lines = {"site:1": Timeline([busy("01/12 08:00", "01/12 12:00")])}
    free = nearest_free(wanted("01/12 09:00", "01/12 10:00"), lines, hours, not_before=LONG_AGO)
    assert (shown(free.before), shown(free.after)) == ("28/11/2026 11:00–12:00", "05/12/2026 08:00–09:00")


@pytest.mark.parametrize(("step", "days"), [(0, 14), (1441, 14), (15, -1), (15, 367)])
def test_senseless_settings_are_refused(step: int, days: int) -> None:
    with pytest.raises(ValueError, match="minutes"):
        WorkingHours(step_minutes=step, search_days=days)


def test_the_edge_of_the_calendar_is_refused_in_words() -> None:
    end = datetime.max.replace(tzinfo=UTC)
    with pytest.raises(ImpossibleError) as caught:
        nearest_free(Wanted(end - timedelta(hours=1), end, NAMES), {}, HOURS, not_before=LONG_AGO)
    assert caught.value.problem == "date_out_of_range"


MINUTES = st.integers(0, 14 * 24 * 60)
BASE = at("23/11 00:00")


def timeline(spans: list[tuple[int, int]]) -> Timeline:
    return Timeline(
        Busy(BASE + timedelta(minutes=a), BASE + timedelta(minutes=a + n), f"m{i}", "")
        for i, (a, n) in enumerate(spans)
    )


@given(st.lists(st.tuples(MINUTES, st.integers(1, 3000)), max_size=40), MINUTES, st.integers(1, 600))
def test_bisection_finds_what_a_plain_search_finds(
    spans: list[tuple[int, int]], start: int, length: int
) -> None:
    line = timeline(spans)
    found = line.overlapping(BASE + timedelta(minutes=start), BASE + timedelta(minutes=start + length))
    plain = {f"m{i}" for i, (a, n) in enumerate(spans) if a < start + length and start < a + n}
    assert {item.meeting_id for item in found} == plain
    assert len(found) == len(plain)


@given(
    st.lists(st.lists(st.tuples(MINUTES, st.integers(1, 600)), max_size=12), min_size=1, max_size=3),
    MINUTES,
    st.integers(1, 500),
)
def test_free_times_are_free_and_none_nearer_is(
    sites: list[list[tuple[int, int]]], start: int, length: int
) -> None:
    hours = WorkingHours(search_days=3)
    lines: Mapping[str, Timeline] = {f"site:{n}": timeline(spans) for n, spans in enumerate(sites)}
    begin = BASE + timedelta(minutes=start)
    want = Wanted(begin, begin + timedelta(minutes=length), list(lines))
    free = nearest_free(want, lines, hours, not_before=LONG_AGO)
    # All starts of the grid, one by one.
    day = localtime.today(begin)
    good = []
    for offset in range(-3, 4):
        work = hours.of(day + timedelta(offset))
        if work is None:
            continue
        moment = work[0]
        while moment + timedelta(minutes=length) <= work[1]:
            end = moment + timedelta(minutes=length)
            if not any(line.overlapping(moment, end) for line in lines.values()):
                good.append(moment)
            moment += timedelta(minutes=15)
    assert (free.before[0] if free.before else None) == max((g for g in good if g < begin), default=None)
    assert (free.after[0] if free.after else None) == min((g for g in good if g > begin), default=None)


def test_a_city_with_a_hundred_thousand_bookings() -> None:
    """The answer is that of a plain search; how long it takes is a benchmark's business."""
    rng = random.Random(4)
    everything: dict[str, list[Busy]] = {}
    for site in range(579):
        day = BASE
        line = everything[f"site:{site}"] = []
        for number in range(173):
            day += timedelta(minutes=rng.randrange(60, 2000))
            end = day + timedelta(minutes=rng.randrange(30, 240))
            line.append(Busy(day, end, f"{site}-{number}", ""))
            day = end
    assert sum(map(len, everything.values())) > 100_000
    lines = {key: Timeline(line, is_sorted=True) for key, line in everything.items()}
    begin = BASE + timedelta(days=40, hours=9)
    want = Wanted(begin, begin + timedelta(hours=2), list(lines))
    plain = {
        (key, item.meeting_id)
        for key, line in everything.items()
        for item in line
        if item.starts_at < want.ends_at and want.starts_at < item.ends_at
    }
    found = {
        (key, item.meeting_id)
        for key, line in lines.items()
        for item in line.overlapping(want.starts_at, want.ends_at)
    }
    assert found == plain
    assert plain
    assert nearest_free(want, lines, HOURS, not_before=LONG_AGO).after is None
