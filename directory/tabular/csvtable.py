"""CSV files and pasted lists to tables."""

from __future__ import annotations

from directory.tabular.characters import remove_invisible
from directory.tabular.decode import check_text, decode
from directory.tabular.formulas import unguard
from directory.tabular.problems import LimitError, ProblemKind, TableProblem
from directory.tabular.table import Cell, CellKind, Limits, Row, Source, Table, row_of
from directory.tabular.tokens import RawCell, layout, records

_MOST_PROBLEMS = 20


def read_csv(data: bytes, limits: Limits | None = None) -> Table:
    """The table of a CSV file. Raises TabularError: EncodingError, FormatError or LimitError."""
    limits = limits or Limits()
    if len(data) > limits.size:
        raise too_large(len(data), limits.size)
    decoded = decode(data)
    return _table(decoded.text, decoded.encoding, limits)


def read_pasted(text: str, limits: Limits | None = None) -> Table:
    """The table of a text that somebody pasted, from a spreadsheet or a mail. Raises TabularError."""
    limits = limits or Limits()
    size = len(text.encode("utf-8", "replace"))
    if size > limits.size:
        raise too_large(size, limits.size)
    return _table(check_text(text.removeprefix("\ufeff")), "", limits)


def too_large(size: int, limit: int) -> LimitError:
    """The error for an upload of ``size`` bytes; those who receive uploads raise it before the last byte."""
    detail = {"size": size, "limit": limit}
    return LimitError(TableProblem(ProblemKind.FILE_TOO_LARGE, detail=detail))


def too_many_rows(line: int, limit: int) -> LimitError:
    """The error for the first row that is one too many."""
    return LimitError(TableProblem(ProblemKind.TOO_MANY_ROWS, line, detail={"limit": limit}))


def _table(text: str, encoding: str, limits: Limits) -> Table:
    found = layout(text)
    rows: list[Row] = []
    long: list[TableProblem] = []
    for record in records(text, found, limits.columns):
        if max(len(raw.text) for raw in record) > limits.cell:
            long += [
                too_long(raw.line, at, len(raw.text), limits.cell)
                for at, raw in enumerate(record, 1)
                if len(raw.text) > limits.cell
            ]
            if len(long) >= _MOST_PROBLEMS:
                break
            continue
        cells = tuple(_cell(raw, at) for at, raw in enumerate(record, 1))
        row = row_of(record[0].line, cells)
        if row is None:
            continue
        if len(rows) >= limits.rows:
            raise too_many_rows(row.line, limits.rows)
        rows.append(row)
    if long:
        raise LimitError(*long[:_MOST_PROBLEMS])
    if not rows:
        raise LimitError(TableProblem(ProblemKind.EMPTY))
    return Table(tuple(rows), Source("csv", encoding, found.delimiter))


def too_long(line: int, column: int, length: int, limit: int) -> TableProblem:
    """The problem of a cell with more than ``limit`` characters."""
    detail = {"length": length, "limit": limit}
    return TableProblem(ProblemKind.CELL_TOO_LONG, line, column, detail=detail)


def _cell(raw: RawCell, column: int) -> Cell:
    text, removed = remove_invisible(raw.text)
    text = unguard(text)
    kind = CellKind.TEXT if text else CellKind.EMPTY
    return Cell(text, raw.line, column, kind, removed=removed)
