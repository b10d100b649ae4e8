"""Every setting of the service in one typed table.

The table feeds the command line's help, ``docs/settings.md`` and validation.
Values come, in rising order of strength, from defaults, a TOML file, the
environment (``DIEMCAU_…``) and the command line. Nothing else in the project
reads the environment. A name that is not in the table, or a value that is not
of its type, stops the start with its place.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "DIEMCAU_"


class SettingsError(Exception):
    """A setting that is unknown or malformed; the text names where it was found."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: ``kind`` is ``int``, ``float``, ``str``, ``bool`` or ``list`` (of strings)."""

    name: str
    kind: str
    default: Any
    unit: str
    help: str
    check: Callable[[Any], str] | None = None
    secret: bool = False


def _port(value: int) -> str:
    return "" if 0 <= value <= 65535 else "must be 0 to 65535"


def _positive(value: float) -> str:
    return "" if value > 0 else "must be above 0"


def _not_negative(value: float) -> str:
    return "" if value >= 0 else "must not be negative"


def _level(value: str) -> str:
    return "" if value in ("debug", "info", "warning", "error") else "must be debug, info, warning or error"


TABLE: tuple[Setting, ...] = (
    Setting("bind", "list", [], "", "addresses to listen on; empty: all of this machine"),
    Setting("port", "int", 7880, "", "TCP port of pages, signaling and API", _port),
    Setting("https_port", "int", 7443, "", "TCP port of HTTPS for other machines; 0: none", _port),
    Setting("tls_certificate", "str", "", "", "PEM file of the HTTPS certificate; empty: HTTP only"),
    Setting("tls_key", "str", "", "", "PEM file of its key"),
    Setting("udp_port", "int", 7882, "", "UDP port of all media", _port),
    Setting("node_ip", "list", [], "", "addresses to tell clients instead of the bound ones (behind a NAT)"),
    Setting("loopback", "bool", False, "", "also offer media on this machine's loopback addresses"),
    Setting("api_key", "str", "", "", "name of the API key; empty: one is made at each start"),
    Setting("api_secret", "str", "", "", "secret of the API key, 32 characters or more", secret=True),
    Setting("webhook_url", "list", [], "", "where signed events of rooms are posted"),
    Setting("room_auto_create", "bool", True, "", "a join makes the room of its token"),
    Setting("room_empty_timeout", "int", 300, "s", "life of a room that nobody has joined", _positive),
    Setting("room_departure_timeout", "int", 20, "s", "life of a room after the last one left", _positive),
    Setting("room_max_participants", "int", 0, "", "participants of a room; 0: no limit", _not_negative),
    Setting("room_enable_remote_unmute", "bool", False, "", "whether the API may open somebody's microphone"),
    Setting("log_level", "str", "info", "", "debug, info, warning or error", _level),
    Setting("log_json", "bool", True, "", "logs as JSON lines; else for reading on a terminal"),
    Setting("state_dir", "str", "var", "", "folder for what the service writes"),
    Setting("open_room", "str", "", "", "a room that anyone may join from the start page; empty: none"),
    Setting(
        "open_room_key", "str", "", "", "word in the link of the open room; empty: one is made", secret=True
    ),
)

BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in TABLE}


@dataclass(frozen=True, slots=True)
class Settings:
    """Values of the table, checked. Read them by name: ``settings["port"]``."""

    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

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
            (number for number, content in enumerate(lines, 1) if content.split("=")[0].strip() == name), 0
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
