"""Which meetings there are: of a time, of a site, of a person; what is free near a wanted time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from scheduler.booking import LONGEST, Plan, chunks, resources
from scheduler.model import Invitation, Meeting, Slot
from scheduler.planning import Busy, FreeTimes, Timeline, Wanted, WorkingHours, nearest_free
from scheduler.states import DRAFT, OPEN, PUBLISHED

MOST: int = 1_000
"""Meetings in one list."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A meeting in a list, with how many sites are invited."""

    meeting: Meeting
    sites: int


async def meetings_between(
    session: AsyncSession,
    start: datetime,
    end: datetime,
    *,
    states: Collection[str] = (),
    endpoint_ids: Collection[int] | None = None,
    person_id: int | None = None,
) -> list[Listed]:
    """Meetings that overlap the span, by time; of all states, or of these.

    With ``endpoint_ids`` and ``person_id``: those to which one of the sites is invited, or that the person
    chairs or keeps the minutes of; drafts of others are not among them.
    """
    count = (
        select(func.count()).where(Invitation.meeting_id == Meeting.id).correlate(Meeting).scalar_subquery()
    )
    found = select(Meeting, count).where(
        Meeting.starts_at < end, Meeting.starts_at > start - LONGEST, Meeting.ends_at > start
    )
    if states:
        found = found.where(Meeting.state.in_(states))
    if endpoint_ids is not None or person_id is not None:
        invited = select(Invitation.meeting_id).where(Invitation.endpoint_id.in_(endpoint_ids or ()))
        found = found.where(
            or_(
                Meeting.chair_id == person_id,
                Meeting.secretary_id == person_id,
                Meeting.id.in_(invited) & (Meeting.state != DRAFT),
            )
        )
    rows = await session.execute(found.order_by(Meeting.starts_at, Meeting.id).limit(MOST))
    return [Listed(meeting, sites) for meeting, sites in rows]


async def next_of_site(session: AsyncSession, endpoint_id: int, now: datetime) -> Meeting | None:
    """The meeting that a site is in or that comes next for it; an open one before all others."""
    invited = select(Invitation.meeting_id).where(Invitation.endpoint_id == endpoint_id)
    found = (
        select(Meeting)
        .where(Meeting.id.in_(invited), Meeting.state.in_((OPEN, PUBLISHED)))
        .where(or_(Meeting.state == OPEN, Meeting.ends_at > now))
        # "open" sorts before "published".
        .order_by(Meeting.state, Meeting.starts_at)
        .limit(1)
    )
    return (await session.scalars(found)).first()


async def is_invited(session: AsyncSession, meeting_id: str, endpoint_id: int) -> bool:
    """Whether a site is invited to a meeting."""
    return await session.get(Invitation, (meeting_id, endpoint_id)) is not None


async def invited_sites(session: AsyncSession, meeting_id: str) -> Sequence[int]:
    """The endpoints that are invited, in the order of their numbers."""
    found = select(Invitation.endpoint_id).where(Invitation.meeting_id == meeting_id)
    return list(await session.scalars(found.order_by(Invitation.endpoint_id)))


async def taken(
    session: AsyncSession, names: Iterable[str], start: datetime, end: datetime
) -> dict[str, Timeline]:
    """The taken times of resources within a span, as :mod:`scheduler.planning` wants them."""
    busy: dict[str, list[Busy]] = {}
    for part in chunks(sorted(names)):
        found = (
            select(Slot.resource, Slot.starts_at, Slot.ends_at, Meeting.id, Meeting.title)
            .join(Meeting, Meeting.id == Slot.meeting_id)
            .where(
                Slot.resource.in_(part),
                Slot.starts_at < end,
                Slot.starts_at > start - LONGEST,
                Slot.ends_at > start,
            )
            .order_by(Slot.starts_at)
        )
        for resource, starts_at, ends_at, meeting_id, title in await session.execute(found):
            busy.setdefault(resource, []).append(Busy(starts_at, ends_at, meeting_id, title))
    return {resource: Timeline(items, is_sorted=True) for resource, items in busy.items()}


async def free_times(
    session: AsyncSession, plan: Plan, hours: WorkingHours, now: datetime, *, beside: str = ""
) -> FreeTimes:
    """The nearest times at which all sites of the plan and its chair are free. Raises ImpossibleError."""
    span = timedelta(days=hours.search_days + 1)
    names = resources(plan)
    busy = await taken(session, names, max(now, plan.starts_at - span), plan.starts_at + span)
    wanted = Wanted(plan.starts_at, plan.ends_at, names, beside)
    return nearest_free(wanted, busy, hours, not_before=now)
