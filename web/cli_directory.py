"""The commands of the directory: sites in and out of tables, units, Hanoi's lists.

Exit codes: 0 done, also where nothing was to do; 1 the table has errors, or what is on record changed
meanwhile, and nothing was changed; 2 a file, a setting or the database cannot be used.
"""

from __future__ import annotations

import asyncio
import datetime
import getpass
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from media import clock
from web.cli_common import ConfigOption, fail, load_settings

if TYPE_CHECKING:
    from directory.database import Database
    from directory.imports import Plan, Problem
    from directory.imports.endpoint_fields import Rows

endpoints = typer.Typer(no_args_is_help=True, help="Sites of meetings: from tables, and into tables.")
units = typer.Typer(no_args_is_help=True, help="Administrative units: from tables.")
directory = typer.Typer(no_args_is_help=True, help="The directory as a whole.")

TableFile = Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Excel file (.xlsx).", dir_okay=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Result = TypeVar("Result")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(endpoints, name="endpoints")
    app.add_typer(units, name="units")
    app.add_typer(directory, name="directory")


@endpoints.command("import")
def import_endpoints(file: TableFile, dry_run: DryRun = False, config: ConfigOption = None) -> None:
    """Bring sites on record from a table: new ones are added, others changed; blank cells change nothing."""
    from directory.imports import apply_endpoints, preview_endpoints, read_endpoints

    rows = _read(file, read_endpoints)
    day = _now().astimezone(_zone()).date()

    async def work(database: Database) -> Plan[Any, Any]:
        plan = await preview_endpoints(database, rows, day)
        if plan.errors or plan.empty or dry_run:
            return plan
        return await apply_endpoints(database, rows, day, digest=plan.digest, by=_actor(), now=_now())

    _report(file, _with_database(config, work), dry_run)


@units.command("import")
def import_units(
    file: TableFile,
    since: Annotated[
        datetime.datetime,
        typer.Option(formats=["%Y-%m-%d"], help="First day of units whose row has none."),
    ],
    dry_run: DryRun = False,
    config: ConfigOption = None,
) -> None:
    """Bring administrative units on record from a table."""
    from directory.imports import apply_units, preview_units, read_units

    rows = _read(file, read_units)
    day = since.date()

    async def work(database: Database) -> Plan[Any, Any]:
        plan = await preview_units(database, rows, day)
        if plan.errors or plan.empty or dry_run:
            return plan
        return await apply_units(database, rows, day, digest=plan.digest, by=_actor(), now=_now())

    _report(file, _with_database(config, work), dry_run)


@endpoints.command("export")
def export_endpoints(file: TableFile, config: ConfigOption = None) -> None:
    """Write all sites into a table, .csv or .xlsx, with the columns that an import reads."""
    from directory.exports import FORMATS
    from directory.exports import export_endpoints as export

    form = file.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        fail(f"{file}: the name must end in .csv or .xlsx")

    async def work(database: Database) -> bytes:
        async with database.read() as session:
            return await export(session, form)

    data = _with_database(config, work)
    # Under another name first: whoever opens the file meanwhile sees the old one or the new one.
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        fail(f"{file}: {error.strerror}")
    typer.echo(f"{file}: written")


@directory.command("load-hanoi")
def load_hanoi(
    sites_of: Annotated[
        datetime.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="A main site for each commune-level unit of this day: 579 before July 2025, then 126.",
        ),
    ] = None,
    sites: Annotated[bool, typer.Option(help="Main sites too, not the units alone.")] = True,
    config: ConfigOption = None,
) -> None:
    """Put Hanoi's units of 2021 and of 2025 on record, and a main site for each. Again is no error."""
    from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites

    day = sites_of.date() if sites_of is not None else SINCE_2021

    async def work(database: Database) -> tuple[int, int]:
        from directory.audit import record

        async with database.write() as session:
            added = await load_hanoi_units(session)
            made = await load_main_sites(session, day) if sites else 0
            if added or made:
                await record(
                    session,
                    at=_now(),
                    actor=_actor(),
                    action="directory.load",
                    subject="directory:hanoi",
                    before=None,
                    after={"units": added, "sites": made, "day": day},
                )
        return added, made

    added, made = _with_database(config, work)
    typer.echo(f"units added: {added}, sites added: {made}")


# -- what they share ---------------------------------------------------------------------------


def _read(file: Path, read: Callable[[bytes, str], Rows]) -> Rows:
    from directory.tabular import Limits, TabularError

    limits = Limits()
    try:
        if file.stat().st_size > limits.size:
            _problems(file, f"the file has {file.stat().st_size} bytes; at most {limits.size} are taken")
        data = file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    try:
        return read(data, file.name)
    except TabularError as error:
        _problems(file, *error.problems)


def _problems(file: Path, *problems: Problem | str) -> NoReturn:
    for problem in problems:
        typer.echo(f"{file}: {problem}", err=True)
    typer.echo("diemcau: nothing was changed", err=True)
    raise typer.Exit(1)


def _with_database(config: Path | None, work: Callable[[Database], Coroutine[Any, Any, Result]]) -> Result:
    from directory.errors import ChangedError, DirectoryError
    from web.records import Records
    from web.server import StartError
    from web.state import StateError, StateFolder

    settings = load_settings(config, {})

    async def main() -> Result:
        records = Records(settings, StateFolder(settings["state_dir"]))
        async with records.lifespan():
            return await work(records.database)

    try:
        return asyncio.run(main())
    except ChangedError as error:
        fail(f"{error}; nothing was changed", 1)
    except (DirectoryError, StartError, StateError) as error:
        fail(str(error))


def _report(file: Path, plan: Plan[Any, Any], dry_run: bool) -> None:
    for note in plan.notes:
        typer.echo(f"{file}: {note}", err=True)
    for added in plan.added:
        typer.echo(f"+ {added.code} {added.name}" + (f", {added.above}" if added.above else ""))
    for changed in plan.changed:
        fields = "; ".join(f"{one.title}: “{one.before}” → “{one.after}”" for one in changed.fields)
        typer.echo(f"~ {changed.code} {changed.name}: {fields}")
    if plan.errors:
        _problems(file, *plan.errors)
    done = "would be " if dry_run else ""
    typer.echo(f"{done}added: {len(plan.added)}, {done}changed: {len(plan.changed)}, unchanged: {plan.same}")


def _now() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(clock.wall(), datetime.UTC)


def _zone() -> datetime.tzinfo:
    from directory.endpoints import ZONE

    return ZONE


def _actor() -> str:
    """Who runs the command, for the audit log."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"cli:{name}"[:100]
