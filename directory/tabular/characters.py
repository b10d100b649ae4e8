"""Characters of tables: which letters Vietnamese has, what is invisible, where letters were lost."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

_TONES: Final = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
_VOWELS: Final = "aăâeêioôơuưy"

VIETNAMESE: Final = frozenset(
    letter
    for vowel in _VOWELS + _VOWELS.upper()
    for tone in _TONES
    if (letter := unicodedata.normalize("NFC", vowel + tone)) > "\x7f"
) | frozenset("đĐ")
"""The 134 letters of the alphabet beyond ASCII, precomposed (NFC)."""

PUNCTUATION: Final = frozenset("\xa0§°±²³·«»¼½¾×÷´€‚„…‹›‘’“”•–—™©®")
"""Beyond ASCII and the letters, what a Vietnamese text in a code page of Windows has."""

TWICE_ENCODED: Final = "UTF-8 read as Windows-1252"
"""One of the guesses of :func:`misread`."""

INVISIBLE: Final = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
"""Zero-width characters, soft hyphens, and what turns the direction of writing (UAX #9)."""

CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
"""Controls of C0 and C1 other than tab and line ends, and non-characters."""

SPACES: Final = re.compile(r"\s+")
"""Any white space, no-break and ideographic spaces and line ends included."""

# Begins at starts of words only and never goes back, so that it takes linear time on any text.
_WORD = re.compile(r'(?<![^\s;,"])[^\s;,"?]*+\?[^\s;,"]*+')
_LOST = re.compile(r"[^\W\d_]\?+[^\W\d_]|(?<!\S)\W*\?+[^\W\d_]")
_TCVN3 = re.compile("[^\\W\\d_][µ¸¶¹¨¾¼½¬¡¢£¤¥¦ÞßþðæøåÆØÅ]|[^\\W\\d_][©®ªº][^\\W\\d_]")
_BREAKS = re.compile(r'[ ;,"\t\r\n]')
_LONGEST_WORD: Final = 100
_NO_PROSE = re.compile(r"[/=&@%:]")


class LostWord(NamedTuple):
    """A word in which question marks stand for letters, and where it starts in the text."""

    word: str
    offset: int


def lost_words(text: str, most: int = 2) -> list[LostWord]:
    """The first words with ``?`` between or before letters (``Ph??ng``, ``?ống``), not addresses of pages."""
    found = []
    for match in _WORD.finditer(text):
        word = match.group()[:_LONGEST_WORD]
        if not _NO_PROSE.search(word) and _LOST.search(word):
            found.append(LostWord(word[:40], match.start()))
            if len(found) == most:
                break
    return found


def word_at(text: str, offset: int) -> str:
    """The word around an offset, of at most 40 characters, for people to find it."""
    near = (
        _BREAKS.split(text[max(offset - 20, 0) : offset])[-1] + _BREAKS.split(text[offset : offset + 20])[0]
    )
    return near or text[offset : offset + 1]


def misread(text: str) -> str | None:
    """What a text seems to be whose letters were read in the wrong encoding; None where it seems right.

    UTF-8 that was read as Windows-1252 gives itself away by being UTF-8 when written back. TCVN3,
    the old encoding of fonts such as .VnTime, has signs of Latin-1 inside words.
    """
    if text.isascii():
        return None
    try:
        octets = b"".join(c.encode("latin-1" if c <= "\xff" else "cp1252") for c in text)
        octets.decode("utf-8")
    except UnicodeError:
        return "TCVN3 (.VnTime)" if _TCVN3.search(text) else None
    return TWICE_ENCODED


def beyond_latin(text: str) -> bool:
    """Whether it has Vietnamese letters that Windows-1252 has not."""
    return any(letter > "\xff" and letter in VIETNAMESE for letter in text)


def implausible_at(text: str) -> int | None:
    """The first place where a text (NFC) is not Vietnamese: another letter or a mark left alone."""
    for offset, character in enumerate(text):
        if character > "\x7f" and character not in VIETNAMESE and character not in PUNCTUATION:
            return offset
    return None


def remove_invisible(text: str) -> tuple[str, int]:
    """The text without invisible characters, and how many there were."""
    if text.isascii():
        return text, 0
    return INVISIBLE.subn("", text)


def fold_spaces(text: str) -> str:
    """NFC, without white space at the ends, one space for any run of it inside."""
    return SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()
