"""The signalling protocol message by message, spoken by a bare WebSocket client."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt
import pytest
from livekit import api
from livekit.protocol.models import DisconnectReason, TrackSource, TrackType
from livekit.protocol.rtc import (
    AddTrackRequest,
    LeaveRequest,
    MuteTrackRequest,
    Ping,
    SignalRequest,
    TrickleRequest,
    UpdateSubscription,
    UpdateTrackSettings,
)

from conformance.target import Signals, Sites, Target
from conformance.waiting import until


def decode(server: Target, token: str) -> dict[str, Any]:
    """Claims of a token that must carry the server's own signature."""
    return dict(jwt.decode(token, server.secret, algorithms=["HS256"], issuer=server.key))


async def test_pings(signals: Signals) -> None:
    """`pong` and `pong_resp` carry the server's clock in milliseconds."""
    signal = await signals.open("me")
    before = time.time() * 1000
    await signal.send(SignalRequest(ping=123))
    await signal.send(SignalRequest(ping_req=Ping(timestamp=456, rtt=7)))
    pong = await signal.get("pong")
    response = await signal.get("pong_resp")
    after = time.time() * 1000
    assert before - 2_000 <= pong <= after + 2_000
    assert response.last_ping_timestamp == 456
    assert before - 2_000 <= response.timestamp <= after + 2_000


async def test_json_frames(signals: Signals) -> None:
    """A client that speaks JSON is answered in JSON."""
    signal = await signals.open("me", text=True)
    await signal.send(SignalRequest(ping=1))
    await signal.get("pong")
    await signal.send(SignalRequest(ping_req=Ping(timestamp=5)))
    assert (await signal.get("pong_resp")).last_ping_timestamp == 5
    assert isinstance(signal.frames[-1], str)
    request = AddTrackRequest(cid="c", name="mic", type=TrackType.AUDIO, source=TrackSource.MICROPHONE)
    await signal.send(SignalRequest(add_track=request))
    assert (await signal.get("track_published")).cid == "c"


async def test_offer_ids_rise(signals: Signals, sites: Sites) -> None:
    """The server's offer comes after `join`; while it is unanswered no other is sent."""
    owner = await sites.join("owner")
    signal = await signals.open("me")
    await signal.get("offer")
    await owner.publish_microphone("red", loud=False)
    await signal.get("update", lambda update: any(who.tracks for who in update.participants))
    await asyncio.sleep(0)
    assert len(signal.all("offer")) == 1


async def test_add_track_is_answered(signals: Signals) -> None:
    signal = await signals.open("me")
    request = AddTrackRequest(
        cid="my-cid", name="máy quay", type=TrackType.VIDEO, source=TrackSource.CAMERA, width=640, height=360
    )
    await signal.send(SignalRequest(add_track=request))
    answer = await signal.get("track_published")
    assert answer.cid == "my-cid"
    assert answer.track.sid.startswith("TR_")
    assert (answer.track.name, answer.track.source) == ("máy quay", TrackSource.CAMERA)
    assert (answer.track.type, answer.track.width, answer.track.height) == (TrackType.VIDEO, 640, 360)


async def test_leave_is_answered(signals: Signals, sites: Sites) -> None:
    signal = await signals.open("me")
    await signal.get("join")
    leave = LeaveRequest(reason=DisconnectReason.CLIENT_INITIATED)
    await signal.send(SignalRequest(leave=leave))
    answer = await signal.get("leave")
    assert answer.reason == DisconnectReason.CLIENT_INITIATED
    assert answer.action == LeaveRequest.Action.DISCONNECT


async def test_unknown_and_empty_things_are_borne(signals: Signals) -> None:
    """Unknown fields, an empty frame, ids of nothing: the connection lives on."""
    signal = await signals.open("me")
    await signal.get("join")
    unknown = b"\xfa\x3f\x03abc"
    await signal.connection.send(b"")
    await signal.connection.send(unknown)
    await signal.connection.send(SignalRequest(ping=1).SerializeToString() + unknown)
    for request in (
        SignalRequest(mute=MuteTrackRequest(sid="TR_none", muted=True)),
        SignalRequest(subscription=UpdateSubscription(track_sids=["TR_none"], subscribe=True)),
        SignalRequest(track_setting=UpdateTrackSettings(track_sids=["TR_none"], disabled=True)),
        SignalRequest(trickle=TrickleRequest(candidateInit='{"candidate":""}')),
    ):
        await signal.send(request)
    await signal.send(SignalRequest(ping_req=Ping(timestamp=9)))
    assert (await signal.get("pong_resp")).last_ping_timestamp == 9
    assert not signal.closed


async def test_rubbish_ends_its_own_connection_only(signals: Signals) -> None:
    good, bad = await signals.open("good"), await signals.open("bad")
    await good.get("join")
    await bad.get("join")
    await bad.connection.send(b"\xff\xff\xff\xff")
    await bad.ended()
    await good.send(SignalRequest(ping=1))
    await good.get("pong")


async def test_a_resume_of_nobody_is_told_to_join_anew(signals: Signals) -> None:
    signal = await signals.open("me", query={"reconnect": 1, "sid": "PA_nobody"})
    leave = await signal.get("leave")
    assert leave.reason == DisconnectReason.STATE_MISMATCH
    assert leave.action == LeaveRequest.Action.RECONNECT


async def test_fc_a04_the_refreshed_token(signals: Signals, server: Target) -> None:
    """A fresh token comes with the join, is for the same person and room, and is good for a new join."""
    signal = await signals.open(
        "me", name="N", metadata="m", attributes={"a": "b"}, can_publish_sources=["camera"], ttl=20
    )
    first = decode(server, await signal.get("refresh_token"))
    assert first["sub"] == "me"
    assert first["video"]["room"] == signals.room
    assert first["video"]["roomJoin"] is True
    assert first["video"]["canPublishSources"] == ["camera"]
    assert (first["name"], first["metadata"], first["attributes"]) == ("N", "m", {"a": "b"})
    assert first["exp"] > time.time() + 60
    again = await signals.open("me", token=signal.all("refresh_token")[-1])
    join = await again.get("join")
    assert join.participant.name == "N"
    assert list(join.participant.permission.can_publish_sources) == [TrackSource.CAMERA]


async def test_fc_a04_the_newest_token_says_what_is_in_force(
    signals: Signals, server: Target, livekit_api: api.LiveKitAPI
) -> None:
    """After a change of name or permission the server sends a token with it, not with those at join."""
    signal = await signals.open("me", name="Old", metadata="old")
    await signal.get("refresh_token")
    await livekit_api.room.update_participant(
        api.UpdateParticipantRequest(
            room=signals.room,
            identity="me",
            name="New",
            metadata="new",
            permission=api.ParticipantPermission(can_subscribe=True, can_publish=False),
        )
    )

    def current() -> dict[str, Any] | None:
        claims = decode(server, signal.all("refresh_token")[-1])
        return claims if claims.get("name") == "New" and claims["video"].get("canPublish") is False else None

    claims = await until(current, lambda: str(decode(server, signal.all("refresh_token")[-1])))
    assert claims["metadata"] == "new"


@pytest.mark.usefixtures("ours_only")
async def test_fc_a04_a_refreshed_token_is_never_shorter(signals: Signals, server: Target) -> None:
    """LiveKit 1.9.11 replaces six hours by ten minutes (livekit#4580)."""
    signal = await signals.open("me", ttl=6 * 3600)
    assert decode(server, await signal.get("refresh_token"))["exp"] >= time.time() + 6 * 3600 - 60
