"""livekit-client in Firefox: what it publishes is seen and heard, and it sees and hears others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from socket import AF_INET
from typing import cast

import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Page

from conformance.clients.browser import Chromium
from conformance.clients.firefox import firefox_page
from conformance.clients.page_server import PageServer, client_folder
from conformance.processes import KEY, SECRET, start_relay
from conformance.target import Browsers, Sites, Target
from conformance.waiting import until

pytestmark = pytest.mark.browser

HEARD = """async (person, LK, identity) => {
  const track = person.publication(identity, LK.Track.Source.Microphone)?.track;
  const parts = [...((await track?.getRTCStatsReport()) ?? new Map()).values()];
  const sound = parts.find((part) => part.type === "inbound-rtp");
  return sound !== undefined && sound.packetsReceived > 50 && sound.packetsLost === 0;
}"""


@dataclass(frozen=True)
class Meeting:
    """One room: makers of participants in Firefox, on the native SDK, and in Chromium."""

    firefox: Browsers
    sites: Sites
    browsers: Browsers


@pytest.fixture(scope="module")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Our relay on an address that Firefox believes in: it sends no check to a loopback address."""
    own = [
        part.address for parts in psutil.net_if_addrs().values() for part in parts if part.family == AF_INET
    ]
    address = next((address for address in own if not address.startswith("127.")), None)
    if address is None:
        pytest.skip("this machine has no IPv4 address but loopback, and Firefox connects to none of those")
    with start_relay("", tmp_path_factory.mktemp("firefox") / "relay.log", address) as process:
        yield Target(process.url, KEY, SECRET, True, None, process)


@pytest_asyncio.fixture(loop_scope="session")
async def meeting(reachable: Target, room_name: str, chromium: Chromium) -> AsyncIterator[Meeting]:
    """A room with all makers; what they made leaves at the end."""
    files = PageServer(client_folder(newest=False))
    tab = await chromium.page([])
    try:
        async with firefox_page() as page:
            await page.goto(files.url)
            # Without a sound device Firefox's AudioContext never runs, and nobody here needs it to.
            await page.evaluate("() => { speaker.resume = ear.resume = async () => {}; }")
            firefox = Browsers(reachable, room_name, cast(Page, page))
            made = Meeting(firefox, Sites(reachable, room_name), Browsers(reachable, room_name, tab))
            yield made
            await asyncio.gather(made.firefox.close(), made.sites.close(), made.browsers.close())
    finally:
        files.close()
        await tab.close()


async def test_firefox_and_the_native_sdk(meeting: Meeting) -> None:
    browser = await meeting.firefox.join("firefox")
    native = await meeting.sites.join("native")
    await asyncio.gather(
        browser.publish_camera("red"),
        browser.do("(person) => person.room.localParticipant.setMicrophoneEnabled(true)"),
        native.publish_camera("cyan"),
        native.publish_microphone("cyan"),
    )
    await native.sees("firefox", "red", within=20)
    sound = await until(lambda: native.sound("firefox"), "Firefox's fake microphone is subscribed")
    await until(lambda: sound.chunks >= 5 and not sound.silent(), "it sounds", within=15)
    await browser.sees("native", "cyan", within=20)
    await browser.value(HEARD, "native", within=20)


async def test_firefox_and_chromium(meeting: Meeting) -> None:
    fox = await meeting.firefox.join("firefox")
    chromium = await meeting.browsers.join("chromium")
    await chromium.publish_camera("blue", width=1280, height=720, simulcast=True, detail=True)
    await fox.publish_camera("yellow", width=1280, height=720, simulcast=True, detail=True)
    await fox.sees("chromium", "blue", within=20)
    await chromium.sees("firefox", "yellow", within=20)
