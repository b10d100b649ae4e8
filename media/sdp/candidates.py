"""ICE candidates as text: ``a=candidate`` values and trickled JSON (RFC 8839, RFC 8838).

Reading never raises and never resolves: a candidate whose address is a name
(``….local``, RFC 8828) or that is malformed is None. An ICE-lite server needs
none of them; a full agent takes what is left.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import Final

from media.sdp.grammar import is_token
from media.sdp.types import HostCandidate

MAX_CANDIDATE: Final = 1024
"""Characters of one candidate line."""

MAX_TRICKLE: Final = 4096
"""Characters of one trickled JSON object."""

_TYPES: Final = frozenset({"host", "srflx", "prflx", "relay"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A remote candidate. ``protocol`` is ``udp`` or ``tcp``; ``tcptype`` is empty for UDP.

    ``host`` is an IP address without a zone: the zone of a link-local address
    names an interface of the *other* host.
    """

    foundation: str
    component: int
    protocol: str
    priority: int
    host: str
    port: int
    type: str
    tcptype: str = ""


@dataclass(frozen=True, slots=True)
class Trickle:
    """One trickled candidate. ``end`` marks end-of-candidates; ``candidate`` is None for an unusable one."""

    candidate: Candidate | None
    mid: str | None
    line: int | None
    end: bool


def parse_candidate(text: str) -> Candidate | None:
    """The candidate in the value of an ``a=candidate`` line, with or without ``a=candidate:`` before it."""
    if len(text) > MAX_CANDIDATE or not text.isascii():
        return None
    text = text.strip().removeprefix("a=").removeprefix("candidate:")
    parts = text.split()
    if len(parts) < 8 or parts[6] != "typ":
        return None
    foundation, component, protocol, priority, host, port, _, kind = parts[:8]
    protocol = protocol.lower()
    address = _address(host)
    component_number = _small(component, 256)
    priority_number = _small(priority, 0xFFFFFFFF)
    port_number = _small(port, 65535)
    if (
        address is None
        or component_number is None
        or priority_number is None
        or port_number is None
        or not is_token(foundation, 32)
        or protocol not in ("udp", "tcp")
        or kind not in _TYPES
    ):
        return None
    # What follows are pairs of name and value, known or not.
    pairs = dict(zip(parts[8::2], parts[9::2], strict=False))
    tcptype = pairs.get("tcptype", "") if protocol == "tcp" else ""
    return Candidate(
        foundation, component_number, protocol, priority_number, address, port_number, kind, tcptype
    )


def parse_trickle(text: str) -> Trickle | None:
    """The JSON of LiveKit's ``trickle`` (``candidate``, ``sdpMid``, ``sdpMLineIndex``); None if not."""
    if len(text) > MAX_TRICKLE:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if value is None:
        return Trickle(None, None, None, end=True)
    if not isinstance(value, dict):
        return None
    line = value.get("candidate")
    mid = value.get("sdpMid")
    index = value.get("sdpMLineIndex")
    known_index = isinstance(index, int) and not isinstance(index, bool) and 0 <= index < 65536
    end = line is None or (isinstance(line, str) and not line.strip())
    return Trickle(
        candidate=parse_candidate(line) if isinstance(line, str) and not end else None,
        mid=mid if isinstance(mid, str) and is_token(mid) else None,
        line=index if known_index else None,
        end=end,
    )


def write_candidate(candidate: HostCandidate) -> str:
    """The value of an ``a=candidate`` line, from ``candidate:`` on."""
    line = (
        f"candidate:{candidate.foundation} {candidate.component} {candidate.protocol} "
        f"{candidate.priority} {candidate.host} {candidate.port} typ host"
    )
    return f"{line} tcptype passive" if candidate.protocol == "tcp" else line


def write_trickle(candidate: HostCandidate | None, mid: str, line: int = 0) -> str:
    """The JSON that LiveKit's ``trickle`` carries; None is end-of-candidates."""
    text = "" if candidate is None else write_candidate(candidate)
    return json.dumps({"candidate": text, "sdpMid": mid, "sdpMLineIndex": line}, separators=(",", ":"))


def _address(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return None


def _small(text: str, high: int) -> int | None:
    if not text.isdigit() or len(text) > 10:
        return None
    value = int(text)
    return value if value <= high else None
