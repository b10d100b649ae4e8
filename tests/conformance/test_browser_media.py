"""livekit-client in Chromium: with itself, and with the native SDK in both directions."""

from __future__ import annotations

import asyncio

import pytest
from livekit import rtc

from conformance.clients.browser import BrowserSite
from conformance.clients.python_sdk import Site
from conformance.judges import MARKS
from conformance.target import Browsers, Sites
from conformance.waiting import until

pytestmark = pytest.mark.browser


async def test_browser_to_sdk_and_back(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("browser")
    native = await sites.join("native")
    await asyncio.gather(
        browser.publish_camera("red"),
        browser.publish_microphone("red"),
        native.publish_camera("cyan"),
        native.publish_microphone("cyan"),
    )
    await native.sees("browser", "red")
    await native.hears("browser", "red")
    await browser.sees("native", "cyan")
    await browser.hears("native", "cyan")


async def test_three_browsers_and_three_natives(browsers: Browsers, sites: Sites) -> None:
    names = [mark.name for mark in MARKS]
    pages = [await browsers.join(name) for name in names[:3]]
    natives = await asyncio.gather(*(sites.join(name) for name in names[3:]))
    everybody: list[BrowserSite | Site] = [*pages, *natives]
    for site in everybody:
        await site.publish_camera(site.identity)
        await site.publish_microphone(site.identity)
    for viewer in everybody:
        for name in names:
            if name != viewer.identity:
                await viewer.sees(name, name, within=20)
                await viewer.hears(name, name, within=20)
    for page in pages:
        for name in names:
            if name != page.identity:
                look = await page.look(name)
                assert look is not None
                assert set(look.colours) <= {name, None}
    for native in natives:
        for (identity, _), picture in native.pictures.items():
            assert set(picture.colours) <= {identity, None}
        for (identity, _), sound in native.sounds.items():
            assert set(sound.tones) <= {identity, None}


async def test_camera_and_microphone_of_the_machine(browsers: Browsers, sites: Sites) -> None:
    """The way a person publishes, with Chromium's fake devices: frames and sound, whatever they show."""
    browser, native = await browsers.join("browser"), await sites.join("native")
    await browser.do(
        """(person) => person.room.localParticipant.setCameraEnabled(
            true, {resolution: {width: 320, height: 180}})"""
    )
    await browser.do("(person) => person.room.localParticipant.setMicrophoneEnabled(true)")
    picture = await until(lambda: native.picture("browser"), "the camera is subscribed")
    await until(lambda: picture.frames >= 5, "its frames are decoded", within=15)
    sound = await until(lambda: native.sound("browser"), "the microphone is subscribed")
    await until(lambda: sound.chunks >= 5 and not sound.silent(), "it beeps", within=15)
    await browser.do("(person) => person.room.localParticipant.setCameraEnabled(false)")
    await native.event("track_muted", lambda _who, track: track.kind == rtc.TrackKind.KIND_VIDEO)
