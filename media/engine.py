"""The relay as its user sees it: sockets, packet path, transports, tracks, on one event loop.

``MediaEngine`` makes the objects that signaling works with (a publishing and a
subscribing peer for each participant), carries datagrams between sockets and
packet path, and hands the path's events to the object they speak of. It knows
no rooms: who may hear whom is decided above.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from media import clock
from media.addresses import host_candidates, listening_addresses, local_priorities
from media.dtls_certificate import Certificate
from media.ice.lite import IceLiteAgent
from media.ice.records import IceSettings
from media.path.python_path import PythonPacketPath
from media.ports import (
    AudioActivity,
    Datagram,
    DtlsReceived,
    Event,
    KeyframeWanted,
    Kind,
    Moved,
    PacketPath,
    ReceiverEstimate,
    SourceIdle,
    SourceStarted,
    SourceStats,
    StunReceived,
    SubscriptionReport,
    SubscriptionStats,
    Switched,
)
from media.publisher import PublisherPeer
from media.sdp.publisher import PublisherPolicy
from media.sdp.types import HostCandidate
from media.settings import MediaSettings
from media.subscriber import SubscriberPeer
from media.subscriptions import TrackSubscription
from media.tracks import LayerSize, PublishedTrack
from media.transport import Transport, TransportState
from media.udp import UdpPort

logger = logging.getLogger(__name__)

StateListener = Callable[[Transport, TransportState], None]
DataListener = Callable[[str, bytes], None]
Turn = TypeVar("Turn")

LATEST_TICK = 0.1
"""Seconds until the packet path gets its next turn when it did not say when it wants it."""


class MediaEngine:
    """One relay process's media."""

    def __init__(self, settings: MediaSettings, path: PacketPath | None = None) -> None:
        self.settings = settings
        self.path: PacketPath = path if path is not None else PythonPacketPath()
        self._udp: UdpPort | None = None
        self._agent = IceLiteAgent()
        self._certificate = Certificate.generate()
        self._candidates: tuple[HostCandidate, ...] = ()
        self._transports: dict[int, Transport] = {}
        self._numbers = itertools.count(1)
        self._wake: asyncio.Handle | None = None
        self._subscribers: dict[int, SubscriberPeer] = {}
        self._tracks: dict[int, PublishedTrack] = {}
        self._live: set[PublishedTrack] = set()
        self._subscriptions: dict[int, TrackSubscription] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._policy = PublisherPolicy(codecs=settings.codecs)

    # -- life --------------------------------------------------------------------

    async def start(self) -> None:
        """Open the sockets. OSError when the port is taken, ValueError for an address that is none."""
        settings = self.settings
        addresses = listening_addresses(settings.bind, include_loopback=settings.include_loopback)
        self._agent = IceLiteAgent(
            local_priorities(addresses), IceSettings(failed_after=settings.consent_timeout)
        )
        udp = UdpPort(addresses, settings.port, self._received)
        udp.open()
        self._candidates = host_candidates(addresses, udp.port, settings.node_ips)
        self._udp = udp
        self._ticker = asyncio.create_task(self._tick(), name="media ticker")

    @property
    def port(self) -> int:
        """The UDP port in use."""
        assert self._udp is not None, "the engine is not started"
        return self._udp.port

    @property
    def addresses(self) -> tuple[str, ...]:
        """The local addresses in use."""
        assert self._udp is not None, "the engine is not started"
        return self._udp.addresses

    async def close(self) -> None:
        """End every transport and close the sockets."""
        if self._ticker is not None:
            self._ticker.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticker
        await asyncio.gather(*(transport.close() for transport in list(self._transports.values())))
        if self._closing:
            await asyncio.gather(*self._closing)
        self._flush()
        if self._wake is not None:
            self._wake.cancel()
        if self._udp is not None:
            self._udp.close()

    # -- what signaling asks for -------------------------------------------------

    def create_publisher(
        self, on_state: StateListener, on_data: DataListener, on_ended: Callable[[PublishedTrack], None]
    ) -> PublisherPeer:
        """The receiving end of a participant's PUBLISHER connection."""
        transport = self._transport(on_state, on_data)

        def note(sources: Iterable[int], track: PublishedTrack | None) -> None:
            for source in sources:
                if track is None:
                    self._forget_source(source)
                else:
                    self._tracks[source] = track

        return PublisherPeer(transport, self._policy, lambda: next(self._numbers), note, on_ended)

    def create_subscriber(self, on_state: StateListener, on_data: DataListener) -> SubscriberPeer:
        """The sending end of a participant's SUBSCRIBER connection."""
        peer: SubscriberPeer

        def state_changed(transport: Transport, state: TransportState) -> None:
            peer.set_connected(state is TransportState.CONNECTED, clock.monotonic())
            on_state(transport, state)
            self._flush()

        transport = self._transport(state_changed, on_data)
        peer = SubscriberPeer(
            self.path,
            transport,
            lambda: next(self._numbers),
            secrets.randbelow(1000) + 1,
            self._subscriptions,
        )
        self._subscribers[transport.number] = peer
        return peer

    def create_track(
        self,
        kind: Kind,
        *,
        muted: bool,
        screen: bool,
        sizes: Sequence[LayerSize],
        on_started: Callable[[str], None],
        on_demand: Callable[[list[tuple[int, bool]]], None],
    ) -> PublishedTrack:
        """A track that a participant announced; see ``PublishedTrack``."""
        track = PublishedTrack(
            self.path,
            kind,
            muted=muted,
            screen=screen,
            sizes=sizes,
            on_started=on_started,
            on_demand=on_demand,
        )
        self._live.add(track)
        return track

    def forget_track(self, track: PublishedTrack) -> None:
        """The track was ended by its publisher peer, or was never negotiated."""
        self._live.discard(track)
        for source in track.close():
            self._forget_source(source)

    def close_peer(self, peer: PublisherPeer | SubscriberPeer) -> None:
        """End a peer and its transport, in the background."""
        peer.close()
        self._subscribers.pop(peer.transport.number, None)
        self._transports.pop(peer.transport.number, None)
        task = asyncio.get_running_loop().create_task(peer.transport.close())
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def audio_activity(self, threshold: int) -> Mapping[PublishedTrack, AudioActivity]:
        """Sound of each track since the last question; see ``PacketPath.audio_activity``."""
        found = {}
        for activity in self.path.audio_activity(threshold):
            track = self._tracks.get(activity.source)
            if track is not None:
                found[track] = activity
        return found

    def track_stats(self, track: PublishedTrack) -> SourceStats:
        """Totals over all encodings of a track; jitter is the worst of them."""
        total = SourceStats()
        for encoding in track.encodings:
            stats = self.path.source_stats(encoding.source)
            total.packets += stats.packets
            total.bytes += stats.bytes
            total.lost += stats.lost
            total.expected += stats.expected
            total.recovered += stats.recovered
            total.keyframes += stats.keyframes
            total.jitter = max(total.jitter, stats.jitter)
            total.last_packet_at = max(total.last_packet_at, stats.last_packet_at)
        return total

    def subscription_stats(self, subscription: TrackSubscription) -> SubscriptionStats:
        """Totals of one subscription."""
        return self.path.subscription_stats(subscription.number)

    def counters(self) -> Mapping[str, int]:
        """Totals of the packet path and the sockets, by metric name."""
        result = dict(self.path.counters())
        result.update(_named("ice", self._agent.counters))
        result["transports"] = len(self._transports)
        if self._udp is not None:
            result.update(_named("udp", self._udp.counters))
        result["sources"] = len(self._tracks)
        result["subscriptions"] = len(self._subscriptions)
        return result

    # -- inside ------------------------------------------------------------------

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("closing a transport failed", exc_info=task.exception())
        self._flush()

    def _transport(self, on_state: StateListener, on_data: DataListener) -> Transport:
        assert self._udp is not None, "the engine is not started"
        transport = Transport(
            next(self._numbers),
            path=self.path,
            agent=self._agent,
            certificate=self._certificate,
            candidates=self._candidates,
            on_state=on_state,
            on_data=on_data,
            flush=self._wake_up,
            handshake_timeout=self.settings.handshake_timeout,
        )
        self._transports[transport.number] = transport
        return transport

    def _forget_source(self, source: int) -> None:
        track = self._tracks.pop(source, None)
        if track is not None:
            now = clock.monotonic()
            for subscription in list(track.subscriptions):
                subscription.source_gone(source, now)

    def _received(self, batch: list[Datagram], now: float) -> None:
        self.path.receive(batch, now)
        events = self.path.events()
        if events:
            self._dispatch(events, now)
        self._flush()

    def _wake_up(self) -> None:
        """Something was queued outside of a receive or tick: send it in this turn of the loop."""
        if self._wake is None:
            self._wake = asyncio.get_running_loop().call_soon(self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._flush()

    def _flush(self) -> None:
        batch = self.path.outgoing()
        if batch and self._udp is not None:
            self._udp.send(batch)

    def _dispatch(self, events: list[Event], now: float) -> None:
        for event in events:
            try:
                self._handle(event, now)
            except Exception:
                logger.exception("handling %s failed", type(event).__name__)

    def _handle(self, event: Event, now: float) -> None:
        if isinstance(event, StunReceived):
            result = self._agent.handle(event.data, event.address, now)
            if result.response is not None:
                self.path.send_to(event.address, result.response)
            transport = self._transports.get(result.transport or 0)
            if transport is not None:
                transport.ice_result(result, now)
        elif isinstance(event, DtlsReceived):
            transport = self._transports.get(event.transport)
            if transport is not None:
                transport.feed_dtls(event.data)
        elif isinstance(event, SourceStarted):
            track = self._tracks.get(event.source)
            if track is not None:
                track.source_started(event.source, event.codec, now)
        elif isinstance(event, SourceIdle):
            track = self._tracks.get(event.source)
            if track is not None:
                track.source_idle(event.source, now)
        elif isinstance(event, KeyframeWanted):
            track = self._tracks.get(event.source)
            if track is not None:
                track.want_keyframe(event.source, now)
        elif isinstance(event, Switched):
            subscription = self._subscriptions.get(event.subscription)
            if subscription is not None:
                subscription.switched(event.source)
        elif isinstance(event, SubscriptionReport):
            subscription = self._subscriptions.get(event.subscription)
            if subscription is not None:
                subscription.reported(event.fraction_lost, event.jitter, event.rtt)
                receiver = self._subscribers.get(subscription.transport)
                if receiver is not None:
                    receiver.loss(event.subscription, event.fraction_lost, event.rtt, now)
        elif isinstance(event, ReceiverEstimate):
            receiver = self._subscribers.get(event.transport)
            if receiver is not None:
                receiver.estimate(event.bitrate, now)
        elif isinstance(event, Moved):
            # The path moves only when this is answered with valid integrity.
            probe = self._agent.probe(event.transport, event.address, now)
            if probe is not None:
                self.path.send_to(event.address, probe)

    async def _tick(self) -> None:
        policy_due = 0.0
        while True:
            now = clock.monotonic()
            due = self._guarded(self.path.tick, now) or now + LATEST_TICK
            self._dispatch(self.path.events(), now)
            if now >= policy_due:
                policy_due = now + self.settings.policy_interval
                self._policies(now)
            self._flush()
            await asyncio.sleep(max(0.005, due - clock.monotonic()))

    def _policies(self, now: float) -> None:
        for change in self._agent.poll(now):
            transport = self._transports.get(change.transport)
            if transport is not None:
                transport.ice_changed(change, now)
        for track in list(self._live):
            self._guarded(track.tick, now)
        for peer in list(self._subscribers.values()):
            self._guarded(peer.allocate, now)

    def _guarded(self, turn: Callable[[float], Turn], now: float) -> Turn | None:
        """One turn of something; a mistake in it, or in its listeners, must not stop the clock of all."""
        try:
            return turn(now)
        except Exception:
            logger.exception("a turn of the media clock failed")
            return None


def _named(prefix: str, counters: Mapping[str, int]) -> dict[str, int]:
    """Counters under names that metrics can carry."""
    return {f"{prefix}_{name.replace(' ', '_').lower()}": value for name, value in counters.items()}
