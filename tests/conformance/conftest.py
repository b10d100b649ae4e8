"""Options and fixtures: the server under test, tokens, its API, and clients that are cleaned up."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from livekit import api

from conformance import processes
from conformance.clients.browser import CHROMIUM, Chromium
from conformance.clients.page_server import client_folder
from conformance.target import Browsers, Signals, Sites, Target
from conformance.webhook_sink import WebhookSink

HERE = Path(__file__).parent


OPTIONS: dict[str, tuple[str, str]] = {
    "--livekit-url": (os.environ.get("CONFORMANCE_URL", ""), "address of the server under test"),
    "--livekit-key": (os.environ.get("CONFORMANCE_KEY", processes.KEY), "its API key"),
    "--livekit-secret": (os.environ.get("CONFORMANCE_SECRET", processes.SECRET), "its API secret"),
    "--webhook-port": (
        os.environ.get("CONFORMANCE_WEBHOOK_PORT", "0"),
        "port of 127.0.0.1 to which the server at --livekit-url posts its webhooks, path /webhook",
    ),
    "--livekit-client": (
        os.environ.get("CONFORMANCE_CLIENT", "pinned"),
        "copy of livekit-client that Chromium runs: pinned, or newest from the npm registry",
    ),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "the LiveKit-compatible server under test")
    for name, (default, text) in OPTIONS.items():
        group.addoption(name, default=default, help=text)


def option(config: pytest.Config, name: str) -> str:
    """An option's value; its default too where pytest read this file too late to offer the option."""
    return str(config.getoption(name, OPTIONS[name][0]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests here share one event loop: the browser and the native SDK live as long as the session."""
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.conformance)
            if isinstance(item, pytest.Function) and asyncio.iscoroutinefunction(item.function):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The server named by --livekit-url, or our own relay as a child process."""
    url = option(pytestconfig, "--livekit-url").rstrip("/").replace("ws", "http", 1)
    key = option(pytestconfig, "--livekit-key")
    secret = option(pytestconfig, "--livekit-secret")
    port = int(option(pytestconfig, "--webhook-port"))
    if url:
        sink = WebhookSink(port, key, secret) if port else None
        yield Target(url, key, secret, ours=False, webhooks=sink, process=None)
        if sink:
            sink.close()
        return
    sink = WebhookSink(port, processes.KEY, processes.SECRET)
    try:
        with processes.start_relay(sink.url, tmp_path_factory.mktemp("relay") / "relay.log") as process:
            yield Target(process.url, processes.KEY, processes.SECRET, True, sink, process)
    finally:
        sink.close()


@pytest.fixture
def sink(server: Target) -> WebhookSink:
    """The webhook receiver; skips where the server under test was not told of one."""
    if server.webhooks is None:
        pytest.skip("the server's webhooks are not sent here: give --webhook-port")
    return server.webhooks


@pytest.fixture
def ours_only(server: Target) -> None:
    """Skips on other servers: the rule under test is our relay's own, see README."""
    if not server.ours:
        pytest.skip("a rule of our own relay, not of the protocol")


@pytest.fixture(autouse=True)
def _server_log(server: Target, request: pytest.FixtureRequest) -> Iterator[None]:
    """Adds the relay's last lines to the report of a failed test."""
    yield
    report = request.node.stash.get(REPORT, None)
    if server.process is not None and report is not None and report.failed:
        report.sections.append(("relay log", server.process.tail()))


REPORT: pytest.StashKey[pytest.TestReport] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[REPORT] = report
    return report


@pytest.fixture
def room_name(request: pytest.FixtureRequest) -> str:
    """A room of this test alone, with a name that tells which test it was."""
    return f"{request.node.name[:40]}-{uuid.uuid4().hex[:8]}"


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def livekit_api(server: Target) -> AsyncIterator[api.LiveKitAPI]:
    """`livekit-api` with the administrator's key."""
    client = api.LiveKitAPI(server.url, server.key, server.secret)
    yield client
    await client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def sites(server: Target, room_name: str) -> AsyncIterator[Sites]:
    """Native participants in this test's room."""
    maker = Sites(server, room_name)
    yield maker
    await maker.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chromium(pytestconfig: pytest.Config) -> AsyncIterator[Chromium]:
    """The one browser of the session."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: install Debian's package chromium")
    browser = await Chromium(
        client_folder(newest=option(pytestconfig, "--livekit-client") == "newest")
    ).start()
    yield browser
    await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browsers(
    server: Target, room_name: str, chromium: Chromium, request: pytest.FixtureRequest
) -> AsyncIterator[Browsers]:
    """Participants on livekit-client in this test's room; the page's console is shown on failure."""
    console: list[str] = []
    page = await chromium.page(console)
    maker = Browsers(server, room_name, page)
    yield maker
    report = request.node.stash.get(REPORT, None)
    if report is not None and report.failed:
        report.sections.append(("browser console", "\n".join(line[:300] for line in console[-60:])))
        report.sections.append(("browser media", str(await page.evaluate("diagnose()"))))
    await maker.close()
    await page.close()


@pytest_asyncio.fixture(loop_scope="session")
async def signals(server: Target, room_name: str) -> AsyncIterator[Signals]:
    """Bare signalling connections into this test's room."""
    maker = Signals(server, room_name)
    yield maker
    await maker.close()
