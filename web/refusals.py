"""What the scheduler refuses, in sentences: which meetings meet, where, and when it is free. Pure.

Times are Hanoi's and written 01/12/2026 06:30 in both languages (FC-c10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from scheduler.errors import Conflict, SchedulerError
from scheduler.localtime import format_span
from scheduler.planning import Clash, FreeTimes, by_meeting
from web import i18n
from web.i18n import Language

NAMED_SITES: Final = 3
"""Sites and people that a sentence names; the others are counted."""
NAMED_MEETINGS: Final = 4
"""Other meetings that get a sentence; the others are counted."""

_PROBLEMS: Final = {
    ("title", "missing"): "booking.title.empty",
    ("kind", "unknown"): "booking.kind.wrong",
    ("ends_at", "before_start"): "booking.minutes.wrong",
    ("ends_at", "too_long"): "booking.minutes.wrong",
    ("ends_at", "past"): "refusal.past",
    ("starts_at", "past"): "refusal.past",
    ("sites", "missing"): "refusal.no_sites",
    ("sites", "unknown"): "refusal.sites_gone",
    ("sites", "too_many"): "booking.sites.many",
    ("chair", "unknown"): "refusal.person_gone",
    ("secretary", "unknown"): "refusal.person_gone",
    ("reason", "missing"): "refusal.no_reason",
}
_FIELDS: Final = {"starts_at": "begin", "ends_at": "minutes"}
"""Fields of the form that have other names than the values of a plan."""

_STATES: Final = {
    "published": "refusal.state.published",
    "open": "refusal.state.open",
    "closed": "refusal.state.closed",
    "cancelled": "refusal.state.cancelled",
    "skipped": "refusal.state.skipped",
}
_CODES: Final = {
    "no_meeting": "refusal.no_meeting",
    "meeting_changed": "refusal.changed",
}


def field_of(error: SchedulerError) -> str:
    """The form's field that the error belongs to; empty for the form as a whole."""
    name = str(error.details.get("field", ""))
    return _FIELDS.get(name, name)


def sentence(language: Language, error: SchedulerError) -> str:
    """What is told about an error that is no conflict."""
    name, problem = str(error.details.get("field", "")), error.problem
    if (name, problem) in _PROBLEMS:
        return i18n.translate(language, _PROBLEMS[name, problem], **error.details)
    if problem == "too_long":
        return i18n.translate(language, "booking.too_long", **error.details)
    if error.code == "state":
        key = _STATES.get(str(error.details.get("state", "")), "refusal.state.other")
        return i18n.translate(language, key)
    return i18n.translate(language, _CODES.get(error.code, "refusal.other"))


def conflict_sentences(
    language: Language,
    title: str,
    found: Sequence[Conflict],
    names: Mapping[str, str] = {},
) -> list[str]:
    """One sentence for each meeting in the way of ``title``, and one for those beyond the first few.

    ``names`` are better names of resources than the conflicts have: with their district.
    """
    named = [
        Conflict(c.resource, names.get(c.resource, c.name), c.meeting_id, c.title, c.starts_at, c.ends_at)
        for c in found
    ]
    people = {c.name for c in named if c.resource.startswith("person:")}
    clashes = by_meeting(named)
    said = [_clash(language, title, clash, people) for clash in clashes[:NAMED_MEETINGS]]
    if len(clashes) > NAMED_MEETINGS:
        said.append(i18n.translate(language, "refusal.more_meetings", count=len(clashes) - NAMED_MEETINGS))
    return said


def _clash(language: Language, title: str, clash: Clash, people: set[str]) -> str:
    chair = [name for name in clash.names if name in people]
    sites = [name for name in clash.names if name not in people]
    parts = []
    if chair:
        parts.append(i18n.translate(language, "refusal.at_chair", name=chair[0]))
    if sites:
        shown = ("; " if any("," in name for name in sites) else ", ").join(sites[:NAMED_SITES])
        more = len(sites) - NAMED_SITES
        key = "refusal.at_sites" if more <= 0 else "refusal.at_sites_more"
        parts.append(i18n.translate(language, key, sites=shown, more=max(0, more)))
    return i18n.translate(
        language,
        "refusal.conflict",
        mine=title or i18n.translate(language, "refusal.untitled"),
        other=clash.title,
        when=format_span(clash.starts_at, clash.ends_at),
        where=i18n.translate(language, "refusal.both", one=parts[0], other=parts[1])
        if len(parts) > 1
        else "".join(parts),
    )


def free_sentences(free: FreeTimes) -> list[tuple[datetime, str]]:
    """The nearest free times, each with its start and as it is shown; the earlier one first."""
    spans = [span for span in (free.before, free.after) if span is not None]
    return [(start, format_span(start, end)) for start, end in spans]
