"""A publishing client's offers, and the server's answers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from media.errors import SdpError
from media.ports import Extension, Kind
from media.sdp.candidates import Candidate
from media.sdp.catalogue import CATALOGUE, RTX_PAYLOAD_TYPES
from media.sdp.codecs import Format, same_format
from media.sdp.encodings import accepted_rids
from media.sdp.model import MediaDescription, SessionDescription
from media.sdp.parts import (
    NOWHERE,
    RTP_PROTOCOL,
    data_section,
    origin,
    payload_numbers,
    write_format,
    write_ssrcs,
)
from media.sdp.reader import parse
from media.sdp.sections import Section, read_data, read_sections
from media.sdp.transport import is_lite, read_candidates, read_transport, write_transport
from media.sdp.types import DataSection, EncodingInfo, LocalTransport, RemoteTransport
from media.sdp.writer import write

DATA_MID: Final = "0"

PUBLISH_EXTENSIONS: Final = {
    Kind.AUDIO: {
        Extension.MID: 1,
        Extension.TRANSPORT_CC: 2,
        Extension.AUDIO_LEVEL: 3,
        Extension.ABS_CAPTURE_TIME: 6,
    },
    Kind.VIDEO: {
        Extension.MID: 1,
        Extension.TRANSPORT_CC: 2,
        Extension.RID: 4,
        Extension.REPAIRED_RID: 5,
        Extension.ABS_CAPTURE_TIME: 6,
        Extension.VIDEO_ORIENTATION: 7,
    },
}
"""Header extensions that a client of ours offers to send, and their ids."""

_FEEDBACK: Final = {
    Kind.AUDIO: ("transport-cc", "nack"),
    Kind.VIDEO: ("transport-cc", "ccm fir", "nack", "nack pli"),
}


@dataclass(frozen=True, slots=True)
class PublishSection:
    """A track that the client sends, or sent.

    ``track_id`` is the ``cid`` of LiveKit's ``add_track``. ``codecs`` are keys in
    order of preference. ``encodings`` is either one entry with an ``ssrc`` (and
    ``rtx_ssrc``), or simulcast: entries with a ``rid``, lowest first, whose SSRCs
    stay out of the text as in browsers.
    """

    mid: str
    kind: Kind
    track_id: str
    codecs: tuple[str, ...]
    encodings: tuple[EncodingInfo, ...]
    stream_id: str = "-"
    sending: bool = True


@dataclass(frozen=True, slots=True)
class AgreedSection:
    """What the server accepts of a section: nothing at all where ``payload_types`` is empty.

    ``payload_types`` maps codec keys to payload types, the one that the server
    wants first; ``rtx`` maps a media payload type to that of its
    retransmission; ``rids`` are the accepted encodings in the offer's order.
    """

    mid: str
    payload_types: Mapping[str, int]
    rtx: Mapping[int, int]
    extensions: Mapping[Extension, int]
    rids: tuple[str, ...]
    nack: bool
    transport_cc: bool


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """A server's answer to our offer. ``lite`` tells that it is ICE-lite."""

    remote: RemoteTransport
    candidates: tuple[Candidate, ...]
    lite: bool
    sections: tuple[AgreedSection, ...]
    data: DataSection | None


def build_publisher_offer(
    local: LocalTransport, sections: Sequence[PublishSection], *, session: int, version: int
) -> str:
    """The offer of a client that sends ``sections``; data channels are always offered.

    ``session`` stays the same for the life of the connection; ``version`` rises
    by one. ValueError where a codec is none of the catalogue's.
    """
    description = SessionDescription(origin=origin(session, version))
    description.add("group", " ".join(["BUNDLE", DATA_MID, *(section.mid for section in sections)]))
    description.add("extmap-allow-mixed")
    description.add("msid-semantic", " WMS *")
    description.add("ice-options", "trickle")
    description.media.append(data_section(DATA_MID, local, "actpass", first=True))
    for section in sections:
        description.media.append(_publish(section, local, f"client{session}"))
    return write(description)


