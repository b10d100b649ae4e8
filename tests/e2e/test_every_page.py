"""Every page, for every role, in both languages: axe, phone, large text, keyboard, words, no error in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Response
from starlette.routing import Route

from e2e.city_pages import NOT_PAGES, PROGRAMS, VIEWS, View
from e2e.page_judges import axe_faults, cut_text, strange, too_wide, walk_faults, word_faults
from e2e.picture_album import SHOWN, SIZES
from e2e.whole_city import City, whole_city
from web.i18n import LANGUAGES, Language

DESKTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
PICTURES = Path(__file__).parents[2] / "docs/pictures"
ROLES = tuple(dict.fromkeys(view.role for view in VIEWS))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """The service with everything on record."""
    async with whole_city(tmp_path_factory.mktemp("city")) as running:
        yield running


def test_every_page_is_in_the_table(city: City) -> None:
    gets = {
        route.path
        for route in city.app.routes
        if isinstance(route, Route) and "GET" in (route.methods or ()) and not route.path.startswith(PROGRAMS)
    }
    listed = {view.route for view in VIEWS if view.route}
    assert gets - listed - NOT_PAGES.keys() == set(), "pages that nobody looks at"
    assert (listed | NOT_PAGES.keys()) - gets == set(), "pages that are gone"


def test_the_documentation_shows_pages_that_exist_and_stays_small() -> None:
    made = {f"{view.name}-{size}-{language}" for view in VIEWS for size in SIZES for language in LANGUAGES}
    assert {name for name in SHOWN if not name.startswith("open-room-")} <= made
    files = {path.stem: path.stat().st_size for path in PICTURES.glob("*.png")}
    assert files.keys() == SHOWN
    assert sum(files.values()) < 3_000_000


class Listener:
    """What a page's browser complains about, and how its document was answered."""

    def __init__(self, page: Page) -> None:
        self.faults: list[str] = []
        self.status = 0
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        page.on("console", self._heard)
        page.on("response", self._answered)
        self._page = page

    def _heard(self, line: ConsoleMessage) -> None:
        # That its document is a refusal, a browser tells too.
        own = "Failed to load resource" in line.text and line.location.get("url", "") == self._page.url
        if line.type == "error" and not own:
            self.faults.append(f"console: {line.text} {line.location.get('url', '')}")

    def _answered(self, answer: Response) -> None:
        if answer.request.is_navigation_request() and answer.frame == self._page.main_frame:
            self.status = answer.status

    def take(self) -> list[str]:
        """All so far."""
        found, self.faults = self.faults, []
        return found


async def look_at(view: View, page: Page, listener: Listener, city: City, language: Language) -> list[str]:
    """All faults of one view."""
    await page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    await page.goto(view.address(city))
    if view.do is not None:
        await page.locator("main h1").wait_for()
        await view.do(page)
    await page.locator(view.ready).first.wait_for()
    found = [] if listener.status == view.status else [f"answered {listener.status}, not {view.status}"]
    found += await word_faults(page, language, city.data | set(view.data))
    if language == "vi":
        found += await axe_faults(page)
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    narrow = await too_wide(page) + (await axe_faults(page) if language == "en" else [])
    found += [f"on a phone: {fault}" for fault in narrow]
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    large = await too_wide(page) + ([] if view.scripted else await cut_text(page))
    found += [f"at 200 %: {fault}" for fault in large]
    await page.evaluate("document.documentElement.style.fontSize = ''")
    if language == "vi":
        await page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    found += await walk_faults(page, trim=not view.scripted)
    return [f"{view.name}: {fault}" for fault in [*found, *listener.take()]]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", ROLES)
async def test_every_page(city: City, browsers: dict[str, Browser], role: str, language: Language) -> None:
    context = await browsers["kind"].new_context(
        reduced_motion="reduce", locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh"
    )
    await city.sign_in(context, role, language)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    listener = Listener(page)
    found: list[str] = []
    for view in VIEWS:
        if view.role == role:
            found += await look_at(view, page, listener, city, language)
    await context.close()
    if found:
        pytest.fail("\n".join(found))


@pytest.mark.parametrize(
    ("text", "language", "right"),
    [
        ("Đặt lịch họp", "vi", True),
        ("Đặt lịch họp", "en", False),
        ("Phường Phúc Xá", "en", True),
        ("home.hello", "vi", False),
        ("Sign in", "vi", False),
        ("a.b", "en", True),
    ],
)
def test_the_judge_of_words_can_tell(text: str, language: Language, right: bool) -> None:
    assert (list(strange(text, language)) == []) is right


async def test_the_judges_find_what_is_wrong(browsers: dict[str, Browser]) -> None:
    page = await browsers["kind"].new_page(viewport=PHONE)  # type: ignore[arg-type]
    await page.set_content(
        """<html lang="vi"><title>x</title><main><h1>Sign in</h1><img src="">
        <button style="outline:none">a</button><p style="width:900px">b</p>
        <button tabindex="0" onfocus="this.blur()">c</button></main>"""
    )
    assert any("image-alt" in fault for fault in await axe_faults(page))
    assert await too_wide(page)
    faults = await walk_faults(page, trim=False)
    assert any("no visible focus" in fault for fault in faults)
    assert any("does not reach" in fault for fault in faults)
    assert any("another language" in fault for fault in await word_faults(page, "vi"))
    await page.close()
