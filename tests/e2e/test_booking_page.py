"""Booking in a real browser: a district in a minute, conflicts as one goes, three time zones, no script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from booking_world import CHAIR, NOW, SECOND_CHAIR, SECRETARY, World, plan
from playwright.async_api import Browser, Page, expect
from sqlalchemy import delete, func, select

from directory.model import AuditEntry
from e2e.booking_service import booking_service
from e2e.page_judges import axe_faults, too_wide
from scheduler.model import Action, Invitation, Meeting, Slot

EARLY = datetime.fromisoformat("2026-12-01T06:30+07:00")
NIGHT = datetime.fromisoformat("2026-12-01T22:00+07:00")
ZONES = ("America/Los_Angeles", "UTC", "Asia/Ho_Chi_Minh")

Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, World]]:
    """Where the pages answer, and what they stand on."""
    folder = tmp_path_factory.mktemp("booking")
    async with booking_service(f"sqlite:///{folder / 'main.db'}") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def world(city: tuple[str, World]) -> World:
    """The city without meetings."""
    _, world = city
    world.now, world.changes = NOW, 0
    world.sign_in(SECRETARY)
    async with world.database.write() as session:
        for table in (Action, Slot, Invitation, Meeting):
            await session.execute(delete(table))
    return world


@pytest_asyncio.fixture(loop_scope="session")
async def come(city: tuple[str, World], world: World, browsers: dict[str, Browser]) -> AsyncIterator[Open]:
    """Opens a page; errors of scripts and refusals of the Content-Security-Policy fail the test."""
    address, _ = city
    contexts = []
    faults: list[str] = []

    async def open_page(
        path: str, size: tuple[int, int] = (1366, 768), language: str = "vi", **options: Any
    ) -> Page:
        width, height = size
        options = {"timezone_id": "Asia/Ho_Chi_Minh", "reduced_motion": "reduce", **options}
        context = await browsers["kind"].new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        await context.add_cookies([{"name": "language", "value": language, "url": address}])
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None,
        )
        answer = await page.goto(address + path)
        assert answer is not None
        assert answer.ok
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert faults == []


async def count(world: World, table: type[Any]) -> int:
    async with world.database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def only(world: World) -> Meeting:
    async with world.database.read() as session:
        return (await session.scalars(select(Meeting))).one()


async def ready(page: Page) -> None:
    """The form's scripts run."""
    await expect(page.locator("#f-sites [data-tools]")).to_be_visible()


async def test_a_newcomer_books_a_district(come: Open, world: World) -> None:
    """Six fields at most: title, chair, a tick, a day, a time, one press."""
    page = await come("/meetings/new")
    await ready(page)
    await page.get_by_label("Tên cuộc họp").fill("Giao ban quận Ba Đình")
    await page.get_by_label("Trần Văn Dũng").check()
    await page.get_by_label("Ngày họp", exact=True).fill("1/12/2026")
    await page.get_by_label("Giờ bắt đầu").fill("6h30")
    await page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình")).check()
    panel = page.locator("#booking-check")
    await expect(panel).to_contain_text("Đã chọn 14 điểm cầu")
    await expect(panel).to_contain_text("Không trùng lịch")
    await expect(page.locator("#announcer")).to_have_text("Đã chọn 14 điểm cầu. Không trùng lịch")
    await page.get_by_role("button", name="Đặt lịch và công bố").click()
    await expect(page.locator(".toast")).to_contain_text("Đã đặt lịch “Giao ban quận Ba Đình”")
    meeting = await only(world)
    assert (meeting.state, meeting.starts_at) == ("published", EARLY)
    assert await count(world, Invitation) == 14


