"""A session description as its lines say it (RFC 8866), before anyone asks what they mean.

Attributes keep their order and text; ``by_name`` groups them for the readers of
meaning in ``sections``. Equality is that of the text, lines of other types than
``v o s c t b a m`` apart: those are not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Attribute = tuple[str, str | None]
"""Name and value of an ``a=`` line; the value is None for a flag (``a=rtcp-mux``)."""


@dataclass(slots=True)
class MediaDescription:
    """One media section: ``m=`` and what follows it.

    ``kind`` is the media type (``audio``), ``protocol`` the transport
    (``UDP/TLS/RTP/SAVPF``), ``connection`` the value of ``c=`` or empty.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    connection: str = ""
    bandwidth: list[str] = field(default_factory=list)
    # Not in the repr: the password of ICE is among them.
    attributes: list[Attribute] = field(default_factory=list, repr=False)

    def add(self, name: str, value: str | int | None = None) -> None:
        """Append an attribute."""
        self.attributes.append((name, None if value is None else str(value)))


@dataclass(slots=True)
class SessionDescription:
    """A whole description. ``origin``, ``name`` and ``timing`` are the values of ``o=``, ``s=``, ``t=``."""

    origin: str = "- 0 0 IN IP4 0.0.0.0"
    name: str = "-"
    timing: str = "0 0"
    connection: str = ""
    bandwidth: list[str] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list, repr=False)
    media: list[MediaDescription] = field(default_factory=list)

    def add(self, name: str, value: str | int | None = None) -> None:
        """Append a session-level attribute."""
        self.attributes.append((name, None if value is None else str(value)))


def by_name(attributes: Iterable[Attribute]) -> dict[str, list[str]]:
    """The values of each attribute in their order; a flag's value is empty text."""
    found: dict[str, list[str]] = {}
    for name, value in attributes:
        known = found.get(name)
        if known is None:
            found[name] = [value or ""]
        else:
            known.append(value or "")
    return found
