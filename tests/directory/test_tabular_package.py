"""Packages that are no workbooks, damaged or hostile: each is refused in words, before it costs anything."""

import io
import warnings
import zipfile

import pytest
from tabular_workbooks import SHEET, changed, shared_row, sheet_xml, simple, with_shared, with_sheet

from directory.tabular import Limits, ProblemKind, TableProblem, TabularError, read_table
from directory.tabular.sheet_scan import coordinate

K = ProblemKind


def refused(data: bytes, limits: Limits | None = None) -> TableProblem:
    with pytest.raises(TabularError) as caught:
        read_table(data, "upload.xlsx", limits)
    return caught.value.problems[0]


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