def read_publisher_answer(text: str, sections: Sequence[PublishSection]) -> ServerAnswer:
    """What the server's answer to our offer of these sections means.

    Raises SdpError for an answer of another shape, or without a usable transport.
    """
    session = parse(text, max_sections=len(sections) + 1)
    answered = read_sections(session)
    mids = [DATA_MID, *(section.mid for section in sections)]
    if len(answered) != len(mids) or any(
        section.mid != mid and (section.live or section.mid)
        for section, mid in zip(answered, mids, strict=True)
    ):
        raise SdpError("the answer has other media sections than the offer")
    live = [section for section in answered if section.live]
    remote = read_transport(session, live, ("passive", "active"), "passive")
    data = answered[0]
    return ServerAnswer(
        remote=remote,
        candidates=read_candidates(live),
        lite=is_lite(session),
        sections=tuple(_agreed(ours, theirs) for ours, theirs in zip(sections, answered[1:], strict=True)),
        data=read_data(data) if data.live and data.data else None,
    )


def _publish(section: PublishSection, local: LocalTransport, cname: str) -> MediaDescription:
    unknown = [key for key in section.codecs if key not in CATALOGUE]
    if unknown or not section.codecs:
        raise ValueError(f"no codec of the catalogue: {unknown}")
    formats = [CATALOGUE[key] for key in section.codecs]
    numbers = payload_numbers(formats, RTX_PAYLOAD_TYPES)
    media = MediaDescription(section.kind.value, 9, RTP_PROTOCOL, numbers, NOWHERE)
    write_transport(media, local, "actpass", first=False)
    media.add("mid", section.mid)
    for extension, number in PUBLISH_EXTENSIONS[section.kind].items():
        media.add("extmap", f"{number} {extension.value}")
    media.add("sendonly" if section.sending else "inactive")
    if section.sending:
        media.add("msid", f"{section.stream_id} {section.track_id}")
    media.add("rtcp-mux")
    media.add("rtcp-rsize")
    for item in formats:
        write_format(media, item, item.fmtp, _FEEDBACK[section.kind], RTX_PAYLOAD_TYPES)
    if section.sending:
        _write_encodings(media, section, cname)
    return media


def _write_encodings(media: MediaDescription, section: PublishSection, cname: str) -> None:
    rids = [encoding.rid for encoding in section.encodings if encoding.rid]
    if rids:
        for rid in rids:
            media.add("rid", f"{rid} send")
        media.add("simulcast", "send " + ";".join(rids))
        return
    for encoding in section.encodings:
        ssrcs = [ssrc for ssrc in (encoding.ssrc, encoding.rtx_ssrc) if ssrc is not None]
        write_ssrcs(media, ssrcs, cname, section.stream_id, section.track_id)


def _agreed(ours: PublishSection, theirs: Section) -> AgreedSection:
    accepted: dict[str, Format] = {}
    if theirs.receives and theirs.rtp:
        offered = {CATALOGUE[key].payload_type: CATALOGUE[key] for key in ours.codecs}
        for item in theirs.formats:
            own = offered.get(item.payload_type)
            if own is not None and same_format(own, item):
                accepted.setdefault(item.key, item)
    numbers = {item.payload_type for item in accepted.values()}
    feedback = {name for item in accepted.values() for name in item.feedback}
    ids = PUBLISH_EXTENSIONS[ours.kind]
    extensions = {line.extension: line.id for line in theirs.extensions if ids.get(line.extension) == line.id}
    kept = set(accepted_rids(theirs))
    return AgreedSection(
        mid=ours.mid,
        payload_types={key: item.payload_type for key, item in accepted.items()},
        rtx={apt: repair for repair, apt in theirs.rtx.items() if apt in numbers},
        extensions=extensions if accepted else {},
        rids=tuple(encoding.rid for encoding in ours.encodings if encoding.rid in kept),
        nack="nack" in feedback,
        transport_cc="transport-cc" in feedback and Extension.TRANSPORT_CC in extensions,
    )
