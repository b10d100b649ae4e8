"""What a field reader gives: a value, and what is to be said about the cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Never, TypeVar

from directory.tabular.problems import Detail, ProblemKind, TableProblem
from directory.tabular.table import Cell

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Reading(Generic[T_co]):
    """``value`` is None where the cell is blank or an error is among ``problems``, which has notes too."""

    value: T_co | None
    problems: tuple[TableProblem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no error; a blank cell is in order here."""
        return all(problem.is_note for problem in self.problems)


Reader = Callable[[Cell, str], Reading[object]]
"""A cell and its heading to a reading. It never raises for any cell."""


def problem(kind: ProblemKind, cell: Cell, heading: str, **detail: str | int) -> TableProblem:
    """A problem at the place of a cell."""
    return TableProblem(kind, cell.line, cell.column, heading, detail)


def found(cell: Cell) -> str:
    """The text of a cell as problems quote it: on one line, at most 60 characters."""
    text = " ".join(cell.text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def bad(kind: ProblemKind, cell: Cell, heading: str, **detail: str | int) -> Reading[Never]:
    """A reading without value, for a cell that cannot be read. The detail quotes the cell."""
    named: Detail = {"found": found(cell), **detail}
    return Reading(None, (TableProblem(kind, cell.line, cell.column, heading, named),))


def notes(cell: Cell, heading: str, value: str | None = None) -> tuple[TableProblem, ...]:
    """The notes of a cell that was read: what was removed, and ``value`` where it is not what stands there.

    White space alone makes no difference worth a note.
    """
    result = []
    if cell.removed:
        result.append(problem(ProblemKind.INVISIBLE_REMOVED, cell, heading, count=cell.removed))
    if value is not None and " ".join(cell.text.split()) != value:
        result.append(problem(ProblemKind.READ_AS, cell, heading, found=found(cell), value=value))
    elif value is not None and cell.formula:
        shown = cell.formula if len(cell.formula) <= 60 else cell.formula[:59] + "…"
        result.append(problem(ProblemKind.READ_AS, cell, heading, found=shown, value=value))
    return tuple(result)
