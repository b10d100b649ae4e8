"""NTP time stamps of RTCP: 64 bits, seconds since 1900 in 32.32 fixed point (RFC 3550 section 4)."""

from __future__ import annotations

from typing import Final

NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900-01-01 to 1970-01-01."""

_ERA: Final = 1 << 64


def to_ntp(wall: float) -> int:
    """Seconds since the Unix epoch as a 64-bit stamp; from 2036 on it has wrapped, as NTP does."""
    return round((wall + NTP_EPOCH) * 4294967296.0) % _ERA


def from_ntp(ntp: int) -> float:
    """A 64-bit stamp as seconds since the Unix epoch.

    A stamp with the top bit clear is read as the era that begins in 2036
    (RFC 4330 section 3), so the answer is from 1968 to 2104.
    """
    if not ntp & 1 << 63:
        ntp += _ERA
    return ntp / 4294967296.0 - NTP_EPOCH


def middle_bits(ntp: int) -> int:
    """The middle 32 bits, as LSR carries them: units of 1/65,536 s, wrapping each 18 hours."""
    return ntp >> 16 & 0xFFFFFFFF


def round_trip(arrival: int, lsr: int, dlsr: int) -> float | None:
    """Round-trip time in seconds from a report block (RFC 3550 section 6.4.1).

    ``arrival`` is the middle 32 bits of the time at which the report came.
    None where there was no sender report yet (``lsr`` 0) or where the
    difference is negative or over a minute, which no clock of ours can mean.
    """
    if lsr == 0:
        return None
    units = arrival - lsr - dlsr & 0xFFFFFFFF
    if units >= 60 << 16:
        # Clocks of two precisions can make a very short round trip look slightly negative.
        return 0.0 if units > 0xFFFFFFFF - 655 else None
    return units / 65536.0
