"""The narrow interface of the packet path, and the words both of its sides use.

A *packet path* receives datagrams, removes and adds SRTP protection, and copies
RTP from sources to subscriptions. It knows neither rooms nor asyncio. The
plain-Python one is ``media.path``; a compiled one can take its place because
nothing here speaks of single packets as objects: only batches of datagrams,
keys, rewrite states and orders.

Terms
    *transport*
        one peer connection's DTLS-SRTP association, named by an integer.
    *source*
        one incoming RTP stream, that is one encoding (simulcast layer) of a
        published track. Several sources of one track differ in ``rid``.
    *subscription*
        one outgoing RTP stream to one transport. At any moment it is fed by at
        most one source; an order switches it to another at that source's next
        keyframe, with continuous sequence numbers, timestamps and picture ids.

Driving contract
    ``receive(batch, now)`` and ``tick(now)`` never raise for anything that came
    from a network. After each of them the driver takes ``outgoing()`` and
    ``events()``, both of which empty their (bounded) queue. ``tick`` returns the
    time at which it wants to be called again. ``now`` never goes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

Address = tuple[int, str, int]
"""Index of the local socket, remote host, remote port."""

Datagram = tuple[bytes, Address]


class Kind(StrEnum):
    """What a track carries."""

    AUDIO = "audio"
    VIDEO = "video"


class Extension(StrEnum):
    """RTP header extensions that the relay reads, writes or passes on (RFC 8285)."""

    MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
    RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
    AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
    VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
    PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    DEPENDENCY_DESCRIPTOR = (
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
    )


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Keying material of one DTLS-SRTP association (RFC 5764, RFC 7714).

    ``profile`` is OpenSSL's name, for instance ``SRTP_AEAD_AES_128_GCM``; ``rx``
    and ``tx`` are master key followed by master salt.
    """

    profile: str
    rx: bytes = field(repr=False)
    tx: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PayloadType:
    """How one payload type of a negotiated section is to be read.

    ``codec`` is the key by which both sides of the relay name the same format,
    made by ``media.sdp.codecs.codec_key``: ``audio/opus``, ``audio/red``,
    ``video/vp8``, ``video/h264;mode=1;profile=42e0``.
    """

    codec: str
    clock_rate: int


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """An incoming RTP stream that the path shall recognise on a transport.

    Recognised by ``ssrc`` where the SDP names it, else by the MID and RID header
    extensions, else (one source only) by its payload type. ``rtx`` maps the
    payload type of a retransmission to that of the media it repairs (RFC 4588).
    ``red`` lists payload types of RFC 2198.
    """

    source: int
    transport: int
    kind: Kind
    mid: str
    rid: str
    ssrc: int | None
    rtx_ssrc: int | None
    payload_types: Mapping[int, PayloadType]
    rtx: Mapping[int, int]
    extensions: Mapping[int, Extension]
    nack: bool


@dataclass(frozen=True, slots=True)
class SubscriptionSpec:
    """An outgoing RTP stream.

    ``payload_types`` maps a codec key to the payload type that the subscriber
    accepted for it; a packet whose codec is absent is dropped and counted.
    ``rtx`` maps a media payload type to its retransmission payload type.
    """

    subscription: int
    transport: int
    kind: Kind
    ssrc: int
    rtx_ssrc: int | None
    payload_types: Mapping[str, int]
    rtx: Mapping[int, int]
    extensions: Mapping[Extension, int]
    nack: bool


# -- events: what the path tells its driver ---------------------------------------


class StunReceived(NamedTuple):
    """A datagram that may be STUN (first byte 0 to 3)."""

    data: bytes
    address: Address


class DtlsReceived(NamedTuple):
    """A DTLS record (first byte 20 to 63) from an address bound to a transport."""

    transport: int
    data: bytes


class SourceStarted(NamedTuple):
    """The first packet of a source, or the first after it had been idle."""

    source: int
    ssrc: int
    codec: str


class SourceIdle(NamedTuple):
    """No packet of a source for the idle time (a layer the sender left out, a mute)."""

    source: int


class KeyframeWanted(NamedTuple):
    """A source's decoder state is lost: for one subscription, or (0) for all of them."""

    source: int
    subscription: int


class Switched(NamedTuple):
    """A subscription is now fed by ``source``."""

    subscription: int
    source: int


