"""Grants hold on the server, and change while people are in the room."""

from __future__ import annotations

from typing import Any

import pytest
from livekit import api
from livekit.protocol.models import TrackSource, TrackType
from livekit.protocol.rtc import AddTrackRequest, SignalRequest

from conformance.clients.python_sdk import Site
from conformance.target import Browsers, Signals, Sites
from conformance.waiting import holds, until


async def permit(
    livekit_api: api.LiveKitAPI, room: str, identity: str, **permission: Any
) -> api.ParticipantInfo:
    """Set permissions through the API; what is not named is granted."""
    granted = {"can_publish": True, "can_subscribe": True, "can_publish_data": True} | permission
    request = api.UpdateParticipantRequest(
        room=room, identity=identity, permission=api.ParticipantPermission(**granted)
    )
    return await livekit_api.room.update_participant(request)


async def test_add_track_is_refused(signals: Signals) -> None:
    """The rule is the server's: a client that asks all the same gets no track."""
    signal = await signals.open("mute", can_publish=False)
    assert not (await signal.get("join")).participant.permission.can_publish
    request = AddTrackRequest(cid="c1", name="x", type=TrackType.AUDIO, source=TrackSource.MICROPHONE)
    await signal.send(SignalRequest(add_track=request))
    await signal.send(SignalRequest(ping=1))
    await signal.get("pong")
    assert not signal.all("track_published")


async def test_only_named_sources(signals: Signals) -> None:
    signal = await signals.open("speaker", can_publish_sources=["microphone"])
    join = await signal.get("join")
    assert list(join.participant.permission.can_publish_sources) == [TrackSource.MICROPHONE]
    for cid, kind, source in (
        ("cam", TrackType.VIDEO, TrackSource.CAMERA),
        ("mic", TrackType.AUDIO, TrackSource.MICROPHONE),
    ):
        request = AddTrackRequest(cid=cid, name=cid, type=kind, source=source)
        await signal.send(SignalRequest(add_track=request))
    await signal.get("track_published", lambda answer: answer.cid == "mic")
    assert [answer.cid for answer in signal.all("track_published")] == ["mic"]


async def test_may_not_subscribe(sites: Sites) -> None:
    owner = await sites.join("owner")
    deaf = await sites.join("deaf", can_subscribe=False)
    witness = await sites.join("witness")
    await owner.publish_microphone("red")
    await witness.hears("owner", "red")
    await deaf.event("track_published")
    for publication in deaf.remote("owner").track_publications.values():
        publication.set_subscribed(True)
    await holds(lambda: not deaf.happened("track_subscribed"), "no media", during=0.5)


async def test_may_not_send_data(sites: Sites) -> None:
    sender = await sites.join("sender", can_publish_data=False)
    allowed, receiver = await sites.join_all("allowed", "receiver")
    await sender.room.local_participant.publish_data(b"forbidden")
    await allowed.room.local_participant.publish_data(b"allowed")
    await receiver.event("data_received", lambda packet: packet.data == b"allowed")
    await holds(
        lambda: all(packet.data != b"forbidden" for (packet,) in receiver.happened("data_received")),
        "no data of one who may not send",
        during=0.3,
    )


async def test_right_to_publish_given_and_taken(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    viewer = await sites.join("viewer")
    speaker = await sites.join("speaker", can_publish=False)
    answer = await permit(livekit_api, sites.room, "speaker")
    assert answer.permission.can_publish
    await speaker.event("participant_permissions_changed", lambda _who, permission: permission.can_publish)
    publication = await speaker.publish_microphone("green")
    await viewer.hears("speaker", "green")
    await permit(livekit_api, sites.room, "speaker", can_publish=False)
    await viewer.event("track_unpublished", lambda track, _who: track.sid == publication.sid)
    await speaker.event(
        "participant_permissions_changed", lambda _who, permission: not permission.can_publish
    )
    assert not viewer.remote("speaker").track_publications


async def test_the_floor_is_given_by_sources(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    """Camera only, then camera and microphone, then camera only again: how the floor passes."""
    viewer = await sites.join("viewer")
    speaker = await sites.join("speaker", can_publish_sources=["camera"])
    camera = await speaker.publish_camera("blue")
    await viewer.sees("speaker", "blue")
    both = [TrackSource.CAMERA, TrackSource.MICROPHONE]
    await permit(livekit_api, sites.room, "speaker", can_publish_sources=both)
    await speaker.event(
        "participant_permissions_changed",
        lambda _who, permission: len(permission.can_publish_sources) == 2,
    )
    microphone = await speaker.publish_microphone("blue")
    await viewer.hears("speaker", "blue")
    await permit(livekit_api, sites.room, "speaker", can_publish_sources=[TrackSource.CAMERA])
    await viewer.event("track_unpublished", lambda track, _who: track.sid == microphone.sid)
    picture = viewer.picture("speaker")
    assert picture is not None
    picture.forget()
    await viewer.sees("speaker", "blue")
    assert set(viewer.remote("speaker").track_publications) == {camera.sid}


async def test_right_to_subscribe_taken_and_given(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    owner, viewer = await sites.join_all("owner", "viewer")
    await owner.publish_microphone("cyan")
    heard = await viewer.hears("owner", "cyan")
    await permit(livekit_api, sites.room, "viewer", can_subscribe=False)
    await until(heard.silent, "sound stops")
    await permit(livekit_api, sites.room, "viewer")
    await viewer.event("participant_permissions_changed", lambda _who, p: p.can_subscribe)
    await until(lambda: _hears(viewer, "owner", "cyan"), "sound comes again")


def _hears(viewer: Site, identity: str, mark: str) -> bool:
    sound = viewer.sound(identity)
    return sound is not None and sound.hears(mark)


async def test_right_to_send_data_taken_and_given(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    sender, receiver = await sites.join_all("sender", "receiver")
    local = sender.room.local_participant
    await local.publish_data(b"one")
    await receiver.event("data_received", lambda packet: packet.data == b"one")
    await permit(livekit_api, sites.room, "sender", can_publish_data=False)
    await sender.event("participant_permissions_changed", lambda _who, p: not p.can_publish_data)
    await local.publish_data(b"two")
    await permit(livekit_api, sites.room, "sender")
    await sender.event("participant_permissions_changed", lambda _who, p: p.can_publish_data)
    await local.publish_data(b"three")
    await receiver.event("data_received", lambda packet: packet.data == b"three")
    assert [packet.data for (packet,) in receiver.happened("data_received")] == [b"one", b"three"]


@pytest.mark.browser
async def test_permissions_in_the_browser(
    browsers: Browsers, sites: Sites, livekit_api: api.LiveKitAPI
) -> None:
    browser = await browsers.join("browser", can_publish=False)
    native = await sites.join("native")
    refused = await browser.do(
        """(person) => person.publishCamera({rgb: [0, 0, 0], width: 320, height: 180, fps: 10})
            .then(() => null, (error) => error.constructor.name + ": " + error.message)"""
    )
    assert refused is not None
    assert "permission" in refused.lower()
    await permit(livekit_api, sites.room, "browser", can_publish_sources=[TrackSource.CAMERA])
    await browser.event("participantPermissionsChanged", lambda _old, who: who["identity"] == "browser")
    sid = await browser.publish_camera("magenta")
    await native.sees("browser", "magenta")
    await permit(livekit_api, sites.room, "browser", can_publish=False)
    await native.event("track_unpublished", lambda track, _who: track.sid == sid)
    await browser.value("(person) => person.room.localParticipant.permissions.canPublish === false")
