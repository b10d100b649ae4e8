"""One line of the roster, and the difference of two states of it as it is sent."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_args

from scheduler.channel.reading import Fields
from scheduler.floor_state import ROLES, Role

Presence = Literal["invited", "present", "late", "absent"]
PRESENCES: Final[tuple[Presence, ...]] = get_args(Presence)

LONGEST_KEY: Final = 100
LONGEST_NAME: Final = 300
#: In the room of one site; the attendance log takes no more.
MOST_HEADS: Final = 1_000


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """A site or a person of a meeting.

    ``key`` is the member's (``site:<code>``, ``person:<id>``), ``code`` the
    official code of a site. ``presence``: *invited* before it is known whether
    it comes, *late* present but came late, *absent* not here. ``head_count`` is
    what the site said, None for not yet. ``order`` is the place among those who
    ask for the floor, from 1; 0 does not ask.
    """

    key: str
    name: str
    role: Role = "site"
    code: str = ""
    district: str = ""
    presence: Presence = "invited"
    head_count: int | None = None
    order: int = 0
    has_floor: bool = False
    muted: bool = False

    def plain(self) -> dict[str, Any]:
        """All fields for JSON."""
        return {name: getattr(self, name) for name in _NAMES}

    def patch(self, before: RosterEntry | None) -> dict[str, Any]:
        """The key and the fields that differ from ``before``; all of them if there was none."""
        if before is None:
            return self.plain()
        changed = {
            name: getattr(self, name) for name in _NAMES if getattr(self, name) != getattr(before, name)
        }
        return {"key": self.key, **changed}


_NAMES: Final = tuple(field.name for field in fields(RosterEntry))


def read_entry(values: Fields, before: RosterEntry | None = None) -> RosterEntry:
    """The entry of an object; fields that are missing are those of ``before``. Raises MessageError."""
    key = values.text("key", LONGEST_KEY)
    if before is None:
        return RosterEntry(
            key=key,
            name=values.text("name", LONGEST_NAME),
            role=values.choice("role", ROLES),
            code=values.text("code", LONGEST_KEY),
            district=values.text("district", LONGEST_NAME),
            presence=values.choice("presence", PRESENCES),
            head_count=values.optional_integer("head_count", 0, MOST_HEADS),
            order=values.integer("order"),
            has_floor=values.flag("has_floor"),
            muted=values.flag("muted"),
        )
    return RosterEntry(
        key=key,
        name=values.text("name", LONGEST_NAME, before.name),
        role=values.choice("role", ROLES) if "role" in values else before.role,
        code=values.text("code", LONGEST_KEY, before.code),
        district=values.text("district", LONGEST_NAME, before.district),
        presence=values.choice("presence", PRESENCES) if "presence" in values else before.presence,
        # It can change and never goes back to unknown.
        head_count=values.optional_integer("head_count", 0, MOST_HEADS)
        if "head_count" in values
        else before.head_count,
        order=values.integer("order") if "order" in values else before.order,
        has_floor=values.flag("has_floor") if "has_floor" in values else before.has_floor,
        muted=values.flag("muted") if "muted" in values else before.muted,
    )
