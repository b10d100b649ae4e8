"""The browser's reader of the channel is the twin of the mirror: both are held to the same messages.

``web/frontend/test/channel-vectors.json`` has what pages of a whole meeting were sent, and what the
mirror made of it; vitest gives the same texts to the browser's code. Written anew by
``PYTHONPATH=.:tests/scheduler python tests/scheduler/test_channel_vectors.py``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from channel_world import CHAIR, SECRETARY, Page, World, site

from scheduler.channel.messages import milliseconds
from scheduler.channel.mirror import Mirror
from scheduler.channel.roster import RosterEntry
from scheduler.errors import MessageError

FILE: Final = Path(__file__).parents[2] / "web" / "frontend" / "test" / "channel-vectors.json"

_SNAPSHOT: Final = {
    "type": "snapshot",
    "sequence": 4,
    "at": 1,
    "meeting": {"title": "x", "state": "open", "starts_at": 1, "ends_at": 2},
    "floor": {
        "holder": "",
        "since": None,
        "until": None,
        "time_is_up": False,
        "away": False,
        "locked": False,
    },
    "roster": [RosterEntry("site:1", "A").plain()],
}
_DELTA: Final = {"type": "delta", "sequence": 5, "at": 2}
_WELCOME: Final = {
    "type": "welcome",
    "version": 1,
    "epoch": "e",
    "at": 1,
    "member": "site:1",
    "role": "site",
    "waiting": False,
    "resumed": False,
    "ping_seconds": 15,
}

BAD: Final[list[str]] = [
    "",
    "null",
    "[]",
    "{",
    "{}",
    '"snapshot"',
    '{"type":"other"}',
    '{"type":7}',
    '{"type":"delta","sequence":NaN,"at":1}',
    *(
        json.dumps(message)
        for message in (
            _WELCOME | {"version": 2},
            _WELCOME | {"version": True},
            _WELCOME | {"role": "admin"},
            _WELCOME | {"waiting": 1},
            _WELCOME | {"epoch": "x" * 41},
            _WELCOME | {"member": "site:\u202e1"},
            _SNAPSHOT | {"sequence": -1},
            _SNAPSHOT | {"sequence": "4"},
            _SNAPSHOT | {"sequence": 4.5},
            _SNAPSHOT | {"at": 1 << 60},
            _SNAPSHOT | {"meeting": []},
            _SNAPSHOT | {"floor": None},
            _SNAPSHOT | {"roster": {}},
            _SNAPSHOT | {"roster": [7]},
            _SNAPSHOT | {"roster": [{"key": "site:1"}]},
            _SNAPSHOT | {"roster": [RosterEntry("site:1", "A\x07").plain()]},
            _SNAPSHOT | {"roster": [RosterEntry("site:1", "\ud800").plain()]},
            _SNAPSHOT | {"roster": [RosterEntry("site:1", "😀" * 301).plain()]},
            _SNAPSHOT | {"roster": [RosterEntry("site:1", "A", head_count=1001).plain()]},
            _SNAPSHOT | {"lobby": [{"key": "site:2", "name": "B", "role": "guest"}]},
            _DELTA | {"sequence": 6},
            _DELTA | {"sequence": 4},
            _DELTA | {"gone": ["site:2"]},
            _DELTA | {"gone": "site:1"},
            _DELTA | {"roster": [{"key": "site:1", "presence": "here"}]},
            _DELTA | {"roster": [{"key": "site:2", "name": "only a part"}]},
            _DELTA | {"roster": [{"name": "no key"}]},
            _DELTA | {"floor": {"holder": "site:1"}},
            {"type": "done"},
            {"type": "refused", "id": "1"},
            {"type": "closing"},
            {"type": "closing", "code": "restart", "dropped": -1},
        )
    ),
]
"""Messages that a page which has a snapshot with ``site:1`` does not take."""

GOOD: Final[list[str]] = [
    json.dumps(message)
    for message in (
        _SNAPSHOT | {"roster": [RosterEntry("site:1", "😀" * 300, district="\tHai\ndòng").plain()]},
        _DELTA | {"roster": [{"key": "site:1", "head_count": None, "name": None, "order": 2}]},
        _DELTA | {"unknown": {"to": ["us"]}, "lobby": []},
        _DELTA | {"gone": ["site:1"]},
        _WELCOME | {"resumed": True},
        {"type": "closing", "code": "too_slow", "dropped": 7},
        {"type": "refused", "id": "1", "code": "floor", "problem": "nobody_asks"},
    )
]
"""Messages that it does take."""


def seen(mirror: Mirror) -> dict[str, Any]:
    """What a mirror knows, as JSON; times in milliseconds."""
    meeting = mirror.meeting
    return {
        "me": mirror.me,
        "role": mirror.role,
        "epoch": mirror.epoch,
        "sequence": mirror.sequence,
        "waiting": mirror.waiting,
        "resumed": mirror.resumed,
        "at": None if mirror.at is None else milliseconds(mirror.at),
        "meeting": None if meeting is None else meeting.plain(),
        "floor": mirror.floor.plain(),
        "lobby": [asdict(one) for one in mirror.lobby],
        "roster": [entry.plain() for entry in mirror.roster.values()],
        "queue": mirror.queue(),
        "closing": mirror.closing,
        "dropped": mirror.dropped,
        "hello": mirror.hello(),
    }


class Recorder(Mirror):
    """A mirror that notes each text and what it knew afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[dict[str, Any]] = []

    def receive(self, text: str) -> str:
        kind = super().receive(text)
        # The whole state now and then; a wrong step shows in all that follow.
        whole = kind != "delta" or len(self.steps) % 5 == 0
        self.steps.append({"text": text, "type": kind, "seen": seen(self) if whole else None})
        return kind


