"""What the clients of the killed service keep for themselves: every answer, and what was asked.

An answer is what counts. What was asked and never answered, because the service was killed, may have been
done or not; the judge allows both, once.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Stand:
    """A meeting as an answer means that it is stored; ``state`` *near* may go on by itself."""

    state: str
    version: int
    starts_at: datetime
    ends_at: datetime
    sites: frozenset[int]
    chair: int


@dataclass(slots=True)
class Booking:
    """A meeting by its title, which is given once. ``stands`` are what may be stored; None for nothing."""

    title: str
    stands: list[Stand | None]
    id: str = ""

    @property
    def known(self) -> bool:
        """Whether its last answer came."""
        return len(self.stands) == 1


@dataclass(frozen=True, slots=True)
class Asked:
    """One request on a meeting's channel. ``answer``: *done*, *refused*, or *unknown* if none came."""

    meeting: str
    member: str
    kind: str
    count: int
    answer: str
    at: float


@dataclass(frozen=True, slots=True)
class Stay:
    """A participant as its client knows it: told that it is in, or that has left by itself, at ``at``."""

    meeting: str
    identity: str
    sid: str
    room_sid: str
    at: float
    life: int
    """Of the service: how often it had been started when all of the join happened; 0 if it was in between."""
    wall: float
    """``at`` by the clock on the wall, as lines on record have it."""


@dataclass
class ClientLog:
    """All that the clients of one service were told. Times are monotonic seconds."""

    bookings: dict[str, Booking] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    joins: list[Stay] = field(default_factory=list)
    leaves: list[Stay] = field(default_factory=list)
    opened: dict[str, float] = field(default_factory=dict)
    """Meetings whose channel let somebody in."""
    ended: dict[str, float] = field(default_factory=dict)
    """Meetings whose channel said that they have ended."""
    answers: Counter[str] = field(default_factory=Counter)
    """Of pages, by what was asked and the status, or *unknown*."""

    def figures(self) -> dict[str, Any]:
        """How much there is in it."""
        kinds = Counter(f"{one.kind} {one.answer}" for one in self.asked)
        return {
            "booked": sum(bool(one.id) for one in self.bookings.values()),
            "asked_without_answer": sum(not one.known for one in self.bookings.values()),
            "pages": dict(sorted(self.answers.items())),
            "channel": dict(sorted(kinds.items())),
            "joins": len(self.joins),
            "leaves": len(self.leaves),
            "openings_seen": len(self.opened),
            "endings_seen": len(self.ended),
        }


class BookerLog:
    """The file to which the booking process writes, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def take_into(self, log: ClientLog) -> list[Booking]:
        """The bookings that were answered since the last call; the log knows of those that were not, too."""
        if not self._path.exists():
            return []
        text = self._path.read_bytes()[self._read :]
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        fresh = []
        for line in whole.splitlines():
            said = json.loads(line)
            title = said["title"]
            if said["what"] == "asks":
                stand = Stand(
                    "near",
                    2,
                    datetime.fromisoformat(said["starts_at"]),
                    datetime.fromisoformat(said["ends_at"]),
                    frozenset(said["sites"]),
                    said["chair"],
                )
                log.bookings[title] = Booking(title, [None, stand])
            elif said["what"] == "booked":
                booking = log.bookings[title]
                booking.id, booking.stands = said["id"], booking.stands[1:]
                log.answers["near meeting booked"] += 1
                fresh.append(booking)
            else:
                log.bookings[title].stands = [None]
                log.answers["near meeting refused"] += 1
        return fresh
