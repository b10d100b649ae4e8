"""Life of a track: mute by its owner and by the server, unpublish, subscription and who may have it."""

from __future__ import annotations

import pytest
from livekit import api, rtc

from conformance.clients.python_sdk import MICROPHONE, Site
from conformance.target import Browsers, Sites
from conformance.waiting import holds, until


def publication_of(viewer: Site, identity: str, sid: str) -> rtc.RemoteTrackPublication | None:
    """The publication as another participant knows it."""
    participant = viewer.room.remote_participants.get(identity)
    return participant.track_publications.get(sid) if participant else None


async def test_mute_and_unmute_by_the_owner(sites: Sites) -> None:
    owner, viewer = await sites.join_all("owner", "viewer")
    sound = await owner.publish_microphone("red")
    video = await owner.publish_camera("red")
    await viewer.sees("owner", "red")
    await viewer.hears("owner", "red")
    owner.microphones[0].track.mute()
    owner.cameras[0].track.mute()
    await viewer.event("track_muted", lambda who, track: who.identity == "owner" and track.sid == sound.sid)
    await viewer.event("track_muted", lambda who, track: track.sid == video.sid)
    heard, seen = viewer.sound("owner"), viewer.picture("owner")
    assert heard is not None
    assert seen is not None
    await until(heard.silent, "no more sound")
    count = seen.frames
    await holds(lambda: seen.frames <= count + 2, "no more pictures", during=0.5)
    owner.microphones[0].track.unmute()
    owner.cameras[0].track.unmute()
    await viewer.event("track_unmuted", lambda _who, track: track.sid == sound.sid)
    await viewer.event("track_unmuted", lambda _who, track: track.sid == video.sid)
    seen.forget()
    await viewer.hears("owner", "red")
    await viewer.sees("owner", "red")


