"""Writing SDP text (RFC 8866, section 5: the order of lines)."""

from __future__ import annotations

from collections.abc import Iterable

from media.sdp.model import Attribute, MediaDescription, SessionDescription


def write(session: SessionDescription) -> str:
    """The description as text with CRLF line ends, the last line included."""
    lines = ["v=0", f"o={session.origin}", f"s={session.name}"]
    if session.connection:
        lines.append(f"c={session.connection}")
    lines.extend(f"b={value}" for value in session.bandwidth)
    lines.append(f"t={session.timing}")
    lines.extend(_attributes(session.attributes))
    for media in session.media:
        lines.extend(_media(media))
    lines.append("")
    return "\r\n".join(lines)


def _media(media: MediaDescription) -> Iterable[str]:
    yield f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}"
    if media.connection:
        yield f"c={media.connection}"
    for value in media.bandwidth:
        yield f"b={value}"
    yield from _attributes(media.attributes)


def _attributes(attributes: Iterable[Attribute]) -> Iterable[str]:
    for name, value in attributes:
        yield f"a={name}" if value is None else f"a={name}:{value}"
