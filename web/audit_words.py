"""The audit log in words: who did what to which thing, and what was before and after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.model import AuditEntry, Endpoint, Person
from directory.search import search_key
from directory.tabular.telephones import show_telephone
from scheduler.booking import chunks
from scheduler.localtime import format_instant
from scheduler.model import Meeting
from web import i18n
from web.forms import show_date
from web.i18n import Language
from web.meeting_words import FIELD_WORDS as MEETING_FIELDS
from web.meeting_words import KIND_WORDS
from web.meeting_words import STATE_WORDS as MEETING_STATES
from web.navigation import ROLE_WORDS
from web.people_form import LANGUAGE_WORDS, unit_names
from web.site_words import DEVICE_WORDS, FIELD_WORDS, LINE_WORDS, PLACE_WORDS, STATE_WORDS

MOST_TEXT: Final = 200
MOST_ITEMS: Final = 20
"""Characters and items of a value that are shown."""

VERBS: Final = {
    "create": "audit.did.create",
    "update": "audit.did.update",
    "change": "audit.did.update",
    "delete": "audit.did.delete",
    "disable": "audit.did.disable",
    "enable": "audit.did.enable",
    "issue": "audit.did.issue",
    "revoke": "audit.did.revoke",
    "open": "audit.did.open",
    "close": "audit.did.close",
    "publish": "audit.did.publish",
    "cancel": "audit.did.cancel",
    "skip": "audit.did.skip",
    "extend": "audit.did.extend",
    "retire": "audit.did.retire",
    "restore": "audit.did.enable",
}
"""Second halves of actions."""

NOUNS: Final = {
    "person": "audit.person",
    "credential": "audit.credential",
    "session": "audit.session",
    "endpoint": "audit.endpoint",
    "device": "audit.device",
    "place": "audit.place",
    "unit": "audit.unit",
    "site_group": "audit.site_group",
    "group": "audit.site_group",
    "meeting": "audit.meeting",
}
"""First parts of subjects."""

_FIELDS: Final = {
    "login": "sign_in.login",
    "name": "people.name",
    "title": "people.title_field",
    "phone": "people.phone",
    "email": "people.email",
    "language": "people.language",
    "roles": "people.roles",
    "unit_ids": "people.units",
    "disabled_at": "audit.field.disabled_at",
    "revoked_at": "audit.field.revoked_at",
    "retired_at": "audit.field.retired_at",
    "owner": "audit.field.owner",
    "kind": "audit.field.kind",
    "must_change": "audit.field.must_change",
    "credential": "audit.credential",
    "address": "account.address",
    "state": "audit.field.state",
    "starts_at": "audit.field.starts_at",
    "ends_at": "audit.field.ends_at",
    "chair_id": "role.chair",
    "secretary_id": "role.secretary",
    "commissioning": "audit.field.state",
    "reason": "audit.field.reason",
    "sites": "audit.field.sites",
}
_FIELDS_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "endpoint": FIELD_WORDS,
    "place": FIELD_WORDS,
    "device": {**FIELD_WORDS, "name": "directory.device_name"},
    "site_group": {**FIELD_WORDS, "name": "groups.name"},
    "unit": {"name": "directory.unit", "code": "directory.code"},
    "meeting": MEETING_FIELDS,
}
"""By the noun of the subject, before :data:`_FIELDS`: a site's kind is not a meeting's."""
_VALUES_OF: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("endpoint", "commissioning"): STATE_WORDS,
    ("endpoint", "line_type"): LINE_WORDS,
    ("endpoint", "backup_line_type"): LINE_WORDS,
    ("place", "kind"): PLACE_WORDS,
    ("device", "kind"): DEVICE_WORDS,
    ("person", "language"): LANGUAGE_WORDS,
    ("credential", "kind"): {
        "person": "audit.person",
        "device": "keys.kind.device",
        "agent": "keys.kind.agent",
    },
    ("meeting", "kind"): KIND_WORDS,
    ("meeting", "state"): MEETING_STATES,
}
"""Values that are codes, by noun and field."""
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_PERSON_FIELDS: Final = frozenset({"chair_id", "secretary_id"})
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", re.ASCII)


@dataclass(frozen=True, slots=True)
class Change:
    """A field that was changed; ``word`` is empty for one that has no words, and then ``name`` is shown."""

    word: str
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the page shows it. Without words, ``verb`` and ``noun`` are empty and codes stand there."""

    id: int
    when: str
    who: str
    actor: str
    verb: str
    action: str
    noun: str
    thing: str
    subject: str
    changes: Sequence[Change]


async def lines(session: AsyncSession, language: Language, entries: Sequence[AuditEntry]) -> list[Line]:
    """Entries in words, with the names that people, sites, meetings and units have now."""
    values = [side for entry in entries for side in (entry.before, entry.after) if side]
    people = {
        f"person:{side[key]}" for side in values for key in _PERSON_FIELDS if isinstance(side.get(key), int)
    }
    owners = {str(side["owner"]) for side in values if side.get("owner")}
    actors = {e.actor for e in entries} | {e.subject for e in entries}
    names = await actor_names(session, actors | people | owners)
    names |= await _things(session, {entry.subject for entry in entries})
    numbers = {
        number
        for side in values
        for number in [*(side.get("unit_ids") or ()), side.get("unit_id")]
        if isinstance(number, int) and not isinstance(number, bool)
    }
    units = await unit_names(session, sorted(numbers)[:5_000])
    return [_line(language, entry, names, units) for entry in entries]


