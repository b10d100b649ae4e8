"""Weeks: days of Hanoi, parts of a day, meetings over midnight (FC-c10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.week import Day, lay_out, monday_of, week_bounds

MONDAY = date(2026, 11, 30)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Meeting:
    starts_at: datetime
    ends_at: datetime


def meeting(text: str, minutes: int) -> Meeting:
    """From a time of Hanoi."""
    start = datetime.fromisoformat(text + "+07:00").astimezone(UTC)
    return Meeting(start, start + minutes * MINUTE)


def told(days: list[Day[Meeting]]) -> dict[int, list[tuple[str, str, str, bool, bool]]]:
    """Day of the month → part, hours, from before, goes on."""
    return {
        day.date.day: [
            (part, f"{entry.begin:%H:%M}", f"{entry.until:%H:%M}", entry.from_before, entry.goes_on)
            for part, entries in day.parts
            for entry in entries
        ]
        for day in days
        if day.count
    }


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        (date(2026, 11, 30), MONDAY),
        (date(2026, 12, 6), MONDAY),
        (date(2026, 12, 7), date(2026, 12, 7)),
        (date(2027, 1, 1), date(2026, 12, 28)),
    ],
)
def test_weeks_begin_on_monday(day: date, monday: date) -> None:
    assert monday_of(day) == monday


def test_a_week_lies_between_midnights_of_hanoi() -> None:
    start, end = week_bounds(MONDAY)
    assert start.isoformat() == "2026-11-29T17:00:00+00:00"
    assert end - start == timedelta(7)


def test_fc_c10_an_early_meeting_stands_on_its_own_day() -> None:
    """06:30 in Hanoi is 23:30 of the day before in UTC."""
    found = told(lay_out([meeting("2026-12-01T06:30", 45)], MONDAY, MONDAY))
    assert found == {1: [("morning", "06:30", "07:15", False, False)]}


def test_fc_c10_a_meeting_over_midnight_stands_in_both_days() -> None:
    found = told(lay_out([meeting("2026-12-01T22:00", 150)], MONDAY, MONDAY))
    assert found == {
        1: [("evening", "22:00", "00:00", False, True)],
        2: [("morning", "00:00", "00:30", True, False)],
    }


def test_a_meeting_until_midnight_is_of_one_day() -> None:
    found = told(lay_out([meeting("2026-12-01T22:00", 120)], MONDAY, MONDAY))
    assert found == {1: [("evening", "22:00", "00:00", False, False)]}


def test_of_a_meeting_over_the_week_s_end_the_own_part_stands() -> None:
    before, after = meeting("2026-11-29T23:00", 120), meeting("2026-12-06T23:00", 120)
    found = told(lay_out([after, before], MONDAY, MONDAY))
    assert found == {
        30: [("morning", "00:00", "01:00", True, False)],
        6: [("evening", "23:00", "00:00", False, True)],
    }


def test_parts_and_order_of_a_day() -> None:
    texts = ("18:00", "12:00", "08:00", "11:59", "17:59", "07:00")
    days = lay_out([meeting(f"2026-12-02T{text}", 30) for text in texts], MONDAY, date(2026, 12, 2))
    assert [(part, begin) for part, begin, *_ in told(days)[2]] == [
        ("morning", "07:00"),
        ("morning", "08:00"),
        ("morning", "11:59"),
        ("afternoon", "12:00"),
        ("afternoon", "17:59"),
        ("evening", "18:00"),
    ]
    assert [day.date.day for day in days if day.today] == [2]


@given(st.lists(st.tuples(st.integers(-3 * 1440, 9 * 1440), st.integers(1, 1440)), max_size=20))
def test_every_minute_of_the_week_stands_once(spans: list[tuple[int, int]]) -> None:
    midnight = datetime.fromisoformat("2026-11-30T00:00+07:00")
    meetings = [Meeting(midnight + at * MINUTE, midnight + (at + length) * MINUTE) for at, length in spans]
    shown = sum(
        ((entry.until.hour * 60 + entry.until.minute) or 1440) - entry.begin.hour * 60 - entry.begin.minute
        for day in lay_out(meetings, MONDAY, MONDAY)
        for _, entries in day.parts
        for entry in entries
    )
    inside = sum(max(0, min(at + length, 7 * 1440) - max(at, 0)) for at, length in spans)
    assert shown == inside
