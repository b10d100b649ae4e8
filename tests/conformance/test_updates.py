"""Names, metadata and attributes change, by their owner and by the server, and everybody is told."""

from __future__ import annotations

import pytest
from livekit import api
from livekit.protocol.rtc import SignalRequest, UpdateParticipantMetadata

from conformance.target import Browsers, Signals, Sites
from conformance.waiting import until


async def test_by_the_owner(sites: Sites) -> None:
    owner = await sites.join("owner", present=True, can_update_own_metadata=True, attributes={"old": "1"})
    viewer = await sites.join("viewer")
    local = owner.room.local_participant
    await local.set_name("Phường Hoàn Kiếm")
    await local.set_metadata('{"seats": 30}')
    await local.set_attributes({"hand": "up", "old": ""})
    await viewer.event("participant_name_changed", lambda who, _old, new: new == "Phường Hoàn Kiếm")
    await viewer.event("participant_metadata_changed", lambda who, _old, new: new == '{"seats": 30}')
    (changed, who) = await viewer.event(
        "participant_attributes_changed", lambda changed, _who: "hand" in changed
    )
    assert who.identity == "owner"
    assert changed == {"hand": "up", "old": ""}
    assert viewer.remote("owner").attributes == {"hand": "up"}
    await until(lambda: owner.room.local_participant.name == "Phường Hoàn Kiếm", "the owner knows it too")


async def test_by_the_server(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    owner = await sites.join("owner", present=True, attributes={"a": "1", "b": "2"})
    viewer = await sites.join("viewer")
    answer = await livekit_api.room.update_participant(
        api.UpdateParticipantRequest(
            room=sites.room, identity="owner", name="New", metadata="data", attributes={"a": "", "c": "3"}
        )
    )
    assert (answer.name, answer.metadata, dict(answer.attributes)) == ("New", "data", {"b": "2", "c": "3"})
    await viewer.event("participant_name_changed", lambda _who, _old, new: new == "New")
    await viewer.event("participant_metadata_changed", lambda _who, _old, new: new == "data")
    await until(lambda: viewer.remote("owner").attributes == {"b": "2", "c": "3"}, "attributes merged")
    await owner.event("participant_metadata_changed", lambda who, _old, new: who.identity == "owner")
    assert owner.room.local_participant.attributes == {"b": "2", "c": "3"}


async def test_an_empty_field_changes_nothing(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    await sites.join("owner", present=True, name="Kept", metadata="kept", attributes={"kept": "yes"})
    answer = await livekit_api.room.update_participant(
        api.UpdateParticipantRequest(room=sites.room, identity="owner", attributes={"new": "yes"})
    )
    assert (answer.name, answer.metadata) == ("Kept", "kept")
    assert dict(answer.attributes) == {"kept": "yes", "new": "yes"}
    assert answer.permission.can_publish


async def test_not_without_the_grant(signals: Signals) -> None:
    """Only `can_update_own_metadata` lets a client speak about itself; it gets an answer either way."""
    plain, allowed = await signals.open("plain"), await signals.open("ok", can_update_own_metadata=True)
    for signal, right in ((plain, False), (allowed, True)):
        await signal.get("join")
        request = UpdateParticipantMetadata(name="changed", request_id=7)
        await signal.send(SignalRequest(update_metadata=request))
        if right:
            await signal.get("update", lambda m: any(p.name == "changed" for p in m.participants))
        else:
            answer = await signal.get("request_response", lambda answer: answer.request_id == 7)
            assert answer.reason == type(answer).Reason.NOT_ALLOWED
            assert answer.message


@pytest.mark.browser
async def test_in_the_browser(browsers: Browsers, sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    browser = await browsers.join("browser", can_update_own_metadata=True)
    native = await sites.join("native", present=True, can_update_own_metadata=True)
    await browser.publish_microphone("red", loud=False)
    await native.meets("browser")
    await browser.do(
        """async (person) => {
            await person.room.localParticipant.setName("Trang");
            await person.room.localParticipant.setMetadata("m");
            await person.room.localParticipant.setAttributes({lang: "vi"});
        }"""
    )
    await native.event("participant_name_changed", lambda _who, _old, new: new == "Trang")
    await native.event("participant_metadata_changed", lambda _who, _old, new: new == "m")
    await native.event("participant_attributes_changed", lambda changed, _who: changed == {"lang": "vi"})
    await native.room.local_participant.set_attributes({"hand": "up"})
    await browser.event("participantAttributesChanged", lambda changed, who: changed == {"hand": "up"})
    await livekit_api.room.update_participant(
        api.UpdateParticipantRequest(room=sites.room, identity="native", name="Renamed")
    )
    await browser.event("participantNameChanged", lambda name, _who: name == "Renamed")


@pytest.mark.browser
async def test_room_metadata(browsers: Browsers, sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    await livekit_api.room.create_room(api.CreateRoomRequest(name=sites.room, metadata="first"))
    native, browser = await sites.join("native"), await browsers.join("browser")
    assert native.room.metadata == "first"
    assert await browser.do("(person) => person.room.metadata") == "first"
    answer = await livekit_api.room.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=sites.room, metadata="second")
    )
    assert answer.metadata == "second"
    await native.event("room_metadata_changed", lambda old, new: (old, new) == ("first", "second"))
    await browser.event("roomMetadataChanged", lambda metadata: metadata == "second")
    late = await sites.join("late")
    assert late.room.metadata == "second"
