"""What a table of sites would do to those on record. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from directory.commissioning import may_step
from directory.endpoints import KEEP, Details, EndpointView, NewEndpoint
from directory.imports.endpoint_fields import LINES, PLACES, STATES, Rows, problem_at, written
from directory.imports.finding import Found, find_site
from directory.imports.plan import Added, Changed, FieldChange, Plan, show_day
from directory.imports.problems import ImportKind, ImportProblem, gathered
from directory.imports.stored import Stored, titles
from directory.places import PlaceDetails
from directory.tabular import Record
from directory.tabular.telephones import show_telephone


@dataclass(frozen=True, slots=True)
class EndpointOrder:
    """What is to be changed of an endpoint, for :func:`directory.endpoints.change`."""

    id: int
    version: int
    details: Details | None
    place: PlaceDetails | None
    main: bool | None
    commissioning: str | None
    commissioned_on: date | Literal["keep"] | None


EndpointPlan = Plan[NewEndpoint, EndpointOrder]


def plan_endpoints(rows: Rows, stored: Stored, day: date) -> EndpointPlan:
    """The plan for rows of a table. ``day`` decides between units of one code, such as an old and a new one.

    A row that is not good, or fits nothing, is in the problems alone.
    """
    return _Planning(rows, stored, day).result()


class _Planning:
    def __init__(self, rows: Rows, stored: Stored, day: date) -> None:
        self.rows = rows
        self.stored = stored
        self.day = day
        self.problems: list[ImportProblem] = []
        self.added: list[Added[NewEndpoint]] = []
        self.changed: list[Changed[EndpointOrder]] = []
        self.same = 0
        self.lines: dict[str, list[Record]] = {}
        self.places: dict[tuple[int, str], list[tuple[Record, PlaceDetails]]] = {}
        self.known_places = {(view.unit_id, view.place.name): view.place for view in stored.endpoints}
        self.main = {view.code: view.unit_id for view in stored.endpoints if view.main}
        self.had_main = set(self.main.values())
        self.main_rows: dict[str, Record] = {}

    def result(self) -> EndpointPlan:
        for record in self.rows.records.records:
            if record.good:
                self._row(record)
        self._check_same()
        self._check_main()
        self._check_places()
        return Plan(
            tuple(self.added),
            tuple(self.changed),
            self.same,
            gathered(self.rows.records.problems, self.problems),
            self.rows.source,
            len(self.rows.records.records),
            {
                wanted.name: self.rows.records.headings.labels[column]
                for column, wanted in self.rows.records.headings.columns.items()
            },
        )

    def _problem(self, record: Record, field: str, kind: ImportKind, **detail: str | int) -> None:
        self.problems.append(problem_at(self.rows, record.line, record.columns.get(field, 0), kind, **detail))

    def _row(self, record: Record) -> None:
        found = find_site(record, self.stored, self.day)
        if isinstance(found, tuple):
            field, kind, detail = found
            self._problem(record, field, kind, **detail)
            return
        self.lines.setdefault(found.code, []).append(record)
        if found.existing is None:
            self._new(record, found)
        elif found.existing.retired_at is not None:
            self._problem(record, "code", ImportKind.RETIRED_SITE, code=found.code)
        else:
            self._compare(record, found.existing)

    def _new(self, record: Record, found: Found) -> None:
        unit = found.unit
        values = record.values
        main = values.get("main")
        if main is None:
            main = found.code == unit.code and unit.id not in self.had_main
        place = self._place(record, unit.id, None, f"UBND {unit.name}")
        new = NewEndpoint(
            found.code,
            unit.id,
            Details(
                str(values.get("name") or unit.name),
                str(values.get("line") or "unknown"),
                _text(values.get("backup_line")),
                str(values.get("contact") or ""),
                str(values.get("phone") or ""),
            ),
            place,
            bool(main),
            str(values.get("state") or "planned"),
            _day(values.get("since")),
        )
        if main:
            self.had_main.add(unit.id)
            self.main[found.code] = unit.id
            self.main_rows[found.code] = record
        district = self.stored.district(unit)
        self.added.append(
            Added(record.line, found.code, new.details.name, district.name if district else "", new)
        )

    def _compare(self, record: Record, view: EndpointView) -> None:
        values = record.values
        old = view.details
        details = replace(
            old,
            name=_or(values.get("name"), old.name),
            line_type=_or(values.get("line"), old.line_type),
            backup_line_type=_or(values.get("backup_line"), old.backup_line_type),
            contact_name=_or(values.get("contact"), old.contact_name),
            contact_phone=_or(values.get("phone"), old.contact_phone),
        )
        place = self._place(record, view.unit_id, view.place, view.place.name) or view.place
        main = _or(values.get("main"), view.main)
        state = _or(values.get("state"), view.commissioning)
        since = _or(_day(values.get("since")), view.commissioned_on)
        if not may_step(view.commissioning, state, through=True):
            now, found = written(STATES, view.commissioning), written(STATES, state)
            self._problem(record, "state", ImportKind.STEP, code=view.code, now=now, found=found)
            return
        if main and not view.main:
            self.main[view.code] = view.unit_id
            self.main_rows[view.code] = record
        elif view.main and not main:
            self.main.pop(view.code, None)
        fields = self._differences(view, details, place, main, state, since)
        if not fields:
            self.same += 1
            return
        order = EndpointOrder(
            view.id,
            view.version,
            details if details != old else None,
            place if place != view.place else None,
            main if main != view.main else None,
            state if state != view.commissioning else None,
            since if since != view.commissioned_on else KEEP,
        )
        self.changed.append(Changed(record.line, view.code, old.name, fields, order))

    def _differences(
        self,
        view: EndpointView,
        details: Details,
        place: PlaceDetails,
        main: bool,
        state: str,
        since: date | None,
    ) -> tuple[FieldChange, ...]:
        old = view.details
        pairs = (
            ("name", old.name, details.name),
            ("line", written(LINES, old.line_type), written(LINES, details.line_type)),
            (
                "backup_line",
                written(LINES, old.backup_line_type),
                written(LINES, details.backup_line_type),
            ),
            ("contact", old.contact_name, details.contact_name),
            ("phone", _shown(old.contact_phone), _shown(details.contact_phone)),
            ("place", view.place.name, place.name),
            ("place_kind", written(PLACES, view.place.kind), written(PLACES, place.kind)),
            ("address", view.place.address, place.address),
            ("main", yes_no(view.main), yes_no(main)),
            ("state", written(STATES, view.commissioning), written(STATES, state)),
            ("since", show_day(view.commissioned_on), show_day(since)),
        )
        headings = self.rows.records.headings
        return tuple(
            FieldChange(field, headings.labels.get(headings.column(field), field), before, after)
            for field, before, after in pairs
            if before != after
        )

    def _place(
        self, record: Record, unit_id: int, current: PlaceDetails | None, default: str
    ) -> PlaceDetails | None:
        """The place that a row names, or None where it names none."""
        values = record.values
        name, kind, address = (values.get(field) for field in ("place", "place_kind", "address"))
        if name is None and kind is None and address is None:
            return None
        title = str(name or default)
        base = (
            current
            if current is not None and title == current.name
            else self.known_places.get((unit_id, title))
        )
        base = base or PlaceDetails(title, current.kind if current else "office")
        # A place has its address on one line, whatever the cell has.
        said = " ".join(str(address).split()) if address is not None else base.address
        place = PlaceDetails(title, str(kind or base.kind), said)
        self.places.setdefault((unit_id, title), []).append((record, place))
        return place

    def _check_same(self) -> None:
        """Rows that mean one site though their cells differ; equal codes were found when reading."""
        for code, records in self.lines.items():
            told = {record.values.get("code") for record in records}
            if len(records) > 1 and told != {code}:
                lines = ", ".join(str(record.line) for record in records[:20])
                self._problem(records[-1], "name", ImportKind.SAME_SITE, lines=lines, code=code)

    def _check_main(self) -> None:
        units: dict[int, list[str]] = {}
        for code, unit_id in self.main.items():
            units.setdefault(unit_id, []).append(code)
        for unit_id, codes in units.items():
            record = next((self.main_rows[code] for code in reversed(codes) if code in self.main_rows), None)
            if len(codes) > 1 and record is not None:
                unit = self.stored.title(self.stored.by_id[unit_id])
                self._problem(record, "main", ImportKind.MAIN_TWICE, unit=unit, known=titles(codes))

    def _check_places(self) -> None:
        for (_, title), told in self.places.items():
            if len({place for _, place in told}) > 1:
                record = told[-1][0]
                lines = ", ".join(str(other.line) for other, _ in told[:20])
                self._problem(record, "address", ImportKind.PLACE_DIFFERS, lines=lines, found=title)


def yes_no(value: bool) -> str:
    """As exports write it."""
    return "có" if value else "không"


def _or(value: Any, other: Any) -> Any:
    return other if value is None else value


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _day(value: object) -> date | None:
    return value if isinstance(value, date) else None


def _shown(phone: str) -> str:
    return show_telephone(phone) if phone else ""
