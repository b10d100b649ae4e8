"""The directory in words: states, lines, places, devices; what was refused; what the log has of a site."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit
from directory.endpoints import EndpointView
from directory.errors import ChangedError, DirectoryError, InvalidError, NotFoundError, TakenError
from directory.tabular.telephones import show_telephone
from web import i18n
from web.audit_words import Change, Line, lines
from web.forms import show_date
from web.i18n import Language

STATE_WORDS: Final[Mapping[str, str]] = {
    "planned": "directory.state.planned",
    "installed": "directory.state.installed",
    "accepted": "directory.state.accepted",
    "in_use": "directory.state.in_use",
}
STATE_BADGES: Final[Mapping[str, str]] = {
    "planned": "off",
    "installed": "warning",
    "accepted": "waiting",
    "in_use": "good",
}
STEP_WORDS: Final[Mapping[tuple[str, str], str]] = {
    ("planned", "installed"): "directory.step.installed",
    ("installed", "accepted"): "directory.step.accepted",
    ("installed", "planned"): "directory.step.back_planned",
    ("accepted", "in_use"): "directory.step.in_use",
    ("accepted", "installed"): "directory.step.back_installed",
    ("in_use", "installed"): "directory.step.replace",
}
"""What the button of a step says, by both its ends."""
LINE_WORDS: Final[Mapping[str, str]] = {
    "tslcd": "directory.line.tslcd",
    "wan": "directory.line.wan",
    "internet": "directory.line.internet",
    "mobile": "directory.line.mobile",
    "unknown": "directory.line.unknown",
}
PLACE_WORDS: Final[Mapping[str, str]] = {
    "office": "directory.place.office",
    "apartment": "directory.place.apartment",
    "village_house": "directory.place.village_house",
    "residential_group": "directory.place.residential_group",
    "other": "directory.place.other",
}
DEVICE_WORDS: Final[Mapping[str, str]] = {
    "terminal": "directory.device.terminal",
    "camera": "directory.device.camera",
    "screen": "directory.device.screen",
    "microphone": "directory.device.microphone",
}
FIELD_WORDS: Final[Mapping[str, str]] = {
    "name": "directory.name",
    "code": "directory.code",
    "unit_id": "directory.unit",
    "main": "directory.main",
    "line_type": "directory.line",
    "backup_line_type": "directory.backup_line",
    "contact_name": "directory.contact",
    "contact_phone": "directory.phone",
    "commissioning": "directory.state",
    "commissioned_on": "directory.since",
    "retired_at": "directory.retired_at",
    "place": "directory.place",
    "place_id": "directory.place",
    "place_name": "directory.place",
    "place_kind": "directory.place_kind",
    "place_address": "directory.address",
    "address": "directory.address",
    "kind": "directory.kind",
    "serial": "directory.serial",
    "device_name": "directory.device_name",
    "members": "groups.members",
}
_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "commissioning": STATE_WORDS,
    "line_type": LINE_WORDS,
    "backup_line_type": LINE_WORDS,
    "kind": {**DEVICE_WORDS, **PLACE_WORDS},
}
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_HIDDEN: Final = frozenset({"unit_id", "place_id", "code"})
HISTORY: Final = 50


def sentence(language: Language, error: DirectoryError) -> tuple[str, str]:
    """The field that an error belongs to (empty for the form as a whole), and what is told about it."""
    field, problem = str(error.details.get("field", "")), str(error.details.get("problem", ""))
    label = i18n.translate(language, FIELD_WORDS[field]) if field in FIELD_WORDS else ""
    if isinstance(error, ChangedError):
        return "", i18n.translate(language, "directory.changed")
    if isinstance(error, NotFoundError):
        return "", i18n.translate(language, "directory.gone")
    if isinstance(error, TakenError):
        key = "groups.taken" if field == "name" else "directory.taken"
        return field, i18n.translate(language, key, field=label)
    if isinstance(error, InvalidError):
        if problem == "retired":
            return "", i18n.translate(language, "directory.retired_first")
        if problem == "too_long":
            most = error.details.get("most", "")
            return field, i18n.translate(language, "directory.too_long", field=label, most=most)
        key = {
            "missing": "directory.missing",
            "characters": "directory.characters",
            "phone": "directory.phone.wrong",
            "date": "directory.since.wrong",
            "step": "directory.step.wrong",
        }.get(problem, "directory.unknown_value")
        return field, i18n.translate(language, key, field=label)
    return "", i18n.translate(language, "directory.refused")


@dataclass(frozen=True, slots=True)
class Past:
    """What the log has of a site, newest first; ``more`` when there is more than is shown."""

    lines: Sequence[Line]
    more: bool


async def past_of(session: AsyncSession, language: Language, view: EndpointView) -> Past:
    """What happened to a site and to its place."""
    own = list(await audit.entries(session, subject=view.subject, limit=HISTORY + 1))
    place = await audit.entries(session, subject=f"place:{view.place_id}", limit=HISTORY)
    found = sorted([*own, *place], key=lambda entry: entry.id, reverse=True)
    shown = await lines(session, language, found[:HISTORY])
    return Past(
        [replace(line, changes=_said(language, line.changes)) for line in shown], len(found) > HISTORY
    )


def _said(language: Language, changes: Sequence[Change]) -> list[Change]:
    said = []
    for change in changes:
        if change.name in _HIDDEN:
            continue
        values = _VALUES.get(change.name, {})
        before, after = (
            i18n.translate(language, values[side]) if side in values else _shown(change.name, side)
            for side in (change.before, change.after)
        )
        key = FIELD_WORDS.get(change.name)
        word = i18n.translate(language, key) if key else change.word
        said.append(Change(word, change.name, before, after))
    return said


def _shown(name: str, value: str) -> str:
    """Telephone numbers and days as people write them."""
    if name == "contact_phone" and value:
        return show_telephone(value)
    if name == "commissioned_on" and _DAY.fullmatch(value):
        return show_date(date.fromisoformat(value))
    return value
