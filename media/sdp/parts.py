"""Pieces of sections that every description of ours is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from media.sdp.codecs import Format
from media.sdp.model import MediaDescription, SessionDescription
from media.sdp.transport import write_transport
from media.sdp.types import LocalTransport

RTP_PROTOCOL: Final = "UDP/TLS/RTP/SAVPF"
SCTP_PROTOCOL: Final = "UDP/DTLS/SCTP"

NOWHERE: Final = "IN IP4 0.0.0.0"
"""The ``c=`` of every section: addresses are in candidates (RFC 8839, section 4.3)."""

SCTP_PORT: Final = 5000
MAX_MESSAGE_SIZE: Final = 262144
"""Octets of one data channel message that we take; the limit of aiortc and of browsers."""


def origin(session: int | str, version: int | str) -> str:
    """The ``o=`` value of a description of ours; the address says nothing, as in browsers."""
    return f"- {session} {version} IN IP4 0.0.0.0"


def answering_origin(offer: SessionDescription) -> str:
    """The ``o=`` value of an answer, which has the offer's numbers.

    The version rises with each offer, so ours does too, and nothing has to be
    remembered between answers.
    """
    parts = offer.origin.split()
    numbers = [part for part in parts[1:3] if part.isascii() and part.isdigit() and len(part) <= 19]
    return origin(*numbers) if len(numbers) == 2 else origin(1, 1)


def payload_numbers(formats: Iterable[Format], repairs: Mapping[int, int]) -> tuple[str, ...]:
    """The formats of an ``m=`` line: each one followed by its retransmission, if it has one."""
    numbers = []
    for item in formats:
        numbers.append(str(item.payload_type))
        if item.payload_type in repairs:
            numbers.append(str(repairs[item.payload_type]))
    return tuple(numbers)


def write_format(
    media: MediaDescription,
    item: Format,
    fmtp: str,
    feedback: Iterable[str],
    repairs: Mapping[int, int],
    name: str = "",
) -> None:
    """Append ``rtpmap``, ``rtcp-fb`` and ``fmtp`` of a format, and those of its retransmission.

    ``repairs`` maps media payload type to that of retransmission (RFC 4588);
    ``name`` replaces the format's own.
    """
    number = item.payload_type
    channels = f"/{item.channels}" if item.channels > 1 else ""
    media.add("rtpmap", f"{number} {name or item.name}/{item.clock_rate}{channels}")
    for value in feedback:
        media.add("rtcp-fb", f"{number} {value}")
    if fmtp:
        media.add("fmtp", f"{number} {fmtp}")
    if number in repairs:
        media.add("rtpmap", f"{repairs[number]} rtx/{item.clock_rate}")
        media.add("fmtp", f"{repairs[number]} apt={number}")


def write_ssrcs(
    media: MediaDescription, ssrcs: Sequence[int], cname: str, stream_id: str, track_id: str
) -> None:
    """Append the SSRC of a stream and, if there is a second one, that of its retransmission (RFC 5576)."""
    if len(ssrcs) == 2:
        media.add("ssrc-group", f"FID {ssrcs[0]} {ssrcs[1]}")
    for ssrc in ssrcs:
        media.add("ssrc", f"{ssrc} cname:{cname}")
        media.add("ssrc", f"{ssrc} msid:{stream_id} {track_id}")


def data_section(
    mid: str, local: LocalTransport, setup: str, *, first: bool, protocol: str = SCTP_PROTOCOL
) -> MediaDescription:
    """The ``m=application`` section of data channels (RFC 8841)."""
    media = MediaDescription("application", 9, protocol, ("webrtc-datachannel",), NOWHERE)
    write_transport(media, local, setup, first=first)
    if mid:
        media.add("mid", mid)
    media.add("sctp-port", SCTP_PORT)
    media.add("max-message-size", MAX_MESSAGE_SIZE)
    return media
