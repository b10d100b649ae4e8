"""The m-lines of a subscriber's connection over its whole life, and how each is written into an offer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from media.ports import Extension, Kind
from media.sdp.catalogue import (
    CATALOGUE,
    DEFAULT_KEYS,
    DTX_FMTP,
    OPUS_FMTP,
    RTX_PAYLOAD_TYPES,
    STEREO_FMTP,
)
from media.sdp.codecs import Format
from media.sdp.model import MediaDescription
from media.sdp.parts import NOWHERE, RTP_PROTOCOL, payload_numbers, write_format, write_ssrcs
from media.sdp.transport import write_transport
from media.sdp.types import LocalTransport, SenderSpec

EXTENSION_IDS: Final = {
    Kind.AUDIO: {Extension.MID: 1, Extension.ABS_SEND_TIME: 2, Extension.ABS_CAPTURE_TIME: 3},
    Kind.VIDEO: {
        Extension.MID: 1,
        Extension.ABS_SEND_TIME: 2,
        Extension.ABS_CAPTURE_TIME: 3,
        Extension.VIDEO_ORIENTATION: 4,
        Extension.PLAYOUT_DELAY: 5,
        Extension.DEPENDENCY_DESCRIPTOR: 6,
    },
}
"""Our ids of header extensions, the same in every offer. Without transport-cc: estimates come by REMB."""

FEEDBACK: Final = {
    Kind.AUDIO: ("nack",),
    Kind.VIDEO: ("goog-remb", "ccm fir", "nack", "nack pli"),
}


@dataclass(slots=True)
class MLine:
    """One m-line of RTP.

    ``sender`` is who uses it now; ``dead`` tells that it shall not be sent: it
    was removed, or the client refused it here and would refuse the next one too.
    ``offered`` lines have their place for good. ``confirmed`` tells that an
    answered offer had the line under this mid. ``settled`` tells that the client
    knows of nothing live in it, from the first or because it has answered port
    0: then another sender may have it, under a new mid (RFC 8829, section 5.2.2).
    """

    mid: str
    kind: Kind
    sender: SenderSpec | None = None
    keys: tuple[str, ...] = field(default=())
    dead: bool = False
    offered: bool = False
    confirmed: bool = False
    settled: bool = True

    @property
    def active(self) -> bool:
        """Whether the next offer sends in it."""
        return self.sender is not None and not self.dead

    @property
    def closed(self) -> bool:
        """Whether the next offer has it with port 0, outside the BUNDLE."""
        return not self.active and self.confirmed

    def take(self, spec: SenderSpec) -> None:
        """Give the line to a sender."""
        self.sender = spec
        self.dead = False
        self.keys = offered_keys(spec)


def offered_keys(spec: SenderSpec) -> tuple[str, ...]:
    """The codecs offered for a sender, in order of preference.

    Keys that the relay does not carry are left out; RED never stands without
    Opus. Nothing left means the usual ones.
    """
    wanted = spec.codecs or DEFAULT_KEYS[spec.kind]
    prefix = f"{spec.kind.value}/"
    keys = [key for key in dict.fromkeys(wanted) if key in CATALOGUE and key.startswith(prefix)]
    if "audio/red" in keys and "audio/opus" not in keys:
        keys.append("audio/opus")
    return tuple(keys) or DEFAULT_KEYS[spec.kind]


def formats(line: MLine) -> list[Format]:
    """The formats of the line's section, in order of preference."""
    return [CATALOGUE[key] for key in line.keys or DEFAULT_KEYS[line.kind]]


def write_mline(line: MLine, local: LocalTransport, cname: str, *, first: bool) -> MediaDescription:
    """The section of an offer."""
    kind = line.kind.value
    items = formats(line)
    spec = line.sender if line.active else None
    if line.closed:
        # pion reads the formats of a stopped section too, and refuses one that it cannot name.
        media = MediaDescription(kind, 0, RTP_PROTOCOL, (str(items[0].payload_type),), NOWHERE)
        media.add("mid", line.mid)
        media.add("inactive")
        write_format(media, items[0], items[0].fmtp, (), {})
        return media
    media = MediaDescription(kind, 9, RTP_PROTOCOL, payload_numbers(items, RTX_PAYLOAD_TYPES), NOWHERE)
    write_transport(media, local, "actpass", first=first)
    media.add("mid", line.mid)
    for extension, number in EXTENSION_IDS[line.kind].items():
        media.add("extmap", f"{number} {extension.value}")
    if spec is None:
        # A client that missed the offer before this one would take port 0 under an unknown mid for an
        # error, and one that did not would so take the old mid: inactive is right for both.
        media.add("inactive")
    else:
        media.add("sendonly")
        media.add("msid", f"{spec.stream_id} {spec.track_id}")
    media.add("rtcp-mux")
    media.add("rtcp-rsize")
    for item in items:
        feedback = () if item.key == "audio/red" else FEEDBACK[line.kind]
        write_format(media, item, _fmtp(item, spec), feedback, RTX_PAYLOAD_TYPES)
    if spec is not None:
        ssrcs = [spec.ssrc] if spec.rtx_ssrc is None else [spec.ssrc, spec.rtx_ssrc]
        write_ssrcs(media, ssrcs, cname, spec.stream_id, spec.track_id)
    return media


def _fmtp(item: Format, spec: SenderSpec | None) -> str:
    if item.key != "audio/opus" or spec is None:
        return item.fmtp
    # In an offer to a receiver: what will come is stereo (RFC 7587, 7.1), and it may play it so.
    stereo = f"{STEREO_FMTP};sprop-stereo=1" if spec.stereo else ""
    return OPUS_FMTP + (DTX_FMTP if spec.dtx else "") + stereo
