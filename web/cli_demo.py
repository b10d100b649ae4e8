"""What the demonstration's supervisor starts beside the service: its data, and its simulated sites."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from media import clock
from web.cli_common import ConfigOption, fail, load_settings


def register(app: typer.Typer) -> None:
    """Add the commands; they are not for people, so help does not show them."""
    app.command("demo-data", hidden=True)(demo_data)
    app.command("simulate-meeting", hidden=True)(simulate_meeting)


def demo_data(
    count: Annotated[int, typer.Option(min=0, help="Simulated sites.")] = 12, config: ConfigOption = None
) -> None:
    """Put people, keys and meetings of the demonstration on record."""
    from directory.errors import DirectoryError
    from scheduler.errors import SchedulerError
    from web.demo_data import prepare
    from web.demo_people import FILE
    from web.records import Records
    from web.server import StartError
    from web.state import StateError, StateFolder

    settings = load_settings(config, {})
    state = StateFolder(settings["state_dir"])

    async def main() -> None:
        records = Records(settings, state)
        async with records.lifespan():
            now = datetime.fromtimestamp(clock.wall(), UTC)
            demo = await prepare(records.database, state, now, count)
        state.write(FILE, demo.to_json().encode())

    try:
        asyncio.run(main())
    except (DirectoryError, SchedulerError, StartError, StateError) as error:
        fail(str(error))


def simulate_meeting(
    url: Annotated[str, typer.Option(help="Address of the service.")],
    file: Annotated[Path, typer.Option(help="What demo-data has written.")],
    config: ConfigOption = None,
) -> None:
    """Let the demonstration's sites take part in its open meeting until Ctrl-C."""
    from signaling.client.sites import SiteOptions
    from web.cli_tools import report_site
    from web.demo_people import Demo
    from web.limits import raise_descriptor_limit
    from web.running import configure_logs
    from web.simulated_meeting import run_meeting

    configure_logs(load_settings(config, {}))
    demo = Demo.from_json(file.read_text("utf-8"))
    raise_descriptor_limit(len(demo.simulated) * 16 + 256)

    async def main() -> None:
        run = asyncio.ensure_future(
            run_meeting(url, demo.open_meeting, demo.simulated, SiteOptions(looped=True), report_site)
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, run.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await run

    asyncio.run(main())
