"""What a media section means: formats, extensions, streams, transport.

``read_section`` turns the attributes of one section into a :class:`Section`;
session-level values count where a section has none of its own (RFC 8866).
Unknown things are passed over; numbers out of range raise SdpError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from media.errors import SdpError
from media.ports import Extension, Kind
from media.sdp.codecs import DEFAULT_H264_FMTP, Format, codec_key, parse_fmtp
from media.sdp.grammar import excerpt, is_token, number
from media.sdp.model import MediaDescription, SessionDescription, by_name
from media.sdp.types import DataSection

MAX_EXTENSIONS: Final = 64
MAX_MESSAGE_SIZE: Final = 2**32 - 1

_DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")
_RTP_PROTOCOLS: Final = frozenset(
    {"UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF"}
)
_SCTP_PROTOCOLS: Final = frozenset({"UDP/DTLS/SCTP", "TCP/DTLS/SCTP"})
_URIS: Final = {extension.value: extension for extension in Extension}


@dataclass(frozen=True, slots=True)
class ExtensionLine:
    """One ``a=extmap`` that the relay knows; ``direction`` is empty where the line has none."""

    id: int
    extension: Extension
    direction: str


@dataclass(slots=True)
class Section:
    """One section, read. ``kind`` is None for what is neither sound nor picture.

    ``live`` is false for port 0 (unless ``a=bundle-only``). ``formats`` are in
    the order of the ``m=`` line and hold only those with a name; ``rtx`` maps
    retransmission to media payload type. ``stream_id`` and ``track_id`` are the
    tokens of ``a=msid``, ``-`` for none.
    """

    index: int
    media: MediaDescription
    values: dict[str, list[str]] = field(repr=False)
    mid: str
    kind: Kind | None
    live: bool
    direction: str
    formats: tuple[Format, ...] = ()
    rtx: Mapping[int, int] = field(default_factory=dict)
    extensions: tuple[ExtensionLine, ...] = ()
    stream_id: str = "-"
    track_id: str = "-"

    @property
    def sends(self) -> bool:
        """Whether the writer of the section sends in it."""
        return self.live and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether the writer of the section wants to receive in it."""
        return self.live and self.direction in ("sendrecv", "recvonly")

    @property
    def rtp(self) -> bool:
        """Whether it is RTP over DTLS-SRTP with feedback, of a kind that the relay carries."""
        return self.kind is not None and self.media.protocol in _RTP_PROTOCOLS

    @property
    def data(self) -> bool:
        """Whether it is data channels over DTLS (RFC 8841)."""
        return (
            self.media.kind == "application"
            and self.media.protocol in _SCTP_PROTOCOLS
            and self.media.formats[0] == "webrtc-datachannel"
        )

    def has(self, name: str) -> bool:
        """Whether the section has this attribute."""
        return name in self.values

    def extension_ids(self) -> dict[Extension, int]:
        """The id of each known extension."""
        return {line.extension: line.id for line in self.extensions}


def read_sections(session: SessionDescription) -> list[Section]:
    """All sections in their order. SdpError for two of one mid, or for numbers out of range."""
    shared = by_name(session.attributes)
    direction = next((name for name in _DIRECTIONS if name in shared), "sendrecv")
    sections = []
    mids = set()
    for index, media in enumerate(session.media):
        section = _read(index, media, direction)
        if section.mid:
            if section.mid in mids:
                raise SdpError(f"two media sections with the mid {excerpt(section.mid)}")
            mids.add(section.mid)
        sections.append(section)
    return sections


def bundle(session: SessionDescription) -> list[str] | None:
    """The mids of the first BUNDLE group (RFC 9143); None where there is no such group."""
    for name, value in session.attributes:
        if name == "group" and value is not None and value.startswith("BUNDLE"):
            return value.split()[1:]
    return None


def read_data(section: Section, default_size: int = 65536) -> DataSection:
    """The SCTP parameters of an application section (RFC 8841, sections 5 and 6)."""
    port = section.values.get("sctp-port", ["5000"])[0]
    size = section.values.get("max-message-size", [str(default_size)])[0]
    return DataSection(
        mid=section.mid,
        sctp_port=number(port.strip(), 1, 65535, "a=sctp-port"),
        max_message_size=min(number(size.strip(), 0, 2**64 - 1, "a=max-message-size"), MAX_MESSAGE_SIZE),
    )


def unusable(sections: Sequence[Section], group: list[str] | None) -> list[str]:
    """Why each section cannot be part of our one transport; empty where it can."""
    members = set(group or ())
    reasons = []
    alone = False
    for section in sections:
        reason = ""
        if not section.live:
            reason = "stopped by the client"
        elif not (section.rtp or section.data):
            reason = "neither sound, picture nor data over DTLS"
        elif section.rtp and not section.has("rtcp-mux"):
            reason = "RTCP is not multiplexed with RTP"
        elif group is None and alone:
            reason = "not bundled with the first section"
        elif group is not None and section.mid not in members:
            reason = "not in the BUNDLE group"
        alone = alone or not reason
        reasons.append(reason)
    return reasons


