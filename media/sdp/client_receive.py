"""A receiving client's answers to the server's offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from media.ports import Extension, Kind, PayloadType
from media.sdp.candidates import Candidate
from media.sdp.catalogue import CATALOGUE
from media.sdp.codecs import Format
from media.sdp.encodings import sent_ssrcs
from media.sdp.model import MediaDescription, SessionDescription
from media.sdp.parts import NOWHERE, answering_origin, data_section, payload_numbers, write_format
from media.sdp.reader import parse
from media.sdp.sections import Section, bundle, read_data, read_sections, reject, unusable
from media.sdp.transport import is_lite, read_candidates, read_transport, write_transport
from media.sdp.types import DataSection, LocalTransport, RemoteTransport
from media.sdp.writer import write

MAX_SECTIONS: Final = 4096
"""Sections of a server's offer: two for each of a city's sites, and as many again that have ended."""
MAX_LENGTH: Final = 16 * 1024 * 1024

_FEEDBACK: Final = {
    Kind.AUDIO: ("transport-cc", "nack"),
    Kind.VIDEO: ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"),
}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A section in which the server sends, or could: ``sending`` is false while it is inactive.

    ``stream_id`` is ``PA_…|TR_…`` or ``PA_…|camera`` on LiveKit, ``track_id``
    ``TR_…``. ``ssrc`` is None where the offer names none: then packets are known
    by the MID extension. ``rtx`` maps retransmission to media payload type.
    """

    mid: str
    kind: Kind
    sending: bool
    stream_id: str
    track_id: str
    ssrc: int | None
    rtx_ssrc: int | None
    payload_types: Mapping[int, PayloadType]
    rtx: Mapping[int, int]
    extensions: Mapping[int, Extension]
    nack: bool
    transport_cc: bool


@dataclass(frozen=True, slots=True)
class ServerOffer:
    """A server's offer, understood, and our answer to it.

    ``setup`` is our side of DTLS, ``active`` for the client. ``receivers`` hold
    every section that was not rejected.
    """

    sdp: str = field(repr=False)
    remote: RemoteTransport
    setup: str
    candidates: tuple[Candidate, ...]
    lite: bool
    receivers: tuple[Receiver, ...]
    data: DataSection | None


def answer_server_offer(
    text: str, local: LocalTransport, *, codecs: Iterable[str] | None = None, transport_cc: bool = False
) -> ServerOffer:
    """Our answer to a server's offer: we receive whatever it sends.

    ``codecs`` are the keys that we can take, all of the catalogue where None.
    ``transport_cc`` says that we send transport-wide feedback; without it neither
    the extension nor the feedback is accepted. Raises SdpError for an offer that
    cannot be read or has no usable transport.
    """
    session = parse(text, max_sections=MAX_SECTIONS, max_length=MAX_LENGTH)
    sections = read_sections(session)
    reasons = unusable(sections, bundle(session))
    usable = [section for section, reason in zip(sections, reasons, strict=True) if not reason]
    remote = read_transport(session, usable, ("actpass", "passive", "active"), "actpass")
    setup = "passive" if remote.setup == "active" else "active"
    wanted = frozenset(CATALOGUE if codecs is None else codecs)
    answer = SessionDescription(origin=answering_origin(session))
    if ("extmap-allow-mixed", None) in session.attributes:
        answer.add("extmap-allow-mixed")
    answer.add("msid-semantic", " WMS *")
    mids: list[str] = []
    receivers: list[Receiver] = []
    data: DataSection | None = None
    for section, reason in zip(sections, reasons, strict=True):
        first = not mids
        formats = [item for item in section.formats if item.key in wanted and item.key in CATALOGUE]
        if section.data and not reason:
            data = read_data(section)
            media = data_section(section.mid, local, setup, first=first, protocol=section.media.protocol)
        elif reason or section.kind is None or not formats:
            answer.media.append(reject(section))
            continue
        else:
            receiver = _receiver(section, section.kind, formats, transport_cc)
            receivers.append(receiver)
            media = _receive(section, receiver, formats, local, setup, first=first)
        mids.append(section.mid)
        answer.media.append(media)
    answer.attributes.insert(0, ("group", " ".join(["BUNDLE", *mids])))
    return ServerOffer(
        write(answer), remote, setup, read_candidates(usable), is_lite(session), tuple(receivers), data
    )


def _receiver(section: Section, kind: Kind, formats: Sequence[Format], transport_cc: bool) -> Receiver:
    stream = sent_ssrcs(section)[0]
    numbers = {item.payload_type for item in formats}
    feedback = {name for item in formats for name in item.feedback}
    extensions = {
        line.id: line.extension
        for line in section.extensions
        if transport_cc or line.extension is not Extension.TRANSPORT_CC
    }
    return Receiver(
        mid=section.mid,
        kind=kind,
        sending=section.sends,
        stream_id=section.stream_id,
        track_id=section.track_id,
        ssrc=stream.ssrc,
        rtx_ssrc=stream.rtx_ssrc,
        payload_types={item.payload_type: PayloadType(item.key, item.clock_rate) for item in formats},
        rtx={repair: apt for repair, apt in section.rtx.items() if apt in numbers},
        extensions=extensions,
        nack="nack" in feedback,
        transport_cc=transport_cc
        and "transport-cc" in feedback
        and Extension.TRANSPORT_CC in extensions.values(),
    )


def _receive(
    section: Section,
    receiver: Receiver,
    formats: Sequence[Format],
    local: LocalTransport,
    setup: str,
    *,
    first: bool,
) -> MediaDescription:
    repairs = {apt: repair for repair, apt in receiver.rtx.items()}
    numbers = payload_numbers(formats, repairs)
    media = MediaDescription(receiver.kind.value, 9, section.media.protocol, numbers, NOWHERE)
    write_transport(media, local, setup, first=first)
    media.add("mid", section.mid)
    for number, extension in receiver.extensions.items():
        media.add("extmap", f"{number} {extension.value}")
    media.add("recvonly" if receiver.sending else "inactive")
    media.add("rtcp-mux")
    if section.has("rtcp-rsize"):
        media.add("rtcp-rsize")
    for item in formats:
        names = [
            name
            for name in _FEEDBACK[receiver.kind]
            if name in item.feedback and (name != "transport-cc" or receiver.transport_cc)
        ]
        write_format(media, item, item.fmtp, names, repairs)
    return media
