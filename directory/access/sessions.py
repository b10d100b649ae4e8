"""Sessions: opened with a live credential, found by their cookie, listed, ended.

The cookie's value is 256 random bits; the table has its SHA-256, so that whoever reads the
table cannot come in. The hash is also the handle by which lists name a session.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import ColumnElement, CursorResult, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory.access import owners
from directory.access.errors import SignInError
from directory.access.principal import Principal, PrincipalKind
from directory.audit import record
from directory.database import Database
from directory.errors import NotFoundError, UnavailableError
from directory.model import Credential, Endpoint, Person, PersonRole, PersonUnit, Session, Unit

SEEN_EVERY: Final = timedelta(minutes=1)
"""``seen_at`` is written no more often."""
PAGE: Final = 200

_ID: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HANDLE: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_AT_ONCE: Final = 500
"""Values in one statement; databases take a bounded number."""
_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A session ends ``idle`` after the last request, ``absolute`` after its opening."""

    idle: timedelta
    absolute: timedelta
    most: int
    """Sessions of one credential that live at once; one more ends the one unseen for longest."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Of people: a working day. Of sites: browsers keep a cookie for 400 days at most (RFC 6265bis, 5.5)."""

    person: Lifetime = Lifetime(timedelta(hours=4), timedelta(hours=16), 20)
    site: Lifetime = Lifetime(timedelta(days=90), timedelta(days=400), 5)

    def of(self, kind: str) -> Lifetime:
        """That of a credential's kind."""
        return self.person if kind == "person" else self.site


LIFETIMES: Final = Lifetimes()

_WITH_OWNERS: Final = (
    select(Session, Credential, Person, Endpoint)
    .join(Credential, Session.credential_id == Credential.id)
    .outerjoin(Person, Session.person_id == Person.id)
    .outerjoin(Endpoint, Session.endpoint_id == Endpoint.id)
)
_IDS: Final = (
    select(Session.id)
    .join(Credential, Session.credential_id == Credential.id)
    .outerjoin(Person, Session.person_id == Person.id)
    .outerjoin(Endpoint, Session.endpoint_id == Endpoint.id)
)
_Found: TypeAlias = tuple[Session, Credential, Person | None, Endpoint | None]


@dataclass(frozen=True, slots=True)
class Visit:
    """The circumstances of a request: instants for records, monotonic seconds for waits."""

    now: datetime
    monotonic: float
    address: str = ""
    agent: str = ""
    browser: str = ""
    """A name of the browser, proved to be one in which the same person signed in before."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session. ``cookie`` is its value, known to nobody else."""

    session_id: str = field(repr=False)
    cookie: str = field(repr=False)
    expires_at: datetime
    must_change: bool


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as lists show it. ``owner`` is ``person:<login>``, ``site:<code>:<device>`` or an agent's."""

    id: str
    owner: str
    full_name: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    agent: str
    address: str


async def open_session(
    session: AsyncSession, credential_id: str, visit: Visit, lifetimes: Lifetimes = LIFETIMES
) -> Opened:
    """Open a session in the caller's transaction, for a credential whose secret was right a moment ago.

    Raises SignInError if it was revoked meanwhile, or its owner disabled or retired.
    """
    credential = await session.get(Credential, credential_id, populate_existing=True)
    if credential is None:
        raise SignInError("no such credential")
    # The owner first, as everywhere: who revokes or disables waits for this, and then ends this session too.
    try:
        actor = await owners.lock(session, owners.owner_of(credential), shared=True)
    except NotFoundError:
        raise SignInError("the owner may not sign in any more") from None
    used = await session.execute(
        update(Credential)
        .where(Credential.id == credential_id, Credential.revoked_at.is_(None))
        .values(used_at=visit.now)
        .execution_options(synchronize_session=False)
    )
    if cast(CursorResult[Any], used).rowcount != 1:
        raise SignInError("the credential is not valid any more")
    lifetime = lifetimes.of(credential.kind)
    cookie = secrets.token_urlsafe(32)
    opened = Opened(_hash(cookie), cookie, visit.now + lifetime.absolute, credential.must_change)
    await session.execute(
        insert(Session).values(
            id=opened.session_id,
            credential_id=credential_id,
            person_id=credential.person_id,
            endpoint_id=credential.endpoint_id,
            device=credential.device,
            created_at=visit.now,
            seen_at=visit.now,
            expires_at=opened.expires_at,
            agent=_shown(visit.agent, 200),
            address=_shown(visit.address, 45),
        )
    )
    living = select(Session.id).where(Session.credential_id == credential_id, _live(visit.now, lifetimes))
    oldest = living.where(Session.id != opened.session_id).order_by(Session.seen_at.desc(), Session.id)
    too_many = list(await session.scalars(oldest.offset(lifetime.most - 1)))
    await _end(session, Session.id.in_(too_many), visit.now)
    await record(
        session,
        at=visit.now,
        actor=actor,
        action="session.open",
        subject=_subject(opened.session_id),
        before=None,
        after={"credential": credential_id, "address": _shown(visit.address, 45)},
    )
    return opened


