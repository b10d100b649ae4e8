"""Texts that people put into the directory, as they are kept: one form for all tables."""

from __future__ import annotations

import unicodedata
from typing import Final

from directory.errors import InvalidError
from directory.search import search_key

_DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the text around them about, so that a list shows another name than it has."""


def line(field: str, text: str, most: int) -> str:
    """One line: NFC, one space for any run of white space, none at the ends.

    Raises InvalidError (``problem`` is ``too_long`` or ``characters``).
    """
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if len(plain) > most:
        raise InvalidError(f"{field} is too long", field=field, problem="too_long", most=most)
    if any(unicodedata.category(c) in ("Cc", "Cs") or c in _DIRECTIONS for c in plain):
        raise InvalidError(f"{field} has characters that no line has", field=field, problem="characters")
    return plain


def name(field: str, text: str, most: int = 200) -> str:
    """A line that has letters or digits. Raises InvalidError (``missing`` too)."""
    plain = line(field, text, most)
    if not search_key(plain):
        raise InvalidError(f"{field} is needed", field=field, problem="missing")
    return plain
