"""Bytes of a text file to text: what Excel, LibreOffice and Notepad write in Vietnam.

Taken are UTF-8 with and without byte order mark, UTF-16 with one, and Windows-1258, whose base
letters and combining marks are composed (NFC). Text that has lost letters on the way, and text in
another code page, is refused with the place and a guess of what it is, since reading it anyhow
would put rubbish on record.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from itertools import islice
from typing import Final

from directory.tabular import characters
from directory.tabular.problems import Detail, EncodingError, ProblemKind, TableProblem
from directory.tabular.tokens import place

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16-be"),
)

_EVIDENCE_1258: Final = frozenset(b"\xcc\xd0\xd2\xde\xec\xf0\xf2")
"""Bytes for đ, Đ and the five combining marks; in Windows-1252 they are letters that Vietnamese
lacks, or such as stand where no mark could (ì, ò)."""

_DIFFERENT: Final = frozenset(b"\xc3\xd5\xdd\xe3\xf5\xfd")
"""Bytes that are Vietnamese letters in both code pages, but others: ã and ă, õ and ơ, ý and ư."""

_STACKED = re.compile("[\u0300\u0301\u0303\u0309\u0323]{3}")
"""Marks upon marks, which no letter has, and which take quadratic time to put in order."""

_FOREIGN = re.compile(r'(?<![^\s;,"])[^\s;,"\x80-\uffff]{0,40}[\x80-\uffff][^\s;,"]{0,40}')
_SAMPLE: Final = 20
"""Words that tell whether a text was misread."""

_LATIN: Final = "Windows-1252"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text without byte order mark, and the encoding in which it was, by Python's name."""

    text: str
    encoding: str


def decode(data: bytes) -> Decoded:
    """The text of a file. Raises EncodingError with line, column of the cell, and character in the line.

    Characters that no table has (controls, NUL) are refused too.
    """
    for mark, name, label in _BOMS:
        if data.startswith(mark):
            decoded = Decoded(_strict(data[len(mark) :], name), label)
            break
    else:
        decoded = _without_mark(data)
    _refuse_misread(decoded.text)
    _refuse_controls(decoded.text)
    return decoded


def check_text(text: str) -> str:
    """A text that came as text (pasted), under the same rules. Raises EncodingError."""
    _refuse_misread(text)
    _refuse_controls(text)
    _refuse_lost(text)
    return text


def _strict(data: bytes, name: str) -> str:
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(name)
        raise _bad_encoding(
            before + data[error.start :].decode(name, "replace"), len(before), "damaged"
        ) from None
    _refuse_lost(text)
    return text


def _without_mark(data: bytes) -> Decoded:
    zero = data.find(b"\0")
    if zero >= 0:
        # Text of the Basic Latin block has every second byte zero in UTF-16.
        head = data[:4_000]
        low, high = sorted((head[::2].count(0), head[1::2].count(0)))
        if high >= 4 and low == 0 and high * 5 > len(head):
            name = "UTF-16 without byte order mark"
            raise _bad_encoding(data.decode("latin-1"), zero, name)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if _mostly_utf8(data):
            before = data[: error.start].decode("utf-8")
            text = before + data[error.start :].decode("utf-8", "replace")
            raise _bad_encoding(text, len(before), "UTF-8, damaged") from None
        return _code_page(data)
    _refuse_lost(text)
    return Decoded(text, "utf-8")


def _code_page(data: bytes) -> Decoded:
    """Windows-1258 where the text is Vietnamese in it, and could not as well be another one."""
    try:
        raw = data.decode("cp1258")
    except UnicodeDecodeError as error:
        raise _refused(data, error.start) from None
    stacked = _STACKED.search(raw)
    if stacked is not None:
        raise _refused(data, stacked.start())
    text = unicodedata.normalize("NFC", raw)
    bad = characters.implausible_at(text)
    if bad is not None:
        raise _refused(data, _offset_before(raw, text[:bad]))
    used = frozenset(data)
    if used & _DIFFERENT and not used & _EVIDENCE_1258:
        raise _refused(data, next(at for at, byte in enumerate(data) if byte in _DIFFERENT))
    lost = characters.lost_words(text)
    if lost:
        raise _lost(text, lost[0], _LATIN)
    return Decoded(text, "cp1258")


