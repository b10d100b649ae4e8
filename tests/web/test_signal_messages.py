"""Every message that the protocol has, sent to the running server: acted on or passed over, never fatal."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import websockets
from livekit.protocol import models, rtc
from serving_harness import Running, running

from media import clock
from signaling.grants import Grants, VideoGrant
from web.settings import Settings

ENDING = {"leave"}
"""An empty one of these ends the session by its meaning."""

REFUSED = {"offer", "answer"}
"""Without a description these are errors, told in the close."""


def _url(server: Running, identity: str) -> tuple[str, dict[str, str]]:
    relay = server.service.relay
    now = clock.wall()
    grants = Grants(identity=identity, video=VideoGrant(room_join=True, room="giao-ban"))
    token = relay.keys.issue(relay.api_key, grants, exp=now + 60, now=now)
    return f"ws://127.0.0.1:{server.port}/rtc?protocol=16", {"Authorization": f"Bearer {token}"}


async def _until(socket: websockets.ClientConnection, kind: str) -> rtc.SignalResponse:
    async for frame in socket:
        assert isinstance(frame, bytes)
        response = rtc.SignalResponse.FromString(frame)
        if response.WhichOneof("message") == kind:
            return response
    raise AssertionError(f"closed before {kind}")


@pytest.mark.parametrize("name", [field.name for field in rtc.SignalRequest.DESCRIPTOR.fields])
async def test_an_empty_one_of_every_message_is_borne(settings: Settings, built: Path, name: str) -> None:
    field = rtc.SignalRequest.DESCRIPTOR.fields_by_name[name]
    request = rtc.SignalRequest()
    if field.message_type is None:
        setattr(request, name, 0)
    else:
        getattr(request, name).SetInParent()
    assert request.WhichOneof("message") == name
    async with running(settings, built, with_pages=False) as server:
        url, headers = _url(server, "me")
        async with websockets.connect(url, additional_headers=headers) as socket:
            await _until(socket, "join")
            await socket.send(request.SerializeToString())
            if name in ENDING:
                await _until(socket, "leave")
            elif name in REFUSED:
                with pytest.raises(websockets.ConnectionClosedError, match="session description"):
                    await _until(socket, "none")
            else:
                await socket.send(rtc.SignalRequest(ping_req=rtc.Ping(timestamp=7)).SerializeToString())
                pong = await _until(socket, "pong_resp")
                while pong.pong_resp.last_ping_timestamp != 7:
                    pong = await _until(socket, "pong_resp")


async def test_tracks_are_described_anew(settings: Settings, built: Path) -> None:
    async with running(settings, built, with_pages=False) as server:
        url, headers = _url(server, "me")
        async with websockets.connect(url, additional_headers=headers) as socket:
            await _until(socket, "join")
            sids = {}
            for cid, kind in (("sound", models.TrackType.AUDIO), ("picture", models.TrackType.VIDEO)):
                request = rtc.SignalRequest(add_track=rtc.AddTrackRequest(cid=cid, type=kind))
                await socket.send(request.SerializeToString())
                published = (await _until(socket, "track_published")).track_published
                sids[published.cid] = published.track.sid
            features = [models.AudioTrackFeature.TF_NOISE_SUPPRESSION]
            for change in (
                rtc.SignalRequest(
                    update_audio_track=rtc.UpdateLocalAudioTrack(track_sid=sids["sound"], features=features)
                ),
                rtc.SignalRequest(
                    update_video_track=rtc.UpdateLocalVideoTrack(
                        track_sid=sids["picture"], width=1280, height=720
                    )
                ),
                rtc.SignalRequest(ping_req=rtc.Ping(timestamp=1)),
            ):
                await socket.send(change.SerializeToString())
            await _until(socket, "pong_resp")
            participant = server.service.relay.registry.rooms["giao-ban"].participants["me"]
            tracks = participant.publishing.publications
            assert list(tracks[sids["sound"]].info.audio_features) == features
            picture = tracks[sids["picture"]].info
            assert (picture.width, picture.height) == (1280, 720)


async def test_when_the_server_stops_everybody_is_told_to_come_back(settings: Settings, built: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running(settings, built, with_pages=False) as server:
            url, headers = _url(server, "me")
            socket = await stack.enter_async_context(websockets.connect(url, additional_headers=headers))
            await _until(socket, "join")
        leave = (await _until(socket, "leave")).leave
    assert leave.reason == models.DisconnectReason.SERVER_SHUTDOWN
    assert leave.action == rtc.LeaveRequest.Action.RECONNECT
