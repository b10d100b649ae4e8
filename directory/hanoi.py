"""The commune-level units of Hanoi: 579 of 2021 (383 communes, 175 wards, 21 townships), 126 since 2025.

Facts of the General Statistics Office's list: code, name with its type, kind
and district. Another city loads another list in the same form.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Protocol, TypeVar

KINDS: Final = ("xa", "phuong", "thi_tran")
"""Commune, ward, township."""

COLUMNS: Final = ("code", "name", "kind", "district_code", "district")


class UnitListError(ValueError):
    """A list of units is malformed; the message names the line."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A commune-level unit. ``code`` is the statistics office's, five digits; names may recur."""

    code: str
    name: str
    kind: str
    district_code: str
    district: str


def parse_units(text: str, name: str = "list") -> tuple[Unit, ...]:
    """Units of a CSV text with the columns of :data:`COLUMNS`. Raises UnitListError."""
    rows = csv.DictReader(io.StringIO(text))
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise UnitListError(f"{name}: column {missing[0]} is missing")
    units: dict[str, Unit] = {}
    for row in rows:
        values = {column: (row[column] or "").strip() for column in COLUMNS}
        unit = Unit(**values)
        place = f"{name}, line {rows.line_num}"
        if not unit.code or not unit.name:
            raise UnitListError(f"{place}: code and name are needed")
        if unit.kind not in KINDS:
            raise UnitListError(f"{place}: kind {unit.kind!r} is none of {', '.join(KINDS)}")
        if unit.code in units:
            raise UnitListError(f"{place}: code {unit.code} stands twice")
        units[unit.code] = unit
    return tuple(units.values())


def read_units(path: Path) -> tuple[Unit, ...]:
    """Units of a CSV file. Raises UnitListError, and OSError when it cannot be read."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UnitListError(f"{path}: not UTF-8") from None
    return parse_units(text, path.name)


@dataclass(frozen=True, slots=True)
class District:
    """A district of 2021: how many units it has, its rough centre (WGS84), its place in a tile map."""

    code: str
    name: str
    units: int
    latitude: float
    longitude: float
    tile_column: int
    tile_row: int


@dataclass(frozen=True, slots=True)
class NewUnit:
    """A unit since July 2025. ``old_codes`` are the units of 2021 of which it took all or a part."""

    code: str
    name: str
    kind: str
    old_codes: tuple[str, ...]


def _rows(name: str) -> Iterable[dict[str, str]]:
    return csv.DictReader(io.StringIO(files("directory").joinpath("data", name).read_text("utf-8")))


@cache
def hanoi_districts() -> tuple[District, ...]:
    """The 30 districts of 2021 in the order of their codes."""
    return tuple(
        District(
            row["district_code"],
            row["district"],
            int(row["units"]),
            float(row["latitude"]),
            float(row["longitude"]),
            int(row["tile_column"]),
            int(row["tile_row"]),
        )
        for row in _rows("hanoi-30-districts.csv")
    )


@cache
def hanoi_new_units() -> tuple[NewUnit, ...]:
    """The 126 units since 2025-07-01. Their codes mean other units than the same codes of 2021."""
    return tuple(
        NewUnit(row["code"], row["name"], row["kind"], tuple(row["old_codes"].split(";")))
        for row in _rows("hanoi-126.csv")
    )


@cache
def hanoi_units() -> tuple[Unit, ...]:
    """The 579 units of 2021 in the order of their codes."""
    name = "hanoi-579.csv"
    return parse_units(files("directory").joinpath("data", name).read_text("utf-8"), name)


class OfDistrict(Protocol):
    """Something that lies in a district."""

    @property
    def district_code(self) -> str: ...


_Located = TypeVar("_Located", bound=OfDistrict)


def spread(units: Sequence[_Located], count: int) -> list[_Located]:
    """The first ``count`` units, one of each district in turn, so that few already show the whole city."""
    by_district: dict[str, list[_Located]] = {}
    for unit in units:
        by_district.setdefault(unit.district_code, []).append(unit)
    turns: Iterable[list[_Located]] = by_district.values()
    longest = max((len(found) for found in by_district.values()), default=0)
    ordered = [found[turn] for turn in range(longest) for found in turns if turn < len(found)]
    return ordered[: max(0, count)]
