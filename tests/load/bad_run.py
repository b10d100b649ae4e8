"""The whole show: a relay, a meeting in it, all attacks one after the other, and the judgement at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from load import bad_calls, bad_connections, bad_datagrams, bad_media, bad_sdp, bad_signal, bad_tokens
from load.bad_context import MEETING, Context, eventually
from load.load_server import ROOT, RelayServer
from web.limits import raise_descriptor_limit

GAP_LIMIT = 1.0
MEMORY_LIMIT = 32 * 1024 * 1024
"""Octets by which resident memory may be higher at the end than before.

*Before* is after a warm-up with 2,000 silent participants once: the allocator keeps most of that peak for
the next one. A leak shows by the second peak.
"""

WARM_UP = 0.03
SETTLE = 60.0

STATE = (
    "diemcau_rooms",
    "diemcau_participants",
    "diemcau_tracks",
    "diemcau_signal_sessions",
    "diemcau_transports",
    "diemcau_sources",
    "diemcau_subscriptions",
    "diemcau_half_open_connections",
    "diemcau_asyncio_tasks",
    "process_open_fds",
)
"""What must be back where it was."""

MEMORY = "process_resident_memory_bytes"


@dataclass(frozen=True)
class Row:
    """One judgement."""

    target: str
    measured: float
    met: bool


@dataclass
class Outcome:
    """What came out: judgements, figures of every attack, and sentences on what was wrong."""

    rows: dict[str, Row] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def meeting(server: RelayServer) -> AsyncIterator[dict[str, Any]]:
    """The meeting in a process of its own; its figures are in the dictionary afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "load.bad_meeting",
        server.url,
        MEETING,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
    )
    assert process.stdin is not None and process.stdout is not None, "pipes"  # noqa: PT018
    figures: dict[str, Any] = {}
    try:
        async with asyncio.timeout(60):
            first = await process.stdout.readline()
        if first != b"ready\n":
            raise RuntimeError(f"the meeting did not begin: {first!r}")
        yield figures
        process.stdin.close()
        async with asyncio.timeout(30):
            figures.update(json.loads(await process.stdout.readline()))
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _attacks(
    context: Context, ufrag: str, say: Callable[[str], None], parts: set[str]
) -> dict[str, Any]:
    attacks: dict[str, Callable[[], Any]] = {
        "tokens": lambda: bad_tokens.attack(context),
        "signalling": lambda: bad_signal.attack(context),
        "descriptions": lambda: bad_sdp.attack(context),
        "strangers' datagrams": lambda: bad_datagrams.attack(context, ufrag),
        "a participant's media and data": lambda: bad_media.attack(context),
        "RoomService": lambda: bad_calls.attack(context),
        "connections": lambda: bad_connections.attack(context),
    }
    figures: dict[str, Any] = {}
    for name, attack in attacks.items():
        if parts and name not in parts:
            continue
        began, cpu = time.monotonic(), context.server.cpu_seconds()
        figures[name] = {"began": round(time.time(), 1), **await attack()}
        figures[name]["seconds"] = round(time.monotonic() - began, 1)
        figures[name]["server cpu seconds"] = round(context.server.cpu_seconds() - cpu, 1)
        say(f"{name}: {figures[name]['seconds']} s, problems so far: {len(context.problems)}")
    return figures


async def run(
    folder: Path,
    share: float = 1.0,
    *,
    say: Callable[[str], None] = lambda text: None,
    parts: frozenset[str] = frozenset(),
    settle: float = SETTLE,
) -> Outcome:
    """Do it all. ``parts`` names the attacks to run, all by default."""
    outcome = Outcome()
    raise_descriptor_limit()
    with RelayServer(folder) as server:
        context = Context(server, share)
        async with meeting(server) as figures, bad_media.Traitor(context, "observer") as observer:
            ufrag = observer.server_ufrag
            await eventually(lambda: _everybody_is_seen(server.metrics()), 10)
            outcome.figures["resident at first"] = server.metrics()[MEMORY]
            if share > WARM_UP:
                await _warm_up(context, ufrag, parts, settle)
            before = await asyncio.to_thread(server.metrics)
            say(f"before: {_state(before)}")
            outcome.figures["attacks"] = await _attacks(context, ufrag, say, set(parts))
            after = await _settled(server, before, settle)
            say(f"after: {_state(after)}")
        outcome.figures |= {"meeting": figures, "before": _state(before), "after": _state(after)}
        _judge_state(outcome, before, after)
        _judge_meeting(outcome, figures)
        _judge_log(outcome, server.tail(10**9))
    outcome.problems += context.problems
    outcome.figures["problems"] = outcome.problems
    outcome.rows["answers that were wrong"] = Row("0", len(context.problems), not context.problems)
    return outcome


async def _warm_up(context: Context, ufrag: str, parts: frozenset[str], settle: float) -> None:
    """A little of everything, and the highest peak once."""
    warm = Context(context.server, WARM_UP)
    await _attacks(warm, ufrag, lambda text: None, set(parts) - {"connections"} or _WARM)
    context.problems += [f"warm-up: {problem}" for problem in warm.problems]
    await bad_connections.silent(context)
    await eventually(lambda: _only_the_meeting(context.server.metrics()), settle)


def _only_the_meeting(metrics: dict[str, float]) -> bool:
    return metrics["diemcau_rooms"] == 1 and metrics["diemcau_participants"] <= 3


_WARM = {"tokens", "signalling", "descriptions", "strangers' datagrams", "RoomService"}


def _everybody_is_seen(metrics: dict[str, float]) -> bool:
    """Three participants with five tracks, each of which the two others receive."""
    return metrics["diemcau_tracks"] >= 5 and metrics["diemcau_subscriptions"] >= 10


def _state(metrics: dict[str, float]) -> dict[str, float]:
    return {name: metrics[name] for name in (*STATE, MEMORY)}


async def _settled(server: RelayServer, before: dict[str, float], within: float) -> dict[str, float]:
    """The metrics once all is back, or when time is over."""

    def back() -> bool:
        now = server.metrics()
        return all(now[name] <= before[name] for name in STATE)

    await eventually(back, within)
    return await asyncio.to_thread(server.metrics)


def _judge_state(outcome: Outcome, before: dict[str, float], after: dict[str, float]) -> None:
    for name in STATE:
        outcome.rows[name] = Row(
            f"at most {before[name]:g}, as before", after[name], after[name] <= before[name]
        )
    grown = after[MEMORY] - before[MEMORY]
    outcome.rows["memory grown, octets"] = Row(f"below {MEMORY_LIMIT}", grown, grown < MEMORY_LIMIT)


def _judge_meeting(outcome: Outcome, figures: dict[str, Any]) -> None:
    people = [person for person in figures.values() if isinstance(person, dict)]
    longest = max(track["longest_gap"] for person in people for track in person["tracks"].values())
    outcome.rows["longest gap of the meeting, s"] = Row(f"below {GAP_LIMIT}", longest, longest < GAP_LIMIT)
    troubles = [trouble for person in people for trouble in person["troubles"]]
    outcome.rows["reconnects and ends in the meeting"] = Row("0", len(troubles), not troubles)
    outcome.problems += troubles


def _judge_log(outcome: Outcome, log: str) -> None:
    bad = [
        line
        for line in log.splitlines()
        if "Traceback" in line or "never retrieved" in line or '"level": "error"' in line
    ]
    outcome.rows["errors and tracebacks in the log"] = Row("0", len(bad), not bad)
    outcome.problems += [line[:1500] for line in bad[:10]]
    outcome.figures["log lines"] = len(log.splitlines())
