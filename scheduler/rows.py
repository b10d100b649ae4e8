"""Reading and changing the row of a meeting: by compare-and-swap, with its line in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit
from scheduler.errors import MeetingChangedError, NoMeetingError
from scheduler.model import Meeting


async def get_meeting(session: AsyncSession, meeting_id: str) -> Meeting:
    """A meeting as it stands in the database now. Raises NoMeetingError."""
    meeting = await session.get(Meeting, meeting_id, populate_existing=True)
    if meeting is None:
        raise NoMeetingError(f"no meeting {meeting_id}", meeting=meeting_id)
    return meeting


async def swap_meeting(
    session: AsyncSession, meeting: Meeting, version: int, columns: Mapping[str, Any]
) -> Meeting:
    """Write ``columns`` if the row has ``version`` and the state that ``meeting`` shows, and read it again.

    Raises MeetingChangedError.
    """
    done = await session.execute(
        update(Meeting)
        .where(Meeting.id == meeting.id, Meeting.version == version, Meeting.state == meeting.state)
        .values(version=version + 1, **columns)
        .execution_options(synchronize_session=False)
        .returning(Meeting.id)
    )
    if done.scalar_one_or_none() is None:
        raise MeetingChangedError("the meeting was changed meanwhile", meeting=meeting.id)
    return await get_meeting(session, meeting.id)


def log_change(
    session: AsyncSession,
    meeting_id: str,
    action: str,
    by: str,
    now: datetime,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> None:
    """Add a line with what differs to the audit log, in the same transaction."""
    made = audit.entry(
        at=now, actor=by, action=action, subject=f"meeting:{meeting_id}", before=before, after=after
    )
    if made is not None:
        session.add(made)
