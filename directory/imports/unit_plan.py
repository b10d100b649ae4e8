"""What a table of units would do to those on record. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, Literal

from directory.imports.endpoint_fields import KINDS, Rows, problem_at, read_digits, written
from directory.imports.plan import Added, Changed, FieldChange, Plan, show_day
from directory.imports.problems import ImportKind, ImportProblem, gathered
from directory.imports.stored import Stored, UnitOnRecord, same_name
from directory.tabular import Field, Limits, Record, read_records, read_table
from directory.tabular.fields import read_choice, read_date, read_name, read_text

LEVELS: Final[Mapping[str, int]] = {
    "thanh_pho": 0,
    "quan": 1,
    "huyen": 1,
    "thi_xa": 1,
    "xa": 2,
    "phuong": 2,
    "thi_tran": 2,
}
"""Who stands above whom. Since 2025 communes and wards may stand directly below the city."""

DIGITS: Final = (2, 3, 5)
"""Digits of the statistics office's codes, by level."""

UNIT_FIELDS: Final = (
    Field("code", ("Mã đơn vị", "Mã", "Code"), read_digits, needed=True, filled=True),
    Field("name", ("Tên đơn vị", "Tên", "Name"), read_name, needed=True, filled=True),
    Field(
        "kind",
        ("Loại đơn vị", "Loại", "Cấp", "Kind"),
        partial(read_choice, choices=KINDS),
        needed=True,
        filled=True,
    ),
    Field("parent", ("Mã cấp trên", "Mã quận, huyện", "district_code"), read_digits),
    Field("parent_name", ("Tên cấp trên", "Quận, huyện", "Quận, huyện, thị xã", "district"), read_name),
    Field("valid_from", ("Từ ngày", "Có từ ngày", "Valid from"), read_date),
    Field("valid_to", ("Đến ngày", "Hết ngày", "Valid to"), read_date),
    Field("forerunners", ("Mã đơn vị cũ", "Sáp nhập từ", "old_codes"), read_text),
)


@dataclass(frozen=True, slots=True)
class NewUnit:
    """A unit that is to come; ``parent`` is a code and a first day, since it may come with the same file."""

    code: str
    name: str
    kind: str
    parent: tuple[str, date] | None
    valid_from: date
    valid_to: date | None
    forerunners: tuple[int, ...] = ()

    @property
    def level(self) -> int:
        """0 for a city; those come first."""
        return LEVELS[self.kind]


@dataclass(frozen=True, slots=True)
class UnitOrder:
    """What a unit on record is to be; ``before`` are the values from which it must still be changed."""

    id: int
    before: tuple[str, str, int | None, date | None]
    name: str
    kind: str
    parent: tuple[str, date] | None
    valid_to: date | None
    forerunners: tuple[int, ...] = ()


UnitPlan = Plan[NewUnit, UnitOrder]


def read_units(data: bytes, name: str = "", limits: Limits | None = None) -> Rows:
    """The rows of a table of units. Raises TabularError where the file as a whole cannot be read."""
    table = read_table(data, name, limits)
    return Rows(read_records(table, UNIT_FIELDS, [("code", "valid_from")]), table.source)


def plan_units(rows: Rows, stored: Stored, since: date) -> UnitPlan:
    """The plan for rows of a table; units of rows without a first day begin on ``since``."""
    return _Planning(rows, stored, since).result()


