"""The whole service on free ports of this machine, with people of each role and Hanoi's sites."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from signed_in import PASSWORD, World

from web.assembly import Service
from web.server import open_listener, serving
from web.settings import load


@contextlib.asynccontextmanager
async def people_service(folder: Path) -> AsyncIterator[tuple[str, World]]:
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
            await world.sites()
            await world.person("quan.tri", "Trần Thị Quản", roles=("administrator",), password=PASSWORD)
            await world.person("thu.ky", "Nguyễn Hồng Ánh", roles=("secretary",), password=PASSWORD)
            await world.person(
                "moi", "Đỗ Văn Mới", roles=("official",), password="tam-thoi-123", must_change=True
            )
            for number in range(40):
                await world.person(f"nguoi{number:02}", f"Nguyễn Văn Thứ {number:02}", roles=("official",))
            yield f"http://localhost:{listener.port}", world
