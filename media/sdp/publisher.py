"""Answering the offer of a client that sends to us (RFC 3264, RFC 9429, RFC 8853).

The answer has the offer's sections in the offer's order, each with its mid. A
section that we cannot use is rejected by port 0 and left out of the BUNDLE; one
in which the client does not send (a placeholder, or one that it has stopped) is
answered inactive, complete with formats and header extensions: clients take
from a first answer what they may negotiate later (``rtp-stream-id`` above all).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from media.errors import SdpError
from media.ports import Extension, Kind, PayloadType
from media.sdp.catalogue import AUDIO_FEEDBACK, CATALOGUE, DTX_FMTP, OPUS_FMTP, STEREO_FMTP, VIDEO_FEEDBACK
from media.sdp.codecs import DEFAULT_CODECS, Format, codec_name
from media.sdp.encodings import RidLine, sent_rids, sent_ssrcs
from media.sdp.model import MediaDescription, SessionDescription
from media.sdp.parts import NOWHERE, answering_origin, data_section, payload_numbers, write_format
from media.sdp.reader import parse
from media.sdp.sections import ExtensionLine, Section, bundle, read_data, read_sections, reject, unusable
from media.sdp.transport import read_transport, write_transport
from media.sdp.types import (
    DataSection,
    EncodingInfo,
    LocalTransport,
    PublishedSection,
    PublisherAnswer,
)
from media.sdp.writer import write

_AUDIO_EXTENSIONS: Final = frozenset(
    {
        Extension.MID,
        Extension.AUDIO_LEVEL,
        Extension.TRANSPORT_CC,
        Extension.ABS_SEND_TIME,
        Extension.ABS_CAPTURE_TIME,
    }
)
_VIDEO_EXTENSIONS: Final = frozenset(Extension) - {Extension.AUDIO_LEVEL}

_OPPOSITE: Final = {"": "", "sendrecv": "/recvonly", "sendonly": "/recvonly"}
"""Direction of an extension in our answer, by that in the offer; others are not accepted."""


@dataclass(frozen=True, slots=True)
class PublisherPolicy:
    """What the server allows and knows when it answers.

    ``codecs`` are names (``opus``, ``h264``). The other fields speak of tracks
    by their client id, the second token of ``a=msid``: stereo sound, sound whose
    silence shall be sent too, sound for which RED shall come first, and the codec
    that shall come first (``vp9`` or ``video/vp9``).
    """

    codecs: tuple[str, ...] = DEFAULT_CODECS
    stereo: frozenset[str] = frozenset()
    dtx_disabled: frozenset[str] = frozenset()
    prefer_red: frozenset[str] = frozenset()
    preferred: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Agreed:
    """What a section comes to before it is written."""

    formats: list[Format] = field(default_factory=list)
    rtx: dict[int, int] = field(default_factory=dict)
    feedback: dict[int, list[str]] = field(default_factory=dict)
    extensions: list[ExtensionLine] = field(default_factory=list)
    rids: list[RidLine] = field(default_factory=list)
    encodings: tuple[EncodingInfo, ...] = ()
    rejected: str = ""


def answer_publisher(
    offer: str, local: LocalTransport, *, policy: PublisherPolicy | None = None
) -> PublisherAnswer:
    """Our answer to a publisher's offer.

    We are ICE-lite and DTLS server. Raises SdpError for an offer that cannot be
    read, is over a limit, lacks ICE credentials or a usable fingerprint, or wants
    us to be DTLS client; a section that cannot be used is no error.
    """
    policy = policy or PublisherPolicy()
    session = parse(offer)
    if not session.media:
        raise SdpError("an offer without media sections")
    sections = read_sections(session)
    group = bundle(session)
    reasons = unusable(sections, group)
    usable = [section for section, reason in zip(sections, reasons, strict=True) if not reason]
    # A session whose every section is stopped still has a transport, and no need of a new one.
    remote = read_transport(session, usable or sections, ("actpass", "active"), "actpass")
    answer = _session(session)
    accepted: list[str] = []
    published: list[PublishedSection] = []
    data: DataSection | None = None
    for section, reason in zip(sections, reasons, strict=True):
        if section.data and not reason:
            data = read_data(section)
            protocol = section.media.protocol
            media = data_section(section.mid, local, "passive", first=not accepted, protocol=protocol)
            accepted.append(section.mid)
        else:
            agreed = _agree(section, policy, reason)
            if agreed.rejected:
                media = reject(section)
            else:
                media = _rtp_media(section, agreed, policy, local, first=not accepted)
                accepted.append(section.mid)
            if section.kind is not None:
                published.append(_published(section, section.kind, agreed))
        answer.media.append(media)
    if group is not None:
        answer.attributes.insert(0, ("group", " ".join(["BUNDLE", *accepted])))
    return PublisherAnswer(write(answer), remote, tuple(published), data)


def _session(offer: SessionDescription) -> SessionDescription:
    session = SessionDescription(origin=answering_origin(offer))
    if ("extmap-allow-mixed", None) in offer.attributes:
        session.add("extmap-allow-mixed")
    session.add("msid-semantic", " WMS")
    session.add("ice-lite")
    return session


def _agree(section: Section, policy: PublisherPolicy, reason: str) -> _Agreed:
    if reason:
        return _Agreed(rejected=reason)
    agreed = _Agreed()
    allowed = {name.lower() for name in policy.codecs}
    formats = [item for item in section.formats if item.key in CATALOGUE and codec_name(item.key) in allowed]
    opus = {item.payload_type for item in formats if item.key == "audio/opus"}
    formats = [item for item in formats if item.key != "audio/red" or _red_of(item, opus)]
    agreed.formats = _ordered(formats, section.track_id, policy)
    if not any(item.key != "audio/red" for item in formats):
        offered = ", ".join(dict.fromkeys(item.name[:16] for item in section.formats[:8])) or "none"
        return _Agreed(rejected=f"no codec in common (offered: {ascii(offered)[1:-1]})")
    agreed.extensions = _extensions(section)
    taken = {item.payload_type for item in formats}
    repaired: set[int] = set()
    for repair, apt in section.rtx.items():
        if apt in taken and apt not in repaired:
            agreed.rtx[repair] = apt
            repaired.add(apt)
    agreed.feedback = {item.payload_type: _feedback(section, item) for item in formats}
    if not section.sends:
        return agreed
    rids = [line for line in sent_rids(section) if not line.payload_types or taken & set(line.payload_types)]
    has_rid = any(line.extension is Extension.RID for line in agreed.extensions)
    if rids and has_rid:
        agreed.rids = rids
        agreed.encodings = tuple(EncodingInfo(line.rid, None, None) for line in rids)
    elif len(rids) > 1 and not section.has("ssrc"):
        return _Agreed(rejected="simulcast by RID without the RID header extension")
    else:
        agreed.encodings = tuple(sent_ssrcs(section))
    return agreed


def _red_of(red: Format, opus: set[int]) -> bool:
    """Whether each block of this RED format is an Opus format that was accepted (RFC 2198, section 5)."""
    blocks = red.fmtp.split("/", 8)
    return bool(red.fmtp) and all(
        block.isdigit() and len(block) < 4 and int(block) in opus for block in blocks
    )


def _ordered(formats: list[Format], track_id: str, policy: PublisherPolicy) -> list[Format]:
    """The offer's order, unless the policy wants a codec first; clients send what an answer names first."""
    wanted = policy.preferred.get(track_id, "").lower().rpartition("/")[2]
    if track_id in policy.prefer_red:
        wanted = "red"
    return sorted(formats, key=lambda item: codec_name(item.key) != wanted) if wanted else formats


