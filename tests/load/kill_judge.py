"""Counts what is stored against what the clients of the killed service were told.

Every count has a name; what it counts is wrong, each with a sentence. *Lost*: answered and not there.
*Doubled*: there more often than it was asked for.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.database import Database
from directory.model import AuditEntry
from load.kill_log import Booking, ClientLog, Stand, Stay
from scheduler.attending import presence
from scheduler.booking import person_resource, site_resource
from scheduler.errors import SnapshotError
from scheduler.floor import replay
from scheduler.floor_state import Event
from scheduler.model import Action, AttendanceFact, FloorEvent, FloorState, Invitation, Meeting, Slot

SETTLED = 1.0
"""Seconds that the service lived after a join or a leave, so that it must be on record."""
SENTENCES = 20
"""Of each count that are kept."""
LIVING = ("published", "open", "closed", "skipped")


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


def judge_all(
    stored: Stored, log: ClientLog, killed_at: Sequence[float], *, at_end: bool, sqlite: bool
) -> Wrongs:
    """Everything that can be counted. ``at_end``: nothing is under way any more, and all is due."""
    wrongs = Wrongs()
    judge_bookings(stored, log.bookings.values(), log.bookings, wrongs)
    judge_slots(stored, wrongs)
    judge_actions(stored, log, wrongs, at_end)
    judge_audit(stored, wrongs, sqlite)
    judge_floor(stored, log, wrongs)
    judge_attendance(stored, log, killed_at, wrongs, at_end)
    return wrongs


def judge_bookings(
    stored: Stored, bookings: Iterable[Booking], titles: Collection[str], wrongs: Wrongs
) -> None:
    """What was answered as booked, moved, published or cancelled stands so; each title once.

    ``titles`` are all that were ever asked for.
    """
    wrongs.counts("bookings lost", "bookings doubled", "meetings of nobody")
    by_title: dict[str, list[Meeting]] = defaultdict(list)
    for meeting in stored.meetings:
        by_title[meeting.title].append(meeting)
    for booking in bookings:
        rows = by_title.get(booking.title, [])
        if len(rows) > 1:
            wrongs.add("bookings doubled", f"{booking.title}: {len(rows)} meetings")
        row = rows[0] if rows else None
        seen = None if row is None else _stand(row, stored)
        if not any(_fits(stand, seen) for stand in booking.stands) or (
            row and booking.id not in ("", row.id)
        ):
            wrongs.add("bookings lost", f"{booking.title} {booking.id}: told {booking.stands}, stored {seen}")
    for title in by_title.keys() - titles:
        wrongs.add("meetings of nobody", title)


def _stand(row: Meeting, stored: Stored) -> Stand:
    sites = frozenset(stored.invited.get(row.id, ()))
    return Stand(row.state, row.version, row.starts_at, row.ends_at, sites)


def _fits(told: Stand | None, seen: Stand | None) -> bool:
    if told is None or seen is None:
        return told is seen
    same = (told.starts_at, told.ends_at, told.sites) == (seen.starts_at, seen.ends_at, seen.sites)
    if told.state == "near":
        return same and seen.state in LIVING and seen.version >= told.version
    return same and (told.state, told.version) == (seen.state, seen.version)


def judge_slots(stored: Stored, wrongs: Wrongs) -> None:
    """Published and open meetings have their times, no other has, and no two overlap."""
    wrongs.counts("slots missing or left", "slots overlapping")
    by_resource: dict[str, list[Slot]] = defaultdict(list)
    for meeting in stored.meetings:
        has = {(slot.resource, slot.starts_at, slot.ends_at) for slot in stored.slots.get(meeting.id, ())}
        wanted = set()
        if meeting.state in ("published", "open"):
            names = [site_resource(number) for number in stored.invited[meeting.id]]
            span = meeting.starts_at, meeting.ends_at
            wanted = {(name, *span) for name in (*names, person_resource(meeting.chair_id))}
        if has != wanted:
            wrongs.add(
                "slots missing or left", f"{meeting.title} {meeting.state}: {len(has)} of {len(wanted)}"
            )
    for slot in itertools.chain.from_iterable(stored.slots.values()):
        by_resource[slot.resource].append(slot)
    for name, slots in by_resource.items():
        slots.sort(key=lambda slot: slot.starts_at)
        for one, other in itertools.pairwise(slots):
            if other.starts_at < one.ends_at:
                wrongs.add("slots overlapping", f"{name}: {one.meeting_id} and {other.meeting_id}")


def judge_actions(stored: Stored, log: ClientLog, wrongs: Wrongs, at_end: bool) -> None:
    """Each opening and closing once; what clients saw open or end is so; at the end nothing is left to do."""
    wrongs.counts(
        "openings lost",
        "openings doubled",
        "closings lost",
        "closings doubled",
        "ends of the chair lost",
        "due and not done",
        "rooms opened twice",
    )
    ended_by_chair = {one.meeting: one for one in log.asked if one.kind == "end" and one.answer == "done"}
    for meeting in stored.meetings:
        actions = Counter(one.action for one in stored.actions.get(meeting.id, ()))
        told = Counter(entry.action for entry in stored.audit.get(meeting.id, ()))
        for action, name in (("open", "openings"), ("close", "closings")):
            seen = meeting.id in (log.opened if action == "open" else log.ended)
            stands = meeting.state in (("open", "closed") if action == "open" else ("closed",))
            if (seen or stands) and not (actions[action] and told[f"meeting.{action}"] and stands):
                wrongs.add(f"{name} lost", f"{meeting.title} {meeting.state} {dict(actions)} {dict(told)}")
            if max(actions[action], told[f"meeting.{action}"]) > 1:
                wrongs.add(f"{name} doubled", f"{meeting.title} {dict(actions)} {dict(told)}")
        if meeting.id in ended_by_chair:
            closers = [one.actor for one in stored.audit[meeting.id] if one.action == "meeting.close"]
            if closers != [ended_by_chair[meeting.id].member]:
                wrongs.add("ends of the chair lost", f"{meeting.title} {meeting.state}: closed by {closers}")
        undone = [one.action for one in stored.actions.get(meeting.id, ()) if one.done_at is None]
        waits = meeting.state == "open" or (meeting.state == "published" and meeting.title[0] == "n")
        if at_end and (undone or waits):
            wrongs.add("due and not done", f"{meeting.title} {meeting.state}, undone: {undone}")
    rooms: dict[tuple[int, str], set[str]] = defaultdict(set)
    for stay in log.joins:
        if stay.life:
            rooms[stay.life, stay.meeting].add(stay.room_sid)
    for (life, meeting_id), sids in rooms.items():
        if len(sids) > 1:
            wrongs.add("rooms opened twice", f"{meeting_id} in life {life}: {sorted(sids)}")


def judge_audit(stored: Stored, wrongs: Wrongs, sqlite: bool) -> None:
    """Each version of a meeting has one line, which begins where the one before ended; the last is the row.

    Numbers are without gaps on SQLite only: a sequence of PostgreSQL does not go back.
    """
    wrongs.counts("audit lines missing", "audit lines that do not follow", "audit numbers missing")
    for meeting in stored.meetings:
        lines = stored.audit.get(meeting.id, [])
        if len(lines) != meeting.version:
            wrongs.add(
                "audit lines missing", f"{meeting.title}: {len(lines)} lines, version {meeting.version}"
            )
        known: dict[str, Any] = {"state": "draft"}
        for line in lines:
            before = {k: v for k, v in (line.before or {}).items() if k != "reason"}
            if any(known.get(name) != value for name, value in before.items()):
                wrongs.add("audit lines that do not follow", f"{meeting.title}: {line.action} from {before}")
            known |= line.after or {}
        last = {
            "state": meeting.state,
            "starts_at": meeting.starts_at.isoformat(),
            "ends_at": meeting.ends_at.isoformat(),
            "sites": sorted(stored.invited.get(meeting.id, ())),
        }
        if any(known.get(name) != value for name, value in last.items()):
            wrongs.add("audit lines that do not follow", f"{meeting.title}: last {last}")
    ids = stored.audit_ids
    if sqlite and ids and ids != list(range(ids[0], ids[0] + len(ids))):
        wrongs.add("audit numbers missing", f"{len(ids)} from {ids[0]} to {ids[-1]}")


def judge_floor(stored: Stored, log: ClientLog, wrongs: Wrongs) -> None:
    """Events replay to the state; what was answered *done* is an event or a line, and nothing else is."""
    wrongs.counts(
        "floors that do not replay", "floor lost", "floor doubled", "head-counts lost", "head-counts doubled"
    )
    for meeting_id, floor in stored.floors.items():
        rows = stored.events.get(meeting_id, [])
        try:
            again = replay(Event.from_dict(row.event) for row in rows).snapshot()
        except SnapshotError as error:
            again = {"error": str(error)}
        if again != floor.state or floor.sequence != len(rows):
            wrongs.add("floors that do not replay", f"{meeting_id}: {len(rows)} events, {floor.sequence}")
    for meeting_id in stored.events.keys() - stored.floors.keys():
        wrongs.add("floors that do not replay", f"{meeting_id}: events without a state")
    happened = Counter(
        (meeting_id, row.actor, row.event["kind"])
        for meeting_id, rows in stored.events.items()
        for row in rows
    )
    told: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for one in log.asked:
        kind = {"ask": "asked", "give": "given"}.get(one.kind)
        if kind:
            told[one.meeting, one.member, kind][one.answer] += 1
    for key in told.keys() | {key for key in happened if key[2] in ("asked", "given")}:
        done, unknown, there = told[key]["done"], told[key]["unknown"], happened[key]
        if there < done:
            wrongs.add("floor lost", f"{key}: {done} done, {there} events")
        if there > done + unknown:
            wrongs.add("floor doubled", f"{key}: {done} done, {unknown} unknown, {there} events")
    counted = Counter(
        (meeting_id, fact.identity.rpartition(":")[0], fact.count)
        for meeting_id, facts in stored.facts.items()
        for fact in facts
        if fact.kind == "head_count"
    )
    for one in log.asked:
        if one.kind == "head_count":
            there = counted.pop((one.meeting, one.member, one.count), 0)
            if one.answer == "done" and not there:
                wrongs.add("head-counts lost", f"{one}")
            if there > 1 or (one.answer == "refused" and there):
                wrongs.add("head-counts doubled", f"{one}: {there}")
    for left, number in counted.items():
        wrongs.add("head-counts doubled", f"{left}: {number} of nobody")


def judge_attendance(
    stored: Stored, log: ClientLog, killed_at: Iterable[float], wrongs: Wrongs, at_end: bool
) -> None:
    """Each fact once; each join and each leave of a client's log has its one line.

    A client is told that it is in by its media, and the line is written after that. So a join counts as lost
    if the service lived for :data:`SETTLED` after it; those shortly before a kill are counted apart.
    """
    wrongs.counts("facts doubled", "joins lost", "leaves lost", "presence open", "joins just before a kill")
    kills = sorted(killed_at)
    lines: Counter[tuple[str, str]] = Counter()
    for meeting_id, facts in stored.facts.items():
        for key, number in Counter(fact.key for fact in facts).items():
            if number > 1:
                wrongs.add("facts doubled", f"{meeting_id} {key}: {number}")
        lines.update((fact.kind, fact.sid) for fact in facts if fact.kind in ("joined", "left"))
        still = presence(facts).present() if at_end else {}
        if still:
            wrongs.add("presence open", f"{meeting_id}: {still}")
    for kind, stays, name in (("joined", log.joins, "joins"), ("left", log.leaves, "leaves")):
        for stay in stays:
            there = lines[kind, stay.sid]
            lived = _lived(stay, kills)
            if there > 1:
                wrongs.add("facts doubled", f"{kind} {stay}: {there}")
            if there == 0 and lived >= SETTLED:
                wrongs.add(f"{name} lost", f"{stay}, then {lived:.2f} s")
            elif there == 0 and kind == "joined":
                wrongs.add("joins just before a kill", f"{stay.identity}: {lived * 1000:.0f} ms before")


def _lived(stay: Stay, kills: Sequence[float]) -> float:
    return next((at - stay.at for at in kills if at >= stay.at), float("inf"))
