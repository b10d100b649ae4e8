"""The pages' words, for templates and for answers of the server.

The source is one gettext catalogue per language beside this file; `msgid` is a stable key. The browser
gets the same entries as TypeScript (`web/frontend/scripts/catalogue.mjs`). Only the part of the .po
format that we write is read: comments, `msgid`, `msgstr` and continued strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

Language = Literal["vi", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("vi", "en")
"""The chosen language of a page is one of these; the first is the default."""


class CatalogueError(ValueError):
    """A catalogue file is malformed; the message names file and line."""


def parse_po(text: str, name: str = "catalogue") -> dict[str, str]:
    """Read a catalogue; raises `CatalogueError` on anything that is not understood or stands twice."""
    entries: dict[str, str] = {}
    fields = {"msgid": "", "msgstr": ""}
    target = ""

    def finish(number: int) -> None:
        key = fields["msgid"]
        if key:
            if key in entries:
                raise CatalogueError(f"{name}:{number}: {key} stands twice")
            if not fields["msgstr"]:
                raise CatalogueError(f"{name}:{number}: {key} has no text")
            entries[key] = fields["msgstr"]
        fields.update(msgid="", msgstr="")

    lines = text.splitlines()
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ") if not line.startswith('"') else (target, "", line)
        if word not in fields:
            raise CatalogueError(f"{name}:{number}: not understood")
        if not line.startswith('"') and word == "msgid":
            finish(number)
        target = word
        try:
            value = json.loads(rest)
        except ValueError as error:
            raise CatalogueError(f"{name}:{number}: not a quoted string") from error
        if not isinstance(value, str):
            raise CatalogueError(f"{name}:{number}: not a quoted string")
        fields[word] += value
    finish(len(lines))
    return entries


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """All entries of `language`, read once."""
    name = f"{language}.po"
    return MappingProxyType(parse_po(files(__package__).joinpath(name).read_text("utf-8"), name))


def translate(language: Language, key: str, **values: object) -> str:
    """The words for `key` with `{name}` filled from `values`; raises `KeyError` for an unknown key."""
    return catalogue(language)[key].format_map(values)


def choose_language(cookie: str | None, accept_language: str | None = None) -> Language:
    """The language of a page: the cookie `language` if it names one of ours, else Vietnamese, unless the
    browser asks for English and not for Vietnamese."""
    for language in LANGUAGES:
        if cookie == language:
            return language
    wishes = [part.split(";")[0].strip().lower()[:2] for part in (accept_language or "").split(",")[:20]]
    return "en" if "en" in wishes and "vi" not in wishes and accept_language else "vi"