def _extensions(section: Section) -> list[ExtensionLine]:
    allowed = _AUDIO_EXTENSIONS if section.kind is Kind.AUDIO else _VIDEO_EXTENSIONS
    offered = {line.extension for line in section.extensions}
    if Extension.TRANSPORT_CC in offered:
        allowed = allowed - {Extension.ABS_SEND_TIME}
    return [line for line in section.extensions if line.extension in allowed and line.direction in _OPPOSITE]


def _feedback(section: Section, item: Format) -> list[str]:
    ours = AUDIO_FEEDBACK if section.kind is Kind.AUDIO else VIDEO_FEEDBACK
    wide = "transport-cc" in item.feedback and any(
        line.extension is Extension.TRANSPORT_CC for line in section.extensions
    )
    left_out = "goog-remb" if wide else "transport-cc"
    return [name for name in ours if name in item.feedback and name != left_out]


def _published(section: Section, kind: Kind, agreed: _Agreed) -> PublishedSection:
    feedback = {name for names in agreed.feedback.values() for name in names}
    return PublishedSection(
        mid=section.mid,
        kind=kind,
        sending=section.sends and not agreed.rejected,
        stream_id=section.stream_id,
        track_id=section.track_id,
        payload_types={item.payload_type: PayloadType(item.key, item.clock_rate) for item in agreed.formats},
        rtx=agreed.rtx,
        extensions={line.id: line.extension for line in agreed.extensions},
        encodings=agreed.encodings,
        nack="nack" in feedback,
        transport_cc="transport-cc" in feedback,
        rejected=agreed.rejected,
    )


def _rtp_media(
    section: Section, agreed: _Agreed, policy: PublisherPolicy, local: LocalTransport, *, first: bool
) -> MediaDescription:
    offered = section.media
    repairs = {apt: repair for repair, apt in agreed.rtx.items()}
    numbers = payload_numbers(agreed.formats, repairs)
    media = MediaDescription(offered.kind, 9, offered.protocol, numbers, NOWHERE)
    write_transport(media, local, "passive", first=first)
    if section.mid:
        media.add("mid", section.mid)
    if section.has("extmap-allow-mixed"):
        media.add("extmap-allow-mixed")
    for line in agreed.extensions:
        media.add("extmap", f"{line.id}{_OPPOSITE[line.direction]} {line.extension.value}")
    media.add("recvonly" if section.sends else "inactive")
    media.add("rtcp-mux")
    if section.has("rtcp-rsize"):
        media.add("rtcp-rsize")
    for item in agreed.formats:
        feedback = agreed.feedback[item.payload_type]
        fmtp = _fmtp(section, item, policy)
        write_format(media, item, fmtp, feedback, repairs, CATALOGUE[item.key].name)
    _write_rids(media, agreed, simulcast=section.has("simulcast"))
    return media


def _fmtp(section: Section, item: Format, policy: PublisherPolicy) -> str:
    if item.key != "audio/opus":
        # The offer's own words: what it calls its format is what its format is (RFC 6184, 8.2.2).
        return item.fmtp
    track = section.track_id
    dtx = "" if track in policy.dtx_disabled else DTX_FMTP
    return OPUS_FMTP + dtx + (STEREO_FMTP if track in policy.stereo else "")


def _write_rids(media: MediaDescription, agreed: _Agreed, *, simulcast: bool) -> None:
    taken = {item.payload_type for item in agreed.formats}
    for line in agreed.rids:
        numbers = [str(number) for number in line.payload_types if number in taken]
        restrictions = [f"pt={','.join(numbers)}"] if numbers else []
        restrictions.extend(line.restrictions)
        media.add("rid", f"{line.rid} recv {';'.join(restrictions)}".rstrip())
    if agreed.rids and simulcast:
        media.add("simulcast", "recv " + ";".join(line.rid for line in agreed.rids))
