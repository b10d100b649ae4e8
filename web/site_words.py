"""The catalogue's keys for what a site has: states, steps, lines, places, devices, fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STATE_WORDS: Final[Mapping[str, str]] = {
    "planned": "directory.state.planned",
    "installed": "directory.state.installed",
    "accepted": "directory.state.accepted",
    "in_use": "directory.state.in_use",
}
STATE_BADGES: Final[Mapping[str, str]] = {
    "planned": "off",
    "installed": "warning",
    "accepted": "waiting",
    "in_use": "good",
}
STEP_WORDS: Final[Mapping[tuple[str, str], str]] = {
    ("planned", "installed"): "directory.step.installed",
    ("installed", "accepted"): "directory.step.accepted",
    ("installed", "planned"): "directory.step.back_planned",
    ("accepted", "in_use"): "directory.step.in_use",
    ("accepted", "installed"): "directory.step.back_installed",
    ("in_use", "installed"): "directory.step.replace",
}
"""What the button of a step says, by both its ends."""
LINE_WORDS: Final[Mapping[str, str]] = {
    "tslcd": "directory.line.tslcd",
    "wan": "directory.line.wan",
    "internet": "directory.line.internet",
    "mobile": "directory.line.mobile",
    "unknown": "directory.line.unknown",
}
PLACE_WORDS: Final[Mapping[str, str]] = {
    "office": "directory.place.office",
    "apartment": "directory.place.apartment",
    "village_house": "directory.place.village_house",
    "residential_group": "directory.place.residential_group",
    "other": "directory.place.other",
}
DEVICE_WORDS: Final[Mapping[str, str]] = {
    "terminal": "directory.device.terminal",
    "camera": "directory.device.camera",
    "screen": "directory.device.screen",
    "microphone": "directory.device.microphone",
}
FIELD_WORDS: Final[Mapping[str, str]] = {
    "name": "directory.name",
    "code": "directory.code",
    "unit_id": "directory.unit",
    "main": "directory.main",
    "line_type": "directory.line",
    "backup_line_type": "directory.backup_line",
    "contact_name": "directory.contact",
    "contact_phone": "directory.phone",
    "commissioning": "directory.state",
    "commissioned_on": "directory.since",
    "retired_at": "directory.retired_at",
    "place": "directory.place",
    "place_id": "directory.place",
    "place_name": "directory.place",
    "place_kind": "directory.place_kind",
    "place_address": "directory.address",
    "address": "directory.address",
    "kind": "directory.kind",
    "serial": "directory.serial",
    "device_name": "directory.device_name",
    "members": "groups.members",
}
