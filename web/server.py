"""Running uvicorn with what our clients need: long request lines, no compression, no tokens in logs."""

from __future__ import annotations

import uvicorn

from web.app import create_app
from web.assembly import Relay
from web.settings import Settings

MAX_REQUEST_LINE = 64 * 1024
"""The join of protocol v1 carries an offer in its query: it must get a 404, not a broken connection."""


def config_for(app: object, host: str, port: int) -> uvicorn.Config:
    """uvicorn's settings for one address."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        ws="websockets-sansio",
        ws_max_size=4 * 1024 * 1024,
        ws_per_message_deflate=False,
        ws_ping_interval=10.0,
        ws_ping_timeout=20.0,
        h11_max_incomplete_event_size=MAX_REQUEST_LINE,
        http="h11",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )


def serve_relay(settings: Settings) -> None:
    """Serve the relay alone until a signal ends it."""
    relay = Relay(settings)
    host = settings["bind"][0] if settings["bind"] else "0.0.0.0"
    uvicorn.Server(config_for(create_app(relay), host, settings["port"])).run()
