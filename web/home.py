"""The first page after the sign-in: for each role the one thing that the person does next.

Parts of the service say by :class:`NextThing` what there is to do for somebody; the most pressing
thing is the page's card, and the others stand below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory.access.principal import Principal
from directory.access.rights import Action, Scope, may, scope
from directory.database import Database
from directory.errors import UnavailableError
from directory.model import Endpoint
from scheduler.booking import chunks
from scheduler.calendar import Listed, meetings_between
from scheduler.localtime import local
from scheduler.states import OPEN, PUBLISHED
from web.meetings_data import may_enter
from web.rendering import Renderer
from web.visitors import HOME, TurnedAway, now, require

OPEN_NOW: Final = 0
SOON: Final = 10
WORK: Final = 20
LATER: Final = 30
"""How pressing a thing is: a meeting that is open; one that begins within the hour; a role's own
work; a meeting of another day."""

AHEAD: Final = timedelta(days=14)
NEAR: Final = timedelta(hours=1)
OVERRUN: Final = timedelta(days=1)
"""An open meeting is shown though it runs over its end by so much."""
SHOWN: Final = 6
"""Things on the page."""

_OWN_ROLES: Final = frozenset({"official", "chair", "secretary"})
"""Whose meetings are those that they are in; others look after everybody's."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to do. ``overline``, ``word`` and ``action`` are keys of the catalogue.

    ``title`` is data, such as a meeting's; without it ``word`` is the title. ``starts`` and ``ends`` are
    times of the zone in which they are shown.
    """

    weight: int
    overline: str
    action: str
    href: str
    icon: str
    title: str = ""
    word: str = ""
    text: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    is_open: bool = False
    sites: int = 0


class NextThing(Protocol):
    """A part of the service that knows what somebody could do next."""

    async def things(self, principal: Principal, now: datetime) -> Sequence[Thing]:
        """What there is for this principal, most pressing first; nothing is no error."""
        ...


class Work:
    """What people of a role come for, besides meetings."""

    async def things(self, principal: Principal, now: datetime) -> Sequence[Thing]:
        """See :class:`NextThing`."""
        found = []
        if may(principal, Action.BOOK_MEETINGS):
            found.append(
                Thing(
                    WORK,
                    "home.do",
                    "home.book",
                    "/meetings/new",
                    "plus",
                    word="home.book.title",
                    text="home.book.text",
                )
            )
        if may(principal, Action.CHANGE_SITES):
            found.append(
                Thing(
                    WORK + 1,
                    "home.do",
                    "home.sites",
                    "/directory",
                    "site",
                    word="home.sites.title",
                    text="home.sites.text",
                )
            )
        if may(principal, Action.CHANGE_PEOPLE):
            found.append(
                Thing(
                    WORK,
                    "home.do",
                    "home.people",
                    "/people",
                    "people",
                    word="home.people.title",
                    text="home.people.text",
                )
            )
        return found


class Meetings:
    """Meetings that somebody is in, and for those who look after the service all of them.

    ``join`` gives the address of the page in which a meeting takes place; without it, and for who may not
    enter, cards lead to the meeting's description.
    """

    def __init__(self, database: Database, join: Callable[[str], str] | None = None) -> None:
        self._database = database
        self._join = join

    async def things(self, principal: Principal, now: datetime) -> Sequence[Thing]:
        """See :class:`NextThing`. Raises UnavailableError."""
        reach = scope(principal, Action.VIEW_MEETINGS)
        if reach is None:
            return []
        everything = reach is Scope.ALL and not principal.roles & _OWN_ROLES
        async with self._database.read() as session:
            listed = await meetings_between(
                session,
                now - OVERRUN,
                now + AHEAD,
                states=(OPEN, PUBLISHED),
                endpoint_ids=None if everything else await _endpoints(session, principal),
                person_id=principal.id if principal.kind == "person" and not everything else None,
            )
            enters: set[str] = set()
            if self._join is not None and may(principal, Action.JOIN_MEETINGS):
                for one in listed:
                    if one.meeting.state == OPEN and await may_enter(session, one.meeting, principal):
                        enters.add(one.meeting.id)
        coming = [one for one in listed if one.meeting.state == OPEN or one.meeting.ends_at > now]
        coming.sort(key=lambda one: (one.meeting.state != OPEN, one.meeting.starts_at, one.meeting.id))
        return [self._thing(one, now, one.meeting.id in enters) for one in coming]

    def _thing(self, one: Listed, now: datetime, enters: bool) -> Thing:
        meeting = one.meeting
        is_open = meeting.state == OPEN
        soon = meeting.starts_at <= now + NEAR
        href = self._join(meeting.id) if enters and self._join is not None else f"/meetings/{meeting.id}"
        return Thing(
            OPEN_NOW if is_open else SOON if soon else LATER,
            "home.open" if is_open else "home.soon" if soon else "home.later",
            "home.join" if enters else "home.view",
            href,
            "door" if enters else "next",
            title=meeting.title,
            starts=local(meeting.starts_at),
            ends=local(meeting.ends_at),
            is_open=is_open,
            sites=one.sites,
        )


class HomePages:
    """``parts`` are asked in their order; of equally pressing things the first one's comes first."""

    def __init__(self, renderer: Renderer, parts: Sequence[NextThing]) -> None:
        self._renderer = renderer
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [Route(HOME, self._home, methods=["GET"])]

    async def _home(self, request: Request) -> Response:
        principal = require(request)
        moment = now()
        found: list[Thing] = []
        try:
            for part in self._parts:
                found += await part.things(principal, moment)
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        found.sort(key=lambda thing: thing.weight)
        return self._renderer.render(
            request,
            "home.html",
            me=principal,
            roleless=principal.kind == "person" and not principal.roles,
            first=found[0] if found else None,
            others=found[1:SHOWN],
        )


async def _endpoints(session: AsyncSession, principal: Principal) -> frozenset[int]:
    """The sites that are a principal's own: itself, or those of the units that a person speaks for."""
    if principal.kind != "person":
        return frozenset({principal.id})
    own: set[int] = set()
    for units in chunks(sorted(principal.reach)):
        own.update(await session.scalars(select(Endpoint.id).where(Endpoint.unit_id.in_(units))))
    return frozenset(own)
