"""Credentials: issued, revoked, listed. One living one for each person, site device and agent.

A secret is hashed before the transaction in which it is issued, for a transaction waits
for the database alone; :func:`issue_password` and :func:`issue_key` do both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory.access import owners, sessions
from directory.access.owners import Owner
from directory.access.secrets import Hashing, NewSecret
from directory.audit import record
from directory.database import Database
from directory.errors import ChangedError, NotFoundError
from directory.model import Credential, Session

_ID: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CredentialInfo:
    """A credential as lists show it: everything but the hash."""

    id: str
    kind: str
    person_id: int | None
    endpoint_id: int | None
    device: str
    created_at: datetime
    created_by: str
    used_at: datetime | None
    revoked_at: datetime | None
    must_change: bool


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential and its secret, to be shown once."""

    credential: CredentialInfo
    secret: str = field(repr=False)


async def issue_password(
    database: Database, hashing: Hashing, person_id: int, *, by: str, now: datetime
) -> Issued:
    """Give a person a new password, which the person has to change at the next sign-in.

    Raises as :func:`issue` does, and UnavailableError.
    """
    secret = await hashing.make_password()
    async with database.write() as session:
        owner = owners.person(person_id)
        return Issued(await issue(session, owner, secret, by=by, now=now, must_change=True), secret.shown)


async def issue_key(database: Database, hashing: Hashing, owner: Owner, *, by: str, now: datetime) -> Issued:
    """Give a site's device or an agent a new key. Raises as :func:`issue` does, and UnavailableError."""
    if owner.kind == "person":
        raise ValueError("people have passwords")
    secret = await hashing.make_key()
    async with database.write() as session:
        return Issued(await issue(session, owner, secret, by=by, now=now), secret.shown)


async def issue(
    session: AsyncSession,
    owner: Owner,
    secret: NewSecret,
    *,
    by: str,
    now: datetime,
    must_change: bool = False,
    replacing: str | None = None,
) -> CredentialInfo:
    """Put a new credential on record; the owner's old one is revoked, and its sessions end.

    With ``replacing`` the old one must be that one, else ChangedError. Raises NotFoundError for an owner
    that is not there, disabled or retired.
    """
    name = await owners.lock(session, owner)
    old = list(
        await session.scalars(select(Credential.id).where(owner.matches(), Credential.revoked_at.is_(None)))
    )
    if replacing is not None and old != [replacing]:
        raise ChangedError("the credential was replaced or revoked meanwhile")
    for credential_id in old:
        await _revoke(session, credential_id, name, by=by, now=now)
    await session.execute(
        insert(Credential).values(
            id=secret.credential_id,
            kind=owner.kind,
            person_id=owner.person_id,
            endpoint_id=owner.endpoint_id,
            device=owner.device,
            hash=secret.hash,
            created_at=now,
            created_by=by,
            must_change=must_change,
        )
    )
    await record(
        session,
        at=now,
        actor=by,
        action="credential.issue",
        subject=f"credential:{secret.credential_id}",
        before=None,
        after={"owner": name, "kind": owner.kind, "must_change": must_change},
    )
    [info] = await _infos(session, Credential.id == secret.credential_id)
    return info


async def revoke(session: AsyncSession, credential_id: str, *, by: str, now: datetime) -> None:
    """End a credential and all sessions that it opened. Raises NotFoundError if no such one lives."""
    known = _ID.fullmatch(credential_id) is not None
    credential = await session.get(Credential, credential_id, populate_existing=True) if known else None
    if credential is None:
        raise NotFoundError("no such credential")
    owner = owners.owner_of(credential)
    # An owner who is disabled or retired by now has no name from the lock, and needs no turn either.
    try:
        name = await owners.lock(session, owner)
    except NotFoundError:
        name = f"{owner.kind}:{owner.person_id or owner.endpoint_id}"
    if not await _revoke(session, credential_id, name, by=by, now=now):
        raise NotFoundError("the credential is revoked already")


async def of_owner(session: AsyncSession, owner: Owner) -> Sequence[CredentialInfo]:
    """All credentials that an owner ever had, the newest first."""
    return await _infos(session, owner.matches())


async def living(session: AsyncSession, *conditions: ColumnElement[bool]) -> Sequence[CredentialInfo]:
    """All that are not revoked, the newest first; ``conditions`` on Credential narrow that down."""
    return await _infos(session, Credential.revoked_at.is_(None), *conditions)


async def rehash(session: AsyncSession, credential_id: str, old: str, new: str) -> None:
    """Keep the same secret's hash with other parameters, if ``old`` still is the hash."""
    await session.execute(
        update(Credential)
        .where(Credential.id == credential_id, Credential.hash == old, Credential.revoked_at.is_(None))
        .values(hash=new)
        .execution_options(synchronize_session=False)
    )


async def _revoke(session: AsyncSession, credential_id: str, owner: str, *, by: str, now: datetime) -> bool:
    done = await session.scalar(
        update(Credential)
        .where(Credential.id == credential_id, Credential.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(Credential.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        return False
    await record(
        session,
        at=now,
        actor=by,
        action="credential.revoke",
        subject=f"credential:{credential_id}",
        before={"owner": owner, "revoked_at": None},
        after={"owner": owner, "revoked_at": now},
    )
    await sessions.end_where(session, Session.credential_id == credential_id, by=by, now=now)
    return True


async def _infos(session: AsyncSession, *conditions: ColumnElement[bool]) -> list[CredentialInfo]:
    columns = [getattr(Credential, name) for name in CredentialInfo.__slots__]
    rows = await session.execute(
        select(*columns).where(*conditions).order_by(Credential.created_at.desc(), Credential.id)
    )
    return [CredentialInfo(*row) for row in rows]
