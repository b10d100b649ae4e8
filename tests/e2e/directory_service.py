"""The whole service on free ports of this machine, with Hanoi's 579 sites, some of hostile names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from signed_in import NOW, World

from directory import endpoints, groups
from directory.devices import add_device
from directory.endpoints import Details, NewEndpoint
from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites
from web.assembly import Service
from web.server import open_listener, serving
from web.settings import load

HOSTILE = (
    "Tổ 5 <img src=x onerror=alert(1)>",
    "{{ 7*7 }}",
    'Giao ban <b>tuần</b> & "quý" </td><a href=https://x>bấm</a>',
    "Điểm cầu có tên rất dài " + "Mộtchữkhôngcókhoảngtrắngnàocả" * 5,
)


async def _fill(world: World) -> None:
    async with world.database.write() as session:
        await load_hanoi_units(session)
        await load_main_sites(session, SINCE_2021)
        site = await endpoints.by_code(session, "00004")
        for number, name in enumerate(HOSTILE, 2):
            new = NewEndpoint(f"00004-{number}", site.unit_id, Details(name, "tslcd", "mobile", name[:100]))
            await endpoints.create(session, new, by="cli:test", now=NOW)
        hostile = await endpoints.by_code(session, "00004-2")
        await endpoints.change(
            session, hostile.id, version=1, commissioning="installed", by="cli:test", now=NOW
        )
        await add_device(session, hostile.id, "camera", HOSTILE[0], "S1", version=2, by="cli:test", now=NOW)
        members = [view.id for view in (await endpoints.views(session))[:9]]
        await groups.create(session, HOSTILE[2], members, by="cli:test", now=NOW)


@contextlib.asynccontextmanager
async def directory_service(folder: Path) -> AsyncIterator[tuple[str, World]]:
    """The address at which it answers, and what it stands on."""
    settings = load(
        environment={},
        overrides={
            "bind": ["127.0.0.1"],
            "port": 0,
            "udp_port": 0,
            "https_port": 0,
            "loopback": True,
            "state_dir": str(folder / "state"),
        },
    )
    service = Service(settings, with_pages=True)
    listener = open_listener(["127.0.0.1"], 0)
    app = service.app(port=listener.port)

    async def farewell() -> None:
        await asyncio.sleep(0)

    with contextlib.closing(listener):
        async with serving(app, app.router.lifespan_context(app), [listener], service.half_open, farewell):
            world = World(service)
            await _fill(world)
            yield f"http://localhost:{listener.port}", world
