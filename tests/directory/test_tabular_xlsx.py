"""Workbooks: what Excel makes of codes and numbers, and packages that are no workbooks or hostile."""

import datetime
import io
import warnings
import zipfile
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from directory.tabular import (
    CellKind,
    Limits,
    ProblemKind,
    Table,
    TableProblem,
    TabularError,
    read_table,
    read_xlsx,
)
from directory.tabular.fields import read_code, read_telephone
from directory.tabular.sheet_scan import coordinate
from directory.tabular.xlsx import shown_number

K = ProblemKind
SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(fill: Callable[[Any], object]) -> bytes:
    book = openpyxl.Workbook()
    fill(book.active)
    return saved(book)


def saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def simple() -> bytes:
    return workbook(lambda page: [page.append(["mã", "tên"]), page.append(["00004", "Trúc Bạch"])])


def changed(data: bytes, **parts: bytes | None) -> bytes:
    """The package with parts replaced (by name with ``_`` for what names of arguments cannot have)."""
    wanted = {name.replace("__", "/").replace("_DOT_", "."): content for name, content in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = wanted.pop(info.filename, old.read(info.filename))
            if content is not None:
                new.writestr(info.filename, content)
        for name, content in wanted.items():
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


def with_sheet(xml: str) -> bytes:
    return changed(simple(), xl__worksheets__sheet1_DOT_xml=xml.encode())


def sheet_xml(rows: str, rest: str = "") -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{rest}</worksheet>'


def with_shared(strings: str, rows: str) -> bytes:
    """A workbook whose texts are in a part of their own, as Excel writes them."""
    with zipfile.ZipFile(io.BytesIO(simple())) as archive:
        types = archive.read("[Content_Types].xml").decode()
    part = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{part}"/></Types>'
    out = io.BytesIO(with_sheet(sheet_xml(rows)))
    result = io.BytesIO()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in ("[Content_Types].xml", "xl/sharedStrings.xml"):
                new.writestr(name, old.read(name))
        if "sharedStrings" not in types:
            types = types.replace("</Types>", override)
        new.writestr("[Content_Types].xml", types)
        new.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{strings}</sst>')
    return result.getvalue()


def shared_row(*indexes: int) -> str:
    return "<row>" + "".join(f'<c t="s"><v>{index}</v></c>' for index in indexes) + "</row>"


def refused(data: bytes, limits: Limits | None = None) -> TableProblem:
    with pytest.raises(TabularError) as caught:
        read_table(data, "upload.xlsx", limits)
    return caught.value.problems[0]


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


@pytest.mark.parametrize(
    ("strings", "kind"),
    [
        (f"<si><t>{'é' * 3_000}</t></si>", K.CELL_TOO_LONG),
        ("<si><t>x</t></sst>", K.BROKEN_WORKBOOK),
        ("<x/>" * 1_000_001, K.BROKEN_WORKBOOK),
    ],
)
def test_hostile_shared_strings(strings: str, kind: ProblemKind) -> None:
    assert refused(with_shared(strings, shared_row(0) * 500)).kind is kind


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


@pytest.mark.parametrize(
    "reference", ["", "A", "1", "a1", "A0", "XFE1", "A1048577", "A1:B2", "AAAA1", "$A$1"]
)
def test_bad_references(reference: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        coordinate(reference)


DTD = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (OLE + "EncryptedPackage".encode("utf-16-le"), K.ENCRYPTED),
        (OLE + "Workbook\0".encode("utf-16-le"), K.OLD_EXCEL),
        (OLE + "WordDocument".encode("utf-16-le"), K.NOT_A_TABLE),
        (b"%PDF-1.7\n", K.NOT_A_TABLE),
        (b"\xef\xbb\xbf <html><table>", K.NOT_A_TABLE),
        (zipped("a.txt"), K.NOT_A_TABLE),
        (zipped("word/document.xml", "[Content_Types].xml"), K.NOT_A_TABLE),
        (zipped("mimetype", "content.xml"), K.NOT_A_TABLE),
        (zipped("[Content_Types].xml", "xl/workbook.bin"), K.BROKEN_WORKBOOK),
        (simple()[:-30], K.BROKEN_WORKBOOK),
        (b"PK\x03\x04" + bytes(100), K.BROKEN_WORKBOOK),
        (
            simple().replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"),
            K.ENCRYPTED,
        ),
        (changed(simple(), xl__worksheets__sheet1_DOT_xml=None), K.NO_SHEET),
        (changed(simple(), xl__workbook_DOT_xml=b"<workbook"), K.BROKEN_WORKBOOK),
        (changed(simple(), xl__styles_DOT_xml=(DTD + "<x>&b;</x>").encode()), K.FORBIDDEN_XML),
        (with_sheet(DTD + sheet_xml("<row><c><v>&b;</v></c></row>")), K.FORBIDDEN_XML),
        (with_sheet(sheet_xml("")), K.NO_SHEET),
        (with_sheet(sheet_xml('<row r="1"><c r="A1" t="s"><v>99</v></c></row>')), K.BROKEN_WORKBOOK),
        (with_sheet(sheet_xml('<row r="1"><c r="A1" s="99"><v>9</v></c></row>')), K.BROKEN_WORKBOOK),
        (with_sheet(sheet_xml('<row r="1"><c r="A1"><v>nine</v></c></row>')), K.BROKEN_WORKBOOK),
        (with_sheet(sheet_xml('<row r="2"><c r="A1"><v>9</v></c></row>')), K.BROKEN_WORKBOOK),
        (with_sheet(sheet_xml('<row r="2"/><row r="1"/>')), K.BROKEN_WORKBOOK),
        (with_sheet(sheet_xml('<row r="1"><c r="B1"/><c r="A1"/></row>')), K.BROKEN_WORKBOOK),
        (with_sheet(sheet_xml('<row r="1048577"/>')), K.BROKEN_WORKBOOK),
        (with_sheet(sheet_xml("", '<mergeCells><mergeCell ref="A0"/></mergeCells>')), K.BROKEN_WORKBOOK),
    ],
)
def test_what_is_no_workbook_is_refused_in_words(data: bytes, kind: ProblemKind) -> None:
    problem = refused(data)
    assert problem.kind is kind
    assert problem.sentence()