def reject(section: Section) -> MediaDescription:
    """The section with port 0, its mid kept (RFC 8829, section 5.3.1)."""
    media = section.media
    rejected = MediaDescription(media.kind, 0, media.protocol, media.formats[:1], "IN IP4 0.0.0.0")
    if section.mid:
        rejected.add("mid", section.mid)
    rejected.add("inactive")
    return rejected


def _read(index: int, media: MediaDescription, shared_direction: str) -> Section:
    values = by_name(media.attributes)
    mid = values.get("mid", [""])[0].strip()
    if mid and not is_token(mid):
        raise SdpError(f"a mid that is no short token: {excerpt(mid)}")
    live = media.port != 0 or "bundle-only" in values
    section = Section(
        index=index,
        media=media,
        values=values,
        mid=mid,
        kind=Kind(media.kind) if media.kind in ("audio", "video") else None,
        live=live,
        direction=next((name for name in _DIRECTIONS if name in values), shared_direction),
    )
    if section.rtp:
        section.formats, section.rtx = _formats(media, values)
        if live:
            section.extensions = _extensions(values)
            section.stream_id, section.track_id = _msid(values)
    return section


def _formats(
    media: MediaDescription, values: dict[str, list[str]]
) -> tuple[tuple[Format, ...], dict[int, int]]:
    maps = _by_payload_type(values, "rtpmap")
    fmtps = _by_payload_type(values, "fmtp")
    feedback, everywhere = _feedback(values)
    formats = []
    repairs = {}
    seen = set()
    for text in media.formats:
        payload_type = number(text, 0, 127, "a payload type")
        if payload_type not in maps or payload_type in seen:
            continue
        seen.add(payload_type)
        name, _, rest = maps[payload_type].partition("/")
        rate, _, channels = rest.partition("/")
        clock_rate = number(rate.strip(), 1, 10_000_000, "a clock rate of a=rtpmap")
        channel_count = number(channels.strip(), 1, 255, "the channels of a=rtpmap") if channels else 1
        fmtp = fmtps.get(payload_type, "")
        lower = name.lower()
        if lower == "rtx":
            apt = parse_fmtp(fmtp).get("apt", "")
            repairs[payload_type] = number(apt, 0, 127, "the apt of a retransmission format")
            continue
        if lower == "h264" and not fmtp:
            fmtp = DEFAULT_H264_FMTP
        key = codec_key(lower, clock_rate, channel_count, fmtp)
        # A section can hold a format of the other kind by its name only; it is none that we carry.
        if key and not key.startswith(media.kind):
            key = ""
        formats.append(
            Format(
                payload_type,
                name,
                clock_rate,
                channel_count,
                fmtp,
                frozenset(feedback.get(payload_type, ())) | everywhere,
                key,
            )
        )
    known = {item.payload_type for item in formats}
    return tuple(formats), {repair: apt for repair, apt in repairs.items() if apt in known}


def _by_payload_type(values: dict[str, list[str]], name: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for value in values.get(name, ()):
        number_text, _, rest = value.partition(" ")
        found.setdefault(number(number_text, 0, 127, f"the payload type of a={name}"), rest.strip())
    return found


def _feedback(values: dict[str, list[str]]) -> tuple[dict[int, set[str]], frozenset[str]]:
    found: dict[int, set[str]] = {}
    everywhere = set()
    for value in values.get("rtcp-fb", ()):
        number_text, _, rest = value.partition(" ")
        rest = " ".join(rest.split())
        if number_text == "*":
            everywhere.add(rest)
        else:
            payload_type = number(number_text, 0, 127, "the payload type of a=rtcp-fb")
            found.setdefault(payload_type, set()).add(rest)
    return found, frozenset(everywhere)


def _extensions(values: dict[str, list[str]]) -> tuple[ExtensionLine, ...]:
    lines = values.get("extmap", ())
    if len(lines) > MAX_EXTENSIONS:
        raise SdpError(f"more than {MAX_EXTENSIONS} header extensions in a section")
    found = []
    ids = set()
    seen = set()
    for value in lines:
        id_text, _, rest = value.partition(" ")
        id_text, _, direction = id_text.partition("/")
        number_ = number(id_text, 0, 4351, "the id of a=extmap")
        uri = rest.split(None, 1)[0] if rest.strip() else ""
        extension = _URIS.get(uri)
        # 15 is reserved in the one-byte form, ids over 255 are for negotiation only (RFC 8285).
        usable = 1 <= number_ <= 255 and number_ != 15 and direction in ("", *_DIRECTIONS)
        if extension is None or not usable or number_ in ids or extension in seen:
            continue
        ids.add(number_)
        seen.add(extension)
        found.append(ExtensionLine(number_, extension, direction))
    return tuple(found)


def _msid(values: dict[str, list[str]]) -> tuple[str, str]:
    for value in values.get("msid", ()):
        return _two(value)
    for value in values.get("ssrc", ()):
        name, _, rest = value.partition(" ")[2].partition(":")
        if name == "msid":
            return _two(rest)
    return "-", "-"


def _two(value: str) -> tuple[str, str]:
    parts = value.split(None, 2)
    return (parts[0] if parts else "-"), (parts[1] if len(parts) > 1 else "-")
