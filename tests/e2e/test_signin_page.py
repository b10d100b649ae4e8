"""Sign-in, home, people and the audit log in a real browser: by keyboard, for everybody, at all sizes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from signed_in import PASSWORD, World

from e2e.page_judges import axe_faults, too_wide
from e2e.people_service import people_service
from web import i18n

SIZES = [(1366, 768), (768, 1024), (320, 640)]
ADMINISTRATORS = [
    "/home",
    "/people",
    "/people/2",
    "/people/2/edit",
    "/people/new",
    "/audit",
    "/account",
    "/password",
]

Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, World]]:
    """The service with people and sites."""
    async with people_service(tmp_path_factory.mktemp("people")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def come(served: tuple[str, World], browsers: dict[str, Browser]) -> AsyncIterator[Open]:
    """Opens a page as somebody; errors of scripts and of the Content-Security-Policy fail the test."""
    address, world = served
    contexts = []
    faults: list[str] = []

    async def open_page(
        path: str, who: str = "", size: tuple[int, int] = (1366, 768), language: str = "vi"
    ) -> Page:
        width, height = size
        context = await browsers["kind"].new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce"
        )
        contexts.append(context)
        await context.add_cookies([{"name": "language", "value": language, "url": address}])
        if who:
            cookie = await world.cookie(who)
            await context.add_cookies([{"name": "diemcau_session", "value": cookie, "url": address}])
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None,
        )
        await page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert faults == []


def said(key: str, **values: object) -> str:
    return i18n.translate("vi", key, **values)


async def type_into(page: Page, *texts: str) -> None:
    """Write into fields one after another by keyboard alone, and send by Enter."""
    for text in texts[:-1]:
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await page.keyboard.type(texts[-1])
    await page.keyboard.press("Enter")


async def test_a_newcomer_comes_in_by_keyboard_and_chooses_a_password(come: Open) -> None:
    page = await come("/home")
    await expect(page).to_have_url(re.compile("/sign-in$"))
    await page.get_by_label(said("sign_in.login")).focus()
    await type_into(page, "moi", "sai mật khẩu")
    await expect(page.locator(".error-summary")).to_be_focused()
    await expect(page.get_by_text(said("sign_in.wrong"))).to_be_visible()
    # What was written stays, but no password does.
    await expect(page.get_by_label(said("sign_in.login"))).to_have_value("moi")
    await expect(page.get_by_label(said("sign_in.password"))).to_have_value("")
    await page.get_by_label(said("sign_in.password")).focus()
    await type_into(page, "tam-thoi-123")
    await expect(page).to_have_url(re.compile(r"/password\?next="))
    await page.get_by_label(said("password.current")).focus()
    await type_into(page, "tam-thoi-123", "một con đường nhỏ", "một con đường khác")
    await page.get_by_role("link", name=said("password.again.differs")).press("Enter")
    await expect(page.get_by_label(said("password.again"))).to_be_focused()
    await page.get_by_label(said("password.current")).focus()
    await type_into(page, "tam-thoi-123", "một con đường nhỏ", "một con đường nhỏ")
    await expect(page).to_have_url(re.compile("/home$"))
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Đỗ Văn Mới")
    await expect(page.locator(".toast")).to_contain_text(said("flash.password_changed"))
    await page.get_by_role("button", name=said("shell.sign_out")).press("Enter")
    await expect(page).to_have_url(re.compile("/sign-in$"))
    await page.go_back()
    await page.reload()
    await expect(page).to_have_url(re.compile("/sign-in"))


async def test_an_administrator_adds_a_person_and_issues_a_password(come: Open) -> None:
    page = await come("/people", "quan.tri")
    await page.get_by_role("link", name=said("people.add")).click()
    await page.get_by_label(said("sign_in.login")).fill("le.hoa")
    await page.get_by_label(said("people.name"), exact=True).fill("Lê Thị Hoà")
    await page.get_by_label(said("role.chair"), exact=True).check()
    units = page.locator("#f-unit_ids")
    await units.locator("[data-filter]").fill("dong da")
    await expect(units.locator("li:visible").first).to_contain_text("Đống Đa")
    await units.locator("li:visible input").first.check()
    await page.get_by_role("button", name=said("people.save")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Lê Thị Hoà")
    await page.get_by_role("button", name=said("people.password.first")).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await page.get_by_role("button", name=said("people.password.first")).click()
    await dialog.get_by_role("button", name=said("people.password.issue")).click()
    secret = await page.locator(".secret-value").inner_text()
    assert re.fullmatch(r"(\w{4}-){3}\w{4}", secret)
    assert "\n".join(await axe_faults(page)) == ""
    other = await come("/sign-in")
    await other.get_by_label(said("sign_in.login")).fill("le.hoa")
    await other.get_by_label(said("sign_in.password")).fill(secret)
    await other.keyboard.press("Enter")
    await expect(other).to_have_url(re.compile("/password"))
    await page.goto(page.url.removesuffix("/password"))
    await expect(page.locator(".secret-value")).to_have_count(0)


async def test_the_search_changes_the_list_without_a_new_page(come: Open) -> None:
    page = await come("/people", "quan.tri")
    await page.evaluate("window.kept = true")
    await page.get_by_role("searchbox").fill("thu 07")
    await expect(page.locator("#people tbody tr")).to_have_count(1)
    await expect(page.locator("#people tbody tr")).to_contain_text("Nguyễn Văn Thứ 07")
    await page.get_by_role("searchbox").fill("nguyen van")
    await expect(page.locator("#people tbody tr")).to_have_count(25)
    await page.get_by_role("link", name=said("pager.next")).click()
    await expect(page.locator("#people tbody tr")).to_have_count(15)
    assert await page.evaluate("window.kept") is True
    assert "page=2" in page.url


async def test_a_session_that_ended_leads_to_the_sign_in(come: Open, served: tuple[str, World]) -> None:
    page = await come("/people", "quan.tri")
    await page.context.clear_cookies(name="diemcau_session")
    await page.get_by_role("searchbox").fill("thu 07")
    await expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fpeople"))
    await page.get_by_label(said("sign_in.login")).fill("quan.tri")
    await page.get_by_label(said("sign_in.password")).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/people"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["vi", "en"])
async def test_axe_finds_nothing(come: Open, size: tuple[int, int], language: str) -> None:
    found = []
    page = await come("/sign-in", size=size, language=language)
    found += await axe_faults(page)
    await page.locator("form.form button[type=submit]").click()
    await page.locator(".error-summary").wait_for()
    found += await axe_faults(page)
    await page.goto(page.url.partition("/sign-in")[0] + "/sign-in/site")
    found += await axe_faults(page)
    page = await come("/home", "thu.ky", size, language)
    found += await axe_faults(page)
    base = page.url.removesuffix("/home")
    await page.goto(base + "/audit")
    assert await page.locator("h1").count() == 1
    found += await axe_faults(page)
    page = await come("/home", "quan.tri", size, language)
    for path in ADMINISTRATORS:
        await page.goto(base + path)
        await page.wait_for_load_state()
        found += [f"{path} {fault}" for fault in await axe_faults(page)]
    await page.goto(base + "/people/2")
    await page.locator('[data-dialog="disable"]').click()
    found += await axe_faults(page)
    assert "\n".join(found) == ""


@pytest.mark.parametrize("width", [320, 390, 768, 1366])
async def test_nothing_stands_out_sideways_at_any_size_of_text(come: Open, width: int) -> None:
    page = await come("/home", "quan.tri", (width, 800))
    base = page.url.removesuffix("/home")
    for path in (*ADMINISTRATORS, "/sign-in/site"):
        await page.goto(base + path)
        assert await too_wide(page) == [], path
        if width > 320:
            await page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert await too_wide(page) == [], f"{path} at 200 %"


@pytest.mark.parametrize("path", ["/people/2/edit", "/people/2", "/audit"])
async def test_tab_reaches_every_control(come: Open, path: str) -> None:
    page = await come(path, "quan.tri")
    await page.wait_for_load_state()
    # A list of units is one stop after another; the first ones stand for all.
    wanted: int = await page.evaluate(
        """() => { document.querySelectorAll("#f-unit_ids li:nth-child(n+4)").forEach((e) => e.remove());
        const all = [...document.querySelectorAll("a[href], button, input, select, textarea")]
        .filter((e) => e.tabIndex >= 0 && !e.disabled && e.type !== "hidden" && e.checkVisibility());
        all.forEach((e, i) => e.setAttribute("data-walk", i)); return all.length; }"""
    )
    seen = set()
    for _ in range(wanted + 5):
        await page.keyboard.press("Tab")
        seen.add(await page.evaluate("document.activeElement.dataset.walk ?? ''"))
    assert seen - {""} == {str(number) for number in range(wanted)}


async def test_without_scripts_all_of_it_works(
    served: tuple[str, World], browsers: dict[str, Browser]
) -> None:
    address, world = served
    context = await browsers["kind"].new_context(java_script_enabled=False, locale="vi-VN")
    await context.add_cookies(
        [{"name": "diemcau_session", "value": await world.cookie("quan.tri"), "url": address}]
    )
    page = await context.new_page()
    await page.goto(f"{address}/people")
    await page.get_by_role("searchbox").fill("thu 07")
    await page.keyboard.press("Enter")
    await expect(page.locator("#people tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Nguyễn Văn Thứ 07").click()
    await page.get_by_role("link", name=said("people.edit")).click()
    await page.get_by_label(said("people.title_field")).fill("Chủ tịch")
    await page.get_by_role("button", name=said("people.save")).click()
    await expect(page.get_by_text("Chủ tịch")).to_be_visible()
    await context.close()