class _Planning:
    def __init__(self, rows: Rows, stored: Stored, since: date) -> None:
        self.rows = rows
        self.stored = stored
        self.since = since
        self.problems: list[ImportProblem] = []
        self.added: list[Added[NewUnit]] = []
        self.changed: list[Changed[UnitOrder]] = []
        self.same = 0
        self.on_record = {(unit.code, unit.valid_from): unit for unit in stored.units}
        # Units of the file, so that a district may stand in the same one as its communes.
        self.told = {
            self._key(record): (str(record.values["name"]), str(record.values["kind"]))
            for record in rows.records.records
            if record.good
        }

    def result(self) -> UnitPlan:
        for record in self.rows.records.records:
            if record.good:
                self._row(record)
        headings = self.rows.records.headings
        return Plan(
            tuple(self.added),
            tuple(self.changed),
            self.same,
            gathered(self.rows.records.problems, self.problems),
            self.rows.source,
            len(self.rows.records.records),
            {wanted.name: headings.labels[column] for column, wanted in headings.columns.items()},
        )

    def _key(self, record: Record) -> tuple[str, date]:
        digits = DIGITS[LEVELS[str(record.values["kind"])]]
        since = record.values.get("valid_from")
        return str(record.values["code"]).zfill(digits), since if isinstance(since, date) else self.since

    def _problem(self, record: Record, field: str, kind: ImportKind, **detail: str | int) -> None:
        self.problems.append(problem_at(self.rows, record.line, record.columns.get(field, 0), kind, **detail))

    def _row(self, record: Record) -> None:
        code, since = self._key(record)
        name, kind = str(record.values["name"]), str(record.values["kind"])
        known = self.on_record.get((code, since))
        end = record.values.get("valid_to")
        valid_to = end if isinstance(end, date) else (known.valid_to if known else None)
        if valid_to is not None and valid_to <= since:
            day = show_day(since)
            self._problem(record, "valid_to", ImportKind.VALIDITY, end=show_day(valid_to), day=day)
            return
        parent = self._parent(record, since, kind, known)
        if parent is False:
            return
        old = self._forerunners(record, since)
        if old is None:
            return
        if known is None:
            if parent is None and LEVELS[kind] > 0:
                self._problem(record, "parent", ImportKind.PARENT_MISSING)
                return
            above = "" if parent is None else self._name(parent)
            new = NewUnit(code, name, kind, parent, since, valid_to, old)
            self.added.append(Added(record.line, code, name, above, new))
            return
        self._compare(record, known, name, kind, parent, valid_to, old)

    def _compare(
        self,
        record: Record,
        known: UnitOnRecord,
        name: str,
        kind: str,
        parent: tuple[str, date] | None,
        valid_to: date | None,
        old: tuple[int, ...],
    ) -> None:
        before = self._above(known)
        missing = tuple(one for one in old if (one, known.id) not in self.stored.links)
        pairs = (
            ("name", known.name, name),
            ("kind", written(KINDS, known.kind), written(KINDS, kind)),
            ("parent", self._name(before), self._name(parent)),
            ("valid_to", show_day(known.valid_to), show_day(valid_to)),
            ("forerunners", "", ", ".join(self.stored.by_id[one].code for one in missing)),
        )
        headings = self.rows.records.headings
        fields = tuple(
            FieldChange(field, headings.labels.get(headings.column(field), field), was, will)
            for field, was, will in pairs
            if was != will
        )
        if not fields:
            self.same += 1
            return
        values = (known.name, known.kind, known.parent_id, known.valid_to)
        order = UnitOrder(known.id, values, name, kind, parent, valid_to, missing)
        self.changed.append(Changed(record.line, known.code, known.name, fields, order))

    def _above(self, unit: UnitOnRecord) -> tuple[str, date] | None:
        above = self.stored.by_id.get(unit.parent_id) if unit.parent_id is not None else None
        return (above.code, above.valid_from) if above else None

    def _name(self, key: tuple[str, date] | None) -> str:
        if key is None:
            return ""
        name = self.told[key][0] if key in self.told else self.on_record[key].name
        return f"{name} ({key[0]})"

    def _parent(
        self, record: Record, since: date, kind: str, known: UnitOnRecord | None
    ) -> tuple[str, date] | Literal[False] | None:
        """The key of the unit above; None for none; False where there is a problem."""
        code, name = record.values.get("parent"), record.values.get("parent_name")
        if code is None and name is None:
            return self._above(known) if known else None
        said = str(code or name)
        field = "parent" if code is not None else "parent_name"
        candidates: dict[tuple[str, date], tuple[str, str]] = {
            (unit.code, unit.valid_from): (unit.name, unit.kind)
            for unit in self.stored.units
            if unit.valid_on(since)
        }
        candidates |= {key: told for key, told in self.told.items() if key[1] <= since}
        forms = {said, *(said.zfill(digits) for digits in DIGITS)}
        fitting = [
            key
            for key, (title, _) in candidates.items()
            if (code is None or key[0] in forms) and (name is None or same_name(str(name), title))
        ]
        higher = [key for key in fitting if LEVELS[candidates[key][1]] < LEVELS[kind]]
        if not fitting:
            self._problem(record, field, ImportKind.UNKNOWN_PARENT, found=said[:60], day=show_day(since))
            return False
        if not higher:
            self._problem(record, field, ImportKind.PARENT_LEVEL, found=said[:60])
            return False
        return max(higher, key=lambda key: (LEVELS[candidates[key][1]], key[1]))

    def _forerunners(self, record: Record, since: date) -> tuple[int, ...] | None:
        text = str(record.values.get("forerunners") or "")
        found: list[int] = []
        for code in filter(None, re.split(r"[\s;,]+", text)):
            old = [unit for unit in self.stored.with_code(code) if unit.valid_from < since]
            if not old:
                day = show_day(since)
                self._problem(record, "forerunners", ImportKind.UNKNOWN_FORERUNNER, found=code[:20], day=day)
                return None
            found.append(max(old, key=lambda unit: unit.valid_from).id)
        return tuple(sorted(set(found)))
