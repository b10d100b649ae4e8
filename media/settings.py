"""What can be set about the relay; the application fills this from its one settings table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Addresses, limits and times of the relay. Times in seconds."""

    bind: tuple[str, ...] = ()
    """Local addresses to listen on; empty: all that are found."""

    port: int = 7882
    """The one UDP port; 0 lets the system choose."""

    node_ips: tuple[str, ...] = ()
    """Addresses to advertise instead of the bound ones (behind a NAT)."""

    include_loopback: bool = False
    """Also listen on and advertise the loopback addresses."""

    codecs: tuple[str, ...] = ("opus", "red", "vp8", "h264", "vp9", "av1")
    handshake_timeout: float = 30.0
    consent_timeout: float = 20.0
    """Without a valid STUN check for so long, a transport has failed."""

    policy_interval: float = 0.2
    """Between two rounds of layer choice and keyframe repeats."""
