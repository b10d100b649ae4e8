"""People and sites at the killed service's pages: they sign in once, and secretaries book by the form."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx

from load.kill_city import CHAIRS, FAR_SITES, NAMES, PASSWORD
from load.kill_log import Booking, ClientLog, Stand
from load.kill_service import KilledService
from scheduler.localtime import format_date, format_time, local

Values = dict[str, str | list[str]]
_TOKEN = re.compile(r'name="csrf" value="([^"]*)"')
_HTML = {"Accept": "text/html"}
LONGEST = 20.0
"""Seconds for one answer."""


class Browser:
    """Somebody's cookies. The session that was opened once must outlive every kill."""

    def __init__(self, service: KilledService) -> None:
        self.service = service
        self.token = ""
        self._client = httpx.AsyncClient(
            base_url=service.url,
            headers=_HTML,
            trust_env=False,
            timeout=LONGEST,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    @property
    def headers(self) -> dict[str, str]:
        """What a script of the page sends along."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._client.cookies.items())
        return {"Cookie": cookies, "X-CSRF-Token": self.token}

    async def sign_in(self, path: str, values: Values) -> None:
        """Through the page, and keep the token of the forms that come after. Raises RuntimeError."""
        page = await self._client.get(path)
        found = _TOKEN.search(page.text)
        answer = await self._client.post(path, data={"csrf": found[1] if found else "", **values})
        if answer.status_code != 303:
            raise RuntimeError(f"no way in: {answer.status_code}")
        for path in ("/account", "/home"):
            found = _TOKEN.search((await self._client.get(path)).text)
            if found:
                self.token = found[1]
                return
        raise RuntimeError("a page without a form")

    async def person(self, login: str) -> Browser:
        """Sign a person in."""
        await self.sign_in("/sign-in", {"login": login, "password": PASSWORD})
        return self

    async def site(self, key: str) -> Browser:
        """Sign a site's device in."""
        await self.sign_in("/sign-in/site", {"key": key})
        return self

    async def get(self, path: str) -> int:
        """The status of a page; 0 for no answer."""
        try:
            return (await self._client.get(path)).status_code
        except httpx.HTTPError:
            return 0

    async def post(self, path: str, values: Values) -> httpx.Response | None:
        """The answer to a form; None if none came."""
        try:
            return await self._client.post(path, data={"csrf": self.token, **values})
        except httpx.HTTPError:
            return None

    async def ticket(self, meeting: str) -> dict[str, str] | None:
        """A token for the meeting's room and what belongs to it; None where there is none now."""
        try:
            answer = await self._client.post(
                f"/api/v1/meetings/{meeting}/ticket", headers={"X-CSRF-Token": self.token}
            )
            return dict(answer.json()) if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None

    async def close(self) -> None:
        """End its connections."""
        await self._client.aclose()


@dataclass(frozen=True, slots=True)
class _Form:
    """A meeting as the secretary fills it in."""

    title: str
    start: datetime
    minutes: int
    chair: int
    sites: frozenset[int]

    def values(self, secretary: int, do: str) -> Values:
        there = local(self.start)
        return {
            "title": self.title,
            "kind": "briefing",
            "chair": NAMES[self.chair],
            "chair_id": str(self.chair),
            "secretary": str(secretary),
            "day": format_date(there.date()),
            "begin": format_time(there.time()),
            "minutes": str(self.minutes),
            "sites": [f"{number:05}" for number in sorted(self.sites)],
            "do": do,
        }

    def stand(self, state: str, version: int) -> Stand:
        end = self.start + timedelta(minutes=self.minutes)
        return Stand(state, version, self.start, end, self.sites, self.chair)


class Secretary:
    """Books, publishes, moves and cancels meetings of the coming weeks, one request after the other."""

    def __init__(
        self, number: int, browser: Browser, log: ClientLog, chance: random.Random, word: str
    ) -> None:
        self._number = number
        self._browser = browser
        self._log = log
        self._chance = chance
        self._word = word
        self._own: list[tuple[Booking, _Form]] = []

    async def work(self) -> None:
        """Until cancelled. What was asked without an answer is left as it is."""
        count = 0
        while True:
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))
            if not self._browser.service.listening and self._chance.random() < 0.8:
                continue
            dice = self._chance.random()
            if dice < 0.5 or not self._own:
                count += 1
                await self._book(f"{self._word}-{count}")
            elif dice < 0.75:
                await self._change("move")
            elif dice < 0.9:
                await self._change("cancel")
            else:
                await self._change("publish")

    def _plan(self, title: str) -> _Form:
        day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start = day + timedelta(days=self._chance.randint(2, 30), minutes=15 * self._chance.randint(0, 40))
        sites = frozenset(self._chance.sample(FAR_SITES, self._chance.randint(1, 4)))
        return _Form(title, start, self._chance.choice((30, 60, 90)), self._chance.choice(CHAIRS), sites)

    async def _book(self, title: str) -> None:
        form = self._plan(title)
        publish = self._chance.random() < 0.8
        after = form.stand("published", 2) if publish else form.stand("draft", 1)
        booking = Booking(title, [None, after])
        self._log.bookings[title] = booking
        do = "publish" if publish else "draft"
        answer = await self._browser.post("/meetings/new", form.values(self._number, do))
        if self._take(f"book ({do})", booking, answer, after, None):
            assert answer is not None
            booking.id = answer.headers["location"].rpartition("/")[2]
            self._own.append((booking, form))

    async def _change(self, what: str) -> None:
        at = self._chance.randrange(len(self._own))
        booking, form = self._own[at]
        before = booking.stands[0]
        assert before is not None
        values: Values = {"version": str(before.version)}
        path = f"/meetings/{booking.id}/{what}"
        after = replace(before, version=before.version + 1)
        if what == "move":
            form = self._plan(form.title)
            path = f"/meetings/{booking.id}/edit"
            values |= form.values(self._number, "save") | {"reason": "đổi giờ"}
            after = form.stand(before.state, before.version + 1)
        elif what == "cancel":
            after = replace(after, state="cancelled")
            values["reason"] = "hoãn"
        elif before.state == "draft":
            after = replace(after, state="published")
        else:
            return
        booking.stands = [before, after]
        answer = await self._browser.post(path, values)
        done = self._take(what, booking, answer, after, before)
        if done and what == "move":
            self._own[at] = booking, form
        elif not booking.known or (done and what == "cancel"):
            del self._own[at]

    def _take(
        self, what: str, booking: Booking, answer: httpx.Response | None, after: Stand, before: Stand | None
    ) -> bool:
        """Write down what an answer says; whether it was done."""
        status = answer.status_code if answer is not None else 0
        self._log.answers[f"{what}: {status or 'unknown'}"] += 1
        if status == 303:
            booking.stands = [after]
            return True
        if status in (409, 422):
            booking.stands = [before]
        return False
