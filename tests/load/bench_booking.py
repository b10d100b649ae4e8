"""Booking 579 sites, and looking for conflicts among 100,000 bookings, on SQLite and PostgreSQL.

The server's time for the form, from the request to the answer, in this process: reading the form, the rights,
the plan, the transaction and the page. The look for one slot is that of one site and one chair. Beside each
figure stands the same against the bookings of twelve days: on a busy machine their ratio says more.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from booking_world import CHAIR, NOW, SECRETARY, World, booking_world, plan
from databases import MISSING, PostgresServer, _folder
from sqlalchemy import delete, event, func, insert, select, text
from starlette.applications import Starlette

from directory.database import Database
from directory.model import Person
from load.load_evidence import EVIDENCE, ROOT, Evidence, judge, report
from media.clock import monotonic
from scheduler import booking
from scheduler.calendar import free_times
from scheduler.localtime import format_date, local
from scheduler.model import Invitation, Meeting, Slot
from scheduler.planning import WorkingHours

WHOLE = 100_000
"""Stored bookings of a run whose figures are kept as evidence; those of a smaller one go to ``var``."""
SITES = 579
ONE_SLOT = 0.050
WHOLE_CITY = 1.0
RATIO = 3.0
"""How much longer a look among all bookings may take than among few: an index has one level more."""
FEW_DAYS = 12
ROWS = 2_000
"""Of one insertion."""
FIRST_CHAIR = 1_000


async def store(database: Database, bookings: int, sites: list[int]) -> None:
    """Published meetings of one site each, an hour each, every day, before and after today."""
    days = -(-bookings // len(sites))
    meetings, invitations, slots = [], [], []
    for number in range(bookings):
        day, place = divmod(number, len(sites))
        start = NOW + timedelta(days=day - days // 2)
        identity, chair = f"{number:012x}", FIRST_CHAIR + place
        times = {"starts_at": start, "ends_at": start + timedelta(hours=1)}
        meetings.append(
            {
                "id": identity,
                "title": f"Họp {number}",
                "kind": "briefing",
                "state": "published",
                "chair_id": chair,
                "secretary_id": SECRETARY,
                "zone": "Asia/Ho_Chi_Minh",
                "room": f"meeting-{number:024x}",
                "created_at": NOW,
                "created_by": "service",
                **times,
            }
        )
        invitations.append({"meeting_id": identity, "endpoint_id": sites[place]})
        taken = booking.site_resource(sites[place]), booking.person_resource(chair)
        slots += [{"meeting_id": identity, "resource": resource, **times} for resource in taken]
    async with database.write() as session:
        known = select(func.count()).select_from(Person).where(Person.id >= FIRST_CHAIR)
        if not await session.scalar(known):
            people = [
                {"id": FIRST_CHAIR + n, "login": f"c{n}", "name": f"Ông {n}", "search": f"ong {n}"}
                for n in range(len(sites))
            ]
            await session.execute(insert(Person), people)
    for table, rows in ((Meeting, meetings), (Invitation, invitations), (Slot, slots)):
        for at in range(0, len(rows), ROWS):
            async with database.write() as session:
                await session.execute(insert(table), rows[at : at + ROWS])
    async with database.engine.connect() as connection:
        # What a database that has run for weeks has by itself.
        await connection.execute(text("ANALYZE"))
        await connection.commit()


async def timed(work: Callable[[int], Awaitable[object]], times: int) -> list[float]:
    """Seconds of each run; one before them is not counted."""
    seconds = []
    for number in range(-1, times):
        began = monotonic()
        await work(number)
        seconds.append(monotonic() - began)
    return seconds[1:]


def figures_of(seconds: list[float]) -> dict[str, float]:
    """Milliseconds: the middle one, the one that 95 of 100 stay below, the slowest."""
    ordered = sorted(1000 * value for value in seconds)
    return {
        "median_ms": round(statistics.median(ordered), 2),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
        "most_ms": round(ordered[-1], 2),
    }


async def looks(database: Database, sites: list[int], chance: random.Random) -> dict[str, dict[str, float]]:
    """The looks for conflicts and free times."""

    def wanted(number: int, *, free: bool, endpoints: frozenset[int]) -> booking.Plan:
        start = NOW + timedelta(days=chance.randrange(1, FEW_DAYS // 2), minutes=90 if free else 30)
        return plan(start, 0.75, endpoint_ids=endpoints, chair_id=FIRST_CHAIR + chance.randrange(len(sites)))

    async def one(number: int) -> None:
        free = number % 2 == 0
        asked = wanted(number, free=free, endpoints=frozenset({chance.choice(sites)}))
        async with database.read() as session:
            found = await booking.conflicts(session, asked)
        if bool(found) is free:
            raise RuntimeError("the look was wrong")

    async def city(number: int) -> None:
        asked = wanted(number, free=False, endpoints=frozenset(sites))
        async with database.read() as session:
            await booking.conflicts(session, asked, most=2_500)

    async def free(number: int) -> None:
        asked = wanted(number, free=False, endpoints=frozenset(sites))
        async with database.read() as session:
            await free_times(session, asked, WorkingHours(), NOW)

    return {
        "one slot": figures_of(await timed(one, 100)),
        "579 sites": figures_of(await timed(city, 10)),
        "free times of 579 sites": figures_of(await timed(free, 5)),
    }


async def forms(app: Starlette, codes: list[str]) -> dict[str, dict[str, float]]:
    """The form for all sites: booked, and refused with sentences and free times."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

        async def save(number: int, begin: str, status: int) -> None:
            day = local(NOW + timedelta(days=11 + number)).date()
            fields: dict[str, Any] = {
                "csrf": "token",
                "title": f"Giao ban toàn thành phố {number}",
                "kind": "briefing",
                "chair_id": str(CHAIR),
                "secretary": str(SECRETARY),
                "day": format_date(day),
                "begin": begin,
                "minutes": "45",
                "sites": codes,
                "do": "publish",
            }
            kind = {"content-type": "application/x-www-form-urlencoded"}
            body = urlencode(fields, doseq=True)
            answer = await client.post("/meetings/new", content=body, headers=kind)
            if answer.status_code != status:
                raise RuntimeError(f"the form was answered with {answer.status_code}")

        booked = await timed(lambda number: save(number, "06:30", 303), 15)
        refused = await timed(lambda number: save(number, "06:45", 409), 15)
    return {"booked": figures_of(booked), "refused": figures_of(refused)}


