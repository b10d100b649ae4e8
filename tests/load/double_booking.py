"""Two secretaries who save overlapping bookings at once: what they ask, what they are told, what is kept."""

from __future__ import annotations

import asyncio
import html
import itertools
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from small_city import SITES
from sqlalchemy import select

from directory.database import Database
from load.kill_city import CHAIRS, NAMES
from load.kill_pages import Browser
from media.clock import monotonic
from scheduler.localtime import format_date, format_time, local
from scheduler.model import Meeting, Slot

SECONDS = 120.0
"""For one answer: behind so many others it waits."""
BOOKED, REFUSED = "booked", "refused"
_SENTENCE = re.compile(r"“([^”]*)” trùng lịch với “([^”]*)” \(([^)]*)\)")
_WHOLE = re.compile(_SENTENCE.pattern + r"[^.]*\.")
_TAGS = re.compile(r"<[^>]*>")


@dataclass(slots=True)
class Wish:
    """A meeting that a secretary wants, and what became of it. ``told`` is whom the refusal names."""

    title: str
    start: datetime
    end: datetime
    chair: int
    sites: frozenset[int]
    outcome: str = ""
    told: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of names in the sentences: this meeting's, the other one's."""
    free: int = 0
    """Nearest free times that are proposed."""
    sentence: str = ""
    seconds: float = 0.0

    @property
    def resources(self) -> frozenset[str]:
        """What it takes, as slots name it."""
        return frozenset({f"site:{number}" for number in self.sites} | {f"person:{self.chair}"})

    def meets(self, other: Wish) -> bool:
        """Whether both cannot be."""
        return (
            self.start < other.end
            and other.start < self.end
            and not self.resources.isdisjoint(other.resources)
        )


def one_time(word: str, count: int, chance: random.Random) -> list[Wish]:
    """All of them at one site at one time: exactly one can be."""
    start = _morning(3)
    end = start + timedelta(hours=1)
    sites = [frozenset({1, *chance.sample(range(2, SITES + 1), 3)}) for _ in range(count)]
    return [Wish(f"{word}-{n}", start, end, CHAIRS[n % len(CHAIRS)], sites[n]) for n in range(count)]


def crowded(word: str, count: int, chance: random.Random) -> list[Wish]:
    """Any sites and chairs at quarters of two days: most of them meet some others."""
    wishes = []
    for number in range(count):
        start = _morning(7 + chance.randrange(2)) + timedelta(minutes=15 * chance.randrange(36))
        sites = frozenset(chance.sample(range(1, SITES + 1), chance.randint(1, 6)))
        end = start + timedelta(minutes=chance.choice((30, 45, 60, 90)))
        wishes.append(Wish(f"{word}-{number}", start, end, chance.choice(CHAIRS), sites))
    return wishes


def _morning(days: int) -> datetime:
    """Eight o'clock in Hanoi, some days from now."""
    return datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(days=days)