async def look_up(
    database: Database, cookie: str, now: datetime, lifetimes: Lifetimes = LIFETIMES
) -> Principal | None:
    """Whose cookie this is; nothing if it opens nothing (any more)."""
    if not _COOKIE.fullmatch(cookie):
        return None
    async with database.read() as session:
        found = await _find(session, _hash(cookie), now, lifetimes)
        principal = await _principal(session, found) if found is not None else None
    if found is not None and found[0].seen_at <= now - SEEN_EVERY:
        await keep_alive(database, [found[0].id], now)
    return principal


async def principal_of(
    session: AsyncSession, session_id: str, now: datetime, lifetimes: Lifetimes = LIFETIMES
) -> Principal | None:
    """Whose session this is, with the roles of this moment; nothing if it has ended."""
    found = await _find(session, session_id, now, lifetimes)
    return await _principal(session, found) if found is not None else None


async def still_living(
    session: AsyncSession, session_ids: Iterable[str], now: datetime, lifetimes: Lifetimes = LIFETIMES
) -> set[str]:
    """Those of the sessions that have not ended, nor their credentials, people or sites."""
    asked, alive = sorted(session_ids), set[str]()
    for at in range(0, len(asked), _AT_ONCE):
        some = Session.id.in_(asked[at : at + _AT_ONCE])
        alive.update(await session.scalars(_IDS.where(_lets_in(now, lifetimes), some)))
    return alive


async def by_handle(
    session: AsyncSession, handle: str, now: datetime, lifetimes: Lifetimes = LIFETIMES
) -> str | None:
    """The living session whose id begins with a :func:`handle_of`."""
    if not _HANDLE.fullmatch(handle):
        return None
    named = and_(Session.id > handle, Session.id < handle + "g")
    return await session.scalar(_IDS.where(_lets_in(now, lifetimes), named).limit(1))


def handle_of(session_id: str) -> str:
    """A name for a session that may be shown: nobody comes in by it, and nothing is done with it."""
    return session_id[:16]


async def of_person(
    session: AsyncSession, person_id: int, now: datetime, lifetimes: Lifetimes = LIFETIMES
) -> list[SessionInfo]:
    """A person's living sessions, the last seen first."""
    return await living(session, now, Session.person_id == person_id, lifetimes=lifetimes)


async def of_endpoint(
    session: AsyncSession, endpoint_id: int, now: datetime, lifetimes: Lifetimes = LIFETIMES
) -> list[SessionInfo]:
    """The living sessions of an endpoint's devices and agents, the last seen first."""
    return await living(session, now, Session.endpoint_id == endpoint_id, lifetimes=lifetimes)


async def living(
    session: AsyncSession,
    now: datetime,
    *conditions: ColumnElement[bool],
    skip: int = 0,
    limit: int = PAGE,
    lifetimes: Lifetimes = LIFETIMES,
) -> list[SessionInfo]:
    """All living sessions, the last seen first, page by page."""
    rows = await session.execute(
        _WITH_OWNERS.where(_live(now, lifetimes), *conditions)
        .order_by(Session.seen_at.desc(), Session.id)
        .offset(skip)
        .limit(limit)
    )
    return [_info(cast(_Found, tuple(row))) for row in rows]


async def revoke(
    session: AsyncSession, session_id: str, *, by: str, now: datetime, person_id: int | None = None
) -> None:
    """End one session; with ``person_id`` only if it is that person's. Raises NotFoundError."""
    if not _ID.fullmatch(session_id):
        raise NotFoundError("no such session")
    conditions = [Session.id == session_id]
    if person_id is not None:
        conditions.append(Session.person_id == person_id)
    if not await end_where(session, *conditions, by=by, now=now):
        raise NotFoundError("no such session")


async def end_of_person(
    session: AsyncSession, person_id: int, *, by: str, now: datetime, but: str = ""
) -> int:
    """End all sessions of a person, ``but`` the one with this id; how many."""
    return await end_where(session, Session.person_id == person_id, Session.id != but, by=by, now=now)


async def end_where(session: AsyncSession, *conditions: ColumnElement[bool], by: str, now: datetime) -> int:
    """End the sessions for which ``conditions`` hold and that are not revoked yet; how many."""
    ended = await _end(session, and_(*conditions), now)
    for session_id in ended:
        await record(
            session,
            at=now,
            actor=by,
            action="session.revoke",
            subject=_subject(session_id),
            before={"revoked_at": None},
            after={"revoked_at": now},
        )
    return len(ended)


