"""Names of built files: what `vite build` wrote into its manifest, for the templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

APP_FOLDER = Path(__file__).parent / "static" / "app"
"""Where the pages' scripts are built to."""

PREFIX = "/static/app/"
"""The path under which `APP_FOLDER` is served; the same as `base` in vite.config.ts."""


class AssetsMissing(RuntimeError):
    """The pages' scripts have not been built, or an entry is not among them."""


class Assets:
    """Addresses of the scripts and styles of an entry such as `src/main.ts`.

    Raises `AssetsMissing` if the manifest is not there or is not a manifest, so that a service whose
    pages cannot work does not start.
    """

    def __init__(self, folder: Path = APP_FOLDER) -> None:
        path = folder / ".vite" / "manifest.json"
        try:
            chunks = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise AssetsMissing("the pages are not built: run `make install`") from error
        if not isinstance(chunks, dict):
            raise AssetsMissing("the manifest of the built pages is damaged: run `make install`")
        self._chunks: dict[str, dict[str, Any]] = chunks

    def script(self, entry: str) -> str:
        """Address of the entry's module script."""
        return PREFIX + str(self._chunk(entry)["file"])

    def styles(self, entry: str) -> list[str]:
        """Addresses of all style sheets of the entry, those of its imports first, each once."""
        return list(dict.fromkeys(PREFIX + css for css in self._styles(entry, set())))

    def _chunk(self, name: str) -> dict[str, Any]:
        try:
            return self._chunks[name]
        except KeyError:
            raise AssetsMissing(f"{name} is not among the built pages") from None

    def _styles(self, name: str, seen: set[str]) -> Iterator[str]:
        if name in seen:
            return
        seen.add(name)
        chunk = self._chunk(name)
        for other in chunk.get("imports", ()):
            yield from self._styles(other, seen)
        yield from chunk.get("css", ())
