"""Exports: nothing runs in a spreadsheet, and reading gives the same values."""

import csv
import datetime
import io
import shutil
import subprocess
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory.tabular import (
    Field,
    Value,
    read_csv,
    read_records,
    read_table,
    read_xlsx,
    write_csv,
    write_xlsx,
)
from directory.tabular.characters import remove_invisible
from directory.tabular.fields import (
    read_code,
    read_date,
    read_degrees,
    read_name,
    read_telephone,
    read_text,
    read_yes_no,
    show_telephone,
)
from directory.tabular.formulas import constant, guard, guard_typed, is_formula_like, unguard

HEADINGS = ["Mã", "Tên", "Điện thoại", "Kinh độ", "Ghi chú", "Từ ngày", "Đang dùng"]
FIELDS = (
    Field("code", ("Mã",), read_code),
    Field("name", ("Tên",), read_name),
    Field("telephone", ("Điện thoại",), read_telephone),
    Field("longitude", ("Kinh độ",), read_degrees),
    Field("note", ("Ghi chú",), read_text),
    Field("since", ("Từ ngày",), read_date),
    Field("active", ("Đang dùng",), read_yes_no),
)
WRITERS = [write_csv, write_xlsx]
PHONE = "+842438250000"
DAY = datetime.date(2026, 2, 28)
RECORDS: list[tuple[Any, ...]] = [
    ("00004", '=HYPERLINK("http://x","y")', PHONE, Decimal("-0.50000"), 'a,"=1"', DAY, True),
    ("00006", "@SUM(1)", "+84912345670", None, "một\nhai", None, False),
    ("00007", "=1+1", None, Decimal("105.80000"), "'=1+1", None, None),
    ("00008", "-2+3", "+33123456789", Decimal("0.00000"), "''x; y \"z\"", None, None),
    ("00013", "'Tên trong nháy'", None, None, "-5", None, None),
    ("00016", "+84 không phải số", None, None, "+84 24 3825 0000", None, None),
]


def rows() -> list[list[Value]]:
    return [
        [code, name, show_telephone(phone) if phone else None, place, note, day, active]
        for code, name, phone, place, note, day, active in RECORDS
    ]


@pytest.mark.parametrize("write", WRITERS)
def test_fc_b06_export_and_import_change_nothing(write: Any) -> None:
    read = read_records(read_table(write(HEADINGS, rows())), FIELDS)
    assert read.errors == ()
    assert [tuple(record.values.values()) for record in read.records] == RECORDS


def test_fc_b06_csv_neutral_where_needed_and_readable_elsewhere() -> None:
    text = write_csv(HEADINGS, rows()).decode("utf-8-sig")
    written = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert [row[1] for row in written[1:]] == [
        '\'=HYPERLINK("http://x","y")',
        "'@SUM(1)",
        "'=1+1",
        "'-2+3",
        "'Tên trong nháy'",
        "'+84 không phải số",
    ]
    assert written[1][2:] == ["024 3825 0000", "-0,50000", 'a,"=1"', "28/02/2026", "có"]
    assert [row[4] for row in written[3:]] == ["''=1+1", "''x; y \"z\"", "-5", "+84 24 3825 0000"]
    starts = [cell[:1] for row in written for cell in row if is_formula_like(cell)]
    assert starts == []


