"""The directory in sentences: what was refused, and what the log has of a site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit
from directory.endpoints import EndpointView
from directory.errors import ChangedError, DirectoryError, InvalidError, NotFoundError, TakenError
from web import i18n
from web.audit_words import Change, Line, lines
from web.i18n import Language
from web.site_words import FIELD_WORDS

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
            "code": "directory.code.wrong",
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
    return Past([replace(line, changes=_told(line.changes)) for line in shown], len(found) > HISTORY)


def _told(changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.name not in _HIDDEN]
