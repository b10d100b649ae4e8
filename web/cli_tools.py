"""The commands beside the servers: tokens, simulated sites, certificates, settings, the demonstration."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from media import clock
from web.cli_common import ConfigOption, fail, load_settings
from web.settings import Settings
from web.settings_table import markdown, show

if TYPE_CHECKING:
    from signaling.client.events import RoomEvent
    from signaling.client.sites import SiteName

Key = Annotated[str | None, typer.Option(help="API key of the server; else api_key of the settings.")]
Secret = Annotated[
    str | None,
    typer.Option(
        help="Its secret; else api_secret of the settings. DIEMCAU_API_SECRET keeps it out of sight."
    ),
]
Room = Annotated[str, typer.Option(help="Name of the room.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("token")(token)
    app.command("simulate-sites")(simulate_sites)
    app.command("link")(link)
    app.command("dev-cert")(dev_cert)
    app.command("settings")(settings)
    app.command("demo")(demo)


def _credentials(key: str | None, secret: str | None, dev: bool, config: Path | None) -> tuple[str, str]:
    """Key and secret of the server, wherever they were given."""
    if dev:
        return key or "devkey", secret or "secret"
    if key and secret:
        return key, secret
    values = load_settings(config, {"api_key": key, "api_secret": secret} if secret else {})
    kept_key, kept_secret = values["api_key"], values["api_secret"]
    if not kept_secret:
        kept_key, kept_secret = kept_key or "diemcau", _kept_secret(values)
    if key and key != kept_key:
        fail(f"the secret of key {key!r} is not known: give --secret")
    if not kept_secret:
        fail("no API secret: give --key and --secret, set api_secret, or --dev")
    return kept_key, kept_secret


def _kept_secret(values: Settings) -> str:
    """The secret that ``serve`` made on this machine, or nothing."""
    try:
        return (Path(values["state_dir"]) / "api.secret").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def token(
    room: Room,
    identity: Annotated[str, typer.Option(help="Who it is for; one place in the room.")],
    name: Annotated[str, typer.Option(help="The name that others see.")] = "",
    key: Key = None,
    secret: Secret = None,
    dev: Annotated[bool, typer.Option(help="LiveKit's development key, devkey / secret.")] = False,
    ttl: Annotated[int, typer.Option(min=1, help="Seconds of validity.")] = 6 * 3600,
    publish: Annotated[bool, typer.Option(help="May send sound and picture.")] = True,
    subscribe: Annotated[bool, typer.Option(help="May receive sound and picture.")] = True,
    publish_data: Annotated[bool, typer.Option(help="May send data.")] = True,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this source: camera, microphone, screen_share, screen_share_audio; may be given again."
        ),
    ] = None,
    update_own: Annotated[bool, typer.Option(help="May change own name, metadata and attributes.")] = False,
    hidden: Annotated[bool, typer.Option(help="Nobody sees this participant.")] = False,
    admin: Annotated[bool, typer.Option(help="May administer the room by RoomService.")] = False,
    create: Annotated[bool, typer.Option(help="May make and delete rooms.")] = False,
    list_rooms: Annotated[bool, typer.Option("--list", help="May list rooms.")] = False,
    metadata: Annotated[str, typer.Option(help="Metadata of the participant.")] = "",
    attribute: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; may be given again.")] = None,
    config: ConfigOption = None,
) -> None:
    """Print a token for a LiveKit client."""
    from signaling.errors import SignalingError
    from signaling.grants import SOURCE_NAMES, Grants, VideoGrant
    from signaling.tokens import KeyRing, require_join

    unknown = [item for item in source or () if item not in SOURCE_NAMES]
    if unknown:
        fail(f"--source {unknown[0]}: must be one of {', '.join(SOURCE_NAMES)}")
    attributes = dict(item.partition("=")[::2] for item in attribute or ())
    if not all(attributes):
        fail("--attribute must be NAME=VALUE")
    api_key, api_secret = _credentials(key, secret, dev, config)
    grants = Grants(
        identity=identity,
        name=name,
        metadata=metadata,
        attributes=attributes,
        video=VideoGrant(
            room_join=True,
            room=room,
            room_admin=admin,
            room_create=create,
            room_list=list_rooms,
            can_publish=publish,
            can_subscribe=subscribe,
            can_publish_data=publish_data,
            can_publish_sources=tuple(source or ()),
            can_update_own_metadata=update_own,
            hidden=hidden,
        ),
    )
    now = clock.wall()
    try:
        require_join(grants)
        typer.echo(KeyRing({api_key: api_secret}).issue(api_key, grants, exp=now + ttl, now=now))
    except SignalingError as error:
        fail(error.message)


def simulate_sites(
    url: Annotated[str, typer.Option(help="Address of the server.")] = "http://localhost:7880",
    room: Room = "giao-ban-tp",
    count: Annotated[int, typer.Option(min=1, help="How many sites.")] = 6,
    names: Annotated[
        Path | None,
        typer.Option(help="CSV of units instead of Hanoi's 579: code, name, kind, district_code, district."),
    ] = None,
    key: Key = None,
    secret: Secret = None,
    dev: Annotated[bool, typer.Option(help="LiveKit's development key, devkey / secret.")] = False,
    looped: Annotated[
        bool, typer.Option(help="Play prepared pictures and sound instead of encoding: for many sites.")
    ] = False,
    watch: Annotated[bool, typer.Option(help="Receive what the others send.")] = True,
    config: ConfigOption = None,
) -> None:
    """Let simulated sites join a room, each with its own picture, colour and tone, until Ctrl-C."""
    from directory.hanoi import UnitListError, hanoi_units, read_units, spread
    from signaling.client.sites import SiteName, SiteOptions, run_sites
    from signaling.grants import Grants, VideoGrant
    from signaling.tokens import KeyRing
    from web.limits import raise_descriptor_limit
    from web.running import configure_logs

    api_key, api_secret = _credentials(key, secret, dev, config)
    configure_logs(load_settings(config, {}))
    try:
        units = read_units(names) if names is not None else hanoi_units()
    except UnitListError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{names}: {error.strerror}")
    if count > len(units):
        fail(f"--count {count}: the list has {len(units)} units")
    raise_descriptor_limit(count * 16 + 256)
    ring = KeyRing({api_key: api_secret})

    def token_for(site: SiteName) -> str:
        now = clock.wall()
        grants = Grants(identity=site.identity, name=site.title, video=VideoGrant(room_join=True, room=room))
        return ring.issue(api_key, grants, exp=now + 600, now=now)

    sites = [SiteName(unit.code, unit.name, unit.district) for unit in spread(units, count)]

    async def main() -> None:
        run = asyncio.ensure_future(
            run_sites(url, token_for, sites, SiteOptions(looped=looped, watch=watch), report=report_site)
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, run.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await run

    asyncio.run(main())


def report_site(site: SiteName, event: RoomEvent) -> None:
    """One line for each coming and going."""
    from signaling.client.events import Connected, Disconnected, Reconnecting, Resumed

    if isinstance(event, Connected):
        said = "is back" if event.rejoined else "joined"
    elif isinstance(event, Resumed):
        said = "goes on"
    elif isinstance(event, Reconnecting):
        said = f"lost the line ({event.reason}); again in {event.delay:.1f} s"
    elif isinstance(event, Disconnected):
        said = f"left: {event.message}"
    else:
        return
    typer.echo(f"{site.title}: {said}")


def link(
    base: Annotated[
        str | None, typer.Option(help="Address by which browsers reach this machine; else localhost.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print the link of the open room, with its key."""
    from urllib.parse import quote

    from web.state import StateError, StateFolder

    values = load_settings(config, {})
    room = values["open_room"]
    if not room:
        fail("no room is open: set open_room")
    try:
        key = values["open_room_key"] or StateFolder(values["state_dir"]).secret("open-room", 12)
    except StateError as error:
        fail(str(error))
    base = (base or f"http://localhost:{values['port']}").rstrip("/")
    typer.echo(f"{base}/meet/{quote(room, safe='')}?k={quote(key, safe='')}")


