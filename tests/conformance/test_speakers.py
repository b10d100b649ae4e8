"""Who speaks, and how good the line is."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from livekit import api, rtc

from conformance.clients.browser import BrowserSite
from conformance.clients.python_sdk import Site
from conformance.target import Browsers, Sites, Target
from conformance.test_permissions import permit
from conformance.waiting import holds, until
from signaling.client.room import RoomClient
from signaling.client.synthetic import SyntheticMicrophone
from signaling.client.tone import ToneSpec


async def speaking(viewer: Site, *identities: str, within: float = 5) -> None:
    """Wait until exactly these participants are marked as speaking."""
    await until(
        lambda: viewer.speaking == set(identities),
        lambda: f"{viewer.identity} is told that {identities} speak, it has {viewer.speaking}",
        within=within,
    )


async def browser_marks(viewer: BrowserSite, *identities: str) -> None:
    """As above for livekit-client, which folds the server's deltas into the true set."""
    await viewer.value(
        """(person, LK, wanted) =>
            person.room.activeSpeakers.map((who) => who.identity).sort().join() === wanted""",
        ",".join(sorted(identities)),
        within=5,
    )


async def test_on_and_off(sites: Sites) -> None:
    """One at a time: the native SDK takes each delta for the whole list."""
    talker, viewer = await sites.join_all("talker", "viewer")
    await talker.publish_microphone("red", loud=False)
    await viewer.event("track_subscribed")
    for _ in range(2):
        talker.microphones[0].loud = True
        await speaking(viewer, "talker")
        await speaking(talker, "talker")
        talker.microphones[0].loud = False
        await speaking(viewer)
        await speaking(talker)


@pytest.mark.browser
async def test_two_talk_before_a_browser(browsers: Browsers, sites: Sites) -> None:
    viewer = await browsers.join("viewer")
    first, second = await sites.join_all("first", "second")
    await first.publish_microphone("red")
    await browser_marks(viewer, "first")
    await second.publish_microphone("blue")
    await browser_marks(viewer, "first", "second")
    await viewer.publish_microphone("green")
    await browser_marks(viewer, "first", "second", "viewer")
    first.microphones[0].loud = False
    await browser_marks(viewer, "second", "viewer")
    await viewer.do("(person) => person.sources[0].loud(false)")
    await browser_marks(viewer, "second")
    second.microphones[0].loud = False
    await browser_marks(viewer)


async def _talks(sites: Sites) -> tuple[Site, Site]:
    talker, listener = await sites.join_all("talker", "listener")
    await talker.publish_microphone("red")
    await speaking(listener, "talker")
    return talker, listener


async def test_fc_a18_muted_in_the_middle_of_a_word(sites: Sites) -> None:
    talker, listener = await _talks(sites)
    talker.microphones[0].track.mute()
    await speaking(listener)


async def test_fc_a18_muted_by_the_server(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    talker, listener = await _talks(sites)
    (sid,) = talker.room.local_participant.track_publications
    request = api.MuteRoomTrackRequest(room=sites.room, identity="talker", track_sid=sid, muted=True)
    await livekit_api.room.mute_published_track(request)
    await speaking(listener)


@pytest.mark.usefixtures("ours_only")
async def test_fc_a18_unpublished_in_the_middle_of_a_word(sites: Sites) -> None:
    """LiveKit 1.9.11 leaves the mark for good."""
    talker, listener = await _talks(sites)
    (sid,) = talker.room.local_participant.track_publications
    await talker.room.local_participant.unpublish_track(sid)
    await speaking(listener)


@pytest.mark.usefixtures("ours_only")
async def test_fc_a18_loses_the_right_to_speak(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    """LiveKit 1.9.11 leaves the mark for good."""
    _, listener = await _talks(sites)
    await permit(livekit_api, sites.room, "talker", can_publish=False)
    await speaking(listener)


async def test_fc_a18_leaves_in_the_middle_of_a_word(sites: Sites) -> None:
    talker, listener = await _talks(sites)
    await talker.leave()
    await listener.event("participant_disconnected", lambda who: who.identity == "talker")
    names = [who for who in listener.speaking if who in listener.room.remote_participants]
    assert not names


async def test_fc_a18_killed_in_the_middle_of_a_word(server: Target, sites: Sites) -> None:
    """Both sockets vanish: the mark goes with the sound, at the latest with the participant."""
    listener = await sites.join("listener")
    talker = RoomClient()
    await talker.connect(server.url, server.token(sites.room, "talker"), reconnect=False)
    await talker.publish(SyntheticMicrophone(ToneSpec(500, amplitude=0.3, silence=0.0)))
    await speaking(listener, "talker", within=10)
    await talker.kill()
    await until(
        lambda: not [who for who in listener.speaking if who in listener.room.remote_participants],
        lambda: f"nobody who is there is marked: {listener.speaking}",
        within=30,
    )
    await listener.event("participant_disconnected", lambda who: who.identity == "talker", within=45)


@pytest.mark.usefixtures("ours_only")
async def test_fc_a18_unsubscribed_in_the_middle_of_a_word(sites: Sites) -> None:
    """Who no longer hears the talker is told that it no longer speaks; LiveKit 1.9.11 leaves the mark."""
    _, listener = await _talks(sites)
    (publication,) = listener.room.remote_participants["talker"].track_publications.values()
    publication.set_subscribed(False)
    await speaking(listener)


@pytest.mark.browser
@pytest.mark.usefixtures("ours_only")
async def test_fc_a18_a_late_joiner_is_told(sites: Sites, browsers: Browsers) -> None:
    """LiveKit 1.9.11 tells it only at the next change."""
    await _talks(sites)
    late = await browsers.join("late")
    await late.hears("talker", "red")
    await browser_marks(late, "talker")


async def test_silence_is_not_speech(sites: Sites) -> None:
    talker, listener = await sites.join_all("talker", "listener")
    await talker.publish_microphone("red", loud=False)
    await listener.event("track_subscribed")
    await holds(lambda: not listener.everybody_heard, "nobody speaks", during=1.0)


@pytest.mark.browser
async def test_connection_quality(browsers: Browsers, sites: Sites) -> None:
    """Both SDKs are told of their own line and of the other's, and it is good on loopback."""
    browser, native = await browsers.join("browser"), await sites.join("native")
    await browser.publish_microphone("red")
    await native.publish_microphone("blue")
    for identity in ("browser", "native"):
        await native.event(
            "connection_quality_changed",
            lambda who, quality, name=identity: (
                who is not None
                and who.identity == name
                and quality in {rtc.ConnectionQuality.QUALITY_GOOD, rtc.ConnectionQuality.QUALITY_EXCELLENT}
            ),
            within=15,
        )
        await browser.event(
            "connectionQualityChanged",
            partial(_good_line, identity),
            within=15,
        )


def _good_native_line(identity: str, who: rtc.Participant | None, quality: int) -> bool:
    good = {rtc.ConnectionQuality.QUALITY_GOOD, rtc.ConnectionQuality.QUALITY_EXCELLENT}
    return who is not None and who.identity == identity and quality in good


def _good_line(identity: str, quality: str, who: dict[str, Any]) -> bool:
    return who["identity"] == identity and quality in {"good", "excellent"}
