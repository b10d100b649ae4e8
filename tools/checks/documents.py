"""Documents that follow the code: the settings table, the signaling table, the dependencies."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from livekit.protocol import rtc

from web.settings_table import markdown


def problems(root: Path, files: list[Path]) -> list[str]:
    """What a document says no longer, or not yet."""
    del files
    return [*settings(root), *signaling(root), *dependencies(root)]


def settings(root: Path) -> list[str]:
    """``docs/settings.md`` is what the table makes."""
    path = root / "docs" / "settings.md"
    if not path.exists() or path.read_text("utf-8") != markdown():
        return ["docs/settings.md: not in step with web/settings_table.py; run `make docs`"]
    return []


def signaling(root: Path) -> list[str]:
    """``docs/signaling.md`` has a row for each message of the protocol, and no other."""
    text = (root / "docs" / "signaling.md").read_text("utf-8")
    found = []
    for message in (rtc.SignalRequest, rtc.SignalResponse):
        name = message.DESCRIPTOR.name
        section = re.search(rf"(?ms)^## [^\n]*`{name}`.*?(?=^## |\Z)", text)
        if section is None:
            found.append(f"docs/signaling.md: no section for {name}")
            continue
        rows = set(re.findall(r"(?m)^\| `(\w+)` \|", section[0]))
        fields = {field.name for field in message.DESCRIPTOR.fields}
        found += [f"docs/signaling.md: {name}.{field} is missing" for field in sorted(fields - rows)]
        found += [f"docs/signaling.md: {name} has no {field}" for field in sorted(rows - fields)]
    for path in sorted(set(re.findall(r"`((?:tests|signaling|media)/[\w/]+\.py)(?:::\w+)?`", text))):
        if not (root / path).exists():
            found.append(f"docs/signaling.md: {path} is not there")
    return found


def dependencies(root: Path) -> list[str]:
    """``docs/dependencies.md`` names every direct dependency, and no other."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~;\[ ]", item)[0] for item in wanted}
    package = json.loads((root / "web" / "frontend" / "package.json").read_text("utf-8"))
    names |= set(package.get("dependencies", {})) | set(package.get("devDependencies", {}))
    text = (root / "docs" / "dependencies.md").read_text("utf-8")
    rows = {
        item for cell in re.findall(r"(?m)^\| (`.*?`) \|", text) for item in re.findall(r"`([^`]+)`", cell)
    }
    found = [f"docs/dependencies.md: {name} is missing" for name in sorted(names - rows)]
    return found + [f"docs/dependencies.md: {name} is no dependency" for name in sorted(rows - names)]
