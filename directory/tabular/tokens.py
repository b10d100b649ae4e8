"""Records of delimited text (RFC 4180, and what spreadsheets make of it), with places.

Beyond the RFC: the delimiter may be a semicolon or a tab, lines may end in CR alone, and a
quotation mark inside an unquoted cell is a character like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

from directory.tabular.problems import FormatError, LimitError, ProblemKind, TableProblem

DELIMITERS: Final = ("\t", ";", ",")
"""In the order in which they win where a text fits several equally well."""

LINE_END: Final = re.compile(r"\r\n|\r|\n")

_SEPARATOR_LINE = re.compile(r'"?sep=([^\r\n"]?)"?[;,\t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_SAMPLE = 20
_MOST_CELLS = 16_384


class RawCell(NamedTuple):
    """A cell's text, the line on which it starts (from 1), and its offset in the whole text."""

    text: str
    line: int
    offset: int


class Layout(NamedTuple):
    """The delimiter of a text; the records begin at ``start`` in line ``line``, after a ``sep=`` line."""

    delimiter: str
    start: int
    line: int


@cache
def _patterns(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A quoted cell, and a plain one. Possessive repeats: no text makes them go back."""
    plain = re.compile(rf"[^{delimiter}\r\n]*+")
    return re.compile(r'"((?:[^"]++|"")*+)"'), plain


def records(text: str, layout: Layout, columns: int = _MOST_CELLS) -> Iterator[list[RawCell]]:
    """All records, blank ones too. Raises FormatError for quotation marks that do not fit.

    Raises LimitError for text beyond ``columns``; blank cells beyond it are dropped.
    """
    delimiter, at, line = layout
    quoted, plain = _patterns(delimiter)
    record: list[RawCell] = []
    column = 0
    end = len(text)
    while at < end or record:
        column += 1
        start, started = at, line
        if text.startswith('"', at):
            match = quoted.match(text, at)
            if match is None:
                raise FormatError(TableProblem(ProblemKind.UNCLOSED_QUOTE, line, column))
            value = match.group(1).replace('""', '"')
            if "\n" in value or "\r" in value:
                value, breaks = LINE_END.subn("\n", value)
                line += breaks
            at = match.end()
            rest = plain.match(text, at)
            if rest is not None and rest.end() > at:
                if not rest.group().isspace():
                    raise FormatError(TableProblem(ProblemKind.TEXT_AFTER_QUOTE, started, column))
                at = rest.end()
        else:
            match = plain.match(text, at)
            value = match.group() if match else ""
            at += len(value)
        if column <= columns:
            record.append(RawCell(value, started, start))
        elif value and not value.isspace():
            detail = {"limit": columns}
            raise LimitError(TableProblem(ProblemKind.TOO_MANY_COLUMNS, started, column, detail=detail))
        if at < end and text[at] == delimiter:
            at += 1
            continue
        yield record
        record, column = [], 0
        line += 1
        at += 2 if text.startswith("\r\n", at) else 1


def layout(text: str) -> Layout:
    """The delimiter: by a ``sep=`` line, else the one that divides the headings and fits most lines.

    Raises FormatError where ``sep=`` names another character.
    """
    named = _SEPARATOR_LINE.match(text)
    if named is not None:
        found = named.group(1)
        if found not in DELIMITERS:
            detail = {"found": found}
            raise FormatError(TableProblem(ProblemKind.BAD_SEPARATOR, 1, 1, detail=detail))
        return Layout(found, named.end(), 2)
    best = max(DELIMITERS, key=lambda delimiter: _fitness(text, delimiter))
    return Layout(best, 0, 1)


def _fitness(text: str, delimiter: str) -> tuple[float, int]:
    """How well it fits: the share of records that have the commonest width, and that width."""
    widths: list[int] = []
    sample = islice(records(text, Layout(delimiter, 0, 1)), _SAMPLE)
    # What comes before a bad quotation mark still tells; the mark is reported when the text is read.
    try:
        widths.extend(len(record) for record in sample if len(record) > 1 or record[0].text)
    except LimitError:
        widths.append(_MOST_CELLS)
    except FormatError:
        pass
    if not widths:
        return 0.0, 0
    common = max(set(widths), key=lambda w: (widths.count(w), w))
    if common < 2:
        # Short rows may be in the majority; then the headings decide.
        return 0.0, widths[0] if widths[0] > 1 else 0
    return widths.count(common) / len(widths), common


def place(text: str, offset: int) -> tuple[int, int, int]:
    """Line, column of the cell, and character in the line, each from 1, of an offset in a text."""
    ends = [match.end() for match in LINE_END.finditer(text, 0, offset)]
    line, character = len(ends) + 1, offset - (ends[-1] if ends else 0) + 1
    column = 1
    try:
        for record in records(text, layout(text)):
            if record[0].offset > offset:
                break
            column = max(sum(cell.offset <= offset for cell in record), 1)
    except (FormatError, LimitError):
        return line, 0, character
    return line, column, character
