"""What the commands share: settings from options, and one way to say what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from web.settings import Settings, SettingsError, load

ConfigOption = Annotated[Path | None, typer.Option(help="TOML file with settings.")]


def fail(message: str, code: int = 2) -> NoReturn:
    """Say one sentence on standard error and end the command."""
    typer.echo(f"diemcau: {message}", err=True)
    raise typer.Exit(code)


def load_settings(config: Path | None, given: Mapping[str, Any]) -> Settings:
    """Settings with the options that were given; ends the command when they are wrong."""
    try:
        return load(config, overrides={name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        fail(str(error))
