"""Texts that spreadsheets take for formulas: kept from running on the way out, taken back on the way in.

A CSV cell that begins with ``=``, ``+``, ``-`` or ``@`` runs as formula when a spreadsheet opens
the file (OWASP, "CSV Injection"). The usual cure is an apostrophe in front; here it is added so that
it can be taken back with certainty, and not to numbers and telephone numbers, which are harmless.
"""

from __future__ import annotations

import re
from typing import Final

_STARTERS: Final = "=+@-\uff1d\uff0b\uff20\uff0d\u2212"
"""Wide forms and the minus sign too: spreadsheets of some languages take them as well."""

_HARMLESS = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d{1,3})?|\+\d{1,4}(?: \d{1,12}){1,6}")
_CONSTANT_TEXT = re.compile(r'=\s*"((?:[^"]|"")*)"')
_TEXT_OF_NUMBER = re.compile(r'=\s*TEXT\(\s*"?(\d{1,15})"?\s*[,;]\s*"(0{1,15})"\s*\)', re.IGNORECASE)


def is_formula_like(text: str) -> bool:
    """Whether a spreadsheet may run the text of a CSV cell, white space in front included."""
    bare = text.lstrip()
    return bare[:1] != "" and bare[0] in _STARTERS and _HARMLESS.fullmatch(text) is None


def _behind_apostrophes(text: str) -> str:
    return text.lstrip("'")


def guard(text: str) -> str:
    """For a CSV cell: one apostrophe more before what is formula-like, behind apostrophes or not.

    ``unguard(guard(text)) == text`` for every text, since both look behind all apostrophes.
    """
    return f"'{text}" if is_formula_like(_behind_apostrophes(text)) else text


def guard_typed(text: str) -> str:
    """For a text cell of a workbook, whose type keeps it from running.

    An apostrophe is added only before those of the text's own that :func:`unguard` would take.
    """
    return f"'{text}" if text.startswith("'") and is_formula_like(_behind_apostrophes(text)) else text


def unguard(text: str) -> str:
    """Take back the apostrophe of :func:`guard`; every other text stays as it is."""
    return text[1:] if text.startswith("'") and is_formula_like(_behind_apostrophes(text)) else text


def constant(formula: str) -> str | None:
    """The value of a formula that needs no spreadsheet: ``="00004"`` and ``=TEXT(4,"00000")``; else None."""
    match = _TEXT_OF_NUMBER.fullmatch(formula.strip())
    if match is not None:
        return match.group(1).lstrip("0").rjust(len(match.group(2)), "0")
    match = _CONSTANT_TEXT.fullmatch(formula.strip())
    return match.group(1).replace('""', '"') if match is not None else None
