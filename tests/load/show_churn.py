"""Two hundred joins and leaves with media in a minute: memory and descriptors stay where they were.

Fifty visits first, so that caches, pools and the allocator have their size; then phases of two hundred.
CPython collects old cycles once they are a quarter of all (gc, *generation 2*), so after the first phase a
tenth of the process may be garbage; a second phase tells that from a leak.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load.load_churn import Churn, Visits
from load.load_evidence import Evidence, judge, report
from load.load_server import RelayServer

WARM_UP = 50
VISITS = 200
MINUTE = 60.0
GROWTH = 0.10
"""Share of the memory after the warm-up by which the first 200 visits may leave it larger."""

FURTHER = 2 * 1024 * 1024
"""Bytes that any further 200 visits may add: 10 kB a visit; a session that is kept is over 100 kB."""


def summary(visits: Visits, took: float) -> dict[str, Any]:
    """A phase in numbers."""
    return {
        "visits": len(visits.seconds),
        "took_seconds": round(took, 2),
        "visit_median_seconds": round(statistics.median(visits.seconds), 3),
        "visit_worst_seconds": round(max(visits.seconds), 3),
        "errors": visits.errors,
    }


async def main(phases: int, gap: float) -> int:
    """Run; the exit code."""
    evidence = Evidence("churn", warm_up=WARM_UP, visits=VISITS, phases=phases, gap_seconds=gap)
    loop = asyncio.get_running_loop()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, RelayServer(Path(folder)) as server:
        async with Churn(server) as churn:
            for count in [WARM_UP, *([VISITS] * phases)]:
                print(f"{count} visits …", flush=True)
                begun = loop.time()
                cpu = server.cpu_seconds()
                visits = await churn.visits(count, gap)
                took = loop.time() - begun
                row = summary(visits, took) | {"relay_cpu_seconds": round(server.cpu_seconds() - cpu, 2)}
                rows.append(row | {"relay": await churn.settled()})
                print(rows[-1], flush=True)
    memory = [float(row["relay"]["rss_bytes"]) for row in rows]
    descriptors = [float(row["relay"]["open_fds"]) for row in rows]
    growth = round(memory[1] / memory[0] - 1, 4)
    failed = sum(len(row["errors"]) for row in rows)
    took = max(row["took_seconds"] for row in rows[1:])
    targets = {
        "visits that failed": judge(failed, "0", failed == 0),
        "seconds for 200 visits": judge(took, "at most 65", took <= 65),
        "growth of memory over the first 200": judge(growth, f"under {GROWTH}", growth < GROWTH),
        "growth of descriptors": judge(
            descriptors[-1] - descriptors[0], "0", descriptors[-1] <= descriptors[0]
        ),
    }
    if phases > 1:
        more = max(after - before for before, after in itertools.pairwise(memory[1:]))
        targets["bytes added by a further 200"] = judge(more, f"under {FURTHER}", more < FURTHER)
    return report(evidence.write(targets, {"phases": rows}), targets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phases", type=int, default=2, help="phases of 200 visits")
    parser.add_argument("--gap", type=float, default=MINUTE / VISITS, help="seconds between two joins")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.phases, given.gap)))
