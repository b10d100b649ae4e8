"""The client's session descriptions: its publisher offers, and its answers to the relay's offers.

Built on ``media.sdp``'s reader, writer and vocabulary; nobody else in the
client touches SDP text. Pure but for :func:`local_transport`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from media.dtls import Role
from media.errors import SdpError
from media.ports import Extension, Kind
from media.sctp_transport import MAX_MESSAGE_SIZE
from media.sdp.candidates import Candidate
from media.sdp.catalogue import CATALOGUE, OPUS_FMTP, RTX_PAYLOAD_TYPES, STEREO_FMTP
from media.sdp.codecs import Format
from media.sdp.encodings import sent_ssrcs
from media.sdp.model import MediaDescription, SessionDescription
from media.sdp.reader import parse
from media.sdp.sections import Section, read_data, read_sections
from media.sdp.transport import read_candidates, read_transport, write_transport
from media.sdp.types import DataSection, HostCandidate, LocalTransport, RemoteTransport
from media.sdp.writer import write
from signaling.client.ice import CHECK_PRIORITY, Credentials
from signaling.client.peer import Peer
from signaling.client.sender import SenderFormat

DATA_MID: Final = "0"
H264_KEY: Final = "video/h264;mode=1;profile=42e0"

EXTENSION_IDS: Final = {
    Extension.MID: 1,
    Extension.RID: 2,
    Extension.REPAIRED_RID: 3,
    Extension.TRANSPORT_CC: 4,
    Extension.ABS_SEND_TIME: 5,
    Extension.AUDIO_LEVEL: 6,
}
"""The header extensions that we can send, by the ids of our offers."""

_READABLE: Final = frozenset(
    {Extension.MID, Extension.AUDIO_LEVEL, Extension.ABS_SEND_TIME, Extension.ABS_CAPTURE_TIME}
)
"""Header extensions that we accept from the relay; without transport-wide numbers it goes by REMB."""

_RECEIVABLE: Final = ("audio/opus", "audio/red", "video/vp8", "video/h264", "video/vp9", "video/av1")


@dataclass(frozen=True, slots=True)
class UpSection:
    """A section of our offer. With ``rids`` it is simulcast and names no SSRC."""

    mid: str
    kind: Kind
    codec: str
    stream_id: str
    track_id: str
    cname: str
    rids: tuple[str, ...] = ()
    ssrc: int | None = None
    rtx_ssrc: int | None = None
    stereo: bool = False
    active: bool = True

    def stopped(self) -> UpSection:
        """The same section without anything to send."""
        return replace(self, active=False, rids=())


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
    """A section of the relay's offer. ``ssrcs`` maps a media SSRC to its RTX SSRC or None.

    ``codecs`` and ``clock_rates`` are by payload type, ``extensions`` by local id.
    """

    section: Section = field(repr=False)
    mid: str
    kind: Kind
    sending: bool
    participant_sid: str
    track_sid: str
    ssrcs: Mapping[int, int | None]
    formats: tuple[Format, ...]
    codecs: Mapping[int, str]
    clock_rates: Mapping[int, int]
    rtx: Mapping[int, int]
    extensions: Mapping[int, Extension]


@dataclass(frozen=True, slots=True)
class Offered:
    """What the relay's offer means, in the order of its sections (``parts`` holds all of them)."""

    remote: RemoteTransport
    candidates: tuple[HostCandidate, ...]
    role: Role
    data: DataSection | None
    sections: tuple[DownSection, ...]
    parts: tuple[Section, ...] = field(repr=False)
    lite: bool
    """Whether the relay is ICE-lite, which makes us controlling."""

    def restarts(self, known: Credentials | None) -> bool:
        """Whether this offer restarts ICE against the credentials known before."""
        return known is not None and (known.ufrag, known.pwd) != (self.remote.ufrag, self.remote.pwd)


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


def _session(version: int, mids: Sequence[str]) -> SessionDescription:
    session = SessionDescription(origin=f"- 4611731400430051336 {version} IN IP4 127.0.0.1")
    if mids:
        session.add("group", " ".join(("BUNDLE", *mids)))
    session.add("extmap-allow-mixed")
    session.add("msid-semantic", " WMS *")
    return session


def _data_media(mid: str, local: LocalTransport, setup: str, *, first: bool) -> MediaDescription:
    media = MediaDescription("application", 9, "UDP/DTLS/SCTP", ("webrtc-datachannel",), "IN IP4 0.0.0.0")
    write_transport(media, local, setup, first=first)
    media.add("mid", mid)
    media.add("sctp-port", 5000)
    media.add("max-message-size", MAX_MESSAGE_SIZE)
    return media


