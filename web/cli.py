"""The command line, ``diemcau``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from web.settings import SettingsError, load
from web.version import VERSION

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Video meetings for a city and its communes."
)


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
    """See the sub-commands."""


@app.command()
def relay(
    bind: Annotated[list[str] | None, typer.Option(help="Address to listen on; may be given again.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port of signaling and API.")] = None,
    udp_port: Annotated[int | None, typer.Option(help="UDP port of all media.")] = None,
    node_ip: Annotated[
        list[str] | None, typer.Option(help="Address to tell clients; may be given again.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="API key.")] = None,
    secret: Annotated[str | None, typer.Option(help="API secret.")] = None,
    webhook_url: Annotated[
        list[str] | None, typer.Option(help="Where events are posted; may be given again.")
    ] = None,
    dev: Annotated[
        bool, typer.Option(help="LiveKit's development key: devkey / secret, on loopback.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
) -> None:
    """Run the relay and its signaling alone: a LiveKit-compatible server."""
    given: dict[str, Any] = {
        "bind": bind,
        "port": port,
        "udp_port": udp_port,
        "node_ip": node_ip,
        "api_key": key,
        "api_secret": secret,
        "webhook_url": webhook_url,
    }
    overrides = {name: value for name, value in given.items() if value is not None}
    if dev:
        for name, value in (("api_key", "devkey"), ("api_secret", "secret"), ("loopback", True)):
            overrides.setdefault(name, value)
    try:
        settings = load(config, overrides=overrides)
    except SettingsError as error:
        typer.echo(f"diemcau: {error}", err=True)
        raise typer.Exit(2) from None
    from web.server import serve_relay

    serve_relay(settings)


def main() -> None:
    """Entry point of the ``diemcau`` script."""
    app()


if __name__ == "__main__":
    main()
