"""A meeting with pages in memory: each page is a mirror behind a connection that can be cut."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from scheduler.channel.meeting import LiveMeeting, Outcome, Person
from scheduler.channel.messages import MeetingView
from scheduler.channel.mirror import Mirror
from scheduler.channel.session import DEFAULT, Limits, Moment, Session
from scheduler.floor import Floor, Rules
from scheduler.floor_state import Event

START = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
VIEW = MeetingView("Giao ban", "open", START, START + timedelta(hours=2))

CHAIR = Person("person:1", "Nguyễn Văn An", "chair")
CO_CHAIR = Person("person:2", "Trần Thị Bình", "chair")
SECRETARY = Person("person:3", "Lê Văn Cường", "secretary")


def site(number: int) -> Person:
    code = f"{number:05}"
    return Person(f"site:{code}", f"Phường {number}", "site", code, "Quận Ba Đình")


class Page:
    """A browser's page: its mirror outlives its connections."""

    def __init__(self, world: World, person: Person) -> None:
        self.world = world
        self.person = person
        self.mirror = Mirror()
        self.session: Session | None = None
        self.types: list[str] = []
        self._requests = 0

    def join(self, *, resume: bool = True) -> Page:
        if not resume:
            self.mirror = Mirror()
        self.session = self.world.live.connect(self.person, self.world.now)
        self.types = []
        self.say(**self.mirror.hello())
        return self

    def say(self, **plain: Any) -> None:
        self.raw(json.dumps(plain))

    def raw(self, text: str) -> None:
        assert self.session is not None
        self.world.done(self.world.live.receive(self.session, text, self.world.now))

    def press(self, kind: str, **fields: Any) -> tuple[str, str]:
        """Send a request and give its answer."""
        self._requests += 1
        request = f"r{self._requests}"
        self.say(type=kind, id=request, **fields)
        self.read()
        return self.mirror.answers[request]

    def cut(self) -> None:
        assert self.session is not None
        self.world.done(self.world.live.disconnect(self.session, self.world.now))
        self.session = None

    def read(self) -> list[str]:
        """Take all that waits; the types of it."""
        new = []
        while self.session is not None and (text := self.session.take()) is not None:
            new.append(self.mirror.receive(text))
        self.types += new
        return new


class World:
    """The driver: stores events, publishes, and reads for all pages."""

    def __init__(
        self, sites: int = 5, *, rules: Rules | None = None, limits: Limits = DEFAULT, people: bool = True
    ) -> None:
        self.now = Moment(START, 1000.0)
        self.events: list[Event] = []
        self.outcomes: list[Outcome] = []
        self.invited = [*((CHAIR, CO_CHAIR, SECRETARY) if people else ()), *map(site, range(1, sites + 1))]
        self.live = LiveMeeting(VIEW, self.invited, Floor(rules), "e1", self.now, limits=limits)
        self.pages: list[Page] = []

    def page(self, person: Person) -> Page:
        page = Page(self, person)
        self.pages.append(page)
        return page.join()

    def done(self, outcome: Outcome) -> Outcome:
        self.events += outcome.events
        self.outcomes.append(outcome)
        self.live.publish(outcome, self.now)
        return outcome

    def wait(self, seconds: float) -> None:
        self.now = Moment(self.now.wall + timedelta(seconds=seconds), self.now.mono + seconds)
        self.done(self.live.tick(self.now))

    def settle(self) -> None:
        """Let gathered changes out, and let all pages read."""
        self.wait(self.live.hub.limits.coalesce)
        for page in self.pages:
            page.read()
