"""Tables to files that spreadsheets open well and that read back to the same values.

Texts stay texts: codes keep their zeros in workbooks, and nothing that begins like a formula runs.
"""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from directory.tabular.characters import CONTROLS
from directory.tabular.formulas import guard, guard_typed
from directory.tabular.problems import column_letters
from directory.tabular.tokens import DELIMITERS

Value = str | int | Decimal | bool | datetime.date | None
"""What a cell may be given: text, a number, yes or no, a date, nothing."""

_QUOTED = re.compile(r'[",;\t\r\n]|^\s|\s$|^sep=', re.IGNORECASE)
_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_DATE: Final = "dd/mm/yyyy"
_YES_NO: Final = ("có", "không")
_WIDEST: Final = 60


def write_csv(headings: Sequence[str], rows: Iterable[Sequence[Value]], delimiter: str = ";") -> bytes:
    """A CSV file in UTF-8 with byte order mark and CRLF, as Excel opens it with all letters.

    With ``;`` numbers have a decimal comma, since that is what systems expect which take ``;`` for a
    delimiter; otherwise a point. Texts that a spreadsheet would run get an apostrophe, which reading
    takes back. Control characters other than tab and line ends are left out. Excel strips the zeros
    of codes in CSV files when it opens them; reading restores them.
    """
    if delimiter not in DELIMITERS:
        raise ValueError(f"delimiter {delimiter!r}")
    lines = [_line(headings, delimiter)]
    lines += [_line(row, delimiter) for row in rows]
    return b"\xef\xbb\xbf" + "".join(lines).encode("utf-8")


def _line(row: Sequence[Value], delimiter: str) -> str:
    return delimiter.join(_csv_cell(value, delimiter) for value in row) + "\r\n"


def _csv_cell(value: Value, delimiter: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        text = _YES_NO[not value]
    elif isinstance(value, int | Decimal):
        text = _number(value)
        if delimiter == ";":
            text = text.replace(".", ",")
    elif isinstance(value, datetime.date):
        text = _date(value)
    else:
        text = guard(_clean(value))
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def write_xlsx(headings: Sequence[str], rows: Iterable[Sequence[Value]], sheet: str = "1") -> bytes:
    """A workbook of one sheet, the headings in bold and always in view.

    Texts are cells of the type text (ECMA-376, 18.18.11, ``s``), never formulas, and marked so that
    editing leaves them texts. Numbers and dates are numbers and dates.
    """
    book: Any = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(re.sub(r"[\\/?*\[\]:]", " ", _clean(sheet))[:31] or "1")
    page.freeze_panes = "A2"
    kept = [list(row) for row in rows]
    for at, heading in enumerate(headings):
        longest = max((len(_shown(row[at])) for row in kept[:1000] if at < len(row)), default=0)
        page.column_dimensions[column_letters(at + 1)].width = min(max(longest, len(heading)) + 2, _WIDEST)
    bold = Font(bold=True)
    titles = [_text_cell(page, heading) for heading in headings]
    for cell in titles:
        cell.font = bold
    page.append(titles)
    for row in kept:
        page.append([_typed_cell(page, value) for value in row])
    result = io.BytesIO()
    book.save(result)
    return result.getvalue()


def _typed_cell(page: Any, value: Value) -> Any:
    if isinstance(value, bool):
        return _text_cell(page, _YES_NO[not value])
    if isinstance(value, datetime.date):
        cell: Any = WriteOnlyCell(page, value=value)
        cell.number_format = _DATE
        return cell
    if value is None or isinstance(value, int | Decimal):
        return WriteOnlyCell(page, value=value)
    return _text_cell(page, value)


def _text_cell(page: Any, text: str) -> Any:
    cell: Any = WriteOnlyCell(page, value="")
    # The setter takes what begins with "=" for a formula; so the type is set after it.
    cell.value = _ESCAPE.sub("_x005F_", guard_typed(_clean(text)))
    cell.data_type = "s"
    cell.number_format = "@"
    cell.quotePrefix = True
    return cell


def _shown(value: Value) -> str:
    """About what people see of it, for the width of its column."""
    if isinstance(value, str):
        return max(value.split("\n"), key=len)
    return _date(value) if isinstance(value, datetime.date) else str(value or "")


def _number(value: int | Decimal) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _date(value: datetime.date) -> str:
    return f"{value.day:02d}/{value.month:02d}/{value.year:04d}"


def _clean(text: str) -> str:
    """Without characters that no file may hold; line ends are LF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("", CONTROLS.sub("", text))
