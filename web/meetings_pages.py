"""Pages of meetings: lists, the week, one meeting with its sites and history, publishing and calling off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from directory.access.principal import Principal
from directory.access.rights import Action, may
from directory.database import Database
from directory.sites import Site
from scheduler import booking
from scheduler.calendar import Listed, meetings_between
from scheduler.errors import ConflictError, MeetingChangedError, NoMeetingError, SchedulerError
from scheduler.listing import Seer, View, list_meetings, sees
from scheduler.localtime import format_date, format_instant, format_span, today
from scheduler.model import Meeting
from scheduler.rows import get_meeting
from scheduler.states import CANCELLED, LONGEST_REASON, OPEN, PUBLISHED, STEPS
from web.booking_form import District, Who, number_of, text_of
from web.booking_pages import BookingPages, CheckForm, Require
from web.flash import Flash, set_flash
from web.forms import Form, read_date
from web.meeting_words import KIND_WORDS, STATE_BADGES, STATE_WORDS, Told, action_words, changed_fields
from web.meeting_words import reason_words as say_reason
from web.meetings_data import history, invited, may_enter, person_names, seer_of, titles, who
from web.refusals import conflict_sentences, sentence
from web.rendering import Renderer
from web.room_pages import room_address
from web.visitors import check_form, now, require
from web.week import PARTS, lay_out, monday_of, week_bounds

LIST: Final = "/meetings"
WEEK: Final = "/meetings/week"
PER_PAGE: Final = 20
VIEWS: Final = ("coming", "mine", "drafts", "past")
MOST_CONFLICTS: Final = 2_500
PART_WORDS: Final = {
    "morning": "week.morning",
    "afternoon": "week.afternoon",
    "evening": "week.evening",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A meeting in a list or week. Times are those of Hanoi."""

    id: str
    title: str
    kind: str
    state: str
    chair: str
    sites: int
    when: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of a meeting's history."""

    when: str
    who: str
    what: str
    fields: Sequence[Told]


@dataclass(frozen=True, slots=True)
class Shown:
    """One meeting, as its page shows it."""

    meeting: Meeting
    when: str
    reason: str
    chair: Who | None
    secretary: Who | None
    districts: Sequence[District]
    sites: int
    happened: Sequence[Happened]


