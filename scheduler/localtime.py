"""Local dates and times of a zone, and the instants they mean.

Instants are aware datetimes in UTC; local values are a date, a time of day and
the name of a zone. Forms, sentences and calendars speak local time of the
meeting's zone, whatever the zone of the server or of the browser is; storage
and comparison speak instants. Nothing here reads a clock.

A span is half-open: a meeting from 22:00 to 00:00 does not touch the next day.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from scheduler.errors import ImpossibleError

DEFAULT_ZONE: Final = "Asia/Ho_Chi_Minh"

#: Names that calendars of Windows use (CLDR ``windowsZones``); Vietnam is +07:00 all year.
WINDOWS_ZONES: Final = {"SE Asia Standard Time": DEFAULT_ZONE}

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100

#: Longest span that days are counted for, in days: calendars ask for no more than a year.
MOST_DAYS: Final = 366

_DATE: Final = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})", re.ASCII)
_ISO_DATE: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_TIME: Final = re.compile(r"(\d{1,2})(?::|h|H|g|giờ )(\d{2})(?::00)?", re.ASCII)
_LONGEST_TEXT: Final = 40


@lru_cache(maxsize=64)
def zone(name: str = DEFAULT_ZONE) -> ZoneInfo:
    """The zone called ``name``, also by a name of Windows. Raises ImpossibleError ``zone_unknown``."""
    try:
        return ZoneInfo(WINDOWS_ZONES.get(name, name))
    except (KeyError, ValueError, OSError):
        # The name may be a path outside the zone data or a folder of it: both are refused by zoneinfo.
        raise ImpossibleError("no such time zone", field="zone", problem="zone_unknown") from None


def zone_name(name: str) -> str:
    """``name`` as it is stored beside an instant: an IANA name. Raises ImpossibleError ``zone_unknown``."""
    return zone(name).key


def parse_date(text: str, field: str = "date") -> date:
    """A day written dd/mm/yyyy (also with ``-`` or ``.``, or as ISO yyyy-mm-dd).

    Raises ImpossibleError with a problem: ``date_missing``, ``date_malformed``, ``date_impossible``
    (30/02; ``details``: last, the last day of that month) or ``date_out_of_range``.
    """
    text = text.strip()
    if not text:
        raise ImpossibleError("a date is needed", field=field, problem="date_missing")
    match = _DATE.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is not None:
        day, month, year = int(match[1]), int(match[3]), int(match[4])
    else:
        match = _ISO_DATE.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
        if match is None:
            raise ImpossibleError("a date is written dd/mm/yyyy", field=field, problem="date_malformed")
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ImpossibleError(
            f"year {year} is out of range",
            field=field,
            problem="date_out_of_range",
            first=FIRST_YEAR,
            most=LAST_YEAR,
        )
    last = calendar.monthrange(year, month)[1] if 1 <= month <= 12 else 0
    if not 1 <= day <= last:
        raise ImpossibleError(
            f"there is no {day:02}/{month:02}/{year}",
            field=field,
            problem="date_impossible",
            # Of a month that does not exist either, 0.
            last=last,
        )
    return date(year, month, day)


def parse_time(text: str, field: str = "time") -> time:
    """A time of day written HH:MM (also 6h30, and 06:30:00 as some browsers send it), 00:00 to 23:59.

    Raises ImpossibleError with a problem: ``time_missing``, ``time_malformed`` or ``time_impossible``.
    """
    text = text.strip()
    if not text:
        raise ImpossibleError("a time is needed", field=field, problem="time_missing")
    match = _TIME.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        raise ImpossibleError("a time is written HH:MM, 24 hours", field=field, problem="time_malformed")
    hour, minute = int(match[1]), int(match[2])
    if hour > 23 or minute > 59:
        raise ImpossibleError(f"there is no {hour:02}:{minute:02}", field=field, problem="time_impossible")
    return time(hour, minute)


def instant(day: date, at: time, zone_key: str = DEFAULT_ZONE, field: str = "time") -> datetime:
    """The instant of a local time, in UTC. Of a time that a clock change repeats, the first.

    Raises ImpossibleError ``time_skipped`` for a time that a clock change leaves out.
    """
    local = datetime.combine(day, at.replace(tzinfo=None), tzinfo=zone(zone_key))
    result = local.astimezone(UTC)
    if result.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise ImpossibleError(
            "the clocks change and leave this time out", field=field, problem="time_skipped"
        )
    return result


def parse_instant(day: str, at: str, zone_key: str = DEFAULT_ZONE, prefix: str = "") -> datetime:
    """The instant of two input fields, whose names are ``prefix`` + ``date`` and ``prefix`` + ``time``."""
    parsed = parse_date(day, f"{prefix}date")
    return instant(parsed, parse_time(at, f"{prefix}time"), zone_key, f"{prefix}time")


def span(
    day: date, at: time, minutes: int, zone_key: str = DEFAULT_ZONE, *, longest: int = 24 * 60
) -> tuple[datetime, datetime]:
    """Start and end of a meeting of ``minutes``, which may pass midnight.

    Raises ImpossibleError ``length_impossible`` (``details``: most) unless 0 < minutes <= longest.
    """
    if not 0 < minutes <= longest:
        raise ImpossibleError(
            "this length is not possible", field="minutes", problem="length_impossible", most=longest
        )
    start = instant(day, at, zone_key)
    return start, start + timedelta(minutes=minutes)


def require_order(start: datetime, end: datetime, field: str = "end") -> None:
    """Refuse a span that ends before or when it starts: ImpossibleError ``before_start``."""
    if utc(end) <= utc(start):
        raise ImpossibleError("the end must be after the start", field=field, problem="before_start")


def require_range(moment: datetime, field: str) -> datetime:
    """``moment`` in UTC, for one that came as an instant (from the REST API).

    Raises ImpossibleError ``time_without_zone``, or ``date_out_of_range``.
    """
    if moment.utcoffset() is None:
        raise ImpossibleError("a time needs its offset", field=field, problem="time_without_zone")
    # A year less at both ends: local dates differ from UTC's.
    if not FIRST_YEAR < moment.year < LAST_YEAR:
        raise ImpossibleError(
            f"year {moment.year} is out of range",
            field=field,
            problem="date_out_of_range",
            first=FIRST_YEAR,
            most=LAST_YEAR,
        )
    return utc(moment)


def utc(moment: datetime) -> datetime:
    """``moment`` in UTC. A naive one is a programming error: ValueError."""
    if moment.tzinfo is UTC:
        return moment
    if moment.utcoffset() is None:
        raise ValueError("a time without zone is no instant")
    return moment.astimezone(UTC)


def local(moment: datetime, zone_key: str = DEFAULT_ZONE) -> datetime:
    """An instant as the clocks of the zone show it."""
    return utc(moment).astimezone(zone(zone_key))


def today(now: datetime, zone_key: str = DEFAULT_ZONE) -> date:
    """The day that it is in the zone."""
    return local(now, zone_key).date()


def day_bounds(day: date, zone_key: str = DEFAULT_ZONE) -> tuple[datetime, datetime]:
    """The instants at which a local day begins and the next one begins."""
    tz = zone(zone_key)
    start = datetime.combine(day, time(), tzinfo=tz)
    return start.astimezone(UTC), datetime.combine(day + timedelta(1), time(), tzinfo=tz).astimezone(UTC)


def local_days(
    start: datetime, end: datetime, zone_key: str = DEFAULT_ZONE, field: str = "end"
) -> list[date]:
    """The local days that the span touches, in order.

    Raises ImpossibleError ``before_start``, or ``too_long`` over :data:`MOST_DAYS`.
    """
    require_order(start, end, field)
    first = local(start, zone_key).date()
    # The end itself is not part of the span; times have a resolution of a microsecond.
    last = local(utc(end) - timedelta(microseconds=1), zone_key).date()
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise ImpossibleError("too many days", field=field, problem="too_long", most=MOST_DAYS)
    return [first + timedelta(index) for index in range(count)]


def format_date(day: date) -> str:
    """``01/12/2026``."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def format_time(at: time) -> str:
    """``06:30``."""
    return f"{at.hour:02}:{at.minute:02}"


def format_instant(moment: datetime, zone_key: str = DEFAULT_ZONE) -> str:
    """``01/12/2026 06:30``, by the clocks of the zone."""
    there = local(moment, zone_key)
    return f"{format_date(there.date())} {format_time(there.time())}"


def format_span(start: datetime, end: datetime, zone_key: str = DEFAULT_ZONE) -> str:
    """``01/12/2026 06:30–07:15``, or both days: ``01/12/2026 22:00–02/12/2026 00:30``."""
    there, until = local(start, zone_key), local(end, zone_key)
    if there.date() == until.date():
        return f"{format_instant(start, zone_key)}–{format_time(until.time())}"
    return f"{format_instant(start, zone_key)}–{format_instant(end, zone_key)}"
