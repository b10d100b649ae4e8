"""Counting failures: after some free ones each next try has to wait longer. Pure."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

LOGIN_FREE: Final = 5
ADDRESS_FREE: Final = 30
"""Failures without a wait. A whole office, or all of a city's sites, may come from one address."""
LOGIN_LEAK: Final = 900.0
ADDRESS_LEAK: Final = 60.0
"""After so many seconds one failure is forgiven."""
FIRST: Final = 1.0
LONGEST: Final = 300.0
"""Seconds of the first wait, and of the longest: whoever blocks a stranger's login has to keep at it."""
SIZE: Final = 10_000
_DOUBLINGS: Final = 30


@dataclass(slots=True)
class _Count:
    failures: int
    since: float
    """From when on the failures leak."""
    last: float


class Throttle:
    """Failures of each name, for at most ``size`` names.

    With ``free`` failures a name has to wait ``first`` seconds after its last one, with each further one
    twice as long, up to ``longest``. One failure is forgiven for each ``leak`` seconds. Beyond ``size``
    names the one not counted for longest is forgotten; ``forgotten`` says how many of those still had
    failures then, so a rising number means an attack that outgrows the memory.
    """

    def __init__(
        self,
        *,
        free: int = LOGIN_FREE,
        leak: float = LOGIN_LEAK,
        first: float = FIRST,
        longest: float = LONGEST,
        size: int = SIZE,
    ) -> None:
        self.forgotten = 0
        self._free = free
        self._leak = leak
        self._first = first
        self._longest = longest
        self._size = size
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def wait(self, name: str, now: float) -> float:
        """Seconds until ``name`` may try again; 0 if now. Nothing is counted."""
        count = self._counts.get(name)
        if count is None:
            return 0.0
        beyond = self._left(count, now) - self._free
        if beyond < 0:
            return 0.0
        delay = min(self._longest, self._first * 2.0 ** min(beyond, _DOUBLINGS))
        return max(0.0, count.last + delay - now)

    def failed(self, name: str, now: float) -> None:
        """Count a failure."""
        count = self._counts.pop(name, None)
        if count is None or not self._leaked(count, now):
            count = _Count(0, now, now)
        count.failures += 1
        count.last = max(count.last, now)
        self._counts[name] = count
        while len(self._counts) > self._size:
            _, dropped = self._counts.popitem(last=False)
            self.forgotten += self._left(dropped, now) > 0

    def take(self, name: str, now: float) -> float:
        """Begin a try: 0, and it counts as failed until it is taken back; or the wait, and nothing counts.

        Tries that run at once count each other so, and a hundred parallel guesses are not a hundred.
        """
        wait = self.wait(name, now)
        if wait == 0.0:
            self.failed(name, now)
        return wait

    def take_back(self, name: str) -> None:
        """One failure fewer: the try could not be judged."""
        count = self._counts.get(name)
        if count is not None:
            count.failures -= 1
            if count.failures <= 0:
                del self._counts[name]

    def succeeded(self, name: str) -> None:
        """Forget all failures of ``name``."""
        self._counts.pop(name, None)

    def _left(self, count: _Count, now: float) -> int:
        return max(0, count.failures - int(max(0.0, now - count.since) / self._leak))

    def _leaked(self, count: _Count, now: float) -> int:
        """Write the leak into ``count``; what is left."""
        whole = int(max(0.0, now - count.since) / self._leak)
        count.failures = max(0, count.failures - whole)
        count.since += whole * self._leak
        return count.failures


def address_name(address: str) -> str:
    """Under which name an address counts: an IPv6 one by its /64, which one caller usually owns.

    Text that is no address counts as itself, cut.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