def courses() -> list[list[dict[str, Any]]]:
    """A meeting as three pages are told it: chair, a site that is cut and removed, one that reloads."""
    world = World(3)
    pages = [world.page(CHAIR), world.page(site(1)), world.page(site(2))]
    for page in pages:
        page.mirror = Recorder()
        page.join()
    chair, one, two = pages
    world.page(SECRETARY)
    world.settle()
    for page in (one, two, chair):
        page.press("ask")
        world.settle()
    one.press("head_count", count=12)
    chair.press("lower", target="site:00002")
    two.press("give", target="site:00002")
    chair.press("give", target="site:00001", seconds=20)
    world.settle()
    one.cut()
    two.press("ask")
    world.wait(21)
    world.settle()
    one.join()
    world.settle()
    chair.press("take_back")
    chair.press("lock")
    chair.press("mute_all")
    world.settle()
    world.page(site(40))
    world.settle()
    chair.press("remove", target="site:00001", reason="gây rối")
    world.settle()
    one.join()
    world.settle()
    chair.press("admit_all")
    chair.press("unlock")
    world.settle()
    # Nobody says anything for so long: all are sent away, and come again.
    world.wait(timedelta(minutes=16).total_seconds())
    for page in pages:
        page.read()
        page.cut()
        page.join()
    world.settle()
    world.live.close_all("ended")
    world.settle()
    return [_steps(page) for page in pages]


def _steps(page: Page) -> list[dict[str, Any]]:
    assert isinstance(page.mirror, Recorder)
    return page.mirror.steps


def judged(text: str) -> dict[str, Any]:
    """What a page that has the small snapshot makes of a text."""
    mirror = Mirror()
    mirror.receive(json.dumps(_SNAPSHOT))
    before = seen(mirror)
    try:
        mirror.receive(text)
    except MessageError as error:
        assert seen(mirror) == before
        return {
            "text": text,
            "problem": error.problem,
            "field": error.details.get("field", ""),
            "seen": before,
        }
    return {"text": text, "problem": "", "field": "", "seen": seen(mirror)}


def vectors() -> str:
    """The file's contents; one message on each line."""
    lists = {
        **{f"course {number}": steps for number, steps in enumerate(courses())},
        "single": [*map(judged, BAD + GOOD)],
    }
    parts = [f'"snapshot": {json.dumps(json.dumps(_SNAPSHOT))}']
    for name, items in lists.items():
        parts.append(f'"{name}": [\n' + ",\n".join(json.dumps(item) for item in items) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


@pytest.mark.parametrize("text", BAD)
def test_bad_ones_are_bad(text: str) -> None:
    assert judged(text)["problem"]


@pytest.mark.parametrize("text", GOOD)
def test_good_ones_are_good(text: str) -> None:
    assert judged(text)["problem"] == ""


def test_the_browser_is_tested_with_what_the_mirror_makes_of_it() -> None:
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    assert kept["snapshot"] == json.dumps(_SNAPSHOT)
    assert kept["single"] == [*map(judged, BAD + GOOD)]
    # Which order a set has differs from run to run: the texts are those of the file.
    for number, steps in enumerate(courses()):
        mirror = Recorder()
        for step in kept[f"course {number}"]:
            mirror.receive(step["text"])
        assert mirror.steps == kept[f"course {number}"]
        assert [step["type"] for step in mirror.steps] == [step["type"] for step in steps]


if __name__ == "__main__":
    FILE.write_text(vectors(), encoding="utf-8")