class ReceiverEstimate(NamedTuple):
    """REMB from a subscriber: what it believes it can receive, in bit/s."""

    transport: int
    bitrate: int


class Moved(NamedTuple):
    """A packet of a transport, right under its keys, came from an address that is not bound.

    The packet was not used: a forwarder of packets could be what is there. It is
    worth a connectivity check to that address. At most one each 0.2 s and address.
    """

    transport: int
    address: Address


class SubscriptionReport(NamedTuple):
    """A receiver report block for a subscription; ``rtt`` in seconds or None."""

    subscription: int
    fraction_lost: float
    jitter: float
    rtt: float | None


Event = (
    StunReceived
    | DtlsReceived
    | SourceStarted
    | SourceIdle
    | KeyframeWanted
    | Switched
    | ReceiverEstimate
    | SubscriptionReport
    | Moved
)


class AudioActivity(NamedTuple):
    """Sound of one source since the last question.

    ``observed`` and ``active`` in seconds (active: level at or above the
    threshold); ``loudest`` in -dBov as in RFC 6464, so 0 is the loudest and 127
    silence.
    """

    source: int
    observed: float
    active: float
    loudest: int


@dataclass(slots=True)
class SourceStats:
    """Running totals of a source; ``jitter`` in seconds (RFC 3550, A.8)."""

    packets: int = 0
    bytes: int = 0
    lost: int = 0
    expected: int = 0
    recovered: int = 0
    jitter: float = 0.0
    last_packet_at: float = 0.0
    keyframes: int = 0


@dataclass(slots=True)
class SubscriptionStats:
    """Running totals of a subscription."""

    packets: int = 0
    bytes: int = 0
    retransmitted: int = 0
    nacked: int = 0
    missed: int = 0
    dropped: int = 0
    source: int = 0


class PacketPath(Protocol):
    """What the rest of ``media`` may ask of a packet path."""

    # driving ----------------------------------------------------------------
    def receive(self, batch: Sequence[Datagram], now: float) -> None: ...
    def tick(self, now: float) -> float: ...
    def outgoing(self) -> list[Datagram]: ...
    def events(self) -> list[Event]: ...

    # transports -------------------------------------------------------------
    def open_transport(self, transport: int) -> None: ...
    def bind_address(self, transport: int, address: Address) -> None:
        """Send to this address from now on, and believe what comes from it.

        Addresses bound before stay believed until ``release_address``.
        """

    def release_address(self, address: Address) -> None: ...
    def set_keys(self, transport: int, keys: SrtpKeys) -> None: ...
    def close_transport(self, transport: int) -> None:
        """Forget the transport with its sources, subscriptions, keys and addresses."""

    def send(self, transport: int, data: bytes) -> None:
        """Queue a datagram that is protected already (DTLS)."""

    def send_to(self, address: Address, data: bytes) -> None:
        """Queue a datagram to an address that belongs to no transport yet (STUN)."""

    # sources ----------------------------------------------------------------
    def add_source(self, spec: SourceSpec) -> None: ...
    def remove_source(self, source: int) -> None: ...
    def request_keyframe(self, source: int) -> None:
        """Send one PLI now; throttling is the caller's."""

    def set_forwarding(self, source: int, enabled: bool) -> None:
        """A source with forwarding off is received and reported, but copied to nobody (mute)."""

    def source_stats(self, source: int) -> SourceStats: ...

    # subscriptions ----------------------------------------------------------
    def add_subscription(self, spec: SubscriptionSpec) -> None: ...
    def remove_subscription(self, subscription: int) -> None: ...
    def switch(self, subscription: int, source: int | None) -> None:
        """Feed from this source: video from its next keyframe, sound at once; None pauses.

        Until the keyframe comes the old source goes on. The newest order wins.
        """

    def mend(self, subscription: int, hold: float, copies: int) -> None:
        """How losses of a subscription are mended; see ``media.streams.mending``.

        ``hold``: seconds for which the receiver is asked to hold pictures (0: as it likes).
        ``copies``: how often each retransmission is sent.
        """

    def subscription_stats(self, subscription: int) -> SubscriptionStats: ...

    # questions --------------------------------------------------------------
    def audio_activity(self, threshold: int) -> list[AudioActivity]: ...
    def counters(self) -> Mapping[str, int]:
        """Drops by reason and totals, by metric name."""
