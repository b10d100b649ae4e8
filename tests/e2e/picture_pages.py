"""Pictures of all pages of the service, by the same table as the sweep that tests them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from conformance.processes import ROOT
from playwright.async_api import Browser, Page

from e2e.city_pages import VIEWS, View
from e2e.drawn_camera import DRAWN
from e2e.picture_album import LANGUAGES, SIZES, Album
from e2e.whole_city import City, whole_city

TILES = 6
"""Pictures of sites that the room waits for before it is taken."""


async def take_pages(browser: Browser, album: Album, wanted: Callable[[str], bool]) -> None:
    """All views whose names are ``wanted``, in every language and size."""
    with tempfile.TemporaryDirectory() as state:
        async with whole_city(Path(state)) as city, _sites(city):
            for language in LANGUAGES:
                for role in dict.fromkeys(view.role for view in VIEWS):
                    views = [view for view in VIEWS if view.role == role and wanted(view.name)]
                    if views:
                        await _take(browser, album, city, views, language)


@contextlib.asynccontextmanager
async def _sites(city: City) -> AsyncIterator[None]:
    """The simulated sites of the open meeting."""
    command = [sys.executable, "-m", "web.cli", "simulate-meeting", "--url", city.address]
    command += ["--file", str(city.demo_file)]
    silent = asyncio.subprocess.DEVNULL
    sites = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=silent, stderr=silent)
    try:
        yield
    finally:
        sites.terminate()
        await sites.wait()


async def _take(browser: Browser, album: Album, city: City, views: list[View], language: str) -> None:
    context = await browser.new_context(
        locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh", reduced_motion="reduce"
    )
    await city.sign_in(context, views[0].role, language)
    await context.add_init_script(DRAWN)
    for view in views:
        page = await context.new_page()
        page.set_default_timeout(20_000)
        await page.goto(view.address(city))
        if view.do is not None:
            await page.locator("main h1").wait_for()
            await view.do(page)
        await page.locator(view.ready).first.wait_for()
        if view.name == "room":
            await _enter(page)
        for where, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            await page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
            # Two frames, so that what a script lays out anew is there.
            await page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            await album.keep(page, f"{view.name}-{where}-{language}", whole=not view.scripted)
        await page.close()
    await context.close()


async def _enter(page: Page) -> None:
    """Join the meeting, and wait until its sites are seen."""
    join = page.locator("[data-testid=join]")
    if await join.count():
        await join.click()
    running = "(least) => document.querySelectorAll('[data-frames]').length >= least"
    with contextlib.suppress(TimeoutError):
        await page.wait_for_function(running, arg=TILES, timeout=30_000)
