"""A WebSocket cut, a port changed, the server killed: what stops, and how soon everybody is back.

Each incident is repeated. Nobody presses anything: what comes back comes back by the page's and the client's
own rules.
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
from load import load_recovery as recovery
from load.load_evidence import Evidence, judge, report
from load.load_server import RelayServer

GOES_ON = 1.0
"""Longest silence, in seconds, that still counts as *frames go on* on a shared machine."""
MOVED = 2.0
DOWNTIMES = [0.0, 2.0, 5.0, 10.0, 20.0]


def worst(rows: list[dict[str, Any]]) -> float:
    """The longest silence of all repetitions, in either direction."""
    return max(max(row["longest_silence_down"], row["longest_silence_up"]) for row in rows)


async def main(repetitions: int) -> int:
    """Run; the exit code."""
    downtimes = (DOWNTIMES * repetitions)[:repetitions]
    evidence = Evidence("recovery", repetitions=repetitions, downtimes=downtimes)
    figures: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with RelayServer(folder / "relay") as server:
            async with people.browser() as chromium:
                for number in range(repetitions):
                    print(f"repetition {number + 1} …", flush=True)
                    for what, row in (
                        ("client_signal_cut", await recovery.client_signal_cut(server)),
                        ("browser_signal_cut", await recovery.browser_signal_cut(chromium, server)),
                        ("client_port_moved", await recovery.client_port_moved(server)),
                        (
                            "clients_behind_moved_ports",
                            await recovery.clients_behind_moved_ports(folder / f"clients-{number}"),
                        ),
                        (
                            "browser_port_moved",
                            await recovery.browser_port_moved(chromium, folder / f"moved-{number}"),
                        ),
                    ):
                        figures.setdefault(what, []).append(row)
                        print(what, row, flush=True)
        service = folder / "service"
        service.mkdir()
        print("the server is killed …", flush=True)
        figures["server_killed"] = await recovery.server_killed(service, downtimes)
        for row in figures["server_killed"]:
            print(row, flush=True)
    targets = {}
    for what, limit in (
        ("client_signal_cut", GOES_ON),
        ("browser_signal_cut", GOES_ON),
        ("client_port_moved", MOVED),
        ("clients_behind_moved_ports", MOVED),
        ("browser_port_moved", MOVED),
    ):
        longest = worst(figures[what])
        targets[f"{what}: longest silence"] = judge(longest, f"under {limit} s", longest < limit)
        same = sum(not row["same_connection"] for row in figures[what])
        targets[f"{what}: connections lost"] = judge(same, "0", same == 0)
    last = max(row["all_back"] for row in figures["server_killed"])
    targets["server_killed: all back"] = judge(
        last, f"within {recovery.BACK_WITHIN} s of listening", last <= recovery.BACK_WITHIN
    )
    return report(evidence.write(targets, figures), targets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.repetitions)))
