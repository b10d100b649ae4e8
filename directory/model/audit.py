"""The audit log: who changed what, from what to what. The database itself refuses to change a line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from directory.model.base import Base, Instant


class AuditEntry(Base):
    """One change. ``before`` and ``after`` hold the fields that differ; never a secret or its hash."""

    __tablename__ = "audit_entry"
    # One actor's lines are asked for in the order of their ids.
    __table_args__ = (Index(None, "at"), Index(None, "actor", "id"), Index(None, "subject"))

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(String(100))
    """``person:<id>``, ``site:<code>:<device>``, ``service`` or ``cli:<user>``."""
    action: Mapped[str] = mapped_column(String(64))
    """Verb and table, such as ``endpoint.update``."""
    subject: Mapped[str] = mapped_column(String(100))
    """Table and key, such as ``endpoint:00004``."""
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)
