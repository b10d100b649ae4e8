"""Limits per caller: a token bucket for each address, for a bounded number of addresses. Pure."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

from media.streams.limits import TokenBucket


class Throttle:
    """``rate`` events a second and ``burst`` at once for each caller; ``size`` callers are remembered.

    The one not heard of for longest is forgotten first. IPv6 callers count by
    their /64, which one of them usually owns.
    """

    def __init__(self, rate: float, burst: float, size: int = 10_000) -> None:
        self._rate = rate
        self._burst = burst
        self._size = size
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, address: str, now: float) -> float:
        """Seconds until one more event would pass; 0 when it would now. Nothing is counted."""
        bucket = self._buckets.get(caller(address))
        if bucket is None:
            return 0.0
        ready = bucket.ready_at(now)
        return float("inf") if ready is None else max(0.0, ready - now)

    def take(self, address: str, now: float) -> bool:
        """Count an event; False if it is one too many, and then it is not counted."""
        key = caller(address)
        bucket = self._buckets.pop(key, None) or TokenBucket(self._rate, self._burst)
        self._buckets[key] = bucket
        while len(self._buckets) > self._size:
            self._buckets.popitem(last=False)
        return bucket.take(now)


def caller(address: str) -> str:
    """What is counted as one caller; text that is no address counts as itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
