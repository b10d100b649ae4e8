"""Flash and beep behind the relay: less than 45 ms apart, in our client and in Chromium."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load import load_lipsync as lips
from load import load_people as people
from load.load_evidence import Evidence, judge, report
from load.load_server import RelayServer


def judgements(name: str, found: list[float], seconds: float) -> dict[str, dict[str, Any]]:
    """Whether there is an offset for nearly each second, and all of them are within the limit."""
    worst = round(max(found, key=abs, default=99.0), 4)
    median = round(statistics.median(found), 4) if found else 99.0
    return {
        f"{name}: offsets": judge(len(found), f"at least {seconds * 0.7:g}", len(found) >= seconds * 0.7),
        f"{name}: median": judge(median, f"under {lips.LIMIT} s", abs(median) < lips.LIMIT),
        f"{name}: worst": judge(worst, f"under {lips.LIMIT} s", abs(worst) < lips.LIMIT),
    }


async def main(seconds: float) -> int:
    """Run; the exit code."""
    evidence = Evidence("lipsync", seconds=seconds)
    with tempfile.TemporaryDirectory() as folder, RelayServer(Path(folder)) as server:
        sinks = await lips.in_client(server, seconds)
        async with people.browser() as chromium:
            page = await lips.in_browser(chromium, server, seconds)
    targets = judgements("client", sinks, seconds) | judgements("browser", page["offsets"], seconds)
    targets |= judgements("browser's own account", page["estimated_offsets"], seconds)
    return report(evidence.write(targets, {"client": {"offsets": sinks}, "browser": page}), targets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.seconds)))
