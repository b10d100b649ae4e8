"""What the packet path keeps of one DTLS-SRTP association."""

from __future__ import annotations

from media.path.moves import SsrcIndex
from media.path.source import Source
from media.path.srtp import SrtpPair
from media.path.subscription import Subscription
from media.ports import Address, Extension, SrtpKeys
from media.rtp.twcc import ArrivalLog

MAX_UNKNOWN_SSRCS = 64
"""Streams of a transport that are remembered as looked up without success."""

MAX_REPORTERS = 4
"""SSRCs under which a peer sends RTCP that are remembered, the newest."""


class PathTransport:
    """Addresses, keys and the tables by which packets of one peer find their stream."""

    __slots__ = (
        "address",
        "addresses",
        "arrivals",
        "extension_ids",
        "feedback_ssrc",
        "index",
        "keys",
        "number",
        "outgoing",
        "report_due",
        "reporters",
        "rtx_ssrcs",
        "sources",
        "srtp",
        "ssrcs",
        "subscriptions",
        "transport_cc_due",
        "transport_cc_id",
        "unknown",
    )

    def __init__(self, number: int, feedback_ssrc: int, index: SsrcIndex) -> None:
        self.number = number
        self.index = index
        self.reporters: list[int] = []
        self.feedback_ssrc = feedback_ssrc
        self.address: Address | None = None
        self.addresses: set[Address] = set()
        self.keys: SrtpKeys | None = None
        self.srtp: SrtpPair | None = None
        self.sources: dict[int, Source] = {}
        self.ssrcs: dict[int, Source] = {}
        self.rtx_ssrcs: dict[int, Source] = {}
        self.subscriptions: dict[int, Subscription] = {}
        self.outgoing: dict[int, Subscription] = {}
        self.arrivals: ArrivalLog | None = None
        self.extension_ids: dict[int, Extension] = {}
        """Of all sections: BUNDLE gives an id one meaning on the whole transport (RFC 9143, 9.2)."""
        self.transport_cc_id = 0
        self.transport_cc_due = 0.0
        self.report_due = 0.0
        self.unknown: set[int] = set()

    def add_source(self, source: Source) -> None:
        """Recognise this source from now on."""
        self.sources[source.spec.source] = source
        if source.ssrc is not None:
            self.ssrcs[source.ssrc] = source
            self.index.add(source.ssrc, self)
        if source.rtx_ssrc is not None:
            self.rtx_ssrcs[source.rtx_ssrc] = source
        for number, extension in source.spec.extensions.items():
            self.extension_ids[number] = extension
            if extension is Extension.TRANSPORT_CC:
                self.transport_cc_id = number
                if self.arrivals is None:
                    self.arrivals = ArrivalLog()
        self.unknown.clear()

    def remove_source(self, source: Source) -> None:
        """Forget it and every SSRC that led to it."""
        self.sources.pop(source.spec.source, None)
        for table in (self.ssrcs, self.rtx_ssrcs):
            for ssrc in [ssrc for ssrc, owner in table.items() if owner is source]:
                del table[ssrc]
                if ssrc not in self.reporters:
                    self.index.discard(ssrc, self)

    def reported_by(self, ssrc: int) -> None:
        """Authentic RTCP came under this SSRC."""
        if ssrc in self.reporters:
            return
        self.reporters.append(ssrc)
        self.index.add(ssrc, self)
        if len(self.reporters) > MAX_REPORTERS:
            old = self.reporters.pop(0)
            if old not in self.ssrcs:
                self.index.discard(old, self)

    def close(self) -> None:
        """Leave nothing in the tables of others."""
        for ssrc in (*self.reporters, *self.ssrcs):
            self.index.discard(ssrc, self)

    def add_subscription(self, subscription: Subscription) -> None:
        """Let feedback about its SSRCs find it."""
        self.subscriptions[subscription.spec.subscription] = subscription
        self.outgoing[subscription.spec.ssrc] = subscription
        if subscription.spec.rtx_ssrc is not None:
            self.outgoing[subscription.spec.rtx_ssrc] = subscription

    def remove_subscription(self, subscription: Subscription) -> None:
        """Forget it."""
        self.subscriptions.pop(subscription.spec.subscription, None)
        self.outgoing.pop(subscription.spec.ssrc, None)
        if subscription.spec.rtx_ssrc is not None:
            self.outgoing.pop(subscription.spec.rtx_ssrc, None)

    def discover(
        self, ssrc: int, payload_type: int, extensions: dict[int, bytes]
    ) -> tuple[Source, bool] | None:
        """Find the stream of an SSRC that no description named; (source, is it a retransmission).

        By MID and RID (RFC 8852, RFC 9143), else by a payload type that only one
        source of the transport can have.
        """
        if ssrc in self.unknown and not extensions:
            return None
        mid, rid, repaired = self._identifiers(extensions)
        candidates = [
            source
            for source in self.sources.values()
            if not mid or not source.spec.mid or source.spec.mid == mid
        ]
        if repaired or rid:
            wanted = repaired or rid
            for source in candidates:
                if source.spec.rid == wanted:
                    return self._bind(ssrc, source, repair=bool(repaired))
        else:
            repair = [s for s in candidates if not s.spec.rid and payload_type in s.spec.rtx]
            media = [s for s in candidates if not s.spec.rid and payload_type in s.spec.payload_types]
            if len(media) == 1 and (mid or media[0].ssrc is None):
                return self._bind(ssrc, media[0], repair=False)
            if len(repair) == 1 and (mid or repair[0].rtx_ssrc is None):
                return self._bind(ssrc, repair[0], repair=True)
        if len(self.unknown) < MAX_UNKNOWN_SSRCS:
            self.unknown.add(ssrc)
        return None

    def _identifiers(self, extensions: dict[int, bytes]) -> tuple[str, str, str]:
        """MID, RID and repaired RID, each empty where absent."""
        found = {Extension.MID: "", Extension.RID: "", Extension.REPAIRED_RID: ""}
        for number, value in extensions.items():
            extension = self.extension_ids.get(number)
            if extension in found:
                found[extension] = value.rstrip(b"\0").decode("ascii", "replace")
        return found[Extension.MID], found[Extension.RID], found[Extension.REPAIRED_RID]

    def _bind(self, ssrc: int, source: Source, *, repair: bool) -> tuple[Source, bool]:
        if repair:
            if source.rtx_ssrc is not None:
                self.rtx_ssrcs.pop(source.rtx_ssrc, None)
            source.rtx_ssrc = ssrc
            self.rtx_ssrcs[ssrc] = source
            return source, True
        if source.ssrc is not None:
            self.ssrcs.pop(source.ssrc, None)
            if source.ssrc not in self.reporters:
                self.index.discard(source.ssrc, self)
            source.restart()
        source.ssrc = ssrc
        self.ssrcs[ssrc] = source
        self.index.add(ssrc, self)
        return source, False
