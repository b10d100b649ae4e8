"""Which site or unit a row means: by code, else by name and district. What could be several is asked back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from directory.endpoints import EndpointView
from directory.imports.problems import ImportKind
from directory.imports.stored import Stored, UnitOnRecord, titles
from directory.search import search_key
from directory.tabular import Record

Trouble: TypeAlias = tuple[str, ImportKind, dict[str, str | int]]
"""The field at which it is seen, the kind, and what its sentence needs."""


@dataclass(frozen=True, slots=True)
class Found:
    """The site of a row: one on record, or a new one of this code in this unit."""

    code: str
    unit: UnitOnRecord
    existing: EndpointView | None = None


def find_site(record: Record, stored: Stored, day: date) -> Found | Trouble:
    """The site that a row means."""
    code, name = _said(record, "code"), _said(record, "name")
    if code:
        existing = stored.endpoint_by_code.get(code)
        if existing is not None:
            unit = stored.by_id[existing.unit_id]
            return _agrees(record, stored, unit) or Found(code, unit, existing)
        own = _said(record, "unit_code") or code.partition("-")[0]
        found = _unit(record, stored, day, stored.with_code(own), own)
        return found if isinstance(found, tuple) else Found(code, found)
    if not name:
        return "code", ImportKind.SITE_CODE, {"found": ""}
    sites = [
        view
        for view in stored.endpoints_by_name.get(search_key(name), ())
        if _agrees(record, stored, stored.by_id[view.unit_id]) is None
    ]
    if len(sites) == 1:
        return Found(sites[0].code, stored.by_id[sites[0].unit_id], sites[0])
    if sites:
        known = titles(stored.title(stored.by_id[view.unit_id]) for view in sites)
        return "name", ImportKind.AMBIGUOUS_SITE, {"found": name[:60], "known": known}
    units = stored.by_name.get(search_key(name), [])
    found = _unit(record, stored, day, units, name)
    if isinstance(found, tuple):
        return found
    existing = stored.endpoint_by_code.get(found.code)
    if existing is not None and existing.unit_id != found.id:
        detail: dict[str, str | int] = {"code": found.code, "found": name[:60]}
        return "name", ImportKind.OTHER_UNIT, {**detail, "known": _title(stored, existing)}
    return Found(found.code, found, existing)


def _unit(
    record: Record, stored: Stored, day: date, candidates: Sequence[UnitOnRecord], said: str
) -> UnitOnRecord | Trouble:
    fitting = [unit for unit in candidates if _agrees(record, stored, unit) is None]
    name = search_key(_said(record, "name"))
    # A code may have been given again: the name decides, else the unit that has sites, else that of the day.
    for narrower in (
        [unit for unit in fitting if name and search_key(unit.name) == name],
        [unit for unit in fitting if unit.id in stored.with_sites],
        [unit for unit in fitting if unit.valid_on(day)],
    ):
        if len(fitting) > 1 and narrower:
            fitting = narrower
    if len(fitting) == 1:
        return fitting[0]
    field = "code" if _said(record, "code") else "name"
    if not fitting:
        parts = [said, _said(record, "district") or _said(record, "district_code")]
        return field, ImportKind.UNKNOWN_UNIT, {"found": ", ".join(filter(None, parts))[:120]}
    known = titles(stored.title(unit) for unit in fitting)
    return field, ImportKind.AMBIGUOUS_UNIT, {"found": said[:60], "known": known}


def _agrees(record: Record, stored: Stored, unit: UnitOnRecord) -> Trouble | None:
    """None where all that the row says of the unit is true."""
    told = {field: _said(record, field) for field in ("unit_code", "kind", "district_code", "district")}
    wrong = ""
    if told["unit_code"] and unit not in stored.with_code(told["unit_code"]):
        wrong = "unit_code"
    elif told["kind"] and unit.kind != told["kind"]:
        wrong = "kind"
    elif told["district_code"] and not stored.in_district(unit, told["district_code"], ""):
        wrong = "district_code"
    elif told["district"] and not stored.in_district(unit, "", told["district"]):
        wrong = "district"
    if not wrong:
        return None
    detail: dict[str, str | int] = {
        "code": _said(record, "code") or unit.code,
        "known": stored.title(unit),
        "found": told[wrong][:60],
    }
    return wrong, ImportKind.OTHER_UNIT, detail


def _title(stored: Stored, view: EndpointView) -> str:
    return stored.title(stored.by_id[view.unit_id])


def _said(record: Record, field: str) -> str:
    value = record.values.get(field)
    return "" if value is None else str(value)