def dev_cert(
    name: Annotated[
        list[str] | None,
        typer.Option(help="Further host name or address of this machine; may be given again."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Make a local authority and an HTTPS certificate of this machine, and say how to trust it."""
    from web.certificates import ensure, machine_names
    from web.state import StateError, StateFolder
    from web.trust import instructions

    values = load_settings(config, {})
    names = list(dict.fromkeys([*machine_names(), *(name or ())]))
    try:
        issued = ensure(StateFolder(values["state_dir"]), names, datetime.datetime.now(datetime.UTC))
    except (StateError, ValueError) as error:
        fail(str(error))
    typer.echo(instructions(issued, values["https_port"]))


def settings(
    markdown_table: Annotated[
        bool, typer.Option("--markdown", help="As docs/settings.md instead of for reading.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Print every setting with its value now, its default and its meaning."""
    if markdown_table:
        typer.echo(markdown(), nl=False)
        return
    from rich.console import Console
    from rich.table import Table

    from web.settings_table import TABLE

    values = load_settings(config, {})
    table = Table("name", "value", "default", "meaning", box=None, pad_edge=False)
    for row in TABLE:
        value = values[row.name]
        shown = "***" if row.secret and value else show(value)
        unit = f" ({row.unit})" if row.unit else ""
        table.add_row(row.name, shown, show(row.default), row.help + unit)
    Console(highlight=False).print(table, markup=False)


def demo(
    count: Annotated[int, typer.Option(min=0, help="Simulated sites.")] = 12,
    config: ConfigOption = None,
) -> None:
    """Run the service with Hanoi's sites, a meeting with simulated sites, and print how to sign in."""
    from web.demo import DemoError, run_demo

    try:
        run_demo(load_settings(config, {}), config, count)
    except DemoError as error:
        fail(str(error))
