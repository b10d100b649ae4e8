"""Simulcast: the layer a viewer asked for, judged by the width of the frames; dynacast at the publisher."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from livekit import rtc

from conformance.clients.browser import BrowserSite
from conformance.clients.python_sdk import Site
from conformance.clients.watchers import Picture
from conformance.target import Browsers, Sites, Target
from conformance.waiting import holds, until

LOW, MEDIUM, FULL = 320, 640, 960
QUALITY = {
    LOW: rtc.VideoQuality.VIDEO_QUALITY_LOW,
    MEDIUM: rtc.VideoQuality.VIDEO_QUALITY_MEDIUM,
    FULL: rtc.VideoQuality.VIDEO_QUALITY_HIGH,
}

# Low rates: a busy machine's encoder must find room for all three layers.
THREE: dict[str, Any] = {"simulcast": True, "width": FULL, "height": 540, "detail": True}
THREE_IN_BROWSER = THREE | {
    "degradationPreference": "maintain-resolution",
    "videoEncoding": {"maxBitrate": 500_000, "maxFramerate": 10},
    "videoSimulcastLayers": [
        {"width": 320, "height": 180, "encoding": {"maxBitrate": 90_000, "maxFramerate": 10}},
        {"width": 640, "height": 360, "encoding": {"maxBitrate": 220_000, "maxFramerate": 10}},
    ],
}


async def native_walks(viewer: Site, identity: str, mark: str, widths: list[int]) -> None:
    """Ask for one layer after the other; the picture follows and stays the publisher's own."""
    await viewer.sees(identity, mark, within=15)
    (publication,) = viewer.remote(identity).track_publications.values()
    assert publication.simulcasted
    for width in widths:
        publication.set_video_quality(QUALITY[width])
        picture = await viewer.gets_width(identity, width)
        picture.forget()
        await until(partial(_counted, picture, 4), "frames go on after the switch")
        assert set(picture.colours) == {mark}


def _counted(picture: Picture, frames: int) -> bool:
    return picture.frames >= frames


