"""What can be wrong with a row that is well-formed in itself: it does not fit what is on record.

Of the same form as :class:`directory.tabular.TableProblem`, so that both stand in one list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from directory.tabular import ProblemKind, TableProblem
from directory.tabular.problems import Detail, column_letters


class ImportKind(StrEnum):
    """The kinds of problems; all of them are errors. :data:`SENTENCES` has their meaning."""

    SITE_CODE = "site_code"
    UNKNOWN_UNIT = "unknown_unit"
    AMBIGUOUS_UNIT = "ambiguous_unit"
    AMBIGUOUS_SITE = "ambiguous_site"
    OTHER_UNIT = "other_unit"
    SAME_SITE = "same_site"
    RETIRED_SITE = "retired_site"
    STEP = "step"
    MAIN_TWICE = "main_twice"
    PLACE_DIFFERS = "place_differs"
    UNKNOWN_PARENT = "unknown_parent"
    PARENT_LEVEL = "parent_level"
    PARENT_MISSING = "parent_missing"
    UNKNOWN_FORERUNNER = "unknown_forerunner"
    VALIDITY = "validity"


_K = ImportKind

SENTENCES: Final[Mapping[ImportKind, str]] = {
    _K.SITE_CODE: "“{found}” cannot be the code of a site: at most 32 letters without marks, digits, "
    "dots and dashes.",
    _K.UNKNOWN_UNIT: "No unit on record fits “{found}”.",
    _K.AMBIGUOUS_UNIT: "Several units are called “{found}”: {known}. Give the code or the district.",
    _K.AMBIGUOUS_SITE: "Several sites are called “{found}”: {known}. Give the code or the district.",
    _K.OTHER_UNIT: "Site {code} belongs to {known}, not to “{found}”.",
    _K.SAME_SITE: "Lines {lines} mean the same site, {code}.",
    _K.RETIRED_SITE: "Site {code} is retired. Restore it first.",
    _K.STEP: "Site {code} is “{now}” and cannot become “{found}”.",
    _K.MAIN_TWICE: "{unit} would have more than one main site: {known}.",
    _K.PLACE_DIFFERS: "Lines {lines} tell different things of the same place, “{found}”.",
    _K.UNKNOWN_PARENT: "There is no unit “{found}” on {day} that could stand above.",
    _K.PARENT_LEVEL: "“{found}” cannot stand above a unit of this kind.",
    _K.PARENT_MISSING: "A new unit needs the unit above it.",
    _K.UNKNOWN_FORERUNNER: "There was no unit {found} before {day}.",
    _K.VALIDITY: "The unit would end on {end}, before it begins on {day}.",
}
"""English sentences with the placeholders that ``detail`` fills. Translations use the same ones."""


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """One problem. ``line`` and ``column`` count from 1; column 0 means all of the line."""

    kind: ImportKind
    line: int
    column: int = 0
    heading: str = ""
    detail: Detail = field(default_factory=dict, hash=False)

    @property
    def is_note(self) -> bool:
        """Never: each of these stops the import."""
        return False

    @property
    def address(self) -> str:
        """The cell as spreadsheets name it, or nothing."""
        return f"{column_letters(self.column)}{self.line}" if self.column else ""

    def sentence(self) -> str:
        """In English, without the place."""
        return SENTENCES[self.kind].format_map(self.detail)

    def __str__(self) -> str:
        place = [f"line {self.line}"]
        place += [f"column {self.column}"] if self.column else []
        place += [f"“{self.heading}”"] if self.heading else []
        return f"{', '.join(place)}: {self.sentence()}"


Problem: TypeAlias = TableProblem | ImportProblem

MOST: Final = 500


def gathered(first: Iterable[TableProblem], then: Iterable[ImportProblem]) -> tuple[Problem, ...]:
    """Both in the order of lines; beyond :data:`MOST` of the second sort only their number."""
    more = list(then)
    kept: list[Problem] = [*first, *more[:MOST]]
    kept.sort(key=lambda problem: (problem.kind is ProblemKind.MORE_PROBLEMS, problem.line, problem.column))
    if len(more) > MOST:
        kept.append(TableProblem(ProblemKind.MORE_PROBLEMS, detail={"count": len(more) - MOST}))
    return tuple(kept)
