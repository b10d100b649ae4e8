"""The page of a site in a Chromium that nobody touches, under the shipped policy file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from conformance.waiting import until

from e2e.kiosk_browser import COLOUR_OF_SITE, KioskBrowser, Open, kiosk_browsers
from e2e.kiosk_world import COLOUR_OF_CHAIR, KioskWorld, kiosk_world

SITE = 1
MEMBER = f"site:{SITE:05}"
IDENTITY = f"{MEMBER}:main"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KioskWorld]:
    """The service for all tests of this file."""
    async with kiosk_world(tmp_path_factory.mktemp("kiosk")) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(city: KioskWorld) -> AsyncIterator[KioskWorld]:
    """The same, its sites free again after the test."""
    yield city
    await city.close()


@pytest_asyncio.fixture(loop_scope="session")
async def come(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Open]:
    """Opens browsers of sites."""
    async with kiosk_browsers(tmp_path_factory.mktemp("browsers")) as opens:
        yield opens


async def signed_in(come: Open, world: KioskWorld, site: int = SITE) -> KioskBrowser:
    """A site's browser whose device was given its key."""
    browser: KioskBrowser = await come(world.service.url)
    await browser.page.locator("input[name=key]").wait_for()
    await browser.sign_in(world.keys.sites[site])
    await browser.shows("waiting")
    return browser


async def test_joins_by_itself_speaks_with_the_floor_alone_and_waits_again(
    world: KioskWorld, come: Open
) -> None:
    meeting = await world.book("Giao ban quận A", SITE, starts_in=20)
    kiosk = await signed_in(come, world)
    await until(lambda: kiosk.text("next-title"), "the next meeting is shown", within=10)
    chair = await world.chair(meeting)

    async def is_open() -> bool:
        return await world.state(meeting) == "open"

    await until(is_open, "it opens", within=30, every=0.2)
    await chair.enter()
    await kiosk.in_meeting()
    await kiosk.sees(COLOUR_OF_CHAIR)
    await kiosk.hears(COLOUR_OF_CHAIR)
    assert chair.room is not None
    await chair.room.sees(IDENTITY, COLOUR_OF_SITE)
    assert chair.room.sound(IDENTITY) is None
    await chair.do("give", target=MEMBER)
    await chair.room.hears(IDENTITY, COLOUR_OF_SITE)
    await kiosk.becomes("light", "data-light", "floor")
    await chair.do("take_back")
    await kiosk.becomes("light", "data-light", "muted")
    await until(lambda: chair.room.sound(IDENTITY) is None, "the site is not heard any more")
    await chair.do("end")
    await kiosk.shows("waiting")
    assert kiosk.errors == []
    assert kiosk.dialogs == 0
