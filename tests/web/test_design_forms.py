"""Dates and times as people write them, and what a form holds."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.forms import Form, read_date, read_time, show_date, show_time


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("26/11/2026", dt.date(2026, 11, 26)),
        (" 6-1-2027 ", dt.date(2027, 1, 6)),
        ("29.2.2028", dt.date(2028, 2, 29)),
        ("01032026", dt.date(2026, 3, 1)),
        ("30/02/2027", None),
        ("29/02/2027", None),
        ("2026-11-26", None),
        ("11/26/2026", None),
        ("1/1/26", None),
        ("1/1/0000", None),
        ("٢٦/١١/٢٠٢٦", None),
        ("", None),
        ("26/11/2026" * 50, None),
    ],
)
def test_dates(text: str, date: dt.date | None) -> None:
    assert read_date(text) == date


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("8:30", dt.time(8, 30)),
        ("8h30", dt.time(8, 30)),
        ("14H", dt.time(14)),
        ("8 giờ 05", dt.time(8, 5)),
        ("8 GIỜ 05", dt.time(8, 5)),
        ("7.45", dt.time(7, 45)),
        ("00:00", dt.time(0)),
        ("24:00", None),
        ("8:60", None),
        ("8", None),
        ("8:3", None),
        ("-1:00", None),
        ("", None),
    ],
)
def test_times(text: str, time: dt.time | None) -> None:
    assert read_time(text) == time


@given(st.dates())
def test_a_shown_date_is_read_back(date: dt.date) -> None:
    assert read_date(show_date(date)) == date


@given(st.times())
def test_a_shown_time_is_read_back(time: dt.time) -> None:
    assert read_time(show_time(time)) == time.replace(second=0, microsecond=0, tzinfo=None, fold=0)


@given(st.text(max_size=60))
def test_any_text_is_a_date_or_none(text: str) -> None:
    date, time = read_date(text), read_time(text)
    assert date is None or read_date(show_date(date)) == date
    assert time is None or read_time(show_time(time)) == time


def test_a_form_gives_one_text_or_all_choices() -> None:
    form = Form({"title": "A", "day": ["1", "2"], "sites": ["x", "y"], "none": []}, {"day": "!"}, "p")
    assert [form.value(name) for name in ("title", "day", "none", "other")] == ["A", "1", "", ""]
    assert form.chosen("sites") == {"x", "y"}
    assert form.chosen("title") == {"A"}
    assert form.chosen("other") == frozenset()
    assert (form.error("day"), form.error("title"), form.id("day")) == ("!", "", "p-day")
