"""A participant's receiving side: its transport, our offers, its subscriptions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import NamedTuple

from media.ports import Kind, PacketPath
from media.sdp.subscriber import SubscriberOfferer
from media.sdp.types import SenderSpec
from media.streams.allocator import Demand, Option
from media.streams.bandwidth import Bandwidth
from media.streams.mending import PLAIN, Mend, Mending
from media.streams.video_quality import VideoQuality
from media.subscriptions import SubscriptionState, TrackSubscription
from media.tracks import PublishedTrack
from media.transport import Transport, TransportState


class Offer(NamedTuple):
    """An offer to send to the client; ``number`` comes back in its answer."""

    sdp: str
    number: int


class SubscriberPeer:
    """Keeps what the client should receive, and negotiates it one offer at a time."""

    def __init__(
        self,
        path: PacketPath,
        transport: Transport,
        new_subscription: Callable[[], int],
        first_offer: int,
        registry: dict[int, TrackSubscription],
    ) -> None:
        self._path = path
        self.transport = transport
        self._new_subscription = new_subscription
        self._offerer = SubscriberOfferer()
        self._number = first_offer
        self._registry = registry
        self._outstanding: int | None = None
        self._restart = False
        self.subscriptions: dict[int, TrackSubscription] = {}
        self._bandwidth = Bandwidth()
        self._mending = Mending()
        self._mended: dict[int, Mend] = {}
        self._counted: dict[int, int] = {}
        """Octets of each subscription that were sent when last measured."""
        self._counted_at = 0.0
        self._reported: dict[int, int] = {}
        """Packets of each subscription that were sent when its last report came."""

    # -- what shall be received --------------------------------------------------

    def add(
        self,
        track: PublishedTrack,
        stream_id: str,
        track_id: str,
        *,
        stereo: bool = False,
        on_paused: Callable[[bool], None] = lambda paused: None,
    ) -> TrackSubscription:
        """Receive this track from the next negotiation on."""
        ssrc = secrets.randbelow(0xFFFFFFFE) + 1
        repair = secrets.randbelow(0xFFFFFFFE) + 1 if track.kind is Kind.VIDEO else None
        subscription = TrackSubscription(
            self._path,
            self._new_subscription(),
            self.transport.number,
            track,
            ssrc,
            repair,
            on_paused,
        )
        subscription.connected = self.transport.state is TransportState.CONNECTED
        self.subscriptions[subscription.number] = subscription
        self._registry[subscription.number] = subscription
        self._offerer.add(
            SenderSpec(
                sender=subscription.number,
                kind=track.kind,
                stream_id=stream_id,
                track_id=track_id,
                codecs=track.codecs,
                ssrc=ssrc,
                rtx_ssrc=repair,
                stereo=stereo,
            )
        )
        return subscription

    def remove(self, subscription: TrackSubscription) -> None:
        """Receive it no more."""
        if self.subscriptions.pop(subscription.number, None) is not None:
            del self._registry[subscription.number]
            self._reported.pop(subscription.number, None)
            self._mended.pop(subscription.number, None)
            subscription.close()
            self._offerer.remove(subscription.number)

    # -- negotiation -------------------------------------------------------------

    def restart_ice(self) -> None:
        """The next offer carries new ICE credentials; media goes on with the old ones meanwhile."""
        self._restart = True
        self._outstanding = None

    def next_offer(self, *, force: bool = False) -> Offer | None:
        """The next offer, or None while one is unanswered or nothing has changed."""
        if self._outstanding is not None:
            return None
        if not (force or self._restart or self._offerer.needs_offer):
            return None
        if self._restart:
            self.transport.restart_ice()
            self._restart = False
        self._number += 1
        self._outstanding = self._number
        return Offer(self._offerer.offer(self.transport.local()), self._number)

    def answer(self, sdp: str, number: int, now: float) -> list[TrackSubscription]:
        """Take the client's answer; returns the subscriptions that it refused.

        An answer to another offer than the outstanding one is passed over; a
        client that numbers its answers 0 is believed. Raises SdpError.
        """
        if self._outstanding is None or (number and number != self._outstanding):
            return []
        self._outstanding = None
        result = self._offerer.apply_answer(sdp)
        self.transport.set_remote(result.remote)
        if result.data is not None:
            self.transport.set_data(result.data)
        refused = []
        for answer in result.senders:
            subscription = self.subscriptions.get(answer.sender)
            if subscription is None:
                continue
            subscription.accepted(answer, now)
            if subscription.state is SubscriptionState.REFUSED:
                refused.append(subscription)
        return refused

    @property
    def negotiating(self) -> bool:
        """Whether an offer waits for its answer."""
        return self._outstanding is not None

    def set_connected(self, connected: bool, now: float) -> None:
        """The transport came up or went."""
        for subscription in list(self.subscriptions.values()):
            subscription.set_connected(connected, now)

    # -- the line ----------------------------------------------------------------

    def estimate(self, bitrate: int, now: float) -> None:
        """The client's own estimate (REMB), in bit/s."""
        self._bandwidth.remb(bitrate, now)

    def loss(self, subscription: int, fraction_lost: float, rtt: float | None, now: float) -> None:
        """A receiver report said so much loss of one subscription, 0 to 1, and so long a round trip."""
        sent = self._path.subscription_stats(subscription).packets
        since = sent - self._reported.get(subscription, 0)
        self._reported[subscription] = sent
        if since > 0:
            self._bandwidth.loss(fraction_lost, now, since)
            self._mending.loss(fraction_lost, since, rtt, now)

    def allocate(self, now: float) -> None:
        """Share the estimated rate among the subscriptions."""
        demands = [
            Demand(
                subscription=subscription.number,
                kind=subscription.track.kind,
                options=tuple(
                    Option(layer.quality, layer.bitrate)
                    for layer in subscription.track.layers()
                    if layer.active
                ),
                wanted=subscription.wanted_quality,
                priority=subscription.priority,
                screen=subscription.track.screen,
            )
            for subscription in self.subscriptions.values()
            if subscription.state is SubscriptionState.READY and not subscription.track.muted
        ]
        if not demands:
            return
        self._mend(demand.subscription for demand in demands)
        self._measure(now)
        choices = self._bandwidth.update(demands, now)
        unlimited = self._bandwidth.estimate.value(now) is None
        for number, choice in choices.items():
            subscription = self.subscriptions[number]
            if subscription.track.kind is Kind.AUDIO:
                continue
            free = choice.layer is not None and unlimited
            subscription.allow(None if choice.paused else VideoQuality.HIGH if free else choice.layer, now)

    def _mend(self, subscriptions: Iterable[int]) -> None:
        """Order the remedies of now where they are not in use yet."""
        mend = self._mending.present
        for number in subscriptions:
            if self._mended.get(number, PLAIN) != mend:
                self._mended[number] = mend
                self._path.mend(number, mend.hold, mend.copies)

    def _measure(self, now: float) -> None:
        """Tell the estimator what was sent lately, whoever is muted or gone by now."""
        elapsed = now - self._counted_at
        if elapsed < 1.0:
            return
        counted = {number: self._path.subscription_stats(number).bytes for number in self.subscriptions}
        fresh = {Kind.AUDIO: 0, Kind.VIDEO: 0}
        for number, octets in counted.items():
            fresh[self.subscriptions[number].track.kind] += octets - self._counted.get(number, 0)
        if self._counted_at:
            bits = 8 / elapsed
            self._bandwidth.sent(sum(fresh.values()) * bits, now, fresh[Kind.AUDIO] * bits)
        self._counted = counted
        self._counted_at = now

    def close(self) -> None:
        """End all subscriptions; the transport is closed by its owner."""
        for subscription in list(self.subscriptions.values()):
            self.remove(subscription)
