"""`make test`'s look at the machine: the browsers of the tests, installed where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = {"chromium": Path("/usr/bin/chromium"), "firefox-esr": Path("/usr/bin/firefox-esr")}
"""Debian's packages, and the program of each."""


def main() -> int:
    """0 when the browsers are there now; else one sentence that says what to do."""
    missing = [package for package, program in BROWSERS.items() if not program.exists()]
    if not missing:
        return 0
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        print(
            f"test: the browser tests need {' and '.join(str(BROWSERS[package]) for package in missing)};"
            f" on Debian, as root: apt-get install {' '.join(missing)}",
            file=sys.stderr,
        )
        return 1
    print(f"Installing {' and '.join(missing)} for the browser tests", flush=True)
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
    return 0 if all(program.exists() for program in BROWSERS.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
