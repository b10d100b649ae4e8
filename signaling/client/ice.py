"""A full ICE agent for one component, in the shape a client of a relay needs (RFC 8445, RFC 7675).

Sans-I/O. Drive it so: ``receive(data, path, now)`` for each STUN datagram and
``poll(now)`` at the time the last ``poll`` returned; after each take
``outgoing()``. The agent knows one component and has one local candidate for
each address family (a socket bound to every address); the relay learns our
address from the check. It is controlling against an ICE-lite relay and where we
offer; against a full agent that offers it is controlled, and role conflicts are
solved by the tie-breaker (section 7.3.1.1).

A check of a path that has answered is repeated for ever (consent, RFC 7675):
this keeps a firewall's mapping open, and carries a change of our own address to
the relay, which believes it because the check has valid integrity.
"""

from __future__ import annotations

import ipaddress
import random
import secrets
import string
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from aioice import stun

RTO: Final = 0.1
"""First retransmission of a check in seconds; it doubles from there."""
MAX_RTO: Final = 0.8
"""Longest time between transmissions: a line that comes back is found within this."""
MAX_SENDS: Final = 6
"""Transmissions of one check before its path counts as failed (3.1 s)."""
RETRY_FAILED: Final = 1.0
"""A failed path is tried again after this long while nothing better is there."""
CONSENT_INTERVAL: Final = 2.5
"""Between checks of the selected path. RFC 7675 has 5 s; half of it finds a change of address sooner."""
MAX_CANDIDATES: Final = 32
"""Remote candidates kept; more are dropped."""
BETTER_WAIT: Final = 0.05
"""How long a succeeded path waits for one of higher priority that is still being checked."""

CHECK_PRIORITY: Final = (126 << 24) | (65535 << 8) | 255
"""PRIORITY of our checks: that of a host candidate. RFC 8445 section 7.1.1 has the lower one of a
peer-reflexive candidate, with which a full agent would stay with our old address after a change of port."""

_ALPHABET: Final = string.ascii_letters + string.digits + "+/"


class Path(NamedTuple):
    """A remote address and the local socket to it; ``family`` is 4 or 6."""

    family: int
    host: str
    port: int


class IceState(StrEnum):
    """``lost`` is a path without answer for longer than the consent time."""

    NEW = "new"
    CHECKING = "checking"
    CONNECTED = "connected"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Credentials:
    """User fragment and password of one side (RFC 8445 section 5.3)."""

    ufrag: str
    pwd: str = field(repr=False)

    @staticmethod
    def generate() -> Credentials:
        """Fresh ones: 48 bits of user fragment, 144 bits of password."""
        return Credentials(_word(8), _word(24))