async def test_mute_and_unmute_by_the_server(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    owner, viewer = await sites.join_all("owner", "viewer")
    sound = await owner.publish_microphone("green")
    await viewer.hears("owner", "green")
    request = api.MuteRoomTrackRequest(room=sites.room, identity="owner", track_sid=sound.sid, muted=True)
    answer = await livekit_api.room.mute_published_track(request)
    assert answer.track.sid == sound.sid
    assert answer.track.muted
    await viewer.event("track_muted", lambda _who, track: track.sid == sound.sid)
    await owner.event("track_muted", lambda who, track: who.identity == "owner" and track.sid == sound.sid)
    heard = viewer.sound("owner")
    assert heard is not None
    await until(heard.silent, "no more sound")
    request.muted = False
    answer = await livekit_api.room.mute_published_track(request)
    assert not answer.track.muted
    await viewer.event("track_unmuted", lambda _who, track: track.sid == sound.sid)
    await viewer.hears("owner", "green")


@pytest.mark.browser
async def test_mute_between_browser_and_sdk(
    browsers: Browsers, sites: Sites, livekit_api: api.LiveKitAPI
) -> None:
    browser = await browsers.join("browser")
    native = await sites.join("native")
    mine = await browser.publish_microphone("blue")
    theirs = await native.publish_microphone("cyan")
    await native.hears("browser", "blue")
    await browser.hears("native", "cyan")
    await browser.do("(person) => person.room.localParticipant.getTrackPublication('microphone').mute()")
    await native.event("track_muted", lambda _who, track: track.sid == mine)
    native.microphones[0].track.mute()
    await browser.event("trackMuted", lambda track, _who: track["sid"] == theirs.sid)
    await browser.do("(person) => person.room.localParticipant.getTrackPublication('microphone').unmute()")
    await native.event("track_unmuted", lambda _who, track: track.sid == mine)
    await native.hears("browser", "blue")
    request = api.MuteRoomTrackRequest(room=sites.room, identity="browser", track_sid=mine, muted=True)
    await livekit_api.room.mute_published_track(request)
    await browser.event("trackMuted", lambda track, who: who["identity"] == "browser" and track["muted"])


async def test_unpublish_and_publish_again(sites: Sites) -> None:
    owner, viewer = await sites.join_all("owner", "viewer")
    for mark in ("red", "green", "blue"):
        publication = await owner.publish_camera(mark)
        await viewer.sees("owner", mark)
        sid = publication.sid
        await owner.room.local_participant.unpublish_track(sid)
        await viewer.event("track_unpublished", lambda track, _who, sid=sid: track.sid == sid)
        await viewer.event("track_unsubscribed", lambda _track, track, _who, sid=sid: track.sid == sid)
        assert publication_of(viewer, "owner", sid) is None
    seen = [arguments[1].sid for arguments in viewer.happened("track_subscribed")]
    assert len(set(seen)) == len(seen) == 3


@pytest.mark.browser
async def test_unpublish_by_the_browser(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("browser")
    native = await sites.join("native")
    sid = await browser.publish_camera("magenta")
    await native.sees("browser", "magenta")
    await browser.do(
        """(person) => person.room.localParticipant.unpublishTrack(
            person.room.localParticipant.getTrackPublication("camera").track)"""
    )
    await native.event("track_unpublished", lambda track, _who: track.sid == sid)
    publication = await native.publish_camera("yellow")
    await browser.sees("native", "yellow")
    await native.room.local_participant.unpublish_track(publication.sid)
    await browser.event("trackUnpublished", lambda track, _who: track["sid"] == publication.sid)
    await browser.value("(person) => person.pictures.size === 0")


async def test_subscription_on_demand(sites: Sites) -> None:
    owner = await sites.join("owner")
    chooser = await sites.join("chooser", auto_subscribe=False)
    video = await owner.publish_camera("red")
    sound = await owner.publish_microphone("red")
    await chooser.event("track_published", lambda track, _who: track.sid == video.sid)
    await chooser.event("track_published", lambda track, _who: track.sid == sound.sid)
    await holds(lambda: not chooser.happened("track_subscribed"), "nothing unasked", during=0.5)
    wanted = publication_of(chooser, "owner", video.sid)
    assert wanted is not None
    wanted.set_subscribed(True)
    await chooser.sees("owner", "red")
    assert chooser.sound("owner") is None
    wanted.set_subscribed(False)
    await chooser.event("track_unsubscribed", lambda _track, track, _who: track.sid == video.sid)
    assert publication_of(chooser, "owner", video.sid) is not None
    wanted.set_subscribed(True)
    await until(lambda: len(chooser.happened("track_subscribed")) == 2, "subscribed again")
    await chooser.sees("owner", "red")


@pytest.mark.browser
async def test_subscription_on_demand_by_the_browser(browsers: Browsers, sites: Sites) -> None:
    native = await sites.join("native")
    await native.publish_camera("cyan")
    await native.publish_microphone("cyan")
    browser = await browsers.join("browser", auto_subscribe=False)
    await browser.value("(person) => person.publication('native', 'camera')?.isSubscribed === false")
    assert await browser.look("native") is None
    await browser.do("(person) => person.publication('native', 'camera').setSubscribed(true)")
    await browser.sees("native", "cyan")
    assert await browser.listen("native") is None
    await browser.do("(person) => person.publication('native', 'camera').setSubscribed(false)")
    await browser.event("trackUnsubscribed", lambda _track, track, _who: track["source"] == "camera")
    await browser.do("(person) => person.publication('native', 'microphone').setSubscribed(true)")
    await browser.hears("native", "cyan")


async def test_subscriptions_by_the_server(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    owner = await sites.join("owner")
    viewer = await sites.join("viewer", auto_subscribe=False)
    sound = await owner.publish_microphone("blue")
    await viewer.event("track_published", lambda track, _who: track.sid == sound.sid)
    request = api.UpdateSubscriptionsRequest(
        room=sites.room, identity="viewer", track_sids=[sound.sid], subscribe=True
    )
    await livekit_api.room.update_subscriptions(request)
    heard = await viewer.hears("owner", "blue")
    request.subscribe = False
    await livekit_api.room.update_subscriptions(request)
    await until(lambda: heard.silent(), "sound stops when the server ends the subscription")


async def test_a_late_joiner_gets_everything(sites: Sites) -> None:
    owners = await sites.join_all("red", "green", "blue", watching=False)
    for owner in owners:
        await owner.publish_camera(owner.identity)
        await owner.publish_microphone(owner.identity)
    late = await sites.join("late")
    for owner in owners:
        await late.sees(owner.identity, owner.identity)
        await late.hears(owner.identity, owner.identity)


async def test_subscription_permission(sites: Sites) -> None:
    """The owner decides who may see its tracks, track by track, and changes its mind."""
    owner, friend, other = await sites.join_all("owner", "friend", "other")
    await friend.publish_microphone("red", loud=False)
    await other.publish_microphone("red", loud=False)
    await owner.meets("friend", "other")
    local = owner.room.local_participant
    local.set_track_subscription_permissions(
        allow_all_participants=False,
        participant_permissions=[
            rtc.ParticipantTrackPermission(participant_identity="friend", allow_all=True)
        ],
    )
    video = await owner.publish_camera("yellow")
    sound = await owner.publish_microphone("yellow")
    await friend.sees("owner", "yellow")
    await friend.hears("owner", "yellow")
    assert other.picture("owner") is None
    assert other.sound("owner") is None
    local.set_track_subscription_permissions(
        allow_all_participants=False,
        participant_permissions=[
            rtc.ParticipantTrackPermission(participant_identity="friend", allow_all=True),
            rtc.ParticipantTrackPermission(participant_identity="other", allowed_track_sids=[sound.sid]),
        ],
    )
    await other.hears("owner", "yellow")
    assert other.picture("owner") is None
    local.set_track_subscription_permissions(allow_all_participants=False)
    await until(lambda: (s := friend.sound("owner")) is None or s.silent(), "the friend hears no more")
    local.set_track_subscription_permissions(allow_all_participants=True)
    await other.sees("owner", "yellow")
    await friend.sees("owner", "yellow")
    assert publication_of(other, "owner", video.sid) is not None


@pytest.mark.browser
async def test_subscription_permission_in_the_browser(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("browser")
    native = await sites.join("native", present=True)
    await browser.meets("native")
    await browser.do("(person) => person.room.localParticipant.setTrackSubscriptionPermissions(false, [])")
    await browser.publish_camera("green")
    await native.event("track_published", lambda track, who: who.identity == "browser")
    await holds(lambda: native.picture("browser") is None, "not allowed", during=0.5)
    await browser.do("(person) => person.room.localParticipant.setTrackSubscriptionPermissions(true)")
    await native.sees("browser", "green")


async def test_many_tracks_of_one_participant(sites: Sites) -> None:
    """Sources are kept apart: camera, screen, microphone and the screen's sound of one person."""
    owner, viewer = await sites.join_all("owner", "viewer")
    await owner.publish_camera("red")
    await owner.publish_camera("blue", source=rtc.TrackSource.SOURCE_SCREENSHARE)
    await owner.publish_microphone("red")
    await owner.publish_microphone("blue", source=rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)
    await viewer.sees("owner", "red")
    await viewer.sees("owner", "blue", source=rtc.TrackSource.SOURCE_SCREENSHARE)
    await viewer.hears("owner", "red")
    screen_sound = viewer.sound("owner", rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO)
    assert screen_sound is not None
    await until(lambda: screen_sound.hears("blue"), "the screen's sound")
    assert {track.source for track in viewer.remote("owner").track_publications.values()} >= {MICROPHONE}