class Secretary:
    """Saves by the form of the page, or by the API; several requests at once."""

    def __init__(self, number: int, browser: Browser, *, by_api: bool) -> None:
        self._number = number
        self._by_api = by_api
        self._http = httpx.AsyncClient(
            base_url=browser.service.url, headers=browser.headers, trust_env=False, timeout=SECONDS
        )
        self._token = browser.token

    async def save(self, wishes: list[Wish], at_once: int) -> None:
        """All of them, by so many hands."""
        left = iter(wishes)

        async def hand() -> None:
            for wish in left:
                began = monotonic()
                await (self._call(wish) if self._by_api else self._form(wish))
                wish.seconds = monotonic() - began

        await asyncio.gather(*(hand() for _ in range(at_once)))

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def _form(self, wish: Wish) -> None:
        there = local(wish.start)
        values: dict[str, str | list[str]] = {
            "csrf": self._token,
            "title": wish.title,
            "kind": "briefing",
            "chair": NAMES[wish.chair],
            "chair_id": str(wish.chair),
            "secretary": str(self._number),
            "day": format_date(there.date()),
            "begin": format_time(there.time()),
            "minutes": str(int((wish.end - wish.start).total_seconds() // 60)),
            "sites": [f"{number:05}" for number in sorted(wish.sites)],
            "do": "publish",
        }
        answer = await self._http.post("/meetings/new", data=values, headers={"Accept": "text/html"})
        if answer.status_code == 303:
            wish.outcome = BOOKED
        elif answer.status_code == 409:
            words = html.unescape(" ".join(_TAGS.sub(" ", answer.text).split()))
            self._refused(wish, words, answer.text.count("data-at="))
        else:
            wish.outcome = f"page: {answer.status_code}"

    async def _call(self, wish: Wish) -> None:
        body = {
            "title": wish.title,
            "kind": "briefing",
            "chair": wish.chair,
            "secretary": self._number,
            "starts_at": wish.start.isoformat(),
            "ends_at": wish.end.isoformat(),
            "sites": [f"{number:05}" for number in sorted(wish.sites)],
        }
        made = await self._http.post("/api/v1/meetings", json=body)
        if made.status_code != 201:
            wish.outcome = f"api, draft: {made.status_code}"
            return
        path = f"/api/v1/meetings/{made.json()['id']}/publish"
        answer = await self._http.post(path, headers={"If-Match": made.headers["ETag"]})
        if answer.status_code == 200:
            wish.outcome = BOOKED
        elif answer.status_code == 409:
            told = answer.json()
            free = [told["details"][name] for name in ("free_before", "free_after")]
            self._refused(wish, told["vi"], len([one for one in free if one]))
        else:
            wish.outcome = f"api: {answer.status_code}"

    def _refused(self, wish: Wish, words: str, free: int) -> None:
        wish.outcome = REFUSED
        wish.told = {(mine, other) for mine, other, _ in _SENTENCE.findall(words)}
        found = _WHOLE.search(words)
        wish.sentence = found[0] if found else ""
        wish.free = free


async def judged(database: Database, wishes: list[Wish], drafts: int) -> dict[str, int]:
    """What is wrong, by kind; ``drafts`` is how many of the refused ones the API keeps as drafts."""
    by_title = {wish.title: wish for wish in wishes}
    async with database.read() as session:
        meetings = {
            meeting.id: meeting
            for meeting in await session.scalars(select(Meeting).where(Meeting.title.in_(by_title)))
        }
        slots = list(await session.scalars(select(Slot)))
    own = [slot for slot in slots if slot.meeting_id in meetings]
    published = {meeting.title for meeting in meetings.values() if meeting.state == "published"}
    booked = {wish.title for wish in wishes if wish.outcome == BOOKED}
    refused = [wish for wish in wishes if wish.outcome == REFUSED]
    taken: dict[str, set[tuple[str, datetime, datetime]]] = defaultdict(set)
    for slot in own:
        taken[meetings[slot.meeting_id].title].add((slot.resource, slot.starts_at, slot.ends_at))
    wrong: Counter[str] = Counter()
    wrong["neither booked nor refused"] = len(wishes) - len(booked) - len(refused)
    wrong["double bookings"] = _overlaps(own)
    wrong["booked and not stored"] = len(booked - published)
    wrong["stored and not told"] = len(published - booked)
    wrong["stored with other times or sites"] = sum(
        taken[title]
        != {(name, by_title[title].start, by_title[title].end) for name in by_title[title].resources}
        for title in booked
    )
    wrong["half saved"] = abs(len(meetings) - len(booked) - drafts)
    for wish in refused:
        # Each name must be that of a meeting that is booked and really in the way.
        wrong["refused without both names"] += not wish.told
        for mine, other in wish.told:
            in_the_way = other in booked and by_title[other].meets(wish)
            wrong["refused with a wrong name"] += mine != wish.title or not in_the_way
        wrong["refused without a free time"] += wish.free == 0
    return dict(wrong)


def _overlaps(slots: list[Slot]) -> int:
    """Pairs of slots of one resource that overlap: each with each other, not by the code that is judged."""
    of: dict[str, list[Slot]] = defaultdict(list)
    for slot in slots:
        of[slot.resource].append(slot)
    return sum(
        one.starts_at < other.ends_at and other.starts_at < one.ends_at
        for group in of.values()
        for one, other in itertools.combinations(group, 2)
    )
