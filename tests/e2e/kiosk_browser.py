"""The Chromium of a site: started as the shipped command says, under the shipped policy, touched by nobody.

Only what this machine lacks is added: a screen, and a camera and a microphone, which Chromium plays from
files. No flag answers a question for a device or lets sound begin: that is the policy's work.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.clients.marks import RATE, yuv
from conformance.judges import BY_NAME, colour_of, judge_tone
from conformance.processes import free_ports
from conformance.waiting import units, until
from playwright.async_api import CDPSession, Locator, Page, Playwright, async_playwright

from web import kiosk_policy

COLOUR_OF_SITE = "magenta"
MACHINE = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--use-fake-device-for-media-stream",
)
WIDTH, HEIGHT = 640, 360

# The mean colour of the picture's middle, the moving bar of our test pictures left out.
COLOUR = """(() => {
  const video = document.querySelector("[data-testid=stage-face] video");
  if (!video || !video.videoWidth) return null;
  const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
  const pen = canvas.getContext("2d"); pen.drawImage(video, 0, 0, 32, 18);
  const { data } = pen.getImageData(8, 4, 16, 5); const sum = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) for (let c = 0; c < 3; c += 1) sum[c] += data[at + c];
  return [...sum.map((value) => value / (data.length / 4)), video.getVideoPlaybackQuality().totalVideoFrames];
})()"""

# What the page's audio elements play, mixed; an element that stands still adds nothing.
SOUND = """(() => {
  window.tap ??= (() => {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 16384 });
    return { context, analyser, known: new Map() };
  })();
  const { context, analyser, known } = window.tap;
  void context.resume();
  for (const element of document.querySelectorAll("audio")) {
    const stream = element.paused ? null : element.srcObject;
    if (!stream || known.has(stream.id)) continue;
    known.set(stream.id, context.createMediaStreamSource(stream));
    known.get(stream.id).connect(analyser);
  }
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  return { state: context.state, rate: context.sampleRate, samples: [...samples] };
})()"""


class KioskBrowser:
    """One site's browser. Everything read from the page is read without what a browser takes for a touch."""

    def __init__(
        self,
        folder: Path,
        origin: str,
        *,
        policy: bool = True,
        start: str = "",
        flags: Sequence[str] = (),
        size: tuple[int, int] = (1366, 768),
        colour: str = COLOUR_OF_SITE,
    ) -> None:
        self.folder = folder
        self.colour = colour
        self.origin = origin
        self._policy = policy
        self._start = start
        self._flags = [*flags, f"--window-size={size[0]},{size[1]}"]
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = contextlib.AsyncExitStack()
        self._session: CDPSession | None = None
        self.page: Page
        self.errors: list[str] = []
        self.dialogs = 0

    def command(self, port: int) -> list[str]:
        """The shipped command with what stands in for the machine."""
        film, sound = media_files(self.folder, self.colour)
        shipped = kiosk_policy.command(self.origin, self.folder / "profile")
        program, *flags, address = shipped
        machine = [*MACHINE, *self._flags, f"--remote-debugging-port={port}"]
        machine += [f"--use-file-for-fake-video-capture={film}", f"--use-file-for-fake-audio-capture={sound}"]
        before = under_policy(self.folder, kiosk_policy.text(self.origin)) if self._policy else []
        return [*before, program, *machine, *flags, self._start or address]

    async def start(self, playwright: Playwright) -> KioskBrowser:
        """Start it, and reach its one page."""
        (port,) = free_ports(1)
        with (self.folder / "chromium.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                self.command(port), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        browser: Any = None

        async def reach() -> bool:
            nonlocal browser
            with contextlib.suppress(Exception):
                browser = await playwright.chromium.connect_over_cdp(
                    f"http://127.0.0.1:{port}", timeout=5_000
                )
            return browser is not None

        await until(reach, lambda: f"Chromium starts: {self.log()}", within=30, every=0.2)
        context = browser.contexts[0]
        await until(lambda: context.pages, "Chromium has a page", within=10)
        self.page = context.pages[0]
        self.page.set_default_timeout(units(15) * 1000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self._dialog)
        self._session = await context.new_cdp_session(self.page)
        return self

    def _dialog(self, dialog: Any) -> None:
        self.dialogs += 1
        task = asyncio.ensure_future(dialog.dismiss())
        task.add_done_callback(lambda _: None)

    def kill(self) -> None:
        """SIGKILL to the browser, as when the machine loses its power."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """The end of what it wrote."""
        return (self.folder / "chromium.log").read_text(errors="replace")[-2_000:]

    # -- reading -----------------------------------------------------------------------

    async def value(self, script: str) -> Any:
        """The value of an expression; None while the page is being loaded."""
        assert self._session is not None
        try:
            answer = await self._session.send(
                "Runtime.evaluate",
                {"expression": script, "returnByValue": True, "awaitPromise": True, "userGesture": False},
            )
        except Exception as error:
            if "closed" in str(error):
                raise
            return None
        return answer["result"].get("value")

    async def text(self, name: str) -> str:
        """What the element with that test id says; empty if it is not there."""
        return str(await self.value(f"document.querySelector('[data-testid={name}]')?.innerText ?? ''"))

    async def attribute(self, name: str, attribute: str) -> str | None:
        """An attribute of the element with that test id."""
        found = await self.value(
            f"document.querySelector('[data-testid={name}]')?.getAttribute('{attribute}') ?? null"
        )
        return None if found is None else str(found)

    async def shows(self, name: str, *, within: float = 15) -> None:
        """Wait until something with that test id can be seen."""
        script = f"document.querySelector('[data-testid={name}]')?.checkVisibility() ?? false"

        async def seen() -> bool:
            return bool(await self.value(script))

        await until(seen, lambda: f"{name} is shown", within=within, every=0.1)

    async def becomes(self, name: str, attribute: str, want: str, *, within: float = 15) -> None:
        """Wait until an attribute has that value."""
        last: list[str | None] = [None]

        async def right() -> bool:
            last[0] = await self.attribute(name, attribute)
            return last[0] == want

        await until(right, lambda: f"{name}.{attribute} is {want}: {last[0]}", within=within, every=0.1)

    async def in_meeting(self, *, within: float = 45) -> None:
        """Wait until the site is in a meeting by channel and by media."""
        await self.becomes("meeting", "data-line", "in", within=within)
        await self.becomes("meeting", "data-media", "connected", within=within)

    async def sees(self, colour: str, *, within: float = 20) -> None:
        """Wait until running frames of the large picture have that colour."""
        before = [-1]
        last: list[Any] = [None]

        async def right() -> bool:
            found = last[0] = await self.value(COLOUR)
            if not isinstance(found, list):
                return False
            if before[0] < 0 or found[3] < before[0]:
                before[0] = found[3]
            return bool(found[3] >= before[0] + 5 and colour_of(*found[:3]) == colour)

        await until(right, lambda: f"the screen shows {colour}: {last[0]}", within=within, every=0.1)

    async def tone(self) -> tuple[str | None, str]:
        """The tone that is played now, and the state of the page's audio."""
        found = await self.value(SOUND)
        if not isinstance(found, dict):
            return None, "no page"
        samples = (np.clip(np.array(found["samples"]), -1, 1) * 32_767).astype(np.int16)
        return judge_tone(samples, int(found["rate"])), str(found["state"])

    async def hears(self, tone: str, *, within: float = 20) -> None:
        """Wait until the loudspeaker plays that tone."""
        last: list[Any] = [None]

        async def right() -> bool:
            last[0] = await self.tone()
            return bool(last[0][0] == tone)

        await until(right, lambda: f"the loudspeaker plays {tone}: {last[0]}", within=within, every=0.2)

    async def hears_also(self, tone: str, *, within: float = 20) -> None:
        """Wait until that tone is in what the loudspeaker plays, whatever else is."""
        hertz = BY_NAME[tone].hertz
        level = [0.0]

        async def right() -> bool:
            found = await self.value(SOUND)
            if not isinstance(found, dict):
                return False
            samples = np.array(found["samples"]) * np.hanning(len(found["samples"]))
            power = np.abs(np.fft.rfft(samples)) ** 2
            near = np.abs(np.fft.rfftfreq(len(samples), 1 / found["rate"]) - hertz) < 40
            level[0] = float(power[near].sum() / max(power.sum(), 1e-9))
            return level[0] > 0.1

        await until(right, lambda: f"the loudspeaker plays {tone} too: {level[0]}", within=within, every=0.2)

    async def cookies_are_kept(self) -> bool:
        """Whether the session would be there after a crash."""
        jars = list((self.folder / "profile").rglob("Cookies"))
        return any(b"diemcau_session" in jar.read_bytes() for jar in jars)

    async def offline(self, on: bool) -> None:
        """Let the browser believe that its cable is out; what stands already stays."""
        assert self._session is not None
        await self._session.send(
            "Network.emulateNetworkConditions",
            {"offline": on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )

    async def quiet(self) -> None:
        """Nothing went wrong in its script, and nothing had to be closed by a person."""
        assert self.errors == []
        # Two pages of one site would take the place from each other.
        assert [page.url.partition("#")[0] for page in self.page.context.pages] == [f"{self.origin}/kiosk"]
        assert self.dialogs == 0
        assert await self.value("document.querySelector('dialog[open]') === null")

    # -- pressing ------------------------------------------------------------------------

    def at(self, name: str) -> Locator:
        """For presses: from here on the browser counts the page as touched."""
        return self.page.get_by_test_id(name)

    async def sign_in(self, key: str) -> None:
        """Type the device's key."""
        await self.page.locator("input[name=key]").fill(key)
        await self.page.keyboard.press("Enter")


Open = Callable[..., Any]


@contextlib.asynccontextmanager
async def kiosk_browsers(folder: Path) -> AsyncIterator[Open]:
    """Opens browsers of sites, each with a folder of its own; all end together."""
    made: list[KioskBrowser] = []
    async with async_playwright() as playwright:

        async def come(origin: str, *, again: KioskBrowser | None = None, **options: Any) -> KioskBrowser:
            place = again.folder if again is not None else folder / f"browser-{len(made)}"
            place.mkdir(exist_ok=True)
            browser = KioskBrowser(place, origin, **options)
            made.append(browser)
            return await browser.start(playwright)

        try:
            yield come
        finally:
            for browser in made:
                browser.kill()


def media_files(folder: Path, mark_name: str) -> tuple[Path, Path]:
    """A film in the mark's colour with a moving bar, and a sound of its tone in bursts, as fake devices.

    Bursts, since the browser takes a tone that never stops for noise and suppresses it.
    """
    mark = BY_NAME[mark_name]
    y, u, v = yuv(*mark.rgb)
    film, sound = folder / "camera.y4m", folder / "microphone.wav"
    with film.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F15:1 Ip A1:1 C420jpeg\n".encode())
        for step in range(30):
            luma = np.full((HEIGHT, WIDTH), y, np.uint8)
            bar = WIDTH // 30
            luma[HEIGHT * 3 // 4 :, step * bar : (step + 1) * bar] = 235
            quarter = WIDTH * HEIGHT // 4
            file.write(b"FRAME\n" + luma.tobytes() + bytes([u]) * quarter + bytes([v]) * quarter)
    moments = np.arange(RATE)
    loud = np.where(moments < 0.7 * RATE, 12_000, 0)
    tone = (np.sin(2 * np.pi * mark.hertz * moments / RATE) * loud).astype(np.int16)
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(tone.tobytes())
    return film, sound


def under_policy(folder: Path, policy: str) -> list[str]:
    """The beginning of a command that runs with ``policy`` as this machine's Chromium policy.

    It has its own view of ``/etc/chromium``, so that browsers of others on this machine keep theirs, and
    nothing is left behind.
    """
    managed = folder / "etc" / "policies" / "managed"
    managed.mkdir(parents=True, exist_ok=True)
    (managed / "diemcau.json").write_text(policy, "utf-8")
    inside = 'mount --bind "$0" /etc/chromium && exec "$@"'
    for unshare in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        command = [*unshare, "sh", "-c", inside, str(folder / "etc")]
        if (
            shutil.which("unshare")
            and subprocess.run([*command, "true"], capture_output=True).returncode == 0
        ):
            return command
    pytest.skip("this machine lets nobody mount a policy over /etc/chromium")
