"""A file of any kind to a table: by what is in it, whatever its name says."""

from __future__ import annotations

from typing import Final

from directory.tabular.csvtable import read_csv, too_large
from directory.tabular.problems import FormatError, ProblemKind, TableProblem
from directory.tabular.table import Limits, Table
from directory.tabular.xlsx import read_xlsx

_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Compound File Binary ([MS-CFB] 2.2): Excel 97-2003, and packages of Office that are encrypted."""
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_BOOKS: Final = tuple(f"{name}\0".encode("utf-16-le") for name in ("Workbook", "Book"))

_OTHER: Final = (
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"\x1f\x8b", "an archive"),
)
_MARKUP: Final = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<meta")


def read_table(data: bytes, name: str = "", limits: Limits | None = None) -> Table:
    """The rows of a file. ``name`` is that of the upload; it decides only where the content is empty.

    Raises TabularError: LimitError, EncodingError or FormatError, each with problems for people.
    """
    limits = limits or Limits()
    if len(data) > limits.size:
        raise too_large(len(data), limits.size)
    if data.startswith(_ZIP):
        return read_xlsx(data, limits)
    if data.startswith(_OLE):
        raise _compound(data)
    for start, what in _OTHER:
        if data.startswith(start):
            raise _not_a_table(what)
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(_MARKUP):
        # Many programs export pages under the name .xls.
        raise _not_a_table("a web page")
    if not data.strip() and name.lower().endswith((".xlsx", ".xlsm")):
        raise _not_a_table("an empty file")
    return read_csv(data, limits)


def _compound(data: bytes) -> FormatError:
    if _ENCRYPTED in data:
        return FormatError(TableProblem(ProblemKind.ENCRYPTED))
    if any(book in data for book in _BOOKS):
        return FormatError(TableProblem(ProblemKind.OLD_EXCEL))
    return _not_a_table("an old Office document")


def _not_a_table(what: str) -> FormatError:
    return FormatError(TableProblem(ProblemKind.NOT_A_TABLE, detail={"format": what}))
