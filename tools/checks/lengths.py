"""Lengths of source files: up to 450 lines, so that each holds one idea."""

from __future__ import annotations

from pathlib import Path
from typing import Final

LIMIT: Final = 450
SUFFIXES: Final = (".py", ".pyi", ".ts", ".mjs", ".js", ".c", ".h", ".pyx")


def problems(root: Path, files: list[Path]) -> list[str]:
    """Files that are too long."""
    found = []
    for path in files:
        if path.suffix in SUFFIXES:
            lines = len(path.read_bytes().splitlines())
            if lines > LIMIT:
                found.append(f"{path.relative_to(root).as_posix()}: {lines} lines, at most {LIMIT}")
    return found
