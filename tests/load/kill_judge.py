"""Counts what is stored against what the clients of the killed service were told.

Every count has a name; what it counts is wrong, each with a sentence. *Lost*: answered and not there.
*Doubled*: there more often than it was asked for.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from load.kill_log import Booking, ClientLog, Stand
from load.kill_presence import judge_attendance
from load.kill_stored import Stored, Wrongs
from scheduler.booking import person_resource, site_resource
from scheduler.errors import SnapshotError
from scheduler.floor import replay
from scheduler.floor_state import Event
from scheduler.model import FloorEvent, Meeting, Slot

SERVICE = "service"
AFTER_THE_END = timedelta(seconds=2)
"""For a change of the floor that was under way when the meeting was closed."""
TOLD = {"ask": "asked", "give": "given", "withdraw": "withdrawn", "take_back": "taken_back"}
"""What is asked on the channel, and the event that it causes."""
ALWAYS = ("asked", "given")
"""Those of which each that is answered *done* is an event: a client asks only where they change something."""
LIVING = ("published", "open", "closed", "skipped")


def judge_all(
    stored: Stored,
    log: ClientLog,
    killed_at: Sequence[float],
    listened: Mapping[int, float],
    *,
    at_end: bool,
    sqlite: bool,
) -> Wrongs:
    """Everything that can be counted. ``at_end``: nothing is under way any more, and all is due.

    ``killed_at`` and ``listened`` (by life) are when the service ended and began to answer.
    """
    wrongs = Wrongs()
    judge_bookings(stored, log.bookings.values(), log.bookings, wrongs)
    judge_slots(stored, wrongs)
    judge_actions(stored, log, wrongs, at_end)
    judge_audit(stored, wrongs, sqlite)
    judge_floor(stored, log, wrongs)
    judge_attendance(stored, log, killed_at, listened, wrongs, at_end)
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
    return Stand(row.state, row.version, row.starts_at, row.ends_at, sites, row.chair_id)


def _fits(told: Stand | None, seen: Stand | None) -> bool:
    if told is None or seen is None:
        return told is seen
    if told.state == "near":
        lives = seen.state in LIVING and seen.version >= told.version
        return lives and replace(told, state=seen.state, version=seen.version) == seen
    return told == seen


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
        "opened or closed too early",
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
        closers = [one.actor for one in stored.audit.get(meeting.id, ()) if one.action == "meeting.close"]
        if meeting.id in ended_by_chair and closers != [ended_by_chair[meeting.id].member]:
            wrongs.add("ends of the chair lost", f"{meeting.title} {meeting.state}: closed by {closers}")
        if _too_early(meeting, by_service=closers == [SERVICE]):
            early = f"{meeting.state}, opened {meeting.opened_at}, closed {meeting.closed_at}"
            wrongs.add("opened or closed too early", f"{meeting.title}: {early}")
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


def _too_early(meeting: Meeting, *, by_service: bool) -> bool:
    """Whether it was opened before its time, or closed or skipped by the service before its end."""
    early = meeting.opened_at is not None and meeting.opened_at < meeting.starts_at
    unforced = meeting.state == "skipped" or by_service
    return early or bool(unforced and meeting.closed_at and meeting.closed_at < meeting.ends_at)


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
    wrongs.counts("floors that do not replay", "floor lost", "floor doubled", "floor changed after the end")
    wrongs.counts("head-counts lost", "head-counts doubled")
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
    for meeting in stored.meetings:
        late = [row for row in stored.events.get(meeting.id, ()) if _after_the_end(row, meeting)]
        if late:
            wrongs.add("floor changed after the end", f"{meeting.title}: {late[0].event}")
    happened = Counter(
        (meeting_id, row.actor, _kind(row)) for meeting_id, rows in stored.events.items() for row in rows
    )
    told: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for one in log.asked:
        kind = TOLD.get(one.kind)
        if kind:
            told[one.meeting, one.member, kind][one.answer] += 1
    for key in told.keys() | {key for key in happened if key[2] in TOLD.values()}:
        done, unknown, there = told[key]["done"], told[key]["unknown"], happened[key]
        if there < done and key[2] in ALWAYS:
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


def _kind(row: FloorEvent) -> str:
    """What happened; a floor that the chair took back is told from one that was left."""
    kind = str(row.event["kind"])
    return "taken_back" if kind == "taken" and row.event.get("reason") == "taken_back" else kind


def _after_the_end(row: FloorEvent, meeting: Meeting) -> bool:
    return meeting.closed_at is not None and row.at > meeting.closed_at + AFTER_THE_END
