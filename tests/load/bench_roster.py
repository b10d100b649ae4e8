"""The room's page of a meeting of 579 sites, in Chromium, while all of them arrive within seconds.

The chair's page is in the meeting with the list of those who attend open, and is left alone by whoever
measures: it notes its own long tasks (``PerformanceObserver``, 50 ms and more) and, at every change of the
document, how many pictures and rows stand in it. Then the chair searches, filters and scrolls; that is noted
too. The sites are a process of their own, the service and this script are one; all share a machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conformance.clients.browser import CHROMIUM
from conformance.waiting import until
from e2e.conftest import ARGUMENTS, KINDLY
from e2e.room_service import RoomCity, RoomWindow, room_service
from playwright.async_api import async_playwright
from sqlalchemy import insert

from directory.access.sessions import Visit, look_up, open_session
from directory.model import Credential
from load.load_evidence import EVIDENCE, ROOT, Evidence, judge, report
from web.visitors import now

LONGEST_MS = 200.0
MOST_TILES = 60
SITES = 579
STORM = Path(__file__).parent / "roster_storm.py"
SEARCHES = ("phuong", "xa tan", "quang trung", "00", "dong da", "")

WATCH = """() => {
  const noted = { tasks: [], tiles: 0, rows: 0, elements: 0 };
  window.noted = noted;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      noted.tasks.push({ at: Math.round(entry.startTime), ms: Math.round(entry.duration) });
  }).observe({ type: "longtask", buffered: false });
  const count = () => {
    noted.tiles = Math.max(noted.tiles, document.querySelectorAll(".tile").length);
    noted.rows = Math.max(noted.rows, document.querySelectorAll("[data-testid=member]").length);
    noted.elements = Math.max(noted.elements, document.getElementsByTagName("*").length);
  };
  new MutationObserver(count).observe(document.body, { childList: true, subtree: true });
  count();
}"""
"""Every change of the document is looked at, so that no passing state is missed."""

STATE = """() => ({
  here: document.querySelector("[data-testid=filter-here]")?.textContent ?? "",
  noted: window.noted, at: performance.now() })"""


async def sessions_of(city: RoomCity, count: int) -> list[tuple[str, str]]:
    """Cookie and form token of so many sites' devices, past the sign-in, which is not measured here."""
    service, world = city.service, city.world
    assert service.visitors is not None
    secret: bytes = service.visitors._secret
    sites = city.sites[:count]
    moment = now()
    made = []
    async with world.database.write() as session:
        rows = [
            {
                "id": f"bench{site.id:07}",
                "kind": "device",
                "device": "main",
                "hash": "-",
                "endpoint_id": site.id,
                "created_at": moment,
                "created_by": "cli:bench",
            }
            for site in sites
        ]
        await session.execute(insert(Credential), rows)
        for row in rows:
            opened = await open_session(session, str(row["id"]), Visit(moment, 0.0))
            made.append(opened.cookie)
    found = []
    for cookie in made:
        principal = await look_up(world.database, cookie, moment)
        assert principal is not None
        digest = hmac.digest(secret, f"session:{principal.session_id}".encode(), hashlib.sha256)
        found.append((cookie, base64.urlsafe_b64encode(digest[:24]).decode()))
    return found


async def storm(
    city: RoomCity, meeting: str, sites: Sequence[Any], seconds: float, page: RoomWindow
) -> tuple[dict[str, Any], asyncio.subprocess.Process]:
    """Let them all come; what was noted once the page shows everybody, and the process that holds them."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(STORM), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    given = {"base": city.base, "meeting": meeting, "seconds": seconds, "sites": sites}
    child.stdin.write(json.dumps(given).encode() + b"\n")
    told: dict[str, Any] = json.loads(await asyncio.wait_for(child.stdout.readline(), 240))
    state: dict[str, Any] = {}

    async def all_here() -> bool:
        state.update(await page.page.evaluate(STATE))
        return str(len(sites) + 1) in state["here"]

    await until(all_here, lambda: f"everybody is in the list: {state.get('here')}", within=60, every=0.5)
    told["page"] = state["noted"]
    return told, child


async def handle(page: RoomWindow) -> Any:
    """What the chair does with so long a list: searching letter by letter, filters, scrolling."""
    await page.page.evaluate(WATCH)
    search = page.at("members-search")
    for words in SEARCHES:
        await search.fill("")
        await search.press_sequentially(words, delay=30)
        await page.page.wait_for_timeout(300)
    for name in ("here", "missing", "hands", "all"):
        await page.at(f"filter-{name}").click()
    await page.page.evaluate(
        """async () => { const box = document.querySelector(".rows-box");
        for (let top = 0; top < box.scrollHeight; top += 400) {
          box.scrollTop = top;
          await new Promise((resolve) => requestAnimationFrame(resolve)); } }"""
    )
    await page.at("bar-grid").click()
    for _ in range(5):
        await page.at("page-next").click()
    return (await page.page.evaluate(STATE))["noted"]


async def measure(count: int, seconds: float) -> dict[str, Any]:
    """The figures of one run."""
    with tempfile.TemporaryDirectory() as folder:
        async with room_service(Path(folder)) as city, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=[*ARGUMENTS, *KINDLY]
            )
            sites = await sessions_of(city, count)
            meeting = await city.book(city.sites[:count])
            page = await city.window(browser, "chair", meeting)
            await page.enter()
            await page.at("bar-people").click()
            await page.at("members").wait_for()
            await page.page.evaluate(WATCH)
            told, child = await storm(city, meeting, sites, seconds, page)
            try:
                people = await city.participants(meeting)
                told["participants"] = len(people)
                told["handled"] = await handle(page)
                told["errors"] = page.errors
            finally:
                assert child.stdin is not None
                child.stdin.close()
                await child.wait()
                await page.close()
                await browser.close()
            return told


def longest(noted: dict[str, Any]) -> int:
    """The longest task in milliseconds; 0 where none took 50."""
    return max((task["ms"] for task in noted["tasks"]), default=0)


def main() -> int:
    """See the module; the exit code is 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sites", type=int, default=SITES)
    parser.add_argument("--seconds", type=float, default=5.0, help="within which they come")
    options = parser.parse_args()
    evidence = Evidence("roster", sites=options.sites, seconds=options.seconds)
    figures = asyncio.run(measure(options.sites, options.seconds))
    coming, handled = figures["page"], figures["handled"]
    tiles = max(coming["tiles"], handled["tiles"])
    targets = {
        "sites that came": judge(
            figures["arrived"], f"{options.sites}, none failed", figures["arrived"] == options.sites
        ),
        "longest task while they come": judge(
            longest(coming), f"at most {LONGEST_MS:.0f} ms", longest(coming) <= LONGEST_MS
        ),
        "longest task while searching and scrolling": judge(
            longest(handled), f"at most {LONGEST_MS:.0f} ms", longest(handled) <= LONGEST_MS
        ),
        "most pictures in the document": judge(tiles, f"at most {MOST_TILES}", tiles <= MOST_TILES),
    }
    folder = EVIDENCE if options.sites == SITES else ROOT / "var" / "evidence"
    return report(evidence.write(targets, figures, folder), targets)


if __name__ == "__main__":
    raise SystemExit(main())