def test_fc_b06_workbook_has_text_cells_and_no_formula() -> None:
    page = openpyxl.load_workbook(io.BytesIO(write_xlsx(HEADINGS, rows()))).active
    assert page is not None
    cells = [cell for row in page.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s", "n", "d"}
    assert page["B2"].value == '=HYPERLINK("http://x","y")'
    assert (page["A2"].value, page["A2"].data_type, page["A2"].number_format) == ("00004", "s", "@")
    assert page["B2"].quotePrefix
    assert page["D2"].value == -0.5
    assert page["F2"].value.date() == DAY


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize(("write", "name"), [(write_csv, "a.csv"), (write_xlsx, "a.xlsx")])
def test_fc_b06_libreoffice_leaves_texts(write: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(write(HEADINGS, rows()))
    options = ["--infilter=CSV:59,34,76"] if name.endswith("csv") else []
    home = f"-env:UserInstallation=file://{tmp_path}/home"
    command = ["soffice", home, "--headless", *options, "--convert-to", "xlsx:Calc MS Excel 2007 XML"]
    subprocess.run([*command, "--outdir", tmp_path / "out", tmp_path / name], check=True, capture_output=True)
    page = openpyxl.load_workbook(tmp_path / "out" / "a.xlsx").active
    assert page is not None
    assert all(cell.data_type != "f" for row in page.iter_rows() for cell in row)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_fc_b02_the_whole_list_comes_back(write: Any, delimiter: str) -> None:
    text = (files("directory") / "data" / "hanoi-579.csv").read_text("utf-8")
    units = list(csv.reader(io.StringIO(text)))
    data = write(units[0], units[1:]) if write is write_xlsx else write(units[0], units[1:], delimiter)
    table = read_table(data)
    assert [[cell.text for cell in row.cells] for row in table.rows] == units
    assert not table.problems


def test_delimiters_of_which_no_reader_knows() -> None:
    with pytest.raises(ValueError, match="delimiter"):
        write_csv(["a"], [], "|")


def test_point_and_comma() -> None:
    assert write_csv(["a", "b"], [[Decimal("1.5"), 7]], ",") == b"\xef\xbb\xbfa,b\r\n1.5,7\r\n"
    assert write_csv(["a", "b"], [[Decimal("1.5"), None]]) == b'\xef\xbb\xbfa;b\r\n"1,5";\r\n'


@pytest.mark.parametrize("write", WRITERS)
def test_characters_that_no_file_may_hold_are_left_out(write: Any) -> None:
    table = read_table(write(["a", "b"], [["x\x00\x1b[1m\ud800y", "a\r\nb"]]))
    assert [cell.text for cell in table.rows[1].cells] == ["x[1my", "a\nb"]


@pytest.mark.parametrize("text", ["_x0041_", "_x005F_", "a_x000D_b", "=_x0041_"])
def test_escapes_of_workbooks_are_texts_too(text: str) -> None:
    assert read_xlsx(write_xlsx(["a"], [[text]])).rows[1].cells[0].text == text


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        *((text, True) for text in ("=1", "+1+1", "-a", "@x", " =1", "\t=1", "\n=1", "＝1", "−1")),
        *((text, True) for text in ("+84-24-38250000", "+1 +2", "-5\n=1", "-2+3")),
        *((text, False) for text in ("+84 24 3825 0000", "+842438250000", "-5", "-0,5", "-1.5E-3")),
        *((text, False) for text in ("", "'", "a=1", "0912 345 670")),
    ],
)
def test_formula_like(text: str, runs: bool) -> None:
    assert is_formula_like(text) is runs


@given(st.text("'=+-@ 1a\t;") | st.text())
def test_guards_are_taken_back(text: str) -> None:
    assert unguard(guard(text)) == text
    assert unguard(guard_typed(text)) == text
    assert not is_formula_like(guard(text))


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ('="00004"', "00004"),
        ('= "a""b"', 'a"b'),
        ('=TEXT(4,"00000")', "00004"),
        ('=text(12345;"000")', "12345"),
        ('=TEXT(0,"000")', "000"),
        ('=TEXT(A1,"00000")', None),
        ('="a"&"b"', None),
        ('="a', None),
        ("=4", None),
        ("00004", None),
    ],
)
def test_constant(formula: str, value: str | None) -> None:
    assert constant(formula) == value


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=12
) | st.text("'=+-@ ;,\t\n\"1aạ", max_size=12)


def kept(text: str) -> str:
    """What may come back: without invisible characters, whose removal people are told of."""
    return remove_invisible(text)[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5), st.sampled_from(";,\t"))
def test_texts_come_back_from_both(pairs: list[tuple[str, str]], delimiter: str) -> None:
    written = [("ô một", "ô hai"), *(pair for pair in pairs if any(kept(text).strip() for text in pair))]
    pairs = [(kept(first), kept(second)) for first, second in written]
    for table in (
        read_csv(write_csv(pairs[0], pairs[1:], delimiter)),
        read_xlsx(write_xlsx(pairs[0], pairs[1:])),
    ):
        shown = [tuple(row.cell(column).text for column in (1, 2)) for row in table.rows]
        # Blank cells at the end of a row are not kept.
        assert shown == [(first, second if second.strip() else "") for first, second in pairs]
