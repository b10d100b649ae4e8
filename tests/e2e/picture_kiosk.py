"""Pictures of a site's own screen in each of its states: nobody touches it, the chair leads."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from e2e.drawn_camera import DRAWN
from e2e.kiosk_browser import KioskBrowser, Open, kiosk_browsers
from e2e.kiosk_world import KioskWorld, kiosk_world
from e2e.picture_album import LANGUAGES, Album

SIZES = {"wall": (1920, 1080), "desktop": (1366, 768), "phone": (390, 844)}
SITE, MEMBER = 1, "site:00001"
TITLE = "Giao ban trực tuyến với các xã, phường về tiến độ giải quyết hồ sơ quý IV"

Keep = Callable[[str], Awaitable[None]]


async def take_kiosk(album: Album, languages: tuple[str, ...] = LANGUAGES) -> None:
    """All states in every language and size."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        async with kiosk_world(place) as world, kiosk_browsers(place) as come:
            for language in languages:
                await _states(album, world, come, language)


async def _states(album: Album, world: KioskWorld, come: Open, language: str) -> None:
    kiosk: KioskBrowser = await come(world.service.url)
    await kiosk.page.add_init_script(DRAWN)
    await kiosk.page.context.add_cookies([{"name": "language", "value": language, "url": world.service.url}])
    await kiosk.page.emulate_media(reduced_motion="reduce")

    async def keep(state: str) -> None:
        for size, (width, height) in SIZES.items():
            await kiosk.page.set_viewport_size({"width": width, "height": height})
            await kiosk.page.wait_for_timeout(400)
            await album.keep(kiosk.page, f"kiosk-{state}-{size}-{language}")

    await kiosk.page.reload()
    await keep("key")
    for hours, title in ((20, "Họp chuyên đề chuyển đổi số"), (44, "Giao ban tuần"), (70, "Sơ kết quý")):
        await world.book(title, SITE, starts_in=hours * 3600)
    await kiosk.sign_in(world.keys.sites[SITE])
    await kiosk.shows("waiting")
    meeting = await world.book(TITLE, SITE, 2, starts_in=45)
    await kiosk.page.reload()
    await kiosk.shows("countdown")
    await kiosk.becomes("own-picture", "data-camera", "on")
    await keep("waiting")
    await world.opens(meeting)
    chair = await (await world.chair(meeting)).enter()
    await kiosk.in_meeting()
    await kiosk.becomes("stage-face", "data-frames", "", within=20)
    await keep("meeting")
    await kiosk.at("microphone").click()
    await kiosk.at("heads").fill("23")
    await keep("microphone")
    await kiosk.at("floor").click()
    await kiosk.becomes("light", "data-light", "asking")
    await keep("asking")
    await chair.do("give", target=MEMBER, seconds=300)
    await kiosk.becomes("light", "data-light", "floor")
    await keep("floor")
    await kiosk.at("test-devices").click()
    await kiosk.shows("test-panel")
    await keep("devices")
    await kiosk.at("test-close").click()
    world.service.pause(True)
    try:
        await kiosk.shows("line-connection", within=60)
        await keep("cut")
    finally:
        world.service.pause(False)
    await kiosk.in_meeting()
    await chair.do("remove", target=MEMBER)
    await kiosk.shows("away")
    await keep("away")
    await world.close()
    kiosk.kill()
    await world.cancel()
