"""What the relay of this process tells is written down: late if there is no database, and past any fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from livekit.protocol.webhook import WebhookEvent

from directory.database import Database
from directory.errors import UnavailableError
from scheduler.states import Rules
from web import conference as conference_module
from web.conference import Conference, MediaServer


def joined(sid: str) -> WebhookEvent:
    event = WebhookEvent(event="participant_joined", created_at=1)
    event.participant.sid = sid
    return event


@pytest.fixture
async def conference(tmp_path: Path) -> AsyncIterator[Conference]:
    """One whose waker and media server are not needed."""
    database = Database(f"sqlite:///{tmp_path / 'main.db'}")
    media = MediaServer("http://127.0.0.1:9", "key", "secret" * 8)
    conference = Conference(database, media, Rules())
    listening = asyncio.create_task(conference._listen())
    yield conference
    listening.cancel()
    await asyncio.gather(listening, *conference._joining, return_exceptions=True)
    await conference.rooms.close()
    await database.close()


class Log:
    """An attendance log that fails as it is told, one after the other."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.written: list[str] = []

    async def take(self, event: WebhookEvent) -> str | None:
        if self.failures:
            raise self.failures.pop(0)
        self.written.append(event.participant.sid)
        return "m1"


async def written(conference: Conference) -> None:
    """Until all that was heard is dealt with."""
    async with asyncio.timeout(10):
        await conference._heard.join()


async def test_without_a_database_events_wait_and_keep_their_order(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conference_module, "FIRST_PAUSE", 0.001)
    log = Log(UnavailableError("starting"), UnavailableError("starting"))
    monkeypatch.setattr(conference, "attendance", log)
    for sid in ("PA_1", "PA_2", "PA_3"):
        conference.hear(joined(sid))
    await written(conference)
    assert log.written == ["PA_1", "PA_2", "PA_3"]
    assert conference.unheard == 0


async def test_a_fault_of_one_event_does_not_make_the_service_deaf(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(ValueError("a fault of ours"))
    monkeypatch.setattr(conference, "attendance", log)
    conference.hear(joined("PA_1"))
    conference.hear(joined("PA_2"))
    await written(conference)
    assert (log.written, conference.unheard) == (["PA_2"], 1)


async def test_a_full_room_that_is_looked_through_keeps_no_event_off_the_record(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*_: object) -> None:
        begun.set()
        await go_on.wait()

    log = Log()
    monkeypatch.setattr(conference, "attendance", log)
    monkeypatch.setattr(conference, "_joined", slowly)
    conference.hear(joined("PA_1"))
    async with asyncio.timeout(10):
        await begun.wait()
    conference.hear(joined("PA_2"))
    await written(conference)
    assert log.written == ["PA_1", "PA_2"]
    go_on.set()
