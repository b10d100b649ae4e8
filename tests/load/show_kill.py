"""Kill -9 at 200 random moments, on SQLite and PostgreSQL: the clients' own logs against what is stored."""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
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
SHORT = ROOT / "var" / "evidence"
Figures = dict[str, Any]
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


def merged(one: Any, other: Any, name: str = "") -> Any:
    """The figures of two pieces as one: numbers are added, lists joined; of *longest* the longer one."""
    if isinstance(one, dict):
        names = [*one, *(name for name in other if name not in one)]
        return {
            n: merged(one[n], other[n], n) if n in one and n in other else one.get(n, other.get(n))
            for n in names
        }
    return max(one, other) if name == "longest" else one + other


async def run_piece(kills: int, seed: int) -> Figures:
    """Both series with ``kills`` each, at the same time, on databases of their own."""
    crashes = kills // 5
    programs = _folder()
    if programs is None:
        raise SystemExit(MISSING)
    with tempfile.TemporaryDirectory() as name, Postgres(programs) as postgres:
        folder = Path(name)
        urls = [f"sqlite:///{folder / 'main.db'}", postgres.new_database()]
        # One after the other: Alembic keeps what it works on in names of its module.
        keys = [await make_city(url) for url in urls]
        sqlite, server = await asyncio.gather(
            Series(folder / "sqlite", urls[0], seed).run(keys[0], kills, 0),
            Series(folder / "postgresql", urls[1], seed + 1, postgres).run(keys[1], kills, crashes),
        )
    return {"sqlite": sqlite, "postgresql": server}


def piece_path(seed: int, number: int) -> Path:
    """Where the figures of one piece wait for the others."""
    return SHORT / f"kill-{seed}-{number}.json"


def main(kills: int, seed: int, pieces: int, only: int | None) -> int:
    """Run; the exit code. With ``only`` one piece is run and kept; its last one makes the whole."""
    each = kills // 2 // pieces
    evidence = Evidence("kill", kills=2 * each * pieces, postgresql_crashes=each // 5 * pieces, seed=seed)
    for number in range(pieces) if only is None else (only,):
        figures = asyncio.run(run_piece(each, seed + 10 * number))
        path = piece_path(seed, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"head": evidence.head, **figures}, ensure_ascii=False), "utf-8")
    paths = [piece_path(seed, number) for number in range(pieces)]
    if not all(path.exists() for path in paths):
        return 0
    kept = [json.loads(path.read_text("utf-8")) for path in paths]
    heads = [one.pop("head") for one in kept]
    whole = functools.reduce(merged, kept)
    targets = targets_of("SQLite", whole["sqlite"], each * pieces)
    targets |= targets_of("PostgreSQL", whole["postgresql"], each * pieces)
    for figures in whole.values():
        print(figures["told"], figures["clients_back"], figures["wrong_samples"], flush=True)
    whole["pieces"] = [{"commit": head["commit"], "begun": head["begun"]} for head in heads]
    for path in paths:
        path.unlink()
    return report(evidence.write(targets, whole, EVIDENCE if kills >= WHOLE else SHORT), targets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=WHOLE)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--pieces", type=int, default=4, help="each begins with empty databases")
    parser.add_argument(
        "--piece", type=int, help="run only this one, from 0; the last one that is run judges all"
    )
    given = parser.parse_args()
    sys.exit(main(given.kills, given.seed, given.pieces, given.piece))
