"""A day with the service as `make run` starts it: booked, refused, opened by itself, led, ended, on record.

Every person is a browser and does what a person would; the three sites' pages are touched by nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from playwright.async_api import Browser, Page, async_playwright, expect

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from conformance.clients.browser import CHROMIUM  # noqa: E402
from conformance.waiting import until  # noqa: E402
from e2e.conftest import ARGUMENTS, KINDLY  # noqa: E402
from e2e.kiosk_browser import KioskBrowser  # noqa: E402

from load.demo_process import DemoProcess  # noqa: E402
from load.load_evidence import Evidence, judge, report  # noqa: E402
from load.watch_page import START, hold, watch  # noqa: E402

CITY = ZoneInfo("Asia/Ho_Chi_Minh")
COLOURS = ("red", "green", "yellow")
TOMORROW = "Giao ban ngày mai quận Hoàn Kiếm"
OTHER = "Họp phòng chống lụt bão"
WITHIN = 1.0
"""Seconds in which the floor's picture and sound are there, and to which attendance is right."""


async def signed_in(browser: Browser, demo: DemoProcess, login: str) -> Page:
    """A person's browser on the first page after the sign-in."""
    context = await browser.new_context(viewport={"width": 1366, "height": 768}, locale="vi-VN")
    page = await context.new_page()
    page.set_default_timeout(20_000)
    await page.goto(f"{demo.url}/sign-in")
    await page.locator("input[name=login]").fill(login)
    await page.locator("input[name=password]").fill(demo.passwords[login])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/home")
    return page


async def book(page: Page, title: str, chair: str, at: str) -> None:
    """Book a district for tomorrow, as a newcomer would: six fields and one press."""
    day = datetime.now(CITY) + timedelta(days=1)
    await page.get_by_role("link", name="Đặt lịch họp").first.click()
    await expect(page.locator("#f-sites [data-tools]")).to_be_visible()
    await page.get_by_label("Tên cuộc họp").fill(title)
    await page.get_by_label(chair).check()
    await page.get_by_label("Ngày họp", exact=True).fill(f"{day:%d/%m/%Y}")
    await page.get_by_label("Giờ bắt đầu").fill(at)
    await page.locator("input[name=district]").and_(page.get_by_label("Quận Hoàn Kiếm")).check()
    await page.get_by_role("button", name="Đặt lịch và công bố").click()


async def bookings(browser: Browser, demo: DemoProcess) -> dict[str, Any]:
    """The secretary books tomorrow's briefing; a second booking that overlaps is refused."""
    page = await signed_in(browser, demo, "thuky")
    began = asyncio.get_running_loop().time()
    await book(page, TOMORROW, demo.names["chutri"], "08:00")
    told = await page.locator(".toast").inner_text()
    took = asyncio.get_running_loop().time() - began
    await page.goto(f"{demo.url}/home")
    await book(page, OTHER, demo.names["chutri"], "08:30")
    refused = await page.locator(".error-summary").inner_text()
    await page.context.close()
    return {"told": told, "seconds": round(took, 2), "refused": refused}


async def bring_sites(stack: Path, playwright: Any, demo: DemoProcess) -> list[KioskBrowser]:
    """The three sites' browsers, each opened once with its address; nobody touches them afterwards."""
    made = []
    for number, (key, colour) in enumerate(zip(demo.kiosks.values(), COLOURS, strict=True)):
        folder = stack / f"site-{number}"
        folder.mkdir()
        browser = KioskBrowser(folder, demo.url, start=f"{demo.url}/kiosk#key={key}", colour=colour)
        made.append(await browser.start(playwright))
    for browser in made:
        await browser.shows("waiting", within=30)
    return made


async def key_of(page: Page, site: str) -> str:
    """How the meeting knows a site that the chair finds by its name in the list of those who attend."""
    search = page.get_by_test_id("members-search")
    if not await search.is_visible():
        await page.get_by_test_id("bar-people").click()
    name = site.partition(",")[0]
    await search.fill(name)
    return str(await page.get_by_test_id("member").filter(has_text=name).get_attribute("data-key"))


async def floor(
    page: Page, demo: DemoProcess, kiosks: list[KioskBrowser], key: str, colour: str
) -> dict[str, Any]:
    """The chair gives the second site the floor; when each of the others saw and heard it, in seconds."""
    others = [kiosks[0], kiosks[2]]
    await page.evaluate(watch("[data-testid=tile][data-main] video", colour))
    for kiosk in others:
        await kiosk.value(watch("[data-testid=stage-face] video", colour))
    await page.evaluate(START)
    # The list is as long as the screen: who is looked for is in it.
    await key_of(page, list(demo.kiosks)[1])
    member = page.locator(f'[data-testid=member][data-key="{key}"]')
    await member.get_by_test_id("member-more").click()
    await page.get_by_test_id("member-give").click()
    await page.locator(f'[data-testid=floor-line][data-holder="{key}"]').wait_for()

    async def all_seen() -> list[dict[str, float]] | None:
        found = [await page.evaluate("window.watched")]
        found += [await kiosk.value("window.watched") for kiosk in others]
        whole = all(one and one["picture"] and one["sound"] for one in found)
        return found if whole else None

    found = await until(all_seen, "all see and hear who has the floor", within=20, every=0.05)
    for kiosk in others:
        await kiosk.sees(colour)
        await kiosk.hears(colour)
    pressed = await page.evaluate("window.pressed")
    names = ("chair", "first site", "third site")
    return {
        name: {what: round((one[what] - pressed) / 1000, 3) for what in ("picture", "sound")}
        for name, one in zip(names, found, strict=True)
    }


