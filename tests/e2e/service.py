"""The service under test as a child process, with one open room.

`E2E_LIVEKIT` names a LiveKit binary: then the same tests run with that server behind the page instead of
our own relay.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path

from conformance.processes import KEY, ROOT, SECRET, free_ports
from livekit import api

ROOM = "giao-ban"
TITLE = "Giao ban trực tuyến với các xã, phường"
LINK_KEY = "khoa-cua-duong-dan"
START_SECONDS = 30.0
LIVEKIT_CONFIG = """\
port: {port}
bind_addresses: ["127.0.0.1"]
keys: {{{key}: {secret}}}
rtc: {{udp_port: {udp}, tcp_port: {tcp}, node_ip: 127.0.0.1, use_external_ip: false,
  enable_loopback_candidate: true, interfaces: {{includes: [lo]}}}}
room: {{enable_remote_unmute: true}}
logging: {{level: warn}}
"""


class Service(AbstractContextManager["Service"]):
    """Pages, relay and signaling on free ports of this machine; `page` and `media` are their addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        livekit = os.environ.get("E2E_LIVEKIT", "")
        port, udp, tcp, media_port = free_ports(4)
        # Browsers give a camera to localhost without HTTPS, and to no other name.
        self.page = f"http://localhost:{port}"
        if livekit:
            self.media = f"http://127.0.0.1:{media_port}"
            config = folder / "livekit.yaml"
            config.write_text(
                LIVEKIT_CONFIG.format(port=media_port, key=KEY, secret=SECRET, udp=udp, tcp=tcp), "utf-8"
            )
            page = [sys.executable, "-m", "e2e.page_server", "--port", str(port), "--secret", SECRET]
            page += ["--key", KEY, "--livekit", f"ws://127.0.0.1:{media_port}", "--room", ROOM]
            page += ["--title", TITLE, "--link-key", LINK_KEY]
            self._commands = [[livekit, "--config", str(config)], page]
        else:
            self.media = f"http://127.0.0.1:{port}"
            command = [sys.executable, "-m", "web.cli", "serve", "--port", str(port), "--udp-port", str(udp)]
            self._commands = [[*command, "--bind", "127.0.0.1", "--https-port", "0", "--open-room", ROOM]]
        self._environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
            "DIEMCAU_API_KEY": KEY,
            "DIEMCAU_API_SECRET": SECRET,
            "DIEMCAU_OPEN_ROOM_TITLE": TITLE,
            "DIEMCAU_OPEN_ROOM_KEY": LINK_KEY,
            "DIEMCAU_LOOPBACK": "true",
            "DIEMCAU_STATE_DIR": str(folder / "state"),
            "DIEMCAU_LOG_FORMAT": "json",
        }

    @property
    def link(self) -> str:
        """The link that one click joins with."""
        return f"{self.page}/meet/{ROOM}?k={LINK_KEY}"

    def start(self) -> None:
        """Start and return once it answers; raises with its log if it does not."""
        for number, command in enumerate(self._commands):
            with self._log(number).open("ab") as log:
                process = subprocess.Popen(
                    command, cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
                )
            self._processes.append(process)
        for address in dict.fromkeys((self.media, self.page)):
            self._wait(address)

    def kill(self) -> None:
        """SIGKILL: no farewell to anybody."""
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def token(self, identity: str, name: str) -> str:
        """A native peer's way into the room."""
        grants = api.VideoGrants(room_join=True, room=ROOM)
        token = api.AccessToken(KEY, SECRET).with_identity(identity).with_name(name).with_grants(grants)
        return token.to_jwt()

    def logs(self) -> str:
        """What the processes wrote, the end of it."""
        return "\n".join(
            self._log(number).read_text(errors="replace")[-3_000:] for number in range(len(self._commands))
        )

    def __enter__(self) -> Service:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def _log(self, number: int) -> Path:
        return self.folder / f"service-{number}.log"

    def _wait(self, address: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self._processes):
                break
            try:
                with urllib.request.urlopen(address, timeout=2):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the service did not start:\n{self.logs()}")
