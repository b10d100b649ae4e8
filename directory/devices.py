"""The equipment of an endpoint: terminals, cameras, screens, microphones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.audit import record
from directory.endpoints import EndpointView, get
from directory.errors import ChangedError, InvalidError, NotFoundError, TakenError
from directory.model import Device, Endpoint
from directory.model.sites import DEVICE_KINDS
from directory.texts import line, name


async def devices_of(session: AsyncSession, endpoint_id: int) -> Sequence[Device]:
    """All devices of an endpoint, by kind and name."""
    found = select(Device).where(Device.endpoint_id == endpoint_id).order_by(Device.kind, Device.name)
    return list(await session.scalars(found))


async def add_device(
    session: AsyncSession,
    endpoint_id: int,
    kind: str,
    title: str,
    serial: str = "",
    *,
    version: int,
    by: str,
    now: datetime,
) -> int:
    """A new device; its id. ``version`` is the endpoint's, which counts up.

    Raises NotFoundError, ChangedError, InvalidError; TakenError where the endpoint has one of that kind
    and name.
    """
    if kind not in DEVICE_KINDS:
        raise InvalidError("no such kind of device", field="kind", problem="unknown")
    title, serial = name("device_name", title), line("serial", serial, 100)
    endpoint = await _counted(session, endpoint_id, version)
    row = {"endpoint_id": endpoint_id, "kind": kind, "name": title, "serial": serial}
    try:
        async with session.begin_nested():
            made = await session.scalar(insert(Device).values(row).returning(Device.id))
    except IntegrityError:
        raise TakenError("the endpoint has such a device", field="device_name") from None
    shown = {"kind": kind, "name": title, "serial": serial}
    await record(
        session,
        at=now,
        actor=by,
        action="device.create",
        subject=endpoint.subject,
        before=None,
        after=shown,
    )
    return made or 0


async def change_device(
    session: AsyncSession,
    endpoint_id: int,
    device_id: int,
    title: str,
    serial: str,
    *,
    version: int,
    by: str,
    now: datetime,
) -> None:
    """Another name or serial number; its kind stays. No difference changes nothing, not even the version.

    Raises as :func:`add_device` does.
    """
    title, serial = name("device_name", title), line("serial", serial, 100)
    device = await session.get(Device, device_id, populate_existing=True)
    if device is None or device.endpoint_id != endpoint_id:
        raise NotFoundError("the endpoint has no such device", device=device_id)
    before = {"kind": device.kind, "name": device.name, "serial": device.serial}
    after = before | {"name": title, "serial": serial}
    if before == after:
        return
    endpoint = await _counted(session, endpoint_id, version)
    try:
        async with session.begin_nested():
            await session.execute(
                update(Device)
                .where(Device.id == device_id)
                .values(name=title, serial=serial)
                .execution_options(synchronize_session=False)
            )
    except IntegrityError:
        raise TakenError("the endpoint has such a device", field="device_name") from None
    await record(
        session,
        at=now,
        actor=by,
        action="device.update",
        subject=endpoint.subject,
        before=before,
        after=after,
    )


async def remove_device(
    session: AsyncSession, endpoint_id: int, device_id: int, *, version: int, by: str, now: datetime
) -> None:
    """Take a device off the record; the audit log keeps it. Raises NotFoundError, ChangedError."""
    endpoint = await _counted(session, endpoint_id, version)
    gone = (
        await session.execute(
            delete(Device)
            .where(Device.id == device_id, Device.endpoint_id == endpoint_id)
            .returning(Device.kind, Device.name, Device.serial)
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    if gone is None:
        raise NotFoundError("the endpoint has no such device", device=device_id)
    shown = {"kind": gone[0], "name": gone[1], "serial": gone[2]}
    await record(
        session,
        at=now,
        actor=by,
        action="device.delete",
        subject=endpoint.subject,
        before=shown,
        after=None,
    )


async def _counted(session: AsyncSession, endpoint_id: int, version: int) -> EndpointView:
    endpoint = await get(session, endpoint_id)
    counted = await session.scalar(
        update(Endpoint)
        .where(Endpoint.id == endpoint_id, Endpoint.version == version)
        .values(version=version + 1)
        .returning(Endpoint.version)
        .execution_options(synchronize_session=False)
    )
    if counted is None:
        raise ChangedError("the endpoint was changed meanwhile", endpoint=endpoint_id)
    return endpoint
