"""The ICE-lite agent: answers connectivity checks of all peers and chooses where to send (RFC 8445).

Sans I/O. A lite agent never sends checks; it is always controlled, has host
candidates only, and learns peers' addresses from their checks. Driving:
``handle(data, address, now)`` for every datagram that may be STUN, ``poll(now)``
about once a second.

Silence is the answer to everything without valid USERNAME and
MESSAGE-INTEGRITY. A check that comes before the peer's description is known is
answered: the password was ours, so the peer has our description.

Limits. A check for nobody here costs a walk over the attributes. Checks from
addresses that have not passed one share one bucket per transport, those from a
known address have their own, so a stranger who knows a user name cannot use up
what the peer itself needs. At most 16 addresses per transport are remembered;
the one silent longest goes first, never the selected one. An address serves
one transport: another may take it only when the first has been silent, so a
participant with a forged source address cannot take over another's path.

Besides checks there is ``probe``, for media that comes from elsewhere than the
checks did; see ``media.ice.probes``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from media.errors import PacketError, TransportClosedError
from media.ice import stun
from media.ice.probes import Probes
from media.ice.records import (
    NOTHING,
    Generation,
    IceChange,
    IceCredentials,
    IceResult,
    IceSettings,
    IceState,
    Pair,
    Peer,
)
from media.ports import Address
from media.streams.limits import TokenBucket


def pair_priority(controlling: int, controlled: int) -> int:
    """RFC 8445, 6.1.2.3."""
    low, high = sorted((controlling, controlled))
    return (low << 32) + 2 * high + (1 if controlling > controlled else 0)


class IceLiteAgent:
    """One for all transports that share the UDP port.

    ``local_priorities``: candidate priority of each local socket, by its index
    in ``Address``; an index beyond them counts as priority 0.
    """

    def __init__(self, local_priorities: Sequence[int] = (), settings: IceSettings | None = None) -> None:
        self.settings = settings or IceSettings()
        self.local_priorities = tuple(local_priorities)
        self.counters: Counter[str] = Counter()
        self._peers: dict[int, Peer] = {}
        self._by_ufrag: dict[str, tuple[Peer, Generation]] = {}
        self._owners: dict[Address, Peer] = {}
        self._probes = Probes()

    # -- registry ----------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._peers)

    def generate(self) -> IceCredentials:
        """Fresh credentials whose user name nobody here has."""
        while (credentials := IceCredentials.generate()).ufrag in self._by_ufrag:
            pass
        return credentials

    def add(self, transport: int, credentials: IceCredentials, now: float) -> None:
        """Answer checks for a new transport. The number and the user name must be new."""
        if transport in self._peers or credentials.ufrag in self._by_ufrag:
            raise AssertionError("transport and user name must be new")
        generation = Generation(serial=1, credentials=credentials)
        limits = self.settings
        peer = Peer(
            transport,
            generation,
            strangers=TokenBucket(limits.stranger_rate, limits.stranger_burst),
            probes=TokenBucket(limits.probe_rate, limits.probe_burst),
        )
        self._peers[transport] = peer
        self._by_ufrag[credentials.ufrag] = (peer, generation)

    def restart(self, transport: int, now: float) -> IceCredentials:
        """New credentials; those in use stay valid until a check with the new ones, 30 s at most."""
        peer = self._peer(transport)
        if peer.previous is not None and not peer.current.validated:
            # The generation in use is the previous one: the pending one is replaced.
            self._by_ufrag.pop(peer.current.credentials.ufrag, None)
        else:
            if peer.previous is not None:
                self._by_ufrag.pop(peer.previous.credentials.ufrag, None)
            peer.previous = peer.current
        peer.previous.expires = now + self.settings.keep_old_credentials
        generation = Generation(serial=peer.current.serial + 1, credentials=self.generate())
        peer.current = generation
        self._by_ufrag[generation.credentials.ufrag] = (peer, generation)
        return generation.credentials

    def set_remote(self, transport: int, ufrag: str, pwd: str, now: float) -> None:
        """The peer's credentials for our newest generation; its checks must name this ``ufrag``."""
        peer = self._peer(transport)
        peer.current.remote_ufrag = ufrag
        peer.current.remote_pwd = pwd
        if peer.waiting_since is None:
            peer.waiting_since = now

    def remove(self, transport: int) -> None:
        """Forget a transport; unknown ones are no error."""
        peer = self._peers.pop(transport, None)
        if peer is None:
            return
        for generation in (peer.current, peer.previous):
            if generation is not None:
                self._by_ufrag.pop(generation.credentials.ufrag, None)
        for address in peer.pairs:
            self._owners.pop(address, None)

    # -- questions ---------------------------------------------------------------

    def state(self, transport: int) -> IceState:
        """State as of the last ``handle`` or ``poll``."""
        return self._peer(transport).state

    def selected(self, transport: int) -> Address | None:
        """The address to send to, if there is one."""
        pair = self._peer(transport).selected
        return pair.address if pair else None

    def credentials(self, transport: int) -> IceCredentials:
        """Our newest credentials for a transport."""
        return self._peer(transport).current.credentials

    def remote_ufrag(self, transport: int) -> str | None:
        """The peer's user name, from its newest description."""
        peer = self._peer(transport)
        if peer.current.remote_ufrag is None and peer.previous is not None:
            return peer.previous.remote_ufrag
        return peer.current.remote_ufrag

    # -- time --------------------------------------------------------------------

    def poll(self, now: float) -> list[IceChange]:
        """Notice silence: changed states, addresses to forget, credentials that end."""
        changes = []
        for peer in self._peers.values():
            self._end_previous(peer, now)
            horizon = now - self.settings.forget_address_after
            stale = [p for p in peer.pairs.values() if p.last_check < horizon and p is not peer.selected]
            released = self._release(peer, stale)
            state = self._state_at(peer, now)
            changed = state if state is not peer.state else None
            peer.state = state
            if changed or released:
                changes.append(IceChange(peer.transport, changed, released))
        return changes

    def _state_at(self, peer: Peer, now: float) -> IceState:
        if peer.last_check is None:
            since = peer.waiting_since
            late = since is not None and now - since >= self.settings.connect_within
            return IceState.FAILED if late else IceState.CHECKING
        quiet = now - peer.last_check
        if quiet >= self.settings.failed_after:
            return IceState.FAILED
        return IceState.DISCONNECTED if quiet >= self.settings.disconnected_after else IceState.CONNECTED

    def _end_previous(self, peer: Peer, now: float) -> None:
        previous = peer.previous
        if previous is not None and (peer.current.validated or now >= previous.expires):
            self._by_ufrag.pop(previous.credentials.ufrag, None)
            peer.previous = None

    # -- checks ------------------------------------------------------------------

    def handle(self, data: bytes, address: Address, now: float) -> IceResult:
        """Read one datagram; never raises for what is in it."""
        if not stun.is_binding_request(data):
            return self._answered(data, address, now)
        ufrag = stun.peek_local_ufrag(data)
        entry = self._by_ufrag.get(ufrag) if ufrag is not None else None
        if entry is None:
            return self._ignore("unknown")
        peer, generation = entry
        if now >= generation.expires:
            return self._ignore("outdated")
        pair = peer.pairs.get(address)
        if not (pair.bucket if pair else peer.strangers).take(now):
            return self._ignore("limited")
        try:
            request = stun.parse_request(data)
        except PacketError:
            return self._ignore("malformed")
        pwd = generation.credentials.pwd
        if request.local_ufrag != ufrag or not stun.is_authentic(request, pwd):
            return self._ignore("unauthentic")
        if generation.remote_ufrag is not None and request.remote_ufrag != generation.remote_ufrag:
            return self._ignore("outdated")
        owner = self._owners.get(address)
        if owner is not None and owner is not peer and self._holds(owner, address, now):
            return self._ignore("contested")
        if request.controlled:
            self.counters["role conflict"] += 1
            return IceResult(peer.transport, stun.role_conflict_response(request, pwd))
        self.counters["valid"] += 1
        response = stun.success_response(request, pwd, address[1], address[2])
        return self._accept(peer, generation, request, address, now)._replace(response=response)

    def probe(self, transport: int, address: Address, now: float) -> bytes | None:
        """A check to send to ``address``, from which authentic media of the transport has come.

        None when that is where we send already, the peer's password is not
        known, the address serves another transport, or there were many just now.
        """
        peer = self._peers.get(transport)
        if peer is None or (peer.selected is not None and peer.selected.address == address):
            return None
        generation = peer.current if peer.current.validated else peer.previous or peer.current
        if generation.remote_ufrag is None or generation.remote_pwd is None:
            return None
        owner = self._owners.get(address)
        contested = owner is not None and owner is not peer and self._holds(owner, address, now)
        if contested or not peer.probes.take(now):
            return None
        self.counters["probes"] += 1
        username = f"{generation.remote_ufrag}:{generation.credentials.ufrag}"
        return self._probes.make(transport, generation.serial, address, username, generation.remote_pwd, now)

    def _answered(self, data: bytes, address: Address, now: float) -> IceResult:
        """Follow the answer to a probe; all else that is no check is passed over."""
        transaction_id = stun.peek_success(data)
        probe = self._probes.find(transaction_id, address, now) if transaction_id else None
        peer = self._peers.get(probe.transport) if probe else None
        if probe is None or peer is None or transaction_id is None:
            return self._ignore("other")
        generation = next(
            (g for g in (peer.current, peer.previous) if g is not None and g.serial == probe.serial), None
        )
        if generation is None or generation.remote_pwd is None:
            return self._ignore("outdated")
        owner = self._owners.get(address)
        if owner is not None and owner is not peer and self._holds(owner, address, now):
            return self._ignore("contested")
        if not stun.is_authentic_success(data, generation.remote_pwd):
            return self._ignore("unauthentic")
        self._probes.done(transaction_id)
        self.counters["probes answered"] += 1
        old = peer.selected
        pair, released = self._pair(peer, generation, address, old.remote_priority if old else 0, now)
        return self._heard(peer, pair, take=old is not pair, released=released, now=now)

    def _ignore(self, reason: str) -> IceResult:
        self.counters[reason] += 1
        return NOTHING

    def _holds(self, owner: Peer, address: Address, now: float) -> bool:
        return now - owner.pairs[address].last_check < self.settings.owner_silence

    def _accept(
        self, peer: Peer, generation: Generation, request: stun.BindingRequest, address: Address, now: float
    ) -> IceResult:
        generation.validated = True
        self._end_previous(peer, now)
        is_new = address not in peer.pairs
        pair, released = self._pair(peer, generation, address, request.priority, now)
        newly_nominated = request.use_candidate and pair.nominated_at is None
        if request.use_candidate:
            take = self._prefers_nominated(peer.selected, pair, newly_nominated, now)
            pair.nominated_at = now
        else:
            take = self._prefers_unnominated(peer.selected, pair, is_new, now)
        return self._heard(peer, pair, take=take, released=released, now=now)

    def _pair(
        self, peer: Peer, generation: Generation, address: Address, remote_priority: int, now: float
    ) -> tuple[Pair, tuple[Address, ...]]:
        """The record of an address that has just proved valid, and what had to go for it."""
        released: tuple[Address, ...] = ()
        pair = peer.pairs.get(address)
        if pair is None:
            released = self._make_room(peer, address)
            bucket = TokenBucket(self.settings.address_rate, self.settings.address_burst)
            pair = Pair(address, 0, generation.serial, 0, bucket, now)
            peer.pairs[address] = pair
            self._owners[address] = peer
        if pair.serial < generation.serial:
            pair.serial, pair.nominated_at = generation.serial, None
        pair.last_check = now
        pair.remote_priority = remote_priority
        index = address[0]
        ours = self.local_priorities[index] if 0 <= index < len(self.local_priorities) else 0
        pair.priority = pair_priority(remote_priority, ours)
        return pair, released

    def _heard(
        self, peer: Peer, pair: Pair, *, take: bool, released: tuple[Address, ...], now: float
    ) -> IceResult:
        """The peer has shown itself at this pair: ``take`` it as the selected one, or not."""
        peer.last_check = now
        selected = None
        if take:
            peer.selected, pair.bound, selected = pair, True, pair.address
        changed = IceState.CONNECTED if peer.state is not IceState.CONNECTED else None
        peer.state = IceState.CONNECTED
        return IceResult(peer.transport, None, selected, changed, released)

    def _prefers_nominated(self, old: Pair | None, new: Pair, newly: bool, now: float) -> bool:
        if old is new:
            return False
        if old is None or new.serial > old.serial or old.nominated_at is None:
            return True
        if new.serial < old.serial:
            return False
        if now - old.nominated_at > self.settings.silence:
            return True
        # On a tie only the act of nominating counts, else two pairs would alternate.
        return new.priority > old.priority or (new.priority == old.priority and newly)

    def _prefers_unnominated(self, old: Pair | None, new: Pair, is_new: bool, now: float) -> bool:
        if old is None:
            # Nothing better is known: lets DTLS start before the peer nominates.
            return True
        if old is new or new.serial < old.serial:
            return False
        quiet = now - old.last_check
        rebound = is_new and new.address[:2] == old.address[:2] and new.remote_priority == old.remote_priority
        return quiet > (self.settings.silence_rebound if rebound else self.settings.silence_unnominated)

    def _make_room(self, peer: Peer, address: Address) -> tuple[Address, ...]:
        """Before ``address`` joins: take it from its silent owner, and let the oldest go when full."""
        owner = self._owners.get(address)
        if owner is not None:
            # Not reported as released: the new owner binds it in the same breath.
            lost = owner.pairs.pop(address)
            if owner.selected is lost:
                owner.selected = None
        if len(peer.pairs) < self.settings.max_addresses:
            return ()
        candidates = [p for p in peer.pairs.values() if p is not peer.selected]
        return self._release(peer, [min(candidates, key=lambda p: p.last_check)])

    def _release(self, peer: Peer, pairs: Sequence[Pair]) -> tuple[Address, ...]:
        for pair in pairs:
            del peer.pairs[pair.address]
            del self._owners[pair.address]
        return tuple(pair.address for pair in pairs if pair.bound)

    def _peer(self, transport: int) -> Peer:
        try:
            return self._peers[transport]
        except KeyError:
            raise TransportClosedError(f"transport {transport} is not registered") from None
