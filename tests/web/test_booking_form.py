"""The booking form: fields to a plan or to what is wrong, sites in five ways, nothing guessed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.search import search_key
from directory.sites import Site
from scheduler.booking import Plan
from web.booking_form import (
    MOST_LINES,
    Choices,
    Reading,
    SiteGroup,
    Who,
    lines_of,
    next_working_day,
    one_line,
    read_booking,
    shown,
    ticked,
)

DUNG, DUNG_TOO, HAI = Who(4, "Trần Văn Dũng"), Who(5, "Trần Thị Dung"), Who(6, "Lê Hải")
CHAIRS = (DUNG, DUNG_TOO, HAI)


def site(number: int, name: str, district: str) -> Site:
    key = search_key(f"{number:05}", name, district)
    return Site(
        number, f"{number:05}", name, 1, "1", "xa", 1, district[-1], district, True, "in_use", "wan", key
    )


SITES = (
    site(1, "Xã Tân Lập", "Huyện A"),
    site(2, "Xã Đại Mỗ", "Huyện A"),
    site(3, "Xã Tân Lập", "Huyện B"),
    site(4, "Phường Ô Chợ Dừa", "Huyện B"),
)
GONE = site(9, "Xã Cũ", "Huyện A")
CHOICES = Choices(
    SITES, (SiteGroup(7, "Miền núi", frozenset({2, 4, 9})),), (Who(2, "Ánh"), Who(3, "Đức")), (GONE,)
)
GOOD: dict[str, Sequence[str]] = {
    "title": ["Giao ban tuần"],
    "kind": ["briefing"],
    "chair": ["Trần Văn Dũng"],
    "chair_id": ["4"],
    "secretary": ["2"],
    "day": ["01/12/2026"],
    "begin": ["06:30"],
    "minutes": ["45"],
    "agenda": ["1. Báo cáo\r\n2. Thảo luận"],
    "sites": ["00001"],
}


def read(base: Plan | None = None, chairs: Sequence[Who] = CHAIRS, **changes: Any) -> Reading:
    fields = {name.replace("__", ":"): [v] if isinstance(v, str) else v for name, v in changes.items()}
    return read_booking({**GOOD, **fields}, CHOICES, chairs, base=base)


def wrong(reading: Reading) -> dict[str, str]:
    assert (reading.plan is None) == bool(reading.errors)
    return {name: problem.key for name, problem in reading.errors.items()}


def test_a_filled_form_is_a_plan() -> None:
    start = datetime.fromisoformat("2026-11-30T23:30+00:00")
    assert read().plan == Plan(
        "Giao ban tuần",
        "briefing",
        4,
        2,
        start,
        start + timedelta(minutes=45),
        "Asia/Ho_Chi_Minh",
        "1. Báo cáo\n2. Thảo luận",
        frozenset({1}),
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": " \t "}, {"title": "booking.title.empty"}),
        ({"title": "x" * 201}, {"title": "booking.too_long"}),
        ({"title": "\u202e\u200b"}, {"title": "booking.title.empty"}),
        ({"title": "…!"}, {"title": "booking.title.empty"}),
        ({"title": '=HYPERLINK("http://x","y")'}, {"title": "booking.title.formula"}),
        ({"title": "@SUM(1)"}, {"title": "booking.title.formula"}),
        ({"title": "\t=1+1"}, {"title": "booking.title.formula"}),
        ({"title": "-2+3"}, {"title": "booking.title.formula"}),
        ({"kind": "party"}, {"kind": "booking.kind.wrong"}),
        ({"day": "30/02/2027"}, {"day": "booking.day.wrong"}),
        ({"day": "31/11/2026"}, {"day": "booking.day.wrong"}),
        ({"day": "01/13/2026"}, {"day": "booking.day.wrong"}),
        ({"day": ""}, {"day": "booking.day.wrong"}),
        ({"day": "01/12/0026"}, {"day": "booking.day.wrong"}),
        ({"day": "01/12/9999"}, {"day": "booking.day.wrong"}),
        ({"begin": "24:00"}, {"begin": "booking.begin.wrong"}),
        ({"begin": "6:75"}, {"begin": "booking.begin.wrong"}),
        ({"minutes": "0"}, {"minutes": "booking.minutes.wrong"}),
        ({"minutes": "-30"}, {"minutes": "booking.minutes.wrong"}),
        ({"minutes": "1441"}, {"minutes": "booking.minutes.wrong"}),
        ({"minutes": "9" * 400}, {"minutes": "booking.minutes.wrong"}),
        ({"minutes": "²"}, {"minutes": "booking.minutes.wrong"}),
        ({"secretary": "99"}, {"secretary": "booking.secretary.wrong"}),
        ({"agenda": "x" * 20_001}, {"agenda": "booking.too_long"}),
        ({"reason": "x" * 401}, {"reason": "booking.too_long"}),
        (
            {"title": "", "day": "x", "agenda": "x" * 20_001, "kind": ""},
            {
                "title": "booking.title.empty",
                "kind": "booking.kind.wrong",
                "day": "booking.day.wrong",
                "agenda": "booking.too_long",
            },
        ),
    ],
)
def test_bad_input_is_told_at_its_field(changes: dict[str, Any], expected: dict[str, str]) -> None:
    found = wrong(read(**changes))
    assert found == expected
    assert list(found) == list(expected), "in the order of the page"


@pytest.mark.parametrize("text", ["1/12/2026", "01-12-2026", "01.12.2026", "01122026"])
def test_dates_as_people_write_them(text: str) -> None:
    assert read(day=text).plan == read().plan


@pytest.mark.parametrize("text", ["6h30", "6:30", "06h30", "6 giờ 30"])
def test_times_as_people_write_them(text: str) -> None:
    assert read(begin=text).plan == read().plan


# -- the chair ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "chair", "error"),
    [
        ({}, 4, None),
        ({"chair": "", "chair_id": "4"}, 4, None),
        ({"chair": "dung", "chair_id": "5"}, 5, None),
        ({"chair": "tran van dung", "chair_id": ""}, 4, None),
        ({"chair": "dung", "chair_id": ""}, None, "booking.chair.several"),
        ({"chair": "hai", "chair_id": "4"}, None, "booking.chair.several"),
        ({"chair": "hai", "chair_id": ""}, None, "booking.chair.several"),
        ({"chair": "nobody", "chair_id": "4"}, None, "booking.chair.nobody"),
        ({"chair": "...", "chair_id": ""}, None, "booking.chair.nobody"),
        ({"chair": "", "chair_id": ""}, None, "booking.chair.empty"),
        ({"chair": "", "chair_id": "77"}, None, "booking.chair.empty"),
        ({"chair": "", "chair_id": "4 OR 1"}, None, "booking.chair.empty"),
    ],
)
def test_the_chair_is_chosen_and_never_guessed(
    changes: dict[str, Any], chair: int | None, error: str | None
) -> None:
    reading = read(**changes)
    assert (reading.plan.chair_id if reading.plan else None) == chair
    assert wrong(reading).get("chair") == error
    if error == "booking.chair.several":
        assert reading.chairs


def test_two_of_one_name_have_to_be_told_apart() -> None:
    twins = (Who(4, "Trần Văn Dũng", login="a"), Who(5, "Trần Văn Dũng", login="b"))
    reading = read(chairs=twins, chair_id="")
    assert (wrong(reading), reading.chairs) == ({"chair": "booking.chair.several"}, twins)
    chosen = read(chairs=twins, chair_id="5")
    assert chosen.plan is not None
    assert chosen.plan.chair_id == 5


# -- sites ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({"sites": []}, set()),
        ({"sites": ["00001", "00003"]}, {1, 3}),
        ({"sites": [], "district": ["A"]}, {1, 2}),
        ({"sites": ["00002"], "district": ["A", "B"]}, {1, 2, 3, 4}),
        ({"sites": [], "group": ["7"]}, {2, 4}),
        ({"sites": ["00009"]}, {9}),
        ({"sites": [], "paste": "00004\nxã đại mỗ\nTÂN LẬP huyện B"}, {4, 2}),
        ({"sites": ["00001"], "group": ["7"], "paste": "00003"}, {1, 2, 3, 4}),
        ({"sites": ["77777"], "district": ["Z"], "group": ["99", "x"]}, set()),
    ],
)
def test_sites_by_name_district_group_and_list(changes: dict[str, Any], chosen: set[int]) -> None:
    assert read(**changes).chosen == chosen


def test_a_draft_may_invite_nobody_yet() -> None:
    assert read(sites=[]).plan is not None


def test_lines_that_are_not_clear_are_asked_for_with_their_numbers() -> None:
    text = "00004\n\n  Xã Tân Lập \nXã Không Có\u3000\nxa tan lap\n\u3000\u00a0"
    reading = read(sites=[], paste=text)
    assert wrong(reading) == {"paste": "booking.paste.unclear"}
    assert reading.errors["paste"].values == {"unknown": 1, "ambiguous": 2}
    assert reading.pasting.unknown == ((4, "Xã Không Có"),)
    assert [(line.number, [s.code for s in line.sites]) for line in reading.pasting.ambiguous] == [
        (3, ["00001", "00003"]),
        (5, ["00001", "00003"]),
    ]
    assert reading.chosen == {4}, "nothing is guessed"


def test_one_answer_is_for_all_lines_of_the_same_words() -> None:
    text = "Xã Tân Lập\nXã Không Có\nxa tan lap"
    picked = read(sites=[], paste=text, pick__xa_tan_lap="00003", ignore_unknown="yes")
    assert picked.plan is None, "the field's name has blanks"
    fields = {**GOOD, "sites": [], "paste": [text], "pick:xa tan lap": ["00003"], "ignore_unknown": ["yes"]}
    done = read_booking(fields, CHOICES, CHAIRS)
    assert done.plan is not None
    assert done.plan.endpoint_ids == {3}
    left = read_booking({**fields, "pick:xa tan lap": ["-"]}, CHOICES, CHAIRS)
    assert left.plan is not None
    assert left.plan.endpoint_ids == set()
    strange = read_booking({**fields, "pick:xa tan lap": ["00002"]}, CHOICES, CHAIRS)
    assert wrong(strange) == {"paste": "booking.paste.unclear"}


def test_a_list_of_ten_thousand_lines() -> None:
    lines = [f"{number % 4 + 1:05}" for number in range(MOST_LINES - 1)] + ["Xã Lạ"]
    reading = read(sites=[], paste="\r\n".join(lines))
    assert reading.chosen == {1, 2, 3, 4}
    assert reading.pasting.unknown == ((MOST_LINES, "Xã Lạ"),)
    strange = read(sites=[], paste="\n".join(f"Xã {number}" for number in range(MOST_LINES)))
    assert strange.pasting.unknown_count == MOST_LINES
    assert len(strange.pasting.unknown) == 100
    assert strange.pasting.unknown[99] == (100, "Xã 99")
    long = read(sites=[], paste="x\n" * MOST_LINES)
    assert wrong(long) == {"paste": "booking.paste.long"}


@given(st.text(max_size=300))
def test_no_pasted_text_breaks_the_form(text: str) -> None:
    reading = read(sites=[], paste=text)
    assert reading.chosen <= {1, 2, 3, 4}
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, words in reading.pasting.unknown:
        assert " ".join(lines[number - 1].split()).find(words) >= 0


# -- a meeting that is changed -----------------------------------------------------------------

BASE = Plan(
    "Giao ban  tuần\u202e",
    "briefing",
    4,
    2,
    datetime.fromisoformat("2026-11-30T23:30:12.345678+00:00"),
    datetime.fromisoformat("2026-12-01T00:15:30+00:00"),
    "Asia/Bangkok",
    "1. Báo cáo\r\n\r\n  2. Thảo luận\n\n",
    frozenset({1, 2, 9}),
)


def sent(plan: Plan) -> dict[str, Sequence[str]]:
    """What a browser sends of the form as it was shown: lines end in CR LF."""
    values = shown(plan, "Trần Văn Dũng") | ticked(CHOICES, plan.endpoint_ids)
    return {
        name: [value.replace("\n", "\r\n")] if isinstance(value, str) else value
        for name, value in values.items()
    }


def test_fc_c10_what_was_not_touched_stays_to_the_last_detail() -> None:
    assert read_booking(sent(BASE), CHOICES, CHAIRS, base=BASE).plan == BASE


def test_only_what_was_touched_changes() -> None:
    fields = {**sent(BASE), "begin": ["07:00"]}
    start = datetime.fromisoformat("2026-12-01T00:00+00:00")
    expected = dataclasses.replace(BASE, starts_at=start, ends_at=start + timedelta(minutes=45))
    assert read_booking(fields, CHOICES, CHAIRS, base=BASE).plan == expected


@given(
    start=st.datetimes(datetime(2001, 2, 1), datetime(2099, 12, 1)),
    length=st.integers(1, 86_400),
    agenda=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    title=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    sites=st.frozensets(st.sampled_from([1, 2, 3, 4, 9])),
)
def test_fc_c10_saving_unchanged_changes_nothing(
    start: datetime, length: int, agenda: str, title: str, sites: frozenset[int]
) -> None:
    begin = start.replace(tzinfo=UTC)
    end = begin + timedelta(seconds=length)
    plan = Plan(title.strip() or "x", "other", 4, 3, begin, end, "Asia/Bangkok", agenda, sites)
    assert read_booking(sent(plan), CHOICES, CHAIRS, base=plan).plan == plan


def test_fc_e07_titles_are_one_line_without_disguise() -> None:
    assert one_line("Giao ban\r\nBcc: x@y") == "Giao ban Bcc: x@y"
    assert one_line("a\u202eb\u200b\x00c\u2028d") == "abc d"
    assert lines_of("a\r\nb\rc\u202e\n\n") == "a\nb\nc"
    assert one_line("{{ 7*7 }} <b>") == "{{ 7*7 }} <b>"


@pytest.mark.parametrize(
    ("today", "day"),
    [
        (date(2026, 11, 30), date(2026, 12, 1)),
        (date(2026, 12, 4), date(2026, 12, 7)),
        (date(2026, 12, 5), date(2026, 12, 7)),
    ],
)
def test_a_new_booking_is_for_the_next_working_day(today: date, day: date) -> None:
    assert next_working_day(today) == day


def test_a_district_is_ticked_when_all_of_it_is_chosen() -> None:
    assert ticked(CHOICES, frozenset({1, 2, 3, 9})) == {
        "sites": ["00001", "00002", "00003", "00009"],
        "district": ["A"],
    }
