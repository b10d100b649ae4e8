"""Calls about the attendance of a meeting: the report, and the lines of the log that it is made from."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from directory.access.principal import Principal
from directory.access.rights import Action, Scope, scope
from directory.database import Database
from directory.sites import Site
from scheduler.attendance import Invited, Line, report
from scheduler.attending import facts, head_counts, presence
from scheduler.model import AttendanceFact, Meeting
from scheduler.rights import member_of, site_member
from scheduler.states import DRAFT
from web.meetings_data import invited
from web.rest.calls import Answer, AnyCall, Asked, Call
from web.rest.fields import Nothing
from web.rest.meeting_calls import ONE, seen
from web.rest.meeting_models import AttendanceLine, AttendanceReport, Fact, FactList, Interval


class AttendanceCalls:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def calls(self) -> list[AnyCall]:
        """All of them."""
        right = Action.VIEW_ATTENDANCE
        return [
            Call(
                "GET",
                "/meetings/{meeting}/attendance",
                "get_attendance",
                "Who attended",
                "attendance",
                self._report,
                AttendanceReport,
                right,
                parts=ONE,
            ),
            Call(
                "GET",
                "/meetings/{meeting}/attendance/facts",
                "list_attendance_facts",
                "The attendance log",
                "attendance",
                self._facts,
                FactList,
                right,
                parts=ONE,
            ),
        ]

    async def _report(self, asked: Asked[Nothing, Nothing]) -> Answer:
        async with self._database.read() as session:
            meeting, sites, lines = await self._read(session, asked)
        # A cancelled or skipped meeting has ended, though it never began.
        ended = meeting.closed_at if meeting.state not in ("published", "open", DRAFT) else None
        listed = [Invited(site_member(site.code), site.name, site.code, site.district) for site in sites]
        starts_at = meeting.opened_at or meeting.starts_at
        made = report(presence(lines), head_counts(lines), listed, starts_at, ended, asked.now)
        own = _own(asked.principal, sites)
        shown = [line for line in made.lines if own is None or line.key in own]
        counted = [line for line in shown if line.was_invited]
        return Answer(
            AttendanceReport(
                meeting=meeting.id,
                state=meeting.state,
                present=sum(line.status == "present" for line in counted),
                late=sum(line.status == "late" for line in counted),
                absent=sum(line.status == "absent" for line in counted),
                heads=sum(line.head_count or 0 for line in shown),
                lines=[_line(line) for line in shown],
            )
        )

    async def _facts(self, asked: Asked[Nothing, Nothing]) -> Answer:
        async with self._database.read() as session:
            _, sites, lines = await self._read(session, asked)
        own = _own(asked.principal, sites)
        return Answer(
            FactList(
                items=[
                    Fact(
                        id=line.id,
                        at=line.at,
                        kind=line.kind,
                        identity=line.identity,
                        session=line.sid,
                        count=line.count,
                    )
                    for line in lines
                    if own is None or member_of(line.identity) in own
                ]
            )
        )

    async def _read(
        self, session: AsyncSession, asked: Asked[Nothing, Nothing]
    ) -> tuple[Meeting, list[Site], list[AttendanceFact]]:
        meeting = await seen(session, asked.path["meeting"], asked.principal)
        return meeting, await invited(session, meeting.id), list(await facts(session, meeting.id))


def _own(principal: Principal, sites: list[Site]) -> frozenset[str] | None:
    """The members of whom somebody with a right for own units alone is told; None for all."""
    if scope(principal, Action.VIEW_ATTENDANCE) is Scope.ALL:
        return None
    return frozenset(site_member(site.code) for site in sites if site.unit_id in principal.reach)


def _line(line: Line) -> AttendanceLine:
    return AttendanceLine(
        member=line.key,
        name=line.name,
        site=line.code or None,
        district=line.district,
        invited=line.was_invited,
        status=line.status,
        intervals=[Interval(start=one.start, end=one.end) for one in line.intervals],
        seconds=line.seconds,
        late_by_seconds=None if line.late_by is None else line.late_by.total_seconds(),
        left_early=line.left_early,
        head_count=line.head_count,
    )
