"""Meetings, who is invited, which times are taken, and what has been done about each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from directory.model.base import NAME, WORD, Base, Instant

MEETING_KINDS = ("briefing", "thematic", "interim_review", "final_review", "training", "urgent", "other")
MEETING_STATES = ("draft", "published", "open", "closed", "cancelled", "skipped")


class Meeting(Base):
    """A meeting at a time. ``ends_at`` is the expected end; an open meeting may run over it.

    ``zone`` is the zone in which it was planned, beside the instants. ``id`` is random and never changes,
    whatever is edited; ``version`` is for compare-and-swap, and grows with each change that people see.
    """

    __tablename__ = "meeting"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="length"),
        Index(None, "state", "starts_at"),
        Index(None, "starts_at"),
    )

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    title: Mapped[str] = mapped_column(NAME)
    kind: Mapped[str] = mapped_column(WORD)
    state: Mapped[str] = mapped_column(WORD)
    chair_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    secretary_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    zone: Mapped[str] = mapped_column(String(64))
    agenda: Mapped[str] = mapped_column(Text, default="")
    room: Mapped[str] = mapped_column(String(64), unique=True)
    """Name of its room on the media server; made anew for each meeting, so that old tokens open nothing."""
    reason: Mapped[str] = mapped_column(String(400), default="")
    """Why it was cancelled, skipped, or moved last."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(100))
    published_at: Mapped[datetime | None] = mapped_column(Instant)
    opened_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class Invitation(Base):
    """A site that is invited to a meeting."""

    __tablename__ = "invitation"
    __table_args__ = (Index(None, "endpoint_id"),)

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("endpoint.id"), primary_key=True)


class Slot(Base):
    """A time for which a meeting takes a site or a person; half open, so that meetings may touch.

    ``resource`` is ``site:<endpoint id>`` or ``person:<id>``. Only published and open meetings have slots.
    PostgreSQL refuses two that overlap by a constraint. On SQLite the writer looks first, in the same
    immediate transaction; nobody can come between.
    """

    __tablename__ = "slot"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="length"),
        Index(None, "resource", "starts_at"),
    )

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    resource: Mapped[str] = mapped_column(String(32), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)


NO_OVERLAP = "ex_slot_overlap"
"""PostgreSQL's constraint against two meetings at one site."""


class Action(Base):
    """Something that is done once for a meeting, such as ``open``: who inserts the row does it."""

    __tablename__ = "meeting_action"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    action: Mapped[str] = mapped_column(WORD, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    """When its effect outside the database (the room on the media server) was seen to be there."""