# -- the publisher's offer ------------------------------------------------------


def build_offer(local: LocalTransport, version: int, sections: Sequence[UpSection]) -> str:
    """Our offer: the data section first, then a section for each track that was ever published."""
    session = _session(version, [DATA_MID, *(section.mid for section in sections)])
    session.media.append(_data_media(DATA_MID, local, "actpass", first=True))
    session.media += [_up_media(section, local) for section in sections]
    return write(session)


def _up_media(section: UpSection, local: LocalTransport) -> MediaDescription:
    form = _format_of(section.codec)
    rtx = RTX_PAYLOAD_TYPES.get(form.payload_type)
    numbers = [str(form.payload_type)] + ([str(rtx)] if rtx is not None else [])
    media = MediaDescription(section.kind.value, 9, "UDP/TLS/RTP/SAVPF", tuple(numbers), "IN IP4 0.0.0.0")
    write_transport(media, local, "actpass", first=False)
    media.add("mid", section.mid)
    for extension, identifier in EXTENSION_IDS.items():
        if (extension is not Extension.AUDIO_LEVEL) or section.kind is Kind.AUDIO:
            media.add("extmap", f"{identifier} {extension.value}")
    media.add("sendonly" if section.active else "inactive")
    media.add("rtcp-mux")
    media.add("rtcp-rsize")
    channels = f"/{form.channels}" if form.channels > 1 else ""
    media.add("rtpmap", f"{form.payload_type} {form.name}/{form.clock_rate}{channels}")
    fmtp = OPUS_FMTP + (STEREO_FMTP if section.stereo else "") if form.key == "audio/opus" else form.fmtp
    if fmtp:
        media.add("fmtp", f"{form.payload_type} {fmtp}")
    for feedback in sorted(form.feedback - {"goog-remb"}):
        media.add("rtcp-fb", f"{form.payload_type} {feedback}")
    if rtx is not None:
        media.add("rtpmap", f"{rtx} rtx/{form.clock_rate}")
        media.add("fmtp", f"{rtx} apt={form.payload_type}")
    if section.active:
        media.add("msid", f"{section.stream_id} {section.track_id}")
        _add_encodings(media, section)
    return media


def _add_encodings(media: MediaDescription, section: UpSection) -> None:
    for rid in section.rids:
        media.add("rid", f"{rid} send")
    if section.rids:
        media.add("simulcast", f"send {';'.join(section.rids)}")
        return
    ssrcs = [ssrc for ssrc in (section.ssrc, section.rtx_ssrc) if ssrc is not None]
    if len(ssrcs) == 2:
        media.add("ssrc-group", f"FID {ssrcs[0]} {ssrcs[1]}")
    for ssrc in ssrcs:
        media.add("ssrc", f"{ssrc} cname:{section.cname}")


def _format_of(codec: str) -> Format:
    key = H264_KEY if codec == "video/h264" else codec
    try:
        return CATALOGUE[key]
    except KeyError:
        raise SdpError(f"a codec that cannot be published: {codec}") from None


def read_answer(text: str, sections: Sequence[UpSection]) -> Answered:
    """The relay's answer to :func:`build_offer`. SdpError for what does not fit the offer."""
    session = parse(text)
    parts = read_sections(session)
    by_mid = {part.mid: part for part in parts}
    remote = read_transport(session, [p for p in parts if p.live], ("active", "passive"), "passive")
    data = next((read_data(part) for part in parts if part.data and part.live), None)
    formats = {}
    for section in sections:
        part = by_mid.get(section.mid)
        if part is not None and section.active and part.receives:
            accepted = _accepted(section, part)
            if accepted is not None:
                formats[section.mid] = accepted
    role: Role = "server" if remote.setup == "active" else "client"
    return Answered(remote, _candidates(read_candidates(parts)), role, data, formats)


def _accepted(section: UpSection, part: Section) -> SenderFormat | None:
    wanted = _format_of(section.codec)
    found = next((item for item in part.formats if item.key == wanted.key), None)
    if found is None:
        return None
    rtx = next((repair for repair, media in part.rtx.items() if media == found.payload_type), None)
    allowed = part.extension_ids()
    return SenderFormat(
        section.mid,
        found.payload_type,
        found.clock_rate,
        rtx,
        {extension: number for extension, number in allowed.items() if extension in EXTENSION_IDS},
    )


