"""A plan that came by the API, with its sites looked up; and what is told about conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from directory import groups
from directory.errors import NotFoundError
from directory.sites import Site, all_sites, read_pasted
from scheduler import booking
from scheduler.booking import Plan
from scheduler.calendar import free_times
from scheduler.errors import Conflict
from scheduler.localtime import DEFAULT_ZONE, local, require_order
from scheduler.planning import FreeTimes, WorkingHours
from web import refusals
from web.errors import Words
from web.rest.errors import (
    ApiError,
    ConflictView,
    Details,
    FieldProblem,
    FreeTime,
    LineProblem,
    field_problem,
    refuse_fields,
)
from web.rest.meeting_models import MOST_LINES, MeetingPlan

MOST_CONFLICTS = 2_500
"""Taken sites that are told: more than a meeting can have."""
MOST_LINES_TOLD = 100


async def read_plan(session: AsyncSession, wanted: MeetingPlan, before: Plan | None = None) -> Plan:
    """The plan, all of whose sites are known. Raises ApiError with all that is wrong, and ImpossibleError.

    ``before`` is that of the meeting that is changed: what it has already may stay, though it is no
    longer in use.
    """
    require_order(wanted.starts_at, wanted.ends_at, "ends_at")
    problems: list[FieldProblem] = []
    lines: list[LineProblem] = []
    sites = await all_sites(session)
    chosen = _by_code(sites, wanted.sites, problems)
    chosen |= _by_district(sites, wanted.districts, problems)
    chosen |= await _by_group(session, sites, wanted.groups, problems)
    chosen |= _by_list(sites, wanted.site_list, problems, lines)
    if problems:
        raise refuse_fields(problems, lines=lines)
    return Plan(
        title=wanted.title,
        kind=wanted.kind,
        chair_id=wanted.chair,
        secretary_id=wanted.secretary,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        zone=wanted.zone,
        agenda=wanted.agenda,
        endpoint_ids=frozenset(chosen),
    )


def _by_code(sites: Sequence[Site], codes: Sequence[str], problems: list[FieldProblem]) -> set[int]:
    known = {site.code: site.id for site in sites}
    problems += [
        field_problem(f"sites.{at}", "unknown") for at, code in enumerate(codes) if code not in known
    ]
    return {known[code] for code in codes if code in known}


def _by_district(sites: Sequence[Site], codes: Sequence[str], problems: list[FieldProblem]) -> set[int]:
    known = {site.district_code for site in sites}
    problems += [
        field_problem(f"districts.{at}", "unknown") for at, code in enumerate(codes) if code not in known
    ]
    return {site.id for site in sites if site.district_code in codes}


async def _by_group(
    session: AsyncSession, sites: Sequence[Site], numbers: Sequence[int], problems: list[FieldProblem]
) -> set[int]:
    in_use = {site.id for site in sites}
    chosen: set[int] = set()
    for at, number in enumerate(numbers):
        try:
            chosen |= (await groups.get(session, number)).members & in_use
        except NotFoundError:
            problems.append(field_problem(f"groups.{at}", "unknown"))
    return chosen


def _by_list(
    sites: Sequence[Site], text: str, problems: list[FieldProblem], lines: list[LineProblem]
) -> set[int]:
    written = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(written) > MOST_LINES:
        problems.append(field_problem("site_list", "too_many_lines", most=MOST_LINES))
        return set()
    # Blanks of all kinds become one, so that the numbers of lines are those of the sender.
    read = read_pasted(sites, "\n".join(" ".join(line.split()) for line in written))
    if read.unknown or read.ambiguous:
        unknown, ambiguous = len(read.unknown), len(read.ambiguous)
        problems.append(field_problem("site_list", "lines", unknown=unknown, ambiguous=ambiguous))
        told = [LineProblem(line=number, text=words, sites=[]) for number, words in read.unknown]
        told += [
            LineProblem(line=number, text=words, sites=[site.code for site in meant])
            for number, words, meant in read.ambiguous
        ]
        lines += sorted(told, key=lambda one: one.line)[:MOST_LINES_TOLD]
    return {site.id for site in read.sites}


# -- conflicts -----------------------------------------------------------------------------


async def conflict_error(
    session: AsyncSession, plan: Plan, hours: WorkingHours, now: datetime, beside: str
) -> ApiError:
    """The refusal of a plan that another meeting is in the way of: both names, and the nearest free times."""
    found, free = await look(session, plan, hours, now, beside)
    said = [refusals.conflict_sentences(language, plan.title, found) for language in ("vi", "en")]
    words = Words(*(" ".join(sentences) for sentences in said)) if found else None
    details = Details(
        conflicts=shown_conflicts(found),
        free_before=shown_free(free.before),
        free_after=shown_free(free.after),
    )
    # The other meeting may have gone in between; then trying again succeeds.
    return ApiError(409, "conflict" if found else "meeting_changed", words=words, details=details)


async def look(
    session: AsyncSession, plan: Plan, hours: WorkingHours, now: datetime, beside: str
) -> tuple[list[Conflict], FreeTimes]:
    """What is in the way of a plan, and when it is free."""
    found = await booking.conflicts(session, plan, beside=beside or None, most=MOST_CONFLICTS)
    return found, await free_times(session, plan, hours, now, beside=beside)


def shown_conflicts(found: Iterable[Conflict]) -> list[ConflictView]:
    """As the API tells them."""
    return [
        ConflictView(
            resource=one.resource,
            name=one.name,
            meeting=one.meeting_id,
            title=one.title,
            starts_at=moment(one.starts_at),
            ends_at=moment(one.ends_at),
        )
        for one in found
    ]


def shown_free(span: tuple[datetime, datetime] | None) -> FreeTime | None:
    """As the API tells it."""
    return None if span is None else FreeTime(starts_at=moment(span[0]), ends_at=moment(span[1]))


def moment(at: datetime, zone: str = DEFAULT_ZONE) -> str:
    """An instant with the offset that the zone has then."""
    return local(at, zone).isoformat()
