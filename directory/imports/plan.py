"""A plan: what an import would do, for people to look at and for the database to carry out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, TypeVar

from directory.imports.problems import Problem
from directory.tabular import Source

New = TypeVar("New")
Order = TypeVar("Order")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field; ``before`` and ``after`` are as the file would write them, empty for nothing."""

    field: str
    title: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Added(Generic[New]):
    """A row that would be new. ``above`` is the district or the unit above; ``new`` is for the database."""

    line: int
    code: str
    name: str
    above: str
    new: New


@dataclass(frozen=True, slots=True)
class Changed(Generic[Order]):
    """A row that would change what is on record. ``order`` is for the database."""

    line: int
    code: str
    name: str
    fields: tuple[FieldChange, ...]
    order: Order


@dataclass(frozen=True, slots=True)
class Plan(Generic[New, Order]):
    """What would be done. With errors among ``problems`` nothing may be; the rest is still shown.

    ``same`` counts the rows that agree with what is on record. ``titles`` are the fields as the file's
    headings call them.
    """

    added: tuple[Added[New], ...]
    changed: tuple[Changed[Order], ...]
    same: int
    problems: tuple[Problem, ...]
    source: Source | None = None
    rows: int = 0
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop the import."""
        return tuple(problem for problem in self.problems if not problem.is_note)

    @property
    def notes(self) -> tuple[Problem, ...]:
        """What people should look at; it stops nothing."""
        return tuple(problem for problem in self.problems if problem.is_note)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.added and not self.changed

    @property
    def digest(self) -> str:
        """Of all that would be done, and to what versions: two plans are the same if their digests are."""
        parts = [
            [[one.line, _plain(one.new)] for one in self.added],
            [[one.line, one.code, _plain(one.order)] for one in self.changed],
            [str(error) for error in self.errors],
        ]
        text = json.dumps(parts, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    """What an order or a new row says, as JSON. Both are frozen dataclasses of plain values."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def show_day(day: date | None) -> str:
    """As people write it here, or nothing."""
    return f"{day.day:02}/{day.month:02}/{day.year:04}" if day else ""
