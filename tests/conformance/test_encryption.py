"""End-to-end encryption passes through: those with the key see and hear, those without do not."""

from __future__ import annotations

import pytest
from livekit import rtc

from conformance.target import Browsers, Sites
from conformance.waiting import until

KEY, OTHER = b"khoa-chung-cua-phong-hop", b"khoa-khac"


async def test_between_natives(sites: Sites) -> None:
    owner = await sites.join("owner", key=KEY)
    friend = await sites.join("friend", key=KEY)
    stranger = await sites.join("stranger", key=OTHER)
    video = await owner.publish_camera("green")
    await owner.publish_microphone("green")
    await friend.sees("owner", "green")
    await friend.hears("owner", "green")
    assert friend.remote("owner").track_publications[video.sid].encryption_type == rtc.EncryptionType.GCM
    await until(lambda: stranger.picture("owner") is not None, "the stranger is subscribed")
    picture, sound = stranger.picture("owner"), stranger.sound("owner")
    assert picture is not None
    assert picture.frames == 0
    assert sound is None or set(sound.tones) <= {None}
    sent: list[bytes] = [packet.data for (packet,) in stranger.happened("data_received")]
    assert not sent
    await owner.room.local_participant.publish_data(b"secret", topic="e2ee")
    (packet,) = await friend.event("data_received")
    assert packet.data == b"secret"
    assert all(packet.data != b"secret" for (packet,) in stranger.happened("data_received"))


@pytest.mark.browser
async def test_between_browser_and_native(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("browser", encryption=KEY.decode())
    native = await sites.join("native", key=KEY)
    await browser.publish_camera("blue")
    await browser.publish_microphone("blue")
    await native.publish_camera("yellow")
    await native.publish_microphone("yellow")
    await native.sees("browser", "blue")
    await native.hears("browser", "blue")
    await browser.sees("native", "yellow")
    await browser.hears("native", "yellow")
