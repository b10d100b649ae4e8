"""The page of examples in a real browser: for everybody, by keyboard, with large text, at all sizes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from e2e.examples_service import examples_service
from e2e.page_judges import axe_faults, too_wide
from web.examples import FORM_PATH, HOSTILE, PATH

SIZES = [(1366, 768), (768, 1024), (320, 640)]

Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def examples() -> AsyncIterator[str]:
    """Where the pages of examples answer."""
    async with examples_service() as address:
        yield address


@pytest_asyncio.fixture(loop_scope="session")
async def visit_examples(examples: str, browsers: dict[str, Browser]) -> AsyncIterator[Open]:
    """Opens a page; errors of scripts and refusals of the Content-Security-Policy fail the test."""
    contexts = []
    faults: list[str] = []

    async def come(
        path: str = PATH, size: tuple[int, int] = (1366, 768), language: str = "vi", **options: Any
    ) -> Page:
        width, height = size
        context = await browsers["kind"].new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", **options
        )
        contexts.append(context)
        await context.add_cookies([{"name": "language", "value": language, "url": examples}])
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None,
        )
        answer = await page.goto(examples + path)
        assert answer is not None
        assert answer.ok
        return page

    yield come
    for context in contexts:
        await context.close()
    assert faults == []


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["vi", "en"])
async def test_axe_finds_nothing(visit_examples: Open, size: tuple[int, int], language: str) -> None:
    page = await visit_examples(size=size, language=language)
    await page.locator("[data-ready]").wait_for()
    assert "\n".join(await axe_faults(page)) == ""
    await page.locator("[data-dialog]").click()
    assert "\n".join(await axe_faults(page)) == ""
    await page.keyboard.press("Escape")
    await page.goto(page.url.replace(PATH, FORM_PATH))
    await page.get_by_role("main").get_by_role("button").last.click()
    await page.locator(".error-summary").wait_for()
    assert "\n".join(await axe_faults(page)) == ""


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1366, 1920])
async def test_nothing_stands_out_sideways(visit_examples: Open, width: int) -> None:
    page = await visit_examples(size=(width, 800))
    await page.locator("[data-ready]").wait_for()
    assert await too_wide(page) == []


@pytest.mark.parametrize("width", [390, 1366])
async def test_text_of_twice_the_size(visit_examples: Open, width: int) -> None:
    page = await visit_examples(size=(width, 800))
    await page.locator("[data-ready]").wait_for()
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert await too_wide(page) == []
    cut = await page.evaluate(
        """() => [...document.querySelectorAll("main :is(a, button, p, h1, h2, h3, th, td, label, .badge)")]
        .filter((element) => element.offsetParent && !element.closest(".sr-only, thead") &&
          getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1)
        .map((element) => element.outerHTML.slice(0, 90))"""
    )
    assert cut == []


@pytest.mark.parametrize("size", [(1366, 768), (390, 844)], ids=["desktop", "phone"])
async def test_tab_reaches_every_control_and_shows_where_it_is(
    visit_examples: Open, size: tuple[int, int]
) -> None:
    page = await visit_examples(size=size)
    await page.locator("[data-ready]").wait_for()
    wanted: int = await page.evaluate(
        """() => { const all = [...document.querySelectorAll("a[href], button, input, select, textarea")]
        .filter((e) => e.tabIndex >= 0 && !e.disabled && e.type !== "hidden" && e.checkVisibility());
        all.forEach((e, i) => e.setAttribute("data-walk", i)); return all.length; }"""
    )
    assert wanted > 60
    seen: list[int] = []
    unseen: list[str] = []
    for _ in range(wanted + 5):
        await page.keyboard.press("Tab")
        step = await page.evaluate(
            """() => { const e = document.activeElement; const style = getComputedStyle(e);
            const box = e.getBoundingClientRect();
            const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
            const inSight = box.bottom > 0 && box.top < innerHeight;
            return [e.dataset.walk ?? "", outlined, inSight, e.outerHTML.slice(0, 90)]; }"""
        )
        if step[0] == "":
            if len(seen) >= wanted:
                break
            continue
        seen.append(int(step[0]))
        if not step[1] or not step[2]:
            unseen.append(step[3])
    assert sorted(set(seen)) == list(range(wanted))
    assert seen == sorted(seen), "the order of Tab is not that of the page"
    assert unseen == []


async def test_skip_link_comes_first(visit_examples: Open) -> None:
    page = await visit_examples()
    await page.keyboard.press("Tab")
    link = page.locator(".skip")
    await expect(link).to_be_focused()
    await expect(link).to_be_in_viewport()
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "content"


async def test_dialog_by_keyboard(visit_examples: Open) -> None:
    page = await visit_examples()
    opener, dialog = page.locator("[data-dialog]"), page.locator("#cancel")
    await page.locator("[data-ready]").wait_for()
    for leave in ("Escape", "button"):
        await opener.focus()
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_visible()
        for _ in range(8):
            await page.keyboard.press("Tab")
            # The body is where the browser's own controls come in between.
            assert await page.evaluate("document.activeElement.matches('body, dialog *')")
        if leave == "Escape":
            await page.keyboard.press("Escape")
        else:
            await dialog.locator("[data-close]").last.focus()
            await page.keyboard.press("Space")
        await expect(dialog).to_be_hidden()
        await expect(opener).to_be_focused()


async def test_tabs_by_keyboard(visit_examples: Open) -> None:
    page = await visit_examples()
    await page.locator("[data-ready]").wait_for()
    tabs, panels = page.get_by_role("tab"), page.locator(".tab-panel")
    await tabs.first.focus()
    for key, place in [("ArrowRight", 1), ("End", 2), ("ArrowRight", 0), ("ArrowLeft", 2), ("Home", 0)]:
        await page.keyboard.press(key)
        await expect(tabs.nth(place)).to_be_focused()
        assert await tabs.evaluate_all("(all) => all.map((one) => one.ariaSelected)") == [
            "true" if index == place else "false" for index in range(3)
        ]
        shown = await panels.evaluate_all("(all) => all.map((one) => !one.hidden)")
        assert shown == [index == place for index in range(3)]


async def test_menu_on_a_phone(visit_examples: Open) -> None:
    page = await visit_examples(size=(390, 844))
    menu, navigation = page.locator("[data-menu]"), page.locator("#navigation")
    await expect(navigation).to_be_hidden()
    await menu.press("Enter")
    await expect(navigation).to_be_visible()
    await expect(menu).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await expect(navigation).to_be_hidden()
    await expect(menu).to_be_focused()


async def test_errors_lead_to_their_fields(visit_examples: Open) -> None:
    page = await visit_examples(FORM_PATH)
    await page.locator("#f-title").fill("Giao ban")
    await page.locator("#f-day").fill("30/02/2027")
    await page.locator("#f-begin").fill("8h")
    await page.locator("#f-end").fill("9h15")
    await page.keyboard.press("Enter")
    summary = page.locator(".error-summary")
    await expect(summary).to_be_focused()
    links = summary.get_by_role("link")
    assert await links.evaluate_all("(all) => all.map((link) => link.hash)") == ["#f-day", "#f-sites"]
    await links.first.press("Enter")
    await expect(page.locator("#f-day")).to_be_focused()
    await page.locator("#f-day").fill("5-3-2027")
    await page.locator("#f-day").blur()
    await expect(page.locator("#f-day")).to_have_value("05/03/2027")
    await expect(page.locator("output")).to_have_text("Thứ Sáu")
    await links.last.press("Enter")
    await expect(page.locator("#f-sites")).to_be_focused()
    await page.locator("#f-sites [type=checkbox]").first.check()
    await page.get_by_role("main").get_by_role("button").last.click()
    message = page.locator(".toast")
    await expect(message).to_contain_text("Giao ban")
    await message.get_by_role("button").press("Enter")
    await expect(message).to_have_count(0)


async def test_date_from_the_calendar(visit_examples: Open) -> None:
    page = await visit_examples(FORM_PATH)
    await expect(page.locator("[data-pick]")).to_be_visible()
    await page.locator(".picker").evaluate(
        "(picker) => { picker.value = '2026-11-26'; picker.dispatchEvent(new Event('change')); }"
    )
    await expect(page.locator("#f-day")).to_have_value("26/11/2026")
    await expect(page.locator("#f-day")).to_be_focused()
    await expect(page.locator("output")).to_have_text("Thứ Năm")


COMPOSE = """(field) => {
  const key = (init) => field.dispatchEvent(
    new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
  const write = (text, type) => { field.value = text;
    field.dispatchEvent(new InputEvent("input", { bubbles: true, isComposing: type === "composing" })); };
  field.focus();
  field.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
  for (const text of ["d", "du", "duo"]) write(text, "composing");
  key({ key: "Enter", isComposing: true });
  key({ key: "Process", keyCode: 229 });
  window.between = [...document.querySelectorAll("#f-sites li")].filter((row) => !row.hidden).length;
  write("dươ", "composing");
  field.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "dươ" }));
}"""


async def test_fc_e01_filter_waits_for_the_whole_word(visit_examples: Open) -> None:
    page = await visit_examples(FORM_PATH)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.method) if request.method == "POST" else None)
    field, rows = page.locator("#f-sites [data-filter]"), page.locator("#f-sites li:visible")
    await expect(field).to_be_visible()
    whole = await rows.count()
    await field.evaluate(COMPOSE)
    assert await page.evaluate("between") == whole, "an unfinished word filters nothing"
    await expect(field).to_have_value("dươ")
    await expect(page.locator("#f-sites [data-nothing]")).to_be_visible()
    await field.fill("dan phuong onerror")
    await expect(rows).to_have_count(0)
    await field.fill("truc bach ba dinh")
    await expect(rows).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(rows.locator("input")).to_be_checked()
    await page.keyboard.press("Enter")
    await expect(rows.locator("input")).to_be_checked()
    await field.fill("đan PHƯỢNG")
    await expect(rows.first).to_contain_text("Xã Đan Phượng")
    await page.keyboard.press("Enter")
    await expect(rows.first.locator("input")).to_be_focused()
    await expect(rows.first.locator("input")).not_to_be_checked()
    assert posts == [], "Enter in the filter sends no form"
    assert page.url.endswith(FORM_PATH)


async def test_fc_e01_search_asks_once_for_a_word(visit_examples: Open) -> None:
    page = await visit_examples()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "q=" in request.url else None)
    field = page.locator("input[name=q]")
    await page.locator("[data-ready]").wait_for()
    await field.evaluate(COMPOSE)
    await page.wait_for_url("**q=d%C6%B0%C6%A1*")
    await expect(page.locator("#sites .empty")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.locator("#announcer")).to_have_text("Tìm thấy 0 điểm cầu")
    assert len(asked) == 1


async def test_fc_e01_with_the_browser_s_own_input_method(visit_examples: Open) -> None:
    page = await visit_examples()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "q=" in request.url else None)
    await page.locator("[data-ready]").wait_for()
    await page.locator("input[name=q]").focus()
    keys = await page.context.new_cdp_session(page)
    for text in ("đ", "đo", "đoi"):
        await keys.send(
            "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        )
        # Longer than the page waits after the last key of a word.
        await page.evaluate("new Promise((done) => setTimeout(done, 400))")
    assert asked == []
    await keys.send("Input.insertText", {"text": "đội"})
    await expect(page.locator("#sites tbody th").first).to_have_text("Phường Đội Cấn")
    await expect(page.locator("#sites tbody th")).to_have_count(5)
    assert len(asked) == 1


async def test_search_order_and_pages_without_loading_the_page(visit_examples: Open) -> None:
    page = await visit_examples()
    await page.locator("[data-ready]").wait_for()
    await page.evaluate("window.same = true")
    names = page.locator("#sites tbody th")
    await page.locator("#site-table-sort-name").press("Enter")
    await expect(page.locator("#sites thead th").first).to_have_attribute("aria-sort", "ascending")
    await expect(page.locator("#site-table-sort-name")).to_be_focused()
    await page.locator("#site-table-sort-name").press("Enter")
    await expect(page.locator("#sites thead th").first).to_have_attribute("aria-sort", "descending")
    await page.locator("input[name=q]").fill("tan lap")
    await expect(names).to_have_count(4)
    await expect(page.locator("#sites thead th").first).to_have_attribute("aria-sort", "descending")
    await page.locator("input[name=q]").fill("")
    await expect(names).to_have_count(10)
    for _ in range(4):
        place = await page.locator(".pager-place").text_content()
        await page.locator("#page-next").press("Enter")
        await expect(page.locator(".pager-place")).not_to_have_text(place or "")
    await expect(page.locator("#page-next")).to_have_count(0)
    await expect(page.locator("#sites")).to_be_focused()
    assert await page.evaluate("window.same")
    await page.go_back()
    await expect(page.locator(".pager-place")).to_contain_text("4")


async def test_fc_e07_markup_stays_text_in_parts_that_come_later(visit_examples: Open) -> None:
    page = await visit_examples()
    await page.locator("[data-ready]").wait_for()
    await page.locator("input[name=q]").fill("onerror")
    await expect(page.locator("#sites tbody th")).to_have_text([HOSTILE[1]])
    assert await page.locator("main img, main td a[href^=https]").count() == 0


async def test_says_when_the_server_is_away(visit_examples: Open) -> None:
    page = await visit_examples()
    await page.locator("[data-ready]").wait_for()

    async def cut(route: Route) -> None:
        await route.abort()

    await page.route("**q=*", cut)
    await page.locator("input[name=q]").fill("truc bach")
    await expect(page.locator(".toast.notice-error")).to_have_count(1)
    await expect(page.locator("#sites tbody th")).to_have_count(10)


async def test_works_without_scripts(visit_examples: Open) -> None:
    page = await visit_examples(size=(390, 844), java_script_enabled=False)
    await expect(page.locator("#navigation")).to_be_visible()
    await expect(page.locator("[data-menu]")).to_be_hidden()
    await expect(page.locator(".tab-panel:visible")).to_have_count(3)
    await page.locator("input[name=q]").fill("tan lap")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**q=tan+lap*")
    await expect(page.locator("#sites tbody th")).to_have_count(4)
    await page.get_by_role("button", name="English").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.locator("#sites tbody th")).to_have_count(4)
