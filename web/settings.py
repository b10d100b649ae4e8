"""Values of the settings table, read and checked.

Values come, in rising order of strength, from defaults, a TOML file, the
environment (``DIEMCAU_…``) and the command line. Nothing else in the project
reads the environment. A name that is not in the table, or a value that is not
of its type, stops the start with its place.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web.settings_table import BY_NAME, TABLE, Setting

PREFIX = "DIEMCAU_"


class SettingsError(Exception):
    """A setting that is unknown or malformed; the text names where it was found."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Values of the table, checked. Read them by name: ``settings["port"]``."""

    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def with_values(self, values: Mapping[str, Any]) -> Settings:
        """The same with some values replaced."""
        return Settings({**self.values, **values})

    def __repr__(self) -> str:
        shown = {
            name: "***" if BY_NAME[name].secret and value else value for name, value in self.values.items()
        }
        return f"Settings({shown!r})"


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from defaults, ``file``, ``environment`` (the process's own if None) and ``overrides``.

    Raises SettingsError for the first thing that is wrong.
    """
    values = {setting.name: setting.default for setting in TABLE}
    if file is not None:
        values.update(_from_toml(file))
    source = os.environ if environment is None else environment
    for variable, text in source.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            setting = _known(name, f"environment variable {variable}")
            values[name] = _checked(setting, _from_text(setting, text, variable), variable)
    for name, value in (overrides or {}).items():
        setting = _known(name, "the command line")
        values[name] = _checked(setting, value, f"--{name.replace('_', '-')}")
    if bool(values["tls_certificate"]) != bool(values["tls_key"]):
        raise SettingsError("tls_certificate and tls_key belong together: one of them is not set")
    if values["api_key"] and not values["api_secret"]:
        raise SettingsError("api_key is set, but api_secret is not")
    return Settings(values)


def _known(name: str, place: str) -> Setting:
    setting = BY_NAME.get(name)
    if setting is None:
        near = difflib.get_close_matches(name, BY_NAME, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SettingsError(f"{place}: there is no setting {name!r}{hint}")
    return setting


def _from_toml(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from None
    lines = text.splitlines()
    result = {}
    for name, value in table.items():
        line = next(
            (
                number
                for number, content in enumerate(lines, 1)
                if content.split("=")[0].strip(" \t[]\"'") == name
            ),
            0,
        )
        place = f"{file}, line {line}" if line else str(file)
        setting = _known(name, place)
        if not _fits(setting.kind, value):
            raise SettingsError(f"{place}: {name} must be {_WORDS[setting.kind]}, not {value!r}")
        result[name] = _checked(setting, value, place)
    return result


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "list": "a list of texts",
}


def _fits(kind: str, value: object) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "list":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)


def _from_text(setting: Setting, text: str, place: str) -> Any:
    """A value out of the text of an environment variable."""
    try:
        if setting.kind == "int":
            return int(text)
        if setting.kind == "float":
            return float(text)
    except ValueError:
        raise SettingsError(f"{place}: must be {_WORDS[setting.kind]}, not {text!r}") from None
    if setting.kind == "bool":
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise SettingsError(f"{place}: must be true or false, not {text!r}")
        return text.lower() in ("true", "1", "yes")
    if setting.kind == "list":
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _checked(setting: Setting, value: Any, place: str) -> Any:
    if setting.check is not None:
        problem = setting.check(value)
        if problem:
            raise SettingsError(f"{place}: {setting.name} {problem}, not {value!r}")
    return value
