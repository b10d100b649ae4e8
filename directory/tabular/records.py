"""Rows under headings to records of values, with everything that is wrong collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from directory.tabular.headings import Field, Headings, match_headings
from directory.tabular.problems import ProblemKind, ProblemList, TableProblem
from directory.tabular.reading import Reading
from directory.tabular.table import Cell, Row, Table

_LINES_NAMED = 20


@dataclass(frozen=True, slots=True)
class Record:
    """One row: values by name of field, None where blank. Fields without a column are not in it.

    ``good`` is false where one of its cells has an error; the value there is None too.
    """

    line: int
    values: Mapping[str, object]
    columns: Mapping[str, int]
    good: bool = True


@dataclass(frozen=True, slots=True)
class Records:
    """All rows below the headings, and all problems and notes by line and column."""

    records: tuple[Record, ...]
    problems: tuple[TableProblem, ...]
    headings: Headings

    @property
    def errors(self) -> tuple[TableProblem, ...]:
        """The problems that are more than notes; where there is one, nothing may be imported."""
        return tuple(problem for problem in self.problems if not problem.is_note)


def read_records(
    table: Table, fields: Sequence[Field], unique: Iterable[Sequence[str]] = (), most_problems: int = 500
) -> Records:
    """Read each row by the readers of the fields.

    ``unique`` holds groups of fields of which no two rows may have the same values; groups in which
    a value is blank count for nothing. Of errors and of notes at most ``most_problems`` are kept each.
    Raises FormatError where there are no headings.
    """
    headings = match_headings(table, fields)
    problems = ProblemList(most_problems)
    problems.add(*headings.problems)
    below = [row for row in table.rows if row.line > headings.line]
    bad_cells: set[tuple[int, int]] = set()
    for problem in table.problems:
        if problem.line >= headings.line or not problem.line:
            label = headings.labels.get(problem.column, "")
            problems.add(TableProblem(problem.kind, problem.line, problem.column, label, problem.detail))
            bad_cells.add((problem.line, problem.column))
    _add_merges(table, headings, problems)
    columns = {wanted.name: column for column, wanted in headings.columns.items()}
    records = []
    for row in below:
        stray = _without_heading(row, headings)
        problems.add(*stray)
        values: dict[str, object] = {}
        good = not stray
        for column, wanted in headings.columns.items():
            cell = row.cell(column)
            reading = _read(cell, wanted, headings.labels[column], known_bad=(row.line, column) in bad_cells)
            problems.add(*reading.problems)
            values[wanted.name] = reading.value if reading.ok else None
            good = good and reading.ok and (row.line, column) not in bad_cells
        records.append(Record(row.line, values, columns, good))
    for names in unique:
        problems.add(*doubled(records, names, headings))
    return Records(tuple(records), problems.result(), headings)


def _read(cell: Cell, wanted: Field, label: str, *, known_bad: bool) -> Reading[object]:
    reading = wanted.reader(cell, label)
    if wanted.filled and reading.value is None and reading.ok and not known_bad:
        missing = TableProblem(ProblemKind.MISSING_VALUE, cell.line, cell.column, label)
        return Reading(None, (*reading.problems, missing))
    return reading


def _without_heading(row: Row, headings: Headings) -> list[TableProblem]:
    """Texts beyond the headings or below a blank one: a delimiter too many, or a forgotten heading."""
    return [
        TableProblem(
            ProblemKind.CELL_WITHOUT_HEADING, cell.line, cell.column, detail={"found": cell.text.strip()[:60]}
        )
        for cell in row.cells
        if cell.column not in headings.labels and not cell.blank
    ]


def _add_merges(table: Table, headings: Headings, problems: ProblemList) -> None:
    """Merged cells at or below the headings. A merged title above them, or a note beside, harms nobody."""
    last = table.rows[-1].line if table.rows else 0
    widest = max(headings.labels, default=0)
    for merge in table.merges:
        if merge.bottom >= headings.line and merge.top <= last and merge.left <= widest:
            label = headings.labels.get(merge.left, "")
            detail = {"range": merge.name}
            problems.add(TableProblem(ProblemKind.MERGED_CELLS, merge.top, merge.left, label, detail))


def doubled(records: Iterable[Record], names: Sequence[str], headings: Headings) -> list[TableProblem]:
    """One problem for each set of values that stands in several records, at the last, naming all lines."""
    lines: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        key = tuple(record.values.get(name) for name in names)
        if all(part is not None for part in key):
            lines.setdefault(key, []).append(record)
    problems = []
    for key, group in lines.items():
        if len(group) > 1:
            last = group[-1]
            column = last.columns.get(names[0], 0)
            named = ", ".join(str(record.line) for record in group[:_LINES_NAMED])
            detail: dict[str, str | int] = {
                "found": " · ".join(str(part) for part in key)[:120],
                "lines": named + (", …" if len(group) > _LINES_NAMED else ""),
            }
            label = headings.labels.get(column, "")
            problems.append(TableProblem(ProblemKind.DOUBLE_KEY, last.line, column, label, detail))
    return problems
