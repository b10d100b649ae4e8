"""The folder in which the service keeps what it made itself: secrets and certificates, for it alone."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path


class StateError(Exception):
    """The folder cannot be used; the message says which and why."""


class StateFolder:
    """``state_dir`` of the settings. Made at the first write; its files are readable by their owner only."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def secret(self, name: str, size: int = 32) -> str:
        """The secret of this name, made from ``size`` random bytes when it is not there yet.

        Raises StateError.
        """
        file = self.path / f"{name}.secret"
        try:
            kept = file.read_text("ascii").strip()
        except FileNotFoundError:
            kept = ""
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(f"{file} cannot be read: {_reason(error)}") from None
        if kept:
            return kept
        made = secrets.token_urlsafe(size)
        self.write(f"{name}.secret", made.encode() + b"\n")
        return made

    def write(self, name: str, content: bytes, mode: int = 0o600) -> Path:
        """Write a file whole or not at all; its folder is made. Raises StateError."""
        target = self.path / name
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.parent.mkdir(exist_ok=True, mode=0o700)
            descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    os.fchmod(file.fileno(), mode)
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StateError(f"{target} cannot be written: {_reason(error)}") from None
        return target


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