async def test_sites_are_found_without_marks_and_told_apart(come: Open, world: World) -> None:
    page = await come("/meetings/new")
    await ready(page)
    filter_, rows = page.locator("#f-sites [data-filter]"), page.locator("#f-sites li[data-words]:visible")
    await filter_.fill("phuc xa")
    await expect(rows).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(rows.locator("input")).to_be_checked()
    await expect(page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình"))).not_to_be_checked()
    assert await page.locator("input[name=district]").first.evaluate("(box) => box.indeterminate")
    await filter_.fill("TÂN LẬP")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Xã Tân Lập")
    await filter_.fill("ba dinh")
    await expect(rows).to_have_count(14)
    await filter_.fill("")
    await expect(page.locator("#booking-check")).to_contain_text("Đã chọn 1 điểm cầu")
    await page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình")).check()
    await page.locator("#f-sites summary").first.click()
    await expect(rows).to_have_count(14)
    await rows.nth(3).locator("input").uncheck()
    await expect(page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình"))).not_to_be_checked()
    await expect(page.locator("#booking-check")).to_contain_text("Đã chọn 13 điểm cầu")
    assert await count(world, Meeting) == 0


async def test_a_conflict_is_told_as_one_goes_and_solved_by_one_press(come: Open, world: World) -> None:
    await world.book(plan(EARLY, 0.75))
    page = await come("/meetings/new")
    await ready(page)
    await page.get_by_label("Tên cuộc họp").fill("Họp khác")
    await page.get_by_label("Trần Thị Dung").check()
    await page.get_by_label("Ngày họp", exact=True).fill("01/12/2026")
    await page.get_by_label("Giờ bắt đầu").fill("06:45")
    await page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình")).check()
    panel = page.locator("#booking-check")
    await expect(panel).to_contain_text("“Họp khác” trùng lịch với “Giao ban tuần” (01/12/2026 06:30–07:15)")
    await page.get_by_role("button", name="Đặt lịch và công bố").click()
    summary = page.locator(".error-summary")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text(
        "“Họp khác” trùng lịch với “Giao ban tuần” (01/12/2026 06:30–07:15)"
    )
    await expect(page.get_by_label("Tên cuộc họp")).to_have_value("Họp khác")
    assert await count(world, Meeting) == 1
    await panel.get_by_role("button", name="01/12/2026 07:15").press("Enter")
    await expect(page.locator("#f-begin")).to_have_value("07:15")
    await expect(panel).to_contain_text("Không trùng lịch")
    await page.get_by_role("button", name="Đặt lịch và công bố").click()
    await expect(page.locator(".toast")).to_be_visible()
    assert await count(world, Meeting) == 2


async def test_a_pasted_list_asks_where_it_is_not_clear(come: Open, world: World) -> None:
    page = await come("/meetings/new")
    await ready(page)
    await page.locator("#f-paste").fill("Phường Phúc Xá\nPhường Không Có\n00004")
    panel = page.locator("#booking-check")
    await expect(panel).to_contain_text("Dòng 2: Phường Không Có")
    await panel.get_by_role("checkbox").check()
    await expect(panel).to_contain_text("Đã chọn 2 điểm cầu")
    await expect(panel.get_by_role("checkbox")).to_be_checked()
    await expect(panel.get_by_role("checkbox")).to_be_focused()


@pytest.mark.parametrize("zone", ZONES)
async def test_fc_c10_no_browser_s_zone_changes_anything(come: Open, world: World, zone: str) -> None:
    meeting = await world.book(plan(EARLY, 0.75))
    night = await world.book(plan(NIGHT, 2.5, title="Trực đêm"))
    lines = await count(world, AuditEntry)
    page = await come(f"/meetings/{meeting.id}/edit", timezone_id=zone)
    await ready(page)
    note = page.locator("[data-island=zone]")
    await expect(note).to_be_visible(visible=zone != "Asia/Ho_Chi_Minh")
    await expect(page.locator("#f-day")).to_have_value("01/12/2026")
    await expect(page.locator("#f-begin")).to_have_value("06:30")
    await page.get_by_role("button", name="Lưu thay đổi").click()
    await expect(page.locator(".toast")).to_contain_text("Không có gì thay đổi")
    async with world.database.read() as session:
        after = await session.get(Meeting, meeting.id)
    assert after is not None
    assert (after.starts_at, after.ends_at, after.version) == (
        meeting.starts_at,
        meeting.ends_at,
        meeting.version,
    )
    assert (await count(world, AuditEntry), world.changes) == (lines, 0)
    await expect(page.locator(".facts")).to_contain_text("01/12/2026 06:30–07:15")
    meetings = page.url.rsplit("/", 1)[0]
    await page.goto(meetings + "/week?day=01/12/2026")
    await expect(page.locator(".week-entry", has_text="Trực đêm")).to_have_count(2)
    await expect(page.locator(".week-entry").first).to_contain_text("06:30–07:15")
    assert night.starts_at == NIGHT

    world.now = datetime.fromisoformat("2026-12-01T23:50+07:00")
    await page.goto(meetings + "/new?day=02/12/2026")
    await ready(page)
    await page.get_by_label("Tên cuộc họp").fill("Họp gấp")
    await page.get_by_label("Trần Thị Dung").check()
    await page.get_by_label("Giờ bắt đầu").fill("00:15")
    await page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình")).check()
    await page.get_by_role("button", name="Đặt lịch và công bố").click()
    await expect(page.locator(".error-summary")).to_contain_text(
        "“Họp gấp” trùng lịch với “Trực đêm” (01/12/2026 22:00–02/12/2026 00:30)"
    )
    await page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình")).uncheck()
    await page.get_by_role("checkbox", name=re.compile("^Huyện Ba Vì")).check()
    await page.locator("#f-day").fill("01/12/2026")
    await page.locator("#f-begin").fill("23:55")
    await page.get_by_role("button", name="Đặt lịch và công bố").click()
    await expect(page.locator(".toast")).to_be_visible()
    async with world.database.read() as session:
        found = select(Meeting.starts_at).where(Meeting.title == "Họp gấp")
        assert await session.scalar(found) == datetime.fromisoformat("2026-12-01T16:55+00:00")


COMPOSE = """(field) => {
  const key = (init) => field.dispatchEvent(
    new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
  field.focus();
  field.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
  for (const text of ["d", "du", "duo"]) {
    field.value = text;
    field.dispatchEvent(new InputEvent("input", { bubbles: true, isComposing: true }));
  }
  window.stopped = !key({ key: "Enter", isComposing: true }) && !key({ key: "Process", keyCode: 229 })
    ? "both" : "Enter";
  field.value = "dươ";
  field.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "dươ" }));
}"""


async def test_fc_e01_the_title_is_sent_when_the_word_is_finished(come: Open, world: World) -> None:
    page = await come("/meetings/new")
    await ready(page)
    posts: list[str] = []
    page.on("request", lambda r: posts.append(r.post_data or "") if r.method == "POST" else None)
    await page.get_by_label("Trần Văn Dũng").check()
    await page.wait_for_load_state("networkidle")
    posts.clear()
    title = page.locator("#f-title")
    await title.evaluate(COMPOSE)
    assert await page.evaluate("stopped") == "Enter", "the key of an unfinished word sends nothing"
    assert posts == []
    await title.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("dươ")
    assert len(posts) == 1
    meeting = await only(world)
    assert (meeting.title, meeting.state) == ("dươ", "draft")


async def test_fc_e01_the_chair_is_searched_once_for_a_word(come: Open, world: World) -> None:
    page = await come("/meetings/new")
    await ready(page)
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/chairs" in r.url else None)
    field = page.locator("#f-chair")
    await field.evaluate(COMPOSE)
    await expect(page.locator("#chair-choices")).to_contain_text("dươ")
    assert len(asked) == 1
    await field.fill("thi dung")
    await expect(page.locator("#chair-choices input")).to_have_count(1)
    await expect(page.get_by_label("Trần Thị Dung")).to_be_checked()


async def test_what_was_written_survives_a_change_of_language(come: Open, world: World) -> None:
    page = await come("/meetings/new")
    await ready(page)
    await page.get_by_label("Tên cuộc họp").fill("Họp <b>dở dang")
    await page.get_by_label("Trần Thị Dung").check()
    await page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình")).check()
    await page.locator("#f-paste").fill("Dòng một\nDòng hai")
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Schedule a meeting")
    await ready(page)
    await expect(page.locator("#f-title")).to_have_value("Họp <b>dở dang")
    await expect(page.locator("#f-paste")).to_have_value("Dòng một\nDòng hai")
    await expect(page.get_by_label("Trần Thị Dung")).to_be_checked()
    await expect(page.get_by_role("checkbox", name=re.compile("^Quận Ba Đình"))).to_be_checked()
    assert await count(world, Meeting) == 0


async def test_without_scripts(come: Open, world: World) -> None:
    await world.book(plan(EARLY, 0.75))
    page = await come("/meetings/new", java_script_enabled=False)
    await page.fill("#f-title", "Họp khác")
    await page.fill("#f-chair", "dung")
    await page.get_by_role("button", name="Tìm người chủ trì").click()
    await page.get_by_label("Trần Thị Dung").check()
    await page.fill("#f-day", "01/12/2026")
    await page.fill("#f-begin", "06:45")
    await page.locator("input[name=district]").first.check()
    await page.get_by_role("button", name="Kiểm tra lại").click()
    await expect(page.locator("#booking-check")).to_contain_text("trùng lịch với “Giao ban tuần”")
    await page.get_by_role("button", name="01/12/2026 07:15").click()
    await page.get_by_role("button", name="Đặt lịch và công bố").click()
    await expect(page.locator(".toast")).to_contain_text("Đã đặt lịch “Họp khác”")
    await page.get_by_role("link", name="Hủy họp").click()
    await page.fill("#f-reason", "Bão")
    await page.get_by_role("button", name="Hủy họp").click()
    await expect(page.locator("main")).to_contain_text("Đã hủy")
    async with world.database.read() as session:
        states = sorted(await session.scalars(select(Meeting.state)))
    assert states == ["cancelled", "published"]


async def test_the_week_by_keyboard(come: Open, world: World) -> None:
    await world.book(plan(EARLY, 0.75))
    await world.book(plan(EARLY + timedelta(days=1), 1, title="Hôm sau", chair_id=SECOND_CHAIR))
    page = await come("/meetings/week?day=01/12/2026")
    entries = page.locator(".week-entry")
    await page.locator(".week-day").nth(1).locator("a").first.focus()
    await page.keyboard.press("ArrowRight")
    await expect(entries.nth(1)).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await expect(entries.first).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#f-day")).to_have_value("01/12/2026")
    await page.go_back()
    await page.set_viewport_size({"width": 390, "height": 844})
    tops = await page.locator(".week-day").evaluate_all("(all) => all.map((day) => day.offsetTop)")
    assert tops == sorted(set(tops)), "on a phone the days stand under each other"


async def test_the_form_by_keyboard_alone(come: Open, world: World) -> None:
    page = await come("/meetings/new")
    await ready(page)
    await page.locator("#f-title").focus()
    await page.keyboard.type("Họp bằng bàn phím")
    seen: list[str] = []
    for _ in range(200):
        await page.keyboard.press("Tab")
        name = await page.evaluate(
            "(({ name, value }) => `${name ?? ''}=${value ?? ''}`)(document.activeElement)"
        )
        seen.append(name)
        if name.startswith("chair_id="):
            # The group of choices is one stop; the arrows go through it.
            await page.keyboard.press("ArrowDown")
            await expect(page.get_by_label("Trần Văn Dũng")).to_be_checked()
        if name == "district=001":
            await page.keyboard.press("Space")
        if name == "do=publish":
            await page.keyboard.press("Enter")
            break
    await expect(page.locator(".toast")).to_contain_text("Họp bằng bàn phím")
    assert not any(name.startswith("sites=") for name in seen), "closed districts are passed by"
    meeting = await only(world)
    assert (meeting.state, meeting.chair_id) == ("published", CHAIR)


@pytest.mark.parametrize("size", [(1366, 768), (390, 844), (320, 640)], ids=lambda size: str(size[0]))
@pytest.mark.parametrize("language", ["vi", "en"])
async def test_axe_finds_nothing_and_nothing_stands_out(
    come: Open, world: World, size: tuple[int, int], language: str
) -> None:
    meeting = await world.book(plan(EARLY, 0.75, agenda="1. Báo cáo\n2. Thảo luận"))
    await world.book(plan(NIGHT, 2.5, title="Trực đêm"), publish=False)
    page = await come("/meetings/new", size=size, language=language, timezone_id="UTC")
    address = page.url.removesuffix("/new")
    await ready(page)
    await page.locator("#f-paste").fill("Xã Không Có\nPhường Phúc Xá")
    await page.locator("#f-day").fill("01/12/2026")
    await page.locator("#f-begin").fill("06:30")
    await page.locator("input[name=district]").first.check()
    await expect(page.locator("#booking-check .booking-free")).to_be_visible()
    await page.locator("#f-sites summary").first.click()

    async def clean(what: str) -> None:
        assert (what, "\n".join(await axe_faults(page)), await too_wide(page)) == (what, "", [])

    await clean("form")
    await page.locator("button.button-main").click()
    await page.locator(".error-summary").wait_for()
    await clean("refused")
    for path in ("", "/week?day=01/12/2026", f"/{meeting.id}", f"/{meeting.id}/cancel", "?view=past"):
        await page.goto(address + path)
        await clean(path)
        await page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert (path, await too_wide(page)) == (path, [])
