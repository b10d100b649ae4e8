"""Servers under test as child processes: our own relay and, for the truth, LiveKit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
KEY = "devkey"
SECRET = "a-secret-for-loopback-tests-only-0123456789"
STARTUP_SECONDS = 30.0


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that are free for UDP too, all different."""
    held: list[socket.socket] = []
    ports: list[int] = []
    try:
        while len(ports) < count:
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            held += [tcp, udp]
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    finally:
        for sock in held:
            sock.close()
    return ports


class ServerProcess:
    """A server started by the suite; its output goes to a file that is shown when something is wrong."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        log: Path,
        environment: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.url = f"http://{address}:{port}"
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                list(command),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def tail(self, lines: int = 40) -> str:
        """Last lines of the server's output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_ready(self) -> None:
        """Return once the server answers HTTP; raise with its log if it ends or stays silent."""
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"server ended with {self._process.returncode}:\n{self.tail()}")
            try:
                with urllib.request.urlopen(f"{self.url}/rtc/validate", timeout=2):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"server did not answer in {STARTUP_SECONDS:g} s:\n{self.tail()}")

    def check_alive(self) -> None:
        """Raise with the server's log if it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"server ended with {self._process.returncode}:\n{self.tail()}")

    def stop(self) -> None:
        """End the process: politely, then by force."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def __enter__(self) -> ServerProcess:
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_relay(webhook_url: str, log: Path, address: str = "127.0.0.1") -> ServerProcess:
    """Our own relay on free ports of an address of this machine, with remote unmute allowed."""
    port, udp_port = free_ports(2)
    command = [sys.executable, "-m", "web.cli", "relay", "--bind", address, "--port", str(port)]
    command += ["--udp-port", str(udp_port), "--node-ip", address, "--key", KEY, "--secret", SECRET]
    if webhook_url:
        command += ["--webhook-url", webhook_url]
    return ServerProcess(command, port, log, {"DIEMCAU_ROOM_ENABLE_REMOTE_UNMUTE": "true"}, address)


def start_livekit(binary: Path, webhook_url: str, folder: Path) -> ServerProcess:
    """A LiveKit server on free loopback ports, with remote unmute allowed as on our relay.

    Its congestion control is off: on a busy machine it takes late packets for a thin line and holds back the
    layers that the tests ask for.
    """
    port, udp_port, tcp_port = free_ports(3)
    config = f"""\
port: {port}
bind_addresses: ["127.0.0.1"]
keys: {{{KEY}: {SECRET}}}
rtc:
  udp_port: {udp_port}
  tcp_port: {tcp_port}
  node_ip: 127.0.0.1
  use_external_ip: false
  enable_loopback_candidate: true
  interfaces: {{includes: [lo]}}
  congestion_control: {{enabled: false}}
room: {{enable_remote_unmute: true}}
webhook: {{api_key: {KEY}, urls: ["{webhook_url}"]}}
logging: {{level: warn}}
"""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "livekit.yaml"
    path.write_text(config)
    return ServerProcess([str(binary), "--config", str(path)], port, folder / "livekit.log")
