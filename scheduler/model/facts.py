"""What happened in a meeting, as it happened: logs that only grow, and the floor's present state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from directory.model.base import WORD, Base, Instant


class AttendanceFact(Base):
    """Somebody joined or left, or a site gave its head-count. Reports are computed from these lines.

    ``key`` makes a fact that is told twice one line: for joining and leaving the participant's sid with
    the verb, for a head-count a fresh one.
    """

    __tablename__ = "attendance_fact"
    __table_args__ = (UniqueConstraint("meeting_id", "key"), Index(None, "meeting_id", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[str] = mapped_column(WORD)
    """``joined``, ``left``, ``aborted``, ``missed`` (was gone), ``head_count``, ``ended`` (of the room)."""
    identity: Mapped[str] = mapped_column(String(100))
    key: Mapped[str] = mapped_column(String(64))
    sid: Mapped[str] = mapped_column(String(64), default="")
    room_sid: Mapped[str] = mapped_column(String(64), default="")
    joined_at: Mapped[datetime | None] = mapped_column(Instant)
    count: Mapped[int | None]


class FloorState(Base):
    """The floor of a meeting after event number ``sequence``, changed by compare-and-swap on that."""

    __tablename__ = "floor_state"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    sequence: Mapped[int]
    state: Mapped[dict[str, Any]] = mapped_column(JSON)


class FloorEvent(Base):
    """One event of the floor: asked, given, taken back, muted, admitted, removed."""

    __tablename__ = "floor_event"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(100))
    event: Mapped[dict[str, Any]] = mapped_column(JSON)
