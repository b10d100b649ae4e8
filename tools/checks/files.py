"""Which files belong to the project: those that git tracks, or would track."""

from __future__ import annotations

import subprocess
from pathlib import Path


def tracked_files(root: Path) -> list[Path]:
    """Paths below ``root`` that are tracked, or new and not ignored. OSError where git does not work."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode("utf-8", "surrogateescape").split("\0")
    return sorted(path for path in (root / name for name in names if name) if path.is_file())


def text_of(path: Path) -> str | None:
    """The file as text, or None where it is not UTF-8."""
    data = path.read_bytes()
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
