"""The whole service as a process that is killed and started again, and its PostgreSQL likewise."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from conformance.processes import KEY, ROOT, SECRET, free_ports
from databases import PostgresServer

from media.clock import monotonic, wall
from signaling.client.room_service import RoomService

START_SECONDS = 60.0


class Postgres(PostgresServer):
    """As the tests' one, but it waits for the disk: what it has answered must be there after a crash."""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self._sockets} -h '' -c max_connections=60"
        log = str(self._sockets / "log")
        self._run("pg_ctl", "-D", str(self.data), "-l", log, "-o", options, "-w", "-s", "start")

    def crash(self) -> None:
        """Its processes end at once, without a checkpoint: the next start recovers from the log."""
        self.stop("immediate")


class KilledService:
    """``diemcau serve`` on ports of its own that stay the same. ``life`` counts its starts."""

    def __init__(self, folder: Path, database_url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._port, self._udp_port = free_ports(2)
        self._log = folder / "service.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")
        }
        self._environment |= {
            "PYTHONPATH": str(ROOT),
            "DIEMCAU_API_KEY": KEY,
            "DIEMCAU_API_SECRET": SECRET,
            "DIEMCAU_DATABASE_URL": database_url,
            "DIEMCAU_LOG_FORMAT": "json",
            "DIEMCAU_LOOPBACK": "true",
            "DIEMCAU_MEETING_OVERRUN": "0",
            "DIEMCAU_STATE_DIR": str(folder / "state"),
        }
        self.life = 0
        self.listening = False
        self.killed_at: list[float] = []
        """When, by the monotonic clock."""
        self.rooms = RoomService(self.url, KEY, SECRET, wall)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self._port}"

    def spawn(self) -> None:
        """Start the process, and do not wait."""
        self.life += 1
        command = [sys.executable, "-m", "web.cli", "serve", "--bind", "127.0.0.1", "--https-port", "0"]
        command += ["--port", str(self._port), "--udp-port", str(self._udp_port)]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )

    async def listens(self) -> float:
        """Wait until it answers; the moment. Raises RuntimeError with its log."""
        deadline = monotonic() + START_SECONDS
        while monotonic() < deadline and self.alive:
            if await asyncio.to_thread(self._answers):
                self.listening = True
                return monotonic()
            await asyncio.sleep(0.05)
        raise RuntimeError(f"the service did not start:\n{self.tail()}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing is written after this."""
        assert self._process is not None, "kill after spawn"
        self.listening = False
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.killed_at.append(monotonic())

    async def close(self) -> None:
        """End it for good."""
        if self.alive:
            self.kill()
        await self.rooms.close()

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def complaints(self) -> list[str]:
        """Lines of its log at level error."""
        lines = self._log.read_text(errors="replace").splitlines()
        found = [line for line in lines if '"level": "error"' in line or "Traceback" in line]
        return [f"{line[:600]} … {line[-1200:]}" if len(line) > 1800 else line for line in found]
