"""Endpoints: put on record, changed by compare-and-swap, retired; one main one for each unit.

Every function works in the caller's transaction; an exception is meant to end it. An endpoint is
never removed, since meetings and the audit log name it for ever; its code is never given again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.audit import entry, record
from directory.commissioning import may_step
from directory.errors import ChangedError, InvalidError, NotFoundError, TakenError
from directory.model import Endpoint, Place, Unit
from directory.model.sites import COMMISSIONING, LINE_TYPES
from directory.places import PlaceDetails, checked, place_for, places_for
from directory.tabular.telephones import normal_telephone
from directory.texts import line, name
from directory.unit_names import UnitNames, unit_names

CODE: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z._-]{0,30}[0-9A-Za-z])?", re.ASCII)
"""A code is a part of identities in meetings, so it has no colon and no space."""

ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
"""Whose day it is when a site comes into use."""

_CHUNK: Final = 500
KEEP: Final = "keep"
"""For :func:`change`: leave the date as it is, since None means that there is none."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a site's page shows and lets change. Telephone numbers are kept as E.164."""

    name: str
    line_type: str = "unknown"
    backup_line_type: str | None = None
    contact_name: str = ""
    contact_phone: str = ""


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint that is to come. Without a place it is in the unit's office."""

    code: str
    unit_id: int
    details: Details
    place: PlaceDetails | None = None
    main: bool = False
    commissioning: str = "planned"
    commissioned_on: date | None = None


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint as the database has it. ``version`` is what a change has to name."""

    id: int
    code: str
    unit_id: int
    place_id: int
    place: PlaceDetails
    details: Details
    main: bool
    commissioning: str
    commissioned_on: date | None
    retired_at: datetime | None
    version: int = field(compare=False)

    @property
    def subject(self) -> str:
        """Its name in the audit log."""
        return f"endpoint:{self.code}"


async def create(session: AsyncSession, new: NewEndpoint, *, by: str, now: datetime) -> EndpointView:
    """Put one endpoint on record. Raises as :func:`create_many` does."""
    await create_many(session, [new], by=by, now=now)
    return await by_code(session, new.code)


async def create_many(session: AsyncSession, new: Sequence[NewEndpoint], *, by: str, now: datetime) -> None:
    """Put endpoints on record, all of them or, with an exception, none.

    Raises InvalidError for what cannot be; TakenError for a code that is on record, or a unit that has
    a main endpoint; NotFoundError for an unknown unit. ``details["code"]`` names the endpoint.
    """
    checked_new = [_checked_new(one) for one in new]
    units = await unit_names(session, {one.unit_id for one in checked_new})
    codes = [one.code for one in checked_new]
    for at in range(0, len(codes), _CHUNK):
        taken = await session.scalar(
            select(Endpoint.code).where(Endpoint.code.in_(codes[at : at + _CHUNK])).limit(1)
        )
        if taken is not None:
            raise TakenError(f"the code {taken} is on record", field="code", code=taken)
    wanted: dict[tuple[int, str], PlaceDetails] = {}
    for one in checked_new:
        title = _place_name(one, units)
        wanted.setdefault((one.unit_id, title), one.place or PlaceDetails(title))
    given = {(one.unit_id, one.place.name) for one in checked_new if one.place}
    places = await places_for(session, wanted, given, by=by, now=now)
    rows = [
        {
            "code": one.code,
            "unit_id": one.unit_id,
            "place_id": places[one.unit_id, _place_name(one, units)],
            "main": one.main,
            "search": units[one.unit_id].key(one.code, one.details.name),
            "commissioning": one.commissioning,
            "commissioned_on": one.commissioned_on,
            "version": 1,
            **asdict(one.details),
        }
        for one in checked_new
    ]
    try:
        async with session.begin_nested():
            if rows:
                await session.execute(insert(Endpoint), rows)
    except IntegrityError as error:
        field_name = "main" if "endpoint_main" in str(error.orig) or "unit_id" in str(error.orig) else "code"
        raise TakenError("another endpoint has it", field=field_name) from None
    made = [
        entry(
            at=now,
            actor=by,
            action="endpoint.create",
            subject=f"endpoint:{row['code']}",
            before=None,
            after={key: value for key, value in row.items() if key not in ("search", "version")},
        )
        for row in rows
    ]
    session.add_all([one for one in made if one is not None])
    await session.flush()


async def change(
    session: AsyncSession,
    endpoint_id: int,
    *,
    version: int,
    by: str,
    now: datetime,
    details: Details | None = None,
    place: PlaceDetails | None = None,
    main: bool | None = None,
    commissioning: str | None = None,
    commissioned_on: date | Literal["keep"] | None = KEEP,
    through: bool = False,
) -> EndpointView:
    """Change what is given, all of it or nothing. No difference changes nothing, not even the version.

    Becoming the main endpoint takes that from the unit's other one, in the same transaction. Whoever
    comes into use without a date gets that of ``now``. ``through`` is that of :func:`may_step`.
    Raises NotFoundError; ChangedError for another version; InvalidError (``problem`` is ``step`` for a
    state that may not follow); for a retired endpoint InvalidError with ``retired``.
    """
    before = await _current(session, endpoint_id, version)
    if before.retired_at is not None:
        raise InvalidError("a retired endpoint does not change", field="", problem="retired")
    after = before
    if details is not None:
        after = replace(after, details=checked_details(details))
    if place is not None:
        wanted = checked(place)
        if wanted != before.place:
            place_id = await place_for(session, before.unit_id, before.place_id, wanted, by=by, now=now)
            after = replace(after, place_id=place_id, place=wanted)
    if commissioning is not None:
        if not may_step(before.commissioning, commissioning, through=through):
            raise InvalidError(
                "this state may not follow", field="commissioning", problem="step", now=before.commissioning
            )
        after = replace(after, commissioning=commissioning)
    if commissioned_on != KEEP:
        assert not isinstance(commissioned_on, str)
        after = replace(after, commissioned_on=commissioned_on)
    if after.commissioning == "in_use" != before.commissioning and after.commissioned_on is None:
        after = replace(after, commissioned_on=now.astimezone(ZONE).date())
    if main is not None:
        after = replace(after, main=main)
    return await _swap(session, before, after, "endpoint.update", by=by, now=now)


async def retire(
    session: AsyncSession, endpoint_id: int, *, version: int, by: str, now: datetime
) -> EndpointView:
    """Take a site out of all lists; its unit may have another main one. Raises as :func:`change` does."""
    before = await _current(session, endpoint_id, version)
    if before.retired_at is not None:
        return before
    after = replace(before, retired_at=now, main=False)
    return await _swap(session, before, after, "endpoint.retire", by=by, now=now)


async def restore(
    session: AsyncSession, endpoint_id: int, *, version: int, by: str, now: datetime
) -> EndpointView:
    """Bring a retired site back, not as the main one. Raises as :func:`change` does."""
    before = await _current(session, endpoint_id, version)
    return await _swap(session, before, replace(before, retired_at=None), "endpoint.restore", by=by, now=now)


async def get(session: AsyncSession, endpoint_id: int) -> EndpointView:
    """One endpoint, retired or not. Raises NotFoundError."""
    found = await views(session, [endpoint_id])
    if not found:
        raise NotFoundError(f"no endpoint {endpoint_id}", endpoint=endpoint_id)
    return found[0]


async def by_code(session: AsyncSession, code: str) -> EndpointView:
    """One endpoint, retired or not. Raises NotFoundError."""
    found = await session.scalar(select(Endpoint.id).where(Endpoint.code == code))
    if found is None:
        raise NotFoundError("no endpoint with this code")
    return await get(session, found)


async def views(session: AsyncSession, ids: Sequence[int] | None = None) -> list[EndpointView]:
    """Those endpoints, or all, by code. Columns are read, not objects, which could be of an earlier time."""
    wanted = select(
        Endpoint.id,
        Endpoint.code,
        Endpoint.unit_id,
        Endpoint.place_id,
        Place.name,
        Place.kind,
        Place.address,
        Endpoint.name,
        Endpoint.line_type,
        Endpoint.backup_line_type,
        Endpoint.contact_name,
        Endpoint.contact_phone,
        Endpoint.main,
        Endpoint.commissioning,
        Endpoint.commissioned_on,
        Endpoint.retired_at,
        Endpoint.version,
    ).join(Place, Endpoint.place_id == Place.id)
    if ids is not None:
        wanted = wanted.where(Endpoint.id.in_(ids))
    return [_view(row) for row in await session.execute(wanted.order_by(Endpoint.code))]


def _view(row: Sequence[Any]) -> EndpointView:
    return EndpointView(*[*row[:4], PlaceDetails(*row[4:7]), Details(*row[7:12]), *row[12:]])


async def _current(session: AsyncSession, endpoint_id: int, version: int) -> EndpointView:
    found = await get(session, endpoint_id)
    if found.version != version:
        raise ChangedError("the endpoint was changed meanwhile", endpoint=endpoint_id)
    return found


async def _swap(
    session: AsyncSession,
    before: EndpointView,
    after: EndpointView,
    action: str,
    *,
    by: str,
    now: datetime,
) -> EndpointView:
    if after == before:
        return before
    if after.main and not before.main:
        await _take_main(session, before, by=by, now=now)
    values: dict[str, object] = {
        "version": before.version + 1,
        "place_id": after.place_id,
        "main": after.main,
        "commissioning": after.commissioning,
        "commissioned_on": after.commissioned_on,
        "retired_at": after.retired_at,
        **asdict(after.details),
    }
    if after.details.name != before.details.name:
        unit = (await unit_names(session, {after.unit_id}))[after.unit_id]
        values["search"] = unit.key(after.code, after.details.name)
    try:
        async with session.begin_nested():
            swapped = await session.scalar(
                update(Endpoint)
                .where(Endpoint.id == before.id, Endpoint.version == before.version)
                .values(values)
                .returning(Endpoint.version)
                .execution_options(synchronize_session=False)
            )
    except IntegrityError:
        raise ChangedError("the unit got another main endpoint", endpoint=before.id) from None
    if swapped is None:
        raise ChangedError("the endpoint was changed meanwhile", endpoint=before.id)
    await record(
        session,
        at=now,
        actor=by,
        action=action,
        subject=before.subject,
        before=_logged(before),
        after=_logged(after),
    )
    return replace(after, version=swapped)


async def _take_main(session: AsyncSession, new: EndpointView, *, by: str, now: datetime) -> None:
    """Take the place of the unit's main endpoint from whoever has it."""
    # Whoever else swaps the main one of this unit waits here.
    await session.execute(select(Unit.id).where(Unit.id == new.unit_id).with_for_update())
    other = await session.scalar(
        select(Endpoint.id).where(
            Endpoint.unit_id == new.unit_id, Endpoint.main, Endpoint.retired_at.is_(None)
        )
    )
    if other is not None:
        before = await get(session, other)
        await _swap(session, before, replace(before, main=False), "endpoint.update", by=by, now=now)


