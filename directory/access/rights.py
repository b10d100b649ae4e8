"""What each role may do: one table. Pure.

A cell is no, *own* (for the units that somebody speaks for and those below them, or a site's
own unit), or *all*. Rights of several roles add up. The table says who may do a thing at all;
what depends on one meeting (its chair leads it, its secretary changes it) is decided
beside the meeting, in addition.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from directory.access.principal import Principal
from directory.model.people import ROLES


class Action(StrEnum):
    """What somebody may or may not do."""

    VIEW_SITES = "view_sites"
    """See the directory: units, sites, groups."""
    CHANGE_SITES = "change_sites"
    """Change sites, places, devices, contact persons, the state of commissioning."""
    IMPORT_SITES = "import_sites"
    CHANGE_GROUPS = "change_groups"
    CHANGE_UNITS = "change_units"
    VIEW_PEOPLE = "view_people"
    CHANGE_PEOPLE = "change_people"
    """People, their roles, and the units for which they speak."""

    VIEW_MEETINGS = "view_meetings"
    BOOK_MEETINGS = "book_meetings"
    """Save, publish, change, move and cancel meetings."""
    JOIN_MEETINGS = "join_meetings"
    LEAD_MEETINGS = "lead_meetings"
    """Give and take the floor, mute, admit, remove, end: in a meeting whose chair or secretary one is."""
    ASK_FOR_THE_FLOOR = "ask_for_the_floor"

    VIEW_ATTENDANCE = "view_attendance"
    GIVE_HEAD_COUNT = "give_head_count"

    SPEAK_AS_SITE = "speak_as_site"
    """Be the site in a meeting: its picture, sound and name."""
    REPORT_READINGS = "report_readings"
    """Send what an agent measures."""

    VIEW_AUDIT = "view_audit"

    VIEW_CREDENTIALS = "view_credentials"
    """Which credentials and sessions there are; never a secret."""
    ISSUE_SITE_CREDENTIALS = "issue_site_credentials"
    """Issue and revoke those of devices and agents, and end their sessions."""
    ISSUE_PERSON_CREDENTIALS = "issue_person_credentials"
    """Issue and revoke those of people, and end their sessions."""


class Scope(Enum):
    """How far a right goes."""

    OWN = "own"
    ALL = "all"


_OFFICIAL: Final = {
    Action.VIEW_SITES: Scope.ALL,
    Action.VIEW_MEETINGS: Scope.OWN,
    Action.JOIN_MEETINGS: Scope.OWN,
    Action.ASK_FOR_THE_FLOOR: Scope.OWN,
    Action.VIEW_ATTENDANCE: Scope.OWN,
    Action.GIVE_HEAD_COUNT: Scope.OWN,
}
_CHAIR: Final = {
    Action.VIEW_SITES: Scope.ALL,
    Action.VIEW_PEOPLE: Scope.ALL,
    Action.VIEW_MEETINGS: Scope.ALL,
    Action.JOIN_MEETINGS: Scope.ALL,
    Action.LEAD_MEETINGS: Scope.ALL,
    Action.ASK_FOR_THE_FLOOR: Scope.ALL,
    Action.VIEW_ATTENDANCE: Scope.ALL,
}
_SECRETARY: Final = _CHAIR | {
    Action.CHANGE_GROUPS: Scope.ALL,
    Action.BOOK_MEETINGS: Scope.ALL,
    Action.GIVE_HEAD_COUNT: Scope.ALL,
}
_IT_STAFF: Final = {
    Action.VIEW_SITES: Scope.ALL,
    Action.CHANGE_SITES: Scope.ALL,
    Action.IMPORT_SITES: Scope.ALL,
    Action.CHANGE_GROUPS: Scope.ALL,
    Action.VIEW_PEOPLE: Scope.ALL,
    Action.VIEW_MEETINGS: Scope.ALL,
    Action.JOIN_MEETINGS: Scope.ALL,
    Action.VIEW_ATTENDANCE: Scope.ALL,
    Action.VIEW_CREDENTIALS: Scope.ALL,
    Action.ISSUE_SITE_CREDENTIALS: Scope.ALL,
}
_ADMINISTRATOR: Final = {
    Action.VIEW_SITES: Scope.ALL,
    Action.CHANGE_SITES: Scope.ALL,
    Action.IMPORT_SITES: Scope.ALL,
    Action.CHANGE_GROUPS: Scope.ALL,
    Action.CHANGE_UNITS: Scope.ALL,
    Action.VIEW_PEOPLE: Scope.ALL,
    Action.CHANGE_PEOPLE: Scope.ALL,
    Action.VIEW_MEETINGS: Scope.ALL,
    Action.VIEW_ATTENDANCE: Scope.ALL,
    Action.VIEW_AUDIT: Scope.ALL,
    Action.VIEW_CREDENTIALS: Scope.ALL,
    Action.ISSUE_SITE_CREDENTIALS: Scope.ALL,
    Action.ISSUE_PERSON_CREDENTIALS: Scope.ALL,
}
_SITE: Final = {
    Action.VIEW_MEETINGS: Scope.OWN,
    Action.JOIN_MEETINGS: Scope.OWN,
    Action.ASK_FOR_THE_FLOOR: Scope.OWN,
    Action.GIVE_HEAD_COUNT: Scope.OWN,
    Action.SPEAK_AS_SITE: Scope.OWN,
}
_AGENT: Final = {Action.REPORT_READINGS: Scope.OWN}

TABLE: Final[Mapping[str, Mapping[Action, Scope]]] = MappingProxyType(
    {
        "official": _OFFICIAL,
        "chair": _CHAIR,
        "secretary": _SECRETARY,
        "it_staff": _IT_STAFF,
        "administrator": _ADMINISTRATOR,
        "site": _SITE,
        "agent": _AGENT,
    }
)
"""Roles of people, and the kinds of principals without roles. What is not there is not allowed."""


def scope(principal: Principal, action: Action) -> Scope | None:
    """How far a principal's right to ``action`` goes; None for no right.

    Who has to change the password has no right before that, whatever the roles.
    """
    if principal.must_change:
        return None
    # "site" in a person's roles would be a mistake of the database, and gives nothing.
    names = principal.roles & set(ROLES) if principal.kind == "person" else {principal.kind}
    cells = {TABLE[name].get(action) for name in names}
    if Scope.ALL in cells:
        return Scope.ALL
    return Scope.OWN if Scope.OWN in cells else None


def may(principal: Principal, action: Action, *, unit_ids: Collection[int] | None = None) -> bool:
    """Whether a principal may do ``action`` with things of ``unit_ids``.

    Where the right is for own units, all of ``unit_ids`` must be the principal's; an empty collection is
    nobody's. Without ``unit_ids`` the question is whether there is anything at all to which the action
    may apply, as a menu asks; it must not guard the action itself.
    """
    found = scope(principal, action)
    if found is not Scope.OWN:
        return found is Scope.ALL
    if unit_ids is None:
        return bool(principal.reach)
    return bool(unit_ids) and principal.reach.issuperset(unit_ids)


def may_for_some(principal: Principal, action: Action, unit_ids: Collection[int]) -> bool:
    """Whether a principal may do ``action`` for one at least of ``unit_ids``.

    For what concerns many units at once and is open to each of them, as a meeting is to those invited.
    """
    found = scope(principal, action)
    if found is not Scope.OWN:
        return found is Scope.ALL
    return not principal.reach.isdisjoint(unit_ids)
