"""`make test`'s look at the machine: browsers and PostgreSQL, installed where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = {
    "chromium": "usr/bin/chromium",
    "firefox-esr": "usr/bin/firefox-esr",
    "postgresql": "usr/lib/postgresql/*/bin/initdb",
}
"""Debian's packages, and a program of each as a pattern below the root."""


def missing_packages(root: Path = Path("/")) -> list[str]:
    """The packages whose program is not there."""
    return [package for package, program in NEEDED.items() if not any(root.glob(program))]


def main() -> int:
    """0 when all is there now; else one sentence that says what to do."""
    missing = missing_packages()
    if not missing:
        return 0
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        print(
            f"test: the tests need {' and '.join(missing)};"
            f" on Debian, as root: apt-get install {' '.join(missing)}",
            file=sys.stderr,
        )
        return 1
    print(f"Installing {' and '.join(missing)} for the tests", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(
            [apt, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            print(f"test: apt-get {arguments[0]} failed:\n{done.stdout[-2000:]}", file=sys.stderr)
            return 1
    return 1 if missing_packages() else 0


if __name__ == "__main__":
    sys.exit(main())
