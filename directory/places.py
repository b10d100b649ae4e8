"""Places of units: buildings and rooms, found by their name within the unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory.audit import entry, record
from directory.errors import ChangedError, InvalidError, NotFoundError
from directory.model import Endpoint, Place
from directory.model.sites import PLACE_KINDS
from directory.texts import line, name

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class PlaceDetails:
    """What is told of a place. Within a unit the name tells places apart."""

    name: str
    kind: str = "office"
    address: str = ""


def checked(place: PlaceDetails) -> PlaceDetails:
    """The place as it is kept. Raises InvalidError, whose fields begin with ``place``."""
    if place.kind not in PLACE_KINDS:
        raise InvalidError("no such kind of place", field="place_kind", problem="unknown")
    return PlaceDetails(name("place_name", place.name), place.kind, line("place_address", place.address, 400))


async def places_of_unit(session: AsyncSession, unit_id: int) -> Sequence[Place]:
    """All places of a unit, by name."""
    return list(await session.scalars(select(Place).where(Place.unit_id == unit_id).order_by(Place.name)))


async def create_place(
    session: AsyncSession, unit_id: int, place: PlaceDetails, *, by: str, now: datetime
) -> int:
    """A new place; its id. Raises InvalidError."""
    place = checked(place)
    made = Place(unit_id=unit_id, **asdict(place))
    session.add(made)
    await session.flush()
    await _note(session, made.id, unit_id, None, place, by, now)
    return made.id


async def places_for(
    session: AsyncSession,
    wanted: Mapping[tuple[int, str], PlaceDetails],
    given: Collection[tuple[int, str]],
    *,
    by: str,
    now: datetime,
) -> dict[tuple[int, str], int]:
    """The ids of many places by unit and name; those that are missing are made.

    Those that are there are brought up to ``wanted`` where they are among ``given``.
    """
    found: dict[tuple[int, str], int] = {}
    ids = sorted({unit_id for unit_id, _ in wanted})
    for at in range(0, len(ids), _CHUNK):
        rows = select(Place).where(Place.unit_id.in_(ids[at : at + _CHUNK]))
        for place in await session.scalars(rows.order_by(Place.id.desc())):
            found[place.unit_id, place.name] = place.id
    for key in given:
        if key in found:
            await place_for(session, key[0], found[key], wanted[key], by=by, now=now)
    missing = {key: Place(unit_id=key[0], **asdict(wanted[key])) for key in wanted if key not in found}
    session.add_all(missing.values())
    await session.flush()
    noted = []
    for key, place in missing.items():
        found[key] = place.id
        after = {**asdict(wanted[key]), "unit_id": key[0]}
        subject = f"place:{place.id}"
        noted.append(
            entry(at=now, actor=by, action="place.create", subject=subject, before=None, after=after)
        )
    session.add_all([one for one in noted if one is not None])
    return found


async def place_for(
    session: AsyncSession, unit_id: int, current: int, wanted: PlaceDetails, *, by: str, now: datetime
) -> int:
    """The place of an endpoint that is to be ``wanted``; ``current`` is the one it is in.

    A place of the unit with that name is taken, and brought up to ``wanted``. Where there is none, the
    current one gets the name if no other endpoint is there; else a new one is made. Raises InvalidError;
    ChangedError when somebody else changed the place in between.
    """
    wanted = checked(wanted)
    now_there = await session.get(Place, current, populate_existing=True)
    if now_there is None:
        raise NotFoundError("no such place", place=current)
    if now_there.name == wanted.name:
        target = now_there
    else:
        same = await session.scalar(
            select(Place).where(Place.unit_id == unit_id, Place.name == wanted.name).order_by(Place.id)
        )
        sharing = select(func.count()).select_from(Endpoint).where(Endpoint.place_id == current)
        if same is None and (await session.scalar(sharing) or 0) > 1:
            return await create_place(session, unit_id, wanted, by=by, now=now)
        target = now_there if same is None else same
    before = PlaceDetails(target.name, target.kind, target.address)
    if before != wanted:
        swapped = await session.scalar(
            update(Place)
            .where(
                Place.id == target.id,
                Place.name == before.name,
                Place.kind == before.kind,
                Place.address == before.address,
            )
            .values(**asdict(wanted))
            .returning(Place.id)
        )
        if swapped is None:
            raise ChangedError("the place was changed meanwhile", place=target.id)
        await _note(session, target.id, unit_id, before, wanted, by, now)
    return target.id


async def _note(
    session: AsyncSession,
    place_id: int,
    unit_id: int,
    before: PlaceDetails | None,
    after: PlaceDetails,
    by: str,
    now: datetime,
) -> None:
    await record(
        session,
        at=now,
        actor=by,
        action="place.update" if before else "place.create",
        subject=f"place:{place_id}",
        before=asdict(before) if before else None,
        after=asdict(after) if before else {**asdict(after), "unit_id": unit_id},
    )
