"""One service that is killed again and again while its clients work, and what is counted after each kill."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from conformance.processes import ROOT
from sqlalchemy import func, select

from directory.database import Database
from directory.errors import DirectoryError
from load.kill_city import CHAIRS, LIVE_SITES, SECRETARIES, Keys
from load.kill_judge import judge_all, judge_bookings, judge_slots
from load.kill_log import BookerLog, Booking, ClientLog
from load.kill_pages import Browser, Secretary
from load.kill_rooms import Chair, Site, seconds_to
from load.kill_service import KilledService, Postgres
from load.kill_stored import Wrongs, read_all
from media.clock import monotonic
from scheduler.model import Action, Meeting
from signaling.errors import SignalingError

BACK_WITHIN = 15.0
PATIENCE = 30.0
"""Seconds in which a meeting must be back before it counts as lost."""
WHOLE_EVERY = 10
"""Kills between two comparisons of everything with everything."""
LONGEST_MEETING = 15.0
QUIET = 25.0
"""Seconds for what is due at the end."""


class Booker:
    """The process that books at the last moment."""

    def __init__(self, folder: Path, url: str, seed: int, longest: float) -> None:
        self._longest = longest
        self.log = BookerLog(folder / "booker.log")
        self._arguments = [url, str(folder / "booker.log")]
        self._errors = folder / "booker.errors"
        self._seed = seed
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start another one; its titles are its own."""
        self._count += 1
        script = str(ROOT / "tests" / "load" / "kill_booker.py")
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    script,
                    *self._arguments,
                    f"near{self._seed}.{self._count}",
                    str(self._longest),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stderr=errors,
            )

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def running(self) -> bool:
        """Whether it books."""
        return self._process is not None and self._process.poll() is None

    @contextlib.contextmanager
    def held(self) -> Any:
        """Stopped for as long as its log and the database are compared."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            if self._process is not None:
                self._process.send_signal(signal.SIGCONT)


class Series:
    """The kills of one database. ``run`` gives the figures."""

    def __init__(
        self,
        folder: Path,
        url: str,
        seed: int,
        postgres: Postgres | None = None,
        longest: float = LONGEST_MEETING,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._postgres = postgres
        self._chance = random.Random(seed)
        self._seed = seed
        self.log = ClientLog()
        self.service = KilledService(folder, url)
        self._database = Database(url)
        self._booker = Booker(folder, url, seed, longest)
        self._browsers: list[Browser] = []
        self._sites: dict[int, Site] = {}
        self._chairs: dict[int, Chair] = {}
        self._visits: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.rows: list[dict[str, Any]] = []
        self.wrongs = Wrongs()
        self.stored: dict[str, dict[str, int]] = {}
        self.faults: list[str] = []
        self.listened: dict[int, float] = {}

    async def run(self, keys: Keys, kills: int, crashes: int) -> dict[str, Any]:
        """Kill the service ``kills`` times; PostgreSQL crashes at ``crashes`` of them, at half alone.

        ``keys`` are those of the city that is in the database.
        """
        try:
            self.service.spawn()
            self.listened[self.service.life] = await self.service.listens()
            await self._begin(keys)
            crashing = set(self._chance.sample(range(kills), crashes)) if self._postgres else set()
            alone = set(self._chance.sample(sorted(crashing), len(crashing) // 2))
            for number in range(kills):
                row = await self._kill(number, number in crashing, number in alone)
                self.rows.append(row)
                print(f"{'postgresql' if self._postgres else 'sqlite'} {number + 1}: {row}", flush=True)
            await self._end()
        finally:
            for task in [*self._tasks, *self._visits]:
                task.cancel()
            await asyncio.gather(*self._tasks, *self._visits, return_exceptions=True)
            self._booker.kill()
            for browser in self._browsers:
                await browser.close()
            await self.service.close()
            await self._database.close()
        return self.figures()

    def figures(self) -> dict[str, Any]:
        """Everything that was counted."""
        return {
            "kills": len(self.rows),
            "told": self.log.figures(),
            "stored": self.stored,
            "clients_back": self._clients_back(),
            "wrong": self.wrongs.numbers(),
            "wrong_samples": self.wrongs.samples(),
            "clients_failed": self.faults[:20],
            "service_complaints": self.service.complaints()[:20],
            "rows": self.rows,
        }

    def _clients_back(self) -> dict[str, Any]:
        """Seconds from listening until clients that were in a room were in it again, by themselves."""
        last: dict[tuple[str, str], int] = {}
        seconds = []
        for stay in self.log.joins:
            key = stay.meeting, stay.identity
            if stay.life in self.listened and last.get(key, stay.life) == stay.life - 1:
                seconds.append(round(stay.at - self.listened[stay.life], 2))
            last[key] = stay.life
        return {"count": len(seconds), "longest": max(seconds, default=0.0)}

    # -- clients -------------------------------------------------------------------------

    async def _begin(self, keys: Keys) -> None:
        for number, key in keys.sites.items():
            browser = await self._browser().site(key)
            self._sites[number] = Site(number, browser, self.log, self._random())
        for number in CHAIRS:
            browser = await self._browser().person(keys.logins[number])
            self._chairs[number] = Chair(number, browser, self.log, self._random())
        for number in SECRETARIES:
            browser = await self._browser().person(keys.logins[number])
            secretary = Secretary(number, browser, self.log, self._random(), f"far{number}")
            self._tasks.append(self._task(secretary.work()))
        self._booker.start()
        self._tasks.append(self._task(self._invite()))

    def _browser(self) -> Browser:
        self._browsers.append(Browser(self.service))
        return self._browsers[-1]

    def _random(self) -> random.Random:
        return random.Random(self._chance.random())

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._noted)
        return task

    def _noted(self, task: asyncio.Task[None]) -> None:
        self._visits.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.faults.append(repr(task.exception()))

    async def _invite(self) -> None:
        """Send sites and chairs into the meetings that were booked."""
        while True:
            for booking in self._booker.log.take_into(self.log):
                self._send(booking)
            await asyncio.sleep(0.2)

    def _send(self, booking: Booking) -> None:
        stand = booking.stands[0]
        assert stand is not None
        visitors = [self._sites[number].attend(booking) for number in stand.sites & set(LIVE_SITES)]
        visitors += [self._chairs[stand.chair].attend(booking)]
        for visitor in visitors:
            self._visits.add(self._task(visitor))

    # -- kills ---------------------------------------------------------------------------

    async def _kill(self, number: int, crash: bool, alone: bool) -> dict[str, Any]:
        """Live for a random time, die, and live again. Some die before they listen."""
        row: dict[str, Any] = {}
        dice = self._chance.random()
        if dice < 0.5:
            await asyncio.sleep(self._chance.uniform(0.0, 2.5))
        else:
            # Long enough for everybody to be in: there is more to lose.
            await self._everybody_in()
            await asyncio.sleep(self._chance.uniform(0.0, 3.0))
        if crash and self._postgres is not None:
            await asyncio.to_thread(self._postgres.crash)
            row["postgres"] = "alone" if alone else "too"
        if not alone:
            self.service.kill()
        if self._chance.random() < 0.2:
            self._booker.kill()
        if crash and self._postgres is not None:
            await asyncio.to_thread(self._postgres.start)
        if alone:
            row["answers_again"] = await self._answers_again()
            return row
        row["cut_off"] = await self._cut_off()
        if number % WHOLE_EVERY == WHOLE_EVERY - 1:
            await self._compare(at_end=False)
        self.service.spawn()
        if dice < 0.15:
            await asyncio.sleep(self._chance.uniform(0.2, 3.0))
            self.service.kill()
            self.service.spawn()
            row["killed_while_starting"] = True
        spawned = monotonic()
        listening = await self.service.listens()
        self.listened[self.service.life] = listening
        if not self._booker.running:
            self._booker.start()
        row["start_seconds"] = round(listening - spawned, 2)
        row["open_meetings"], row["rooms_back"] = await self._rooms_back(listening)
        await self._quick()
        return row

    async def _cut_off(self) -> int:
        """How many openings and closings were claimed, and their rooms not made or ended, at the kill."""
        async with self._database.read() as session:
            undone = select(func.count()).select_from(Action).where(Action.done_at.is_(None))
            return await session.scalar(undone) or 0

    async def _everybody_in(self) -> None:
        """Until each site that wants to be in a room is in it, at most for some seconds."""
        deadline = monotonic() + 8.0
        while monotonic() < deadline:
            wanting = [site for site in self._sites.values() if site.meeting]
            if wanting and all(site.in_room for site in wanting):
                return
            await asyncio.sleep(0.1)

    async def _rooms_back(self, listening: float) -> tuple[int, float]:
        """How many meetings are open, and seconds until each has its room; infinite for never."""
        while monotonic() - listening < PATIENCE:
            with contextlib.suppress(SignalingError, DirectoryError):
                async with self._database.read() as session:
                    wanted = set(await session.scalars(select(Meeting.room).where(Meeting.state == "open")))
                if wanted <= {room.name for room in await self.service.rooms.rooms()}:
                    return len(wanted), round(monotonic() - listening, 2)
            await asyncio.sleep(0.1)
        return -1, float("inf")

    async def _answers_again(self) -> float:
        """Seconds until a page that needs the database is there, after PostgreSQL alone has crashed."""
        started = monotonic()
        while monotonic() - started < PATIENCE:
            if await self._browsers[-1].get("/meetings") == 200:
                return round(monotonic() - started, 2)
            await asyncio.sleep(0.1)
        return float("inf")

    # -- comparing -----------------------------------------------------------------------

    async def _quick(self) -> None:
        """What was booked is there, right after each restart."""
        with self._booker.held():
            self._booker_said()
            told = {title: one.stands for title, one in self.log.bookings.items()}
            stored = await read_all(self._database, bookings_only=True)
        wrongs = Wrongs()
        judge_slots(stored, wrongs)
        # What the secretaries changed meanwhile is looked at the next time.
        same = [one for title, one in self.log.bookings.items() if told.get(title) is one.stands]
        judge_bookings(stored, same, self.log.bookings, wrongs)
        self._merge(wrongs)

    async def _compare(self, *, at_end: bool) -> None:
        """Everything with everything; the service is not running, or nothing is under way."""
        with self._booker.held():
            self._booker_said()
            stored = await read_all(self._database)
        self.stored = stored.figures()
        wrongs = judge_all(
            stored,
            self.log,
            self.service.killed_at,
            self.listened,
            at_end=at_end,
            sqlite=self._postgres is None,
        )
        self._merge(wrongs)

    def _booker_said(self) -> None:
        for booking in self._booker.log.take_into(self.log):
            self._send(booking)

    def _merge(self, wrongs: Wrongs) -> None:
        """A thing that is wrong is counted once, however often it is seen."""
        for name, found in wrongs.found.items():
            known = self.wrongs.found.setdefault(name, [])
            known += [what for what in found if what not in known]

    async def _end(self) -> None:
        """Nothing new; wait until all that is due has been done; compare."""
        self._booker.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._booker_said()
        if self._visits:
            await asyncio.wait(self._visits, timeout=QUIET + 20.0)
        deadline = monotonic() + QUIET
        while monotonic() < deadline and await self._still_due():  # noqa: ASYNC110 - a table has no event
            await asyncio.sleep(0.5)
        rooms = [room.name for room in await self.service.rooms.rooms()]
        self.wrongs.counts("rooms left at the end")
        for name in rooms:
            if name.startswith("meeting-"):
                self.wrongs.add("rooms left at the end", name)
        await self._compare(at_end=True)

    async def _still_due(self) -> bool:
        async with self._database.read() as session:
            rows = await session.scalars(select(Meeting).where(Meeting.state.in_(("open", "published"))))
            return any(row.state == "open" or seconds_to(row.starts_at) < 60 for row in rows)