async def browser_walks(viewer: BrowserSite, identity: str, mark: str, widths: list[int]) -> None:
    """As above for livekit-client, by qualities and by dimensions in turn."""
    await viewer.sees(identity, mark, within=15)
    for turn, width in enumerate(widths):
        size = {"width": width, "height": width * 9 // 16}
        await viewer.do(
            """(person, LK, [identity, method, argument]) =>
                person.publication(identity, "camera")[method](argument)""",
            [
                identity,
                "setVideoDimensions" if turn % 2 else "setVideoQuality",
                size if turn % 2 else QUALITY[width],
            ],
        )
        await until(partial(_browser_has, viewer, identity, mark, width), f"width {width}", within=15)


async def _browser_has(viewer: BrowserSite, identity: str, mark: str, width: int) -> bool:
    look = await viewer.look(identity)
    return look is not None and look.width == width and look.last == mark


@pytest.mark.browser
async def test_layers_of_a_native_publisher(sites: Sites, browsers: Browsers) -> None:
    owner, viewer = await sites.join_all("owner", "viewer")
    page = await browsers.join("page")
    await owner.publish_camera("cyan", bitrate=500_000, **THREE)
    await native_walks(viewer, "owner", "cyan", [LOW, FULL, MEDIUM])
    await browser_walks(page, "owner", "cyan", [LOW, FULL, MEDIUM])


@pytest.mark.browser
async def test_layers_of_a_browser(browsers: Browsers, sites: Sites) -> None:
    owner, page = await browsers.join("owner"), await browsers.join("page")
    viewer = await sites.join("viewer")
    await owner.publish_camera("magenta", **THREE_IN_BROWSER)
    await native_walks(viewer, "owner", "magenta", [LOW, FULL, MEDIUM])
    await browser_walks(page, "owner", "magenta", [LOW, FULL, MEDIUM])


async def test_viewers_have_layers_of_their_own(sites: Sites) -> None:
    owner, small, large = await sites.join_all("owner", "small", "large")
    await owner.publish_camera("green", bitrate=500_000, **THREE)
    for viewer, quality in ((small, QUALITY[LOW]), (large, QUALITY[FULL])):
        await viewer.sees("owner", "green", within=15)
        (publication,) = viewer.remote("owner").track_publications.values()
        publication.set_video_quality(quality)
    narrow, wide = await small.gets_width("owner", LOW), await large.gets_width("owner", FULL)
    await holds(lambda: (narrow.width, wide.width) == (LOW, FULL), "each keeps its own", during=0.7)


@pytest.mark.browser
async def test_a_disabled_track_sends_nothing(browsers: Browsers, sites: Sites) -> None:
    native = await sites.join("native")
    browser = await browsers.join("browser")
    await native.publish_camera("blue")
    await browser.sees("native", "blue")
    await browser.do("(person) => person.publication('native', 'camera').setEnabled(false)")
    counts: list[int] = []

    async def stands_still() -> bool:
        look = await browser.look("native")
        assert look is not None
        counts.append(look.frames)
        return len(counts) > 8 and counts[-1] == counts[-8]

    await until(stands_still, lambda: f"frames stop: {counts}", every=0.1)
    await browser.do("(person) => person.publication('native', 'camera').setEnabled(true)")
    await until(lambda: _more_frames(browser, counts[-1]), "frames come again")


async def _more_frames(browser: BrowserSite, count: int) -> bool:
    look = await browser.look("native")
    return look is not None and look.frames > count + 2 and look.last == "blue"


ACTIVE = """(person) => person.room.localParticipant.getTrackPublication("camera").track.sender
    .getParameters().encodings.map((encoding) => encoding.active)"""


async def encodes(site: BrowserSite, wanted: list[bool]) -> None:
    """Wait until the publisher's encoder runs exactly these layers, lowest first."""
    state: list[Any] = [None]

    async def check() -> bool:
        state[0] = await site.do(ACTIVE)
        return bool(state[0] == wanted)

    await until(check, lambda: f"{site.identity} encodes {wanted}, it is {state[0]}", within=15)


@pytest.mark.browser
async def test_dynacast_at_the_publisher(
    browsers: Browsers, sites: Sites, server: Target, room_name: str
) -> None:
    """Layers that nobody takes are not encoded; they come back at once when somebody asks."""
    elsewhere = Browsers(server, room_name + "-alone", browsers.page)
    owner = await browsers.join("owner", room_options={"dynacast": True})
    lonely = await elsewhere.join("lonely", room_options={"dynacast": True})
    viewer = await sites.join("viewer")
    await lonely.publish_camera("blue", **THREE_IN_BROWSER)
    await owner.publish_camera("red", **THREE_IN_BROWSER)
    await viewer.sees("owner", "red", within=15)
    (publication,) = viewer.remote("owner").track_publications.values()
    publication.set_video_quality(QUALITY[LOW])
    await encodes(owner, [True, False, False])
    await encodes(lonely, [False, False, False])
    publication.set_video_quality(QUALITY[FULL])
    await encodes(owner, [True, True, True])
    await viewer.gets_width("owner", FULL)
    late = Sites(server, elsewhere.room)
    try:
        await (await late.join("late")).sees("lonely", "blue", within=15)
    finally:
        await late.close()
        await elsewhere.close()


@pytest.mark.browser
@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_codecs(browsers: Browsers, sites: Sites, codec: str) -> None:
    """Each codec in both directions between the two SDKs."""
    browser = await browsers.join("browser")
    native = await sites.join("native")
    await browser.publish_camera("yellow", videoCodec=codec)
    number = rtc.VideoCodec.VP8 if codec == "vp8" else rtc.VideoCodec.H264
    await native.publish_camera("blue", codec=number)
    await native.sees("browser", "yellow", within=15)
    await browser.sees("native", "blue", within=15)
    (publication,) = native.remote("browser").track_publications.values()
    assert publication.mime_type.lower() == f"video/{codec}"
