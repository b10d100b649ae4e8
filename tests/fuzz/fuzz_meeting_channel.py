"""Lines of a client of the meeting channel: nothing is raised, and every refusal is a message."""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "scheduler"))

from channel_world import CHAIR, World, site


def fuzz(data: bytes) -> None:
    """Each line is a frame, of the chair if it is even, else of a site."""
    world = World(2)
    pages = [world.page(CHAIR), world.page(site(1))]
    for number, line in enumerate(data.split(b"\n")[:40]):
        page = pages[number % 2]
        page.raw(line.decode("utf-8", "replace"))
        page.read()
    world.settle()
    for page in pages:
        assert page.mirror.closing or page.mirror.roster == world.live.hub.roster
    json.dumps(world.live.floor.snapshot())
    assert world.live.floor.state.broken_law() == ""
