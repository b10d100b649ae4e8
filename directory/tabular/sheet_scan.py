"""A first pass over the XML of a sheet: how far it goes, its formulas and merged cells.

It is done before the library that reads cells, which trusts the file's own words on its size, does
not tell of merged cells when it streams, and gives either formulas or their stored results.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from xml.parsers import expat

from directory.tabular.package import MAIN, broken, parser
from directory.tabular.problems import FormatError
from directory.tabular.table import Merge

_ROW: Final = f"{MAIN}}}row"
_CELL: Final = f"{MAIN}}}c"
_VALUE: Final = f"{MAIN}}}v"
_INLINE: Final = f"{MAIN}}}is"
_FORMULA: Final = f"{MAIN}}}f"
_MERGE: Final = f"{MAIN}}}mergeCell"

_LAST_ROW: Final = 1_048_576
_LAST_COLUMN: Final = 16_384
_MOST_OUTSIDE: Final = 200_000
_MOST_IN_ROW: Final = 100_000
_MOST_MERGES: Final = 2_000
_MOST_FORMULA: Final = 200

_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


class Formula(NamedTuple):
    """The text of a formula with ``=``, cut to 200 characters, and whether its result is stored."""

    text: str
    stored: bool


@dataclass(slots=True)
class Scan:
    """What a sheet has. Rows and columns count from 1; ``last_row`` 0 means that it is blank."""

    last_row: int = 0
    last_column: int = 0
    widest: tuple[int, int] = (0, 0)
    """Row and column of the first cell with content in the last such column."""
    filled_rows: int = 0
    formulas: dict[tuple[int, int], Formula] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)


def coordinate(reference: str) -> tuple[int, int]:
    """Row and column of a reference such as ``C7``. Raises ValueError."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(reference)
    column = 0
    for letter in match.group(1):
        column = column * 26 + ord(letter) - ord("A") + 1
    row = int(match.group(2))
    if row > _LAST_ROW or column > _LAST_COLUMN:
        raise ValueError(reference)
    return row, column


def scan(data: bytes, part: str) -> Scan:
    """What the sheet has. Raises FormatError where it is damaged, or rows or cells go backwards."""
    reader = _Reader()
    xml = parser(part)
    xml.StartElementHandler = reader.start
    xml.EndElementHandler = reader.end
    xml.CharacterDataHandler = reader.characters
    xml.buffer_text = True
    try:
        xml.Parse(data, True)
    except FormatError:
        raise
    except (expat.ExpatError, ValueError):
        raise broken(part) from None
    return reader.result


class _Reader:
    """Handlers of the parser. Any ValueError means that the sheet is damaged."""

    def __init__(self) -> None:
        self.result = Scan()
        self._row = self._column = 0
        self._in_row = False
        self._row_filled = False
        self._filled = self._stored = False
        self._formula: list[str] | None = None
        self._in_formula = self._in_value = False
        self._outside = self._inside = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._in_row:
            self._inside += 1
            if self._inside > _MOST_IN_ROW:
                raise ValueError(name)
            if name == _CELL:
                self._start_cell(attributes.get("r"), attributes.get("t") == "str")
            elif name == _VALUE:
                self._filled = self._in_value = True
            elif name == _INLINE:
                self._filled = True
            elif name == _FORMULA:
                self._filled = self._in_formula = True
                self._formula = ["="]
            elif name == _ROW:
                raise ValueError(name)
            return
        self._outside += 1
        if self._outside > _MOST_OUTSIDE:
            raise ValueError(name)
        if name == _ROW:
            self._outside -= 1
            self._start_row(attributes.get("r"))
        elif name == _MERGE:
            self._merge(attributes.get("ref", ""))

    def _start_row(self, number: str | None) -> None:
        row = int(number) if number is not None else self._row + 1
        if not self._row < row <= _LAST_ROW:
            raise ValueError(number)
        self._row, self._column = row, 0
        self._inside = 0
        self._in_row, self._row_filled = True, False

    def _start_cell(self, reference: str | None, is_text: bool) -> None:
        row, column = coordinate(reference) if reference is not None else (self._row, self._column + 1)
        if row != self._row or not self._column < column <= _LAST_COLUMN:
            raise ValueError(reference)
        self._column = column
        self._filled = False
        # An empty text is a result too; an empty number is what programs write that compute nothing.
        self._stored = is_text
        self._formula = None

    def _merge(self, reference: str) -> None:
        first, _, last = reference.partition(":")
        top, left = coordinate(first)
        bottom, right = coordinate(last or first)
        if len(self.result.merges) < _MOST_MERGES and (top, left) != (bottom, right):
            self.result.merges.append(Merge(top, left, bottom, right, reference))

    def end(self, name: str) -> None:
        if name == _FORMULA:
            self._in_formula = False
        elif name == _VALUE:
            self._in_value = False
        elif name == _CELL and self._filled:
            self._end_cell()
        elif name == _ROW:
            self._in_row = False
            self.result.filled_rows += self._row_filled

    def _end_cell(self) -> None:
        result, at = self.result, (self._row, self._column)
        self._row_filled = True
        result.last_row = self._row
        if self._column > result.last_column:
            result.last_column, result.widest = self._column, at
        if self._formula is not None:
            result.formulas[at] = Formula("".join(self._formula)[:_MOST_FORMULA], self._stored)
        self._filled = False

    def characters(self, text: str) -> None:
        if self._in_value:
            self._stored = True
        elif self._in_formula and self._formula is not None and len(self._formula) < _MOST_FORMULA:
            self._formula.append(text[:_MOST_FORMULA])
