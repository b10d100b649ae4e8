"""Uploads of tables: any bytes are rows, or are refused with problems that have sentences."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path

from directory.tabular import Field, Limits, TableProblem, TabularError, read_records, read_table, write_csv
from directory.tabular.fields import read_code, read_date, read_degrees, read_name, read_telephone

FIELDS = (
    Field("code", ("Mã",), read_code, needed=True, filled=True),
    Field("name", ("Tên",), read_name),
    Field("telephone", ("Điện thoại",), read_telephone),
    Field("longitude", ("Kinh độ",), read_degrees),
    Field("since", ("Từ ngày",), read_date),
)
LIMITS = Limits(size=70_000, rows=500, columns=20, cell=500, unpacked=2_000_000)


WORKBOOK = (Path(__file__).parent / "corpus" / "tabular" / "compressed.xlsx").read_bytes()


def in_workbook(sheet: bytes) -> bytes:
    """A good workbook around a bad sheet: mutations of whole archives fail at their check sums."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else old.read(name))
    return out.getvalue()


def fuzz(data: bytes) -> None:
    """Only TabularError may come; whatever was read is within the limits and reads back the same."""
    problems: tuple[TableProblem, ...] = ()
    table = None
    try:
        table = read_table(in_workbook(data) if data.startswith(b"<worksheet") else data, "upload", LIMITS)
    except TabularError as error:
        problems = error.problems
    if table is None:
        assert problems
        assert all(problem.sentence() for problem in problems)
        return
    assert 0 < len(table.rows) <= LIMITS.rows
    cells = [cell for row in table.rows for cell in row.cells]
    assert all(len(cell.text) <= LIMITS.cell and cell.line > 0 for cell in cells)
    with suppress(TabularError):
        assert all(problem.sentence() for problem in read_records(table, FIELDS, [("code",)]).problems)
    if all(not (cell.text and cell.blank) for cell in cells):
        width = max(len(row.cells) for row in table.rows)
        texts = [[row.cell(column).text for column in range(1, width + 1)] for row in table.rows]
        heading = [f"h{column}" for column in range(width)]
        with suppress(TabularError):
            # Question marks between letters may be refused, where the rest of a file made them harmless.
            again = read_table(write_csv(heading, texts))
            assert [[row.cell(c).text for c in range(1, width + 1)] for row in again.rows[1:]] == texts
