"""The command line, ``diemcau``: the servers; other commands are in ``web.cli_tools``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from web import cli_demo, cli_directory, cli_tools, kiosk_policy
from web.cli_common import ConfigOption, fail, load_settings
from web.version import VERSION

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # They show local variables, which may be secrets.
    help="Video meetings for a city and its communes.",
)

Bind = Annotated[list[str] | None, typer.Option(help="Address to listen on; may be given again.")]
Port = Annotated[int | None, typer.Option(help="TCP port of pages, signaling and API.")]
UdpPort = Annotated[int | None, typer.Option(help="UDP port of all media.")]
NodeIp = Annotated[list[str] | None, typer.Option(help="Address to tell clients; may be given again.")]
Key = Annotated[str | None, typer.Option(help="API key.")]
Secret = Annotated[
    str | None, typer.Option(help="API secret; DIEMCAU_API_SECRET keeps it out of process lists.")
]
WebhookUrl = Annotated[list[str] | None, typer.Option(help="Where events are posted; may be given again.")]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"diemcau {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Video meetings for a city and its communes."""


def _serve(given: dict[str, Any], config: Path | None, *, with_pages: bool, dev: bool) -> None:
    if dev:
        given = {
            **given,
            "api_key": given["api_key"] or "devkey",
            "api_secret": given["api_secret"] or "secret",
            "loopback": True,
            # A key that everybody knows is for this machine, unless somebody says otherwise.
            "bind": given["bind"] or ["127.0.0.1"],
        }
    settings = load_settings(config, given)
    from web.running import run_service  # Heavy: the relay and all that it needs.
    from web.server import StartError

    try:
        run_service(settings, with_pages=with_pages, dev=dev)
    except StartError as error:
        fail(str(error))


@app.command()
def relay(
    bind: Bind = None,
    port: Port = None,
    udp_port: UdpPort = None,
    node_ip: NodeIp = None,
    key: Key = None,
    secret: Secret = None,
    webhook_url: WebhookUrl = None,
    dev: Annotated[
        bool,
        typer.Option(
            help="LiveKit's development key, devkey / secret, on 127.0.0.1 unless --bind says otherwise."
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Run the relay and its signaling alone: a LiveKit-compatible server."""
    given = {
        "bind": bind,
        "port": port,
        "udp_port": udp_port,
        "node_ip": node_ip,
        "api_key": key,
        "api_secret": secret,
        "webhook_url": webhook_url,
    }
    _serve(given, config, with_pages=False, dev=dev)


@app.command()
def serve(
    bind: Bind = None,
    port: Port = None,
    https_port: Annotated[int | None, typer.Option(help="TCP port of HTTPS; 0 for none.")] = None,
    udp_port: UdpPort = None,
    node_ip: NodeIp = None,
    key: Key = None,
    secret: Secret = None,
    webhook_url: WebhookUrl = None,
    open_room: Annotated[str | None, typer.Option(help="A room that anyone with its link may join.")] = None,
    config: ConfigOption = None,
) -> None:
    """Run the service: pages, relay and signaling."""
    given = {
        "bind": bind,
        "port": port,
        "https_port": https_port,
        "udp_port": udp_port,
        "node_ip": node_ip,
        "api_key": key,
        "api_secret": secret,
        "webhook_url": webhook_url,
        "open_room": open_room,
    }
    _serve(given, config, with_pages=True, dev=False)


cli_tools.add_to(app)
cli_demo.register(app)
cli_directory.add_to(app)
kiosk_policy.add_to(app)


def main() -> None:
    """Entry point of the ``diemcau`` script."""
    app()


if __name__ == "__main__":
    main()
