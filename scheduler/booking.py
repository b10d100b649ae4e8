"""Booking: a meeting is saved, published, changed, cancelled; a taken site or chair is refused by name.

Every function works in the caller's transaction and takes the version that the
caller has seen. Only published meetings take times; a draft takes none.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.model import Endpoint, Person
from scheduler.errors import (
    Conflict,
    ConflictError,
    ImpossibleError,
)
from scheduler.model import Invitation, Meeting, Slot
from scheduler.model.meetings import MEETING_KINDS, NO_OVERLAP
from scheduler.rows import get_meeting, log_change, swap_meeting
from scheduler.states import LONGEST_REASON, step

LONGEST: Final = timedelta(hours=24)
"""A meeting of more than a day is several. It also bounds where an overlapping one can begin."""
MOST_SITES: Final = 2_000
TITLE: Final = 200
AGENDA: Final = 20_000
BOOKING_LOCK: Final = 0x64632D01
"""PostgreSQL's advisory lock of those who take times, until their transaction ends."""
_CHUNK: Final = 500
"""Values in one IN list: SQLite takes 32,766 parameters, plans are best with fewer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a meeting is to be. Instants are aware; ``zone`` is where they were read from a clock."""

    title: str
    kind: str
    chair_id: int
    secretary_id: int
    starts_at: datetime
    ends_at: datetime
    zone: str
    agenda: str = ""
    endpoint_ids: frozenset[int] = frozenset()


def site_resource(endpoint_id: int) -> str:
    """How a slot names a site."""
    return f"site:{endpoint_id}"


def person_resource(person_id: int) -> str:
    """How a slot names a person."""
    return f"person:{person_id}"


def check(plan: Plan) -> None:
    """Raises ImpossibleError for the first value that cannot be."""
    if not plan.title.strip():
        raise ImpossibleError("no title", field="title", problem="missing")
    for field, text, most in (("title", plan.title, TITLE), ("agenda", plan.agenda, AGENDA)):
        if len(text) > most:
            raise ImpossibleError(f"{field} is too long", field=field, problem="too_long", most=most)
    if plan.kind not in MEETING_KINDS:
        raise ImpossibleError("no such kind", field="kind", problem="unknown")
    if plan.ends_at <= plan.starts_at:
        raise ImpossibleError("ends before it starts", field="ends_at", problem="before_start")
    if plan.ends_at - plan.starts_at > LONGEST:
        raise ImpossibleError("longer than a day", field="ends_at", problem="too_long")
    if len(plan.endpoint_ids) > MOST_SITES:
        raise ImpossibleError("too many sites", field="sites", problem="too_many", most=MOST_SITES)


async def create(session: AsyncSession, plan: Plan, *, by: str, now: datetime) -> Meeting:
    """Save a draft. Raises ImpossibleError."""
    check(plan)
    await _check_references(session, plan)
    meeting = Meeting(
        id=secrets.token_hex(6),
        state="draft",
        room=f"meeting-{secrets.token_hex(12)}",
        created_at=now,
        created_by=by,
        **_columns(plan),
    )
    session.add(meeting)
    await session.flush()
    await _invite(session, meeting.id, plan.endpoint_ids)
    log_change(session, meeting.id, "meeting.create", by, now, None, _seen(plan))
    return meeting


async def change(
    session: AsyncSession,
    meeting_id: str,
    plan: Plan,
    *,
    version: int,
    by: str,
    now: datetime,
    reason: str = "",
) -> Meeting:
    """Give a draft or a published meeting another plan; a published one is moved with its slots.

    An unchanged plan changes nothing, not even the version. Raises ImpossibleError, StateError,
    ConflictError, MeetingChangedError, NoMeetingError.
    """
    check(plan)
    meeting = await get_meeting(session, meeting_id)
    before = await plan_of(session, meeting)
    if before == plan and meeting.version == version:
        return meeting
    step(meeting.state, "move")
    if meeting.state == "published" and plan.starts_at != before.starts_at and plan.starts_at < now:
        raise ImpossibleError("moved into the past", field="starts_at", problem="past")
    await _check_references(session, plan)
    meeting = await swap_meeting(session, meeting, version, _columns(plan) | {"reason": _reason(reason)})
    await session.execute(delete(Invitation).where(Invitation.meeting_id == meeting_id))
    await _invite(session, meeting_id, plan.endpoint_ids)
    if meeting.state == "published":
        await session.execute(delete(Slot).where(Slot.meeting_id == meeting_id))
        await _take(session, meeting_id, plan)
    log_change(session, meeting.id, "meeting.change", by, now, _seen(before), _seen(plan))
    return meeting


