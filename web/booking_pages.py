"""Booking and changing a meeting: one form, checked against all other meetings as one goes and on saving."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from directory.access.principal import Principal
from directory.access.rights import Action
from directory.database import Database
from scheduler import booking
from scheduler.booking import Plan
from scheduler.calendar import free_times
from scheduler.errors import (
    Conflict,
    ConflictError,
    MeetingChangedError,
    NoMeetingError,
    SchedulerError,
)
from scheduler.localtime import format_date, format_instant, format_time, local, today
from scheduler.model import Meeting
from scheduler.planning import WorkingHours
from scheduler.rows import get_meeting
from scheduler.states import DRAFT, STEPS
from web import i18n
from web.booking_form import (
    LENGTHS,
    Choices,
    Fields,
    Reading,
    Who,
    fresh,
    next_working_day,
    number_of,
    read_booking,
    shown,
    text_of,
    ticked,
)
from web.flash import Flash, set_flash
from web.forms import Form, read_date
from web.meeting_words import KIND_WORDS
from web.meetings_data import find_chairs, history, load_choices, titles
from web.refusals import conflict_sentences, field_of, free_sentences, sentence
from web.rendering import LANGUAGE_LIFE, Renderer

NEW: Final = "/meetings/new"
CHECK: Final = "/meetings/check"
CHAIRS: Final = "/meetings/chairs"
MAX_BODY: Final = 8_000_000
"""A pasted list of 10,000 lines, urlencoded, has most of it."""
MAX_FIELDS: Final = 8_000
MOST_CONFLICTS: Final = 2_500
"""Taken sites that are counted for a sentence: more than a meeting can have."""
LONG_LIST: Final = 20_000
"""Characters of a pasted list beyond which it is read beside the event loop."""

Require = Callable[[Request, Action], Principal]


class CheckForm(Protocol):
    """``web.visitors.check_form``."""

    def __call__(
        self, request: Request, *, most: int, most_fields: int
    ) -> Awaitable[Mapping[str, list[str]]]: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """What is told beside the form: the number of sites, the pasted list, conflicts, free times."""

    chosen: int = 0
    reading: Reading | None = None
    looked: bool = False
    """Whether there was enough to look for conflicts."""
    conflicts: Sequence[str] = ()
    free: Sequence[tuple[str, str]] = ()
    """Value of the button and the time as it is shown."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The meeting that is changed."""

    meeting: Meeting
    plan: Plan


@dataclass(frozen=True, slots=True)
class View:
    """All that one answer of the form shows."""

    choices: Choices
    form: Form
    checked: Checked
    chairs: Sequence[Who]
    stored: Stored | None = None
    version: int = 0
    notices: Sequence[str] = ()
    status: int = 200
    fields: Fields = field(default_factory=dict)


