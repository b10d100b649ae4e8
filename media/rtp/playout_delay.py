"""The playout-delay header extension (webrtc.org/experiments/rtp-hdrext/playout-delay).

Two bounds of 12 bits each, in units of 10 ms: at least and at most so long a picture is held between capture
and display. Both zero would mean *show at once, out of step with the sound*, which nobody here wants.
"""

from __future__ import annotations

UNIT = 0.01
MOST = 0xFFF


def pack_playout_delay(minimum: float) -> bytes:
    """Three octets that ask for at least ``minimum`` seconds and set no upper bound."""
    units = min(MOST, max(0, round(minimum / UNIT)))
    return (units << 12 | MOST).to_bytes(3, "big")
