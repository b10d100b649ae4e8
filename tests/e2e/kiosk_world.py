"""A service in front of a small city, and a chair who leads by the channel."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import websockets
from conformance.clients.python_sdk import Site
from conformance.processes import KEY, ROOT, SECRET, free_ports
from conformance.waiting import until
from load.kill_city import PASSWORD, Keys, make_city

from scheduler.channel.mirror import Mirror

CHAIR, SECRETARY = 1, 4
COLOUR_OF_CHAIR = "blue"
START_SECONDS = 60.0


class KioskService:
    """``diemcau serve`` on ports that stay the same, on SQLite; may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port, self._udp = free_ports(2)
        self.url = f"http://localhost:{self.port}"
        self.database = f"sqlite:///{folder / 'main.db'}"
        self._log = folder / "service.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {key: one for key, one in os.environ.items() if not key.startswith("DIEMCAU_")}
        self._environment |= {
            "PYTHONPATH": str(ROOT),
            "DIEMCAU_API_KEY": KEY,
            "DIEMCAU_API_SECRET": SECRET,
            "DIEMCAU_DATABASE_URL": self.database,
            "DIEMCAU_LOG_FORMAT": "json",
            "DIEMCAU_LOOPBACK": "true",
            "DIEMCAU_STATE_DIR": str(folder / "state"),
        }

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "web.cli", "serve", "--bind", "127.0.0.1", "--https-port", "0"]
        command += ["--port", str(self.port), "--udp-port", str(self._udp)]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
            )
        await until(self._answers, lambda: f"the service answers:\n{self.tail()}", within=START_SECONDS)

    async def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.tail()
        return await asyncio.to_thread(answers, f"{self.url}/healthz")

    def kill(self) -> None:
        """SIGKILL: no farewell to anybody."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def pause(self, on: bool) -> None:
        """Let it stand still, as behind a line that is cut: nothing is refused and nothing answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])


