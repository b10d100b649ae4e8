"""The packet path in plain Python; see ``media.ports`` for the contract.

Orders and driving are here. ``media.path.ingress`` takes packets in,
``media.path.fanout`` copies them to subscriptions, ``media.path.egress`` writes
what goes out, ``media.path.control`` has RTCP.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence

from media.errors import PacketError
from media.path import control
from media.path.egress import Egress
from media.path.events import EventQueue
from media.path.fanout import Fanout
from media.path.ingress import Ingress
from media.path.moves import MoveDetector
from media.path.source import Source
from media.path.srtp import SrtpPair
from media.path.subscription import Subscription
from media.path.transport import PathTransport
from media.ports import (
    Address,
    AudioActivity,
    Datagram,
    Event,
    Kind,
    SourceIdle,
    SourceSpec,
    SourceStats,
    SrtpKeys,
    SubscriptionSpec,
    SubscriptionStats,
)
from media.rtp import rtcp

logger = logging.getLogger(__name__)

TICK = 0.02


class PythonPacketPath:
    """Forwards RTP between transports, one batch of datagrams at a time."""

    def __init__(self) -> None:
        self._transports: dict[int, PathTransport] = {}
        self._sources: dict[int, Source] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._counters: Counter[str] = Counter()
        self._events = EventQueue(self._counters)
        self._egress = Egress(self._counters)
        self._fanout = Fanout(self._egress, self._events, self._counters)
        self._moves = MoveDetector(self._counters)
        self._ingress = Ingress(self._egress, self._fanout, self._moves, self._events, self._counters)
        self._by_address = self._ingress.by_address

    # -- driving -----------------------------------------------------------------

    def receive(self, batch: Sequence[Datagram], now: float) -> None:
        """Take datagrams as they came; a bad one is counted and dropped."""
        counters = self._counters
        for data, address in batch:
            try:
                self._ingress.datagram(data, address, now)
            except PacketError:
                counters["dropped_malformed"] += 1
            except Exception:
                # A defect of ours must not stop the meeting for everybody else.
                counters["dropped_internal"] += 1
                if counters["dropped_internal"] <= 10:
                    logger.exception("packet path: a datagram of %d bytes raised", len(data))

    def tick(self, now: float) -> float:
        """Send what is due by time: NACKs, transport-wide feedback, receiver reports."""
        for transport in self._transports.values():
            if transport.srtp is not None and transport.sources:
                for packet in control.due_packets(transport, now):
                    self._egress.control(transport, packet)
        for source in self._sources.values():
            source.cache.expire(now)
            if source.active and now - source.last_at > source.idle_after:
                source.active = False
                self._events.put(SourceIdle(source.spec.source))
        return now + TICK

    def outgoing(self) -> list[Datagram]:
        """Datagrams to send, emptied by the call."""
        return self._egress.drain()

    def events(self) -> list[Event]:
        """What happened since the last call."""
        return self._events.take()

    # -- transports --------------------------------------------------------------

    def open_transport(self, transport: int) -> None:
        """Make a place for a transport's keys and streams."""
        self._transports[transport] = PathTransport(transport, secrets.randbits(32), self._moves.index)

    def bind_address(self, transport: int, address: Address) -> None:
        """Believe and use this address; see ``media.ports``."""
        state = self._transports[transport]
        owner = self._by_address.get(address)
        if owner is not None and owner is not state:
            owner.addresses.discard(address)
            if owner.address == address:
                owner.address = None
        self._by_address[address] = state
        state.addresses.add(address)
        state.address = address

    def release_address(self, address: Address) -> None:
        """Take an address from its transport."""
        state = self._by_address.pop(address, None)
        if state is not None:
            state.addresses.discard(address)
            if state.address == address:
                state.address = None

    def set_keys(self, transport: int, keys: SrtpKeys) -> None:
        """Begin to protect and unprotect with these keys."""
        state = self._transports[transport]
        if state.keys != keys:
            # The same keys again would begin all indices anew: no number may be used twice under a key.
            state.keys = keys
            state.srtp = SrtpPair(keys)

    def close_transport(self, transport: int) -> None:
        """Forget all of it."""
        state = self._transports.pop(transport, None)
        if state is None:
            return
        for number in list(state.subscriptions):
            self.remove_subscription(number)
        for number in list(state.sources):
            self.remove_source(number)
        for address in state.addresses:
            self._by_address.pop(address, None)
        state.close()

    def send(self, transport: int, data: bytes) -> None:
        """Queue a DTLS record."""
        state = self._transports.get(transport)
        if state is not None and state.address is not None:
            self._egress.raw(data, state.address)

    def send_to(self, address: Address, data: bytes) -> None:
        """Queue a STUN answer."""
        self._egress.raw(data, address)

    # -- sources -----------------------------------------------------------------

    def add_source(self, spec: SourceSpec) -> None:
        """Recognise an incoming stream."""
        transport = self._transports[spec.transport]
        source = Source(spec)
        self._sources[spec.source] = source
        transport.add_source(source)

    def remove_source(self, source: int) -> None:
        """Forget an incoming stream; what it fed gets nothing until the next order."""
        state = self._sources.pop(source, None)
        if state is None:
            return
        for subscription in [*state.subscribers, *state.pending]:
            if subscription.source is state:
                subscription.source = None
            if subscription.pending is state:
                subscription.pending = None
        transport = self._transports.get(state.spec.transport)
        if transport is not None:
            transport.remove_source(state)

    def request_keyframe(self, source: int) -> None:
        """Send one PLI to the source's sender (RFC 4585, 6.3.1)."""
        state = self._sources.get(source)
        if state is None or state.ssrc is None:
            return
        transport = self._transports.get(state.spec.transport)
        if transport is not None and transport.srtp is not None:
            self._counters["plis_sent"] += 1
            self._egress.control(transport, rtcp.pack_pli(transport.feedback_ssrc, state.ssrc))

    def set_forwarding(self, source: int, enabled: bool) -> None:
        """Copy this source to its subscriptions, or only listen to it."""
        state = self._sources.get(source)
        if state is None or state.forwarding == enabled:
            return
        state.forwarding = enabled
        if enabled and state.spec.kind is Kind.VIDEO:
            self._fanout.resynchronise(state)

    def source_stats(self, source: int) -> SourceStats:
        """Totals of a source; zeros for one that is not there."""
        state = self._sources.get(source)
        if state is None:
            return SourceStats()
        reception = state.reception
        state.stats.lost = reception.cumulative_lost
        state.stats.expected = reception.expected
        state.stats.jitter = reception.jitter_seconds
        return state.stats

    # -- subscriptions -----------------------------------------------------------

    def add_subscription(self, spec: SubscriptionSpec) -> None:
        """Make an outgoing stream; nothing flows until ``switch``."""
        transport = self._transports[spec.transport]
        subscription = Subscription(
            spec,
            transport,
            first_sequence=secrets.randbelow(0x4000) + 1,
            first_timestamp=secrets.randbits(32),
            first_rtx=secrets.randbelow(0x4000) + 1,
        )
        self._subscriptions[spec.subscription] = subscription
        transport.add_subscription(subscription)

    def remove_subscription(self, subscription: int) -> None:
        """End an outgoing stream."""
        state = self._subscriptions.pop(subscription, None)
        if state is not None:
            state.detach()
            state.transport.remove_subscription(state)

    def switch(self, subscription: int, source: int | None) -> None:
        """See ``media.ports``."""
        state = self._subscriptions.get(subscription)
        if state is None:
            return
        if source is None:
            state.detach()
            return
        target = self._sources.get(source)
        if target is None:
            return
        if state.source is target:
            if state.pending is not None:
                state.pending.pending.remove(state)
                state.pending = None
            return
        state.wait_for(target)

    def mend(self, subscription: int, hold: float, copies: int) -> None:
        """See ``media.ports``."""
        state = self._subscriptions.get(subscription)
        if state is not None:
            state.mend(hold, copies)

    def subscription_stats(self, subscription: int) -> SubscriptionStats:
        """Totals of a subscription; zeros for one that is not there."""
        state = self._subscriptions.get(subscription)
        if state is None:
            return SubscriptionStats()
        state.stats.source = state.source.spec.source if state.source is not None else 0
        return state.stats

    # -- questions ---------------------------------------------------------------

    def audio_activity(self, threshold: int) -> list[AudioActivity]:
        """Sound of every source since the last question."""
        found = []
        for source in self._sources.values():
            if source.spec.kind is Kind.AUDIO:
                activity = source.take_activity(threshold)
                if activity is not None:
                    found.append(activity)
        return found

    def counters(self) -> Mapping[str, int]:
        """Totals since the start."""
        return self._counters
