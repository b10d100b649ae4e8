"""Two secretaries save 500 overlapping bookings at once, over the real service, on SQLite and PostgreSQL.

Three rounds of 500 on each: all at one site at one time, by the page; at many sites and times, by the page;
the same with one secretary at the page and the other at the API. Nothing may be booked twice, and each
refused one must be told its own name and that of a booked meeting that is really in its way.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from databases import MISSING, _folder
from sqlalchemy import delete

from directory.database import Database
from load.double_booking import BOOKED, REFUSED, Secretary, crowded, judged, one_time
from load.kill_city import SECRETARIES, Keys, make_city
from load.kill_pages import Browser
from load.kill_service import KilledService, Postgres
from load.load_evidence import EVIDENCE, ROOT, Evidence, judge, report
from media.clock import monotonic
from scheduler.model import Slot

WHOLE = 500
"""Bookings of a round whose figures are kept as evidence; those of a smaller one go to ``var``."""
AT_ONCE = 25
"""Requests that each secretary has under way."""
ROUNDS = {"one time": (one_time, False), "crowded": (crowded, False), "page and API": (crowded, True)}


async def rounds(folder: Path, url: str, keys: Keys, count: int, seed: int) -> dict[str, Any]:
    """All rounds on one database; the figures of each."""
    service = KilledService(folder, url)
    database = Database(url)
    figures: dict[str, Any] = {}
    try:
        service.spawn()
        await service.listens()
        browsers = [await Browser(service).person(keys.logins[number]) for number in SECRETARIES]
        for number, (name, (make, by_api)) in enumerate(ROUNDS.items()):
            wishes = make(f"Họp {number}", count, random.Random(seed + number))
            secretaries = [
                Secretary(person, browser, by_api=by_api and person == SECRETARIES[1])
                for person, browser in zip(SECRETARIES, browsers, strict=True)
            ]
            shares = [wishes[::2], wishes[1::2]]
            if number:
                # The times of a round before it are no part of this one.
                await _clear(database)
            began = monotonic()
            await asyncio.gather(
                *(one.save(share, AT_ONCE) for one, share in zip(secretaries, shares, strict=True))
            )
            took = monotonic() - began
            for one in secretaries:
                await one.close()
            drafts = sum(wish.outcome == REFUSED for wish in shares[1]) if by_api else 0
            waits = sorted(wish.seconds for wish in wishes)
            figures[name] = {
                "outcomes": dict(Counter(wish.outcome for wish in wishes)),
                "seconds": round(took, 2),
                "answer_seconds_median": round(waits[len(waits) // 2], 3),
                "answer_seconds_most": round(waits[-1], 3),
                "wrong": await judged(database, wishes, drafts),
                "a_sentence": next((wish.sentence for wish in wishes if wish.sentence), ""),
            }
            print(folder.name, name, figures[name], flush=True)
        for browser in browsers:
            await browser.close()
        figures["complaints"] = service.complaints()[:10]
    finally:
        await database.close()
        await service.close()
    return figures


async def _clear(database: Database) -> None:
    """Free all times."""
    async with database.write() as session:
        await session.execute(delete(Slot))


def targets_of(name: str, figures: dict[str, Any], count: int) -> dict[str, dict[str, Any]]:
    """The judgements of one database."""
    targets: dict[str, dict[str, Any]] = {}
    for part in ROUNDS:
        row = figures[part]
        for what, wrong in row["wrong"].items():
            targets[f"{name}, {part}: {what}"] = judge(wrong, "0", wrong == 0)
        booked, refused = (row["outcomes"].get(what, 0) for what in (BOOKED, REFUSED))
        if part == "one time":
            targets[f"{name}, {part}: booked"] = judge(booked, "1", booked == 1)
        else:
            # Without a good share of both there was nothing to decide.
            targets[f"{name}, {part}: booked"] = judge(booked, "at least 10", booked >= 10)
            targets[f"{name}, {part}: refused"] = judge(
                refused, f"at least {count // 4}", refused * 4 >= count
            )
    complaints = len(figures["complaints"])
    targets[f"{name}: errors in the service's log"] = judge(complaints, "0", complaints == 0)
    return targets


async def main(count: int, seed: int) -> int:
    """Run; the exit code."""
    evidence = Evidence("double_booking", bookings=count, at_once=2 * AT_ONCE, seed=seed)
    programs = _folder()
    if programs is None:
        raise SystemExit(MISSING)
    with tempfile.TemporaryDirectory() as name, Postgres(programs) as postgres:
        folder = Path(name)
        figures: dict[str, Any] = {}
        targets: dict[str, dict[str, Any]] = {}
        urls = {"SQLite": f"sqlite:///{folder / 'main.db'}", "PostgreSQL": postgres.new_database()}
        for kind, url in urls.items():
            figures[kind] = await rounds(folder / kind, url, await make_city(url), count, seed)
            targets |= targets_of(kind, figures[kind], count)
    kept = EVIDENCE if count >= WHOLE else ROOT / "var" / "evidence"
    return report(evidence.write(targets, figures, kept), targets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=WHOLE)
    parser.add_argument("--seed", type=int, default=4)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.bookings, given.seed)))