def test_strict_workbooks_are_named() -> None:
    strict = b'<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"/>'
    assert refused(changed(simple(), xl__workbook_DOT_xml=strict)).kind is K.STRICT_WORKBOOK


def test_zip_bomb_is_refused_by_its_declared_size() -> None:
    data = changed(simple(), xl__media__image_DOT_png=bytes(70_000_000))
    assert len(data) < 100_000
    assert refused(data).kind is K.WORKBOOK_TOO_LARGE


def test_zip_bomb_that_declares_too_little_is_cut() -> None:
    bomb = changed(simple(), xl__styles_DOT_xml=b"<x/>" + b" " * 30_000_000)
    lied = bomb.replace((30_000_004).to_bytes(4, "little"), (64).to_bytes(4, "little"))
    assert lied != bomb
    assert refused(lied).kind is K.BROKEN_WORKBOOK


def test_doubled_parts_are_refused() -> None:
    out = io.BytesIO(simple())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "a") as archive:
            archive.writestr(SHEET, sheet_xml('<row r="1"><c r="A1"><v>2</v></c></row>'))
    assert refused(out.getvalue()).kind is K.BROKEN_WORKBOOK


@pytest.mark.parametrize(
    ("rows", "limits", "kind", "address"),
    [
        (
            '<row r="1"><c r="A1"><v>1</v></c><c r="D1"><v>1</v></c></row>',
            Limits(columns=3),
            K.TOO_MANY_COLUMNS,
            "D1",
        ),
        ("<row><c><v>1</v></c></row>" * 3, Limits(rows=2), K.TOO_MANY_ROWS, ""),
        ('<row r="900000"><c r="A900000"><v>1</v></c></row>', Limits(), K.TOO_MANY_ROWS, ""),
        (
            '<row r="1"><c r="B1" t="inlineStr"><is><t>xxxx</t></is></c></row>',
            Limits(cell=3),
            K.CELL_TOO_LONG,
            "B1",
        ),
        (f'<row r="1">{"<x/>" * 100_001}</row>', Limits(), K.BROKEN_WORKBOOK, ""),
        ("<x/>" * 200_001, Limits(), K.BROKEN_WORKBOOK, ""),
    ],
)
def test_limits(rows: str, limits: Limits, kind: ProblemKind, address: str) -> None:
    problem = refused(with_sheet(sheet_xml(rows)), limits)
    assert (problem.kind, problem.address) == (kind, address)


def test_upload_of_200_megabytes() -> None:
    assert refused(bytes(200_000_000)).kind is K.FILE_TOO_LARGE
