"""Headings of people's tables to the fields of the caller, in either language, with or without marks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from directory.search import search_key
from directory.tabular.fields import read_text
from directory.tabular.problems import FormatError, ProblemKind, TableProblem
from directory.tabular.reading import Reader
from directory.tabular.table import Row, Table

_SEARCHED: Final = 10
"""Rows in which the headings may be: titles and dates often stand above them."""

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


@dataclass(frozen=True, slots=True)
class Field:
    """A field that the caller wants: the first of ``headings`` is what people are told it is called.

    ``needed``: the column must be there. ``filled``: each row must have a value in it.
    """

    name: str
    headings: Sequence[str]
    reader: Reader = read_text
    needed: bool = False
    filled: bool = False

    @property
    def title(self) -> str:
        """What people are told that it is called."""
        return self.headings[0]


@dataclass(frozen=True, slots=True)
class Headings:
    """Which columns (from 1) hold which fields. ``line`` is that of the headings."""

    line: int
    columns: Mapping[int, Field]
    labels: Mapping[int, str]
    problems: tuple[TableProblem, ...] = field(default=())

    def column(self, name: str) -> int:
        """The column of a field, 0 where the file has none."""
        return next((column for column, wanted in self.columns.items() if wanted.name == name), 0)


def heading_keys(text: str) -> tuple[str, ...]:
    """Forms in which a heading is looked up: without marks and case, then without what is in brackets too."""
    forms = (search_key(text), search_key(_BRACKETS.sub(" ", text)))
    return tuple(dict.fromkeys(form for form in forms if form))


def match_headings(table: Table, fields: Sequence[Field]) -> Headings:
    """Find the line of headings, which is the one that names the most fields, and read it.

    Unknown, missing and doubled headings are problems of the result. Raises FormatError where none
    of the first ten rows names a field.
    """
    known = _lookup(fields)
    best: Row | None = None
    most = 0
    for row in table.rows[:_SEARCHED]:
        names = {wanted.name for cell in row.cells if (wanted := _field(cell.text, known)) is not None}
        if len(names) > most:
            best, most = row, len(names)
    if best is None:
        titles = ", ".join(wanted.title for wanted in fields)
        line = table.rows[0].line if table.rows else 0
        detail: dict[str, str | int] = {"wanted": titles, "lines": _SEARCHED}
        raise FormatError(TableProblem(ProblemKind.NO_HEADINGS, line, detail=detail))
    return _read(best, fields, known, above=best is not table.rows[0])


def _lookup(fields: Sequence[Field]) -> Mapping[str, Field]:
    known: dict[str, Field] = {}
    for wanted in fields:
        for name in (wanted.name, *wanted.headings):
            for key in heading_keys(name):
                other = known.setdefault(key, wanted)
                if other is not wanted:
                    raise AssertionError(f"heading {name!r} belongs to {other.name} and {wanted.name}")
    return known


def _field(text: str, known: Mapping[str, Field]) -> Field | None:
    return next((known[key] for key in heading_keys(text) if key in known), None)


def _read(row: Row, fields: Sequence[Field], known: Mapping[str, Field], *, above: bool) -> Headings:
    columns: dict[int, Field] = {}
    labels: dict[int, str] = {}
    taken: dict[str, int] = {}
    problems = []
    if above:
        problems.append(TableProblem(ProblemKind.LINES_ABOVE, row.line))
    titles = ", ".join(wanted.title for wanted in fields)
    for cell in row.cells:
        if cell.blank:
            continue
        label = " ".join(cell.text.split())[:60]
        labels[cell.column] = label
        wanted = _field(cell.text, known)
        detail: dict[str, str | int]
        if wanted is None:
            detail = {"found": label, "known": titles}
            problems.append(TableProblem(ProblemKind.UNKNOWN_HEADING, cell.line, cell.column, label, detail))
        elif wanted.name in taken:
            detail = {"first": taken[wanted.name], "second": cell.column, "wanted": wanted.title}
            problems.append(TableProblem(ProblemKind.DOUBLED_HEADING, cell.line, cell.column, label, detail))
        else:
            taken[wanted.name] = cell.column
            columns[cell.column] = wanted
    problems += [
        TableProblem(ProblemKind.MISSING_HEADING, row.line, detail={"wanted": wanted.title})
        for wanted in fields
        if wanted.needed and wanted.name not in taken
    ]
    return Headings(row.line, columns, labels, tuple(problems))
