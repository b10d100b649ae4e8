"""``diemcau demo``: the service with data on record and simulated sites, under one supervisor.

Each child is the leader of its own process group and dies with the supervisor,
even when that is killed (``PR_SET_PDEATHSIG``). Nothing here needs the relay's
code, so the supervisor starts at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from rich.console import Console

from web.certificates import ensure, machine_names
from web.demo_people import FILE, Demo
from web.settings import PREFIX, Settings
from web.state import StateError, StateFolder
from web.version import VERSION

ROOM: Final = "giao-ban-tp"
TITLE: Final = "Giao ban thành phố"
CITY_NAME: Final = "Thành phố Hà Nội"
"""Who the printed link joins as, so that one press is enough."""

READY_SECONDS: Final = 120.0
"""A first start compiles every module, perhaps on a busy machine; a service that ends is noticed at once."""
END_SECONDS: Final = 6.0
ZONE: Final = "Asia/Ho_Chi_Minh"
ROLE_NAMES: Final = {
    "chair": "Chủ trì / chair",
    "secretary": "Thư ký / secretary",
    "official": "Cán bộ điểm cầu / official",
    "it_staff": "Trực kỹ thuật / IT staff",
    "administrator": "Quản trị / administrator",
}
_PR_SET_PDEATHSIG: Final = 1


class DemoError(Exception):
    """The demonstration cannot start or has ended by itself; one sentence and what the child said."""


class Child:
    """A process of ours; what it writes goes to a file."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "web.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit status once it has ended."""
        return self._process.poll()

    def last_words(self, lines: int = 5) -> str:
        """The end of what it wrote."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def ask_to_end(self) -> None:
        """SIGTERM to its whole group."""
        self._signal(signal.SIGTERM)

    def end(self, deadline: float) -> None:
        """Wait until ``deadline`` (monotonic), then kill what is left of the group."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _die_with(parent: int) -> None:
    """In the child before it becomes the command: SIGTERM when the supervisor is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def run_demo(settings: Settings, config: Path | None, count: int) -> None:
    """Run until SIGINT or SIGTERM. Raises DemoError."""
    console = Console(highlight=False)
    stop = _Stop()
    state = StateFolder(settings["state_dir"])
    try:
        ensure(state, machine_names(), datetime.datetime.now(datetime.UTC))
        secret = settings["api_secret"] or state.secret("api", 36)
        room_key = settings["open_room_key"] or state.secret("open-room", 12)
    except StateError as error:
        raise DemoError(str(error)) from None
    room = settings["open_room"] or ROOM
    environment = {
        f"{PREFIX}API_KEY": settings["api_key"] or "diemcau",
        f"{PREFIX}API_SECRET": secret,
        f"{PREFIX}OPEN_ROOM": room,
        f"{PREFIX}OPEN_ROOM_TITLE": settings["open_room_title"] or TITLE,
        f"{PREFIX}OPEN_ROOM_KEY": room_key,
        f"{PREFIX}LOOPBACK": "true",
        f"{PREFIX}LOG_FORMAT": "json",
    }
    with_config = ["--config", str(config)] if config else []
    host = next(iter(settings["bind"]), "localhost")
    base = f"http://{f'[{host}]' if ':' in host else host}:{settings['port']}"
    children: list[Child] = []
    try:
        demo = _put_on_record(["--count", str(count), *with_config], environment, state, stop)
        if demo is None:
            return
        server = Child("service", ["serve", *with_config], environment, state.path / "log" / "service.log")
        children.append(server)
        if count:
            # They wait for the server by themselves; both start at once.
            arguments = ["simulate-meeting", "--url", base, "--file", str(state.path / FILE)]
            children.append(
                Child("sites", [*arguments, *with_config], environment, state.path / "log" / "sites.log")
            )
        _wait_ready(server, f"{base}/healthz", stop)
        if stop.asked:
            return
        link = f"/meet/{quote(room)}?k={quote(room_key)}&n={quote(CITY_NAME)}"
        _greet(console, base, link, settings, state, demo)
        stop.wait(children)
    finally:
        _end(children)
        if stop.asked:
            console.print("\nĐã dừng. / Stopped.")


def _put_on_record(
    arguments: Sequence[str], environment: Mapping[str, str], state: StateFolder, stop: _Stop
) -> Demo | None:
    """Run ``demo-data``; what it has put on record, or None when asked to stop. Raises DemoError."""
    child = Child("data", ["demo-data", *arguments], environment, state.path / "log" / "data.log")
    try:
        while child.ended() is None:
            if stop.asked:
                return None
            time.sleep(0.02)
        if child.ended() != 0:
            raise DemoError(f"the demonstration's data could not be put on record:\n{child.last_words(2)}")
        return Demo.from_json((state.path / FILE).read_text("utf-8"))
    finally:
        _end([child])


class _Stop:
    """SIGINT and SIGTERM; a second one kills everything at once."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            # The children follow by PR_SET_PDEATHSIG.
            os._exit(128 + number)
        self.asked = True

    def wait(self, children: Sequence[Child]) -> None:
        """Until asked. Raises DemoError when a child ends by itself."""
        while not self.asked:
            for child in children:
                status = child.ended()
                if status is not None:
                    raise DemoError(f"the {child.name} ended with {status}:\n{child.last_words()}")
            time.sleep(0.2)


def _wait_ready(server: Child, url: str, stop: _Stop) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not stop.asked:
        status = server.ended()
        if status is not None:
            raise DemoError(f"the service did not start:\n{server.last_words(2)}")
        if _answers(url):
            return
        if time.monotonic() > deadline:
            raise DemoError(f"the service does not answer at {url}; see {server.log}")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _greet(
    console: Console, base: str, link: str, settings: Settings, state: StateFolder, demo: Demo
) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, soft_wrap=True)

    say(f"\nĐiểm Cầu {VERSION}", "bold")
    say("\nĐăng nhập / sign in:")
    say(f"  {base}/sign-in", "bold cyan")
    for person in demo.people:
        say(f"  {ROLE_NAMES[person.role]:<34} {person.login:<10} {person.password}   {person.name}")
    say("\nTrang điểm cầu, mỗi trang một trình duyệt / pages of sites, each in a browser of its own:")
    for site in demo.kiosks:
        say(f"  {site.name}, {site.district}")
        say(f"  {base}/kiosk#key={site.key}", "bold cyan")
    at = datetime.datetime.fromisoformat(demo.coming_at).astimezone(ZoneInfo(ZONE))
    say(f"\nMột cuộc họp đang mở, một cuộc họp mở lúc {at:%H:%M} / one meeting is open, one opens then.")
    say("\nPhòng mở cho khách / the open room for guests:")
    say(f"  {base}{link}", "bold cyan")
    if settings["https_port"]:
        hosts = [name for name in machine_names() if name[0].isdigit() and not name.startswith("127.")]
        if hosts:
            say("\nTừ máy khác / from other machines (trước tiên / first: diemcau dev-cert):")
        for host in hosts[:3]:
            say(f"  https://{host}:{settings['https_port']}{link}")
    if demo.simulated:
        say(f"\n{len(demo.simulated)} điểm cầu mô phỏng đang vào họp / simulated sites are joining.")
    say(f"Nhật ký / logs: {state.path / 'log'}")
    say("Ctrl-C để dừng / to stop.")


def _end(children: Sequence[Child]) -> None:
    """Sites first, so that they leave with a farewell; then the service."""
    deadline = time.monotonic() + END_SECONDS
    for child in reversed(children):
        child.ask_to_end()
        child.end(deadline)