def answers(url: str) -> bool:
    """Whether something answers there."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False


async def _ping(socket: websockets.ClientConnection) -> None:
    """Say every now and then that this page is there, as pages do."""
    for number in itertools.count():
        await asyncio.sleep(10)
        await socket.send(json.dumps({"type": "ping", "id": f"p{number}"}))


class Chair:
    """The chair of one meeting: the channel, and a native client with a colour and a tone."""

    def __init__(self, service: KioskService, http: httpx.AsyncClient, meeting: str) -> None:
        self._service = service
        self._http = http
        self.meeting = meeting
        self.mirror = Mirror()
        self.room: Site | None = None
        self._socket: websockets.ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._number = 0
        self._colour = ""

    async def enter(self, colour: str = COLOUR_OF_CHAIR) -> Chair:
        """Come in by the channel, then with picture and sound."""
        self._task = asyncio.create_task(self._hold())
        self._colour = colour
        await self.again()
        return self

    @property
    def entered(self) -> bool:
        """Whether it came in and may lead, by its role."""
        return self._task is not None and self.mirror.role == "chair"

    async def again(self) -> None:
        """With picture and sound into the room, also after the service was killed."""
        await until(lambda: self._socket and self.mirror.roster, "the chair is on the channel", within=30)
        if self.room is not None:
            await self.room.leave()
        token = (await self._http.get("/api/v1/me")).json()["csrf_token"]
        answer = await self._http.post(
            f"/api/v1/meetings/{self.meeting}/ticket", headers={"X-CSRF-Token": token}
        )
        assert answer.status_code == 200, answer.text
        ticket = answer.json()
        self.room = Site(ticket["identity"])
        await self.room.join(self._service.url.replace("http", "ws", 1), ticket["token"])
        await self.room.publish_camera(self._colour)
        await self.room.publish_microphone(self._colour)

    async def _hold(self) -> None:
        """Be on the channel, again after every cut."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._http.cookies.jar)
        address = f"{self._service.url.replace('http', 'ws', 1)}/channel/{self.meeting}"
        while self.mirror.comes_again:
            with contextlib.suppress(OSError, websockets.WebSocketException, TimeoutError):
                async with websockets.connect(
                    address, additional_headers={"Cookie": cookies}, proxy=None
                ) as socket:
                    self.mirror = Mirror()
                    await socket.send(json.dumps(self.mirror.hello()))
                    self._socket = socket
                    alive = asyncio.create_task(_ping(socket))
                    try:
                        async for text in socket:
                            self.mirror.receive(str(text))
                    finally:
                        alive.cancel()
            self._socket = None
            await asyncio.sleep(0.2)

    async def do(self, kind: str, **values: Any) -> None:
        """Ask for something that must be done."""
        self._number += 1
        request = f"r{self._number}"
        await until(lambda: self._socket, "the chair's channel is open", within=20)
        assert self._socket is not None
        await self._socket.send(json.dumps({"type": kind, "id": request, **values}))
        answer = await until(lambda: self.mirror.answers.get(request), f"an answer to {kind}")
        assert answer[0] == "done", answer

    async def close(self) -> None:
        """Go away."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.room is not None:
            with contextlib.suppress(TimeoutError):
                await self.room.leave()
        await self._http.aclose()


class KioskWorld:
    """The service, its sites' keys, and meetings as they are booked over the API."""

    def __init__(self, service: KioskService, keys: Keys) -> None:
        self.service = service
        self.keys = keys
        self._open: list[Chair] = []

    def basic(self, person: int) -> httpx.BasicAuth:
        """The credential of a person."""
        return httpx.BasicAuth(self.keys.logins[person], PASSWORD)

    async def book(
        self, title: str, *sites: int, starts_in: float = 1.5, minutes: float = 30, chair: int = CHAIR
    ) -> str:
        """A published meeting that opens by itself in so many seconds; its id."""
        start = datetime.now(UTC) + timedelta(seconds=starts_in)
        plan = {
            "title": title,
            "chair": chair,
            "secretary": SECRETARY,
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=minutes)).isoformat(),
            "sites": [f"{number:05}" for number in sites],
        }
        async with httpx.AsyncClient(
            base_url=self.service.url, trust_env=False, auth=self.basic(SECRETARY), timeout=20
        ) as http:
            made = await http.post("/api/v1/meetings", json=plan)
            assert made.status_code == 201, made.text
            meeting: str = made.json()["id"]
            published = await http.post(
                f"/api/v1/meetings/{meeting}/publish", headers={"If-Match": made.headers["etag"]}
            )
            assert published.status_code == 200, published.text
        return meeting

    async def state(self, meeting: str) -> str:
        """What the service says of a meeting."""
        async with httpx.AsyncClient(
            base_url=self.service.url, trust_env=False, auth=self.basic(SECRETARY), timeout=20
        ) as http:
            return str((await http.get(f"/api/v1/meetings/{meeting}")).json()["state"])

    async def opens(self, meeting: str) -> None:
        """Wait until the meeting has opened by itself."""

        async def is_open() -> bool:
            return await self.state(meeting) == "open"

        await until(is_open, "the meeting opens by itself", within=90, every=0.2)

    async def chair(self, meeting: str, person: int = CHAIR) -> Chair:
        """The chair, signed in by the page; not in the meeting yet."""
        http = httpx.AsyncClient(base_url=self.service.url, trust_env=False, timeout=20)
        chair = Chair(self.service, http, meeting)
        self._open.append(chair)
        page = (await http.get("/sign-in", headers={"Accept": "text/html"})).text
        token = page.split('name="csrf" value="', 1)[1].split('"', 1)[0]
        values = {"login": self.keys.logins[person], "password": PASSWORD, "csrf": token}
        answer = await http.post("/sign-in", data=values)
        assert answer.status_code == 303, answer.text
        return chair

    async def open(self, title: str, *sites: int, minutes: float = 30) -> Chair:
        """Book a meeting that opens now, and let its chair come in."""
        meeting = await self.book(title, *sites, minutes=minutes)
        await self.opens(meeting)
        return await (await self.chair(meeting)).enter()

    async def cancel(self, *meetings: str) -> None:
        """Call meetings off that have not begun; without any named, all."""
        async with httpx.AsyncClient(
            base_url=self.service.url, trust_env=False, auth=self.basic(SECRETARY), timeout=20
        ) as http:
            listed = await http.get("/api/v1/meetings", params={"state": "published"})
            for one in listed.json()["items"]:
                if meetings and one["id"] not in meetings:
                    continue
                version = {"If-Match": f'"{one["version"]}"'}
                path = f"/api/v1/meetings/{one['id']}/cancel"
                answer = await http.post(path, json={"reason": "xong"}, headers=version)
                assert answer.status_code == 200, answer.text

    async def close(self) -> None:
        """All chairs end their meetings and go away, so that the next test has their sites free."""
        for chair in self._open:
            if chair.entered and chair.mirror.comes_again and await self.state(chair.meeting) == "open":
                await chair.do("end")
        await self.leave()

    async def leave(self) -> None:
        """All chairs go away."""
        chairs, self._open = self._open, []
        for chair in chairs:
            await chair.close()


@contextlib.asynccontextmanager
async def kiosk_world(folder: Path) -> AsyncIterator[KioskWorld]:
    """The city in a new database, and the service in front of it."""
    service = KioskService(folder)
    keys = await make_city(service.database)
    try:
        await service.start()
        yield KioskWorld(service, keys)
    finally:
        service.kill()
