"""The page of a site for everybody: axe, large text, portrait, keyboard, both languages, in each state."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from conformance.waiting import until

from e2e.kiosk_browser import KioskBrowser, kiosk_browsers
from e2e.kiosk_world import Chair, KioskWorld, kiosk_world
from e2e.page_judges import axe_faults, too_wide, walk_faults, word_faults
from web.i18n import LANGUAGES, Language

SITE = 1
MEMBER = f"site:{SITE:05}"
TITLE = "Giao ban <b>tuần</b> & “quý” <img src=x onerror=alert(1)> {{ 7*7 }}"
"""FC-e07: data that is markup."""
SIZES = ((1920, 1080), (1366, 768), (390, 844), (768, 1024))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KioskWorld]:
    """The service for all tests of this file."""
    async with kiosk_world(tmp_path_factory.mktemp("kiosk-access")) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def kiosk(city: KioskWorld, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[KioskBrowser]:
    """A site's browser, its device signed in."""
    async with kiosk_browsers(tmp_path_factory.mktemp("browsers")) as come:
        start = f"{city.service.url}/kiosk#key={city.keys.sites[SITE]}"
        browser: KioskBrowser = await come(city.service.url, start=start)
        await browser.shows("waiting")
        yield browser
    await city.close()
    await city.cancel()


async def speak(kiosk: KioskBrowser, language: Language) -> None:
    """The page in that language."""
    cookie = {"name": "language", "value": language, "url": kiosk.origin}
    await kiosk.page.context.add_cookies([cookie])  # type: ignore[list-item]
    await kiosk.page.reload()
    await until(lambda: kiosk.value(f"document.documentElement.lang === '{language}'"), language)


async def judge(kiosk: KioskBrowser, state: str, language: Language, *data: str) -> None:
    """All that can be wrong with what is shown now, in every size and with text twice as large."""
    faults: list[str] = []
    for width, height in SIZES:
        await kiosk.page.set_viewport_size({"width": width, "height": height})
        for scale in ("100%", "200%"):
            await kiosk.page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", scale)
            where = f"{state} {width}x{height} {scale}"
            faults += [f"{where}: {fault}" for fault in await axe_faults(kiosk.page)]
            faults += [f"{where}: too wide: {fault}" for fault in await too_wide(kiosk.page)]
            faults += [f"{where}: out of reach: {fault}" for fault in await _hidden(kiosk)]
    await kiosk.page.evaluate("() => { document.documentElement.style.fontSize = ''; }")
    await kiosk.page.set_viewport_size({"width": 1366, "height": 768})
    faults += [f"{state}: {fault}" for fault in await word_faults(kiosk.page, language, data)]
    assert not faults, "\n".join(faults)


async def _hidden(kiosk: KioskBrowser) -> list[str]:
    """Buttons and fields that lie outside of what can be scrolled to, or under something else."""
    found: list[str] = await kiosk.page.evaluate(
        """() => {
          const shown = [...(document.querySelector("dialog[open]") ?? document)
            .querySelectorAll("button, input, select")].filter((e) => e.checkVisibility());
          return shown.filter((e) => {
            e.scrollIntoView({ block: "center", inline: "center" });
            const box = e.getBoundingClientRect();
            const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return !(top && (e === top || e.contains(top)));
          }).map((e) => e.outerHTML.slice(0, 120));
        }"""
    )
    return found


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_state_for_everybody(city: KioskWorld, kiosk: KioskBrowser, language: Language) -> None:
    await speak(kiosk, language)
    await kiosk.shows("waiting")
    site = await kiosk.text("site-name")
    district = "Quận A"
    await city.book("Họp sau", SITE, starts_in=3600 * 5)
    later = await city.book(TITLE, SITE, starts_in=3600)
    await kiosk.page.reload()
    await kiosk.shows("countdown")
    known = (site, district, TITLE, "Họp sau", "Ông Bình")
    await judge(kiosk, "waiting", language, *known)
    await city.cancel(later)
    chair: Chair = await city.open(TITLE, SITE)
    await kiosk.page.reload()
    await kiosk.in_meeting()
    await kiosk.becomes("stage-face", "data-frames", "")
    # FC-e07: text, whatever it looks like.
    assert await kiosk.text("title") == TITLE
    assert await kiosk.value("document.querySelectorAll('#app img, #app h1 b').length") == 0
    known = (*known, f"Ông Bình, {district}")
    await judge(kiosk, "muted", language, *known)
    await kiosk.at("microphone").click()
    await judge(kiosk, "microphone explained", language, *known)
    await kiosk.at("floor").click()
    await kiosk.becomes("light", "data-light", "asking")
    await judge(kiosk, "asking", language, *known)
    await chair.do("give", target=MEMBER, seconds=300)
    await kiosk.becomes("light", "data-light", "floor")
    await judge(kiosk, "floor", language, *known)
    faults = await walk_faults(kiosk.page, trim=False)
    assert not faults, "\n".join(faults)
    await kiosk.at("test-devices").click()
    await kiosk.shows("test-panel")
    # The room's voice can be seen: bars that are lit, as wide as bars are.
    lit = "document.querySelector('.level-bar[data-lit]')?.getBoundingClientRect().width >= 3"
    await until(lambda: kiosk.value(lit), "bars light up")
    labels = await kiosk.value("[...document.querySelectorAll('option')].map((one) => one.label)")
    await judge(kiosk, "devices", language, *known, *labels)
    await kiosk.page.keyboard.press("Escape")
    await chair.do("remove", target=MEMBER)
    await kiosk.shows("away")
    await judge(kiosk, "away", language, *known)
    await kiosk.quiet()


