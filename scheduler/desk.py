"""The floor of each meeting in the database, and its consequences on the media server.

A running meeting has its floor in memory. What happens there is written by
compare-and-swap on the state's sequence number, with its events in a log that
only grows: of two processes that changed one floor, the second is told that it
is behind. Then the rights on the media server are made to follow. Should that
fail, or a participant come in with a token from before, :meth:`FloorDesk.align`
makes them right: rights are computed from the state, never remembered.
"""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Final

import structlog
from livekit.protocol import models
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.database import Database
from directory.errors import DirectoryError
from scheduler import rights
from scheduler.floor import Floor, Rules
from scheduler.floor_state import Event, Role, State
from scheduler.gathering import Gathered
from scheduler.model import FloorEvent, FloorState, Meeting
from scheduler.ports import Rooms
from scheduler.states import OPEN
from signaling.errors import NotFoundError, SignalingError, UnavailableError

CHANGING_RIGHTS: Final = frozenset(
    {"joined", "admitted", "removed", "waiting", "given", "taken", "muted", "unmuted", "muted_all"}
)
"""Events after which somebody may do more or less than before."""

_log = structlog.get_logger(__name__)


class FloorDesk:
    """See the module."""

    def __init__(self, database: Database, rooms: Rooms, rules: Rules | None = None) -> None:
        self._database = database
        self._rooms = rooms
        self._rules = rules or Rules()
        self._aligning: dict[str, Gathered] = {}
        self.failed_rights = 0

    async def floor(self, meeting_id: str) -> Floor:
        """The floor as it is stored; a fresh one before the first event."""
        async with self._database.read() as session:
            row = await session.get(FloorState, meeting_id)
        return Floor(self._rules) if row is None else Floor.restore(row.state, self._rules)

    async def state(self, meeting_id: str) -> State:
        """The state of the stored floor."""
        return (await self.floor(meeting_id)).state

    async def store(
        self, meeting_id: str, before: int, floor: Floor, events: tuple[Event, ...], by: str
    ) -> bool:
        """Write events that a floor in memory took after number ``before``.

        False if others came first, or if the meeting is not open any more: nothing is written then.
        """
        try:
            async with self._database.write() as session:
                # Shared: it may not be closed before these are in the log.
                still = select(Meeting.state).where(Meeting.id == meeting_id).with_for_update(read=True)
                if await session.scalar(still) != OPEN:
                    return False
                return await _store(session, meeting_id, before, floor, events, by)
        except IntegrityError:
            return False

    # -- rights on the media server ----------------------------------------------------

    async def align(self, meeting_id: str, room: str) -> bool:
        """Give each participant of a room the rights that the floor gives it now; put out who was removed.

        False if that could not be done for all; it is to be tried again. Calls at the same time share a run:
        when 579 sites come in, the room is not looked through 579 times.
        """
        gathered = self._aligning.get(room)
        if gathered is None:
            gathered = self._aligning[room] = Gathered(functools.partial(self._align, meeting_id, room))
        try:
            await gathered.run()
        except (SignalingError, DirectoryError):
            return False
        finally:
            if gathered.idle:
                self._aligning.pop(room, None)
        return True

    async def _align(self, meeting_id: str, room: str) -> None:
        """Raises SignalingError and DirectoryError; what is refused for one is done for the others."""
        refused: SignalingError | None = None
        try:
            state = await self.state(meeting_id)
            for participant in await self._rooms.participants(room):
                try:
                    await self._align_one(room, state, participant.identity, participant.permission)
                except UnavailableError:
                    raise
                except SignalingError as error:
                    refused = error
            if refused is not None:
                raise refused
        except (SignalingError, DirectoryError) as error:
            self.failed_rights += 1
            _log.warning("rights_not_followed", room=room, error=str(error))
            raise

    async def _align_one(
        self, room: str, state: State, identity: str, has: models.ParticipantPermission
    ) -> None:
        member = rights.member_of(identity)
        if not member:
            # A hidden helper (recorder, sampler) with rights of its own.
            return
        try:
            if member in state.removed:
                await self._rooms.remove(room, identity)
                return
            known = state.members.get(member)
            role: Role = known.role if known is not None else "site"
            wanted = rights.permission(member, role, state)
            if not rights.same(wanted, has):
                await self._rooms.permit(room, identity, wanted)
        except NotFoundError:
            # It left between the question and the answer.
            return


async def _store(
    session: AsyncSession, meeting_id: str, before: int, floor: Floor, events: tuple[Event, ...], by: str
) -> bool:
    """Write the state and its events; False when another change came first."""
    values = {"sequence": floor.state.sequence, "state": floor.snapshot()}
    if before == 0:
        await session.execute(insert(FloorState).values(meeting_id=meeting_id, **values))
    else:
        done = await session.execute(
            update(FloorState)
            .where(FloorState.meeting_id == meeting_id, FloorState.sequence == before)
            .values(**values)
            .execution_options(synchronize_session=False)
            .returning(FloorState.meeting_id)
        )
        if done.scalar_one_or_none() is None:
            return False
    rows = [
        {
            "meeting_id": meeting_id,
            "sequence": event.sequence,
            "at": event.at,
            "actor": event.by or by,
            "event": event.to_dict(),
        }
        for event in events
    ]
    await session.execute(insert(FloorEvent), rows)
    return True


async def first_seen(session: AsyncSession, meeting_id: str) -> dict[str, datetime]:
    """When each member was let in for the first time."""
    kind, member = FloorEvent.event["kind"].as_string(), FloorEvent.event["member"].as_string()
    came = FloorEvent.meeting_id == meeting_id, kind.in_(("joined", "admitted"))
    rows = await session.execute(select(member, func.min(FloorEvent.at)).where(*came).group_by(member))
    return dict(list(rows))


async def floor_events(session: AsyncSession, meeting_id: str) -> list[Event]:
    """The whole log of a meeting's floor; replaying it gives the state."""
    rows = select(FloorEvent).where(FloorEvent.meeting_id == meeting_id).order_by(FloorEvent.sequence)
    return [Event.from_dict(row.event) for row in await session.scalars(rows)]
