"""Five per cent of all datagrams lost each way: pictures do not freeze, sound is hardly concealed.

Three runs, each in a room of its own: without loss (what the machine itself does); our client publishes on a
clean line and Chromium receives through the loss; and Chromium publishes and another Chromium page receives,
both through the loss, so that a packet has two lines on which to be lost.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load import load_people as people
from load.load_evidence import Evidence, report
from load.load_loss import LOSS, VIDEO, Figures, judgements, measure

RUNS = {
    "no_loss": {"loss": 0.0, "browser_publishes": False},
    "viewer": {"loss": LOSS, "browser_publishes": False},
    "both": {"loss": LOSS, "browser_publishes": True},
}


async def main(seconds: float, names: list[str]) -> int:
    """All runs; the exit code."""
    evidence = Evidence("loss", seconds=seconds, runs={name: RUNS[name] for name in names}, video=list(VIDEO))
    figures: dict[str, Figures] = {}
    targets: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with people.browser() as chromium:
            for name in names:
                print(f"{name}: {seconds:g} s …", flush=True)
                run = RUNS[name]
                figures[name] = await measure(
                    chromium,
                    Path(folder) / name,
                    seconds=seconds,
                    loss=float(run["loss"]),
                    browser_publishes=bool(run["browser_publishes"]),
                )
                if run["loss"]:
                    targets |= judgements(name, figures[name])
    return report(evidence.write(targets, figures), targets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--run", action="append", choices=RUNS, help="only this one; may be given again")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.seconds, given.run or list(RUNS))))
