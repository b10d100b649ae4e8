"""Participants on `livekit-client` in one Chromium, driven through Playwright."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from conformance.clients.marks import FPS, HEIGHT, WIDTH
from conformance.clients.page_server import PageServer
from conformance.judges import BY_NAME, colour_of, judge_tone, rms
from conformance.waiting import until

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # Candidates carry addresses, not names that need multicast DNS.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)


@dataclass
class Look:
    """A remote picture at one moment: frames since the last `forget`, size, colours of all those frames."""

    frames: int = 0
    width: int = 0
    height: int = 0
    colours: Counter[str | None] = field(default_factory=Counter)
    last: str | None = None


class BrowserSite:
    """One room of livekit-client in a shared page."""

    def __init__(self, page: Page, identity: str) -> None:
        self.page = page
        self.identity = identity

    async def do(self, script: str, argument: Any = None) -> Any:
        """Run `script`, a JavaScript function of (person, LK, argument), and return its awaited result."""
        return await self.page.evaluate(
            f"async ([identity, argument]) => ({script})(people.get(identity), LK, argument)",
            [self.identity, argument],
        )

    async def make(self, room: dict[str, Any] | None = None, encryption: str | None = None) -> None:
        """Make the room object with livekit-client's options, without connecting it."""
        await self.page.evaluate(
            "([identity, options, encryption]) => make(identity, options, encryption)",
            [self.identity, room or {}, encryption],
        )

    async def join(
        self, url: str, token: str, *, room: dict[str, Any], encryption: str | None, **connect: Any
    ) -> BrowserSite:
        """Connect with livekit-client's room options and connect options."""
        await self.make(room, encryption)
        await self.do(
            "(person, LK, a) => person.room.connect(a[0], a[1], a[2])",
            [url, token, {"rtcConfig": {"iceServers": []}, **connect}],
        )
        return self

    async def publish_camera(
        self,
        mark: str,
        *,
        width: int = WIDTH,
        height: int = HEIGHT,
        fps: float = FPS,
        detail: bool = False,
        simulcast: bool = False,
        **options: Any,
    ) -> str:
        """Publish a canvas in the mark's colour; returns the track's sid."""
        options.setdefault("videoEncoding", {"maxBitrate": 300_000, "maxFramerate": 15})
        arguments = {"rgb": BY_NAME[mark].rgb, "width": width, "height": height, "fps": fps, "detail": detail}
        arguments |= {"simulcast": simulcast, **options}
        return str(await self.do("(person, LK, a) => person.publishCamera(a)", arguments))

    async def publish_microphone(self, mark: str, *, loud: bool = True, **options: Any) -> str:
        """Publish the mark's tone; returns the track's sid."""
        arguments = {"hertz": BY_NAME[mark].hertz, "loud": loud, **options}
        return str(await self.do("(person, LK, a) => person.publishMicrophone(a)", arguments))

    async def look(self, identity: str, source: str = "camera") -> Look | None:
        """What is seen of a participant; None while nothing is subscribed."""
        report = await self.do(
            "(person, LK, key) => person.pictures.get(key)?.report() ?? null", f"{identity}/{source}"
        )
        if report is None:
            return None
        names = [colour_of(*average) for average in report["averages"]]
        return Look(
            report["frames"], report["width"], report["height"], Counter(names), names[-1] if names else None
        )

    async def listen(self, identity: str, source: str = "microphone") -> tuple[str | None, float] | None:
        """Tone and level of what is heard from a participant; None while nothing is subscribed."""
        report = await self.do(
            "(person, LK, key) => person.sounds.get(key)?.report() ?? null", f"{identity}/{source}"
        )
        if report is None:
            return None
        samples = np.array(report["samples"], dtype=np.int16)
        return judge_tone(samples, int(report["rate"])), rms(samples)

    async def sees(self, identity: str, mark: str, *, within: float = 10, source: str = "camera") -> Look:
        """Wait until the newest frame from this participant has the mark's colour."""
        state: list[Look | None] = [None]

        async def check() -> Look | None:
            state[0] = await self.look(identity, source)
            return state[0] if state[0] is not None and state[0].last == mark else None

        look = await until(
            check, lambda: f"{self.identity} sees {identity} in {mark}: {state[0]}", within=within
        )
        assert isinstance(look, Look)
        return look

    async def hears(self, identity: str, mark: str, *, within: float = 10) -> None:
        """Wait until the newest sound from this participant is the mark's tone."""
        state: list[tuple[str | None, float] | None] = [None]

        async def check() -> bool:
            state[0] = await self.listen(identity)
            return state[0] is not None and state[0][0] == mark

        await until(check, lambda: f"{self.identity} hears {identity} as {mark}: {state[0]}", within=within)

    async def happened(self, name: str) -> list[list[Any]]:
        """Arguments of all events of one name so far, as JSON."""
        found = await self.do(
            "(person, LK, name) => person.events.filter((e) => e[0] === name).map((e) => e[1])", name
        )
        return list(found)

    async def event(
        self, name: str, match: Callable[..., bool] = lambda: True, *, within: float = 10
    ) -> list[Any]:
        """Wait for an event (past ones count) whose first arguments `match`; newer clients give more."""
        taken = len(inspect.signature(match).parameters)

        async def find() -> list[list[Any]]:
            return [arguments for arguments in await self.happened(name) if match(*arguments[:taken])]

        found = await until(find, f"{self.identity} gets {name}", within=within)
        return list(found[0])

    async def value(self, script: str, argument: Any = None, *, within: float = 10) -> Any:
        """Wait until a function of (person, LK, argument) gives something truthy, and return it."""

        async def check() -> Any:
            return await self.do(script, argument)

        return await until(check, f"{self.identity}: {script} {argument}", within=within)

    async def meets(self, *identities: str, within: float = 10) -> None:
        """Wait until all these participants are visible."""
        await self.value(
            "(person, LK, names) => names.every((name) => person.room.remoteParticipants.has(name))",
            list(identities),
            within=within,
        )

    async def leave(self) -> None:
        """Disconnect and stop all media."""
        await self.do("(person) => person?.leave()")


class Chromium:
    """The session's one browser; every test gets a page of its own."""

    def __init__(self, client: Path) -> None:
        self._server = PageServer(client)
        self._browser: Browser | None = None

    async def start(self) -> Chromium:
        """Launch the browser."""
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS)
        )
        self._context: BrowserContext = await self._browser.new_context()
        return self

    async def page(self, console: list[str]) -> Page:
        """A fresh page; its console goes to `console`."""
        page = await self._context.new_page()

        def note(message: ConsoleMessage) -> None:
            console.append(f"{message.type}: {message.text}")

        page.on("console", note)
        page.on("pageerror", lambda error: console.append(f"page error: {error}"))
        await page.goto(self._server.url)
        return page

    async def close(self) -> None:
        """End the browser."""
        if self._browser is not None:
            await self._browser.close()
            await self._playwright.stop()
        self._server.close()
