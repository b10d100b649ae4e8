"""Hanoi's commune-level units as packaged lists: 579 of 2021 in 30 districts, and 126 since July 2025.

The lists are data of one city; nothing else in the project depends on their
content. Their sources are named in ``directory/data/README.md``.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of 2021. ``code`` has five digits, ``kind`` is ``xa``, ``phuong`` or ``thi_tran``."""

    code: str
    name: str
    kind: str
    district_code: str
    district: str

    @property
    def title(self) -> str:
        """The name with its district, which keeps units of one name apart."""
        return f"{self.name}, {self.district}"


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


def _rows(file_name: str) -> list[dict[str, str]]:
    text = (resources.files("directory") / "data" / file_name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@lru_cache(maxsize=1)
def units() -> tuple[Unit, ...]:
    """The 579 units in order of their codes."""
    return tuple(Unit(**row) for row in _rows("hanoi-579.csv"))


@lru_cache(maxsize=1)
def districts() -> tuple[District, ...]:
    """The 30 districts in order of their codes."""
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


@lru_cache(maxsize=1)
def new_units() -> tuple[NewUnit, ...]:
    """The 126 units since 2025-07-01. Their codes mean other units than the same codes of 2021."""
    return tuple(
        NewUnit(row["code"], row["name"], row["kind"], tuple(row["old_codes"].split(";")))
        for row in _rows("hanoi-126.csv")
    )


def spread(count: int) -> tuple[Unit, ...]:
    """``count`` units from as many districts as possible, always the same ones. ValueError over 579."""
    everything = units()
    if not 0 <= count <= len(everything):
        raise ValueError(f"{count} units, there are {len(everything)}")
    by_district: dict[str, list[Unit]] = {}
    for unit in everything:
        by_district.setdefault(unit.district_code, []).append(unit)
    rounds = max(len(members) for members in by_district.values())
    ordered = [
        members[turn] for turn in range(rounds) for members in by_district.values() if turn < len(members)
    ]
    return tuple(ordered[:count])
