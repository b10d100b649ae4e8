"""One Firefox, driven through WebDriver BiDi: a page that answers `evaluate` as Playwright's does.

Playwright drives only a Firefox of its own making; this is the one that people have.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

FIREFOX = Path("/usr/bin/firefox-esr")
MISSING = "" if FIREFOX.exists() else f"{FIREFOX} is missing: install Debian's package firefox-esr"

PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # Loopback addresses are candidates, and carry numbers instead of names that need multicast DNS.
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.default_address_only": False,
    "media.peerconnection.ice.no_host": False,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.gmp-manager.updateEnabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "extensions.update.enabled": False,
    "browser.safebrowsing.update.enabled": False,
}


class FirefoxError(Exception):
    """Firefox did not start, or a script in it failed; the message is Firefox's."""


class FirefoxPage:
    """A tab. Only what the suite's clients use of Playwright's page."""

    def __init__(self, socket: ClientConnection, context: str) -> None:
        self._socket = socket
        self._context = context
        self._ids = itertools.count(100)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            future = self._waiting.pop(message.get("id"), None)
            if future is not None and not future.done():
                future.set_result(message)
        for future in self._waiting.values():
            future.cancel()

    async def _command(self, method: str, **parameters: Any) -> Any:
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        message = await self._waiting[number]
        if message["type"] != "success":
            raise FirefoxError(f"{method}: {message.get('message')}")
        return message["result"]

    async def goto(self, url: str) -> None:
        """Load a page, and wait until it is complete."""
        await self._command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, script: str, argument: Any = None) -> Any:
        """The awaited result of an expression, or of a function of the argument; both travel as JSON."""
        expression = f"""(async (argument) => {{
            const found = ({script});
            return JSON.stringify(await (typeof found === "function" ? found(argument) : found)) ?? "null";
        }})({json.dumps(argument)})"""
        found = await self._command(
            "script.evaluate",
            expression=expression,
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if found["type"] != "success":
            raise FirefoxError(found["exceptionDetails"]["text"])
        return json.loads(found["result"]["value"])

    async def close(self) -> None:
        """Stop listening to Firefox."""
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader


async def _address(process: asyncio.subprocess.Process) -> str:
    said = b""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        said = (said + line)[-4000:]
        found = re.search(rb"WebDriver BiDi listening on (ws://\S+)", line)
        if found:
            return found[1].decode() + "/session"
    raise FirefoxError(f"it ended: {said.decode(errors='replace')}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.read(65536):
        pass


@contextlib.asynccontextmanager
async def firefox_page() -> AsyncIterator[FirefoxPage]:
    """A Firefox with a profile of its own and one tab; ended and removed afterwards."""
    if MISSING:
        raise FirefoxError(MISSING)
    home = Path(tempfile.mkdtemp(prefix="firefox-"))
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (home / "user.js").write_text("\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        FIREFOX,
        "--headless",
        "--no-remote",
        "--remote-debugging-port=0",
        "--profile",
        home,
        "about:blank",
        env={**os.environ, "HOME": str(home), "MOZ_HEADLESS": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            address = await _address(process)
        drain = asyncio.create_task(_drain(process))
        async with connect(address, max_size=None, compression=None) as socket:
            await socket.send(json.dumps({"id": 1, "method": "session.new", "params": {"capabilities": {}}}))
            await socket.recv()
            await socket.send(json.dumps({"id": 2, "method": "browsingContext.getTree", "params": {}}))
            tree = json.loads(await socket.recv())
            page = FirefoxPage(socket, tree["result"]["contexts"][0]["context"])
            try:
                yield page
            finally:
                await page.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        if "drain" in locals():
            await drain
        shutil.rmtree(home, ignore_errors=True)
