"""Pages of meetings: those to come, those that were, drafts; for everybody or for one person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.search import matches, search_key
from scheduler.calendar import Listed
from scheduler.model import Invitation, Meeting
from scheduler.states import CANCELLED, CLOSED, DRAFT, OPEN, PUBLISHED, SKIPPED

View = Literal["coming", "past", "drafts"]
SEARCHED: Final = 5_000
"""Meetings whose titles a search looks at: the nearest in time."""


@dataclass(frozen=True, slots=True)
class Seer:
    """Whose meetings: those of a person, those to which one of the sites is invited, or both.

    ``drafts`` has those of others too; without it a draft is seen by its chair and secretary alone.
    ``everything`` has all meetings but drafts of others.
    """

    person_id: int | None = None
    endpoint_ids: frozenset[int] = frozenset()
    everything: bool = False
    drafts: bool = False

    def condition(self) -> ColumnElement[bool] | None:
        """What the meetings have to be like; None for no condition."""
        if self.everything and self.drafts:
            return None
        own = or_(Meeting.chair_id == self.person_id, Meeting.secretary_id == self.person_id)
        if self.everything:
            return own | (Meeting.state != DRAFT)
        invited = select(Invitation.meeting_id).where(Invitation.endpoint_id.in_(self.endpoint_ids))
        return own | (Meeting.id.in_(invited) & (Meeting.state != DRAFT))


@dataclass(frozen=True, slots=True)
class Found:
    """One page. ``count`` is how many there are in all; ``cut`` says that a search did not see all."""

    rows: Sequence[Listed]
    count: int
    cut: bool = False


async def list_meetings(
    session: AsyncSession,
    view: View,
    now: datetime,
    seer: Seer,
    *,
    mine: int | None = None,
    kinds: Collection[str] = (),
    query: str = "",
    skip: int = 0,
    limit: int = 20,
) -> Found:
    """A page of meetings: the coming ones by time, past ones and drafts the latest first.

    ``mine`` narrows it to those that a person chairs or keeps the minutes of. Each word of ``query``
    begins a word of the title, with or without diacritics.
    """
    conditions = [_of(view, now)]
    if (seen := seer.condition()) is not None:
        conditions.append(seen)
    if mine is not None:
        conditions.append(or_(Meeting.chair_id == mine, Meeting.secretary_id == mine))
    if kinds:
        conditions.append(Meeting.kind.in_(kinds))
    order: tuple[Any, ...] = (
        (Meeting.starts_at, Meeting.id) if view == "coming" else (Meeting.starts_at.desc(), Meeting.id)
    )
    if search_key(query):
        titles = await session.execute(
            select(Meeting.id, Meeting.title).where(*conditions).order_by(*order).limit(SEARCHED + 1)
        )
        rows = list(titles)
        found = [key for key, title in rows[:SEARCHED] if matches(query, search_key(title))]
        page = found[max(0, skip) : max(0, skip) + limit]
        return Found(
            await _listed(session, Meeting.id.in_(page), order=order), len(found), len(rows) > SEARCHED
        )
    count = await session.scalar(select(func.count()).select_from(Meeting).where(*conditions)) or 0
    return Found(await _listed(session, *conditions, order=order, skip=skip, limit=limit), count)


async def sees(session: AsyncSession, meeting: Meeting, seer: Seer) -> bool:
    """Whether somebody may see a meeting."""
    condition = seer.condition()
    if condition is None:
        return True
    found = select(Meeting.id).where(Meeting.id == meeting.id, condition)
    return await session.scalar(found) is not None


def _of(view: View, now: datetime) -> ColumnElement[bool]:
    if view == "drafts":
        return Meeting.state == DRAFT
    if view == "coming":
        # An open meeting that runs over its end is not past.
        return (Meeting.state == OPEN) | ((Meeting.state == PUBLISHED) & (Meeting.ends_at > now))
    over = Meeting.state.in_((CLOSED, CANCELLED, SKIPPED))
    return over | ((Meeting.state == PUBLISHED) & (Meeting.ends_at <= now))


async def _listed(
    session: AsyncSession,
    *conditions: ColumnElement[bool],
    order: tuple[Any, ...],
    skip: int = 0,
    limit: int | None = None,
) -> list[Listed]:
    count = (
        select(func.count()).where(Invitation.meeting_id == Meeting.id).correlate(Meeting).scalar_subquery()
    )
    found = select(Meeting, count).where(*conditions).order_by(*order).offset(max(0, skip)).limit(limit)
    return [Listed(meeting, sites) for meeting, sites in await session.execute(found)]
