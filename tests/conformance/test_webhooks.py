"""Webhooks: signed, in the order of what happened, with the participant and the track that they are about."""

from __future__ import annotations

import asyncio
import random

import pytest
from livekit import api
from livekit.protocol.models import TrackSource
from livekit.protocol.webhook import WebhookEvent

from conformance.target import Browsers, Sites
from conformance.waiting import until
from conformance.webhook_sink import WebhookSink


async def arrives(sink: WebhookSink, room: str, *wanted: str, within: float = 10) -> list[WebhookEvent]:
    """Wait until events with these names, in this order, are among those of the room."""

    def ordered() -> bool:
        rest = iter(sink.names(room))
        return all(name in rest for name in wanted)

    await until(ordered, lambda: f"{wanted} among {sink.names(room)}", within=within)
    return sink.events(room)


async def test_a_whole_meeting(sink: WebhookSink, sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    room = await livekit_api.room.create_room(api.CreateRoomRequest(name=sites.room))
    await arrives(sink, sites.room, "room_started")
    owner = await sites.join("owner", name="Chủ trì", metadata="m", attributes={"a": "b"})
    await arrives(sink, sites.room, "participant_joined")
    listener = await sites.join("listener")
    sound = await owner.publish_microphone("red")
    await listener.hears("owner", "red")
    await arrives(sink, sites.room, "track_published")
    await owner.room.local_participant.unpublish_track(sound.sid)
    await arrives(sink, sites.room, "track_unpublished")
    video = await owner.publish_camera("red")
    await listener.sees("owner", "red")
    await owner.leave()
    await arrives(sink, sites.room, "track_published", "track_unpublished", "participant_left")
    await livekit_api.room.delete_room(api.DeleteRoomRequest(room=sites.room))
    await until(lambda: sink.names(sites.room).count("participant_left") == 2, "both have left")
    events = await arrives(sink, sites.room, "room_started", "participant_joined", "room_finished")
    assert sink.names(sites.room, "owner") == [
        "participant_joined",
        "track_published",
        "track_unpublished",
        "track_published",
        "track_unpublished",
        "participant_left",
    ]
    assert sink.names(sites.room, "listener") == ["participant_joined", "participant_left"]
    assert events[0].event == "room_started"
    assert {event.room.sid for event in events} == {room.sid}
    assert len({event.id for event in events}) == len(events)
    assert all(event.created_at > 0 for event in events)
    joined = next(event for event in events if event.event == "participant_joined")
    assert joined.participant.sid == owner.room.local_participant.sid
    assert (joined.participant.name, joined.participant.metadata) == ("Chủ trì", "m")
    assert dict(joined.participant.attributes) == {"a": "b"}
    published = [event for event in events if event.event == "track_published"]
    assert [event.track.sid for event in published] == [sound.sid, video.sid]
    assert [event.track.source for event in published] == [TrackSource.MICROPHONE, TrackSource.CAMERA]
    wrong = [delivery for delivery in sink.deliveries if delivery.error]
    assert not wrong, wrong
    assert {d.content_type for d in sink.deliveries} == {"application/webhook+json"}


async def test_a_refused_delivery_is_repeated(
    sink: WebhookSink, livekit_api: api.LiveKitAPI, room_name: str
) -> None:
    """Two answers 503, then 200: the same event comes until it is taken."""
    tries: list[str] = []

    def answer(event: WebhookEvent | None) -> int:
        if event is not None and event.room.name == room_name and event.event == "room_started":
            tries.append(event.id)
            return 200 if len(tries) >= 3 else 503
        return 200

    sink.answer = answer
    try:
        await livekit_api.room.create_room(api.CreateRoomRequest(name=room_name))
        await until(lambda: len(tries) >= 3, lambda: f"three deliveries, so far {tries}", within=20)
    finally:
        sink.answer = lambda _event: 200
    assert len(set(tries)) == 1
    await livekit_api.room.delete_room(api.DeleteRoomRequest(room=room_name))


@pytest.mark.browser
async def test_a_browser_too(sink: WebhookSink, sites: Sites, browsers: Browsers) -> None:
    native = await sites.join("native")
    browser = await browsers.join("browser")
    sid = await browser.publish_camera("blue")
    await native.sees("browser", "blue")
    await browser.leave()
    await until(lambda: "participant_left" in sink.names(sites.room, "browser"), "the browser has left")
    assert sink.names(sites.room, "browser") == [
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
    ]
    published = next(e for e in sink.events(sites.room) if e.event == "track_published")
    assert published.track.sid == sid


class Attendance:
    """Who is present, from webhooks in any order: keyed by sid, the newest `joined_at` is the current one."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, bool]] = {}
        self.begun: dict[str, int] = {}

    def feed(self, event: WebhookEvent) -> None:
        """Take one event."""
        who = event.participant
        if event.event in {"participant_joined", "participant_left", "participant_connection_aborted"}:
            self.begun[who.sid] = max(who.joined_at_ms, who.joined_at * 1000)
            open_before = self.sessions.setdefault(who.identity, {}).get(who.sid, True)
            self.sessions[who.identity][who.sid] = open_before and event.event == "participant_joined"

    def current(self, identity: str) -> str | None:
        """The sid of the open session: only the newest can be open, a missing `left` is closed by it."""
        sessions = self.sessions.get(identity, {})
        newest = max(sessions, key=lambda sid: self.begun[sid], default=None)
        return newest if newest is not None and sessions[newest] else None


@pytest.mark.parametrize("pause", [0.0, 0.3, 0.8])
async def test_fc_a01_a_late_left_does_not_end_the_new_session(
    sink: WebhookSink, sites: Sites, pause: float
) -> None:
    """The old session's `left` may come after the new one's `joined`: its sid tells it apart."""
    randomness = random.Random(2399)
    sink.delay = lambda: randomness.uniform(0, 0.4)
    witness = await sites.join("witness")
    sids: list[str] = []
    try:
        for _ in range(3):
            site = await sites.join("site", present=True)
            sid = site.room.local_participant.sid
            sids.append(sid)
            await witness.event("participant_active", lambda who, sid=sid: who.sid == sid)
            # No goodbye: the next join of this identity puts the old session out.
            await asyncio.sleep(pause)

        def complete() -> bool:
            left = {e.participant.sid for e in sink.events(sites.room) if e.event == "participant_left"}
            joined = {e.participant.sid for e in sink.events(sites.room) if e.event == "participant_joined"}
            return left >= set(sids[:-1]) and joined >= set(sids)

        await until(complete, lambda: f"{sids}: {sink.names(sites.room, 'site')}", within=20)
    finally:
        sink.delay = lambda: 0.0
    events = [event for event in sink.events(sites.room) if event.participant.identity == "site"]
    assert [e.participant.sid for e in events if e.event == "participant_left"].count(sids[-1]) == 0
    for seed in range(20):
        attendance = Attendance()
        for event in random.Random(seed).sample(events, len(events)):
            attendance.feed(event)
            attendance.feed(event)
        assert attendance.current("site") == sids[-1]
    without = Attendance()
    for event in events:
        if event.event == "participant_joined":
            without.feed(event)
    assert without.current("site") == sids[-1]