async def explained(database: Database, sites: list[int]) -> list[str]:
    """How the database looks for one slot: the plan of the very statement that is sent."""
    sent: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM slot" in statement:
            sent.append((statement, parameters))

    engine = database.engine
    event.listen(engine.sync_engine, "before_cursor_execute", listen)
    async with database.write() as session:
        await booking.conflicts(session, plan(endpoint_ids=frozenset({sites[0]})))
        connection = await session.connection()
        statement, parameters = sent[0]
        how = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)"
        rows = (await connection.exec_driver_sql(f"{how} {statement}", parameters)).all()
    event.remove(engine.sync_engine, "before_cursor_execute", listen)
    return [str(row[-1]) for row in rows]


async def measure(url: str, bookings: int) -> dict[str, Any]:
    """All figures on one database: with those of twelve days, then with all."""
    async with booking_world(url) as world:
        codes = sorted(world.site_ids)[:SITES]
        sites = [world.site_ids[code] for code in codes]
        await store(world.database, FEW_DAYS * len(sites), sites)
        figures: dict[str, Any] = {"looks among few": await looks(world.database, sites, random.Random(4))}
        await _empty(world)
        began = monotonic()
        await store(world.database, bookings, sites)
        figures["stored"] = {"bookings": bookings, "seconds": round(monotonic() - began, 1)}
        figures["looks"] = await looks(world.database, sites, random.Random(4))
        figures["forms"] = await forms(world.app(), codes)
        figures["plan of one slot"] = await explained(world.database, sites)
    return figures


async def _empty(world: World) -> None:
    async with world.database.write() as session:
        for table in (Slot, Invitation, Meeting):
            await session.execute(delete(table))


def targets_of(name: str, figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The judgements of one database."""
    one, few = (figures[what]["one slot"] for what in ("looks", "looks among few"))
    ratio = round(one["median_ms"] / few["median_ms"], 2)
    targets = {
        f"{name}: one slot, 95 of 100 looks (ms)": judge(
            one["p95_ms"], f"< {1000 * ONE_SLOT:.0f}", one["p95_ms"] < 1000 * ONE_SLOT
        ),
        f"{name}: one slot, all bookings against those of twelve days": judge(
            ratio, f"< {RATIO} times", ratio < RATIO
        ),
    }
    for what in ("booked", "refused"):
        most = figures["forms"][what]["p95_ms"]
        targets[f"{name}: the form for 579 sites, {what} (ms)"] = judge(
            most, f"< {1000 * WHOLE_CITY:.0f}", most < 1000 * WHOLE_CITY
        )
    return targets


async def main(bookings: int) -> int:
    """Run; the exit code."""
    evidence = Evidence("bench_booking", bookings=bookings, sites=SITES)
    programs = _folder()
    if programs is None:
        raise SystemExit(MISSING)
    figures: dict[str, Any] = {}
    targets: dict[str, dict[str, Any]] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(PostgresServer(programs))
        for name, url in (
            ("SQLite", f"sqlite:///{folder / 'main.db'}"),
            ("PostgreSQL", server.new_database()),
        ):
            figures[name] = await measure(url, bookings)
            print(name, figures[name], flush=True)
            targets |= targets_of(name, figures[name])
    kept = EVIDENCE if bookings >= WHOLE else ROOT / "var" / "evidence"
    return report(evidence.write(targets, figures, kept), targets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=WHOLE)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.bookings)))