def _word(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(slots=True)
class _Pair:
    path: Path
    priority: int
    state: str = "waiting"
    """waiting, checking, succeeded, failed"""
    transaction: bytes = b""
    controlling: bool = True
    nominating: bool = False
    remote_nominated: bool = False
    sends: int = 0
    due: float = 0.0
    changed_at: float = 0.0


class IceAgent:
    """One component's connectivity checks, nomination and consent.

    ``consent_time`` is how many seconds without an answer make a selected path
    ``lost``; the agent goes on checking, so it may come back by itself.
    """

    def __init__(self, *, consent_time: float = 12.0, rng: random.Random | None = None) -> None:
        self.controlling = True
        self.local = Credentials.generate()
        self.state = IceState.NEW
        self.selected: Path | None = None
        self._remote: Credentials | None = None
        self._pairs: dict[Path, _Pair] = {}
        self._out: list[tuple[bytes, Path]] = []
        self._answered_at = 0.0
        self._nominated = False
        self._consent_time = consent_time
        self._tie_breaker = secrets.randbits(64)
        self._rng = rng or random.Random()
        self.rejected = 0
        """Datagrams that were no STUN of ours: wrong integrity, unknown transaction, garbage."""

    @property
    def remote(self) -> Credentials | None:
        """The other side's credentials, once known."""
        return self._remote

    # -- what signalling tells --------------------------------------------------

    def set_remote(self, remote: Credentials, *, controlling: bool = True) -> bool:
        """The other side's credentials; true when they are new, which restarts the checks.

        ``controlling`` is our role, which is fixed by the first description.
        """
        if remote == self._remote:
            return False
        if self._remote is None:
            self.controlling = controlling
        self._remote = remote
        # Candidates may have come before the description that they belong to, so none is forgotten.
        self._begin_again()
        if self.selected is None:
            self.state = IceState.CHECKING
        return True

    def restart(self) -> None:
        """New local credentials (RFC 8445 section 9). The selected path carries media meanwhile."""
        self.local = Credentials.generate()
        self._begin_again()

    def _begin_again(self) -> None:
        for pair in self._pairs.values():
            pair.state, pair.sends, pair.due = "waiting", 0, 0.0
            pair.nominating = pair.remote_nominated = False
        self._nominated = False

    def add_candidate(self, host: str, port: int, priority: int, protocol: str = "udp") -> bool:
        """A remote candidate. False, and ignored, for names, other protocols, and too many.

        A host name (mDNS) is not resolved: the relay is reached at addresses.
        """
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        if (
            protocol.lower() != "udp"
            or not 0 < port < 65536
            or address.is_unspecified
            or address.is_multicast
        ):
            return False
        path = Path(address.version, str(address), port)
        if path in self._pairs:
            return True
        if len(self._pairs) >= MAX_CANDIDATES:
            return False
        self._pairs[path] = _Pair(path, priority)
        return True

    def drop_family(self, family: int) -> None:
        """There is no socket of this family after all: forget the paths through it."""
        for path in [path for path in self._pairs if path.family == family]:
            del self._pairs[path]

    def moved(self, now: float) -> None:
        """Our own address changed: check the selected path at once, so that the relay follows."""
        if self.selected is not None and self.selected in self._pairs:
            self._start(self._pairs[self.selected], now, nominating=True)

    # -- driving -----------------------------------------------------------------

    def poll(self, now: float) -> float:
        """Send what is due; returns when to be called again (``inf``: after the next event)."""
        if self._remote is None:
            return float("inf")
        for pair in self._pairs.values():
            if pair.state == "waiting" or (pair.state == "failed" and now >= pair.due):
                if not self._nominated or pair.path == self.selected:
                    self._start(pair, now, nominating=pair.path == self.selected)
            elif pair.state == "checking" and now >= pair.due:
                self._repeat(pair, now)
        self._nominate_best(now)
        if self.selected is not None:
            pair_or_none = self._pairs.get(self.selected)
            if pair_or_none is not None and pair_or_none.state == "succeeded" and now >= pair_or_none.due:
                self._start(pair_or_none, now, nominating=True)
            if self.state is IceState.CONNECTED and now - self._answered_at > self._consent_time:
                self.state = IceState.LOST
        return self._next_due(now)

    def outgoing(self) -> list[tuple[bytes, Path]]:
        """Datagrams to send, and empties the list."""
        out, self._out = self._out, []
        return out

    def receive(self, data: bytes, path: Path, now: float) -> None:
        """A datagram whose first byte is that of STUN. Never raises."""
        try:
            message = stun.parse_message(data)
            if message.message_method != stun.Method.BINDING:
                raise ValueError("no binding")
            if message.message_class == stun.Class.REQUEST:
                self._request(message, path, now)
            elif message.message_class in (stun.Class.RESPONSE, stun.Class.ERROR):
                self._response(message, path, now)
        except (ValueError, KeyError, IndexError, UnicodeDecodeError):
            self.rejected += 1

    # -- inside ------------------------------------------------------------------

    def _next_due(self, now: float) -> float:
        due = float("inf")
        for pair in self._pairs.values():
            if (
                pair.state == "checking"
                or pair.path == self.selected
                or (pair.state == "failed" and not self._nominated)
            ):
                due = min(due, pair.due)
            elif pair.state == "succeeded" and not self._nominated:
                due = min(due, pair.changed_at + BETTER_WAIT)
        return max(due, now + 0.005)

    def _start(self, pair: _Pair, now: float, *, nominating: bool) -> None:
        pair.state = "checking"
        pair.controlling = self.controlling
        pair.nominating = nominating and self.controlling
        pair.sends = 0
        pair.transaction = secrets.token_bytes(12)
        self._repeat(pair, now)

    def _repeat(self, pair: _Pair, now: float) -> None:
        if pair.sends >= MAX_SENDS:
            self._failed(pair, now)
            return
        pair.due = now + min(RTO * 2**pair.sends, MAX_RTO)
        pair.sends += 1
        self._out.append((self._check(pair), pair.path))

    def _failed(self, pair: _Pair, now: float) -> None:
        pair.state = "failed"
        pair.due = now + RETRY_FAILED
        if pair.path == self.selected or pair.nominating:
            # What was chosen does not answer: any other path may be chosen again.
            self._nominated = False
            for other in self._pairs.values():
                if other.state == "succeeded":
                    other.state = "waiting"

    def _check(self, pair: _Pair) -> bytes:
        if self._remote is None:
            raise AssertionError("checks are sent only once the remote side is known")
        attributes: dict[str, object] = {
            "USERNAME": f"{self._remote.ufrag}:{self.local.ufrag}",
            "PRIORITY": CHECK_PRIORITY,
            "ICE-CONTROLLING" if pair.controlling else "ICE-CONTROLLED": self._tie_breaker,
        }
        if pair.nominating:
            attributes["USE-CANDIDATE"] = None
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, pair.transaction, attributes)
        message.add_message_integrity(self._remote.pwd.encode())
        return bytes(message)

    def _nominate_best(self, now: float) -> None:
        if self._nominated or not self.controlling:
            return
        best: _Pair | None = None
        for pair in self._pairs.values():
            if pair.state == "succeeded" and (best is None or pair.priority > best.priority):
                best = pair
        if best is None:
            return
        hopeful = any(p.state == "checking" and p.priority > best.priority for p in self._pairs.values())
        if not hopeful or now - best.changed_at >= BETTER_WAIT:
            self._nominated = True
            self._start(best, now, nominating=True)

    def _response(self, message: stun.Message, path: Path, now: float) -> None:
        pair = next((p for p in self._pairs.values() if p.transaction == message.transaction_id), None)
        if pair is None or pair.path != path or self._remote is None:
            raise ValueError("answer to no question of ours")
        if not message.check_message_integrity(self._remote.pwd.encode()):
            raise ValueError("wrong integrity")
        if message.message_class == stun.Class.ERROR:
            if message.error_code == 487:
                # Our role when the question was sent tells which one is left.
                self.controlling = not pair.controlling
                self._start(pair, now, nominating=False)
            else:
                self._failed(pair, now)
            return
        pair.state = "succeeded"
        pair.changed_at = now
        pair.due = now + CONSENT_INTERVAL * self._rng.uniform(0.8, 1.2)
        if pair.path == self.selected:
            self._answered_at = now
        if pair.nominating or (pair.remote_nominated and not self.controlling):
            self._select(pair, now)

    def _select(self, pair: _Pair, now: float) -> None:
        self._answered_at = now
        self._nominated = True
        self.selected = pair.path
        self.state = IceState.CONNECTED

    def _request(self, message: stun.Message, path: Path, now: float) -> None:
        """A check from a full agent: answered, checked back, and its nomination followed (section 7.3)."""
        username = str(message.attributes["USERNAME"])
        if username.partition(":")[0] != self.local.ufrag:
            raise ValueError("not for us")
        if not message.check_message_integrity(self.local.pwd.encode()):
            raise ValueError("wrong integrity")
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
        if self._conflict(message):
            answer.message_class = stun.Class.ERROR
            answer.attributes["ERROR-CODE"] = (487, "Role Conflict")
        else:
            answer.attributes["XOR-MAPPED-ADDRESS"] = (path.host, path.port)
        answer.add_message_integrity(self.local.pwd.encode())
        self._out.append((bytes(answer), path))
        if answer.message_class == stun.Class.ERROR or self._remote is None:
            return
        self.add_candidate(path.host, path.port, int(message.attributes.get("PRIORITY", 0)))
        pair = self._pairs.get(path)
        if pair is None:
            return
        if "USE-CANDIDATE" in message.attributes and not self.controlling:
            pair.remote_nominated = True
            if pair.state == "succeeded":
                self._select(pair, now)
        if pair.state == "failed":
            pair.state = "waiting"

    def _conflict(self, message: stun.Message) -> bool:
        """Whether the sender has our role and must give way; else we give way ourselves."""
        name = "ICE-CONTROLLING" if self.controlling else "ICE-CONTROLLED"
        theirs = message.attributes.get(name)
        if theirs is None:
            return False
        if (self._tie_breaker >= theirs) is self.controlling:
            return True
        self.controlling = not self.controlling
        self._nominated = False
        return False
