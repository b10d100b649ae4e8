"""Comparing names as people type them: without diacritics, with or without đ, in any case."""

from __future__ import annotations

import unicodedata

_LETTERS = str.maketrans({"đ": "d", "Đ": "d", "ð": "d", "Ð": "d"})


def search_key(*texts: str) -> str:
    """The words of ``texts`` without marks, in lower case, one space between two.

    ``"Phường Ô Chợ Dừa"`` gives ``"phuong o cho dua"``. Two texts that differ in marks, case or
    punctuation alone have one key.
    """
    plain = unicodedata.normalize("NFKD", " ".join(texts).translate(_LETTERS)).casefold()
    letters = [c if c.isalnum() else " " for c in plain if not unicodedata.combining(c)]
    return " ".join("".join(letters).split())


def matches(query: str, key: str) -> bool:
    """Whether each word of ``query`` begins some word of ``key`` (which :func:`search_key` made)."""
    padded = " " + key
    return all(f" {word}" in padded for word in search_key(query).split())


def given_name_key(name: str) -> tuple[str, str, str]:
    """By what Vietnamese names of persons are sorted: the given name, which comes last; then all the rest.

    The name with its marks is last, so that Tú and Tu have a fixed order.
    """
    words = search_key(name).split()
    return (words[-1] if words else "", " ".join(words[:-1]), unicodedata.normalize("NFC", name))
