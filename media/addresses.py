"""Where to listen and what to advertise: the host's addresses and their ICE candidates.

Addresses are read once, at start; interfaces that appear later are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
import zlib
from collections.abc import Sequence

import psutil

from media.sdp.types import HostCandidate

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST_TYPE_PREFERENCE = 126
"""RFC 8445, 5.1.2.2."""

_UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")


def listening_addresses(
    bind: Sequence[str] = (),
    *,
    include_loopback: bool = False,
    ipv4: bool = True,
    ipv6: bool = True,
    present: Sequence[str] | None = None,
) -> list[str]:
    """Local addresses to listen on, in order of preference.

    ``bind`` names addresses (taken as they are, and then nothing else is
    searched); empty, ``0.0.0.0`` and ``::`` mean all of the host's, of that
    family. Link-local, multicast and unspecified addresses are left out;
    loopback too unless asked for or nothing else is left. ``present`` replaces
    the host's own list. ValueError for text that is no address.
    """
    wanted = [ipaddress.ip_address(_without_zone(text)) for text in bind]
    named = [address for address in wanted if not address.is_unspecified]
    if named:
        return [str(address) for address in dict.fromkeys(named)]
    if wanted:
        ipv4 = any(address.version == 4 for address in wanted)
        ipv6 = any(address.version == 6 for address in wanted)
    found = []
    for text in host_addresses() if present is None else present:
        address = ipaddress.ip_address(_without_zone(text))
        if (ipv4 if address.version == 4 else ipv6) and not (
            address.is_link_local or address.is_multicast or address.is_unspecified
        ):
            found.append(address)
    outer = [address for address in found if not address.is_loopback]
    return [str(address) for address in _interleave(found if include_loopback or not outer else outer)]


def host_addresses() -> list[str]:
    """All IPv4 and IPv6 addresses of interfaces that are up, as the system lists them."""
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    return [
        entry.address
        for name, entries in psutil.net_if_addrs().items()
        if name in up
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    ]


def local_priorities(addresses: Sequence[str]) -> list[int]:
    """Candidate priority of each address, by its place in the list (RFC 8445, 5.1.2.1)."""
    return [_priority(place) for place in range(len(addresses))]


def host_candidates(
    addresses: Sequence[str], port: int, advertised: Sequence[str] = ()
) -> tuple[HostCandidate, ...]:
    """The candidates to write into a description.

    ``advertised`` (``node_ip``), where given, stands in place of ``addresses``:
    a host behind a one-to-one NAT is reached there. ValueError for text that is
    no address, or a port outside 1 to 65,535.
    """
    if not 1 <= port <= 65535:
        raise ValueError(f"port {port} is not in 1 to 65535")
    hosts = [str(ipaddress.ip_address(_without_zone(text))) for text in advertised or addresses]
    return tuple(
        HostCandidate(host=host, port=port, priority=_priority(place), foundation=_foundation(host))
        for place, host in enumerate(dict.fromkeys(hosts))
    )


def _priority(place: int) -> int:
    preference = 65535 - min(place, 65535)
    return (_HOST_TYPE_PREFERENCE << 24) | (preference << 8) | 255


def _foundation(host: str) -> str:
    """The same for the same type, protocol and base address, in every process (RFC 8445, 5.1.1.3)."""
    return str(zlib.crc32(f"host udp {host}".encode("ascii")))


def _interleave(found: Sequence[IPAddress]) -> list[IPAddress]:
    """IPv6 and IPv4 by turns (RFC 8421, 4), so that a broken family costs half the pairs at most.

    Unique local IPv6 comes after IPv4, as in the policy table of RFC 6724;
    loopback comes last.
    """
    unique = list(dict.fromkeys(found))
    inner: list[IPAddress] = [a for a in unique if a.is_loopback]
    local: list[IPAddress] = [
        a for a in unique if not a.is_loopback and a.version == 6 and a in _UNIQUE_LOCAL
    ]
    six: list[IPAddress] = [a for a in unique if a.version == 6 and a not in inner and a not in local]
    four: list[IPAddress] = [a for a in unique if a.version == 4 and a not in inner]
    mixed: list[IPAddress] = []
    for place in range(max(len(six), len(four))):
        mixed += six[place : place + 1] + four[place : place + 1]
    return mixed + local + sorted(inner, key=lambda a: a.version)


def _without_zone(text: str) -> str:
    return text.partition("%")[0]