def _offset_before(raw: str, composed: str) -> int:
    """How many characters of ``raw`` (one a byte) the NFC text ``composed`` stands for."""
    canonical = unicodedata.normalize("NFD", composed)
    seen = 0
    for offset, character in enumerate(raw):
        if seen >= len(canonical):
            return offset
        seen += len(unicodedata.normalize("NFD", character))
    return len(raw)


def _refused(data: bytes, offset: int) -> EncodingError:
    """For bytes that are neither UTF-8 nor Vietnamese in Windows-1258."""
    text = data.decode("cp1252", "replace")
    lost = characters.lost_words(text)
    if lost:
        return _lost(text, lost[0], _LATIN)
    return _bad_encoding(text, offset, _guess(data, text))


def _guess(data: bytes, text: str) -> str:
    """The likeliest encoding of bytes that were refused."""
    if b"\xff" in data[:1] or b"\xfe" in data[:1]:
        return "UTF-16, damaged"
    if characters.implausible_at(text) is None:
        return _LATIN
    return "TCVN3 or another old Vietnamese encoding"


def _mostly_utf8(data: bytes) -> bool:
    """Whether far more multi-byte sequences are good than bad."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return sum(c > "\x7f" for c in text) - bad > 4 * bad


def _bad_encoding(text: str, offset: int, guess: str) -> EncodingError:
    line, column, character = place(text, offset)
    detail: Detail = {"character": character, "guess": guess}
    return EncodingError(TableProblem(ProblemKind.BAD_ENCODING, line, column, detail=detail))


def _lost(text: str, word: characters.LostWord, guess: str) -> EncodingError:
    line, column, character = place(text, word.offset)
    detail: Detail = {"word": word.word, "guess": guess, "character": character}
    return EncodingError(TableProblem(ProblemKind.LETTERS_LOST, line, column, detail=detail))


def _refuse_lost(text: str) -> None:
    """Refuse Unicode text that was once saved with fewer letters.

    A replacement character is always a lost one. Question marks inside words are, where no letter
    is left that only Vietnamese has; one such word alone may be a slip of the pen. Otherwise single
    cells are at fault, and their fields say so.
    """
    replaced = text.find("\ufffd")
    if replaced >= 0:
        word = characters.word_at(text, replaced)
        raise _lost(text, characters.LostWord(word, replaced), "an encoding")
    if "?" in text and not characters.beyond_latin(text):
        lost = characters.lost_words(text)
        if len(lost) > 1 or (lost and "??" in lost[0].word):
            raise _lost(text, lost[0], _LATIN)


def _refuse_misread(text: str) -> None:
    """Refuse a text that was UTF-8 once, read and saved as something else: by its first words.

    Letters that only Vietnamese has do not survive that; where there are some, single cells are at fault.
    """
    if text.isascii() or characters.beyond_latin(text):
        return
    for match in islice(_FOREIGN.finditer(text), _SAMPLE):
        word = match.group()
        if characters.misread(word) == characters.TWICE_ENCODED:
            line, column, _ = place(text, match.start())
            detail: Detail = {"word": word[:40], "guess": characters.TWICE_ENCODED}
            raise EncodingError(TableProblem(ProblemKind.MISREAD, line, column, detail=detail))


def _refuse_controls(text: str) -> None:
    found = characters.CONTROLS.search(text)
    if found is None:
        return
    line, column, character = place(text, found.start())
    detail: Detail = {"character": character, "code": f"U+{ord(found.group()):04X}"}
    raise EncodingError(TableProblem(ProblemKind.CONTROL_CHARACTER, line, column, detail=detail))
