"""Takes the pictures of the pages that the documentation shows: `make pictures`.

The service runs as a child with six simulated sites; a seventh place, in a browser, shares a drawn page.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conformance.clients.browser import CHROMIUM  # noqa: E402
from conformance.processes import KEY, SECRET  # noqa: E402

from e2e.conftest import ARGUMENTS, KINDLY  # noqa: E402
from e2e.examples_service import examples_service  # noqa: E402
from e2e.meeting_page import MeetingPage  # noqa: E402
from e2e.service import ROOM, Service  # noqa: E402

SIZES = {"desktop": (1366, 768), "phone": (390, 844)}
EXAMPLES_SIZES = {"desktop": (1366, 768), "tablet": (768, 1024), "phone": (390, 844)}
LANGUAGES = ("vi", "en")
SITES = 6
CITY = "Thành phố Hà Nội"

DRAWN = """
(() => {
  const moving = (width, height, paint) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d");
    let step = 0;
    const run = () => paint(pen, (step += 1), width, height);
    run();
    setInterval(run, 100);
    return canvas.captureStream(10);
  };
  const room = (pen, step, w, h) => {
    const wall = pen.createLinearGradient(0, 0, 0, h);
    wall.addColorStop(0, "#c9d6e4");
    wall.addColorStop(1, "#8fa3b8");
    pen.fillStyle = wall;
    pen.fillRect(0, 0, w, h);
    pen.fillStyle = "#a5201b";
    pen.fillRect(w * 0.08, 0, w * 0.12, h * 0.7);
    pen.fillRect(w * 0.8, 0, w * 0.12, h * 0.7);
    const sway = Math.sin(step / 9) * 6;
    for (const [x, coat] of [[0.36, "#24365a"], [0.64, "#3a3148"]]) {
      pen.fillStyle = coat;
      pen.beginPath();
      pen.ellipse(w * x + sway, h * 0.93, w * 0.13, h * 0.36, 0, 0, 7);
      pen.fill();
      pen.fillStyle = "#dcb08e";
      pen.beginPath();
      pen.ellipse(w * x + sway, h * 0.45, w * 0.05, h * 0.125, 0, 0, 7);
      pen.fill();
      pen.fillStyle = "#221c1a";
      pen.beginPath();
      pen.ellipse(w * x + sway, h * 0.4, w * 0.053, h * 0.09, 0, Math.PI, 0);
      pen.fill();
    }
    pen.fillStyle = "#7a5233";
    pen.fillRect(0, h * 0.86, w, h * 0.14);
  };
  const slide = (pen, step, w, h) => {
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, w, h);
    pen.fillStyle = "#0b2a4a";
    pen.fillRect(0, 0, w, h * 0.16);
    pen.fillStyle = "#ffffff";
    pen.font = "600 46px 'Be Vietnam Pro', sans-serif";
    pen.fillText("Báo cáo công tác tuần", 60, 76);
    pen.fillStyle = "#14202e";
    pen.font = "34px 'Be Vietnam Pro', sans-serif";
    const lines = ["1. Kết quả giải quyết hồ sơ của các xã, phường", "2. Tiến độ chuyển đổi số",
      "3. Kiến nghị, đề xuất của cơ sở", "4. Nhiệm vụ trọng tâm tuần tới"];
    lines.forEach((line, index) => pen.fillText(line, 60, 200 + index * 68));
    [0.35, 0.5, 0.62, 0.7, 0.86].forEach((part, index) => {
      pen.fillStyle = index === 4 ? "#e5ad2b" : "#0b5cad";
      pen.fillRect(60 + index * 120, h - 40 - part * 190, 80, part * 190);
    });
    pen.fillStyle = step % 10 < 5 ? "#0b5cad" : "#ffffff";
    pen.fillRect(w - 14, h - 14, 6, 6);
  };
  const video = (stream, label) => {
    const [track] = stream.getVideoTracks();
    Object.defineProperty(track, "label", { value: label });
    track.getSettings = () => ({ deviceId: "camera", groupId: "g" });
    return stream;
  };
  const own = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const names = {
    videoinput: "Camera hội trường", audioinput: "Micro hội trường", audiooutput: "Loa hội trường",
  };
  navigator.mediaDevices.enumerateDevices = async () => Object.entries(names).map(([kind, label]) =>
    ({ kind, label, deviceId: kind === "videoinput" ? "camera" : kind, groupId: "g" }));
  navigator.mediaDevices.getUserMedia = async (wish) => {
    if (wish.video) return video(moving(1280, 720, room), names.videoinput);
    const stream = await own({ audio: true });
    stream.getAudioTracks()[0].getSettings = () => ({ deviceId: "audioinput", groupId: "g" });
    return stream;
  };
  navigator.mediaDevices.getDisplayMedia = async () => moving(1280, 720, slide);
})();
"""


class Photographer:
    """Opens the page in one size and language after the other, and keeps what it shows."""

    def __init__(self, service: Service, browser: Browser, folder: Path) -> None:
        self._service = service
        self._browser = browser
        self._folder = folder

    async def visit(self, size: tuple[int, int], language: str) -> MeetingPage:
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

    async def keep(self, page: MeetingPage, name: str) -> None:
        """Save what the window shows now."""
        path = self._folder / f"{name}.png"
        await page.page.screenshot(path=path)
        print(path)

    async def all(self) -> None:
        """Every view in every size and language."""
        every = [
            (size, language, f"{where}-{language}") for where, size in SIZES.items() for language in LANGUAGES
        ]
        for size, language, end in every:
            page = await self.visit(size, language)
            await page.at("name").fill(CITY)
            await self.keep(page, f"join-{end}")
            await page.join(CITY)
            await self._pictures(page, SITES)
            await self.keep(page, f"meeting-{end}")
            await page.at("bar-people").click()
            # Until our own camera is published the list says that there is none.
            await page.page.locator(".person-state[data-state=off]").first.wait_for(state="detached")
            await self.keep(page, f"people-{end}")
            await page.at("panel-close").click()
            await page.at("bar-leave").click()
            await page.answer_join(403, {"code": "room_locked"})
            await page.at("join-again").click()
            await page.page.locator("[data-reason=refused]").wait_for()
            await self.keep(page, f"error-{end}")
            await page.close()
        speaker = await self.visit((1280, 720), "vi")
        await speaker.join("Văn phòng UBND thành phố")
        await speaker.at("bar-share").click()
        for size, language, end in every:
            page = await (await self.visit(size, language)).join(CITY)
            await page.page.locator("[data-testid=screen-tile][data-frames]").wait_for()
            await self._pictures(page, 3)
            await self.keep(page, f"screen-{end}")
            await page.close()
        await speaker.close()

    async def _pictures(self, page: MeetingPage, least: int) -> None:
        running = "(least) => document.querySelectorAll('[data-testid=tile][data-frames]').length >= least"
        await page.page.wait_for_function(running, arg=least, timeout=30_000)


async def take_examples(browser: Browser, folder: Path) -> None:
    """The components of the server-made pages, the whole page at each size."""
    async with examples_service() as address:
        for where, (width, height) in EXAMPLES_SIZES.items():
            for language in LANGUAGES:
                context = await browser.new_context(
                    viewport={"width": width, "height": height}, reduced_motion="reduce"
                )
                await context.add_cookies([{"name": "language", "value": language, "url": address}])
                page = await context.new_page()
                await page.goto(address + "/examples")
                await page.locator("[data-ready]").wait_for()
                path = folder / f"components-{where}-{language}.png"
                await page.screenshot(path=path, full_page=True)
                print(path)
                await context.close()


async def take(folder: Path, *, only_components: bool) -> None:
    """Start everything, take all pictures, stop everything."""
    if only_components:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*ARGUMENTS])
            await take_examples(browser, folder)
            await browser.close()
        return
    with tempfile.TemporaryDirectory() as state, Service(Path(state)) as service:
        command = [sys.executable, "-m", "web.cli", "simulate-sites", "--url", service.media, "--room", ROOM]
        command += ["--count", str(SITES), "--key", KEY, "--secret", SECRET]
        sites = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=str(CHROMIUM), args=[*ARGUMENTS, *KINDLY]
                )
                await Photographer(service, browser, folder).all()
                await take_examples(browser, folder)
                await browser.close()
        finally:
            sites.terminate()
            await sites.wait()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "pictures")
    parser.add_argument("--components", action="store_true", help="only those of the components")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(folder, only_components=arguments.components))


if __name__ == "__main__":
    main()