async def publish(session: AsyncSession, meeting_id: str, *, version: int, by: str, now: datetime) -> Meeting:
    """Make a draft hold: its times are taken from here on. Raises as :func:`change` does."""
    meeting = await get_meeting(session, meeting_id)
    plan = await plan_of(session, meeting)
    after = step(meeting.state, "publish")
    if plan.starts_at < now:
        raise ImpossibleError("it would begin in the past", field="starts_at", problem="past")
    if not plan.endpoint_ids:
        raise ImpossibleError("nobody is invited", field="sites", problem="missing")
    meeting = await swap_meeting(session, meeting, version, {"state": after, "published_at": now})
    await _take(session, meeting_id, plan)
    log_change(session, meeting.id, "meeting.publish", by, now, {"state": "draft"}, {"state": after})
    return meeting


async def cancel(
    session: AsyncSession, meeting_id: str, *, version: int, by: str, now: datetime, reason: str
) -> Meeting:
    """Call a meeting off before it opens, with a reason; its times are free again."""
    meeting = await get_meeting(session, meeting_id)
    state = step(meeting.state, "cancel")
    if not reason.strip():
        raise ImpossibleError("no reason", field="reason", problem="missing")
    before = meeting.state
    meeting = await swap_meeting(session, meeting, version, {"state": state, "reason": _reason(reason)})
    await release(session, meeting_id)
    after = {"state": state, "reason": meeting.reason}
    log_change(session, meeting.id, "meeting.cancel", by, now, {"state": before}, after)
    return meeting


async def release(session: AsyncSession, meeting_id: str) -> None:
    """Free all times that a meeting has taken."""
    await session.execute(delete(Slot).where(Slot.meeting_id == meeting_id))


async def plan_of(session: AsyncSession, meeting: Meeting) -> Plan:
    """The plan that a meeting has."""
    invited = await session.scalars(select(Invitation.endpoint_id).where(Invitation.meeting_id == meeting.id))
    return Plan(
        meeting.title,
        meeting.kind,
        meeting.chair_id,
        meeting.secretary_id,
        meeting.starts_at,
        meeting.ends_at,
        meeting.zone,
        meeting.agenda,
        frozenset(invited),
    )


async def conflicts(
    session: AsyncSession, plan: Plan, *, beside: str | None = None, most: int = 20
) -> list[Conflict]:
    """Other meetings that have taken one of the plan's sites or its chair, by time; ``most`` of them.

    ``beside`` is the plan's own meeting.
    """
    found: list[tuple[Slot, Meeting]] = []
    for names in chunks(sorted(resources(plan))):
        statement = (
            select(Slot, Meeting)
            .join(Meeting, Slot.meeting_id == Meeting.id)
            .where(
                Slot.resource.in_(names),
                Slot.starts_at < plan.ends_at,
                # Nothing is longer, so what begins earlier has ended; this keeps to a part of the index.
                Slot.starts_at > plan.starts_at - LONGEST,
                Slot.ends_at > plan.starts_at,
                Slot.meeting_id != (beside or ""),
            )
            .order_by(Slot.starts_at, Slot.resource)
            .limit(most)
        )
        found += [(slot, meeting) for slot, meeting in await session.execute(statement)]
    found = sorted(found, key=lambda pair: (pair[0].starts_at, pair[0].resource))[:most]
    shown = await _names(session, [slot.resource for slot, _ in found])
    return [
        Conflict(slot.resource, shown[slot.resource], meeting.id, meeting.title, slot.starts_at, slot.ends_at)
        for slot, meeting in found
    ]


