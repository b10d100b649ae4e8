"""A form with one file, read whole and bounded (RFC 7578).

The announced length is looked at before anything is read, and the body is cut off at the bound
whatever was announced. A form of ours has one small file and a few short fields, so that the whole
of it fits into memory and needs no streaming parser.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

MOST_PARTS: Final = 20
MOST_FIELD: Final = 4_096
ROOM: Final = 65_536
"""Bytes of a body beside the file: fields, headers, boundaries."""
SECONDS: Final = 120.0
"""For a body: ten megabytes over a line of 1 Mbit/s."""

_BOUNDARY: Final = re.compile(
    r"multipart/form-data;\s*boundary="
    r"(?:\"([0-9A-Za-z'()+_,./:=? -]{1,70})\"|([0-9A-Za-z'+_./:=-]{1,70}))",
    re.IGNORECASE | re.ASCII,
)
_NAME: Final = re.compile(
    rb'^content-disposition:\s*form-data;(?:.*;)?\s*name="([^"\r\n]{1,100})"', re.I | re.M
)
_FILE: Final = re.compile(rb'^content-disposition:.*;\s*filename="([^"\r\n]{0,1000})"', re.I | re.M)


class UploadError(ValueError):
    """The body is no form; or, with ``too_large``, longer than what is taken."""

    def __init__(self, message: str, *, too_large: bool = False, size: int = 0) -> None:
        super().__init__(message)
        self.too_large = too_large
        self.size = size


@dataclass(frozen=True, slots=True)
class Upload:
    """A form: its short fields, and the file with the name that the browser gave."""

    fields: dict[str, str]
    name: str = ""
    data: bytes = field(default=b"", repr=False)


async def read_upload(request: Request, most: int) -> Upload:
    """The form of a request whose file has at most ``most`` bytes. Raises UploadError."""
    kind = request.headers.get("content-type", "")
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > most + ROOM:
        raise UploadError("the body is too long", too_large=True, size=int(announced[:20]))
    found = _BOUNDARY.fullmatch(kind.strip())
    if found is None:
        raise UploadError("no form with a file")
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most + ROOM:
                    raise UploadError("the body is too long", too_large=True, size=len(body))
    except TimeoutError:
        raise UploadError("the body took too long") from None
    upload = parse_form(bytes(body), (found[1] or found[2]).encode("ascii"))
    if len(upload.data) > most:
        raise UploadError("the file is too large", too_large=True, size=len(upload.data))
    return upload


def parse_form(body: bytes, boundary: bytes) -> Upload:
    """The parts of a body. Raises UploadError for anything malformed, and for a second file."""
    mark = b"\r\n--" + boundary
    parts = (b"\r\n" + body).split(mark, MOST_PARTS + 2)
    # Before the first mark there may be a preamble, which is ignored; after the last one "--" follows.
    if len(parts) < 3 or len(parts) > MOST_PARTS + 2 or not parts[-1].startswith(b"--"):
        raise UploadError("the form is malformed")
    fields: dict[str, str] = {}
    file: tuple[str, bytes] | None = None
    for part in parts[1:-1]:
        head, gap, content = part.partition(b"\r\n\r\n")
        named = _NAME.search(head)
        if not head.startswith(b"\r\n") or not gap or len(head) > MOST_FIELD or named is None:
            raise UploadError("a part of the form is malformed")
        file_name = _FILE.search(head)
        if file_name is not None:
            if file is not None:
                raise UploadError("one file at a time")
            file = (file_name[1].decode("utf-8", "replace"), content)
        elif len(content) > MOST_FIELD:
            raise UploadError("a field is too long")
        else:
            fields[named[1].decode("utf-8", "replace")] = content.decode("utf-8", "replace")
    return Upload(fields, *(file or ("", b"")))