class BookingPages:
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
        hours: WorkingHours | None = None,
    ) -> None:
        self._renderer = renderer
        self._database = database
        self._require = require
        self._check_form = check_form
        self._now = now
        self._changed = changed
        self._hours = hours or WorkingHours()

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application; before the routes of single meetings."""
        return [
            Route(NEW, self._new, methods=["GET"]),
            Route(NEW, self._save, methods=["POST"]),
            Route(CHECK, self._check, methods=["POST"]),
            Route(CHAIRS, self._chairs, methods=["GET"]),
            Route("/meetings/{meeting}/edit", self._edit, methods=["GET"]),
            Route("/meetings/{meeting}/edit", self._save, methods=["POST"]),
        ]

    # -- showing -------------------------------------------------------------------------

    async def _new(self, request: Request) -> Response:
        principal = self._require(request, Action.BOOK_MEETINGS)
        asked = read_date(request.query_params.get("day", ""))
        day = asked or next_working_day(today(self._now()))
        async with self._database.read() as session:
            choices = await load_choices(session, secretaries=[principal.id])
            chairs, count = await find_chairs(session, "")
        listed = chairs if count <= len(chairs) else []
        form = Form(fresh(day, principal.id))
        return self._render(request, View(choices, form, Checked(), listed))

    async def _edit(self, request: Request) -> Response:
        self._require(request, Action.BOOK_MEETINGS)
        async with self._database.read() as session:
            stored = await self._stored(session, request.path_params["meeting"])
            if (stored.meeting.state, "move") not in STEPS:
                return RedirectResponse(f"/meetings/{stored.meeting.id}", 303)
            choices, chairs = await self._choices(session, stored, stored.plan.secretary_id)
            chair = next((who for who in chairs if who.id == stored.plan.chair_id), None)
        values = shown(stored.plan, chair.name if chair else "") | ticked(choices, stored.plan.endpoint_ids)
        checked = Checked(len(stored.plan.endpoint_ids))
        listed = [chair] if chair else []
        view = View(choices, Form(values), checked, listed, stored, stored.meeting.version)
        return self._render(request, view)

    async def _chairs(self, request: Request) -> Response:
        """People for the chair, as one types."""
        self._require(request, Action.BOOK_MEETINGS)
        query = request.query_params.get("chair", "")[:200]
        picked = request.query_params.get("chair_id", "")[:20]
        async with self._database.read() as session:
            found, count = await find_chairs(session, query)
        form = Form({"chair": query, "chair_id": picked})
        return self._renderer.render(
            request, "booking_chairs.html", form=form, chairs=found, more=max(0, count - len(found))
        )

    # -- checking and saving ---------------------------------------------------------------

    async def _check(self, request: Request) -> Response:
        """The part beside the form, anew."""
        principal = self._require(request, Action.BOOK_MEETINGS)
        fields = await self._fields(request)
        meeting_id = text_of(fields, "meeting")
        async with self._database.read() as session:
            stored = await self._stored(session, meeting_id) if meeting_id else None
            choices, chairs = await self._choices(session, stored, principal.id, fields)
            reading = await _read(fields, choices, chairs, stored)
            checked = await self._look(session, request, reading, choices, stored)
        return self._renderer.render(
            request, "booking_check.html", checked=checked, form=Form(fields), here=NEW
        )

    async def _save(self, request: Request) -> Response:
        principal = self._require(request, Action.BOOK_MEETINGS)
        fields: Fields = await self._fields(request)
        meeting_id: str = request.path_params.get("meeting", "")
        do = text_of(fields, "do")
        wish = text_of(fields, "language")
        if wish in i18n.LANGUAGES:
            # The switch sends the form along, so that nothing written is lost.
            do, request.cookies["language"] = "", wish
        elif do.startswith("at:"):
            fields = _moved(fields, do)
        async with self._database.read() as session:
            stored = await self._stored(session, meeting_id) if meeting_id else None
            choices, chairs = await self._choices(session, stored, principal.id, fields)
        reading = await _read(fields, choices, chairs, stored)
        errors = {
            name: self._renderer.say(request, problem.key, **problem.values)
            for name, problem in reading.errors.items()
        }
        version = number_of(text_of(fields, "version")) or 0
        view = View(choices, Form(fields), Checked(), _listed(reading, chairs), stored, version)
        if do in ("draft", "publish", "save") and reading.plan is not None:
            try:
                return await self._keep(request, principal, stored, version, reading.plan, fields)
            except ConflictError:
                return await self._again(request, view, fields, reading, {}, 409)
            except MeetingChangedError:
                return await self._outrun(request, view, fields, reading)
            except SchedulerError as error:
                language = self._renderer.language(request)
                said = {field_of(error): sentence(language, error)}
                return await self._again(request, view, fields, reading, said, 422)
        if do == "find":
            errors = {name: said for name, said in errors.items() if name == "chair"}
        elif not do or do.startswith("at:"):
            errors = {}
        answer = await self._again(request, view, fields, reading, errors, 422 if errors else 200)
        if wish in i18n.LANGUAGES:
            answer.set_cookie("language", wish, max_age=LANGUAGE_LIFE, samesite="lax")
        return answer

    async def _keep(
        self,
        request: Request,
        principal: Principal,
        stored: Stored | None,
        version: int,
        plan: Plan,
        fields: Fields,
    ) -> Response:
        """Write it, and go to the meeting's page. Raises SchedulerError."""
        now, by = self._now(), principal.actor
        publish = text_of(fields, "do") == "publish"
        async with self._database.write() as session:
            if stored is None:
                meeting = await booking.create(session, plan, by=by, now=now)
            else:
                meeting = await booking.change(
                    session,
                    stored.meeting.id,
                    plan,
                    version=version,
                    by=by,
                    now=now,
                    reason=text_of(fields, "reason"),
                )
            if publish and meeting.state == DRAFT:
                meeting = await booking.publish(session, meeting.id, version=meeting.version, by=by, now=now)
        if stored is not None and meeting.version == version:
            flash = Flash("info", "flash.meeting.unchanged", {"title": meeting.title})
        else:
            self._changed()
            key = "flash.meeting.saved" if meeting.state == DRAFT else "flash.meeting.booked"
            flash = Flash("success", key, {"title": meeting.title, "sites": str(len(plan.endpoint_ids))})
        answer = RedirectResponse(f"/meetings/{meeting.id}", 303)
        set_flash(answer, flash)
        return answer

    async def _again(
        self,
        request: Request,
        view: View,
        fields: Fields,
        reading: Reading,
        errors: Mapping[str, str],
        status: int,
        notices: Sequence[str] = (),
    ) -> Response:
        """The form with all that was written, and what is to be said about it."""
        async with self._database.read() as session:
            checked = await self._look(session, request, reading, view.choices, view.stored)
        if status == 409:
            # The other meeting may have gone in between; then saving again succeeds.
            errors = {"": next(iter(checked.conflicts), self._renderer.say(request, "refusal.again"))}
        form = Form({**fields, **_ticks(fields, view.choices)}, errors)
        return self._render(
            request, replace(view, form=form, checked=checked, status=status, notices=notices)
        )

    async def _outrun(self, request: Request, view: View, fields: Fields, reading: Reading) -> Response:
        """Somebody else has changed the meeting meanwhile: who, when and what; saving again is deliberate."""
        assert view.stored is not None
        async with self._database.read() as session:
            stored = await self._stored(session, view.stored.meeting.id)
            past = await history(session, stored.meeting, 1)
        said = self._renderer.say(request, "refusal.changed")
        if past.changes:
            last = past.changes[0]
            said = self._renderer.say(
                request,
                "refusal.changed_by",
                name=last.who or self._renderer.say(request, "meeting.service"),
                when=format_instant(last.at),
            )
        view = replace(view, stored=stored, version=stored.meeting.version)
        return await self._again(request, view, fields, reading, {"": said}, 422, ("changed",))

    async def _look(
        self,
        session: AsyncSession,
        request: Request,
        reading: Reading,
        choices: Choices,
        stored: Stored | None,
    ) -> Checked:
        plan = reading.wanted
        if plan is None or not (plan.endpoint_ids or plan.chair_id):
            return Checked(len(reading.chosen), reading)
        own = stored.meeting.id if stored else ""
        found = await booking.conflicts(session, plan, beside=own or None, most=MOST_CONFLICTS)
        if not found:
            return Checked(len(reading.chosen), reading, looked=True)
        said = conflict_sentences(self._renderer.language(request), plan.title, found, _names(choices, found))
        free = await free_times(session, plan, self._hours, self._now(), beside=own)
        buttons = [(start.astimezone(UTC).isoformat(), words) for start, words in free_sentences(free)]
        return Checked(len(reading.chosen), reading, True, said, buttons)

    # -- shared ----------------------------------------------------------------------------

    async def _fields(self, request: Request) -> Mapping[str, list[str]]:
        return await self._check_form(request, most=MAX_BODY, most_fields=MAX_FIELDS)

    async def _stored(self, session: AsyncSession, meeting_id: str) -> Stored:
        try:
            meeting = await get_meeting(session, meeting_id)
        except NoMeetingError:
            raise HTTPException(404) from None
        return Stored(meeting, await booking.plan_of(session, meeting))

    async def _choices(
        self, session: AsyncSession, stored: Stored | None, secretary: int, fields: Fields | None = None
    ) -> tuple[Choices, list[Who]]:
        """What can be chosen, and the people that the field of the chair could mean."""
        kept = stored.plan.endpoint_ids if stored else ()
        secretaries = [secretary, *([stored.plan.secretary_id] if stored else [])]
        choices = await load_choices(session, beside=kept, secretaries=secretaries)
        beside = [stored.plan.chair_id] if stored else []
        chairs, _ = await find_chairs(session, text_of(fields or {}, "chair"), beside=beside)
        return choices, chairs

    def _render(self, request: Request, view: View) -> Response:
        minutes = {*LENGTHS, number_of(view.form.value("minutes")) or LENGTHS[0]}
        return self._renderer.render(
            request,
            "booking.html",
            status=view.status,
            here=request.url.path,
            view=view,
            form=view.form,
            checked=view.checked,
            kinds=KIND_WORDS,
            lengths=sorted(minutes),
        )


