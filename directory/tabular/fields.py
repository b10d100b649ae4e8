"""Readers of single cells: what people write in a column, to a value, with remarks and errors.

Each takes a cell and the heading that people see, gives a :class:`Reading`, and never raises.
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from directory.search import search_key
from directory.tabular.characters import CONTROLS, fold_spaces, lost_words, misread
from directory.tabular.formulas import is_formula_like
from directory.tabular.numerals import read_code, read_decimal, read_degrees
from directory.tabular.problems import ProblemKind
from directory.tabular.reading import Reading, bad, notes, problem
from directory.tabular.table import Cell, CellKind
from directory.tabular.telephones import normal_telephone, read_telephone, show_telephone

__all__ = [
    "normal_telephone",
    "read_choice",
    "read_code",
    "read_date",
    "read_decimal",
    "read_degrees",
    "read_email",
    "read_name",
    "read_telephone",
    "read_text",
    "read_yes_no",
    "show_telephone",
]

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 2_000

_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?: 00:00(?::00)?)?")
_WORD_DATE = re.compile(r"ngày (\d{1,2}) tháng (\d{1,2}) năm (\d{4})", re.IGNORECASE)

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")

_YES_NO: Final[Mapping[str, bool]] = MappingProxyType(
    dict.fromkeys(("co", "c", "x", "v", "yes", "y", "true", "1", "dung"), True)
    | dict.fromkeys(("khong", "ko", "k", "no", "n", "false", "0", "sai"), False)
)


def read_name(cell: Cell, heading: str = "", limit: int = LONGEST_NAME) -> Reading[str]:
    """A name: NFC, on one line, one space between words, at most ``limit`` characters.

    What begins like a formula stays text and is flagged. Names that have lost letters are refused.
    """
    return _prose(fold_spaces(cell.text), cell, heading, limit)


def read_text(cell: Cell, heading: str = "", limit: int = LONGEST_TEXT) -> Reading[str]:
    """A text of several lines: as a name, but line breaks stay, of blank lines no more than one at a time."""
    lines = [fold_spaces(line) for line in cell.text.split("\n")]
    return _prose(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), cell, heading, limit)


def _prose(text: str, cell: Cell, heading: str, limit: int) -> Reading[str]:
    if not text:
        return Reading(None, notes(cell, heading))
    control = CONTROLS.search(text)
    if control is not None and misread(text) is None:
        detail: dict[str, str | int] = {
            "code": f"U+{ord(control.group()):04X}",
            "character": control.start() + 1,
        }
        return bad(ProblemKind.CONTROL_CHARACTER, cell, heading, **detail)
    if len(text) > limit:
        return bad(ProblemKind.TEXT_TOO_LONG, cell, heading, length=len(text), limit=limit)
    lost = lost_words(text) if limit <= LONGEST_NAME and "?" in text else []
    if lost or "\ufffd" in text:
        detail = {"word": lost[0].word if lost else text[:40], "guess": "Windows-1252", "character": 1}
        return bad(ProblemKind.LETTERS_LOST, cell, heading, **detail)
    wrong = misread(text) if limit <= LONGEST_NAME else None
    if wrong is not None:
        return bad(ProblemKind.MISREAD, cell, heading, word=text[:40], guess=wrong)
    remarks = notes(cell, heading, text if cell.formula else None)
    if is_formula_like(text):
        remarks += (problem(ProblemKind.FORMULA_TEXT, cell, heading),)
    return Reading(text, remarks)


def read_date(
    cell: Cell,
    heading: str = "",
    first: datetime.date = datetime.date(1900, 1, 1),
    last: datetime.date = datetime.date(2199, 12, 31),
) -> Reading[datetime.date]:
    """A date: of the type, or ``31/12/2026`` (also with dots or dashes), ISO 8601, or in Vietnamese words.

    The day comes first, always. Years have four digits, since two are a guess. ``first`` and
    ``last`` bound it, inclusive.
    """
    if cell.blank:
        return Reading(None)
    if cell.kind is CellKind.DATE and cell.date is not None:
        return _bounded(cell.date, cell, heading, first, last)
    text = fold_spaces(cell.text).lstrip("'")
    iso = _ISO_DATE.fullmatch(text)
    if iso is not None:
        year, month, day = (int(part) for part in iso.groups())
    else:
        match = _DATE.fullmatch(text)
        words = _WORD_DATE.fullmatch(text)
        if match is not None:
            day, month, year = int(match.group(1)), int(match.group(3)), int(match.group(4))
        elif words is not None:
            day, month, year = (int(part) for part in words.groups())
        else:
            return bad(ProblemKind.BAD_DATE, cell, heading)
    if not 1 <= month <= 12 or not 1 <= year <= 9999:
        return bad(ProblemKind.BAD_DATE, cell, heading)
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return bad(ProblemKind.IMPOSSIBLE_DATE, cell, heading, day=day, month=month, year=year)
    return _bounded(datetime.date(year, month, day), cell, heading, first, last)


def _bounded(
    value: datetime.date, cell: Cell, heading: str, first: datetime.date, last: datetime.date
) -> Reading[datetime.date]:
    if not first <= value <= last:
        ends = {"low": first.strftime("%d/%m/%Y"), "high": last.strftime("%d/%m/%Y")}
        return bad(ProblemKind.OUT_OF_RANGE, cell, heading, **ends)
    return Reading(value, notes(cell, heading))


def read_yes_no(cell: Cell, heading: str = "") -> Reading[bool]:
    """Yes or no, in Vietnamese or English, with or without marks, a cross, 1 and 0. Blank is None."""
    if cell.blank:
        return Reading(None)
    value = _YES_NO.get(search_key(cell.text))
    if value is None and cell.text.strip() in ("✓", "✔", "☑"):
        value = True
    if value is None:
        return bad(ProblemKind.BAD_YES_NO, cell, heading)
    return Reading(value, notes(cell, heading))


def read_choice(cell: Cell, heading: str, choices: Mapping[str, str]) -> Reading[str]:
    """One of a few: ``choices`` maps what people write (any case, with or without marks) to values.

    Its keys are shown to people where none fits.
    """
    if cell.blank:
        return Reading(None)
    wanted = search_key(cell.text)
    for written, value in choices.items():
        if wanted in (search_key(written), search_key(value)):
            return Reading(value, notes(cell, heading))
    return bad(ProblemKind.BAD_CHOICE, cell, heading, known=", ".join(choices))


def read_email(cell: Cell, heading: str = "") -> Reading[str]:
    """An address for mail (RFC 5321, 4.1.2, not quoted, no IP address); its domain in lower case."""
    if cell.blank:
        return Reading(None)
    text = cell.text.strip().lstrip("'").removeprefix("mailto:")
    local, _, domain = text.rpartition("@")
    labels = domain.split(".")
    good = (
        len(text) <= 254
        and len(local) <= 64
        and _LOCAL.fullmatch(local) is not None
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )
    if not good:
        return bad(ProblemKind.BAD_EMAIL, cell, heading)
    return Reading(f"{local}@{domain.lower()}", notes(cell, heading))
