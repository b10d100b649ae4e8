"""Writing and reading the audit log. The database itself refuses to change a line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from directory.model import AuditEntry

PAGE: Final = 50
MOST: Final = 500
"""Entries that one page may have."""
_LARGEST: Final = 2**31 - 1
"""A database's integer; it would not look for a larger one but fail."""

_SECRET_NAME: Final = re.compile(
    r"hash|passw|pwd|secret(?!ar)|token|cookie|(?:^|_|api|private)keys?(?:$|_)", re.IGNORECASE
)
_HASH_VALUE: Final = re.compile(r"\$(?:argon2|scrypt|pbkdf2|2[aby]\$)")
_LENGTHS: Final = {"actor": 100, "action": 64, "subject": 100}
"""Of the columns: SQLite would not refuse what is longer."""


async def record(
    session: AsyncSession,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> AuditEntry | None:
    """Write one entry in the caller's transaction; it stays or goes with the change that it describes.

    With both sides only the fields that differ are kept, and nothing is written when none does (the
    answer is None). A thing that came has no ``before``, one that went no ``after``; an event that changes
    no field has neither. Dates, instants, sets and enumerations become what JSON can hold.

    A name or value that looks like a secret, and a value that JSON cannot hold, are mistakes of the
    caller: ValueError and TypeError.
    """
    made = entry(at=at, actor=actor, action=action, subject=subject, before=before, after=after)
    if made is not None:
        session.add(made)
        await session.flush()
    return made


def entry(
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> AuditEntry | None:
    """The entry that :func:`record` would write, or None, for callers that add thousands at once."""
    for field, text in (("actor", actor), ("action", action), ("subject", subject)):
        if not 0 < len(text) <= _LENGTHS[field]:
            raise ValueError(f"{field} of an audit entry must have 1 to {_LENGTHS[field]} characters")
    old, new = _fields(before), _fields(after)
    if old is not None and new is not None:
        # A name on one side alone is a difference too; its absence is told from a null.
        changed = [name for name in {**old, **new} if old.get(name, ...) != new.get(name, ...)]
        if not changed:
            return None
        old = {name: old[name] for name in changed if name in old}
        new = {name: new[name] for name in changed if name in new}
    return AuditEntry(at=at, actor=actor, action=action, subject=subject, before=old, after=new)


async def entries(
    session: AsyncSession,
    *,
    below: int | None = None,
    limit: int = PAGE,
    actor: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[AuditEntry]:
    """A page of the log, the newest first; ``below`` is the last id of the page before.

    ``actor`` and ``subject`` are whole, or end in a colon and mean all that begin so (``person:``).
    ``since`` is included, ``until`` is not. At most :data:`MOST` entries come at once.
    """
    conditions: list[ColumnElement[bool]] = []
    if below is not None and below <= _LARGEST:
        conditions.append(AuditEntry.id < max(0, below))
    for column, text in ((AuditEntry.actor, actor), (AuditEntry.subject, subject)):
        if len(text) > max(_LENGTHS.values()) or "\0" in text or not _encodable(text):
            return []
        if text:
            conditions.append(_named(column, text))
    if since is not None:
        conditions.append(AuditEntry.at >= since)
    if until is not None:
        conditions.append(AuditEntry.at < until)
    page = select(AuditEntry).where(*conditions).order_by(AuditEntry.id.desc())
    return list(await session.scalars(page.limit(max(1, min(limit, MOST)))))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    return column.startswith(text, autoescape=True) if text.endswith(":") else column == text


def _fields(fields: Mapping[str, object] | None) -> dict[str, Any] | None:
    return None if fields is None else {_name(name): _plain(value) for name, value in fields.items()}


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a field's name must be text, not {type(name).__name__}")
    if _SECRET_NAME.search(name):
        raise ValueError(f"{name!r} looks like a secret, which an audit log must not have")
    return name


def _plain(value: object) -> Any:
    """``value`` as JSON holds it. The value itself stands in no message: it may be what it should not."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        if _HASH_VALUE.match(value):
            raise ValueError("the hash of a secret must not stand in an audit log")
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant needs a zone")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {_name(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, AbstractSet):
        # Sets have no order, so that two equal ones could differ as lists.
        return sorted((_plain(inner) for inner in value), key=lambda inner: (str(type(inner)), inner))
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    raise TypeError(f"an audit log cannot hold {type(value).__name__}")
