"""Noticing that a peer sends from another address than the one it was bound to.

A NAT that changes its mapping lets a peer's media arrive from a new port at
once, while the peer's next connectivity check may be seconds away. What comes
from an unbound address is never used. But when its SSRC is that of a transport
and it unprotects under that transport's keys, the address is worth a check of
ours, and the driver is told.

Bounds. One look per address in ``PAUSE`` seconds, ``MAX_TRIES`` decryptions for
one packet and ``TRIES_PER_SECOND`` in all; an authentic packet that was looked
at is spent, as if it had been lost on the way.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from media.errors import PacketError
from media.ports import Address

if TYPE_CHECKING:
    from media.path.transport import PathTransport

PAUSE = 0.2
TRIES_PER_SECOND = 100.0
MAX_TRIES = 8
MAX_ADDRESSES = 1024
"""Unbound addresses that are remembered before old ones are cleared out."""


class SsrcIndex:
    """Which transports have been heard to use an SSRC, as a sender of RTP or of RTCP.

    Several may: browsers that only receive all send their reports under SSRC 1.
    """

    __slots__ = ("_transports",)

    def __init__(self) -> None:
        self._transports: dict[int, dict[PathTransport, None]] = {}

    def __len__(self) -> int:
        return len(self._transports)

    def add(self, ssrc: int, transport: PathTransport) -> None:
        """This transport's peer sends under this SSRC."""
        self._transports.setdefault(ssrc, {})[transport] = None

    def discard(self, ssrc: int, transport: PathTransport) -> None:
        """It does no more."""
        found = self._transports.get(ssrc)
        if found is not None:
            found.pop(transport, None)
            if not found:
                del self._transports[ssrc]

    def find(self, ssrc: int) -> list[PathTransport]:
        """All transports of this SSRC."""
        return list(self._transports.get(ssrc, ()))


class MoveDetector:
    """Finds the transport to which a packet from an unbound address belongs."""

    __slots__ = ("_counters", "_looked", "_refilled", "_start", "_tries", "index")

    def __init__(self, counters: Counter[str]) -> None:
        self.index = SsrcIndex()
        self._counters = counters
        self._looked: dict[Address, float] = {}
        self._tries = TRIES_PER_SECOND
        self._refilled = 0.0
        self._start = 0

    def examine(self, data: bytes, address: Address, *, control: bool, now: float) -> int | None:
        """The number of the transport whose peer sent this RTP or RTCP packet, if it is known."""
        candidates = self.index.find(int.from_bytes(data[4:8] if control else data[8:12], "big"))
        if not candidates or not self._may_look(address, now):
            return None
        for transport in self._order(candidates, address[1]):
            srtp = transport.srtp
            if srtp is None or self._tries < 1.0:
                continue
            self._tries -= 1.0
            try:
                if control:
                    srtp.unprotect_rtcp(data)
                else:
                    srtp.unprotect(data)
            except PacketError:
                continue
            self._counters["moves_seen"] += 1
            return transport.number
        return None

    def _order(self, candidates: list[PathTransport], host: str) -> list[PathTransport]:
        """At most ``MAX_TRIES``: those last heard from the same host first, the others by turns."""
        if len(candidates) <= MAX_TRIES:
            return candidates
        self._start = (self._start + MAX_TRIES) % len(candidates)
        turned = candidates[self._start :] + candidates[: self._start]
        turned.sort(key=lambda transport: transport.address is None or transport.address[1] != host)
        return turned[:MAX_TRIES]

    def _may_look(self, address: Address, now: float) -> bool:
        self._tries = min(TRIES_PER_SECOND, self._tries + (now - self._refilled) * TRIES_PER_SECOND)
        self._refilled = now
        if self._tries < 1.0:
            self._counters["moves_not_examined"] += 1
            return False
        looked = self._looked
        at = looked.get(address)
        if at is not None and now - at < PAUSE:
            return False
        if len(looked) >= MAX_ADDRESSES:
            # Each of them cost a try, so those of the last pause are few.
            self._looked = looked = {key: when for key, when in looked.items() if now - when < PAUSE}
        looked[address] = now
        return True
