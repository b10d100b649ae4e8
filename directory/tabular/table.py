"""A table as read from a file: cells with their places, whatever the format was."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from directory.tabular.problems import TableProblem


class CellKind(StrEnum):
    """What the file said the cell is. A CSV file has texts alone."""

    EMPTY = "empty"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    ``text`` is what people see, without invisible characters, of which ``removed`` were there.
    ``line`` and ``column`` count from 1; in a CSV file the line is that on which the cell starts.
    ``formula`` is the formula, with ``=``, whose stored or constant result ``text`` is.
    """

    text: str
    line: int
    column: int
    kind: CellKind = CellKind.TEXT
    number: Decimal | None = None
    date: datetime.date | None = None
    formula: str = ""
    removed: int = 0

    @property
    def blank(self) -> bool:
        """Whether nothing can be seen in it."""
        return not self.text or self.text.isspace()


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row up to the last that is not blank, the first at index 0. Never all blank."""

    line: int
    cells: tuple[Cell, ...]

    def cell(self, column: int) -> Cell:
        """The cell of a column (from 1); an empty one where the row is shorter."""
        if column <= len(self.cells):
            return self.cells[column - 1]
        return Cell("", self.line, column, CellKind.EMPTY)


def row_of(line: int, cells: Sequence[Cell]) -> Row | None:
    """The row without blank cells at its end; None where all are blank."""
    last = len(cells)
    while last and cells[last - 1].blank:
        last -= 1
    return Row(line, tuple(cells[:last])) if last else None


@dataclass(frozen=True, slots=True)
class Merge:
    """A block of merged cells, all ends included, from 1."""

    top: int
    left: int
    bottom: int
    right: int
    name: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that are not blank, in order. ``source`` tells how they were read, for people.

    ``merges`` and ``problems`` belong to single cells; :func:`directory.tabular.read_records`
    reports those at and below the headings.
    """

    rows: tuple[Row, ...]
    source: Source
    problems: tuple[TableProblem, ...] = ()
    merges: tuple[Merge, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """How a table was read: ``format`` is ``csv`` or ``xlsx``; the rest where it applies."""

    format: str
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken: bytes of the upload, rows that are not blank, columns, characters of a cell.

    ``unpacked`` bounds the bytes of a workbook's parts after decompression.
    """

    size: int = 10_000_000
    rows: int = 20_000
    columns: int = 60
    cell: int = 2_000
    unpacked: int = 32_000_000
