"""What a form of a server-made page holds, and how dates and times in it are read and shown.

Officials write dates as 26/11/2026 and times as 08:30 or 8h30, whatever the
language of their browser; so fields are plain text, and all reading is here.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_DATE: Final = re.compile(r"^(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(\d{4})$", re.ASCII)
_DIGITS: Final = re.compile(r"^(\d{2})(\d{2})(\d{4})$", re.ASCII)
_TIME: Final = re.compile(r"^([0-9]{1,2})\s*(?::|h|g|giờ|\.)\s*([0-9]{2})?$", re.IGNORECASE)

MAX_LENGTH: Final = 40
"""Characters of a date or a time that are looked at; longer text is neither."""


def read_date(text: str) -> dt.date | None:
    """A date as people here write it, day first; None where it is none, such as the 30th of February."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        return None
    found = _DATE.match(text) or _DIGITS.match(text)
    if found is None:
        return None
    day, month, year = map(int, found.groups())
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def read_time(text: str) -> dt.time | None:
    """A time of 24 hours: 08:30, 8h30, 8h, 8 giờ 30; None where it is none."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        return None
    found = _TIME.match(unicodedata.normalize("NFC", text))
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    return dt.time(hour, minute) if hour < 24 and minute < 60 else None


def show_date(value: dt.date) -> str:
    """26/11/2026."""
    return f"{value.day:02}/{value.month:02}/{value.year:04}"


def show_time(value: dt.time | dt.datetime) -> str:
    """08:30."""
    return f"{value.hour:02}:{value.minute:02}"


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is shown: what stands in its fields, and what is wrong with them.

    ``values`` and ``errors`` go by the names of fields; ``errors`` holds
    sentences of the page's language, in the order in which the page has its
    fields, and the empty name stands for the form as a whole. ``prefix``
    keeps ids of two forms on one page apart.
    """

    values: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    prefix: str = "f"

    def value(self, name: str) -> str:
        """The text of a field, or nothing."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else next(iter(value), "")

    def chosen(self, name: str) -> frozenset[str]:
        """The ticked values of a list."""
        value = self.values.get(name, ())
        return frozenset([value] if isinstance(value, str) else value)

    def error(self, name: str) -> str:
        """What is wrong with a field, or nothing."""
        return self.errors.get(name, "")

    def id(self, name: str) -> str:
        """The element's id; links of the error summary lead to it."""
        return f"{self.prefix}-{name}"
