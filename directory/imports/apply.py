"""Plans made from the database and carried out in it: all of a plan or nothing, and only as it was shown."""

from __future__ import annotations

import asyncio
from datetime import date, datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory import endpoints
from directory.audit import entry
from directory.database import Database
from directory.errors import ChangedError, DirectoryError, InvalidError
from directory.imports.endpoint_fields import Rows
from directory.imports.endpoint_plan import EndpointOrder, EndpointPlan, plan_endpoints
from directory.imports.plan import Changed
from directory.imports.stored import load_stored
from directory.imports.unit_plan import NewUnit, UnitOrder, UnitPlan, plan_units
from directory.model import Endpoint, Unit, UnitSuccessor
from directory.search import search_key
from directory.unit_names import unit_names

_CHUNK = 500


async def preview_endpoints(database: Database, rows: Rows, day: date) -> EndpointPlan:
    """What an import would do now."""
    async with database.read() as session:
        stored = await load_stored(session)
    # Ten thousand rows take a while, in which the event loop has other things to do.
    return await asyncio.to_thread(plan_endpoints, rows, stored, day)


async def preview_units(database: Database, rows: Rows, since: date) -> UnitPlan:
    """What an import would do now."""
    async with database.read() as session:
        stored = await load_stored(session)
    return await asyncio.to_thread(plan_units, rows, stored, since)


async def apply_endpoints(
    database: Database, rows: Rows, day: date, *, digest: str, by: str, now: datetime
) -> EndpointPlan:
    """Carry out the plan that :func:`preview_endpoints` showed, in one transaction; the plan.

    Raises InvalidError for a plan with errors; ChangedError when it is no longer the plan of ``digest``,
    or somebody changed a site while it was carried out: nothing is changed then.
    """
    async with database.write() as session:
        plan = await asyncio.to_thread(plan_endpoints, rows, await load_stored(session), day)
        await asyncio.to_thread(_check, plan, digest)
        try:
            # Who gives up being the main site comes first, so that another one can be.
            giving_up = [one for one in plan.changed if one.order.main is False]
            others = [one for one in plan.changed if one.order.main is not False]
            for changed in giving_up:
                await _change(session, changed.order, by, now)
            await endpoints.create_many(session, [one.new for one in plan.added], by=by, now=now)
            for changed in others:
                await _change(session, changed.order, by, now)
        except DirectoryError as error:
            raise ChangedError(f"the import was stopped: {error}", **error.details) from error
    return plan


async def apply_units(
    database: Database, rows: Rows, since: date, *, digest: str, by: str, now: datetime
) -> UnitPlan:
    """As :func:`apply_endpoints`, for units."""
    async with database.write() as session:
        plan = await asyncio.to_thread(plan_units, rows, await load_stored(session), since)
        await asyncio.to_thread(_check, plan, digest)
        try:
            await _add_units(session, [one.new for one in plan.added], by, now)
            for changed in plan.changed:
                await _change_unit(session, changed, by, now)
            await _refresh_keys(session, plan)
        except IntegrityError as error:
            raise ChangedError("the units were changed meanwhile") from error
    return plan


def _check(plan: EndpointPlan | UnitPlan, digest: str) -> None:
    if plan.digest != digest:
        raise ChangedError("what is on record has changed since the plan was made")
    if plan.errors:
        raise InvalidError("a table with errors is not imported", field="", problem="errors")


async def _change(session: AsyncSession, order: EndpointOrder, by: str, now: datetime) -> None:
    await endpoints.change(
        session,
        order.id,
        version=order.version,
        details=order.details,
        place=order.place,
        main=order.main,
        commissioning=order.commissioning,
        commissioned_on=order.commissioned_on,
        through=True,
        by=by,
        now=now,
    )


async def _add_units(session: AsyncSession, new: list[NewUnit], by: str, now: datetime) -> None:
    for one in sorted(new, key=lambda unit: unit.level):
        parent = None if one.parent is None else await _unit_id(session, one.parent)
        made = Unit(
            code=one.code,
            name=one.name,
            kind=one.kind,
            parent_id=parent,
            valid_from=one.valid_from,
            valid_to=one.valid_to,
            search=search_key(one.code, one.name),
        )
        session.add(made)
        await session.flush()
        if one.forerunners:
            links = [{"old_id": old, "new_id": made.id} for old in one.forerunners]
            await session.execute(insert(UnitSuccessor), links)
        after: dict[str, object] = {
            "name": one.name,
            "kind": one.kind,
            "parent": one.parent[0] if one.parent else "",
            "valid_from": one.valid_from,
            "valid_to": one.valid_to,
        }
        noted = entry(
            at=now,
            actor=by,
            action="unit.create",
            subject=f"unit:{one.code}:{one.valid_from.isoformat()}",
            before=None,
            after=after,
        )
        session.add(noted)


async def _change_unit(session: AsyncSession, changed: Changed[UnitOrder], by: str, now: datetime) -> None:
    order = changed.order
    name, kind, parent_id, valid_to = order.before
    parent = None if order.parent is None else await _unit_id(session, order.parent)
    swapped = await session.scalar(
        update(Unit)
        .where(
            Unit.id == order.id,
            Unit.name == name,
            Unit.kind == kind,
            Unit.parent_id.is_not_distinct_from(parent_id),
            Unit.valid_to.is_not_distinct_from(valid_to),
        )
        .values(
            name=order.name,
            kind=order.kind,
            parent_id=parent,
            valid_to=order.valid_to,
            search=search_key(changed.code, order.name),
        )
        .returning(Unit.valid_from)
        .execution_options(synchronize_session=False)
    )
    if swapped is None:
        raise ChangedError("a unit was changed meanwhile", code=changed.code)
    if order.forerunners:
        links = [{"old_id": old, "new_id": order.id} for old in order.forerunners]
        await session.execute(insert(UnitSuccessor), links)
    session.add(
        entry(
            at=now,
            actor=by,
            action="unit.update",
            subject=f"unit:{changed.code}:{swapped.isoformat()}",
            before={field.field: field.before for field in changed.fields},
            after={field.field: field.after for field in changed.fields},
        )
    )


async def _unit_id(session: AsyncSession, key: tuple[str, date]) -> int:
    found = await session.scalar(select(Unit.id).where(Unit.code == key[0], Unit.valid_from == key[1]))
    if found is None:
        raise ChangedError("a unit was changed meanwhile", code=key[0])
    return found


async def _refresh_keys(session: AsyncSession, plan: UnitPlan) -> None:
    """Search keys of the endpoints of units whose names, forerunners or districts have changed."""
    changed = [one.order.id for one in plan.changed]
    await session.flush()
    touched: set[int] = set()
    for at in range(0, len(changed), _CHUNK):
        part = changed[at : at + _CHUNK]
        below = select(Unit.id).where(Unit.parent_id.in_(part))
        touched.update(part, await session.scalars(below))
    names = await unit_names(session, touched)
    wanted = sorted(touched)
    for at in range(0, len(wanted), _CHUNK):
        rows = await session.execute(
            select(Endpoint.id, Endpoint.code, Endpoint.name, Endpoint.unit_id, Endpoint.search).where(
                Endpoint.unit_id.in_(wanted[at : at + _CHUNK])
            )
        )
        for endpoint_id, code, name, unit_id, search in rows.all():
            key = names[unit_id].key(code, name)
            if key != search:
                await session.execute(
                    update(Endpoint)
                    .where(Endpoint.id == endpoint_id)
                    .values(search=key)
                    .execution_options(synchronize_session=False)
                )