async def meeting(
    browser: Browser, playwright: Any, demo: DemoProcess, folder: Path
) -> tuple[dict[str, Any], list[tuple[str, float, float]]]:
    """The meeting that opens by itself; what was measured, and who was there from when until when."""
    kiosks = await bring_sites(folder, playwright, demo)
    chair = await signed_in(browser, demo, "chutri")
    try:
        for kiosk in kiosks:
            await kiosk.value(hold("[data-testid=meeting]", "data-media", "connected"))
        join = chair.get_by_role("link", name="Vào họp")

        async def can_join() -> bool:
            await chair.reload()
            return await join.count() > 0 and demo.coming in await chair.locator("main").inner_text()

        await until(can_join, "the chair's home leads into the meeting", within=420, every=2)
        for kiosk in kiosks:
            await kiosk.in_meeting(within=120)
        await join.first.click()
        await chair.get_by_test_id("join").click()
        await chair.locator("[data-testid=meeting][data-phase=connected]").wait_for()
        identity = chair.url.split("/")[-2]
        await chair.get_by_test_id("bar-microphone").click()
        keys = [await key_of(chair, name) for name in demo.kiosks]
        figures = {"floor": await floor(chair, demo, kiosks, keys[1], COLOURS[1])}
        await chair.screenshot(path=str(folder / "chair.png"))
        await asyncio.sleep(5)
        await chair.get_by_test_id("floor-back").click()
        await chair.get_by_test_id("bar-lead").click()
        await chair.get_by_test_id("lead-end").click()
        await chair.get_by_test_id("answer-yes").click()
        for kiosk in kiosks:
            await kiosk.shows("waiting", within=20)
        spans = []
        for key, kiosk in zip(keys, kiosks, strict=True):
            held = await kiosk.value("window.held")
            spans.append((key, held["on"] / 1000, held["off"] / 1000))
            await kiosk.quiet()
        return {**figures, "meeting": identity}, spans
    finally:
        for kiosk in kiosks:
            kiosk.kill()
        await chair.context.close()


async def attendance(demo: DemoProcess, meeting_id: str) -> dict[str, Any]:
    """The report as the API gives it to the secretary."""
    login = ("thuky", demo.passwords["thuky"])
    async with httpx.AsyncClient(base_url=demo.url, auth=login, trust_env=False) as http:
        answer = await http.get(f"/api/v1/meetings/{meeting_id}/attendance")
        answer.raise_for_status()
        return dict(answer.json())


def differences(found: dict[str, Any], spans: list[tuple[str, float, float]]) -> list[dict[str, Any]]:
    """For each site, how far the record is from what its own page saw, in seconds."""
    lines = {line["member"]: line for line in found["lines"]}
    rows = []
    for member, on, off in spans:
        (interval,) = lines[member]["intervals"]
        start, end = (datetime.fromisoformat(interval[part]).timestamp() for part in ("start", "end"))
        rows.append({"member": member, "start": round(start - on, 3), "end": round(end - off, 3)})
    return rows


async def main() -> int:
    """Run; the exit code."""
    evidence = Evidence("meeting")
    with tempfile.TemporaryDirectory() as name, DemoProcess(Path(name)) as demo:
        await demo.ready()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *KINDLY])
            booked = await bookings(browser, demo)
            figures, spans = await meeting(browser, playwright, demo, Path(name))
            await browser.close()
        found = await attendance(demo, figures["meeting"])
        rows = differences(found, spans)
        present = {line["member"] for line in found["lines"] if line["status"] in ("present", "late")}
        left = demo.stop()
    worst = {what: max(one[what] for one in figures["floor"].values()) for what in ("picture", "sound")}
    apart = max(abs(row[part]) for row in rows for part in ("start", "end"))
    named = TOMORROW in booked["refused"] and OTHER in booked["refused"]
    came = {member for member, _, _ in spans}
    targets = {
        "an overlapping booking is refused with both names": judge(int(named), "1", named),
        "the floor's picture on every screen, seconds": judge(
            worst["picture"], f"within {WITHIN}", worst["picture"] <= WITHIN
        ),
        "the floor's sound in every room, seconds": judge(
            worst["sound"], f"within {WITHIN}", worst["sound"] <= WITHIN
        ),
        "sites on record as present": judge(
            len(present & came),
            f"{len(came)}, and no other",
            {m for m in present if m[:5] == "site:"} == came,
        ),
        "attendance beside the pages' own clocks, seconds apart": judge(
            apart, f"within {WITHIN}", apart <= WITHIN
        ),
        "processes left after Ctrl-C": judge(left, "0", left == 0),
    }
    all_figures = {"booking": booked, **figures, "attendance": found["lines"], "apart": rows}
    return report(evidence.write(targets, all_figures), targets)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.exit(asyncio.run(main()))
