"""`python -m tools.checks`: run every check of the tree; exit status 1 where one found something."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tools.checks import documents, imports, lengths, links, traces
from tools.checks.files import tracked_files

CHECKS: dict[str, Callable[[Path, list[Path]], list[str]]] = {
    "import directions": imports.problems,
    "links in documents": links.problems,
    "traces of hosts and machines": traces.problems,
    "file lengths": lengths.problems,
    "documents in step": documents.problems,
}


def main(root: Path) -> int:
    """Run all; the exit status."""
    files = tracked_files(root)
    failed = 0
    for title, check in CHECKS.items():
        found = check(root, files)
        print(f"{title}: {'ok' if not found else f'{len(found)} problems'}")
        for problem in found:
            print(f"  {problem}")
        failed += len(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[2]))
