"""Forty sites publish; forty clients watch nine of them each, at the lowest layer, and hear three.

Publishers and watchers are processes of their own, so the relay's processor time is the relay's alone. What
is reported is its processor time for each forwarded packet, and whether everybody got everything.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load.load_evidence import ROOT, Evidence, judge, report
from load.load_forty import FPS, HEARD, LAYERS, WATCHED
from load.load_server import RelayServer

COUNTED = ("packets_in", "packets_out", "retransmitted", "plis_sent", "udp_received", "udp_sent")
STALE = 2.0
"""Seconds without a packet after which a track counts as standing still."""
COMPLETE = 0.95
"""Share of the packets of the fullest copy of the same track, which each copy must have."""


class Workers:
    """The processes of clients."""

    def __init__(self, url: str, role: str, count: int, processes: int, publishers: int) -> None:
        self._made: list[subprocess.Popen[str]] = []
        share, more = divmod(count, processes)
        first = 0
        for index in range(processes):
            size = share + (index < more)
            command = [sys.executable, str(Path(__file__).with_name("load_forty.py")), role, url]
            command += ["--first", str(first), "--count", str(size), "--publishers", str(publishers)]
            first += size
            self._made.append(
                subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
                )
            )

    def _line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None, "opened with pipes"
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process of clients ended with {process.wait()}")
        return line

    def wait_ready(self) -> None:
        """Return once all are in."""
        for process in self._made:
            if (line := self._line(process).strip()) != "ready":
                raise RuntimeError(f"unexpected: {line}")

    def ask(self) -> list[dict[str, Any]]:
        """Totals of all processes, asked for at the same time."""
        for process in self._made:
            assert process.stdin is not None, "opened with pipes"
            process.stdin.write("report\n")
            process.stdin.flush()
        return [json.loads(self._line(process)) for process in self._made]

    def close(self) -> None:
        """End of their input: they leave."""
        for process in self._made:
            if process.stdin is not None:
                process.stdin.close()
        for process in self._made:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def gains(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each watcher's tracks gained between two reports."""
    rows = []
    for old, new in zip(before, after, strict=True):
        for identity, tracks in new["watchers"].items():
            earlier = {track["sid"]: track for track in old["watchers"][identity]}
            for track in tracks:
                gained = track["packets"] - earlier.get(track["sid"], {"packets": 0})["packets"]
                rows.append({"watcher": identity, **track, "gained": gained})
    return rows


def main(count: int, seconds: float) -> int:
    """Run; the exit code."""
    evidence = Evidence(
        "forty",
        publishers=count,
        watchers=count,
        watched=WATCHED,
        heard=HEARD,
        layers=[list(layer) for layer in LAYERS],
        fps=FPS,
        seconds=seconds,
    )
    with tempfile.TemporaryDirectory() as folder, RelayServer(Path(folder)) as server:
        sites = watchers = None
        begun = time.monotonic()
        try:
            sites = Workers(server.url, "publish", count, 1, count)
            sites.wait_ready()
            watchers = Workers(server.url, "watch", count, 2 if count > 10 else 1, count)
            watchers.wait_ready()
            joined = time.monotonic() - begun
            print(f"all in after {joined:.1f} s; counting for {seconds:g} s …", flush=True)
            time.sleep(5.0)  # Joining is not what is measured.
            first, reports, cpu, begun = (
                server.metrics(),
                watchers.ask(),
                server.cpu_seconds(),
                time.monotonic(),
            )
            time.sleep(seconds)
            last, later = server.metrics(), watchers.ask()
            cpu, elapsed = server.cpu_seconds() - cpu, time.monotonic() - begun
            memory = server.process().memory_info().rss
            clients_cpu = sum(
                new["cpu_seconds"] - old["cpu_seconds"] for old, new in zip(reports, later, strict=True)
            )
        finally:
            for workers in (watchers, sites):
                if workers is not None:
                    workers.close()
    counted = {name: last.get(name, 0) - first.get(name, 0) for name in COUNTED}
    rows = gains(reports, later)
    best: dict[str, int] = {}
    for row in rows:
        best[row["sid"]] = max(best.get(row["sid"], 0), row["gained"])
    standing = [row for row in rows if row["since_last"] > STALE or not row["gained"]]
    short = [row for row in rows if row["gained"] < COMPLETE * best[row["sid"]]]
    expected = count * (WATCHED + HEARD)
    microseconds = round(cpu / counted["packets_out"] * 1e6, 2) if counted["packets_out"] else 0.0
    figures = {
        "joined_seconds": round(joined, 2),
        "seconds": round(elapsed, 2),
        "relay_cpu_seconds": round(cpu, 3),
        "relay_cpu_share_of_a_core": round(cpu / elapsed, 3),
        "cpu_microseconds_per_forwarded_packet": microseconds,
        "packets_in_per_second": round(counted["packets_in"] / elapsed, 1),
        "packets_out_per_second": round(counted["packets_out"] / elapsed, 1),
        "relay_rss_bytes": memory,
        "watchers_cpu_seconds": round(clients_cpu, 2),
        "loop_lag_worst_seconds": last.get("diemcau_loop_lag_worst_seconds"),
        "counted": counted,
        "dropped": {n: last[n] - first.get(n, 0) for n in last if "drop" in n or "full" in n},
        "packets_missing": sum(row["missing"] for row in rows),
        "tracks": rows,
    }
    targets = {
        "copies that flow": judge(
            len(rows) - len(standing), f"{expected}", len(rows) == expected and not standing
        ),
        "copies short of packets": judge(len(short), "0", not short),
    }
    code = report(evidence.write(targets, figures), targets)
    print(json.dumps({name: value for name, value in figures.items() if name != "tracks"}, indent=1))
    return code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    sys.exit(main(given.count, given.seconds))
