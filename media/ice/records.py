"""What the ICE-lite agent remembers of its peers, and the words it speaks to its driver."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from media.ports import Address
from media.streams.limits import TokenBucket

_ICE_CHARS = string.ascii_letters + string.digits
UFRAG_LENGTH = 8
PWD_LENGTH = 24


class IceState(StrEnum):
    """Of one transport: ``checking`` until the first valid check; the others by how long ago the last was."""

    CHECKING = "checking"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """``ice-ufrag`` and ``ice-pwd`` of one side and one generation (RFC 8839, 5.4)."""

    ufrag: str
    pwd: str = field(repr=False)

    @classmethod
    def generate(cls) -> IceCredentials:
        """Random ones: 47 bits of name, 142 bits of password (RFC 8445, 5.3 asks 24 and 128)."""
        return cls(_random(UFRAG_LENGTH), _random(PWD_LENGTH))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARS) for _ in range(length))


@dataclass(frozen=True, slots=True)
class IceSettings:
    """Times in seconds and bounds of the agent.

    ``silence``: the selected pair's nomination may be overruled by a newer one
    of lower priority when it is older than this. ``silence_unnominated``: a
    valid check without nomination takes over when the selected address has had
    none for so long (longer than the 2.5 s at which browsers check a good
    pair). ``silence_rebound``: the same where the new address differs in the
    port only, as after a change of a NAT's mapping. ``owner_silence``: an
    address that served another transport may be taken over after this.
    """

    silence: float = 2.5
    silence_unnominated: float = 3.5
    silence_rebound: float = 1.0
    owner_silence: float = 3.0
    disconnected_after: float = 15.0
    failed_after: float = 30.0
    connect_within: float = 30.0
    keep_old_credentials: float = 30.0
    forget_address_after: float = 60.0
    max_addresses: int = 16
    address_rate: float = 50.0
    address_burst: float = 100.0
    stranger_rate: float = 20.0
    stranger_burst: float = 60.0
    probe_rate: float = 5.0
    probe_burst: float = 3.0


class IceResult(NamedTuple):
    """What a datagram meant.

    ``response`` goes back to where the datagram came from (None: silence).
    ``selected`` is set when that address has just become the one to send to;
    ``state`` when it has changed; ``released`` lists addresses that had been
    selected once and are to be believed no longer.
    """

    transport: int | None = None
    response: bytes | None = None
    selected: Address | None = None
    state: IceState | None = None
    released: tuple[Address, ...] = ()


class IceChange(NamedTuple):
    """What time alone has changed about a transport."""

    transport: int
    state: IceState | None
    released: tuple[Address, ...]


NOTHING = IceResult()


@dataclass(slots=True, eq=False)
class Generation:
    """One set of our credentials, and the peer's that belong to it once they are known."""

    serial: int
    credentials: IceCredentials
    remote_ufrag: str | None = None
    remote_pwd: str | None = field(default=None, repr=False)
    validated: bool = False
    expires: float = float("inf")


@dataclass(slots=True, eq=False)
class Pair:
    """A remote address that has passed a check, with the local socket it came to."""

    address: Address
    priority: int
    serial: int
    remote_priority: int
    bucket: TokenBucket
    last_check: float
    nominated_at: float | None = None
    bound: bool = False


@dataclass(slots=True, eq=False)
class Peer:
    """All that is known of one transport."""

    transport: int
    current: Generation
    strangers: TokenBucket
    probes: TokenBucket
    previous: Generation | None = None
    pairs: dict[Address, Pair] = field(default_factory=dict)
    selected: Pair | None = None
    state: IceState = IceState.CHECKING
    last_check: float | None = None
    waiting_since: float | None = None
