"""The page of a site in a Chromium that nobody touches, under the shipped policy file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from conformance.clients.python_sdk import MICROPHONE
from conformance.waiting import until

from e2e.kiosk_browser import COLOUR_OF_SITE, KioskBrowser, Open, kiosk_browsers
from e2e.kiosk_world import COLOUR_OF_CHAIR, SECRETARY, Chair, KioskWorld, kiosk_world
from web.i18n import LANGUAGES, translate

SITE = 1
MEMBER = f"site:{SITE:05}"
IDENTITY = f"{MEMBER}:main"


@pytest_asyncio.fixture(loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KioskWorld]:
    """A service for each test, since some kill it."""
    async with kiosk_world(tmp_path_factory.mktemp("kiosk")) as made:
        yield made
        await made.leave()


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


async def heard(chair: Chair) -> None:
    """The chair gives the site the floor, and hears and sees it."""
    assert chair.room is not None
    await chair.room.sees(IDENTITY, COLOUR_OF_SITE, within=30)
    await chair.do("give", target=MEMBER)
    await chair.room.hears(IDENTITY, COLOUR_OF_SITE, within=20)


async def followed(kiosk: KioskBrowser) -> None:
    """The site is in the meeting, and its room sees and hears the chair."""
    await kiosk.in_meeting()
    await kiosk.sees(COLOUR_OF_CHAIR)
    await kiosk.hears(COLOUR_OF_CHAIR)


async def test_joins_by_itself_speaks_with_the_floor_alone_and_waits_again(
    world: KioskWorld, come: Open
) -> None:
    meeting = await world.book("Giao ban quận A", SITE, starts_in=20)
    kiosk = await signed_in(come, world)
    await until(lambda: kiosk.text("next-title"), "the next meeting is shown", within=10)
    assert await kiosk.text("countdown")
    chair = await world.chair(meeting)
    await world.opens(meeting)
    await chair.enter()
    await followed(kiosk)
    assert chair.room is not None
    await chair.room.sees(IDENTITY, COLOUR_OF_SITE)
    # Its picture has been there for a while, and still nothing of its sound.
    assert chair.room.sound(IDENTITY) is None
    await kiosk.becomes("light", "data-light", "muted")
    await heard(chair)
    await kiosk.becomes("light", "data-light", "floor")
    await chair.do("take_back")
    await kiosk.becomes("light", "data-light", "muted")
    await until(lambda: chair.room.sound(IDENTITY) is None, "the site is not heard any more")
    await chair.do("end")
    await kiosk.shows("waiting")
    # Devices are let go of: no light burns on a camera while nobody meets.
    await until(lambda: kiosk.value("!document.querySelector('[data-camera=on]')"), "the camera is off")
    await kiosk.quiet()


async def test_asks_for_the_floor_tells_its_heads_and_finishes_by_two_buttons(
    world: KioskWorld, come: Open
) -> None:
    kiosk = await signed_in(come, world)
    chair = await world.open("Giao ban quận A", SITE)
    await kiosk.in_meeting()
    await kiosk.at("floor").click()
    await until(lambda: chair.mirror.queue() == [MEMBER], "the chair sees the hand")
    await kiosk.becomes("light", "data-light", "asking")
    assert "1" in await kiosk.text("light-more")
    await kiosk.at("floor").click()
    await until(lambda: chair.mirror.queue() == [], "the hand is down")
    await kiosk.at("floor").click()
    await until(lambda: chair.mirror.queue() == [MEMBER], "the hand is up again")
    # Without the floor a press on the microphone says how to get it, and nothing is heard.
    await kiosk.at("microphone").click()
    await until(lambda: kiosk.text("microphone-why"), "it is explained")
    await chair.do("give", seconds=300)
    await kiosk.becomes("light", "data-light", "floor")
    assert "0" in await kiosk.text("light-more")
    assert chair.room is not None
    await chair.room.hears(IDENTITY, COLOUR_OF_SITE)
    await kiosk.at("microphone").click()
    await kiosk.becomes("light", "data-light", "floor_silent")
    await until(lambda: _quiet(chair), "the room is silent")
    await kiosk.at("floor").click()
    await until(lambda: chair.mirror.floor.holder == "", "the statement is ended")
    # The next time it is heard, whatever was switched off in the last statement.
    await chair.do("give", target=MEMBER)
    await kiosk.becomes("light", "data-light", "floor")
    await chair.room.hears(IDENTITY, COLOUR_OF_SITE)
    await kiosk.at("heads").fill("17")
    await kiosk.at("heads-more").click()
    await kiosk.at("heads-tell").click()
    await until(lambda: chair.mirror.roster[MEMBER].head_count == 18, "the chair is told 18")
    await until(lambda: kiosk.text("heads-told"), "it is said")
    await kiosk.quiet()


def _quiet(chair: Chair) -> bool:
    assert chair.room is not None
    publications = chair.room.remote(IDENTITY).track_publications.values()
    sounds = [one for one in publications if one.source == MICROPHONE]
    return all(one.muted for one in sounds)


async def test_comes_back_after_the_service_was_killed(world: KioskWorld, come: Open) -> None:
    kiosk = await signed_in(come, world)
    chair = await world.open("Giao ban quận A", SITE)
    await followed(kiosk)
    await heard(chair)
    world.service.kill()
    await kiosk.becomes("light", "data-light", "cut")
    await kiosk.shows("line-connection")
    await world.service.start()
    await chair.again()
    await followed(kiosk)
    # The floor was kept, and with it the right to be heard.
    assert chair.room is not None
    await chair.room.sees(IDENTITY, COLOUR_OF_SITE, within=30)
    await kiosk.becomes("light", "data-light", "floor", within=30)
    await chair.room.hears(IDENTITY, COLOUR_OF_SITE, within=30)
    await kiosk.quiet()


async def test_comes_back_after_it_was_loaded_anew_in_the_middle(world: KioskWorld, come: Open) -> None:
    kiosk = await signed_in(come, world)
    chair = await world.open("Giao ban quận A", SITE)
    await followed(kiosk)
    await chair.do("give", target=MEMBER)
    await kiosk.becomes("light", "data-light", "floor")
    await kiosk.value("location.reload()")
    await followed(kiosk)
    await kiosk.becomes("light", "data-light", "floor")
    assert chair.room is not None
    await chair.room.hears(IDENTITY, COLOUR_OF_SITE, within=30)
    await kiosk.quiet()


async def test_comes_back_after_the_browser_was_killed(world: KioskWorld, come: Open) -> None:
    kiosk = await signed_in(come, world)
    chair = await world.open("Giao ban quận A", SITE)
    await kiosk.in_meeting()
    # Chromium writes new cookies within half a minute; a crash before that would be a sign-in anew.
    await until(kiosk.cookies_are_kept, "the session is on the disk", within=60, every=0.5)
    kiosk.kill()
    again: KioskBrowser = await come(world.service.url, again=kiosk)
    await followed(again)
    await heard(chair)
    await again.quiet()


async def test_a_browser_that_starts_while_the_service_is_down_waits_for_it(
    world: KioskWorld, come: Open
) -> None:
    kiosk = await signed_in(come, world)
    await until(
        lambda: kiosk.value("navigator.serviceWorker.ready.then(() => true)"), "its stand-in is ready"
    )
    world.service.kill()
    await kiosk.value("location.reload()")
    await kiosk.shows("away-page")
    assert await kiosk.value("document.body.innerText") == "\n\n".join(
        translate(language, "kiosk.unreached") for language in LANGUAGES
    )
    await world.service.start()
    await kiosk.shows("waiting", within=30)
    await kiosk.quiet()


async def test_network_away_in_the_middle(world: KioskWorld, come: Open) -> None:
    kiosk = await signed_in(come, world)
    await world.open("Giao ban quận A", SITE)
    await followed(kiosk)
    await kiosk.offline(True)
    world.service.pause(True)
    try:
        await kiosk.shows("line-connection", within=60)
    finally:
        world.service.pause(False)
    await kiosk.offline(False)
    await followed(kiosk)
    await kiosk.quiet()


async def test_a_meeting_follows_another(world: KioskWorld, come: Open) -> None:
    kiosk = await signed_in(come, world)
    first = await world.open("Họp thứ nhất", SITE)
    await kiosk.in_meeting()
    assert await kiosk.text("title") == "Họp thứ nhất"
    await first.do("end")
    await kiosk.shows("waiting")
    await world.open("Họp thứ hai", SITE)
    await kiosk.in_meeting()
    await until(lambda: kiosk.text("title"), "it has a title")
    assert await kiosk.text("title") == "Họp thứ hai"
    await followed(kiosk)
    await kiosk.quiet()


async def test_a_key_in_the_address_signs_the_device_in_and_again(world: KioskWorld, come: Open) -> None:
    start = f"{world.service.url}/kiosk#key={world.keys.sites[SITE]}"
    kiosk: KioskBrowser = await come(world.service.url, start=start)
    await kiosk.shows("waiting")
    # The session ends while nobody is there, as after 90 days in a drawer.
    await kiosk.page.context.clear_cookies()
    await kiosk.value("location.reload()")
    await until(lambda: kiosk.value("location.pathname === '/kiosk'"), "back on its page")
    await kiosk.shows("waiting")
    assert await kiosk.text("site-name")
    await kiosk.quiet()


async def test_a_wrong_key_in_the_address_is_said(world: KioskWorld, come: Open) -> None:
    wrong = world.keys.sites[SITE][:-1] + "?"
    kiosk: KioskBrowser = await come(world.service.url, start=f"{world.service.url}/kiosk#key={wrong}")
    told = translate("vi", "sign_in.key.wrong")
    await until(lambda: kiosk.value(f"document.body.innerText.includes({json.dumps(told)})"), told)


async def test_a_panel_left_open_is_gone_when_the_meeting_begins(world: KioskWorld, come: Open) -> None:
    kiosk = await signed_in(come, world)
    await kiosk.at("test-devices").click()
    await kiosk.shows("test-panel")
    await world.open("Giao ban quận A", SITE)
    await kiosk.in_meeting()
    assert await kiosk.value("document.querySelector('dialog[open]') === null")


async def test_another_machine_takes_the_site_over_and_it_can_be_taken_back(
    world: KioskWorld, come: Open
) -> None:
    first = await signed_in(come, world)
    await world.open("Giao ban quận A", SITE)
    await first.in_meeting()
    second = await signed_in(come, world)
    await second.in_meeting()
    await first.becomes("away", "data-why", "taken_over")
    await first.at("come-back").click()
    await first.in_meeting()
    await second.becomes("away", "data-why", "taken_over")


# -- field cases -----------------------------------------------------------------------------


async def test_fc_e03_sound_at_once_without_a_touch(world: KioskWorld, come: Open) -> None:
    start = f"{world.service.url}/kiosk#key={world.keys.sites[SITE]}"
    kiosk: KioskBrowser = await come(world.service.url, start=start)
    await kiosk.shows("waiting")
    chair = await world.open("Giao ban quận A", SITE)
    await followed(kiosk)
    assert not await kiosk.value("navigator.userActivation.hasBeenActive")
    assert await kiosk.value("[...document.querySelectorAll('audio')].every((e) => !e.paused)")
    assert await kiosk.text("line-sound") == ""
    # Somebody who begins to speak later is heard too.
    other = await world.chair(chair.meeting, SECRETARY)
    await other.enter("yellow")
    await kiosk.hears_also("yellow")
    await kiosk.quiet()


async def test_fc_e03_without_the_policy_it_listens_on_and_says_what_is_missing(
    world: KioskWorld, come: Open
) -> None:
    start = f"{world.service.url}/kiosk#key={world.keys.sites[SITE]}"
    kiosk: KioskBrowser = await come(
        world.service.url, start=start, policy=False, flags=["--deny-permission-prompts", "--accept-lang=vi"]
    )
    await kiosk.shows("waiting")
    chair = await world.open("Giao ban quận A", SITE)
    await kiosk.in_meeting()
    await kiosk.sees(COLOUR_OF_CHAIR)
    await kiosk.shows("line-sound")
    await kiosk.shows("turn-on-sound")
    denied = await kiosk.text("line-camera")
    assert translate("vi", "kiosk.denied") in denied
    await kiosk.at("turn-on-sound").click()
    await until(lambda: _is_gone(kiosk, "line-sound"), "the control is gone after one press")
    await kiosk.hears(COLOUR_OF_CHAIR)
    other = await world.chair(chair.meeting, SECRETARY)
    await other.enter("yellow")
    await kiosk.hears_also("yellow")
    assert await kiosk.text("line-sound") == ""


async def _is_gone(kiosk: KioskBrowser, name: str) -> bool:
    return await kiosk.text(name) == ""