async def purge(session: AsyncSession, before: datetime) -> int:
    """Remove the rows of sessions that ended before this instant; how many. The audit log keeps them."""
    ended = or_(Session.expires_at < before, Session.revoked_at < before)
    return cast(CursorResult[Any], await session.execute(delete(Session).where(ended))).rowcount


async def keep_alive(database: Database, session_ids: Sequence[str], now: datetime) -> None:
    """Sessions are in use: written once in a while, and not at all while the database is unavailable."""
    try:
        async with database.write() as session:
            for at in range(0, len(session_ids), _AT_ONCE):
                await session.execute(
                    update(Session)
                    .where(Session.id.in_(session_ids[at : at + _AT_ONCE]), Session.revoked_at.is_(None))
                    .where(Session.seen_at <= now - SEEN_EVERY)
                    .values(seen_at=now)
                    .execution_options(synchronize_session=False)
                )
    except UnavailableError:
        # What the sessions were used for goes on; the next time writes it.
        return


async def _find(session: AsyncSession, session_id: str, now: datetime, lifetimes: Lifetimes) -> _Found | None:
    rows = await session.execute(_WITH_OWNERS.where(Session.id == session_id, _lets_in(now, lifetimes)))
    row = rows.one_or_none()
    return None if row is None else cast(_Found, tuple(row))


def _lets_in(now: datetime, lifetimes: Lifetimes) -> ColumnElement[bool]:
    """Neither the session has ended, nor its credential, nor its person or site."""
    return and_(
        _live(now, lifetimes),
        Credential.revoked_at.is_(None),
        Person.disabled_at.is_(None),
        Endpoint.retired_at.is_(None),
    )


def _live(now: datetime, lifetimes: Lifetimes) -> ColumnElement[bool]:
    person, site = Session.person_id.is_not(None), Session.endpoint_id.is_not(None)
    return and_(
        Session.revoked_at.is_(None),
        Session.expires_at > now,
        or_(
            and_(person, Session.seen_at > now - lifetimes.person.idle),
            and_(site, Session.seen_at > now - lifetimes.site.idle),
        ),
    )


async def _end(session: AsyncSession, condition: ColumnElement[bool], now: datetime) -> list[str]:
    ended = await session.scalars(
        update(Session)
        .where(condition, Session.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(Session.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(ended)


async def _principal(session: AsyncSession, found: _Found) -> Principal:
    opened, credential, person, endpoint = found
    if person is not None:
        roles = await session.scalars(select(PersonRole.role).where(PersonRole.person_id == person.id))
        spoken = select(PersonUnit.unit_id).where(PersonUnit.person_id == person.id)
        units = frozenset(await session.scalars(spoken))
        return Principal(
            "person",
            person.id,
            person.login,
            opened.id,
            credential.id,
            full_name=person.name,
            language=person.language,
            roles=frozenset(roles),
            unit_ids=units,
            reach=await _reach(session, person.id) if units else units,
            must_change=credential.must_change,
        )
    if endpoint is None:
        raise AssertionError("the database lets no session be without owner")
    kind: PrincipalKind = "agent" if credential.kind == "agent" else "site"
    own = frozenset({endpoint.unit_id})
    return Principal(
        kind,
        endpoint.id,
        endpoint.code,
        opened.id,
        credential.id,
        device=opened.device,
        full_name=endpoint.name,
        unit_ids=own,
        reach=own,
    )


async def _reach(session: AsyncSession, person_id: int) -> frozenset[int]:
    """The units for which a person speaks, and all below them."""
    below = (
        select(PersonUnit.unit_id.label("id"))
        .where(PersonUnit.person_id == person_id)
        .cte("reach", recursive=True)
    )
    below = below.union(select(Unit.id).join(below, Unit.parent_id == below.c.id))
    return frozenset(await session.scalars(select(below.c.id)))


def _info(row: _Found) -> SessionInfo:
    opened, credential, person, endpoint = row
    if person is not None:
        owner, full_name = f"person:{person.login}", person.name
    else:
        code, full_name = (endpoint.code, endpoint.name) if endpoint is not None else ("", "")
        owner = owners.actor_name(credential.kind, code, opened.device)
    return SessionInfo(
        opened.id,
        owner,
        full_name,
        opened.created_at,
        opened.seen_at,
        opened.expires_at,
        opened.agent,
        opened.address,
    )


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _subject(session_id: str) -> str:
    return f"session:{handle_of(session_id)}"


def _shown(text: str, most: int) -> str:
    """What a browser says of itself, without what a database or a list cannot show."""
    return "".join(letter for letter in text[:most] if letter.isprintable())
