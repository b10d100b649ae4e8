"""A made-up story of the killed service in which nothing is wrong, for tests of the judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from directory.model import AuditEntry
from load.kill_judge import judge_all
from load.kill_log import Asked, Booking, ClientLog, Stand, Stay
from load.kill_stored import Stored
from scheduler.booking import person_resource, site_resource
from scheduler.floor import Actor, Command, Floor
from scheduler.floor_state import Event
from scheduler.model import Action, AttendanceFact, FloorEvent, FloorState, Meeting, Slot

START = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
END = START + timedelta(minutes=1)
T = START.timestamp()
SITES = frozenset({1, 2})
SITE, CHAIR = "site:00001", "person:1"
ROOM = "RM_1"
KILLED = 40.0
"""Seconds after the start, on the monotonic clock of the story too."""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stay(sid: str, seconds: float, life: int = 1, room: str = ROOM) -> Stay:
    return Stay("m1", f"{SITE}:main", sid, room, seconds, life, T + seconds)


def fact(kind: str, sid: str, seconds: float, joined: float = 0.0, room: str = ROOM) -> AttendanceFact:
    identity = "" if kind == "ended" else f"{SITE}:main"
    began = at(joined) if kind in ("joined", "left") else None
    key = f"{kind}:{sid}"
    return AttendanceFact(
        meeting_id="m1", at=at(seconds), kind=kind, identity=identity, key=key, sid=sid, room_sid=room,
        joined_at=began,
    )  # fmt: skip


def heads(count: int, key: str) -> AttendanceFact:
    return AttendanceFact(
        meeting_id="m1", at=at(6), kind="head_count", identity=f"{SITE}:main", key=key, count=count, sid="",
        room_sid="",
    )  # fmt: skip


def line(action: str, actor: str, before: dict[str, object] | None, after: dict[str, object]) -> AuditEntry:
    return AuditEntry(actor=actor, action=action, subject="meeting:m1", before=before, after=after)


def action(name: str) -> Action:
    return Action(meeting_id="m1", action=name, at=at(0), done_at=at(1))


@dataclass
class Story:
    """A meeting that was held, cut by a kill, and ended; one that is to come; and all that was told."""

    stored: Stored
    log: ClientLog = field(default_factory=ClientLog)
    kills: list[float] = field(default_factory=lambda: [KILLED])
    listened: dict[int, float] = field(default_factory=lambda: {1: -10.0, 2: KILLED + 2})

    @property
    def meeting(self) -> Meeting:
        return self.stored.meetings[0]

    @property
    def facts(self) -> list[AttendanceFact]:
        return self.stored.facts["m1"]

    def found(self, *, at_end: bool = True) -> set[str]:
        wrongs = judge_all(
            self.stored, self.log, self.kills, self.listened, at_end=at_end, sqlite=True
        ).numbers()
        return {name for name, number in wrongs.items() if number}


def plan(start: datetime = START, end: datetime = END) -> dict[str, object]:
    return {"starts_at": start.isoformat(), "ends_at": end.isoformat(), "sites": sorted(SITES)}


def meeting(number: int, title: str, state: str, version: int, start: datetime, end: datetime) -> Meeting:
    return Meeting(
        id=f"m{number}", title=title, state=state, version=version, starts_at=start, ends_at=end, chair_id=1
    )


def whole() -> Story:
    """Everything as it should be."""
    held = meeting(1, "near1-1", "closed", 4, START, END)
    held.opened_at, held.closed_at = START, at(60)
    day = timedelta(days=3)
    later = meeting(2, "far4-1", "published", 2, START + day, END + day)
    slots = [
        Slot(meeting_id="m2", resource=name, starts_at=START + day, ends_at=END + day)
        for name in (*map(site_resource, sorted(SITES)), person_resource(1))
    ]
    audit = [
        line("meeting.create", "person:4", None, plan()),
        line("meeting.publish", "person:4", {"state": "draft"}, {"state": "published"}),
        line("meeting.open", "service", {"state": "published"}, {"state": "open"}),
        line("meeting.close", "service", {"state": "open"}, {"state": "closed"}),
    ]
    audit_later = [
        line("meeting.create", "person:5", None, plan(START + day, END + day)),
        line("meeting.publish", "person:5", {"state": "draft"}, {"state": "published"}),
    ]
    floor, events = Floor(), list[Event]()
    events += floor.arrive(CHAIR, "chair", at(1))
    events += floor.arrive(SITE, "site", at(2))
    events += floor.do(Actor(SITE, "site"), Command("ask"), at(5))
    events += floor.do(Actor(CHAIR, "chair"), Command("give"), at(6))
    story = Story(
        Stored(
            [held, later],
            {"m1": set(SITES), "m2": set(SITES)},
            {"m2": slots},
            {"m1": [action("open"), action("close")]},
            {
                "m1": [
                    fact("joined", "PA_1", 3, 3),
                    heads(12, "head_count:a"),
                    fact("left", "PA_1", 20, 3),
                    fact("joined", "PA_2", 21, 21),
                    fact("ended", ROOM, 43),
                    fact("joined", "PA_3", 45, 45, "RM_2"),
                    fact("left", "PA_3", 60, 45, "RM_2"),
                    fact("ended", "RM_2", 60, room="RM_2"),
                ]
            },
            {"m1": FloorState(meeting_id="m1", sequence=len(events), state=floor.snapshot())},
            {
                "m1": [
                    FloorEvent(
                        meeting_id="m1", sequence=event.sequence, at=event.at, actor=event.by or event.member,
                        event=event.to_dict(),
                    )
                    for event in events
                ]
            },
            {"m1": audit, "m2": audit_later},
            list(range(1, 7)),
        )
    )  # fmt: skip
    log = story.log
    near = Stand("near", 2, START, END, SITES, 1)
    far = Stand("published", 2, START + day, END + day, SITES, 1)
    log.bookings = {
        "near1-1": Booking("near1-1", [near], "m1"),
        "far4-1": Booking("far4-1", [far], "m2"),
        "far4-2": Booking("far4-2", [None, far]),
    }
    log.opened, log.ended = {"m1": 1.0}, {"m1": 60.0}
    log.joins = [stay("PA_1", 4), stay("PA_2", 22), stay("PA_3", 46, 2, "RM_2")]
    log.leaves = [stay("PA_1", 20)]
    log.asked = [
        Asked("m1", SITE, "ask", 0, "done", 5.0),
        Asked("m1", CHAIR, "give", 0, "done", 6.0),
        Asked("m1", SITE, "head_count", 12, "done", 6.0),
    ]
    return story
