"""Fixtures of the application's tests: built pages that are small, settings, a service on free ports."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from booking_world import booking_world
from signed_in import World

from web.assembly import Service
from web.settings import Settings, load

ROOM = "giao-ban"
ROOM_KEY = "chìa-khóa-phòng"
SECRET = "a-secret-of-the-tests-with-enough-characters"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as `vite build` leaves it."""
    folder = tmp_path / "built"
    (folder / ".vite").mkdir(parents=True)
    (folder / "assets").mkdir()
    manifest = {
        "src/main.ts": {"file": "assets/main-1a2b.js", "css": ["assets/main-3c4d.css"], "isEntry": True},
        "src/start.ts": {"file": "assets/start-5e6f.js", "isEntry": True},
        "src/site.ts": {"file": "assets/site-7a8b.js", "isEntry": True},
        "src/site-kiosk/main.ts": {"file": "assets/kiosk-9c0d.js", "isEntry": True},
        "src/site-kiosk/worker.ts": {"file": "assets/worker-5a6b.js", "isEntry": True},
        "src/room.ts": {"file": "assets/room-1e2f.js", "css": ["assets/room-3a4b.css"], "isEntry": True},
    }
    (folder / ".vite" / "manifest.json").write_text(json.dumps(manifest))
    (folder / "assets" / "main-1a2b.js").write_text("export const meeting = 1;\n" * 50)
    (folder / "assets" / "main-3c4d.css").write_text("body { margin: 0 }\n")
    (folder / "assets" / "start-5e6f.js").write_text("export const start = 1;\n")
    (folder / "assets" / "site-7a8b.js").write_text("export const site = 1;\n")
    (folder / "assets" / "kiosk-9c0d.js").write_text("export const kiosk = 1;\n")
    (folder / "assets" / "worker-5a6b.js").write_text("addEventListener('fetch', () => {});\n")
    (folder / "assets" / "room-1e2f.js").write_text("export const room = 1;\n")
    (folder / "assets" / "room-3a4b.css").write_text("body { margin: 0 }\n")
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a service on loopback with an open room."""
    return load(
        environment={},
        overrides={
            "bind": ["127.0.0.1"],
            "port": 0,
            "udp_port": 0,
            "api_key": "key",
            "api_secret": SECRET,
            "open_room": ROOM,
            "open_room_title": "Giao ban",
            "open_room_key": ROOM_KEY,
            "state_dir": str(tmp_path / "state"),
        },
    )


@pytest_asyncio.fixture
async def service(settings: Settings, built: Path) -> AsyncIterator[Service]:
    """A service whose parts run, without sockets for HTTP."""
    service = Service(settings, with_pages=True, built=built)
    app = service.app()
    async with app.router.lifespan_context(app):
        service.asgi = app  # type: ignore[attr-defined]
        yield service


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Put logging back after a test that configures it."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets", "httpx", "httpcore", "asyncio")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:], level = before
    root.setLevel(level)
    for name, kept in levels.items():
        logging.getLogger(name).setLevel(kept)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def world(service: Service) -> World:
    """People and sites of the running service, made when they are first asked for."""
    return World(service)


@pytest.fixture(scope="session")
def filled_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a city of 579 sites and its people, to be copied."""
    path = tmp_path_factory.mktemp("city") / "main.db"

    async def fill() -> None:
        async with booking_world(f"sqlite:///{path}"):
            pass

    asyncio.run(fill())
    return path


@pytest.fixture
def server_in_utc() -> Iterator[None]:
    """FC-c10: the server's own zone says nothing."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