class MeetingsPages:
    """``changed`` is called after each saved change, so that the scheduler looks again."""

    def __init__(
        self,
        renderer: Renderer,
        database: Database,
        *,
        require: Require,
        check_form: CheckForm,
        now: Callable[[], datetime],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._renderer = renderer
        self._database = database
        self._require = require
        self._check_form = check_form
        self._now = now
        self._changed = changed

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application, after the routes of booking."""
        return [
            Route(LIST, self._list, methods=["GET"]),
            Route(WEEK, self._week, methods=["GET"]),
            Route("/meetings/{meeting}", self._show, methods=["GET"]),
            Route("/meetings/{meeting}/publish", self._publish, methods=["POST"]),
            Route("/meetings/{meeting}/cancel", self._ask_cancel, methods=["GET"]),
            Route("/meetings/{meeting}/cancel", self._cancel, methods=["POST"]),
        ]

    # -- lists -----------------------------------------------------------------------------

    async def _list(self, request: Request) -> Response:
        principal = self._require(request, Action.VIEW_MEETINGS)
        asked = request.query_params
        books = may(principal, Action.BOOK_MEETINGS)
        views = [view for view in VIEWS if view != "drafts" or books]
        view = asked.get("view", "") if asked.get("view") in views else "coming"
        kind = asked.get("kind", "") if asked.get("kind") in KIND_WORDS else ""
        page = min(max(number_of(asked.get("page", "1")) or 1, 1), 100_000)
        query = asked.get("q", "")[:200]
        person = principal.id if principal.kind == "person" else -1
        which: View = "drafts" if view == "drafts" else "past" if view == "past" else "coming"
        async with self._database.read() as session:
            found = await list_meetings(
                session,
                which,
                self._now(),
                await seer_of(session, principal),
                mine=person if view == "mine" else None,
                kinds=(kind,) if kind else (),
                query=query,
                skip=(page - 1) * PER_PAGE,
                limit=PER_PAGE,
            )
            rows = await _rows(session, found.rows)
            enters = {
                one.meeting.id
                for one in found.rows
                if one.meeting.state == OPEN and await may_enter(session, one.meeting, principal)
            }
        return self._renderer.render(
            request,
            "meetings.html",
            enters=enters,
            room=room_address,
            views=views,
            view=view,
            kind=kind,
            kinds=KIND_WORDS,
            states=STATE_WORDS,
            badges=STATE_BADGES,
            query=query,
            rows=rows,
            found=found,
            page=page,
            pages=max(1, -(-found.count // PER_PAGE)),
            books=books,
        )

    async def _week(self, request: Request) -> Response:
        principal = self._require(request, Action.VIEW_MEETINGS)
        this_day = today(self._now())
        asked = read_date(request.query_params.get("day", ""))
        if asked is None or not 2001 <= asked.year <= 2099:
            asked = this_day
        monday = monday_of(asked)
        async with self._database.read() as session:
            seer = await seer_of(session, principal)
            listed = await meetings_between(
                session,
                *week_bounds(monday),
                endpoint_ids=None if seer.everything else seer.endpoint_ids,
                person_id=None if seer.everything else seer.person_id,
            )
            rows = await _rows(session, [one for one in listed if _stands(one.meeting, seer)])
        return self._renderer.render(
            request,
            "week.html",
            days=lay_out(rows, monday, this_day),
            monday=monday,
            sunday=monday + timedelta(6),
            previous=format_date(monday - timedelta(7)),
            following=format_date(monday + timedelta(7)),
            this_week=monday == monday_of(this_day),
            part_words=PART_WORDS,
            parts=PARTS,
            states=STATE_WORDS,
            badges=STATE_BADGES,
            books=may(principal, Action.BOOK_MEETINGS),
        )

    # -- one meeting -----------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        principal = self._require(request, Action.VIEW_MEETINGS)
        return await self._page(request, principal)

    async def _page(
        self,
        request: Request,
        principal: Principal,
        *,
        status: int = 200,
        refused: Sequence[str] = (),
    ) -> Response:
        async with self._database.read() as session:
            meeting = await self._seen(session, request, principal)
            shown = await self._shown(session, request, meeting)
            enters = meeting.state in (OPEN, PUBLISHED) and await may_enter(session, meeting, principal)
        books = may(principal, Action.BOOK_MEETINGS)
        return self._renderer.render(
            request,
            "meeting_details.html",
            status=status,
            here=f"/meetings/{meeting.id}",
            shown=shown,
            meeting=meeting,
            refused=refused,
            enters=enters,
            room=room_address(meeting.id),
            kinds=KIND_WORDS,
            states=STATE_WORDS,
            badges=STATE_BADGES,
            may_edit=books and (meeting.state, "move") in STEPS,
            may_publish=books and (meeting.state, "publish") in STEPS,
            may_cancel=books and (meeting.state, "cancel") in STEPS,
        )

    async def _publish(self, request: Request) -> Response:
        principal = self._require(request, Action.BOOK_MEETINGS)
        fields = await self._check_form(request, most=10_000, most_fields=20)
        language = self._renderer.language(request)
        meeting_id = request.path_params["meeting"]
        try:
            async with self._database.write() as session:
                meeting = await booking.publish(
                    session, meeting_id, version=_version(fields), by=principal.actor, now=self._now()
                )
        except NoMeetingError:
            raise HTTPException(404) from None
        except ConflictError:
            return await self._page(
                request, principal, status=409, refused=await self._conflicts(request, meeting_id)
            )
        except SchedulerError as error:
            return await self._page(request, principal, status=422, refused=[sentence(language, error)])
        self._changed()
        answer = RedirectResponse(f"/meetings/{meeting_id}", 303)
        set_flash(answer, Flash("success", "flash.meeting.published", {"title": meeting.title}))
        return answer

    async def _conflicts(self, request: Request, meeting_id: str) -> list[str]:
        async with self._database.read() as session:
            meeting = await get_meeting(session, meeting_id)
            plan = await booking.plan_of(session, meeting)
            found = await booking.conflicts(session, plan, beside=meeting_id, most=MOST_CONFLICTS)
            names = titles(await invited(session, meeting_id))
        said = conflict_sentences(self._renderer.language(request), meeting.title, found, names)
        return said or [self._renderer.say(request, "refusal.again")]

    async def _ask_cancel(self, request: Request) -> Response:
        principal = self._require(request, Action.BOOK_MEETINGS)
        async with self._database.read() as session:
            meeting = await self._seen(session, request, principal)
        if (meeting.state, "cancel") not in STEPS:
            return RedirectResponse(f"/meetings/{meeting.id}", 303)
        return self._cancel_form(request, meeting, Form())

    async def _cancel(self, request: Request) -> Response:
        principal = self._require(request, Action.BOOK_MEETINGS)
        fields = await self._check_form(request, most=20_000, most_fields=20)
        meeting_id = request.path_params["meeting"]
        reason = text_of(fields, "reason").strip()
        try:
            async with self._database.write() as session:
                meeting = await booking.cancel(
                    session,
                    meeting_id,
                    version=_version(fields),
                    by=principal.actor,
                    now=self._now(),
                    reason=reason,
                )
        except NoMeetingError:
            raise HTTPException(404) from None
        except SchedulerError as error:
            async with self._database.read() as session:
                meeting = await self._seen(session, request, principal)
                said = await self._told(session, request, meeting, error)
            name = "" if isinstance(error, MeetingChangedError) else str(error.details.get("field", ""))
            return self._cancel_form(request, meeting, Form(fields, {name: said}), 422)
        self._changed()
        answer = RedirectResponse(f"/meetings/{meeting_id}", 303)
        set_flash(answer, Flash("success", "flash.meeting.cancelled", {"title": meeting.title}))
        return answer

    def _cancel_form(self, request: Request, meeting: Meeting, form: Form, status: int = 200) -> Response:
        return self._renderer.render(
            request,
            "meeting_cancel.html",
            status=status,
            meeting=meeting,
            form=form,
            when=format_span(meeting.starts_at, meeting.ends_at),
            most=LONGEST_REASON,
        )

    # -- shared ----------------------------------------------------------------------------

    async def _told(
        self, session: AsyncSession, request: Request, meeting: Meeting, error: SchedulerError
    ) -> str:
        """The sentence of an error; of a change by somebody else, who and when."""
        if isinstance(error, MeetingChangedError):
            past = await history(session, meeting, 1)
            for last in past.changes:
                return self._renderer.say(
                    request,
                    "refusal.changed_by",
                    name=last.who or self._renderer.say(request, "meeting.service"),
                    when=format_instant(last.at),
                )
        return sentence(self._renderer.language(request), error)

    async def _seen(self, session: AsyncSession, request: Request, principal: Principal) -> Meeting:
        """The meeting of the address. Who may not see it is told no more than that there is none."""
        try:
            meeting = await get_meeting(session, request.path_params["meeting"])
        except NoMeetingError:
            raise HTTPException(404) from None
        if not await sees(session, meeting, await seer_of(session, principal)):
            raise HTTPException(404)
        return meeting

    async def _shown(self, session: AsyncSession, request: Request, meeting: Meeting) -> Shown:
        language = self._renderer.language(request)
        sites = await invited(session, meeting.id)
        persons = {one.id: one for one in await who(session, [meeting.chair_id, meeting.secretary_id])}
        past = await history(session, meeting)
        service = self._renderer.say(request, "meeting.service")
        return Shown(
            meeting,
            format_span(meeting.starts_at, meeting.ends_at),
            say_reason(language, meeting.reason),
            persons.get(meeting.chair_id),
            persons.get(meeting.secretary_id),
            by_district(sites),
            len(sites),
            [
                Happened(
                    format_instant(one.at),
                    one.who or service,
                    action_words(language, one.action),
                    changed_fields(language, one, past.names),
                )
                for one in past.changes
            ],
        )


def by_district(sites: Sequence[Site]) -> list[District]:
    """Sites in the order of their districts."""
    found: dict[str, list[Site]] = {}
    for site in sites:
        found.setdefault(site.district_code, []).append(site)
    return [District(code, group[0].district, tuple(group)) for code, group in found.items()]


def _stands(meeting: Meeting, seer: Seer) -> bool:
    """Whether a week shows it: not what was called off, and drafts to those who see them."""
    if meeting.state == CANCELLED:
        return False
    own = seer.person_id in (meeting.chair_id, meeting.secretary_id)
    return meeting.state != "draft" or seer.drafts or own


def _version(fields: Mapping[str, Sequence[str]]) -> int:
    return number_of(text_of(fields, "version")) or 0


async def _rows(session: AsyncSession, listed: Sequence[Listed]) -> list[Row]:
    names = await person_names(session, (one.meeting.chair_id for one in listed))
    return [
        Row(
            one.meeting.id,
            one.meeting.title,
            one.meeting.kind,
            one.meeting.state,
            names.get(one.meeting.chair_id, ""),
            one.sites,
            format_span(one.meeting.starts_at, one.meeting.ends_at),
            one.meeting.starts_at,
            one.meeting.ends_at,
        )
        for one in listed
    ]


def meeting_pages(
    renderer: Renderer, database: Database, changed: Callable[[], None] = lambda: None
) -> list[BaseRoute]:
    """The routes of all pages of meetings, for signed-in visitors; booking's before those of one meeting."""
    booking_pages = BookingPages(
        renderer, database, require=require, check_form=check_form, now=now, changed=changed
    )
    pages = MeetingsPages(
        renderer, database, require=require, check_form=check_form, now=now, changed=changed
    )
    return [*booking_pages.routes(), *pages.routes()]
