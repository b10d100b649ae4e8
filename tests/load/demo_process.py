"""The demonstration as ``make run`` starts it, read as a person reads it: from what it prints."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from conformance.processes import free_ports
from conformance.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PRINTED = "Ctrl-C"
_PERSON = re.compile(r"^  .{20,40}?\s{2,}(\w+)\s+(\S{8,})   (.+)$", re.M)
_SITE = re.compile(r"^  (.+)\n  \S+/kiosk#key=(\S+)$", re.M)


class DemoProcess:
    """``passwords`` and ``names`` by login; ``kiosks``: the name of a site → its key."""

    def __init__(self, folder: Path) -> None:
        port, udp = free_ports(2)
        self.url = f"http://localhost:{port}"
        self.coming = "Giao ban quận Ba Đình"
        self.passwords: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.kiosks: dict[str, str] = {}
        self._log = folder / "demo.out"
        environment = {key: one for key, one in os.environ.items() if not key.startswith("DIEMCAU_")}
        environment |= {
            "PYTHONPATH": str(ROOT),
            "DIEMCAU_PORT": str(port),
            "DIEMCAU_UDP_PORT": str(udp),
            "DIEMCAU_HTTPS_PORT": "0",
            "DIEMCAU_STATE_DIR": str(folder / "state"),
        }
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "web.cli", "demo"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def printed(self) -> str:
        """All that it has printed."""
        return self._log.read_text("utf-8", errors="replace")

    async def ready(self) -> None:
        """Wait until it has printed everything, and read it."""

        def whole() -> bool:
            assert self._process.poll() is None, self.printed()
            return PRINTED in self.printed()

        await until(whole, lambda: f"the demonstration starts: {self.printed()}", within=60)
        for login, password, name in _PERSON.findall(self.printed()):
            self.passwords[login] = password
            self.names[login] = name
        self.kiosks = dict(_SITE.findall(self.printed()))

    def stop(self) -> int:
        """Ctrl-C; how many of its processes are left afterwards."""
        own = [psutil.Process(self._process.pid)]
        own += own[0].children(recursive=True)
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20)
        return sum(1 for process in own if process.is_running())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
