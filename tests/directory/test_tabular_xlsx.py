"""Workbooks: what Excel makes of codes and numbers, and where its cells are."""

import datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from tabular_workbooks import saved, shared_row, sheet_xml, with_shared, with_sheet, workbook

from directory.tabular import CellKind, ProblemKind, Table, read_xlsx
from directory.tabular.fields import read_code, read_telephone
from directory.tabular.xlsx import shown_number

K = ProblemKind


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def cached(formula: str, result: str | None) -> bytes:
    value = "" if result is None else f"<v>{result}</v>"
    kind = ' t="str"' if result is not None else ""
    return with_sheet(sheet_xml(f'<row r="1"><c r="A1"{kind}><f>{formula}</f>{value}</c></row>'))


def one(value: object, number_format: str = "General") -> bytes:
    def fill(page: Any) -> None:
        page["A1"] = value
        page["A1"].number_format = number_format

    return workbook(fill)


@pytest.mark.parametrize(
    ("data", "code", "noted"),
    [
        (one(4, "00000"), "00004", False),
        (one(4), "00004", True),
        (one(4.0), "00004", True),
        (one("00004"), "00004", False),
        (one("'00004"), "00004", True),
        (one("00004\u00a0"), "00004", False),
        (one(" \u200b00004"), "00004", True),
        (one(9.931e3, "0.00E+00"), "09931", True),
        (one("9.931E+03"), "09931", True),
        (one('=TEXT(4,"00000")'), "00004", True),
        (one('="00004"'), "00004", True),
        (cached("TEXT(4,&quot;00000&quot;)", None), "00004", True),
        (cached("TEXT(4,&quot;00000&quot;)", "00004"), "00004", True),
        (cached("B7", "00004"), "00004", True),
    ],
)
def test_fc_b02_all_forms_of_a_code(data: bytes, code: str, noted: bool) -> None:
    table = read_xlsx(data)
    assert not table.problems
    reading = read_code(table.rows[0].cells[0], "Mã")
    assert (reading.value, reading.ok) == (code, True)
    assert bool(reading.problems) is noted
    assert all(problem.kind in (K.READ_AS, K.INVISIBLE_REMOVED) for problem in reading.problems)


def test_fc_b02_read_as_says_from_and_to() -> None:
    problem = read_code(read_xlsx(one(4)).rows[0].cells[0], "Mã").problems[0]
    assert (problem.kind, problem.address, problem.heading) == (K.READ_AS, "A1", "Mã")
    assert problem.sentence() == "“4” is read as “00004”."


@pytest.mark.parametrize(
    ("data", "flagged"),
    [
        (one(912345670), True),
        (one(912345670, "0000 000 000"), True),
        (one(912345670, "0000000000"), True),
        (one("0912 345 670"), False),
        (one("+84 912 345 670"), False),
        (one("912345670"), True),
    ],
)
def test_fc_b02_telephones(data: bytes, flagged: bool) -> None:
    reading = read_telephone(read_xlsx(data).rows[0].cells[0])
    assert (reading.value, reading.ok) == ("+84912345670", True)
    assert (K.NUMERIC_TELEPHONE in [problem.kind for problem in reading.problems]) is flagged


def test_kinds_of_cells() -> None:
    def fill(page: Any) -> None:
        page.append(
            [1, 2.5, True, datetime.date(2026, 2, 28), datetime.datetime(2026, 2, 28, 9, 30), None, "x"]
        )
        page.append([None, "=A1", "a\nb", datetime.time(9, 30)])

    table = read_xlsx(workbook(fill))
    first = table.rows[0].cells
    assert [cell.text for cell in first] == ["1", "2.5", "TRUE", "28/02/2026", "28/02/2026 09:30:00", "", "x"]
    assert [cell.kind for cell in first] == [
        CellKind.NUMBER,
        CellKind.NUMBER,
        CellKind.BOOLEAN,
        CellKind.DATE,
        CellKind.DATE,
        CellKind.EMPTY,
        CellKind.TEXT,
    ]
    assert first[1].number == Decimal("2.5")
    assert first[3].date == datetime.date(2026, 2, 28)
    assert texts(table)[1] == ["", "", "a\nb", "09:30:00"]
    problem = table.problems[0]
    assert (problem.kind, problem.address, problem.detail["formula"]) == (
        K.FORMULA_WITHOUT_VALUE,
        "B2",
        "=A1",
    )


