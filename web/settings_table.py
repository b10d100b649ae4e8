"""The rows of the settings table: every setting of the service, its type, default, unit and meaning.

This file says what can be set; :mod:`web.settings` reads values. The table
feeds the command line, ``docs/settings.md`` and validation.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. ``kind`` is ``int``, ``float``, ``str``, ``bool`` or ``list`` (of strings).

    ``check`` gives what is wrong with a value of the right type, or nothing.
    """

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


def _format(value: str) -> str:
    return "" if value in ("auto", "json", "text") else "must be auto, json or text"


def _addresses(values: list[str]) -> str:
    for value in values:
        try:
            ipaddress.ip_address(value.partition("%")[0])
        except ValueError:
            return "must be IP addresses"
    return ""


def _networks(values: list[str]) -> str:
    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError:
            return "must be networks such as 10.0.0.0/8"
    return ""


def _urls(values: list[str]) -> str:
    for value in values:
        try:
            parts = urlsplit(value)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            good = False
        if not good:
            return "must be http or https addresses"
    return ""


def _url(value: str) -> str:
    return "must be an http or https address" if value and _urls([value]) else ""


def _room(value: str) -> str:
    return "" if len(value) <= 128 and value.isprintable() else "must be at most 128 printable characters"


PRIVATE: Final = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]

TABLE: Final[tuple[Setting, ...]] = (
    Setting("bind", "list", [], "", "addresses to listen on; empty: all of this machine", _addresses),
    Setting("port", "int", 7880, "", "TCP port of pages, signaling and API", _port),
    Setting("https_port", "int", 7443, "", "TCP port of HTTPS, where there is a certificate; 0: none", _port),
    Setting(
        "tls_certificate",
        "str",
        "",
        "",
        "PEM file of the HTTPS certificate and its chain; empty: the one that `dev-cert` made, if any",
    ),
    Setting("tls_key", "str", "", "", "PEM file of the certificate's key"),
    Setting("udp_port", "int", 7882, "", "UDP port of all media", _port),
    Setting(
        "node_ip",
        "list",
        [],
        "",
        "addresses to tell clients instead of the bound ones (behind a NAT)",
        _addresses,
    ),
    Setting("loopback", "bool", False, "", "also offer media on this machine's loopback addresses"),
    Setting(
        "api_key",
        "str",
        "",
        "",
        "name of the API key; empty: `serve` makes one and keeps it in state_dir, `relay` forgets its own",
    ),
    Setting("api_secret", "str", "", "", "secret of the API key, 32 characters or more", secret=True),
    Setting(
        "media_url",
        "str",
        "",
        "",
        "address of a LiveKit server for meetings; empty: the relay of this service",
        _url,
    ),
    Setting("media_key", "str", "", "", "name of its API key"),
    Setting("media_secret", "str", "", "", "secret of its API key", secret=True),
    Setting(
        "meeting_overrun",
        "int",
        1800,
        "s",
        "how long after its expected end an open meeting goes on before it is closed",
        _not_negative,
    ),
    Setting("webhook_url", "list", [], "", "where signed events of rooms are posted", _urls),
    Setting("room_auto_create", "bool", True, "", "a join makes the room of its token"),
    Setting("room_empty_timeout", "int", 300, "s", "life of a room that nobody has joined", _positive),
    Setting("room_departure_timeout", "int", 20, "s", "life of a room after the last one left", _positive),
    Setting("room_max_participants", "int", 0, "", "participants of a room; 0: no limit", _not_negative),
    Setting("room_enable_remote_unmute", "bool", False, "", "whether the API may open somebody's microphone"),
    Setting("open_room", "str", "", "", "a room that anyone with its link may join; empty: none", _room),
    Setting("open_room_title", "str", "", "", "its name on the pages; empty: as in the address", _room),
    Setting(
        "open_room_key",
        "str",
        "",
        "",
        "word in the link of the open room; empty: one is made and kept in state_dir",
        secret=True,
    ),
    Setting(
        "join_token_life", "int", 600, "s", "validity of the token that lets a page into a room", _positive
    ),
    Setting(
        "metrics_to",
        "list",
        PRIVATE,
        "",
        "networks that may read /metrics and the details of /healthz",
        _networks,
    ),
    Setting(
        "proxy_from",
        "list",
        [],
        "",
        "networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed",
        _networks,
    ),
    Setting(
        "max_half_open",
        "int",
        1024,
        "",
        "connections that have not sent a whole request yet; beyond it the oldest is closed",
        _positive,
    ),
    Setting(
        "database_url",
        "str",
        "",
        "",
        "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; empty: main.db in state_dir",
        secret=True,
    ),
    Setting(
        "examples", "bool", False, "", "the page /examples with every component of the pages, for developers"
    ),
    Setting("log_level", "str", "info", "", "debug, info, warning or error", _level),
    Setting("log_format", "str", "auto", "", "json, text, or auto: text on a terminal, else json", _format),
    Setting("state_dir", "str", "var", "", "folder for what the service writes"),
)

BY_NAME: Final[Mapping[str, Setting]] = {setting.name: setting for setting in TABLE}


def show(value: Any) -> str:
    """A default as a TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


_KINDS: Final = {
    "int": "whole number",
    "float": "number",
    "str": "text",
    "bool": "true or false",
    "list": "list of texts",
}


def markdown() -> str:
    """``docs/settings.md``."""
    head = """\
# Settings

Made from the table in `web/settings_table.py` by `diemcau settings --markdown`; do not edit by hand.

Values come, in rising order of strength, from the defaults, a TOML file (`--config FILE`), the
environment (`DIEMCAU_` and the name in capitals; lists with commas) and the options of the command
line. A name that is not in the table, or a value that is not of its type, stops the start and says
where it stands.

| name | type | default | unit | meaning |
| --- | --- | --- | --- | --- |
"""
    rows = [
        f"| `{s.name}` | {_KINDS[s.kind]} | `{show(s.default)}` | {s.unit or '–'} | "
        f"{s.help}{' (secret)' if s.secret else ''} |"
        for s in TABLE
    ]
    return head + "\n".join(rows) + "\n"
