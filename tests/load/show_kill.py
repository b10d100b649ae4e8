"""Kill -9 at 200 random moments, on SQLite and PostgreSQL: the clients' own logs against what is stored."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from databases import MISSING, _folder

from load.kill_city import make_city
from load.kill_run import BACK_WITHIN, Series
from load.kill_service import Postgres
from load.load_evidence import EVIDENCE, ROOT, Evidence, judge, report

WHOLE = 200
"""Kills of a run whose figures are kept as evidence; those of a shorter one go to ``var``."""
AT_LEAST = {"booked": 4, "asked_without_answer": 1, "openings_seen": 1, "endings_seen": 1, "joins": 1}
"""What the clients' logs must have for each kill, so that there was something to lose."""
ALLOWED = frozenset({"joins just before a kill"})
"""Counts that are told, and not judged."""


def targets_of(name: str, figures: dict[str, Any], kills: int) -> dict[str, dict[str, Any]]:
    """The judgements of one series."""
    targets = {f"{name}: kills": judge(figures["kills"], f"{kills}", figures["kills"] == kills)}
    for what, each in AT_LEAST.items():
        told, least = figures["told"][what], each * kills
        targets[f"{name}: {what.replace('_', ' ')}"] = judge(told, f"at least {least}", told >= least)
    for what, count in sorted(figures["wrong"].items()):
        if what not in ALLOWED:
            targets[f"{name}: {what}"] = judge(count, "0", count == 0)
    broken = sum(count for what, count in figures["told"]["pages"].items() if what.endswith(": 500"))
    targets[f"{name}: pages that failed"] = judge(broken, "0", broken == 0)
    failed = len(figures["clients_failed"])
    targets[f"{name}: clients that failed"] = judge(failed, "0", failed == 0)
    rooms = [row["rooms_back"] for row in figures["rows"] if "rooms_back" in row]
    slowest = max(rooms, default=0.0)
    back = f"within {BACK_WITHIN} s of listening"
    targets[f"{name}: all open meetings have their rooms"] = judge(slowest, back, slowest <= BACK_WITHIN)
    again = [row["answers_again"] for row in figures["rows"] if "answers_again" in row]
    if again:
        text = f"within {BACK_WITHIN} s of its start"
        targets[f"{name}: answers after PostgreSQL alone crashed"] = judge(
            max(again), text, max(again) <= BACK_WITHIN
        )
    return targets


async def main(kills: int, seed: int) -> int:
    """Run; the exit code."""
    each = kills // 2
    crashes = each // 5
    evidence = Evidence("kill", kills=2 * each, postgresql_crashes=crashes, seed=seed)
    programs = _folder()
    if programs is None:
        raise SystemExit(MISSING)
    with tempfile.TemporaryDirectory() as name, Postgres(programs) as postgres:
        folder = Path(name)
        urls = [f"sqlite:///{folder / 'main.db'}", postgres.new_database()]
        # One after the other: Alembic keeps what it works on in names of its module.
        keys = [await make_city(url) for url in urls]
        sqlite, server = await asyncio.gather(
            Series(folder / "sqlite", urls[0], seed).run(keys[0], each, 0),
            Series(folder / "postgresql", urls[1], seed + 1, postgres).run(keys[1], each, crashes),
        )
    targets = targets_of("SQLite", sqlite, each) | targets_of("PostgreSQL", server, each)
    for figures in (sqlite, server):
        print(figures["told"], figures["clients_back"], figures["wrong_samples"], flush=True)
    folder = EVIDENCE if kills >= WHOLE else ROOT / "var" / "evidence"
    return report(evidence.write(targets, {"sqlite": sqlite, "postgresql": server}, folder), targets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=WHOLE)
    parser.add_argument("--seed", type=int, default=4)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.kills, given.seed)))