async def _take(session: AsyncSession, meeting_id: str, plan: Plan) -> None:
    """Take the plan's times. Raises ConflictError."""
    if session.get_bind().dialect.name == "postgresql":
        # One booking after the other, as on SQLite: two insertions that check an exclusion constraint at the
        # same moment wait for each other, and PostgreSQL ends one of them as a deadlock, without a name.
        await session.execute(select(func.pg_advisory_xact_lock(BOOKING_LOCK)))
    await _refuse_conflicts(session, plan, meeting_id)
    rows = [
        {"meeting_id": meeting_id, "resource": name, "starts_at": plan.starts_at, "ends_at": plan.ends_at}
        for name in sorted(resources(plan))
    ]
    try:
        async with session.begin_nested():
            await session.execute(insert(Slot), rows)
    except IntegrityError as error:
        if NO_OVERLAP not in str(error.orig):
            raise
        # Somebody took a time without the lock. It is committed now, so it has a name.
        await _refuse_conflicts(session, plan, meeting_id)
        raise


async def _refuse_conflicts(session: AsyncSession, plan: Plan, meeting_id: str) -> None:
    found = await conflicts(session, plan, beside=meeting_id)
    if found:
        raise ConflictError(f"{len(found)} conflicts", found)


def resources(plan: Plan) -> set[str]:
    """What a plan takes: its sites and its chair."""
    return {site_resource(endpoint) for endpoint in plan.endpoint_ids} | {person_resource(plan.chair_id)}


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The values in parts that fit into one IN list."""
    return (values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK))


async def _names(session: AsyncSession, resources: Iterable[str]) -> dict[str, str]:
    numbers: dict[str, set[int]] = {"site": set(), "person": set()}
    for resource in resources:
        kind, _, number = resource.partition(":")
        numbers[kind].add(int(number))
    sites = await session.execute(select(Endpoint.id, Endpoint.name).where(Endpoint.id.in_(numbers["site"])))
    people = await session.execute(select(Person.id, Person.name).where(Person.id.in_(numbers["person"])))
    return {site_resource(number): name for number, name in sites} | {
        person_resource(number): name for number, name in people
    }


async def _check_references(session: AsyncSession, plan: Plan) -> None:
    """Chair and secretary must be people who can sign in, and each site one in use."""
    for field, person_id in (("chair", plan.chair_id), ("secretary", plan.secretary_id)):
        person = await session.get(Person, person_id)
        if person is None or person.disabled_at is not None:
            raise ImpossibleError(f"no such {field}", field=field, problem="unknown")
    known: set[int] = set()
    for numbers in chunks(sorted(plan.endpoint_ids)):
        found = select(Endpoint.id).where(Endpoint.id.in_(numbers), Endpoint.retired_at.is_(None))
        known.update(await session.scalars(found))
    if known != plan.endpoint_ids:
        unknown = sorted(plan.endpoint_ids - known)
        raise ImpossibleError("unknown sites", field="sites", problem="unknown", sites=unknown)


async def _invite(session: AsyncSession, meeting_id: str, endpoint_ids: Iterable[int]) -> None:
    rows = [{"meeting_id": meeting_id, "endpoint_id": number} for number in sorted(endpoint_ids)]
    if rows:
        await session.execute(insert(Invitation), rows)


def _columns(plan: Plan) -> dict[str, Any]:
    return {
        "title": plan.title.strip(),
        "kind": plan.kind,
        "chair_id": plan.chair_id,
        "secretary_id": plan.secretary_id,
        "starts_at": plan.starts_at,
        "ends_at": plan.ends_at,
        "zone": plan.zone,
        "agenda": plan.agenda,
    }


def _seen(plan: Plan) -> dict[str, Any]:
    """A plan as the audit log keeps it."""
    return _columns(plan) | {"sites": sorted(plan.endpoint_ids)}


def _reason(text: str) -> str:
    if len(text) > LONGEST_REASON:
        raise ImpossibleError(
            "the reason is too long", field="reason", problem="too_long", most=LONGEST_REASON
        )
    return text.strip()
