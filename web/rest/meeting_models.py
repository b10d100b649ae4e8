"""What the API tells of meetings and attendance, and what it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from scheduler.booking import AGENDA, MOST_SITES
from scheduler.localtime import DEFAULT_ZONE
from scheduler.states import LONGEST_REASON
from web.rest.errors import ConflictView, FreeTime
from web.rest.fields import (
    Incoming,
    Instant,
    Kind,
    Line,
    Many,
    Name,
    Number,
    Outgoing,
    Page,
    PerPage,
    Query,
    QueryTruth,
    SiteCode,
    State,
    Text,
    UnitCode,
    Zone,
)

MOST_LINES = 10_000
MOST_LISTED = 1_000_000
"""Characters of a pasted list."""


class PersonRef(Outgoing):
    """A person by number, with the name for sentences."""

    id: int
    name: str


class MeetingItem(Outgoing):
    """A meeting in a list. Times have the offset of the meeting's zone; ``sites`` is how many there are."""

    id: str
    title: str
    kind: str
    state: str
    chair: PersonRef
    starts_at: str
    ends_at: str
    zone: str
    sites: int
    version: int


class MeetingList(Outgoing):
    """A page of meetings, by start. ``more`` says that there are too many; a shorter span shows them."""

    items: list[MeetingItem]
    count: int
    more: bool
    page: int
    per_page: int


class MeetingView(Outgoing):
    """One meeting. ``sites`` are codes of those invited; ``reason`` is that of the last change of state."""

    id: str
    title: str
    kind: str
    state: str
    chair: PersonRef
    secretary: PersonRef
    starts_at: str
    ends_at: str
    zone: str
    agenda: str
    sites: list[str]
    reason: str
    version: int
    created_at: datetime
    published_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None


class MeetingQuery(Incoming):
    """Which meetings: those that overlap the span, at most 366 days."""

    since: Instant | None = Field(None, description="Begin of the span; now without it.")
    until: Instant | None = Field(None, description="End of the span; 31 days after its begin without it.")
    state: Annotated[list[State], Many] = Field([], max_length=6)
    kind: Annotated[list[Kind], Many] = Field([], max_length=7)
    mine: QueryTruth = Field(False, description="Only those that one chairs or keeps the minutes of.")
    q: Query = Field("", description="Words of the title.")
    page: Page = 1
    per_page: PerPage = 100


class MeetingPlan(Incoming):
    """What a meeting is to be. Invited are all that are named in any of the four ways."""

    title: Name
    kind: Kind = "briefing"
    chair: Number
    secretary: Number
    starts_at: Instant
    ends_at: Instant
    zone: Zone = DEFAULT_ZONE
    agenda: Annotated[Text, Field(max_length=AGENDA)] = ""
    sites: list[SiteCode] = Field([], max_length=MOST_SITES, description="Codes of sites.")
    districts: list[UnitCode] = Field([], max_length=100, description="Codes: all sites of these districts.")
    groups: list[Number] = Field([], max_length=100, description="Numbers of groups.")
    site_list: str = Field(
        "",
        max_length=MOST_LISTED,
        description="Sites as somebody wrote them, one a line: by code, name, or name and district; "
        "at most 10,000 lines. A line that means none or several is refused.",
    )


class MeetingChange(MeetingPlan):
    """What a meeting is to be from now on, all of it, and why."""

    reason: Annotated[Line, Field(max_length=LONGEST_REASON)] = ""


class Cancelling(Incoming):
    """Why a meeting is called off."""

    reason: Annotated[Line, Field(min_length=1, max_length=LONGEST_REASON)]


class FreeQuestion(MeetingPlan):
    """A plan for which free times are wanted. ``meeting`` is the one that would be moved."""

    meeting: Annotated[str, Field(pattern="^[0-9a-f]{12}$")] | None = None


class FreeAnswer(Outgoing):
    """Whether all are free at the wanted time, what stands in the way, and the nearest free times."""

    free: bool
    conflicts: list[ConflictView]
    before: FreeTime | None
    after: FreeTime | None


class Interval(Outgoing):
    """A time of presence; ``end`` is null while it lasts."""

    start: datetime
    end: datetime | None


class AttendanceLine(Outgoing):
    """One site or person. ``seconds`` count within the meeting alone."""

    member: str
    name: str
    site: str | None
    district: str
    invited: bool
    status: str
    intervals: list[Interval]
    seconds: float
    late_by_seconds: float | None
    left_early: bool
    head_count: int | None


class AttendanceReport(Outgoing):
    """The attendance of a meeting: the invited in their order, then who came without being invited.

    Whoever sees own units alone gets their lines, and counts of these lines.
    """

    meeting: str
    state: str
    present: int
    late: int
    absent: int
    heads: int
    lines: list[AttendanceLine]


class Fact(Outgoing):
    """A line of the attendance log."""

    id: int
    at: datetime
    kind: str
    identity: str
    session: str
    count: int | None


class FactList(Outgoing):
    """All lines of a meeting's attendance log, as they were written."""

    items: list[Fact]
