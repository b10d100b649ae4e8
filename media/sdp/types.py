"""Records that pass between SDP and the rest of the relay (RFC 8866, RFC 9429)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from media.ports import Extension, Kind, PayloadType


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's digest; ``algorithm`` lower case (``sha-256``), ``value`` as hex pairs with colons."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class HostCandidate:
    """An address where the relay listens (RFC 8839). ``priority`` is ICE's 32 bits."""

    host: str
    port: int
    priority: int
    foundation: str
    component: int = 1
    protocol: str = "udp"


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """What our side writes into a description about ICE and DTLS."""

    ufrag: str
    pwd: str = field(repr=False)
    fingerprints: tuple[Fingerprint, ...]
    candidates: tuple[HostCandidate, ...]


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """What the other side said. ``setup`` is ``actpass``, ``active`` or ``passive``."""

    ufrag: str
    pwd: str = field(repr=False)
    fingerprints: tuple[Fingerprint, ...]
    setup: str


@dataclass(frozen=True, slots=True)
class DataSection:
    """The ``m=application`` section (RFC 8841)."""

    mid: str
    sctp_port: int
    max_message_size: int


@dataclass(frozen=True, slots=True)
class EncodingInfo:
    """One incoming RTP stream of a section: by RID, or by SSRC where there is no simulcast."""

    rid: str
    ssrc: int | None
    rtx_ssrc: int | None


@dataclass(frozen=True, slots=True)
class PublishedSection:
    """A media section of a publisher's offer, as we answered it.

    ``stream_id`` and ``track_id`` are the two tokens of ``a=msid`` (``-`` for
    none). ``sending`` is false for a section that the client has turned to
    inactive, recvonly or port 0, and for one that we rejected; ``rejected``
    then says why in a few English words. ``payload_types`` is in the order of
    our answer, the format that the client shall use first; ``rtx`` maps
    retransmission to media payload type. ``encodings`` are in the order of the
    offer; those of an ``a=ssrc-group:SIM`` are named ``q``, ``h``, ``f``.
    """

    mid: str
    kind: Kind
    sending: bool
    stream_id: str
    track_id: str
    payload_types: Mapping[int, PayloadType]
    rtx: Mapping[int, int]
    extensions: Mapping[int, Extension]
    encodings: tuple[EncodingInfo, ...]
    nack: bool
    transport_cc: bool
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class PublisherAnswer:
    """Our answer to a publisher's offer, and what it means. ``sdp`` holds our ICE password."""

    sdp: str = field(repr=False)
    remote: RemoteTransport
    sections: tuple[PublishedSection, ...]
    data: DataSection | None


@dataclass(frozen=True, slots=True)
class SenderSpec:
    """A track that a subscriber shall be sent.

    ``codecs`` are codec keys in order of preference (those that the publisher
    may use); ``audio/red`` among them asks for RFC 2198 beside Opus, before it or
    after it. None at all means the usual ones of its kind. ``stereo`` asks for
    stereo fmtp; ``dtx`` false says that Opus goes on in silence.
    """

    sender: int
    kind: Kind
    stream_id: str
    track_id: str
    codecs: tuple[str, ...]
    ssrc: int
    rtx_ssrc: int | None
    stereo: bool = False
    dtx: bool = True


@dataclass(frozen=True, slots=True)
class SenderAnswer:
    """What the subscriber accepted for a sender; no payload types means it refused the section.

    ``payload_types`` maps a codec key to its payload type, ``rtx`` a media
    payload type to that of its retransmission.
    """

    sender: int
    mid: str
    payload_types: Mapping[str, int]
    rtx: Mapping[int, int]
    extensions: Mapping[Extension, int]
    nack: bool


@dataclass(frozen=True, slots=True)
class SubscriberAnswer:
    """A subscriber's answer to our offer."""

    remote: RemoteTransport
    senders: tuple[SenderAnswer, ...]
    data: DataSection | None
