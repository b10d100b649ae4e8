"""People, what they may do, and for which units they speak."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from directory.model.base import KEY, NAME, WORD, Base, Instant

ROLES = ("official", "chair", "secretary", "it_staff", "administrator")


class Person(Base):
    """Somebody who signs in. ``login`` is in lower case and never given to another person."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(NAME)
    search: Mapped[str] = mapped_column(KEY)
    title: Mapped[str] = mapped_column(NAME, default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    language: Mapped[str] = mapped_column(String(5), default="vi")
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(default=1)


class PersonRole(Base):
    """One of :data:`ROLES` that a person has."""

    __tablename__ = "person_role"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    role: Mapped[str] = mapped_column(WORD, primary_key=True)


class PersonUnit(Base):
    """A unit for which a person speaks."""

    __tablename__ = "person_unit"
    __table_args__ = (Index(None, "unit_id"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True)