def _logged(view: EndpointView) -> dict[str, object]:
    return {
        **asdict(view.details),
        "place": view.place.name,
        "main": view.main,
        "commissioning": view.commissioning,
        "commissioned_on": view.commissioned_on,
        "retired_at": view.retired_at,
    }


def _place_name(new: NewEndpoint, units: dict[int, UnitNames]) -> str:
    return new.place.name if new.place else f"UBND {units[new.unit_id].name}"


def _checked_new(new: NewEndpoint) -> NewEndpoint:
    if not CODE.fullmatch(new.code):
        raise InvalidError("this cannot be a code", field="code", problem="code", code=new.code[:40])
    if new.commissioning not in COMMISSIONING:
        raise InvalidError("no such state", field="commissioning", problem="unknown", code=new.code)
    place = None if new.place is None else checked(new.place)
    return replace(new, details=checked_details(new.details), place=place)


def checked_details(details: Details) -> Details:
    """The details as they are kept. Raises InvalidError for the first that cannot be."""
    phone = details.contact_phone.strip()
    number = normal_telephone(phone) if phone else ""
    if number is None or len(number) > 32:
        raise InvalidError("this is no telephone number", field="contact_phone", problem="phone")
    for what, value in (("line_type", details.line_type), ("backup_line_type", details.backup_line_type)):
        if value not in LINE_TYPES and not (value is None and what == "backup_line_type"):
            raise InvalidError("no such line", field=what, problem="unknown")
    return Details(
        name("name", details.name),
        details.line_type,
        details.backup_line_type,
        line("contact_name", details.contact_name, 200),
        number,
    )
