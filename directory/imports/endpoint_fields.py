"""The columns of a table of sites: how people call them, how cells are read, how values are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from directory.endpoints import CODE
from directory.imports.problems import ImportKind, ImportProblem
from directory.tabular import Cell, Field, Limits, Reading, Records, Source, read_records, read_table
from directory.tabular.fields import (
    read_choice,
    read_code,
    read_date,
    read_name,
    read_telephone,
    read_text,
    read_yes_no,
)
from directory.tabular.numerals import DigitsLostError, plain_digits
from directory.tabular.problems import ProblemKind
from directory.tabular.reading import bad, notes

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dự kiến": "planned",
        "đã lắp đặt": "installed",
        "đã nghiệm thu": "accepted",
        "đang sử dụng": "in_use",
        "in use": "in_use",
    }
)
LINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TSLCD": "tslcd",
        "WAN thành phố": "wan",
        "internet cáp": "internet",
        "internet di động": "mobile",
        "chưa rõ": "unknown",
        "mạng truyền số liệu chuyên dùng": "tslcd",
        "3G/4G": "mobile",
        "4G": "mobile",
        "5G": "mobile",
    }
)
PLACES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "trụ sở": "office",
        "chung cư": "apartment",
        "nhà văn hóa thôn": "village_house",
        "tổ dân phố": "residential_group",
        "khác": "other",
        "village house": "village_house",
        "residential group": "residential_group",
    }
)
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "thành phố": "thanh_pho",
        "quận": "quan",
        "huyện": "huyen",
        "thị xã": "thi_xa",
        "xã": "xa",
        "phường": "phuong",
        "thị trấn": "thi_tran",
    }
)
"""What people write in a cell, to the value. The first of several for a value is what exports write."""

_DIGITS: Final = re.compile(r"[\d.,eE+ '’`=\"\xa0]+|=.*")


def written(choices: Mapping[str, str], value: str | None) -> str:
    """What exports and plans write for a value."""
    return next((words for words, meant in choices.items() if meant == value), value or "")


def read_site_code(cell: Cell, heading: str = "") -> Reading[str]:
    """A unit's code of five digits, leading zeros restored; or a code with letters or dashes as it is."""
    if cell.blank:
        return Reading(None)
    if _DIGITS.fullmatch(cell.text.strip()):
        return read_code(cell, heading)
    text = " ".join(cell.text.split()).lstrip("'")
    if not CODE.fullmatch(text):
        return bad(ProblemKind.BAD_CODE, cell, heading, digits=5)
    return Reading(text, notes(cell, heading, text))


def read_digits(cell: Cell, heading: str = "") -> Reading[str]:
    """A code of any length as it stands; which zeros are missing is seen when it is looked up."""
    if cell.blank:
        return Reading(None)
    try:
        text = plain_digits(cell)
    except DigitsLostError:
        return bad(ProblemKind.DIGITS_LOST, cell, heading)
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        return bad(ProblemKind.BAD_CODE, cell, heading, digits=5)
    return Reading(text, notes(cell, heading))


def _choice(choices: Mapping[str, str]) -> Callable[[Cell, str], Reading[object]]:
    return partial(read_choice, choices=choices)


ENDPOINT_FIELDS: Final = (
    Field("code", ("Mã điểm cầu", "Mã", "Site code"), read_site_code),
    Field("name", ("Tên điểm cầu", "Tên", "Điểm cầu", "Site"), read_name),
    Field("unit_code", ("Mã đơn vị", "Unit code"), read_digits),
    Field("kind", ("Loại đơn vị", "Unit kind"), _choice(KINDS)),
    Field("district_code", ("Mã quận, huyện", "Mã quận, huyện, thị xã", "Mã QH"), read_digits),
    Field("district", ("Quận, huyện", "Quận, huyện, thị xã"), read_name),
    Field("main", ("Điểm cầu chính", "Main site"), read_yes_no),
    Field("place", ("Địa điểm", "Tên địa điểm"), read_name),
    Field("place_kind", ("Loại địa điểm", "Kind of place"), _choice(PLACES)),
    Field("address", ("Địa chỉ",), partial(read_text, limit=400)),
    Field("line", ("Đường truyền", "Đường truyền chính", "Line type"), _choice(LINES)),
    Field("backup_line", ("Đường truyền dự phòng", "Dự phòng", "Back-up line"), _choice(LINES)),
    Field("contact", ("Đầu mối liên hệ", "Đầu mối", "Người liên hệ", "Contact person"), read_name),
    Field("phone", ("Điện thoại", "Số điện thoại", "ĐT", "Telephone"), read_telephone),
    Field("state", ("Tình trạng", "Trạng thái", "Commissioning"), _choice(STATES)),
    Field("since", ("Ngày đưa vào sử dụng", "Đưa vào sử dụng", "In use since"), read_date),
)
"""The first heading of each is the one that exports write."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that was read, and whence."""

    records: Records
    source: Source


def read_endpoints(data: bytes, name: str = "", limits: Limits | None = None) -> Rows:
    """The rows of a table of sites. Raises TabularError where the file as a whole cannot be read."""
    table = read_table(data, name, limits)
    return Rows(read_records(table, ENDPOINT_FIELDS, [("code",)]), table.source)


def problem_at(rows: Rows, line: int, column: int, kind: ImportKind, **detail: str | int) -> ImportProblem:
    """A problem in a cell, with the heading that people see above it."""
    return ImportProblem(kind, line, column, rows.records.headings.labels.get(column, ""), detail)
