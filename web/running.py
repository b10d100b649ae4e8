"""``diemcau relay`` and ``diemcau serve``: from settings to a running service, and to its end."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import structlog
from rich.console import Console

from web import logs
from web.assembly import Service
from web.assets import AssetsMissing
from web.certificates import existing
from web.limits import raise_descriptor_limit
from web.server import Listener, StartError, open_listener, run, serving, until_signal
from web.settings import Settings
from web.state import StateError
from web.tls import Tls
from web.version import VERSION

_log = structlog.get_logger(__name__)


def configure_logs(settings: Settings) -> None:
    """Logs as the settings say."""
    form = settings["log_format"]
    logs.configure(settings["log_level"], json=form == "json" or (form == "auto" and not sys.stderr.isatty()))


def run_service(settings: Settings, *, with_pages: bool, dev: bool = False) -> None:
    """Serve until a signal ends it. Raises StartError when that cannot begin."""
    configure_logs(settings)
    files, shortage = raise_descriptor_limit()
    if shortage:
        _log.warning("few_descriptors", advice=shortage)
    try:
        service = Service(settings, with_pages=with_pages)
    except (StateError, AssetsMissing, ValueError) as error:
        raise StartError(str(error)) from None
    listeners = _listeners(service, with_pages)
    try:
        run(lambda: _serve(service, listeners, files, dev))
    finally:
        for listener in listeners:
            listener.close()


def _listeners(service: Service, with_pages: bool) -> list[Listener]:
    settings = service.settings
    tls = None
    if settings["tls_certificate"]:
        tls = Tls(settings["tls_certificate"], settings["tls_key"])
    elif with_pages:
        tls = existing(service.state)
    if tls is not None:
        problem = tls.problem()
        if problem:
            raise StartError(problem)
    opened = [open_listener(settings["bind"], settings["port"])]
    if tls is not None and settings["https_port"]:
        try:
            opened.append(open_listener(settings["bind"], settings["https_port"], tls))
        except StartError:
            opened[0].close()
            raise
    return opened


async def _serve(service: Service, listeners: Sequence[Listener], files: int, dev: bool) -> None:
    https = next((listener.port for listener in listeners if listener.tls), 0)
    app = service.app(https, listeners[0].port)
    relay = service.relay
    lifespan = app.router.lifespan_context(app)
    async with serving(app, lifespan, listeners, service.half_open, relay.farewell):
        weak = relay.keys.weak_keys()
        if weak and not dev:
            _log.warning("weak_secret", keys=weak, advice="use 32 characters or more")
        _log.info(
            "started",
            version=VERSION,
            port=listeners[0].port,
            https_port=https,
            media=relay.media_addresses(),
            key=relay.api_key,
            descriptors=files,
        )
        if sys.stdout.isatty():
            show(service, listeners, dev)
        await until_signal()
        _log.info("stopping")
    _log.info("stopped")


def show(service: Service, listeners: Sequence[Listener], dev: bool) -> None:
    """Tell the person at the terminal where things are; no secret but LiveKit's public one."""
    console = Console(highlight=False)
    relay = service.relay
    bind = service.settings["bind"] or ["localhost"]
    console.print(f"[bold]Điểm Cầu {VERSION}[/]")
    for listener in listeners:
        scheme = "https" if listener.tls else "http"
        for host in bind:
            console.print(f"  {scheme}://{_host(host)}:{listener.port}", soft_wrap=True)
    for address in relay.media_addresses():
        console.print(f"  media on UDP {address}", soft_wrap=True)
    console.print(f"  API key {relay.api_key}" + ("  secret: secret" if dev else ""))
    if service.room is not None:
        console.print(f"  open room {service.room.title}: its link is what `diemcau link` prints")
    console.print("  Ctrl-C ends it.")


def _host(address: str) -> str:
    if address in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{address}]" if ":" in address else address