def _candidates(found: Sequence[Candidate]) -> tuple[HostCandidate, ...]:
    return tuple(
        HostCandidate(item.host, item.port, item.priority, item.foundation, item.component, item.protocol)
        for item in found
        if item.component == 1
    )


# -- the subscriber's answer ------------------------------------------------------


def read_offer(text: str) -> Offered:
    """The relay's offer. SdpError for one that has nothing we could answer to."""
    session = parse(text)
    parts = tuple(read_sections(session))
    remote = read_transport(
        session, [p for p in parts if p.live], ("actpass", "active", "passive"), "actpass"
    )
    data = next((read_data(part) for part in parts if part.data and part.live), None)
    sections = tuple(_down(part) for part in parts if part.rtp and part.kind is not None and part.mid)
    role: Role = "server" if remote.setup == "active" else "client"
    lite = any(name == "ice-lite" for name, _ in session.attributes)
    return Offered(remote, _candidates(read_candidates(parts)), role, data, sections, parts, lite)


def _down(part: Section) -> DownSection:
    if part.kind is None:
        raise AssertionError("only sections of sound and pictures come here")
    formats = tuple(item for item in part.formats if item.key.partition(";")[0] in _RECEIVABLE)
    kept = {item.payload_type for item in formats}
    participant_sid, _, stream = part.stream_id.partition("|")
    track_sid = part.track_id if part.track_id.startswith("TR_") else stream
    return DownSection(
        part,
        part.mid,
        part.kind,
        part.sends and bool(formats),
        participant_sid,
        track_sid if track_sid.startswith("TR_") else "",
        {info.ssrc: info.rtx_ssrc for info in sent_ssrcs(part) if info.ssrc is not None},
        formats,
        {item.payload_type: item.key for item in formats},
        {item.payload_type: item.clock_rate for item in formats},
        {repair: media for repair, media in part.rtx.items() if media in kept},
        {line.id: line.extension for line in part.extensions if line.extension in _READABLE},
    )


def build_answer(local: LocalTransport, version: int, offer: Offered) -> str:
    """Our answer: everything is received that we can read, the rest is rejected with port 0."""
    down = {section.mid: section for section in offer.sections}
    setup = "passive" if offer.role == "server" else "active"
    bundled = [part.mid for part in offer.parts if part.live and (part.data or _usable(down.get(part.mid)))]
    session = _session(version, bundled)
    first = True
    for part in offer.parts:
        section = down.get(part.mid)
        if part.data and part.live:
            session.media.append(_data_media(part.mid, local, setup, first=first))
            first = False
        elif part.live and section is not None and section.formats:
            session.media.append(_down_media(section, local, setup, first=first))
            first = False
        else:
            media = MediaDescription(
                part.media.kind, 0, part.media.protocol, part.media.formats, "IN IP4 0.0.0.0"
            )
            if part.mid:
                media.add("mid", part.mid)
            media.add("inactive")
            session.media.append(media)
    return write(session)


def _usable(section: DownSection | None) -> bool:
    return section is not None and bool(section.formats)


def _down_media(section: DownSection, local: LocalTransport, setup: str, *, first: bool) -> MediaDescription:
    repairs = {media: repair for repair, media in section.rtx.items()}
    numbers = []
    for item in section.formats:
        numbers.append(str(item.payload_type))
        if item.payload_type in repairs:
            numbers.append(str(repairs[item.payload_type]))
    media = MediaDescription(section.kind.value, 9, "UDP/TLS/RTP/SAVPF", tuple(numbers), "IN IP4 0.0.0.0")
    write_transport(media, local, setup, first=first)
    media.add("mid", section.mid)
    for identifier, extension in section.extensions.items():
        media.add("extmap", f"{identifier} {extension.value}")
    media.add("recvonly" if section.sending else "inactive")
    media.add("rtcp-mux")
    media.add("rtcp-rsize")
    for item in section.formats:
        channels = f"/{item.channels}" if item.channels > 1 else ""
        media.add("rtpmap", f"{item.payload_type} {item.name}/{item.clock_rate}{channels}")
        if item.fmtp:
            media.add("fmtp", f"{item.payload_type} {item.fmtp}")
        for feedback in sorted(item.feedback & {"nack", "nack pli", "ccm fir", "goog-remb"}):
            media.add("rtcp-fb", f"{item.payload_type} {feedback}")
        repair = repairs.get(item.payload_type)
        if repair is not None:
            media.add("rtpmap", f"{repair} rtx/{item.clock_rate}")
            media.add("fmtp", f"{repair} apt={item.payload_type}")
    return media
