"""The relay under measurement as a process: started, killed, started again, and asked for its metrics."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
from conformance.processes import KEY, ROOT, SECRET, free_ports
from livekit import api

START_SECONDS = 30.0
_METRIC = re.compile(r'^diemcau_media_events_total\{event="([^"]+)"\} (\S+)$', re.MULTILINE)
_PLAIN = re.compile(r"^(\w+) (\S+)$", re.MULTILINE)


class RelayServer:
    """``diemcau relay`` on loopback ports that stay the same over a restart.

    ``node_ip`` other than 127.0.0.1 is for a datagram relay that listens there, on ``udp_port`` too.
    """

    def __init__(self, folder: Path, *, node_ip: str = "127.0.0.1") -> None:
        self.port, self.udp_port = free_ports(2)
        self.node_ip = node_ip
        self._log = folder / "relay.log"
        folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address for native clients and the API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """Address for browsers."""
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> RelayServer:
        """Start, and return once it listens."""
        command = [sys.executable, "-m", "web.cli", "relay", "--bind", "127.0.0.1"]
        command += ["--port", str(self.port), "--udp-port", str(self.udp_port)]
        command += ["--node-ip", self.node_ip, "--key", KEY, "--secret", SECRET]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                    return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"the relay did not start:\n{self.tail()}")

    def kill(self) -> None:
        """SIGKILL: no farewell to anybody."""
        assert self._process is not None, "kill after start"
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it politely, then by force."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> RelayServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def token(self, room: str, identity: str) -> str:
        """A token that joins the room."""
        grants = api.VideoGrants(room_join=True, room=room)
        return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()

    def process(self) -> psutil.Process:
        """The process, for its memory and processor time."""
        assert self._process is not None, "process after start"
        return psutil.Process(self._process.pid)

    def cpu_seconds(self) -> float:
        """Processor time so far, in user and kernel mode."""
        times = self.process().cpu_times()
        return float(times.user + times.system)

    def metrics(self) -> dict[str, float]:
        """Counters of the media path by name, and the plain gauges of /metrics."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = {name: float(value) for name, value in _PLAIN.findall(text)}
        return found | {name: float(value) for name, value in _METRIC.findall(text)}
