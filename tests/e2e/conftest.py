"""Fixtures: the service, a Chromium, people at the page, native peers; all gone after each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from conformance.clients.browser import CHROMIUM
from conformance.clients.python_sdk import Site
from playwright.async_api import Browser, async_playwright

from e2e.meeting_page import MeetingPage
from e2e.service import Service

HERE = Path(__file__).parent
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--use-fake-device-for-media-stream",
    "--auto-select-desktop-capture-source=Entire screen",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)
KINDLY = ("--use-fake-ui-for-media-stream",)
"""Every question for a device is answered with yes."""

STRICTLY = ("--deny-permission-prompts", "--autoplay-policy=document-user-activation-required")
"""Every question is refused, and nothing sounds before the page is touched."""

Visit = Callable[..., Awaitable[MeetingPage]]
Join = Callable[..., Awaitable[Site]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests here share one event loop: the browsers live as long as the session."""
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)
            if isinstance(item, pytest.Function) and asyncio.iscoroutinefunction(item.function):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with one open room."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers() -> AsyncIterator[dict[str, Browser]]:
    """Two Chromiums: `kind` says yes to every question, `strict` says no."""
    if not CHROMIUM.exists():
        pytest.fail(f"these tests need Chromium at {CHROMIUM}: install the package `chromium`")
    async with async_playwright() as playwright:
        launch = playwright.chromium.launch
        path = str(CHROMIUM)
        kind = await launch(executable_path=path, args=[*ARGUMENTS, *KINDLY])
        strict = await launch(executable_path=path, args=[*ARGUMENTS, *STRICTLY])
        yield {"kind": kind, "strict": strict}
        await kind.close()
        await strict.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(service: Service, browsers: dict[str, Browser]) -> AsyncIterator[Visit]:
    """Opens the meeting page for a person; keyword arguments are those of a browser context."""
    pages: list[MeetingPage] = []

    async def come(
        *,
        browser: str = "kind",
        script: str = "",
        beside: MeetingPage | None = None,
        link: str | None = None,
        wait_for: str = "join-panel",
        **options: Any,
    ) -> MeetingPage:
        if beside is None:
            options = {"viewport": {"width": 1366, "height": 768}, "locale": "vi-VN", **options}
            context = await browsers[browser].new_context(**options)
        else:
            context = beside.context
        if script:
            await context.add_init_script(script)
        page = MeetingPage(service, context, await context.new_page())
        pages.append(page)
        return await page.open(link, wait_for)

    yield come
    for page in reversed(pages):
        await page.close()


@pytest_asyncio.fixture(loop_scope="session")
async def peer(service: Service) -> AsyncIterator[Join]:
    """Lets a native client join under an identity and a name, with the colour of its camera, if any."""
    sites: list[Site] = []

    async def join(identity: str, name: str, colour: str | None = None, *, sound: bool = True) -> Site:
        site = Site(identity)
        sites.append(site)
        await site.join(service.media.replace("http", "ws"), service.token(identity, name))
        if colour is not None:
            await site.publish_camera(colour)
            if sound:
                await site.publish_microphone(colour)
        return site

    yield join
    await asyncio.gather(*(site.leave() for site in sites))
