"""What is stored, read at once and sorted by meeting, and what is found wrong with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.database import Database
from directory.model import AuditEntry
from scheduler.model import Action, AttendanceFact, FloorEvent, FloorState, Invitation, Meeting, Slot

SENTENCES = 20
"""Of each count that are kept."""


@dataclass
class Wrongs:
    """What is wrong, by the name of the count."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def counts(self, *names: str) -> None:
        """These are looked for, so that a zero is a zero."""
        for name in names:
            self.found.setdefault(name, [])

    def add(self, name: str, what: str) -> None:
        """One more."""
        self.found.setdefault(name, []).append(what)

    def numbers(self) -> dict[str, int]:
        """How many of each."""
        return {name: len(found) for name, found in self.found.items()}

    def samples(self) -> dict[str, list[str]]:
        """The first of each that has any."""
        return {name: found[:SENTENCES] for name, found in self.found.items() if found}


@dataclass
class Stored:
    """All rows, by meeting."""

    meetings: list[Meeting]
    invited: dict[str, set[int]]
    slots: dict[str, list[Slot]]
    actions: dict[str, list[Action]] = field(default_factory=dict)
    facts: dict[str, list[AttendanceFact]] = field(default_factory=dict)
    floors: dict[str, FloorState] = field(default_factory=dict)
    events: dict[str, list[FloorEvent]] = field(default_factory=dict)
    audit: dict[str, list[AuditEntry]] = field(default_factory=dict)
    audit_ids: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, dict[str, int]]:
        """How much there is of each kind."""
        facts = (fact.kind for rows in self.facts.values() for fact in rows)
        events = (str(row.event["kind"]) for rows in self.events.values() for row in rows)
        lines = (entry.action for rows in self.audit.values() for entry in rows)
        return {
            "meetings": dict(sorted(Counter(meeting.state for meeting in self.meetings).items())),
            "attendance": dict(sorted(Counter(facts).items())),
            "floor": dict(sorted(Counter(events).items())),
            "changes": dict(sorted(Counter(lines).items())),
        }


async def read_all(database: Database, *, bookings_only: bool = False) -> Stored:
    """One view of the whole database, or of meetings and their times."""
    async with database.read() as session:
        invited: dict[str, set[int]] = defaultdict(set)
        for row in await session.scalars(select(Invitation)):
            invited[row.meeting_id].add(row.endpoint_id)
        meetings = list(await session.scalars(select(Meeting)))
        slots = await _grouped(session, select(Slot))
        if bookings_only:
            return Stored(meetings, invited, slots)
        audit: dict[str, list[AuditEntry]] = defaultdict(list)
        entries = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
        for entry in entries:
            kind, _, meeting = entry.subject.partition(":")
            if kind == "meeting":
                audit[meeting].append(entry)
        return Stored(
            meetings,
            invited,
            slots,
            await _grouped(session, select(Action)),
            await _grouped(session, select(AttendanceFact).order_by(AttendanceFact.id)),
            {row.meeting_id: row for row in await session.scalars(select(FloorState))},
            await _grouped(session, select(FloorEvent).order_by(FloorEvent.sequence)),
            audit,
            [entry.id for entry in entries],
        )


async def _grouped(session: AsyncSession, statement: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in await session.scalars(statement):
        found[row.meeting_id].append(row)
    return found
