"""The client's view of session descriptions: offers of its tracks, answers to the relay's offers.

A thin layer over ``media.sdp.client`` that speaks of the client's own records;
nobody else in the client sees SDP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from media.dtls import Role
from media.errors import SdpError
from media.ports import Extension, Kind
from media.sdp.candidates import Candidate
from media.sdp.catalogue import CATALOGUE
from media.sdp.client import (
    PublishSection,
    Receiver,
    answer_server_offer,
    build_publisher_offer,
    read_publisher_answer,
)
from media.sdp.types import (
    DataSection,
    EncodingInfo,
    HostCandidate,
    LocalTransport,
    RemoteTransport,
)
from signaling.client.ice import CHECK_PRIORITY, Credentials
from signaling.client.peer import Peer
from signaling.client.sender import SenderFormat

H264_KEY: Final = "video/h264;mode=1;profile=42e0"


@dataclass(frozen=True, slots=True)
class UpSection:
    """A section of our offer: with ``rids`` simulcast, else one stream with its SSRCs."""

    mid: str
    kind: Kind
    codec: str
    track_id: str
    rids: tuple[str, ...] = ()
    ssrc: int | None = None
    rtx_ssrc: int | None = None
    active: bool = True

    @property
    def key(self) -> str:
        """The codec as ``media.sdp`` names it."""
        return H264_KEY if self.codec == "video/h264" else self.codec

    def stopped(self) -> UpSection:
        """The same section without anything to send."""
        return replace(self, active=False)

    def description(self) -> PublishSection:
        """What ``media.sdp.client`` writes of it."""
        if self.rids:
            encodings = tuple(EncodingInfo(rid, None, None) for rid in self.rids)
        else:
            encodings = (EncodingInfo("", self.ssrc, self.rtx_ssrc),)
        return PublishSection(self.mid, self.kind, self.track_id, (self.key,), encodings, sending=self.active)


@dataclass(frozen=True, slots=True)
class Answered:
    """What the relay's answer means; ``formats`` has an entry for each section that it receives."""

    remote: RemoteTransport
    candidates: tuple[HostCandidate, ...]
    role: Role
    data: DataSection | None
    formats: Mapping[str, SenderFormat]


@dataclass(frozen=True, slots=True)
class DownSection:
    """A section of the relay's offer. ``codecs`` is by payload type, ``extensions`` by local id."""

    mid: str
    kind: Kind
    sending: bool
    participant_sid: str
    track_sid: str
    ssrc: int | None
    rtx_ssrc: int | None
    codecs: Mapping[int, str]
    clock_rate: int
    rtx: Mapping[int, int]
    extensions: Mapping[int, Extension]
    transport_cc: bool


@dataclass(frozen=True, slots=True)
class Offered:
    """What the relay's offer means, and our answer. ``lite`` makes us controlling."""

    answer: str
    remote: RemoteTransport
    candidates: tuple[HostCandidate, ...]
    role: Role
    lite: bool
    data: DataSection | None
    sections: tuple[DownSection, ...]


def local_transport(peer: Peer, *, candidates: bool) -> LocalTransport:
    """Our side of a peer connection, with or without our address as a host candidate.

    A relay learns our address from the checks. But a full agent that is
    controlling waits a second before it takes an address that it was not told;
    one that is controlled holds on to the address that it was told, even when we
    have moved. So offers go without, answers with.
    """
    local = peer.ice.local
    hosts = [
        HostCandidate(host, port, CHECK_PRIORITY, "1")
        for host, port in (peer.host_candidates() if candidates else [])
    ]
    return LocalTransport(local.ufrag, local.pwd, peer.certificate.fingerprints, tuple(hosts))


def build_offer(peer: Peer, session: int, version: int, sections: Sequence[UpSection]) -> str:
    """Our offer: the data section first, then one for each track that was ever published."""
    local = local_transport(peer, candidates=False)
    for section in sections:
        if section.key not in CATALOGUE:
            raise SdpError(f"a codec that cannot be published: {section.codec}")
    described = [section.description() for section in sections]
    return build_publisher_offer(local, described, session=session, version=version)


def read_answer(text: str, sections: Sequence[UpSection]) -> Answered:
    """The relay's answer to :func:`build_offer`. SdpError for what does not fit the offer."""
    answer = read_publisher_answer(text, [section.description() for section in sections])
    formats = {}
    for section, agreed in zip(sections, answer.sections, strict=True):
        number = agreed.payload_types.get(section.key)
        if section.active and number is not None:
            clock_rate = CATALOGUE[section.key].clock_rate
            rtx = agreed.rtx.get(number)
            formats[section.mid] = SenderFormat(section.mid, number, clock_rate, rtx, agreed.extensions)
    role: Role = "server" if answer.remote.setup == "active" else "client"
    return Answered(answer.remote, _hosts(answer.candidates), role, answer.data, formats)


def answer_offer(peer: Peer, text: str) -> Offered:
    """The relay's offer and our answer, with new ICE credentials if the offer restarts ICE.

    SdpError for an offer that has nothing we could answer to.
    """
    offer = answer_server_offer(text, local_transport(peer, candidates=True), transport_cc=True)
    known = peer.ice.remote
    if known is not None and known != Credentials(offer.remote.ufrag, offer.remote.pwd):
        peer.restart_ice()
        offer = answer_server_offer(text, local_transport(peer, candidates=True), transport_cc=True)
    role: Role = "client" if offer.setup == "active" else "server"
    sections = tuple(_down(receiver) for receiver in offer.receivers)
    return Offered(offer.sdp, offer.remote, _hosts(offer.candidates), role, offer.lite, offer.data, sections)


def _down(receiver: Receiver) -> DownSection:
    participant_sid, _, stream = receiver.stream_id.partition("|")
    track_sid = receiver.track_id if receiver.track_id.startswith("TR_") else stream
    rates = [item.clock_rate for item in receiver.payload_types.values()]
    return DownSection(
        receiver.mid,
        receiver.kind,
        receiver.sending,
        participant_sid,
        track_sid if track_sid.startswith("TR_") else "",
        receiver.ssrc,
        receiver.rtx_ssrc,
        {number: item.codec for number, item in receiver.payload_types.items()},
        rates[0] if rates else 90_000,
        receiver.rtx,
        receiver.extensions,
        receiver.transport_cc,
    )


def _hosts(found: Iterable[Candidate]) -> tuple[HostCandidate, ...]:
    return tuple(
        HostCandidate(item.host, item.port, item.priority, item.foundation, item.component, item.protocol)
        for item in found
        if item.component == 1
    )