async def test_all_of_it_by_keyboard(city: KioskWorld, kiosk: KioskBrowser) -> None:
    chair = await city.open("Giao ban", SITE)
    await kiosk.page.reload()
    await kiosk.in_meeting()

    async def reach(name: str) -> None:
        for _ in range(30):
            await kiosk.page.keyboard.press("Tab")
            if await kiosk.value("document.activeElement?.dataset.testid ?? ''") == name:
                return
        raise AssertionError(f"Tab does not reach {name}")

    await reach("floor")
    await kiosk.page.keyboard.press("Enter")
    await until(lambda: chair.mirror.queue() == [MEMBER], "the hand is up")
    await chair.do("give")
    await kiosk.becomes("floor", "data-action", "finish")
    # The focus stays where it was while the button changes.
    assert await kiosk.value("document.activeElement?.dataset.testid") == "floor"
    await reach("microphone")
    await kiosk.page.keyboard.press("Space")
    await kiosk.becomes("light", "data-light", "floor_silent")
    await reach("heads")
    await kiosk.page.keyboard.press("Control+A")
    await kiosk.page.keyboard.type("12")
    await kiosk.page.keyboard.press("Enter")
    await until(lambda: chair.mirror.roster[MEMBER].head_count == 12, "the chair is told 12")
    await reach("test-devices")
    await kiosk.page.keyboard.press("Enter")
    await kiosk.shows("test-panel")
    await kiosk.page.keyboard.press("Escape")
    back = "document.activeElement?.dataset.testid === 'test-devices'"
    await until(lambda: kiosk.value(back), "the focus is back")


async def test_fc_e04_button_and_light_follow_the_server(city: KioskWorld, kiosk: KioskBrowser) -> None:
    chair = await city.open("Giao ban", SITE)
    await kiosk.page.reload()
    await kiosk.in_meeting()
    await kiosk.at("floor").click()
    await kiosk.becomes("floor", "data-action", "withdraw", within=5)
    # Its place is kept by the server, not by the page.
    await kiosk.page.reload()
    await kiosk.in_meeting()
    await kiosk.becomes("floor", "data-action", "withdraw")
    await kiosk.becomes("light", "data-light", "asking")
    await chair.do("lower", target=MEMBER)
    await kiosk.becomes("floor", "data-action", "ask", within=2)
    await kiosk.becomes("light", "data-light", "muted", within=2)
    # Lowering what is down already is no error, and asking again works.
    await chair.do("lower", target=MEMBER)
    await kiosk.at("floor").click()
    await kiosk.becomes("floor", "data-action", "withdraw", within=5)
    await chair.do("give", target=MEMBER)
    await kiosk.becomes("floor", "data-action", "finish", within=2)
    await chair.do("take_back")
    await kiosk.becomes("floor", "data-action", "ask", within=2)
    await kiosk.becomes("light", "data-light", "muted", within=2)
