"""Local times of a zone and the instants they mean (FC-c10)."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import localtime
from scheduler.errors import ImpossibleError

HANOI = "Asia/Ho_Chi_Minh"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("01/12/2026", date(2026, 12, 1)),
        (" 1/12/2026 ", date(2026, 12, 1)),
        ("01-12-2026", date(2026, 12, 1)),
        ("1.2.2026", date(2026, 2, 1)),
        ("2026-12-01", date(2026, 12, 1)),
        ("29/02/2028", date(2028, 2, 29)),
    ],
)
def test_dates_are_read(text: str, day: date) -> None:
    assert localtime.parse_date(text) == day


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "date_missing"),
        ("   ", "date_missing"),
        ("30/02/2026", "date_impossible"),
        ("29/02/2026", "date_impossible"),
        ("31/04/2026", "date_impossible"),
        ("00/01/2026", "date_impossible"),
        ("01/13/2026", "date_impossible"),
        ("01/00/2026", "date_impossible"),
        ("2026-02-30", "date_impossible"),
        ("01/12/26", "date_malformed"),
        ("01/12-2026", "date_malformed"),
        ("01/12/20266", "date_malformed"),
        ("mai", "date_malformed"),
        ("٠١/١٢/٢٠٢٦", "date_malformed"),
        ("1/1/2026" + "0" * 5000, "date_malformed"),
        ("01/12/1999", "date_out_of_range"),
        ("01/12/0000", "date_out_of_range"),
        ("01/12/9999", "date_out_of_range"),
    ],
)
def test_impossible_dates_are_refused_with_a_code(text: str, code: str) -> None:
    with pytest.raises(ImpossibleError) as caught:
        localtime.parse_date(text, "start_date")
    assert caught.value.problem == code
    assert caught.value.details["field"] == "start_date"


def test_an_impossible_day_tells_the_last_one_of_its_month() -> None:
    with pytest.raises(ImpossibleError) as caught:
        localtime.parse_date("30/02/2026")
    assert caught.value.details["last"] == 28


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("06:30", time(6, 30)),
        ("6:30", time(6, 30)),
        ("6h30", time(6, 30)),
        ("00:00", time(0, 0)),
        ("23:59", time(23, 59)),
        ("06:30:00", time(6, 30)),
    ],
)
def test_times_are_read(text: str, at: time) -> None:
    assert localtime.parse_time(text) == at


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "time_missing"),
        ("24:00", "time_impossible"),
        ("12:60", "time_impossible"),
        ("6:3", "time_malformed"),
        ("6", "time_malformed"),
        ("06:30 PM", "time_malformed"),
        ("-1:30", "time_malformed"),
        ("6" * 10_000, "time_malformed"),
    ],
)
def test_impossible_times_are_refused_with_a_code(text: str, code: str) -> None:
    with pytest.raises(ImpossibleError) as caught:
        localtime.parse_time(text, "start_time")
    assert (caught.value.problem, caught.value.details["field"]) == (code, "start_time")


@pytest.mark.parametrize("name", [HANOI, "Asia/Saigon", "SE Asia Standard Time"])
def test_names_of_the_zone_of_vietnam(name: str) -> None:
    assert localtime.instant(date(2026, 12, 1), time(6, 30), name) == datetime(
        2026, 11, 30, 23, 30, tzinfo=UTC
    )


def test_the_name_of_windows_is_stored_as_the_official_one() -> None:
    assert localtime.zone_name("SE Asia Standard Time") == HANOI


@pytest.mark.parametrize(
    "name", ["Asia/Hanoi", "", "Asia", "../../etc/passwd", "/etc/passwd", "a\0b", "x" * 9999]
)
def test_unknown_zones_are_refused(name: str) -> None:
    with pytest.raises(ImpossibleError) as caught:
        localtime.zone(name)
    assert caught.value.problem == "zone_unknown"


def test_a_time_that_the_clocks_leave_out_is_refused() -> None:
    with pytest.raises(ImpossibleError) as caught:
        localtime.instant(date(2026, 3, 29), time(2, 30), "Europe/Berlin")
    assert caught.value.problem == "time_skipped"


def test_of_a_repeated_time_the_first_is_meant() -> None:
    moment = localtime.instant(date(2026, 10, 25), time(2, 30), "Europe/Berlin")
    assert moment == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_fc_c10_local_times_are_those_of_the_meetings_zone() -> None:
    moment = localtime.parse_instant("01/12/2026", "06:30")
    assert moment == datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert localtime.format_instant(moment) == "01/12/2026 06:30"
    # The same instant, told by a server or a browser somewhere else.
    elsewhere = moment.astimezone(timezone(timedelta(hours=-8)))
    assert localtime.format_instant(elsewhere) == "01/12/2026 06:30"
    assert localtime.format_span(moment, moment + timedelta(minutes=45)) == "01/12/2026 06:30–07:15"


def test_fc_c10_a_meeting_over_midnight_stands_in_both_days() -> None:
    start, end = localtime.span(date(2026, 12, 1), time(22), 150)
    assert localtime.local_days(start, end) == [date(2026, 12, 1), date(2026, 12, 2)]
    assert localtime.format_span(start, end) == "01/12/2026 22:00–02/12/2026 00:30"
    until_midnight = localtime.span(date(2026, 12, 1), time(22), 120)
    assert localtime.local_days(*until_midnight) == [date(2026, 12, 1)]


def test_fc_c10_today_is_the_day_in_hanoi() -> None:
    now = datetime(2026, 12, 1, 16, 50, tzinfo=UTC)
    assert localtime.today(now) == date(2026, 12, 1)
    assert localtime.today(now + timedelta(minutes=10)) == date(2026, 12, 2)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 12, 31)).map(
        lambda d: d.replace(second=0, microsecond=0)
    )
)
def test_fc_c10_an_unchanged_save_changes_nothing(shown: datetime) -> None:
    stored = localtime.instant(shown.date(), shown.time())
    there = localtime.local(stored)
    fields = localtime.format_date(there.date()), localtime.format_time(there.time())
    assert localtime.parse_instant(*fields) == stored


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=30)),
    st.sampled_from([HANOI, "Europe/Berlin", "America/Los_Angeles"]),
)
def test_the_days_of_a_span_are_those_it_overlaps(start: datetime, length: timedelta, key: str) -> None:
    end = start + length
    days = localtime.local_days(start, end, key)
    around = [days[0] - timedelta(1), *days, days[-1] + timedelta(1)]
    overlapping = []
    for day in around:
        begin, finish = localtime.day_bounds(day, key)
        if begin < end and start < finish:
            overlapping.append(day)
    assert overlapping == days


@given(st.text(max_size=60))
def test_nothing_typed_raises_anything_else(text: str) -> None:
    for parse in (localtime.parse_date, localtime.parse_time):
        try:
            parse(text)
        except ImpossibleError:
            continue


@pytest.mark.parametrize("minutes", [0, -5, 1441, 10**12])
def test_impossible_lengths_are_refused(minutes: int) -> None:
    with pytest.raises(ImpossibleError) as caught:
        localtime.span(date(2026, 12, 1), time(8), minutes)
    assert caught.value.problem == "length_impossible"


def test_an_end_before_the_start_is_refused() -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    for end in (start, start - timedelta(minutes=1)):
        with pytest.raises(ImpossibleError) as caught:
            localtime.local_days(start, end)
        assert caught.value.problem == "before_start"
    with pytest.raises(ImpossibleError) as caught:
        localtime.local_days(start, start + timedelta(days=400))
    assert caught.value.problem == "too_long"


def test_a_naive_time_is_a_bug() -> None:
    with pytest.raises(ValueError, match="without zone"):
        localtime.utc(datetime(2026, 12, 1))


@pytest.mark.parametrize(
    ("moment", "problem"),
    [
        (datetime(2026, 12, 1), "time_without_zone"),
        (datetime.max.replace(tzinfo=UTC), "date_out_of_range"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), "date_out_of_range"),
    ],
)
def test_instants_from_strangers_are_checked(moment: datetime, problem: str) -> None:
    with pytest.raises(ImpossibleError) as caught:
        localtime.require_range(moment, "starts_at")
    assert (caught.value.problem, caught.value.details["field"]) == (problem, "starts_at")
    fine = datetime(2026, 12, 1, 6, 30, tzinfo=timezone(timedelta(hours=7)))
    assert localtime.require_range(fine, "starts_at") == datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
