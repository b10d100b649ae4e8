"""What the API tells of the directory, and what it takes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from web.rest.fields import (
    Commissioning,
    Day,
    Incoming,
    Line,
    LineType,
    Many,
    Name,
    Number,
    Outgoing,
    Page,
    PerPage,
    Query,
    QueryNumber,
    QueryTruth,
    Role,
    SiteCode,
    UnitCode,
    UnitKind,
)


class Me(Outgoing):
    """Who is signed in. ``units`` are ids of those spoken for; ``csrf_token`` is for browsers alone."""

    kind: str
    id: int
    name: str
    full_name: str
    device: str
    roles: list[str]
    units: list[int]
    rights: dict[str, str]
    csrf_token: str | None


class SiteView(Outgoing):
    """A site of meetings in one line. Equal names differ in district and code."""

    code: str
    name: str
    unit: str
    unit_kind: str
    district: str | None
    district_name: str
    main: bool
    commissioning: str
    line_type: str


class SiteList(Outgoing):
    """A page of sites, by district and code. ``count`` is how many there are in all."""

    items: list[SiteView]
    count: int
    page: int
    per_page: int


class SiteDetails(Outgoing):
    """All that is on record of one site."""

    code: str
    name: str
    unit_id: int
    place: str
    place_kind: str
    address: str
    main: bool
    line_type: str
    backup_line_type: str | None
    contact_name: str
    contact_phone: str
    commissioning: str
    commissioned_on: date | None
    retired_at: datetime | None
    version: int


class SiteQuery(Incoming):
    """Which sites."""

    q: Query = Field("", description="Words of code, name, district or an old name, without marks too.")
    district: UnitCode | None = Field(None, description="Code of a district.")
    group: QueryNumber | None = Field(None, description="Number of a group.")
    commissioning: Annotated[list[Commissioning], Many] = Field([], max_length=4)
    page: Page = 1
    per_page: PerPage = 100


class SiteChange(Incoming):
    """What is to be different at a site; what is left out stays."""

    name: Name | None = None
    line_type: LineType | None = None
    backup_line_type: LineType | None = None
    contact_name: Annotated[Line, Field(max_length=200)] | None = None
    contact_phone: Annotated[Line, Field(max_length=40)] | None = None
    commissioning: Commissioning | None = None


class UnitView(Outgoing):
    """An administrative unit, from its first day until the day before ``valid_to``."""

    id: int
    code: str
    name: str
    kind: str
    parent_id: int | None
    valid_from: date
    valid_to: date | None


class UnitList(Outgoing):
    """A page of units, by code."""

    items: list[UnitView]
    count: int
    page: int
    per_page: int


class UnitDetails(Outgoing):
    """A unit, with what it came from and what it became."""

    unit: UnitView
    children: list[UnitView]
    forerunners: list[UnitView]
    successors: list[UnitView]


class UnitQuery(Incoming):
    """Which units."""

    q: Query = Field("", description="Words of code or name.")
    on: Day | None = Field(None, description="The day on which they exist; today without it.")
    kind: Annotated[list[UnitKind], Many] = Field([], max_length=7)
    parent: UnitCode | None = Field(None, description="Code of the unit above.")
    page: Page = 1
    per_page: PerPage = 100


class DayQuery(Incoming):
    """On which day."""

    on: Day | None = Field(None, description="Today without it.")


class GroupView(Outgoing):
    """A named set of sites. Retired ones are left out of ``sites``."""

    id: int
    name: str
    sites: list[str]
    version: int


class GroupList(Outgoing):
    """All groups, by name."""

    items: list[GroupView]


class NewGroup(Incoming):
    """A group that is to be."""

    name: Name
    sites: list[SiteCode] = Field(min_length=1, max_length=2_000)


class GroupChange(Incoming):
    """What is to be different at a group; what is left out stays."""

    name: Name | None = None
    sites: list[SiteCode] | None = Field(None, min_length=1, max_length=2_000)


class PersonItem(Outgoing):
    """A person. ``units`` are ids of those for which the person speaks."""

    id: int
    login: str
    name: str
    title: str
    phone: str
    email: str
    language: str
    roles: list[str]
    units: list[int]
    disabled_at: datetime | None
    version: int


class PersonList(Outgoing):
    """A page of people, by given name."""

    items: list[PersonItem]
    count: int
    page: int
    per_page: int


class PersonQuery(Incoming):
    """Which people."""

    q: Query = Field("", description="Words of name, login or title.")
    role: Role | None = None
    disabled: QueryTruth = Field(False, description="Also those who are kept out.")
    page: Page = 1
    per_page: PerPage = 100


class NewPerson(Incoming):
    """A person who is to be on record; a password is issued on the page of the person."""

    login: Annotated[Line, Field(min_length=2, max_length=64)]
    name: Name
    title: Annotated[Line, Field(max_length=200)] = ""
    phone: Annotated[Line, Field(max_length=32)] = ""
    email: Annotated[Line, Field(max_length=254)] = ""
    language: Annotated[str, Field(pattern="^(vi|en)$")] = "vi"
    roles: list[Role] = Field([], max_length=5)
    units: list[Number] = Field([], max_length=2_000)


class PersonChange(Incoming):
    """What is to be different at a person; what is left out stays."""

    name: Name | None = None
    title: Annotated[Line, Field(max_length=200)] | None = None
    phone: Annotated[Line, Field(max_length=32)] | None = None
    email: Annotated[Line, Field(max_length=254)] | None = None
    language: Annotated[str, Field(pattern="^(vi|en)$")] | None = None
    roles: list[Role] | None = Field(None, max_length=5)
    units: list[Number] | None = Field(None, max_length=2_000)
    disabled: bool | None = Field(None, description="Whether the person is kept out.")


class AuditItem(Outgoing):
    """One change: who, when, what, from what to what."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: dict[str, object] | None
    after: dict[str, object] | None


class AuditList(Outgoing):
    """A page of the log, the newest first. ``next_below`` is for the next page, null at the end."""

    items: list[AuditItem]
    next_below: int | None
