"""The directory's pages in a real browser: axe, sizes, keyboard, search while typing, an import, FC-e07."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from signed_in import World

from e2e.directory_service import HOSTILE, directory_service
from e2e.page_judges import axe_faults, too_wide

PAGES = (
    "/directory",
    "/directory?q=zzz",
    "/directory?q=00004-",
    "/directory/rollout",
    "/directory/sites/00004-2",
    "/directory/sites/00004-4/edit",
    "/directory/groups",
    "/directory/groups/1",
    "/directory/import",
)
Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, World]]:
    """The service with its sites."""
    async with directory_service(tmp_path_factory.mktemp("directory")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def visit(city: tuple[str, World], browsers: dict[str, Browser]) -> AsyncIterator[Open]:
    """Opens a page signed in; errors of scripts and refusals of the Content-Security-Policy fail the test."""
    address, world = city
    contexts = []
    faults: list[str] = []

    async def come(
        path: str,
        who: str = "administrator",
        size: tuple[int, int] = (1366, 768),
        language: str = "vi",
        **options: Any,
    ) -> Page:
        width, height = size
        context = await browsers["kind"].new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", **options
        )
        contexts.append(context)
        cookie = await world.cookie(who)
        await context.add_cookies(
            [
                {"name": "language", "value": language, "url": address},
                {"name": "diemcau_session", "value": cookie, "url": address},
            ]
        )
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None,
        )
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        answer = await page.goto(address + path)
        assert answer is not None
        assert answer.ok, answer.status
        return page

    yield come
    for context in contexts:
        await context.close()
    assert faults == []


@pytest.mark.parametrize("language", ["vi", "en"])
async def test_axe_finds_nothing(visit: Open, language: str) -> None:
    page = await visit(PAGES[0], language=language)
    origin = page.url.removesuffix(PAGES[0])
    for path in PAGES:
        await page.goto(origin + path)
        assert "\n".join(await axe_faults(page)) == "", path


@pytest.mark.parametrize(("width", "text"), [(320, 100), (768, 100), (1366, 100), (390, 200), (1366, 200)])
async def test_nothing_stands_out_sideways(visit: Open, width: int, text: int) -> None:
    page = await visit(PAGES[0], size=(width, 800))
    origin = page.url.removesuffix(PAGES[0])
    for path in PAGES:
        await page.goto(origin + path)
        await page.evaluate(f"document.documentElement.style.fontSize = '{text}%'")
        assert await too_wide(page) == [], path


async def test_search_finds_while_one_types_without_diacritics(visit: Open) -> None:
    page = await visit("/directory?district=001", who="secretary")
    field, rows = page.locator("input[type=search]"), page.locator("#site-table tbody tr")
    await field.fill("truc bach")
    await expect(rows).to_have_count(1 + len(HOSTILE))
    await expect(page.locator("#announcer")).to_have_text("5 điểm cầu")
    await field.fill("phuc xa")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Phường Phúc Xá")
    assert re.search(r"district=001.*q=phuc", page.url)
    await page.locator("select[name=district]").select_option("002")
    await page.get_by_role("button", name="Lọc").press("Enter")
    await expect(page.locator(".empty")).to_be_visible()
    assert "q=phuc" in page.url


async def test_the_search_by_keyboard_alone_leads_to_a_site(visit: Open) -> None:
    page = await visit("/directory", who="it_staff")
    await page.locator("input[type=search]").focus()
    await page.keyboard.type("00001")
    link = page.locator("#site-table tbody a")
    await expect(link).to_have_count(1)
    for _ in range(12):
        await page.keyboard.press("Tab")
        if await link.evaluate("(one) => one === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Phường Phúc Xá")
    await page.get_by_role("link", name="Sửa thông tin điểm cầu").press("Enter")
    await page.locator("#f-contact_phone").fill("12")
    await page.keyboard.press("Enter")
    await expect(page.locator(".error-summary")).to_be_focused()
    await page.locator(".error-summary a").press("Enter")
    await expect(page.locator("#f-contact_phone")).to_be_focused()
    await page.locator("#f-contact_phone").fill("0912 345 670")
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Phường Phúc Xá")
    await expect(page.locator("main")).to_contain_text("0912 345 670")


async def test_a_secretary_reads_and_has_no_button_that_changes(visit: Open) -> None:
    page = await visit("/directory/sites/00004-2", who="secretary")
    assert await page.locator("main form").count() == 0
    page = await visit("/directory", who="secretary")
    assert await page.get_by_role("link", name="Nhập danh mục từ tệp").count() == 0


async def test_fc_e07_names_are_text_on_every_page(visit: Open) -> None:
    page = await visit(PAGES[0])
    origin = page.url.removesuffix(PAGES[0])
    for path in (
        "/directory?q=00004-",
        "/directory/sites/00004-2",
        "/directory/groups",
        "/directory/groups/1",
    ):
        await page.goto(origin + path)
        assert await page.locator("main img, main a[href*='//x']").count() == 0
        await expect(page.locator("main")).to_contain_text("<img src=x onerror=alert(1)>")
    # What htmx puts in later is as plain as the page itself.
    await page.goto(origin + "/directory")
    await page.locator("input[type=search]").fill("onerror")
    await expect(page.locator("#site-table tbody tr")).to_have_count(1)
    await expect(page.locator("#site-table tbody th a")).to_have_text(HOSTILE[0])
    assert await page.locator("main img").count() == 0


async def test_an_import_with_a_file_from_the_disk(visit: Open, tmp_path: Path) -> None:
    wrong, right = tmp_path / "sai.csv", tmp_path / "dung.csv"
    wrong.write_text("Mã;Điện thoại\n00006;12\n99999;\n", "utf-8")
    right.write_text(f"Mã;Tên;Điện thoại\n6;;0912 345 670\n00006-2;{HOSTILE[0]};\n", "utf-8")
    page = await visit("/directory/import", who="it_staff")
    await page.get_by_role("button", name="Xem trước thay đổi").press("Enter")
    await expect(page.locator(".error-summary")).to_be_focused()
    await page.locator("#f-file").set_input_files(wrong)
    await page.get_by_role("button", name="Xem trước thay đổi").press("Enter")
    await expect(page.locator("#errors tbody tr")).to_have_count(2)
    await expect(page.locator("#errors tbody tr").first).to_contain_text("B2")
    assert "\n".join(await axe_faults(page)) == ""
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Tải danh sách lỗi (CSV)").click()
    saved = await (await download.value).path()
    assert saved.read_bytes().startswith(b"\xef\xbb\xbf")
    await page.get_by_role("link", name="Chọn tệp khác").press("Enter")
    await page.locator("#f-file").set_input_files(right)
    await page.get_by_role("button", name="Xem trước thay đổi").press("Enter")
    await expect(page.locator("#changed tbody tr")).to_have_count(1)
    await expect(page.locator("#added tbody tr")).to_contain_text(HOSTILE[0])
    assert "\n".join(await axe_faults(page)) == ""
    assert await too_wide(page) == []
    await page.reload()
    await page.get_by_role("button", name="Nhập các thay đổi này").press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Đã nhập: thêm 1, thay đổi 1.")


async def test_an_upload_of_200_megabytes_is_told_and_not_kept(visit: Open, tmp_path: Path) -> None:
    huge = tmp_path / "lon.csv"
    with huge.open("wb") as file:
        file.truncate(200_000_000)
    page = await visit("/directory/import", who="it_staff")
    await page.locator("#f-file").set_input_files(huge)
    await page.get_by_role("button", name="Xem trước thay đổi").click()
    await expect(page.locator(".error-summary")).to_contain_text("tối đa 10 MB. Không có gì được lưu.")


COMPOSE = """(field) => {
  const key = (options) => field.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...options }));
  field.focus();
  field.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
  field.value = "duo";
  field.dispatchEvent(new InputEvent("input", { bubbles: true, isComposing: true }));
  key({ key: "Enter", isComposing: true });
  key({ key: "Process", keyCode: 229 });
  field.value = "dươ";
  field.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "dươ" }));
}"""


@pytest.mark.parametrize("path", ["/directory", "/people"])
async def test_fc_e01_a_search_asks_once_for_a_finished_word(visit: Open, path: str) -> None:
    page = await visit(path)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "q=" in request.url else None)
    await page.locator("input[type=search]").evaluate(COMPOSE)
    await page.wait_for_url("**q=d%C6%B0%C6%A1*")
    await page.wait_for_load_state("networkidle")
    await page.keyboard.press("Enter")
    await page.wait_for_load_state("networkidle")
    assert len(asked) == 1, "an unfinished word is not asked for, nor a finished one twice"
    assert "d%C6%B0%C6%A1" in asked[0]
