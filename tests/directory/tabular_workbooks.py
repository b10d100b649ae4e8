"""Workbooks for tests: as openpyxl writes them, and with parts that were written by hand."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl

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
