"""Telephone numbers of Vietnam as people write them, to one form (E.164; extensions as in RFC 3966)."""

from __future__ import annotations

import re

from directory.tabular.numerals import DigitsLostError, plain_digits
from directory.tabular.problems import ProblemKind
from directory.tabular.reading import Reading, bad, found, notes, problem
from directory.tabular.table import Cell, CellKind

_EXTENSION = re.compile(r"(?:;ext=|ext\.?|máy lẻ|ml|#|x)\s*[:.]?\s*(\d{1,6})\W*$", re.IGNORECASE)
_MARKS = re.compile(r"[\s().\-–/]")
_FRONT = re.compile(r"^(?:đt|sđt|điện thoại|tel|phone|di động)\s*[:.]?\s*", re.IGNORECASE)

_MOBILE = re.compile(r"[35789]\d{8}")
_LANDLINE = re.compile(r"2\d{8,9}")
_SERVICE = re.compile(r"1[89]00\d{4,6}")
_FOREIGN = re.compile(r"[1-9]\d{6,14}")


def normal_telephone(text: str) -> str | None:
    """``+84912345670`` for ``0912 345 670``, ``+84 912 345 670`` or ``(84) 912.345.670``; else None.

    Numbers of other countries need the ``+``. Service numbers (1800…, 1900…) keep their form.
    An extension follows as ``;ext=12``.
    """
    rest = _FRONT.sub("", text.strip().lstrip("'’`"))
    extension = _EXTENSION.search(rest)
    if extension is not None:
        rest = rest[: extension.start()]
    digits = _MARKS.sub("", rest)
    tail = f";ext={extension.group(1)}" if extension is not None else ""
    plus = digits.startswith(("+", "00"))
    digits = digits.removeprefix("+") if digits.startswith("+") else digits.removeprefix("00")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if _SERVICE.fullmatch(digits) and not plus:
        return digits + tail
    national = None
    if digits.startswith("84") and (plus or len(digits) > 9):
        # People write +84 (0)24 as well.
        national = digits[2:].removeprefix("0")
    elif not plus and digits.startswith("0"):
        national = digits[1:]
    if national is not None:
        good = _MOBILE.fullmatch(national) or _LANDLINE.fullmatch(national)
        return f"+84{national}{tail}" if good else None
    return f"+{digits}{tail}" if plus and _FOREIGN.fullmatch(digits) else None


def show_telephone(value: str) -> str:
    """The form that people read, of a value of :func:`normal_telephone`: ``0912 345 670``, ``024 3825 0000``.

    The spaces keep spreadsheets from taking it for a number, and reading it gives the same value.
    """
    number, _, extension = value.partition(";ext=")
    if number.startswith("+84"):
        national = number[3:]
        if _MOBILE.fullmatch(national):
            groups = [f"0{national[:3]}", national[3:6], national[6:]]
        elif len(national) == 10 and national.startswith(("24", "28")):
            groups = [f"0{national[:2]}", national[2:6], national[6:]]
        else:
            groups = [f"0{national[:3]}", national[3:6], national[6:]]
        shown = " ".join(groups)
    elif number.startswith("+"):
        rest = number[1:]
        shown = "+" + " ".join([rest[:2], *(rest[at : at + 4] for at in range(2, len(rest), 4))])
    else:
        shown = f"{number[:4]} {number[4:]}"
    return f"{shown} ext {extension}" if extension else shown


def read_telephone(cell: Cell, heading: str = "") -> Reading[str]:
    """A telephone number in the form of :func:`normal_telephone`.

    A number that lost its leading zero on the way through a spreadsheet is restored, and flagged,
    since nobody can tell whether it lost more.
    """
    if cell.blank:
        return Reading(None)
    value = normal_telephone(cell.text)
    bare = re.sub(r"\s", "", cell.text)
    numeric = cell.kind is CellKind.NUMBER or bare[:1] not in ("0", "+")
    if value is None or cell.kind is CellKind.NUMBER:
        try:
            digits = plain_digits(cell)
        except DigitsLostError:
            return bad(ProblemKind.DIGITS_LOST, cell, heading)
        value = normal_telephone(digits)
        # Without its zero a number has nine digits, or ten of a landline; with the country, eleven or twelve.
        if value is None and digits.isascii() and digits.isdigit():
            value = normal_telephone(
                f"+{digits}" if digits.startswith("84") and len(digits) > 10 else f"0{digits}"
            )
            numeric = True
    if value is None:
        return bad(ProblemKind.BAD_TELEPHONE, cell, heading)
    if (
        numeric
        and value.startswith("+84")
        and (cell.kind is CellKind.NUMBER or re.fullmatch(r"[\d.,eE+]+", bare))
    ):
        flag = problem(
            ProblemKind.NUMERIC_TELEPHONE, cell, heading, found=found(cell), value=show_telephone(value)
        )
        return Reading(value, (*notes(cell, heading), flag))
    return Reading(value, notes(cell, heading))
