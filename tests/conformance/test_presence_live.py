"""Presence from webhooks while sites fall out and come back: nobody present is believed gone."""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import Iterable

import pytest
from livekit.protocol.webhook import WebhookEvent

from conformance.target import Target
from conformance.waiting import until
from conformance.webhook_sink import WebhookSink
from signaling.client.presence import PresenceLog
from signaling.client.room import RoomClient

PAUSES = (0.3, 0.8, 1.5)
RETURNS = 20
ABORTED = "participant_connection_aborted"


class Comings:
    """One site that falls out without a word and joins anew, again and again, and its own account of that."""

    def __init__(self, server: Target, room: str, pause: float) -> None:
        self._server = server
        self.room = f"{room}-{pause}"
        self._pause = pause
        self.sids: list[str] = []
        self.began: list[float] = []
        self.ended: list[float] = []
        """When each session was in, and when the next one began to take its place."""
        self.client = RoomClient()

    async def run(self) -> None:
        """Join once and return :data:`RETURNS` times; the last client stays."""
        for turn in range(RETURNS + 1):
            if turn:
                await self.client.kill()
                await asyncio.sleep(self._pause)
                self.client = RoomClient()
                self.ended.append(time.time())
            await self.client.connect(
                self._server.url, self._server.token(self.room, "site"), reconnect=False
            )
            self.began.append(time.time())
            self.sids.append(self.client.local.sid)


def counts(events: Iterable[WebhookEvent]) -> list[tuple[str, int, int]]:
    """Kind, announced and true number of participants after each event, in the order of sending."""
    there: set[str] = set()
    found = []
    for event in events:
        if event.event == "participant_joined":
            there.add(event.participant.sid)
        elif event.event == "participant_left":
            there.discard(event.participant.sid)
        else:
            continue
        found.append((event.event, event.room.num_participants, len(there)))
    return found


def sids(sink: WebhookSink, coming: Comings, event: str) -> set[str]:
    """Whom an event of this name was about."""
    return {e.participant.sid for e in sink.events(coming.room) if e.event == event}


def complete(sink: WebhookSink, coming: Comings) -> bool:
    """Whether all that the site did has been told. A session that ended while it connected is *aborted*."""
    aborted = sids(sink, coming, ABORTED)
    return sids(sink, coming, "participant_joined") | aborted >= set(coming.sids) and sids(
        sink, coming, "participant_left"
    ) | aborted >= set(coming.sids[:-1])


@pytest.mark.slow
@pytest.mark.timeout(360)
async def test_fc_a01_cut_without_leave_and_back(server: Target, sink: WebhookSink, room_name: str) -> None:
    randomness = random.Random(2399)
    comings = [Comings(server, room_name, pause) for pause in PAUSES]
    sink.delay = lambda: randomness.uniform(0.0, 2.0)
    try:
        await asyncio.gather(*(coming.run() for coming in comings))
        for coming in comings:
            await until(
                functools.partial(complete, sink, coming),
                f"all comings and goings of {coming.room}",
                within=120,
            )
    finally:
        sink.delay = lambda: 0.0
        for coming in comings:
            await coming.client.close()
    for coming in comings:
        events = [
            e
            for e in sink.events(coming.room)
            if e.participant.sid != coming.sids[-1] or e.event != "participant_left"
        ]
        for seed in range(10):
            log = PresenceLog()
            for event in random.Random(seed).sample(events, len(events)):
                log.fold(event)
                log.fold(event)
            intervals = log.intervals("site")
            assert log.present() == {"site": coming.sids[-1]}
            own = list(zip(coming.sids, coming.began, [*coming.ended, None], strict=True))
            own = [session for session in own if session[0] not in sids(sink, coming, ABORTED)]
            assert [interval.sid for interval in intervals] == [sid for sid, _, _ in own]
            for interval, (_, began, end) in zip(intervals, own, strict=True):
                assert interval.start == pytest.approx(began, abs=1.0)
                assert (interval.end is None) == (end is None)
                assert interval.end is None or interval.end == pytest.approx(end, abs=1.0)
        if server.ours:
            figures = counts(sink.events(coming.room))
            assert all(said == true for _, said, true in figures), figures
