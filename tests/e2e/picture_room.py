"""Pictures of the open room that anyone with its link may join: six simulated sites, and a screen shared."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from conformance.processes import KEY, ROOT, SECRET
from playwright.async_api import Browser

from e2e.drawn_camera import DRAWN
from e2e.meeting_page import MeetingPage
from e2e.picture_album import LANGUAGES, SIZES, Album
from e2e.service import ROOM, Service

SITES = 6
CITY = "Thành phố Hà Nội"


async def take_room(browser: Browser, album: Album) -> None:
    """Every view of it in every size and language."""
    with tempfile.TemporaryDirectory() as state, Service(Path(state)) as service:
        async with _sites(service):
            await _Photographer(service, browser, album).all()


@contextlib.asynccontextmanager
async def _sites(service: Service) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "web.cli", "simulate-sites", "--url", service.media, "--room", ROOM]
    command += ["--count", str(SITES), "--key", KEY, "--secret", SECRET]
    silent = asyncio.subprocess.DEVNULL
    sites = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=silent, stderr=silent)
    try:
        yield
    finally:
        sites.terminate()
        await sites.wait()


class _Photographer:
    """Opens the page in one size and language after the other."""

    def __init__(self, service: Service, browser: Browser, album: Album) -> None:
        self._service = service
        self._browser = browser
        self._album = album

    async def all(self) -> None:
        every = [
            (size, language, f"{where}-{language}") for where, size in SIZES.items() for language in LANGUAGES
        ]
        for size, language, end in every:
            page = await self._visit(size, language)
            await page.at("name").fill(CITY)
            await self._album.keep(page.page, f"open-room-join-{end}")
            await page.join(CITY)
            await self._pictures(page, SITES)
            await self._album.keep(page.page, f"open-room-{end}")
            await page.at("bar-people").click()
            # Until our own camera is published the list says that there is none.
            await page.page.locator(".person-state[data-state=off]").first.wait_for(state="detached")
            await self._album.keep(page.page, f"open-room-people-{end}")
            await page.at("panel-close").click()
            await page.at("bar-leave").click()
            await page.answer_join(403, {"code": "room_locked"})
            await page.at("join-again").click()
            await page.page.locator("[data-reason=refused]").wait_for()
            await self._album.keep(page.page, f"open-room-refused-{end}")
            await page.close()
        speaker = await self._visit((1280, 720), "vi")
        await speaker.join("Văn phòng UBND thành phố")
        await speaker.at("bar-share").click()
        for size, language, end in every:
            page = await (await self._visit(size, language)).join(CITY)
            await page.page.locator("[data-testid=screen-tile][data-frames]").wait_for()
            await self._pictures(page, 3)
            await self._album.keep(page.page, f"open-room-screen-{end}")
            await page.close()
        await speaker.close()

    async def _visit(self, size: tuple[int, int], language: str) -> MeetingPage:
        """A person with a drawn camera at the page, before joining."""
        width, height = size
        context = await self._browser.new_context(
            viewport={"width": width, "height": height}, locale="vi-VN", reduced_motion="reduce"
        )
        await context.add_cookies([{"name": "language", "value": language, "url": self._service.page}])
        await context.add_init_script(DRAWN)
        page = await MeetingPage(self._service, context, await context.new_page()).open()
        await page.page.locator("[data-testid=preview][data-camera=on]").wait_for()
        return page

    async def _pictures(self, page: MeetingPage, least: int) -> None:
        running = "(least) => document.querySelectorAll('[data-testid=tile][data-frames]').length >= least"
        await page.page.wait_for_function(running, arg=least, timeout=30_000)