async def actor_names(session: AsyncSession, actors: Iterable[str]) -> dict[str, str]:
    """What people call those who act: people by name, sites by theirs; others have no entry."""
    people: set[int] = set()
    codes: dict[str, set[str]] = {}
    for actor in set(actors):
        kind, _, rest = actor.partition(":")
        if kind == "person" and rest.isascii() and rest.isdigit() and len(rest) < 10:
            people.add(int(rest))
        elif kind in ("site", "agent", "endpoint"):
            codes.setdefault(rest.partition(":")[0], set()).add(actor)
    names: dict[str, str] = {}
    for some in chunks(sorted(people)):
        rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(some)))
        names |= {f"person:{number}": name for number, name in rows}
    for part in chunks(sorted(codes)):
        sites = await session.execute(select(Endpoint.code, Endpoint.name).where(Endpoint.code.in_(part)))
        names |= {actor: f"{name} ({code})" for code, name in sites for actor in codes[code]}
    return names


async def _things(session: AsyncSession, subjects: Iterable[str]) -> dict[str, str]:
    ids = sorted({subject.partition(":")[2] for subject in subjects if subject.startswith("meeting:")})
    names: dict[str, str] = {}
    for some in chunks(ids):
        rows = await session.execute(select(Meeting.id, Meeting.title).where(Meeting.id.in_(some)))
        names |= {f"meeting:{number}": title for number, title in rows}
    return names


def _line(language: Language, entry: AuditEntry, names: Mapping[str, str], units: Mapping[int, str]) -> Line:
    _, _, key = entry.subject.partition(":")
    # The subject of a device's line is its site.
    noun, _, verb = entry.action.partition(".")
    return Line(
        entry.id,
        format_instant(entry.at),
        actor_words(language, entry.actor, names),
        entry.actor,
        i18n.translate(language, VERBS[verb]) if verb in VERBS else "",
        entry.action,
        i18n.translate(language, NOUNS[noun]) if noun in NOUNS else "",
        names.get(entry.subject, key or entry.subject),
        entry.subject,
        changes(language, noun, entry.before, entry.after, names, units),
    )


def actor_words(language: Language, actor: str, names: Mapping[str, str]) -> str:
    """Who acted, as people say it: by name, the service itself, or a command that somebody ran."""
    if actor in names:
        return names[actor]
    kind, _, user = actor.partition(":")
    if kind == "cli":
        return i18n.translate(language, "audit.command", user=user)
    return i18n.translate(language, "audit.service") if actor == "service" else actor


def changes(
    language: Language,
    noun: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    names: Mapping[str, str],
    units: Mapping[int, str],
) -> list[Change]:
    """Both sides of an entry, field by field; values that were nothing and became nothing are left out."""
    old, new = before or {}, after or {}
    found = []
    for name in dict.fromkeys([*old, *new]):
        was, now = (_value(language, noun, name, side.get(name), names, units) for side in (old, new))
        if was or now:
            key = _FIELDS_OF.get(noun, {}).get(name) or _FIELDS.get(name)
            word = i18n.translate(language, key) if key else ""
            found.append(Change(word, name, was, now))
    return found


def _value(
    language: Language,
    noun: str,
    name: str,
    value: Any,
    names: Mapping[str, str],
    units: Mapping[int, str],
) -> str:
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return i18n.translate(language, "audit.yes" if value else "audit.no")
    if name == "roles" and isinstance(value, list):
        return _cut(
            ", ".join(i18n.translate(language, ROLE_WORDS.get(str(one), "role.none")) for one in value)
        )
    if isinstance(value, list):
        shown = [
            units.get(one, str(one)) if name == "unit_ids" else _plain(one) for one in value[:MOST_ITEMS]
        ]
        more = len(value) - MOST_ITEMS
        return _cut("; ".join(shown)) + (f" (+{more})" if more > 0 else "")
    if name in _PERSON_FIELDS:
        return names.get(f"person:{value}", str(value))
    if name == "owner":
        return actor_words(language, str(value), names)
    if name == "unit_id":
        return units.get(value, str(value))
    words = _VALUES_OF.get((noun, name), {})
    if isinstance(value, str) and value in words:
        return i18n.translate(language, words[value])
    if name == "contact_phone":
        return show_telephone(str(value))
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return format_instant(datetime.fromisoformat(value))
    if isinstance(value, str) and name == "commissioned_on" and _DAY.fullmatch(value):
        return show_date(date.fromisoformat(value))
    return _cut(_plain(value))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


async def actor_of(session: AsyncSession, text: str) -> str | None:
    """Whom a filter means: a login, a site's code, or a name as the log has it; None for nobody known."""
    text = text.strip()
    if not text:
        return ""
    if text in ("service",) or re.fullmatch(r"(person|site|agent|cli):[^\s]{0,90}", text):
        return text
    number = await session.scalar(select(Person.id).where(Person.login == text.lower()[:64]))
    if number is not None:
        return f"person:{number}"
    code = await session.scalar(select(Endpoint.code).where(Endpoint.code == text[:64]))
    if code is not None:
        return f"site:{code}:"
    key = search_key(text[:200])
    found = [
        number
        for number, name in await session.execute(select(Person.id, Person.name))
        if key and search_key(name) == key
    ]
    return f"person:{found[0]}" if len(found) == 1 else None
