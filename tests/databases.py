"""PostgreSQL for tests: a server on a socket in a folder of its own, faster than it is safe."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

PROGRAMS = Path("/usr/lib/postgresql")
MISSING = "the tests need PostgreSQL: install Debian's package postgresql"


def _folder() -> Path | None:
    """Where the newest server's programs are."""
    found = [path.parent for path in PROGRAMS.glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    found += [Path(on_path).resolve().parent] if on_path else []
    return max(found, default=None)


def postgres_or_reason() -> PostgresServer | str:
    """A server that can be started, or a sentence that says what is missing."""
    programs = _folder()
    return MISSING if programs is None else PostgresServer(programs)


class PostgresServer:
    """A server that listens on a Unix socket only. PostgreSQL refuses root, so root starts it as postgres.

    Its folder is not one of pytest's: those are closed to other users, by every run that starts anew.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.data = folder / "data"
        self._sockets = folder
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._numbers = itertools.count(1)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", self._user, "--", *command]
        done = subprocess.run(
            command, cwd="/", capture_output=program != "pg_ctl", text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = self._sockets / "log"
        options = f"-k {self._sockets} -h '' -c fsync=off -c max_connections=60"
        self._run("pg_ctl", "-D", str(self.data), "-l", str(log), "-o", options, "-w", "-s", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is the nearest to a power cut."""
        self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-s", "stop")

    def new_database(self) -> str:
        """The address of a fresh, empty database."""
        name = f"test{next(self._numbers)}"
        self._run("createdb", "-h", str(self._sockets), "-U", self._user, name)
        return f"postgresql://{self._user}@/{name}?host={quote(str(self._sockets))}"

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            owner = pwd.getpwnam(self._user)
            os.chown(self._sockets, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop("immediate")
        shutil.rmtree(self._sockets, ignore_errors=True)
