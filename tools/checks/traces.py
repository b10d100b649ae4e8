"""Traces of the machine it was made on: hosts of package registries, and paths of machines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tools.checks.files import text_of

# Spelled in pieces, so that this file has no trace in it.
HOSTS: Final = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("maven", "org"),
    )
)
_HOST: Final = re.compile(r"(?i)(?<![\w-])(?:[\w-]+\.)*(?:" + "|".join(map(re.escape, HOSTS)) + r")(?![\w-])")
_PATH: Final = re.compile(
    r"(?<![\w./~-])/(?:work|root|home|Users|private|mnt)/[\w.-]+|(?<![\w./-])/tmp/[\w.-]+"
)
_RESOLVED: Final = re.compile(r"\"resolved\"\s*:|--(?:extra-)?index-url|--find-links|--trusted-host")

LOCKS: Final = ("package-lock.json", ".lock", "requirements.txt")
GENERATED: Final = (".svg",)


def problems(root: Path, files: list[Path]) -> list[str]:
    """Lines with a trace, by file and number."""
    found = []
    for path in files:
        if path.suffix in GENERATED:
            continue
        text = text_of(path)
        if text is not None:
            found += check_text(path.relative_to(root).as_posix(), text)
    return found


def check_text(name: str, text: str) -> list[str]:
    """Traces in one file."""
    result = []
    is_lock = name.endswith(LOCKS)
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in (_HOST, _PATH):
            trace = pattern.search(line)
            if trace:
                result.append(f"{name}:{number}: {trace[0]}")
        if is_lock and _RESOLVED.search(line):
            result.append(f"{name}:{number}: a lock file names where its packages came from")
    return result
