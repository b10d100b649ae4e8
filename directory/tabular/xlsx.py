"""Excel workbooks (.xlsx) to tables: the first visible sheet that has cells.

The only file that reads with openpyxl. What reaches it was checked by :mod:`directory.tabular.package`
and measured by :mod:`directory.tabular.sheet_scan`.
"""

from __future__ import annotations

import datetime
import io
import math
import re
import warnings
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import openpyxl

from directory.tabular.characters import CONTROLS, remove_invisible
from directory.tabular.csvtable import too_large, too_long, too_many_rows
from directory.tabular.formulas import constant, unguard
from directory.tabular.package import Package, Sheet, broken
from directory.tabular.problems import FormatError, LimitError, ProblemKind, ProblemList, TableProblem
from directory.tabular.sheet_scan import Scan, scan
from directory.tabular.table import Cell, CellKind, Limits, Row, Source, Table, row_of

_MOST_PROBLEMS: Final = 20
_MOST_LINE: Final = 200_000
"""Rows up to here may be blank between others; beyond, the sheet is taken for too long."""

_HAS_CELLS = re.compile(rb"<(?:\w+:)?(?:v|is)[ >]")
_ESCAPED = re.compile("_x(005F|000D)_")
"""Of the escapes in texts (ECMA-376, 22.9.2.19), those that Excel writes for what people typed."""
_FORMAT_TOKEN = re.compile(r'"([^"]*)"|\\(.)|([0#])|([ ()+-])')


def read_xlsx(data: bytes, limits: Limits | None = None) -> Table:
    """The table of a workbook. Raises TabularError: FormatError or LimitError.

    Cells whose formula has no stored result, and cells that show an error, are in ``problems`` of
    the table, and empty in its rows.
    """
    limits = limits or Limits()
    if len(data) > limits.size:
        raise too_large(len(data), limits.size)
    package = Package(data, limits.unpacked)
    sheets = [sheet for sheet in package.sheets() if sheet.visible]
    for sheet in sheets:
        cells = package.read(sheet.part, limits.unpacked)
        found = scan(cells, sheet.part)
        if found.last_row:
            break
    else:
        raise FormatError(TableProblem(ProblemKind.NO_SHEET))
    _check(found, limits)
    others = [
        other.name
        for other in sheets[sheets.index(sheet) + 1 :]
        if _HAS_CELLS.search(package.read(other.part, limits.unpacked)) is not None
    ]
    problems = ProblemList(_MOST_PROBLEMS)
    if others:
        detail = {"used": sheet.name, "others": ", ".join(others)[:200]}
        problems.add(TableProblem(ProblemKind.OTHER_SHEETS, detail=detail))
    prepared = package.with_sheet(sheet, cells, limits.unpacked)
    rows = tuple(_rows(prepared, sheet, found, limits, problems))
    if not rows:
        raise FormatError(TableProblem(ProblemKind.NO_SHEET), *problems.result())
    return Table(rows, Source("xlsx", sheet=sheet.name), problems.result(), tuple(found.merges))


def _check(found: Scan, limits: Limits) -> None:
    if found.last_column > limits.columns:
        row, column = found.widest
        detail = {"limit": limits.columns}
        raise LimitError(TableProblem(ProblemKind.TOO_MANY_COLUMNS, row, column, detail=detail))
    if found.last_row > max(_MOST_LINE, limits.rows):
        raise too_many_rows(found.last_row, limits.rows)


def _rows(
    prepared: io.BytesIO, sheet: Sheet, found: Scan, limits: Limits, problems: ProblemList
) -> Iterator[Row]:
    """Rows that are not blank. Bound by what the scan found."""
    filled = 0
    long: list[TableProblem] = []
    for line, values in enumerate(_values(prepared, sheet, found), 1):
        too_long_here = _too_long(values, line, limits.cell)
        if too_long_here:
            long += too_long_here
            if len(long) >= _MOST_PROBLEMS:
                break
            continue
        cells = tuple(_cell(value, line, column, found, problems) for column, value in enumerate(values, 1))
        row = row_of(line, cells)
        if row is None:
            continue
        filled += 1
        if filled > limits.rows:
            raise too_many_rows(line, limits.rows)
        yield row
    if long:
        raise LimitError(*long[:_MOST_PROBLEMS])


Value = tuple[object, str]
"""What openpyxl gave for a cell, and the cell's number format where it matters."""


def _too_long(values: list[Value], line: int, limit: int) -> list[TableProblem]:
    """Problems for texts over the limit. Found before anything looks at each of their characters."""
    return [
        too_long(line, column, len(content), limit)
        for column, (content, _) in enumerate(values, 1)
        if isinstance(content, str) and len(content) > limit
    ]


