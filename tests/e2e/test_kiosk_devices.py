"""FC-e02 on the page of a site: cables that are pulled and plugged in the middle of a meeting."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from conformance.clients.python_sdk import CAMERA, MICROPHONE
from conformance.waiting import holds, until

from e2e.kiosk_browser import COLOUR_OF_SITE, KioskBrowser, Open, kiosk_browsers
from e2e.kiosk_world import Chair, KioskWorld, kiosk_world
from e2e.page_stubs import DEVICES
from web.i18n import translate

SITE = 1
MEMBER = f"site:{SITE:05}"
IDENTITY = f"{MEMBER}:main"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KioskWorld]:
    """The service for all tests of this file."""
    async with kiosk_world(tmp_path_factory.mktemp("kiosk-devices")) as world:
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


async def in_meeting(world: KioskWorld, come: Open) -> tuple[KioskBrowser, Chair]:
    """A site whose machine's devices are the test's, in a meeting and with the floor."""
    start = f"{world.service.url}/kiosk#key={world.keys.sites[SITE]}"
    kiosk: KioskBrowser = await come(world.service.url, start=start)
    await kiosk.shows("waiting")
    await kiosk.page.add_init_script(DEVICES)
    chair = await world.open("Giao ban quận A", SITE)
    await kiosk.value("location.reload()")
    await kiosk.in_meeting()
    assert chair.room is not None
    await chair.room.sees(IDENTITY, COLOUR_OF_SITE, within=30)
    await chair.do("give", target=MEMBER)
    await kiosk.becomes("light", "data-light", "floor")
    return kiosk, chair


def muted(chair: Chair, source: int) -> bool:
    """Whether the chair is told that nothing comes from there."""
    assert chair.room is not None
    publications = chair.room.remote(IDENTITY).track_publications.values()
    return all(one.muted for one in publications if one.source == source)


def frames(chair: Chair) -> int:
    """Frames of the site that the chair has decoded."""
    assert chair.room is not None
    picture = chair.room.picture(IDENTITY)
    return 0 if picture is None else picture.frames


async def runs(chair: Chair, *, within: float) -> None:
    """The site's picture runs at the chair's."""
    before = frames(chair)
    await until(lambda: frames(chair) >= before + 5, "frames come again", within=within)
    assert chair.room is not None
    await chair.room.sees(IDENTITY, COLOUR_OF_SITE)


async def test_fc_e02_camera_comes_back_under_another_id(world: KioskWorld, come: Open) -> None:
    kiosk, chair = await in_meeting(world, come)
    await kiosk.value("machine.fail('videoinput', 'NotFoundError')")
    await kiosk.value("machine.pull('cam-1')")
    await kiosk.becomes("own-picture", "data-camera", "none")
    assert translate("vi", "kiosk.own.none") in await kiosk.text("own-picture")
    assert translate("vi", "camera.unplugged") in await kiosk.text("line-camera")
    # Others see a card, not the last picture standing still; the sound goes on.
    await until(lambda: muted(chair, CAMERA), "the chair is told that there is no picture")
    assert not muted(chair, MICROPHONE)
    # Plugged in, and the system still says that there is none.
    await kiosk.value("machine.plug('videoinput', 'cam-9', 'Logitech C920')")
    await holds(lambda: muted(chair, CAMERA), "nothing is shown that is not there", during=4)
    await kiosk.value("machine.fail('videoinput', null)")
    await runs(chair, within=5)
    await kiosk.becomes("own-picture", "data-camera", "on")
    assert await kiosk.text("line-camera") == ""
    # What the menu shows is what is used.
    assert await kiosk.value("machine.inUse('videoinput')") == ["cam-9"]
    await kiosk.at("test-devices").click()
    await kiosk.shows("test-panel")
    menu = "document.querySelector('[data-testid=device-videoinput]').value"
    await until(lambda: kiosk.value(f"{menu} === 'cam-9'"), "the menu shows the camera in use")
    await kiosk.at("test-close").click()
    await kiosk.quiet()


async def test_fc_e02_another_camera_serves_until_the_own_one_is_back(world: KioskWorld, come: Open) -> None:
    kiosk, chair = await in_meeting(world, come)
    await kiosk.value("machine.plug('videoinput', 'cam-2', 'Camera laptop')")
    await kiosk.value("machine.pull('cam-1')")
    await until(lambda: kiosk.value("machine.inUse('videoinput').join() === 'cam-2'"), "the other one serves")
    await runs(chair, within=5)
    await kiosk.value("machine.plug('videoinput', 'cam-7', 'Logitech C920')")
    await until(
        lambda: kiosk.value("machine.inUse('videoinput').join() === 'cam-7'"), "its own one is back", within=5
    )
    await runs(chair, within=5)


async def test_fc_e02_microphone_comes_back_under_another_id(world: KioskWorld, come: Open) -> None:
    kiosk, chair = await in_meeting(world, come)
    await kiosk.value("machine.pull('mic-1')")
    await kiosk.becomes("light", "data-light", "floor_silent")
    assert translate("vi", "microphone.unplugged") in await kiosk.text("line-microphone")
    await until(lambda: muted(chair, MICROPHONE), "the chair is told that there is no sound")
    assert not muted(chair, CAMERA)
    await kiosk.value("machine.plug('audioinput', 'mic-5', 'Micro hội trường')")
    await kiosk.becomes("light", "data-light", "floor", within=5)
    assert await kiosk.value("machine.inUse('audioinput')") == ["mic-5"]
    await until(lambda: not muted(chair, MICROPHONE), "the chair is told that there is sound again")
    assert await kiosk.text("line-microphone") == ""


async def test_fc_e02_loudspeaker_goes_and_comes_back(world: KioskWorld, come: Open) -> None:
    kiosk, _ = await in_meeting(world, come)
    await kiosk.at("test-devices").click()
    await kiosk.at("device-audiooutput").select_option("out-1")
    await kiosk.at("test-close").click()
    sinks = "[...document.querySelectorAll('audio')].map((element) => element.sink ?? '').join()"
    await until(lambda: kiosk.value(f"{sinks} === 'out-1'"), "the chosen loudspeaker plays")
    await kiosk.value("machine.pull('out-1')")
    await kiosk.shows("line-speaker")
    await kiosk.value("machine.plug('audiooutput', 'out-8', 'Loa hội trường')")
    await until(lambda: kiosk.value(f"{sinks} === 'out-8'"), "it plays again", within=5)
    await until(
        lambda: kiosk.value("!document.querySelector('[data-testid=line-speaker]')"), "nothing is wrong"
    )


async def test_fc_e02_a_frozen_camera_is_started_once_more_then_reported(
    world: KioskWorld, come: Open
) -> None:
    kiosk, chair = await in_meeting(world, come)
    started = await kiosk.value("machine.starts()")
    await kiosk.value("machine.freeze(true)")
    await kiosk.shows("line-camera", within=40)
    assert translate("vi", "camera.frozen") in await kiosk.text("line-camera")
    assert await kiosk.value("machine.starts()") == started + 1
    await kiosk.value("machine.freeze(false)")
    await until(lambda: kiosk.value("!document.querySelector('[data-testid=line-camera]')"), "it is well")
    await runs(chair, within=5)