async def _read(fields: Fields, choices: Choices, chairs: Sequence[Who], stored: Stored | None) -> Reading:
    base = stored.plan if stored else None
    if len(text_of(fields, "paste")) > LONG_LIST:
        return await asyncio.to_thread(read_booking, fields, choices, chairs, base=base)
    return read_booking(fields, choices, chairs, base=base)


def _moved(fields: Fields, do: str) -> dict[str, Sequence[str]]:
    """The fields with a proposed time in them."""
    try:
        start = datetime.fromisoformat(do.removeprefix("at:"))
        there = local(start)
    except (ValueError, OverflowError):
        return dict(fields)
    return {**fields, "day": [format_date(there.date())], "begin": [format_time(there.time())]}


def _ticks(fields: Fields, choices: Choices) -> dict[str, list[str]]:
    """Ticked sites as they were sent, and those of ticked districts; what the list means is not ticked."""
    districts = set(fields.get("district", ()))
    codes = {*fields.get("sites", ())}
    codes |= {site.code for site in choices.sites if site.district_code in districts}
    return {"sites": sorted(codes)}


def _listed(reading: Reading, chairs: Sequence[Who]) -> Sequence[Who]:
    return reading.chairs or (chairs if "chair" in reading.errors else ())


def _names(choices: Choices, found: Sequence[Conflict]) -> dict[str, str]:
    wanted = {conflict.resource for conflict in found}
    return {name: title for name, title in titles(choices.sites).items() if name in wanted}
