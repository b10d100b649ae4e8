"""Joining and leaving: what a newcomer is told, what the others are told of it."""

from __future__ import annotations

from typing import Any

import pytest
from livekit import rtc
from livekit.protocol.models import ParticipantInfo

from conformance.target import Browsers, Signals, Sites, Target
from conformance.waiting import until

SELF: dict[str, Any] = {
    "name": "Xã Đông Anh",
    "metadata": '{"unit": "00454"}',
    "attributes": {"seat": "12", "role": "site"},
}


async def test_join_message(signals: Signals) -> None:
    """Fields without which some client refuses the server, panics or never publishes."""
    signal = await signals.open("me", **SELF)
    join = await signal.get("join")
    assert signal.kinds()[0] == "join"
    assert join.room.sid.startswith("RM_")
    assert join.room.name == signals.room
    assert join.participant.sid.startswith("PA_")
    assert join.participant.identity == "me"
    assert join.participant.name == SELF["name"]
    assert join.participant.metadata == SELF["metadata"]
    assert dict(join.participant.attributes) == SELF["attributes"]
    assert join.participant.permission.can_publish
    assert join.participant.permission.can_subscribe
    assert join.participant.permission.can_publish_data
    assert join.participant.joined_at > 0
    assert not join.other_participants
    assert join.server_info.version
    assert join.server_version or join.server_info.version
    assert join.server_info.protocol >= 13
    assert join.ping_interval > 0
    assert join.ping_timeout > join.ping_interval
    assert join.subscriber_primary
    assert {codec.mime.lower() for codec in join.enabled_publish_codecs} >= {
        "video/vp8",
        "video/h264",
        "audio/opus",
    }
    offer = await signal.get("offer")
    assert offer.type == "offer"
    assert "m=application" in offer.sdp


async def test_others_in_the_join_message(signals: Signals, sites: Sites) -> None:
    first = await sites.join("first", **SELF)
    publication = await first.publish_microphone("red")
    await (await sites.join("listener", hidden=True)).hears("first", "red")
    signal = await signals.open("second")
    join = await signal.get("join")
    (other,) = join.other_participants
    assert other.identity == "first"
    assert other.sid == first.room.local_participant.sid
    assert other.name == SELF["name"]
    assert other.metadata == SELF["metadata"]
    assert dict(other.attributes) == SELF["attributes"]
    assert other.state == ParticipantInfo.State.ACTIVE
    assert [track.sid for track in other.tracks] == [publication.sid]
    assert other.tracks[0].mime_type.lower() in {"audio/opus", "audio/red"}
    assert other.version > 0


async def test_sdk_to_sdk(sites: Sites) -> None:
    first = await sites.join("first", present=True, **SELF)
    second = await sites.join(
        "second", present=True, name="Phường Ba Đình", metadata="m", attributes={"a": "b"}
    )
    await first.meets("second")
    for viewer, identity, name in ((first, "second", "Phường Ba Đình"), (second, "first", SELF["name"])):
        assert viewer.remote(identity).name == name
    assert second.remote("first").metadata == SELF["metadata"]
    assert second.remote("first").attributes == SELF["attributes"]
    assert first.remote("second").metadata == "m"
    assert first.remote("second").attributes == {"a": "b"}
    assert first.room.local_participant.name == SELF["name"]
    assert await first.room.sid == await second.room.sid
    await first.event("participant_active", lambda participant: participant.identity == "second")
    await second.leave()
    (gone,) = await first.event("participant_disconnected")
    assert gone.identity == "second"
    assert gone.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED


@pytest.mark.browser
async def test_browser_and_sdk(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("browser", **SELF)
    await browser.publish_microphone("red")
    native = await sites.join("native", present=True, name="Máy chủ", metadata="n", attributes={"k": "v"})
    await browser.meets("native")
    seen = await browser.do(
        """(person) => {
            const {name, metadata, attributes} = person.room.remoteParticipants.get("native");
            return {name, metadata, attributes};
        }"""
    )
    assert seen == {"name": "Máy chủ", "metadata": "n", "attributes": {"k": "v"}}
    remote = native.remote("browser")
    assert (remote.name, remote.metadata) == (SELF["name"], SELF["metadata"])
    assert remote.attributes == SELF["attributes"]
    await browser.leave()
    (gone,) = await native.event("participant_disconnected")
    assert gone.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED
    again = await browsers.join("browser-again")
    await again.meets("native")
    await native.leave()
    await again.event("participantDisconnected", lambda participant: participant["identity"] == "native")


async def test_rooms_are_apart(server: Target, sites: Sites, room_name: str) -> None:
    here, same = await sites.join_all("here", "same")
    there = Sites(server, room_name + "-there")
    other = await there.join("there")
    try:
        await other.publish_microphone("red")
        await same.publish_microphone("green")
        await here.hears("same", "green")
        assert set(here.room.remote_participants) == {"same"}
        assert not other.room.remote_participants
    finally:
        await there.close()


async def test_twenty_come_and_go(sites: Sites) -> None:
    """Nobody publishes: the news may be batched (LiveKit: three seconds), and yet comes."""
    host = await sites.join("host")
    guests = await sites.join_all(*(f"guest-{number}" for number in range(20)), watching=False)
    await host.meets(*(guest.identity for guest in guests))
    for guest in guests:
        await guest.leave()
    await until(lambda: not host.room.remote_participants, "the host is alone again")
