"""Checks of our own, where a peer's media comes from an address that it has not checked.

After a change of a NAT's mapping a browser's media arrives from the new port at
once, but its next check may take 2.5 s, in which all that we send is lost. So
when the packet path has authentic media of a transport from another address,
one check is sent there with the peer's password. The answer, with valid
integrity, is proof that the peer is there (a triggered check in the sense of
RFC 8445, 7.3.1.4, which a lite agent may leave out).

Bounds: as many probes as ``MAX_PENDING`` wait, each for ``LIFETIME`` seconds;
the oldest is forgotten first. How often one is sent is limited per transport.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from media.ice import stun
from media.ports import Address

MAX_PENDING = 256
LIFETIME = 2.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One that waits for its answer."""

    transport: int
    serial: int
    address: Address
    sent_at: float


class Probes:
    """The checks that were sent and are not answered yet."""

    def __init__(self) -> None:
        self._pending: dict[bytes, Probe] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def make(
        self, transport: int, serial: int, address: Address, username: str, pwd: str, now: float
    ) -> bytes:
        """The datagram to send to ``address``."""
        if len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        transaction_id = secrets.token_bytes(12)
        self._pending[transaction_id] = Probe(transport, serial, address, now)
        return stun.probe_request(transaction_id, username, pwd)

    def find(self, transaction_id: bytes, address: Address, now: float) -> Probe | None:
        """The probe that this may answer; it must come from where the probe was sent."""
        probe = self._pending.get(transaction_id)
        if probe is None or probe.address != address or now - probe.sent_at > LIFETIME:
            return None
        return probe

    def done(self, transaction_id: bytes) -> None:
        """The answer was valid: another of the same is none."""
        self._pending.pop(transaction_id, None)
