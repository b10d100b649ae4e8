"""Opening the ZIP package of a workbook, which may be hostile (ECMA-376, part 2).

Nothing is unpacked before its size is known, no part beyond the size it declares, and none with a
document type declaration, so that neither ZIP nor entity bombs reach the library that reads cells.
What it gets is a new package of only the parts that are needed, each checked here.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from directory.tabular.problems import FormatError, LimitError, ProblemKind, TableProblem

MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT: Final = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_RELATION: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

_TYPES: Final = "[Content_Types].xml"
_ROOT: Final = "_rels/.rels"
_BOOK_TYPES: Final = tuple(
    f"application/vnd.{name}.main+xml"
    for name in (
        "openxmlformats-officedocument.spreadsheetml.sheet",
        "ms-excel.sheet.macroEnabled",
        "openxmlformats-officedocument.spreadsheetml.template",
        "ms-excel.template.macroEnabled",
    )
)
_STRINGS_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
_STYLES: Final = "xl/styles.xml"

_MOST_PARTS: Final = 5_000
_SMALL_PART: Final = 8_000_000
"""Bytes of a part other than cells and strings. Those are held as trees, some twenty times as large."""
_MOST_ELEMENTS: Final = 1_000_000
_CHUNK: Final = 65_536

_OTHER: Final = (
    ("word/", "a Word document"),
    ("ppt/", "a PowerPoint presentation"),
    ("xl/workbook.bin", "a binary workbook (.xlsb)"),
    ("content.xml", "an OpenDocument file"),
    ("Index/", "a Numbers or Pages document"),
)

Elements = list[tuple[str, dict[str, str]]]


def broken(part: str) -> FormatError:
    """The error for a workbook that is damaged at a part."""
    return FormatError(TableProblem(ProblemKind.BROKEN_WORKBOOK, detail={"part": part[:100]}))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of the workbook: its name, the name of its part, and whether people see it."""

    name: str
    part: str
    visible: bool


class Package:
    """A package whose parts are read one by one. Raises FormatError or LimitError."""

    def __init__(self, data: bytes, unpacked: int) -> None:
        """``unpacked`` bounds the sum of the sizes of all parts, in bytes."""
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            infos = self._archive.infolist()
        except _ZIP_ERRORS:
            raise broken("ZIP") from None
        self._infos: Mapping[str, zipfile.ZipInfo] = {info.filename: info for info in infos}
        if len(self._infos) != len(infos) or len(infos) > _MOST_PARTS:
            raise broken("ZIP")
        if any(info.flag_bits & 1 for info in infos):
            raise FormatError(TableProblem(ProblemKind.ENCRYPTED))
        size = sum(info.file_size for info in infos)
        if size > unpacked:
            raise _too_large(size, unpacked)
        if _TYPES not in self._infos or not any(name.startswith("xl/") for name in self._infos):
            raise self._no_workbook()
        types = [attributes for _, attributes in elements(self.read(_TYPES), _TYPES)]
        named = {
            a["ContentType"]: a["PartName"].lstrip("/")
            for a in types
            if a.keys() >= {"ContentType", "PartName"}
        }
        self._book = next((named[kind] for kind in _BOOK_TYPES if kind in named), "xl/workbook.xml")
        if self._book not in self._infos:
            raise self._no_workbook()
        self._strings = named.get(_STRINGS_TYPE, "")

    def _no_workbook(self) -> FormatError:
        for start, name in _OTHER:
            if any(part.startswith(start) for part in self._infos):
                return FormatError(TableProblem(ProblemKind.NOT_A_TABLE, detail={"format": name}))
        return FormatError(TableProblem(ProblemKind.NOT_A_TABLE, detail={"format": "a ZIP archive"}))

    def read(self, part: str, limit: int = _SMALL_PART) -> bytes:
        """The bytes of a part, of at most ``limit`` and of what the directory of the archive declares."""
        info = self._infos.get(part)
        if info is None:
            raise broken(part)
        if info.file_size > limit:
            raise _too_large(info.file_size, limit)
        read = bytearray()
        try:
            # By chunks: one read of all would inflate far beyond the declared size before cutting.
            with self._archive.open(info) as source:
                while chunk := source.read(_CHUNK):
                    read += chunk
                    if len(read) > info.file_size:
                        raise broken(part)
        except _ZIP_ERRORS:
            raise broken(part) from None
        return bytes(read)

    def sheets(self) -> list[Sheet]:
        """The sheets with cells, in the order of their tabs."""
        found = elements(self.read(self._book), self._book)
        if found and found[0][0].startswith(_STRICT):
            raise FormatError(TableProblem(ProblemKind.STRICT_WORKBOOK))
        folder, name = posixpath.split(self._book)
        relations = f"{folder}/_rels/{name}.rels".lstrip("/")
        targets = {}
        for _, attributes in elements(self.read(relations), relations):
            if attributes.get("Type", "").endswith("/worksheet"):
                target = attributes.get("Target", "")
                joined = target if target.startswith("/") else posixpath.join(folder, target)
                targets[attributes.get("Id", "")] = posixpath.normpath(joined).lstrip("/")
        result = []
        for tag, attributes in found:
            part = targets.get(attributes.get(f"{_RELATION}}}id", ""))
            if tag == f"{MAIN}}}sheet" and part in self._infos and part is not None:
                visible = attributes.get("state", "visible") == "visible"
                result.append(Sheet(attributes.get("name", ""), part, visible))
        return result

    def with_sheet(self, sheet: Sheet, cells: bytes, limit: int) -> io.BytesIO:
        """A new package with this one sheet, whose part ``cells`` is, and what its cells refer to."""
        folder, name = posixpath.split(self._book)
        small = [_TYPES, _ROOT, self._book, f"{folder}/_rels/{name}.rels".lstrip("/"), _STYLES]
        result = io.BytesIO()
        with zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as archive:
            for part in small:
                if part in self._infos:
                    content = self.read(part)
                    elements(content, part)
                    archive.writestr(part, content)
            if self._strings in self._infos:
                content = self.read(self._strings, limit)
                elements(content, self._strings, keep=False)
                archive.writestr(self._strings, content)
            archive.writestr(sheet.part, cells)
        result.seek(0)
        return result


_ZIP_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    LookupError,
)
"""What the standard library raises for archives that are damaged, or packed in ways that Excel never uses."""


def _too_large(size: int, limit: int) -> LimitError:
    return LimitError(TableProblem(ProblemKind.WORKBOOK_TOO_LARGE, detail={"size": size, "limit": limit}))


def parser(part: str) -> expat.XMLParserType:
    """A parser of XML that refuses document type declarations; names are ``namespace}name``."""

    def refuse(*_: object) -> None:
        raise FormatError(TableProblem(ProblemKind.FORBIDDEN_XML, detail={"part": part[:100]}))

    result = expat.ParserCreate(namespace_separator="}")
    result.StartDoctypeDeclHandler = refuse
    result.EntityDeclHandler = refuse
    return result


def elements(data: bytes, part: str, *, keep: bool = True) -> Elements:
    """Names and attributes of all elements of a small part; with ``keep`` false it is only checked."""
    found: Elements = []
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > _MOST_ELEMENTS:
            raise broken(part)
        if keep:
            found.append((name, attributes))

    reader = parser(part)
    reader.StartElementHandler = start
    try:
        reader.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise broken(part) from None
    return found
