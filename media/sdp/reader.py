"""Reading SDP text (RFC 8866): lenient about content, strict about size.

Unknown attributes are kept, unknown line types skipped, both line ends taken.
Nothing is resolved: an address that is a name stays text. Linear in the text.
"""

from __future__ import annotations

from typing import Final

from media.errors import SdpError
from media.sdp.grammar import excerpt, number
from media.sdp.model import Attribute, MediaDescription, SessionDescription

MAX_LENGTH: Final = 1024 * 1024
"""Characters of a description."""

LINES: Final = 2048
LINES_PER_SECTION: Final = 256
"""Lines of a description, and as many more for each section that it may have. Chromium writes 160."""

MAX_LINE: Final = 8192
"""Characters of one line. Browsers' longest are fmtp lines of a few hundred."""

MAX_SECTIONS: Final = 256
"""Media sections of an offer. A client without reuse gets here after 100 screen shares."""

MAX_FORMATS: Final = 200
"""Payload types of a section; RTP has 128."""

MEAN_FORMATS: Final = 40
"""Payload types of a description for each section that it may have, on average. Chromium writes 33."""

_IGNORED: Final = frozenset("vieupzrk")


def parse(text: str, *, max_sections: int = MAX_SECTIONS, max_length: int = MAX_LENGTH) -> SessionDescription:
    """The description that ``text`` holds.

    Raises SdpError when it does not begin with ``v=0``, has an unreadable
    ``m=`` line, or is over a limit of this module; an answer to an offer of our
    own may be granted as many sections as that had.
    """
    lines = _lines(text, max_length, LINES + LINES_PER_SECTION * max_sections)
    if not lines or lines[0].rstrip() != "v=0":
        raise SdpError("a session description begins with v=0")
    session = SessionDescription()
    attributes: list[Attribute] = session.attributes
    media: MediaDescription | None = None
    max_formats = max(1024, MEAN_FORMATS * max_sections)
    formats_left = max_formats
    for line in lines:
        if len(line) > MAX_LINE:
            raise SdpError(f"a line of {len(line)} characters; at most {MAX_LINE} are taken")
        start = line[:2]
        if start == "a=":
            name, colon, value = line[2:].partition(":")
            attributes.append((name, value if colon else None))
        elif start == "m=":
            if len(session.media) >= max_sections:
                raise SdpError(f"more than {max_sections} media sections")
            media = _media(line[2:])
            attributes = media.attributes
            formats_left -= len(media.formats)
            if formats_left < 0:
                raise SdpError(f"more than {max_formats} payload types in all")
            session.media.append(media)
        elif len(start) == 2 and start[1] == "=" and start[0] not in _IGNORED:
            _other(session, media, start[0], line[2:])
    return session


def _lines(text: str, max_length: int, max_lines: int) -> list[str]:
    if len(text) > max_length:
        raise SdpError(f"a description of {len(text)} characters; at most {max_length} are taken")
    if "\0" in text:
        raise SdpError("a description with a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise SdpError("a description that is not Unicode text") from None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > max_lines:
        raise SdpError(f"more than {max_lines} lines")
    return text.split("\n")


def _media(value: str) -> MediaDescription:
    parts = value.split(None, MAX_FORMATS + 3)
    if len(parts) < 4:
        raise SdpError(f"an m= line needs a type, a port, a protocol and a format: {excerpt(value)}")
    if len(parts) > MAX_FORMATS + 3:
        raise SdpError(f"a media section with more than {MAX_FORMATS} payload types")
    # "9/2" counts ports; WebRTC never uses more than the first.
    port = number(parts[1].partition("/")[0], 0, 65535, "the port of an m= line")
    return MediaDescription(parts[0], port, parts[2], tuple(parts[3:]))


def _other(session: SessionDescription, media: MediaDescription | None, kind: str, value: str) -> None:
    target = session if media is None else media
    if kind == "c":
        target.connection = value
    elif kind == "b":
        target.bandwidth.append(value)
    elif media is None and kind == "o":
        session.origin = value
    elif media is None and kind == "s":
        session.name = value
    elif media is None and kind == "t":
        session.timing = value
