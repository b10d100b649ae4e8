"""The built pages' files, kept in memory: no disk on the event loop, no path that leads elsewhere.

Files under ``assets/`` have a hash in their names and never change; they may be
kept for ever by browsers. The others are asked for again by their ETag.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_COMPRESSED: Final = frozenset({"text/javascript", "text/css", "image/svg+xml", "application/json"})
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent; ``compressed`` is empty where that would not be shorter."""

    content: bytes
    compressed: bytes
    media_type: str
    etag: str
    cache: str


def read_folder(folder: Path) -> dict[str, StaticFile]:
    """All files below ``folder`` by their relative path; names that begin with a dot are left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
            found[name] = _read(path, name)
    return found


def _read(path: Path, name: str) -> StaticFile:
    content = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    compressed = gzip.compress(content, 9, mtime=0) if media_type in _COMPRESSED else b""
    return StaticFile(
        content=content,
        compressed=compressed if len(compressed) < len(content) else b"",
        media_type=media_type,
        etag=f'"{hashlib.sha256(content).hexdigest()[:20]}"',
        cache=_FOR_EVER if name.startswith("assets/") else _ASK_AGAIN,
    )


def static_route(prefix: str, files: dict[str, StaticFile]) -> Route:
    """A route that serves ``files`` under ``prefix``, which ends with a slash."""

    async def serve(request: Request) -> Response:
        file = files.get(request.path_params["name"])
        if file is None:
            return Response(status_code=404, headers={"Cache-Control": "no-store"})
        headers = {
            "ETag": file.etag,
            "Cache-Control": file.cache,
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if file.compressed:
            headers["Vary"] = "Accept-Encoding"
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        content = file.content
        if file.compressed and "gzip" in request.headers.get("accept-encoding", ""):
            content = file.compressed
            headers["Content-Encoding"] = "gzip"
        return Response(content, media_type=file.media_type, headers=headers)

    return Route(prefix + "{name:path}", serve, methods=["GET"])
