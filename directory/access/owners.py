"""Whose a credential is, and the lock by which changes of one owner's credentials and sessions take turns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.errors import InvalidError, NotFoundError
from directory.model import Credential, Endpoint, Person

OwnerKind: TypeAlias = Literal["person", "device", "agent"]

_DEVICE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_LARGEST: Final = 2**31 - 1
"""A database's integer; it would not look for a larger one but fail."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A person, or a device or agent of an endpoint. Made by the functions below."""

    kind: OwnerKind
    person_id: int | None = None
    endpoint_id: int | None = None
    device: str = ""

    def matches(self) -> ColumnElement[bool]:
        """The condition for this owner's credentials."""
        if self.person_id is not None:
            return Credential.person_id == self.person_id
        return (
            (Credential.endpoint_id == self.endpoint_id)
            & (Credential.kind == self.kind)
            & (Credential.device == self.device)
        )


def person(person_id: int) -> Owner:
    """A person."""
    return Owner("person", person_id=person_id)


def site_device(endpoint_id: int, device: str = "main") -> Owner:
    """A device that stands for its site in meetings. Raises InvalidError for an impossible name."""
    return Owner("device", endpoint_id=endpoint_id, device=_device(device))


def agent(endpoint_id: int, name: str = "agent") -> Owner:
    """A program at a site that reports. Raises InvalidError for an impossible name."""
    return Owner("agent", endpoint_id=endpoint_id, device=_device(name))


def owner_of(credential: Credential) -> Owner:
    """Whose a credential is."""
    if credential.person_id is not None:
        return person(credential.person_id)
    kind: OwnerKind = "agent" if credential.kind == "agent" else "device"
    return Owner(kind, endpoint_id=credential.endpoint_id, device=credential.device)


async def lock(session: AsyncSession, owner: Owner, *, shared: bool = False) -> str:
    """Wait for other changes of this owner; gives its name in the audit log.

    Locks are taken in one order everywhere: owner, credential, session. ``shared`` lets others read it
    and open sessions too. Raises NotFoundError for nobody, or somebody disabled or retired.
    """
    name: str | None
    if not 0 < (owner.person_id or owner.endpoint_id or 0) <= _LARGEST:
        name = None
    elif owner.person_id is not None:
        found = select(Person.id).where(Person.id == owner.person_id, Person.disabled_at.is_(None))
        known = await session.scalar(found.with_for_update(read=shared))
        name = None if known is None else f"person:{known}"
    else:
        site = select(Endpoint.code).where(Endpoint.id == owner.endpoint_id, Endpoint.retired_at.is_(None))
        code = await session.scalar(site.with_for_update(read=shared))
        name = None if code is None else actor_name(owner.kind, code, owner.device)
    if name is None:
        raise NotFoundError("no such owner, or one who may not sign in")
    return name


def actor_name(kind: str, code: str, device: str) -> str:
    """The name of an endpoint's device or agent in the audit log, and of the device in meetings."""
    return f"{'agent' if kind == 'agent' else 'site'}:{code}:{device}"


def _device(name: str) -> str:
    if not _DEVICE.fullmatch(name):
        raise InvalidError("a device's name has 1 to 32 of a-z, 0-9, _ and -", field="device", problem="name")
    return name
