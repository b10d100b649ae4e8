"""Where meetings are attended: places, endpoints in them, their devices, and groups of endpoints."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from directory.model.base import KEY, NAME, WORD, Base, Instant

PLACE_KINDS = ("office", "apartment", "village_house", "residential_group", "other")
LINE_TYPES = ("tslcd", "wan", "internet", "mobile", "unknown")
"""State dedicated data network, the city's own network, internet by wire, internet by radio."""
COMMISSIONING = ("planned", "installed", "accepted", "in_use")
DEVICE_KINDS = ("terminal", "camera", "screen", "microphone")


class Place(Base):
    """A building or room of a unit."""

    __tablename__ = "place"
    __table_args__ = (Index(None, "unit_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[str] = mapped_column(WORD)
    name: Mapped[str] = mapped_column(NAME)
    address: Mapped[str] = mapped_column(String(400), default="")


class Endpoint(Base):
    """A site of meetings ("điểm cầu"). A unit may have many and has one main one at most.

    ``code`` is its part of the identity ``site:<code>:<device>`` and never changes, whatever becomes of
    its unit. ``version`` is for compare-and-swap.
    """

    __tablename__ = "endpoint"
    __table_args__ = (
        Index(
            "uq_endpoint_main",
            "unit_id",
            unique=True,
            sqlite_where=text("main AND retired_at IS NULL"),
            postgresql_where=text("main AND retired_at IS NULL"),
        ),
        Index(None, "place_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"))
    main: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str] = mapped_column(NAME)
    search: Mapped[str] = mapped_column(KEY)
    """Key of code, name, district, and the names of forerunners."""
    line_type: Mapped[str] = mapped_column(WORD, default="unknown")
    backup_line_type: Mapped[str | None] = mapped_column(WORD)
    contact_name: Mapped[str] = mapped_column(NAME, default="")
    contact_phone: Mapped[str] = mapped_column(String(32), default="")
    commissioning: Mapped[str] = mapped_column(WORD, default="planned")
    commissioned_on: Mapped[date | None]
    retired_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(default=1)


class Device(Base):
    """A piece of equipment of an endpoint."""

    __tablename__ = "device"
    __table_args__ = (UniqueConstraint("endpoint_id", "kind", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("endpoint.id"))
    kind: Mapped[str] = mapped_column(WORD)
    name: Mapped[str] = mapped_column(NAME)
    serial: Mapped[str] = mapped_column(String(100), default="")


class Group(Base):
    """A named set of endpoints that are often invited together."""

    __tablename__ = "site_group"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    search: Mapped[str] = mapped_column(KEY)
    version: Mapped[int] = mapped_column(default=1)


class GroupMember(Base):
    """An endpoint in a group."""

    __tablename__ = "site_group_member"
    __table_args__ = (Index(None, "endpoint_id"),)

    group_id: Mapped[int] = mapped_column(ForeignKey("site_group.id"), primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("endpoint.id"), primary_key=True)
