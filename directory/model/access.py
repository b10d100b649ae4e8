"""Credentials, one for each person, site device and agent; and the sessions that they opened."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from directory.model.base import NAME, WORD, Base, Instant

CREDENTIAL_KINDS = ("person", "device", "agent")

_OWNER = "(person_id IS NULL) <> (endpoint_id IS NULL)"
_KIND = "(kind = 'person') = (person_id IS NOT NULL)"
_LIVE = text("revoked_at IS NULL")


class Credential(Base):
    """A secret's argon2 hash, and whose it is. The secret itself is shown once and never kept.

    ``device`` names the device or agent of an endpoint, and is empty for a person. Whoever has a new
    credential has its old one revoked.
    """

    __tablename__ = "credential"
    __table_args__ = (
        CheckConstraint(_OWNER, name="one_owner"),
        CheckConstraint(_KIND, name="kind_of_owner"),
        Index("uq_credential_person", "person_id", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index(
            "uq_credential_device",
            "endpoint_id",
            "kind",
            "device",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
    )

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    """Random; the public first part of a device's key."""
    kind: Mapped[str] = mapped_column(WORD)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    endpoint_id: Mapped[int | None] = mapped_column(ForeignKey("endpoint.id"))
    device: Mapped[str] = mapped_column(String(32), default="")
    hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(100))
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    must_change: Mapped[bool] = mapped_column(default=False)
    """Whether a person has to choose an own password at the next sign-in."""

    def __repr__(self) -> str:
        return f"<Credential {self.id} {self.kind}>"


class Session(Base):
    """A browser that is signed in. ``id`` is the SHA-256 of its cookie, so that the table opens nothing."""

    __tablename__ = "session"
    __table_args__ = (
        CheckConstraint(_OWNER, name="one_owner"),
        Index(None, "person_id"),
        Index(None, "endpoint_id"),
        Index(None, "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    credential_id: Mapped[str] = mapped_column(ForeignKey("credential.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    endpoint_id: Mapped[int | None] = mapped_column(ForeignKey("endpoint.id"))
    device: Mapped[str] = mapped_column(String(32), default="")
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    agent: Mapped[str] = mapped_column(NAME, default="")
    """What the browser calls itself, cut to what a list shows."""
    address: Mapped[str] = mapped_column(String(45), default="")
