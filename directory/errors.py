"""What can be wrong with a request to the directory. Pages translate by ``code``; texts are for logs."""

from __future__ import annotations

from typing import ClassVar


class DirectoryError(Exception):
    """Base of this part. ``code`` names the case; ``details`` are what a sentence about it needs."""

    code: ClassVar[str] = "directory"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class NotFoundError(DirectoryError):
    """There is no such unit, endpoint, person, credential or session."""

    code = "not_found"


class ChangedError(DirectoryError):
    """Somebody else changed the record since it was read: compare-and-swap failed."""

    code = "changed"


class InvalidError(DirectoryError):
    """A value cannot be. ``details["field"]`` names it."""

    code = "invalid"


class TakenError(DirectoryError):
    """What must be unique is there already. ``details["field"]`` names it."""

    code = "taken"


class UnavailableError(DirectoryError):
    """The database cannot be reached, is locked for too long, or is not of this version."""

    code = "unavailable"