def _values(prepared: io.BytesIO, sheet: Sheet, found: Scan) -> list[list[Value]]:
    """The cells of each row up to the last that is filled.

    Whatever openpyxl raises means a damaged workbook, since it checks little and fails with
    whatever comes; so all of it is caught, here and nowhere else.
    """
    try:
        with warnings.catch_warnings():
            # It warns of parts that it leaves out, which are none of ours.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(prepared, read_only=True, data_only=True, keep_links=False)
            pages = book.worksheets
            if len(pages) != 1:
                raise broken(sheet.part)
            page = pages[0]
            page.reset_dimensions()
            rows = page.iter_rows(min_row=1, max_row=found.last_row, min_col=1, max_col=found.last_column)
            result = [[_value(cell) for cell in row] for row in rows]
            book.close()
    except FormatError:
        raise
    except Exception:
        raise broken(sheet.part) from None
    return result


def _value(cell: object) -> Value:
    value = getattr(cell, "value", None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value, str(getattr(cell, "number_format", ""))
    if getattr(cell, "data_type", "") == "e":
        return _Shown(str(value)), ""
    return value, ""


class _Shown(str):
    """The word of an error, such as ``#N/A``: never a text of somebody's."""

    __slots__ = ()


def _cell(value: Value, line: int, column: int, found: Scan, problems: ProblemList) -> Cell:
    content, number_format = value
    formula = found.formulas.get((line, column))
    written = formula.text if formula is not None else ""
    if isinstance(content, _Shown) or (isinstance(content, float) and not math.isfinite(content)):
        detail = {"found": str(content)[:40]}
        problems.add(TableProblem(ProblemKind.CELL_ERROR, line, column, detail=detail))
        return Cell("", line, column, CellKind.EMPTY, formula=written)
    if content is None:
        if formula is None or formula.stored:
            return Cell("", line, column, CellKind.EMPTY, formula=written)
        result = constant(written)
        if result is None:
            detail = {"formula": written}
            problems.add(TableProblem(ProblemKind.FORMULA_WITHOUT_VALUE, line, column, detail=detail))
            return Cell("", line, column, CellKind.EMPTY, formula=written)
        content = result
    if isinstance(content, bool):
        return Cell("TRUE" if content else "FALSE", line, column, CellKind.BOOLEAN, formula=written)
    if isinstance(content, int | float):
        number = Decimal(repr(content))
        text = shown_number(number, number_format)
        return Cell(text, line, column, CellKind.NUMBER, number=number, formula=written)
    if isinstance(content, datetime.date):
        return _date(content, line, column, written)
    if isinstance(content, datetime.time | datetime.timedelta):
        return Cell(str(content), line, column, formula=written)
    return _text(str(content), line, column, written, problems)


def _date(moment: datetime.date, line: int, column: int, formula: str) -> Cell:
    text = moment.strftime("%d/%m/") + f"{moment.year:04d}"
    day = moment
    if isinstance(moment, datetime.datetime):
        day = moment.date()
        if moment.time() != datetime.time():
            text += moment.strftime(" %H:%M:%S")
    return Cell(text, line, column, CellKind.DATE, date=day, formula=formula)


def _text(content: str, line: int, column: int, formula: str, problems: ProblemList) -> Cell:
    content = _ESCAPED.sub(lambda match: "_" if match.group(1) == "005F" else "\r", content)
    content = content.replace("\r\n", "\n").replace("\r", "\n")
    control = CONTROLS.search(content)
    if control is not None:
        code = f"U+{ord(control.group()):04X}"
        detail: dict[str, str | int] = {"character": control.start() + 1, "code": code}
        problems.add(TableProblem(ProblemKind.CONTROL_CHARACTER, line, column, detail=detail))
        return Cell("", line, column, CellKind.EMPTY, formula=formula)
    text, removed = remove_invisible(content)
    text = unguard(text)
    kind = CellKind.TEXT if text else CellKind.EMPTY
    return Cell(text, line, column, kind, formula=formula, removed=removed)


def shown_number(number: Decimal, number_format: str = "") -> str:
    """The number as text: with the leading zeros that its format shows, else plain, without exponent.

    Formats of digits with fixed text (``00000``, ``0000 000 000``) are followed, no others.
    """
    if number != number.to_integral_value():
        return format(number, "f")
    plain = str(int(number))
    shape = number_format.split(";")[0]
    tokens = list(_FORMAT_TOKEN.finditer(shape))
    digits = sum(token.group(3) is not None for token in tokens)
    if number < 0 or digits < 2 or "".join(token.group() for token in tokens) != shape:
        return plain
    rest = list(plain)
    shown: list[str] = []
    for index, token in enumerate(reversed(tokens)):
        if token.group(3) is None:
            shown.append(token.group(1) or token.group(2) or token.group(4) or "")
            continue
        if not any(other.group(3) for other in tokens[: len(tokens) - 1 - index]):
            # The first place takes all digits that are left.
            shown.append("".join(rest) or ("0" if token.group() == "0" else ""))
            rest = []
        elif rest:
            shown.append(rest.pop())
        elif token.group() == "0":
            shown.append("0")
    return "".join(reversed(shown))
