"""One person at the meeting page, in a browser window of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from conformance.judges import colour_of
from conformance.waiting import units, until
from playwright.async_api import BrowserContext, Locator, Page, Request, Route

from e2e.service import Service

FRAMES = """(video) => ({
  frames: video.getVideoPlaybackQuality().totalVideoFrames,
  width: video.videoWidth, paused: video.paused })"""

# The mean colour of the picture's middle, the moving bar of our test pictures left out.
COLOUR = """(video) => {
  const canvas = document.createElement("canvas"); canvas.width = 32; canvas.height = 18;
  const pen = canvas.getContext("2d"); pen.drawImage(video, 0, 0, 32, 18);
  const { data } = pen.getImageData(8, 4, 16, 5); const sum = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) for (let c = 0; c < 3; c += 1) sum[c] += data[at + c];
  return sum.map((value) => value / (data.length / 4)); }"""


class MeetingPage:
    """The page in `context`; `strangers` are requests to other hosts, `errors` the console's complaints."""

    def __init__(self, service: Service, context: BrowserContext, page: Page) -> None:
        self.service = service
        self.context = context
        self.page = page
        self.strangers: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.set_default_timeout(units(15) * 1000)

    def _note(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in (
            "localhost",
            "127.0.0.1",
        ):
            self.strangers.append(request.url)

    def at(self, name: str) -> Locator:
        """The element with that `data-testid`."""
        return self.page.get_by_test_id(name)

    async def open(self, link: str | None = None, wait_for: str = "join-panel") -> MeetingPage:
        """Open the link and wait for the panel, for another part, or (empty) for nothing."""
        await self.page.goto(link or self.service.link)
        if wait_for:
            await self.at(wait_for).wait_for()
        return self

    async def join(self, name: str = "Phạm Quốc Đạt") -> MeetingPage:
        """Fill in the name, press the button, and be in."""
        await self.at("name").fill(name)
        await self.at("join").click()
        return await self.connected()

    async def connected(self, within: float = 15) -> MeetingPage:
        """Wait until the meeting runs."""
        await self.page.locator("[data-testid=meeting][data-phase=connected]").wait_for(
            timeout=units(within) * 1000
        )
        return self

    async def identity(self) -> str:
        """Our own, as the tile bears it."""
        await self.at("own-tile").wait_for()
        return str(await self.at("own-tile").get_attribute("data-identity"))

    def tile(self, identity: str) -> Locator:
        """The tile of somebody else."""
        return self.page.locator(f'[data-testid=tile][data-identity="{identity}"]')

    def line(self, name: str) -> Locator:
        """The line that says something, by its id."""
        return self.at(f"notice-{name}")

    async def frames(self, tile: Locator) -> dict[str, Any]:
        """Frames shown so far, width, and whether the element is paused."""
        return dict(await tile.locator("video").evaluate(FRAMES))

    async def sees(self, identity: str, colour: str, within: float = 15) -> None:
        """Frames of that colour are running in the tile."""
        tile = self.tile(identity)
        await tile.locator("video").wait_for(state="attached")
        before = (await self.frames(tile))["frames"]

        async def running() -> bool:
            now = await self.frames(tile)
            if now["frames"] < before + 5 or not now["width"]:
                return False
            return colour_of(*await tile.locator("video").evaluate(COLOUR)) == colour

        await until(running, f"{colour} frames from {identity}", within=within)

    async def playing(self) -> int:
        """Audio elements that play."""
        script = (
            "() => [...document.querySelectorAll('audio')].filter((e) => !e.paused && e.srcObject).length"
        )
        return int(await self.page.evaluate(script))

    async def identities(self) -> list[str]:
        """Whose tiles are on the page, in the order of the document."""
        script = "() => [...document.querySelectorAll('[data-testid=tile]')].map((t) => t.dataset.identity)"
        return list(await self.page.evaluate(script))

    async def names(self) -> Sequence[str]:
        """Names in the list of the people panel, from above."""
        return await self.page.locator("[data-testid=person] .person-name").all_inner_texts()

    async def answer_join(self, status: int, body: dict[str, Any], times: int = 1) -> None:
        """The next `times` requests to join get this answer instead of the server's."""

        async def give(route: Route) -> None:
            await route.fulfill(status=status, json=body)

        await self.page.route("**/api/join", give, times=times)

    async def quietly(self, script: str) -> Any:
        """The value of an expression, got without what Playwright's own calls carry with them: the
        browser takes each of those for a touch of the page, and lets sound begin."""
        session = await self.context.new_cdp_session(self.page)
        try:
            answer = await session.send(
                "Runtime.evaluate", {"expression": script, "returnByValue": True, "userGesture": False}
            )
        finally:
            await session.detach()
        return answer["result"].get("value")

    async def close(self) -> None:
        """Go away as a person does, so that the room forgets us at once."""
        if not self.page.is_closed():
            await self.page.goto("about:blank")
        await self.context.close()
