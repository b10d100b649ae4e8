"""A process of its own that books meetings which are due in seconds, on the service's database.

The form of the pages knows minutes, so this stands for the offices that book at the last moment. What it was
answered stands in its log, one line in one write, after the commit; it is killed as the service is.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from directory.database import Database
from directory.errors import DirectoryError
from load.kill_city import CHAIRS, NEAR_SITES
from scheduler import booking
from scheduler.booking import Plan
from scheduler.errors import SchedulerError

EVERY = 0.7
"""Seconds between two bookings, about."""


async def main(url: str, path: str, word: str, longest: float) -> None:
    """Book until killed. ``word`` begins the titles, and is the seed; ``longest`` is in seconds."""
    chance = random.Random(word)
    database = Database(url)
    output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def tell(what: str, title: str, **more: object) -> None:
        os.write(output, (json.dumps({"what": what, "title": title, **more}) + "\n").encode())

    for number in itertools.count(1):
        await asyncio.sleep(chance.uniform(0.5 * EVERY, 1.5 * EVERY))
        now = datetime.now(UTC)
        start = now + timedelta(seconds=chance.uniform(1.0, 6.0))
        end = start + timedelta(seconds=chance.uniform(longest / 3, longest))
        sites = frozenset(chance.sample(NEAR_SITES, chance.randint(1, 3)))
        chair = chance.choice(CHAIRS)
        title = f"{word}-{number}"
        plan = Plan(title, "briefing", chair, 4, start, end, "Asia/Ho_Chi_Minh", "", sites)
        times = {"starts_at": start.isoformat(), "ends_at": end.isoformat()}
        tell("asks", title, **times, sites=sorted(sites), chair=chair)
        try:
            async with database.write() as session:
                made = await booking.create(session, plan, by="person:4", now=now)
                await booking.publish(session, made.id, version=1, by="person:4", now=now)
        except SchedulerError:
            tell("refused", title)
        except DirectoryError:
            # Whether it was committed is not known: no line.
            continue
        else:
            tell("booked", title, id=made.id)


if __name__ == "__main__":
    address, log, name, most = sys.argv[1:5]
    asyncio.run(main(address, log, name, float(most)))
