"""The client comes back: cut sockets, other ports, a server killed, and refusals that are final."""

from __future__ import annotations

import asyncio

import pytest
from client_relay import TestRelay, token
from client_seats import MICROPHONE, Seat, moving, tone
from livekit.protocol import models

from signaling.client.events import (
    Connected,
    Disconnected,
    Reconnecting,
    Resumed,
    RoomEvent,
    TrackMuted,
)
from signaling.client.room import RoomClient
from signaling.errors import (
    FailedPreconditionError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
)


async def test_a_cut_websocket_is_resumed_and_media_goes_on(relay: TestRelay, seats: list[Seat]) -> None:
    a, b = [await seat.join(relay) for seat in seats[:2]]
    published = await a.client.publish(tone(400))
    track = await b.track("a", MICROPHONE)
    await moving(track)
    for seat in (a, b):
        sid = seat.client.local.sid
        seat.client.cut_signal()
        await seat.client.until(lambda s=seat: bool(s.saw(Resumed)))  # type: ignore[misc]
        assert seat.client.local.sid == sid
        await moving(track)
    assert b.client.received[track.sid] is track
    # Signalling works again in both directions.
    await a.client.mute(published)
    await b.client.until(lambda: bool(b.saw(TrackMuted)))


async def test_another_port_is_followed_by_the_relay(relay: TestRelay, seats: list[Seat]) -> None:
    a, b = [await seat.join(relay) for seat in seats[:2]]
    await a.client.publish(tone(400))
    track = await b.track("a", MICROPHONE)
    await moving(track)
    for seat in (a, b):
        session = seat.client.session
        assert session is not None
        before = session.publisher.peer.sockets.ports
        seat.client.move_port()
        assert session.publisher.peer.sockets.ports != before
        await moving(track, 20)
    assert not a.saw(Reconnecting)
    assert not b.saw(Reconnecting)


async def test_a_restarted_server_has_everybody_back(relay: TestRelay, seats: list[Seat]) -> None:
    a, b = seats[:2]
    await a.join(relay)
    await b.join(relay, auto_subscribe=False)
    published = await a.client.publish(tone(400))
    await b.client.until(lambda: any(p.tracks for p in b.client.participants.values()))
    b.client.subscribe(published.sid)
    await moving(await b.track("a", MICROPHONE))
    old = published.sid
    await relay.stop()
    await b.client.until(lambda: not b.client.connected and not a.client.connected)
    await relay.start()
    await b.client.until(lambda: b.client.connected and a.client.connected, 20)
    assert [e.rejoined for e in a.events if isinstance(e, Connected)] == [False, True]
    # Once the server has refused the resume it is known to be there: no long wait before the join.
    waits = [event.attempt for event in a.saw(Reconnecting) if isinstance(event, Reconnecting)]
    assert len(waits) > 1
    assert waits[-1] == 0
    # The wish for this track of this participant holds, though its sid is a new one.
    await moving(await b.track("a", MICROPHONE))
    assert published.sid != old


async def test_a_killed_client_is_missed_and_a_frozen_one_comes_back(
    relay: TestRelay, seats: list[Seat]
) -> None:
    a, b = [await seat.join(relay) for seat in seats[:2]]
    await a.client.publish(tone(400))
    track = await b.track("a", MICROPHONE)
    await moving(track)
    b.client.freeze()
    before = track.counters.packets
    await asyncio.sleep(0.3)
    assert track.counters.packets == before
    b.client.freeze(False)
    await moving(track)
    await a.client.kill()
    assert a.client.disconnected is not None
    with pytest.raises(UnavailableError):
        await a.client.send_data(b"x")


async def test_the_newer_of_one_identity_wins_and_the_older_stays_away(
    relay: TestRelay, seats: list[Seat]
) -> None:
    older = await seats[0].join(relay)
    newer = Seat("a")
    await newer.join(relay)
    await older.client.until(lambda: older.client.disconnected is not None)
    assert older.client.disconnected is not None
    assert older.client.disconnected.reason == models.DisconnectReason.DUPLICATE_IDENTITY
    assert not older.saw(Reconnecting)
    assert newer.client.connected
    await newer.client.close()


async def test_refusals_are_said(relay: TestRelay, seats: list[Seat]) -> None:
    with pytest.raises(UnauthenticatedError):
        await seats[0].client.connect(relay.url, "no.such.token")
    with pytest.raises(UnavailableError):
        await seats[1].client.connect("http://127.0.0.1:9", token("b"))
    listener = RoomClient()
    await listener.connect(relay.url, token("l", can_publish=False))
    with pytest.raises((FailedPreconditionError, PermissionDeniedError)):
        await listener.publish(tone(400))
    assert listener.tracks == []
    await listener.close()


async def test_a_client_without_recovery_ends_at_the_first_trouble(
    relay: TestRelay, seats: list[Seat]
) -> None:
    a = seats[0]
    await a.join(relay, reconnect=False)
    a.client.cut_signal()
    await a.client.until(lambda: a.client.disconnected is not None)
    assert not a.saw(Reconnecting)


async def test_events_end_with_the_disconnection(relay: TestRelay, seats: list[Seat]) -> None:
    a = await seats[0].join(relay)
    found: list[RoomEvent] = []

    async def read() -> None:
        found.extend([event async for event in a.client.events()])

    reader = asyncio.create_task(read())
    await asyncio.sleep(0)
    await a.client.close()
    async with asyncio.timeout(5):
        await reader
    assert isinstance(found[-1], Disconnected)