def test_places_where_rows_and_columns_are_left_out() -> None:
    rows = '<row r="3"><c r="B3" t="inlineStr"><is><t>x</t></is></c></row>'
    rows += '<row r="7"><c r="D7"><v>1</v></c></row>'
    table = read_xlsx(with_sheet(sheet_xml(rows)))
    assert [(row.line, [cell.column for cell in row.cells if not cell.blank]) for row in table.rows] == [
        (3, [2]),
        (7, [4]),
    ]


def test_rows_and_cells_without_references() -> None:
    rows = '<row><c><v>1</v></c><c><v>2</v></c></row><row><c r="C2"><v>3</v></c></row>'
    assert texts(read_xlsx(with_sheet(sheet_xml(rows)))) == [["1", "2"], ["", "", "3"]]


def test_the_words_of_the_file_on_its_size_are_not_believed() -> None:
    xml = sheet_xml('<row r="1"><c r="A1"><v>1</v></c><c r="C1"><v>3</v></c></row>')
    for size in ("A1:XFD1048576", "A1", "C5:D9"):
        data = with_sheet(xml.replace("<sheetData>", f'<dimension ref="{size}"/><sheetData>'))
        assert texts(read_xlsx(data)) == [["1", "", "3"]]


def test_styled_blank_cells_far_out_do_not_count() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1" s="0"/></row>'
    rows += '<row r="1048576"><c r="A1048576" s="0"/></row>'
    assert texts(read_xlsx(with_sheet(sheet_xml(rows)))) == [["1"]]


def test_error_cells_are_problems() -> None:
    rows = '<row r="1"><c r="A1" t="e"><v>#N/A</v></c><c r="B1"><v>1e999</v></c><c r="C1"><v>7</v></c></row>'
    table = read_xlsx(with_sheet(sheet_xml(rows)))
    assert [(problem.kind, problem.address) for problem in table.problems] == [
        (K.CELL_ERROR, "A1"),
        (K.CELL_ERROR, "B1"),
    ]
    assert texts(table) == [["", "", "7"]]


def test_shared_strings() -> None:
    strings = (
        "<si><t>00004</t></si>"
        '<si><r><t xml:space="preserve">Trúc </t></r><r><rPr><b/></rPr><t>Bạch</t></r></si>'
        "<si><t>một_x000D_\nhai</t></si>"
        "<si><t>_x005F_x0041_</t></si>"
    )
    table = read_xlsx(with_shared(strings, shared_row(0, 1, 2, 3)))
    assert texts(table) == [["00004", "Trúc Bạch", "một\nhai", "_x0041_"]]


def test_merged_cells_are_told() -> None:
    def fill(page: Any) -> None:
        page.append(["mã", "tên"])
        page.append(["00004", "x"])
        page.merge_cells("B2:B4")

    merges = read_xlsx(workbook(fill)).merges
    assert [(merge.top, merge.left, merge.bottom, merge.right, merge.name) for merge in merges] == [
        (2, 2, 4, 2, "B2:B4")
    ]


def test_first_visible_sheet_with_cells_is_read_and_others_are_named() -> None:
    book = openpyxl.Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.title = "Ẩn"
    hidden.sheet_state = "hidden"
    hidden["A1"] = "no"
    book.create_sheet("Trống")
    book.create_sheet("Điểm cầu")["A1"] = "yes"
    book.create_sheet("Khác")["A1"] = "more"
    table = read_xlsx(saved(book))
    assert (table.source.sheet, texts(table)) == ("Điểm cầu", [["yes"]])
    problem = table.problems[0]
    assert (problem.kind, problem.detail) == (K.OTHER_SHEETS, {"used": "Điểm cầu", "others": "Khác"})


@pytest.mark.parametrize(
    ("number", "number_format", "text"),
    [
        (Decimal(4), "00000", "00004"),
        (Decimal(123456), "00000", "123456"),
        (Decimal(4), "0", "4"),
        (Decimal(4), "General", "4"),
        (Decimal("9931.0"), "0.00E+00", "9931"),
        (Decimal("1E+3"), "General", "1000"),
        (Decimal(912345670), "0000 000 000", "0912 345 670"),
        (Decimal(912345670), "0000\\ 000\\ 000", "0912 345 670"),
        (Decimal(12345670), '"0"#########', "012345670"),
        (Decimal(-4), "00000", "-4"),
        (Decimal("4.5"), "00000", "4.5"),
        (Decimal(1234), "#,##0", "1234"),
        (Decimal(0), "00000;-0", "00000"),
    ],
)
def test_shown_number(number: Decimal, number_format: str, text: str) -> None:
    assert shown_number(number, number_format) == text
