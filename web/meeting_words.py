"""Words for meetings: kinds, states, and what the history says about a change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from scheduler.localtime import format_instant
from scheduler.states import END_PASSED, TOO_LITTLE_LEFT
from web import i18n
from web.i18n import Language
from web.meetings_data import Past

KIND_WORDS: Final = {
    "briefing": "meeting.kind.briefing",
    "thematic": "meeting.kind.thematic",
    "interim_review": "meeting.kind.interim_review",
    "final_review": "meeting.kind.final_review",
    "training": "meeting.kind.training",
    "urgent": "meeting.kind.urgent",
    "other": "meeting.kind.other",
}
STATE_WORDS: Final = {
    "draft": "meeting.state.draft",
    "published": "meeting.state.published",
    "open": "meeting.state.open",
    "closed": "meeting.state.closed",
    "cancelled": "meeting.state.cancelled",
    "skipped": "meeting.state.skipped",
}
STATE_BADGES: Final = {
    "draft": "neutral",
    "published": "waiting",
    "open": "live",
    "closed": "good",
    "cancelled": "off",
    "skipped": "warning",
}
"""The look of each state; see ``ui.badge``."""

_ACTIONS: Final = {
    "meeting.create": "meeting.did.create",
    "meeting.change": "meeting.did.change",
    "meeting.publish": "meeting.did.publish",
    "meeting.cancel": "meeting.did.cancel",
    "meeting.open": "meeting.did.open",
    "meeting.close": "meeting.did.close",
    "meeting.skip": "meeting.did.skip",
    "meeting.extend": "meeting.did.extend",
}
FIELD_WORDS: Final = {
    "title": "booking.title",
    "kind": "booking.kind",
    "chair_id": "booking.chair",
    "secretary_id": "booking.secretary",
    "starts_at": "meeting.starts",
    "ends_at": "meeting.ends",
    "agenda": "booking.agenda",
    "sites": "booking.sites",
    "reason": "meeting.reason",
}
"""Fields of which a change is told; the state is told by the verb."""

_REASONS: Final = {END_PASSED: "meeting.reason.end_passed", TOO_LITTLE_LEFT: "meeting.reason.too_little_left"}
MOST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Told:
    """A field that was changed. ``before`` may be empty."""

    label: str
    before: str
    after: str


def reason_words(language: Language, reason: str) -> str:
    """A stored reason; the service's own ones are words of ours."""
    return i18n.translate(language, _REASONS[reason]) if reason in _REASONS else reason


def action_words(language: Language, action: str) -> str:
    """What was done."""
    return i18n.translate(language, _ACTIONS.get(action, "meeting.did.other"))


def changed_fields(language: Language, past: Past, names: Mapping[int, str]) -> list[Told]:
    """What a change of a meeting changed, for the history; of its beginning nothing is told."""
    if past.action == "meeting.create":
        return []
    told = []
    for name, key in FIELD_WORDS.items():
        if name not in past.after:
            continue
        label = i18n.translate(language, key)
        if name == "sites":
            told.append(Told(label, "", _sites(language, past)))
        else:
            before = _value(language, name, past.before.get(name), names)
            told.append(Told(label, before, _value(language, name, past.after[name], names)))
    return [one for one in told if one.before or one.after]


def _sites(language: Language, past: Past) -> str:
    old, new = ({*(side.get("sites") or ())} for side in (past.before, past.after))
    return i18n.translate(language, "meeting.sites.changed", added=len(new - old), removed=len(old - new))


def _value(language: Language, name: str, value: Any, names: Mapping[int, str]) -> str:
    if value is None or value == "":
        return ""
    if name in ("starts_at", "ends_at"):
        try:
            return format_instant(datetime.fromisoformat(str(value)))
        except ValueError:
            return str(value)[:MOST_TEXT]
    if name in ("chair_id", "secretary_id"):
        return names.get(value, str(value)) if isinstance(value, int) else str(value)
    if name == "kind":
        return i18n.translate(language, KIND_WORDS.get(str(value), "meeting.kind.other"))
    text = reason_words(language, str(value))
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
