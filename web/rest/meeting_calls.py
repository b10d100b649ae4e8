"""Calls about meetings and their attendance, by the functions and with the rights that the pages use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from directory.access.principal import Principal
from directory.access.rights import Action
from directory.database import Database
from directory.search import matches, search_key
from scheduler import booking
from scheduler.calendar import MOST, Listed, meetings_between
from scheduler.errors import ConflictError, NoMeetingError
from scheduler.listing import Seer, sees
from scheduler.localtime import MOST_DAYS, require_order
from scheduler.model import Meeting
from scheduler.planning import WorkingHours
from scheduler.rows import get_meeting
from scheduler.states import DRAFT
from web.meetings_data import invited, person_names, seer_of
from web.rest.calls import Answer, AnyCall, Asked, Call, PathPart
from web.rest.errors import ApiError, refuse_field, refuse_version
from web.rest.fields import Nothing
from web.rest.meeting_models import (
    Cancelling,
    FreeAnswer,
    FreeQuestion,
    MeetingChange,
    MeetingItem,
    MeetingList,
    MeetingPlan,
    MeetingQuery,
    MeetingView,
    PersonRef,
)
from web.rest.plans import conflict_error, look, moment, read_plan, shown_conflicts, shown_free

MAX_BODY: Final = 6_000_000
"""A pasted list of a million characters, with what JSON makes of each."""
USUAL_SPAN: Final = timedelta(days=31)
MEETING: Final = PathPart("The meeting's id.", r"[0-9a-f]{12}", example="0123456789ab")
ONE: Final = {"meeting": MEETING}


class MeetingCalls:
    """``changed`` is called after each saved change, so that the scheduler looks again."""

    def __init__(
        self,
        database: Database,
        changed: Callable[[], None] = lambda: None,
        hours: WorkingHours | None = None,
    ) -> None:
        self._database = database
        self._changed = changed
        self._hours = hours or WorkingHours()

    def calls(self) -> list[AnyCall]:
        """All of them."""
        view, book = Action.VIEW_MEETINGS, Action.BOOK_MEETINGS
        return [
            Call(
                "GET",
                "/meetings",
                "list_meetings",
                "Meetings of a span of time",
                "meetings",
                self._list,
                MeetingList,
                view,
                MeetingQuery,
            ),
            Call(
                "POST",
                "/meetings",
                "create_meeting",
                "Save a draft",
                "meetings",
                self._create,
                MeetingView,
                book,
                body=MeetingPlan,
                status=201,
                gives_version=True,
                most=MAX_BODY,
            ),
            Call(
                "GET",
                "/meetings/{meeting}",
                "get_meeting",
                "One meeting",
                "meetings",
                self._show,
                MeetingView,
                view,
                parts=ONE,
                gives_version=True,
            ),
            Call(
                "PUT",
                "/meetings/{meeting}",
                "change_meeting",
                "Give a draft or a published meeting another plan",
                "meetings",
                self._change,
                MeetingView,
                book,
                body=MeetingChange,
                parts=ONE,
                takes_version=True,
                gives_version=True,
                most=MAX_BODY,
            ),
            Call(
                "POST",
                "/meetings/{meeting}/publish",
                "publish_meeting",
                "Make a draft hold",
                "meetings",
                self._publish,
                MeetingView,
                book,
                parts=ONE,
                takes_version=True,
                gives_version=True,
            ),
            Call(
                "POST",
                "/meetings/{meeting}/cancel",
                "cancel_meeting",
                "Call a meeting off",
                "meetings",
                self._cancel,
                MeetingView,
                book,
                body=Cancelling,
                parts=ONE,
                takes_version=True,
                gives_version=True,
            ),
            Call(
                "POST",
                "/free-times",
                "find_free_times",
                "What is in the way of a plan, and when all are free",
                "meetings",
                self._free,
                FreeAnswer,
                book,
                body=FreeQuestion,
                most=MAX_BODY,
            ),
        ]

    async def _list(self, asked: Asked[MeetingQuery, Nothing]) -> Answer:
        query, principal = asked.query, asked.principal
        since = query.since or asked.now
        until = query.until or since + USUAL_SPAN
        require_order(since, until, "until")
        if until - since > timedelta(days=MOST_DAYS):
            raise refuse_field("until", "span_too_long", most=MOST_DAYS)
        async with self._database.read() as session:
            seer = await seer_of(session, principal)
            found = await meetings_between(
                session,
                since,
                until,
                states=query.state,
                endpoint_ids=None if seer.everything else seer.endpoint_ids,
                person_id=None if seer.everything else seer.person_id,
            )
            more = len(found) >= MOST
            found = [one for one in found if _wanted(one.meeting, query, seer)]
            first = (query.page - 1) * query.per_page
            items = await _items(session, found[first : first + query.per_page])
        return Answer(
            MeetingList(items=items, count=len(found), more=more, page=query.page, per_page=query.per_page)
        )

    async def _show(self, asked: Asked[Nothing, Nothing]) -> Answer:
        async with self._database.read() as session:
            meeting = await seen(session, asked.path["meeting"], asked.principal)
            return await _shown(session, meeting)

    async def _create(self, asked: Asked[Nothing, MeetingPlan]) -> Answer:
        async with self._database.read() as session:
            plan = await read_plan(session, asked.body)
        async with self._database.write() as session:
            meeting = await booking.create(session, plan, by=asked.principal.actor, now=asked.now)
            answer = await _shown(session, meeting)
        self._changed()
        return replace(answer, location=f"/meetings/{meeting.id}")

    async def _change(self, asked: Asked[Nothing, MeetingChange]) -> Answer:
        meeting_id = asked.path["meeting"]
        async with self._database.read() as session:
            await _current(session, asked)
            plan = await read_plan(session, asked.body)
        try:
            async with self._database.write() as session:
                meeting = await booking.change(
                    session,
                    meeting_id,
                    plan,
                    version=asked.version,
                    by=asked.principal.actor,
                    now=asked.now,
                    reason=asked.body.reason,
                )
                answer = await _shown(session, meeting)
        except ConflictError:
            raise await self._conflict(asked, plan, meeting_id) from None
        self._changed()
        return answer

    async def _publish(self, asked: Asked[Nothing, Nothing]) -> Answer:
        meeting_id = asked.path["meeting"]
        try:
            async with self._database.write() as session:
                await _current(session, asked)
                meeting = await booking.publish(
                    session, meeting_id, version=asked.version, by=asked.principal.actor, now=asked.now
                )
                answer = await _shown(session, meeting)
        except ConflictError:
            async with self._database.read() as session:
                plan = await booking.plan_of(session, await get_meeting(session, meeting_id))
            raise await self._conflict(asked, plan, meeting_id) from None
        self._changed()
        return answer

    async def _cancel(self, asked: Asked[Nothing, Cancelling]) -> Answer:
        meeting_id = asked.path["meeting"]
        async with self._database.write() as session:
            await _current(session, asked)
            meeting = await booking.cancel(
                session,
                meeting_id,
                version=asked.version,
                by=asked.principal.actor,
                now=asked.now,
                reason=asked.body.reason,
            )
            answer = await _shown(session, meeting)
        self._changed()
        return answer

    async def _free(self, asked: Asked[Nothing, FreeQuestion]) -> Answer:
        beside = asked.body.meeting or ""
        async with self._database.read() as session:
            plan = await read_plan(session, asked.body)
            booking.check(plan)
            found, free = await look(session, plan, self._hours, asked.now, beside)
        return Answer(
            FreeAnswer(
                free=not found,
                conflicts=shown_conflicts(found),
                before=shown_free(free.before),
                after=shown_free(free.after),
            )
        )

    async def _conflict(self, asked: Asked[Nothing, Any], plan: booking.Plan, beside: str) -> ApiError:
        async with self._database.read() as session:
            return await conflict_error(session, plan, self._hours, asked.now, beside)


async def seen(session: AsyncSession, meeting_id: str, principal: Principal) -> Meeting:
    """A meeting that somebody may see. Raises NoMeetingError for all others, there or not."""
    meeting = await get_meeting(session, meeting_id)
    if not await sees(session, meeting, await seer_of(session, principal)):
        raise NoMeetingError("not to be seen")
    return meeting


async def _current(session: AsyncSession, asked: Asked[Nothing, Any]) -> None:
    """Raises NoMeetingError, and ApiError for one that is of another version."""
    meeting = await seen(session, asked.path["meeting"], asked.principal)
    refuse_version(meeting.version, asked.version, "meeting_changed")


def _wanted(meeting: Meeting, query: MeetingQuery, seer: Seer) -> bool:
    own = seer.person_id is not None and seer.person_id in (meeting.chair_id, meeting.secretary_id)
    return (
        (meeting.state != DRAFT or seer.drafts or own)
        and (own or not query.mine)
        and (not query.kind or meeting.kind in query.kind)
        and (not query.q or matches(query.q, search_key(meeting.title)))
    )


async def _items(session: AsyncSession, found: Sequence[Listed]) -> list[MeetingItem]:
    names = await person_names(session, (one.meeting.chair_id for one in found))
    return [
        MeetingItem(
            id=one.meeting.id,
            title=one.meeting.title,
            kind=one.meeting.kind,
            state=one.meeting.state,
            chair=PersonRef(id=one.meeting.chair_id, name=names.get(one.meeting.chair_id, "")),
            starts_at=moment(one.meeting.starts_at, one.meeting.zone),
            ends_at=moment(one.meeting.ends_at, one.meeting.zone),
            zone=one.meeting.zone,
            sites=one.sites,
            version=one.meeting.version,
        )
        for one in found
    ]


async def _shown(session: AsyncSession, meeting: Meeting) -> Answer:
    names = await person_names(session, (meeting.chair_id, meeting.secretary_id))
    view = MeetingView(
        id=meeting.id,
        title=meeting.title,
        kind=meeting.kind,
        state=meeting.state,
        chair=PersonRef(id=meeting.chair_id, name=names.get(meeting.chair_id, "")),
        secretary=PersonRef(id=meeting.secretary_id, name=names.get(meeting.secretary_id, "")),
        starts_at=moment(meeting.starts_at, meeting.zone),
        ends_at=moment(meeting.ends_at, meeting.zone),
        zone=meeting.zone,
        agenda=meeting.agenda,
        sites=[site.code for site in await invited(session, meeting.id)],
        reason=meeting.reason,
        version=meeting.version,
        created_at=meeting.created_at,
        published_at=meeting.published_at,
        opened_at=meeting.opened_at,
        closed_at=meeting.closed_at,
    )
    return Answer(view, meeting.version)
