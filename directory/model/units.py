"""Administrative units over time: a city, its districts, its communes; what each became."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from directory.model.base import KEY, NAME, WORD, Base

UNIT_KINDS = ("thanh_pho", "quan", "huyen", "thi_xa", "xa", "phuong", "thi_tran")
"""City; urban district, district, town; commune, ward, township."""


class Unit(Base):
    """A unit as it was from ``valid_from`` until the day before ``valid_to``.

    ``code`` is the statistics office's. A reform may give an old code to a new unit, so code and first
    day together are the identity; a changed name or border is another unit with the old one as forerunner.
    """

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("code", "valid_from"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="validity"),
        Index(None, "parent_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(NAME)
    kind: Mapped[str] = mapped_column(WORD)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    search: Mapped[str] = mapped_column(KEY)
    """Key of code and name."""
    parent: Mapped[Unit | None] = relationship(remote_side=[id], lazy="raise")
    """Read ``parent_id``; this is for writing a tree in one go."""

    def valid_on(self, day: date) -> bool:
        """Whether the unit exists on ``day``."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class UnitSuccessor(Base):
    """``old`` became, in whole or in part, ``new``."""

    __tablename__ = "unit_successor"
    __table_args__ = (Index(None, "new_id"),)

    old_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    new_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True)
