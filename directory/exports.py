"""Sites as a file with the columns that an import reads, so that export and import change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from directory.imports.endpoint_fields import ENDPOINT_FIELDS, KINDS, LINES, PLACES, STATES, written
from directory.imports.stored import Stored, load_stored
from directory.tabular import Value, write_csv, write_xlsx
from directory.tabular.telephones import show_telephone

FORMATS: Final = ("csv", "xlsx")


async def export_endpoints(session: AsyncSession, form: str = "csv") -> bytes:
    """All sites that are not retired, by district and code. ``form`` is one of :data:`FORMATS`."""
    return endpoints_file(await load_stored(session), form)


def endpoints_file(stored: Stored, form: str) -> bytes:
    """As :func:`export_endpoints`, of what was read. Raises ValueError for another format."""
    headings = [field.headings[0] for field in ENDPOINT_FIELDS]
    if form == "csv":
        return write_csv(headings, _rows(stored))
    if form == "xlsx":
        return write_xlsx(headings, _rows(stored), "Điểm cầu")
    raise ValueError(f"no such format: {form}")


def _rows(stored: Stored) -> Iterator[list[Value]]:
    lines = []
    for view in stored.endpoints:
        if view.retired_at is not None:
            continue
        unit = stored.by_id[view.unit_id]
        district = stored.district(unit)
        values: dict[str, Value] = {
            "code": view.code,
            "name": view.details.name,
            "unit_code": unit.code,
            "kind": written(KINDS, unit.kind),
            "district_code": district.code if district else None,
            "district": district.name if district else None,
            "main": view.main,
            "place": view.place.name,
            "place_kind": written(PLACES, view.place.kind),
            "address": view.place.address or None,
            "line": written(LINES, view.details.line_type),
            "backup_line": written(LINES, view.details.backup_line_type) or None,
            "contact": view.details.contact_name or None,
            "phone": show_telephone(view.details.contact_phone) if view.details.contact_phone else None,
            "state": written(STATES, view.commissioning),
            "since": view.commissioned_on,
        }
        key = (district.code if district else "", view.code)
        lines.append((key, [values[field.name] for field in ENDPOINT_FIELDS]))
    lines.sort(key=lambda line: line[0])
    yield from (line for _, line in lines)
