"""What can be wrong with a request to the scheduler. Pages translate by ``code``; texts are for logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


class SchedulerError(Exception):
    """Base of this part. ``code`` names the case; ``details`` are what a sentence about it needs."""

    code: ClassVar[str] = "scheduler"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details

    @property
    def problem(self) -> str:
        """How it is wrong, in a word that pages translate, for the cases that tell; else empty."""
        return str(self.details.get("problem", ""))


class NoMeetingError(SchedulerError):
    """There is no such meeting."""

    code = "no_meeting"


class MeetingChangedError(SchedulerError):
    """Somebody else changed the meeting since it was read: compare-and-swap failed."""

    code = "meeting_changed"


class ImpossibleError(SchedulerError):
    """A value cannot be. ``details["field"]`` names it, ``details["problem"]`` says how."""

    code = "impossible"


class StateError(SchedulerError):
    """The meeting's state does not allow it. ``details["state"]`` is that state."""

    code = "state"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A site or person that another meeting has taken at an overlapping time."""

    resource: str
    name: str
    meeting_id: str
    title: str
    starts_at: datetime
    ends_at: datetime


class ConflictError(SchedulerError):
    """A site or a person would be in two meetings at once. Each conflict names the other meeting."""

    code = "conflict"

    def __init__(self, message: str, conflicts: Sequence[Conflict]) -> None:
        super().__init__(message)
        self.conflicts = tuple(conflicts)


class RightError(SchedulerError):
    """The acting role may not do that. ``details``: ``role``, ``command``."""

    code = "no_right"


class FloorError(SchedulerError):
    """The role may do it, but it makes no sense now. ``details["problem"]`` says why."""

    code = "floor"


class SnapshotError(SchedulerError):
    """A stored state or event cannot be read."""

    code = "snapshot"


class MessageError(SchedulerError):
    """A message of the meeting channel cannot be taken. ``details["problem"]`` says why."""

    code = "message"
