"""Groups of endpoints that are often invited together.

Every function works in the caller's transaction; an exception is meant to end it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.audit import record
from directory.errors import ChangedError, InvalidError, NotFoundError, TakenError
from directory.model import Endpoint, Group, GroupMember
from directory.search import search_key
from directory.texts import name

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group. ``members`` are ids of endpoints, retired ones among them; ``version`` is for changes."""

    id: int
    name: str
    members: frozenset[int]
    version: int = field(compare=False)

    @property
    def subject(self) -> str:
        """Its name in the audit log."""
        return f"site_group:{self.id}"


async def all_groups(session: AsyncSession) -> list[GroupView]:
    """All groups, by name without diacritics."""
    return await _views(session)


async def get(session: AsyncSession, group_id: int) -> GroupView:
    """One group. Raises NotFoundError."""
    found = await _views(session, group_id)
    if not found:
        raise NotFoundError(f"no group {group_id}", group=group_id)
    return found[0]


async def create(
    session: AsyncSession, title: str, members: Collection[int], *, by: str, now: datetime
) -> GroupView:
    """A new group. Raises InvalidError (also for no members); TakenError for a name in use."""
    title = name("name", title)
    await _check_members(session, members)
    try:
        async with session.begin_nested():
            made = await session.scalar(
                insert(Group).values(name=title, search=search_key(title), version=1).returning(Group.id)
            )
    except IntegrityError:
        raise TakenError("a group has this name", field="name") from None
    view = GroupView(made or 0, title, frozenset(members), 1)
    await _put(session, view.id, view.members)
    await record(
        session,
        at=now,
        actor=by,
        action="site_group.create",
        subject=view.subject,
        before=None,
        after=await _logged(session, view),
    )
    return view


async def change(
    session: AsyncSession,
    group_id: int,
    *,
    version: int,
    title: str | None = None,
    members: Collection[int] | None = None,
    by: str,
    now: datetime,
) -> GroupView:
    """Change what is given. No difference changes nothing, not even the version.

    Raises NotFoundError, ChangedError for another version, InvalidError, TakenError.
    """
    before = await get(session, group_id)
    if before.version != version:
        raise ChangedError("the group was changed meanwhile", group=group_id)
    after = before
    if title is not None:
        after = replace(after, name=name("name", title))
    if members is not None:
        await _check_members(session, members)
        after = replace(after, members=frozenset(members))
    if after == before:
        return before
    values = {"name": after.name, "search": search_key(after.name), "version": version + 1}
    try:
        async with session.begin_nested():
            swapped = await session.scalar(
                update(Group)
                .where(Group.id == group_id, Group.version == version)
                .values(values)
                .returning(Group.version)
                .execution_options(synchronize_session=False)
            )
    except IntegrityError:
        raise TakenError("a group has this name", field="name") from None
    if swapped is None:
        raise ChangedError("the group was changed meanwhile", group=group_id)
    await _drop(session, group_id, before.members - after.members)
    await _put(session, group_id, after.members - before.members)
    await record(
        session,
        at=now,
        actor=by,
        action="site_group.update",
        subject=before.subject,
        before=await _logged(session, before),
        after=await _logged(session, after),
    )
    return replace(after, version=swapped)


async def remove(session: AsyncSession, group_id: int, *, version: int, by: str, now: datetime) -> None:
    """Take a group off the record; its sites stay. Raises NotFoundError, ChangedError."""
    before = await get(session, group_id)
    logged = await _logged(session, before)
    await _drop(session, group_id, before.members)
    gone = await session.scalar(
        delete(Group)
        .where(Group.id == group_id, Group.version == version)
        .returning(Group.id)
        .execution_options(synchronize_session=False)
    )
    if gone is None:
        raise ChangedError("the group was changed meanwhile", group=group_id)
    await record(
        session,
        at=now,
        actor=by,
        action="site_group.delete",
        subject=before.subject,
        before=logged,
        after=None,
    )


async def _views(session: AsyncSession, group_id: int | None = None) -> list[GroupView]:
    members: dict[int, set[int]] = {}
    rows = select(GroupMember.group_id, GroupMember.endpoint_id)
    found = select(Group.id, Group.name, Group.version).order_by(Group.search, Group.name)
    if group_id is not None:
        rows, found = rows.where(GroupMember.group_id == group_id), found.where(Group.id == group_id)
    for group, endpoint in await session.execute(rows):
        members.setdefault(group, set()).add(endpoint)
    return [
        GroupView(number, title, frozenset(members.get(number, ())), version)
        for number, title, version in await session.execute(found)
    ]


async def _check_members(session: AsyncSession, members: Collection[int]) -> None:
    ids = sorted(set(members))
    if not ids:
        raise InvalidError("a group needs members", field="members", problem="missing")
    known: set[int] = set()
    for at in range(0, len(ids), _CHUNK):
        part = select(Endpoint.id).where(Endpoint.id.in_(ids[at : at + _CHUNK]))
        known.update(await session.scalars(part))
    if known != set(ids):
        raise InvalidError("no such endpoint", field="members", problem="unknown")


async def _put(session: AsyncSession, group_id: int, members: Collection[int]) -> None:
    rows = [{"group_id": group_id, "endpoint_id": endpoint} for endpoint in sorted(members)]
    if rows:
        await session.execute(insert(GroupMember), rows)


async def _drop(session: AsyncSession, group_id: int, members: Collection[int]) -> None:
    ids = sorted(members)
    for at in range(0, len(ids), _CHUNK):
        await session.execute(
            delete(GroupMember)
            .where(
                GroupMember.group_id == group_id,
                GroupMember.endpoint_id.in_(ids[at : at + _CHUNK]),
            )
            .execution_options(synchronize_session=False)
        )


async def _logged(session: AsyncSession, view: GroupView) -> dict[str, object]:
    codes: list[str] = []
    ids = sorted(view.members)
    for at in range(0, len(ids), _CHUNK):
        part = select(Endpoint.code).where(Endpoint.id.in_(ids[at : at + _CHUNK]))
        codes += await session.scalars(part)
    return {"name": view.name, "members": sorted(codes)}
