"""Digits that went through a spreadsheet: codes and telephone numbers that became numbers, and decimals."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Final

from directory.tabular.formulas import constant
from directory.tabular.problems import ProblemKind
from directory.tabular.reading import Reading, bad, notes
from directory.tabular.table import Cell, CellKind

_POWER = re.compile(r"(\d)(?:[.,](\d{1,15}))?[eE]\+?(\d{1,2})")
_WHOLE = re.compile(r"(\d{1,15})(?:[.,]0{1,6})?")
_DECIMAL = re.compile(r"([+-]?)(\d{1,15})(?:[.,](\d{1,20}))?(?:[eE]([+-]?\d{1,2}))?")


class DigitsLostError(ValueError):
    """A number in power form whose last digits are gone."""


def plain_digits(cell: Cell) -> str:
    """The digits of a whole number as a spreadsheet may have left it, else the text without frills.

    Apostrophes in front, constant formulas (``="00004"``), ``4.0`` and ``9.931E+03`` are undone.
    Raises DigitsLostError for a power form that does not have all digits.
    """
    text = "".join(cell.text.split())
    text = (constant(text) or text).lstrip("'’`").strip()
    power = _POWER.fullmatch(text)
    if power is not None:
        whole, fraction, exponent = power.group(1), power.group(2) or "", int(power.group(3))
        # A mantissa as long as it can be shows each digit; a shorter one was rounded, or ends in zeros.
        if len(fraction) < exponent or fraction[exponent:].strip("0"):
            raise DigitsLostError(text)
        return whole + fraction[:exponent]
    plain = _WHOLE.fullmatch(text)
    return plain.group(1) if plain is not None else text


def read_code(cell: Cell, heading: str = "", digits: int = 5) -> Reading[str]:
    """The code of a unit: exactly ``digits`` digits, leading zeros restored, never 00000."""
    if cell.blank:
        return Reading(None)
    try:
        text = plain_digits(cell)
    except DigitsLostError:
        return bad(ProblemKind.DIGITS_LOST, cell, heading)
    if not (text.isascii() and text.isdigit()) or len(text) > digits or not text.strip("0"):
        return bad(ProblemKind.BAD_CODE, cell, heading, digits=digits)
    value = text.zfill(digits)
    return Reading(value, notes(cell, heading, value))


def read_decimal(
    cell: Cell, heading: str = "", low: Decimal | int | None = None, high: Decimal | int | None = None
) -> Reading[Decimal]:
    """A number with decimal comma or point, between ``low`` and ``high`` inclusive where they are given.

    A single separator is always the decimal one; grouped thousands are refused.
    """
    if cell.blank:
        return Reading(None)
    if cell.number is not None and cell.kind is CellKind.NUMBER:
        return _ranged(cell, heading, cell.number, low, high)
    match = _DECIMAL.fullmatch("".join(cell.text.split()).lstrip("'").replace("\u2212", "-"))
    if match is None:
        return bad(ProblemKind.BAD_NUMBER, cell, heading)
    sign, whole, fraction, exponent = match.groups()
    try:
        value = Decimal(f"{sign}{whole}.{fraction or '0'}E{exponent or '0'}")
    except InvalidOperation:
        return bad(ProblemKind.BAD_NUMBER, cell, heading)
    return _ranged(cell, heading, value, low, high)


def _ranged(
    cell: Cell, heading: str, value: Decimal, low: Decimal | int | None, high: Decimal | int | None
) -> Reading[Decimal]:
    if (low is not None and value < low) or (high is not None and value > high):
        ends = {"low": "" if low is None else str(low), "high": "" if high is None else str(high)}
        return bad(ProblemKind.OUT_OF_RANGE, cell, heading, **ends)
    return Reading(value, notes(cell, heading))


DEGREES_PLACES: Final = Decimal("0.00001")
"""Five decimals of a degree: about one metre."""


def read_degrees(cell: Cell, heading: str = "", limit: int = 180) -> Reading[Decimal]:
    """Latitude (``limit`` 90) or longitude in degrees (WGS 84), rounded to five decimals.

    Blank is None, never 0.
    """
    bare = replace(cell, text=cell.text.strip().removesuffix("°"))
    reading = read_decimal(bare, heading, -limit, limit)
    if reading.value is None:
        return reading
    return Reading(reading.value.quantize(DEGREES_PLACES), reading.problems)
