"""Our offers to a client that receives from us, and its answers (RFC 3264, RFC 9429).

The first section is ``m=application``; then comes one section for each sender.
A section stays where it is for the life of the connection. A removed sender's
is stopped (port 0), and once the client has agreed to that a later sender of
the same kind takes its place under a new mid. Turning it inactive instead would
keep the client's transceiver, and the native SDK then raises no event when the
very same track comes back (seen on LiveKit 1.9.11 too).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from media.errors import SdpError
from media.ports import Extension
from media.sdp.catalogue import RTX_PAYLOAD_TYPES
from media.sdp.codecs import Format, same_format
from media.sdp.grammar import excerpt, is_token
from media.sdp.mlines import EXTENSION_IDS, MLine, formats, write_mline
from media.sdp.model import MediaDescription, SessionDescription
from media.sdp.parts import NOWHERE, SCTP_PROTOCOL, data_section, origin
from media.sdp.reader import MAX_LENGTH, parse
from media.sdp.sections import Section, read_data, read_sections
from media.sdp.transport import read_transport
from media.sdp.types import DataSection, LocalTransport, SenderAnswer, SenderSpec, SubscriberAnswer
from media.sdp.writer import write

DATA_MID: Final = "0"

SECTION_LENGTH: Final = 8192
"""Characters that the answer to one section of ours may have."""

MAX_SENDERS: Final = 4096
"""Sections of one offer. Nothing sensible comes near; it bounds what a room's churn can build up."""


@dataclass(frozen=True, slots=True)
class _Offered:
    """A section as the outstanding offer has it; ``line`` is None for data."""

    mid: str
    line: MLine | None
    sender: SenderSpec | None
    formats: tuple[Format, ...]


class SubscriberOfferer:
    """Keeps the description of one subscriber's connection from offer to offer.

    Driven by one caller: any ``add`` and ``remove``; when ``needs_offer``, then
    ``offer``; then ``apply_answer`` to the newest offer. A later ``offer``
    without an answer replaces the one before. ``session`` numbers the ``o=``
    line; random where None.
    """

    def __init__(self, session: int | None = None) -> None:
        self._session = secrets.randbelow(2**62) + 1 if session is None else session
        self._cname = secrets.token_hex(8) if session is None else f"relay{session}"
        self._version = 0
        self._lines: list[MLine] = []
        self._by_sender: dict[int, MLine] = {}
        self._next_mid = 1
        self._data_dead = False
        self._changed = True
        self._offered: list[_Offered] | None = None

    # -- what shall be sent --------------------------------------------------------

    def add(self, spec: SenderSpec) -> None:
        """Send this from the next offer on.

        Raises ValueError for a sender that is there already, or for ids that an
        SDP cannot hold, and SdpError when the connection has too many sections.
        """
        if spec.sender in self._by_sender:
            raise ValueError(f"sender {spec.sender} was added before")
        for text in (spec.stream_id, spec.track_id):
            if not is_token(text, 512):
                raise ValueError(f"not a token that a=msid can hold: {excerpt(text)}")
        line = next((line for line in self._lines if line.kind is spec.kind and _reusable(line)), None)
        if line is None:
            if len(self._lines) >= MAX_SENDERS:
                raise SdpError(f"a connection of {MAX_SENDERS} sections takes no more")
            line = MLine(self._new_mid(), spec.kind)
            self._lines.append(line)
        line.take(spec)
        self._by_sender[spec.sender] = line
        self._changed = True

    def remove(self, sender: int) -> None:
        """Send it no more; unknown senders are passed over."""
        line = self._by_sender.pop(sender, None)
        if line is None:
            return
        # Of a sender that the client has refused there is nothing to tell it.
        self._changed = self._changed or not line.dead
        line.sender = None
        line.dead = True
        if not line.offered:
            self._lines.remove(line)

    @property
    def needs_offer(self) -> bool:
        """Whether something has changed since the last offer; true before the first one."""
        return self._changed

    # -- negotiation ---------------------------------------------------------------

    def offer(self, local: LocalTransport) -> str:
        """The next offer, its version one above the last."""
        self._version += 1
        session = SessionDescription(origin=origin(self._session, self._version))
        for line in self._lines:
            if line.active and line.settled and line.offered:
                line.mid = self._new_mid()
                line.confirmed = False
        mids = [] if self._data_dead else [DATA_MID]
        mids += [line.mid for line in self._lines if not line.closed]
        session.add("group", " ".join(["BUNDLE", *mids]))
        session.add("extmap-allow-mixed")
        session.add("msid-semantic", " WMS")
        session.add("ice-lite")
        session.media.append(self._data_section(local))
        offered = [_Offered(DATA_MID, None, None, ())]
        for line in self._lines:
            first = bool(mids) and line.mid == mids[0]
            session.media.append(write_mline(line, local, self._cname, first=first))
            sender = line.sender if line.active else None
            line.offered = True
            if sender is not None:
                line.settled = False
            offered.append(_Offered(line.mid, line, sender, tuple(formats(line))))
        self._offered = offered
        self._changed = False
        return write(session)

    def apply_answer(self, text: str) -> SubscriberAnswer:
        """What the client's answer to the newest offer means for the senders that this offer had.

        A section that the client rejects or turns inactive refuses its sender
        alone. Payload types and header extensions that were not offered count
        for nothing. Raises SdpError, and keeps waiting, for an answer that
        cannot belong to the offer or has no usable transport.
        """
        offered = self._offered
        if offered is None:
            raise SdpError("an answer without an offer")
        limit = max(MAX_LENGTH, SECTION_LENGTH * len(offered))
        session = parse(text, max_sections=len(offered), max_length=limit)
        if len(session.media) != len(offered):
            raise SdpError(
                f"the answer has {len(session.media)} media sections, the offer had {len(offered)}"
            )
        sections = read_sections(session)
        for mine, section in zip(offered, sections, strict=True):
            _check(mine, section)
        used = [section for section in sections if section.live and (section.rtp or section.data)]
        remote = read_transport(session, used, ("active", "passive"), "active")
        self._offered = None
        data: DataSection | None = None
        senders = []
        for mine, section in zip(offered, sections, strict=True):
            if mine.line is None:
                data = read_data(section) if section.live and section.data else None
                self._data_dead = not section.live
                continue
            answer = self._apply(mine, mine.line, section)
            if answer is not None:
                senders.append(answer)
        return SubscriberAnswer(remote, tuple(senders), data)

    # -- inside --------------------------------------------------------------------

    def _new_mid(self) -> str:
        mid = str(self._next_mid)
        self._next_mid += 1
        return mid

    def _data_section(self, local: LocalTransport) -> MediaDescription:
        if not self._data_dead:
            return data_section(DATA_MID, local, "actpass", first=True)
        media = MediaDescription("application", 0, SCTP_PROTOCOL, ("webrtc-datachannel",), NOWHERE)
        media.add("mid", DATA_MID)
        return media

    def _apply(self, mine: _Offered, line: MLine, section: Section) -> SenderAnswer | None:
        """Note how the client took a section; the answer of its sender if that is still there."""
        line.confirmed = True
        if not section.live:
            line.settled = True
        if mine.sender is None:
            return None
        answer = _sender_answer(mine.sender, mine, section)
        if not answer.payload_types:
            line.dead = True
        # It may have been removed since the offer.
        return answer if line.sender is mine.sender else None


def _reusable(line: MLine) -> bool:
    return line.sender is None and line.settled


def _check(mine: _Offered, section: Section) -> None:
    if section.mid != mine.mid and (section.live or section.mid):
        raise SdpError(f"the answer has the mid {excerpt(section.mid)} where the offer had {mine.mid}")
    kind = "application" if mine.line is None else mine.line.kind.value
    if section.media.kind != kind:
        raise SdpError(f"the answer has {excerpt(section.media.kind)} where the offer had {kind}")


def _sender_answer(spec: SenderSpec, mine: _Offered, section: Section) -> SenderAnswer:
    accepted: dict[str, Format] = {}
    if section.receives and section.rtp:
        ours = {item.payload_type: item for item in mine.formats}
        for item in section.formats:
            offered = ours.get(item.payload_type)
            if offered is not None and same_format(offered, item):
                accepted.setdefault(item.key, item)
    # Opus is what RED is made of and what remains of it; RED alone is of no use.
    if "audio/opus" not in accepted:
        accepted.pop("audio/red", None)
    numbers = {item.payload_type for item in accepted.values()}
    return SenderAnswer(
        sender=spec.sender,
        mid=mine.mid,
        payload_types={key: item.payload_type for key, item in accepted.items()},
        rtx=_repairs(section, numbers) if spec.rtx_ssrc is not None else {},
        extensions=_agreed_extensions(spec, section) if accepted else {},
        nack=any("nack" in item.feedback for item in accepted.values()),
    )


def _repairs(section: Section, accepted: set[int]) -> dict[int, int]:
    return {
        apt: repair
        for repair, apt in section.rtx.items()
        if apt in accepted and RTX_PAYLOAD_TYPES.get(apt) == repair
    }


def _agreed_extensions(spec: SenderSpec, section: Section) -> Mapping[Extension, int]:
    ours = EXTENSION_IDS[spec.kind]
    return {line.extension: line.id for line in section.extensions if ours.get(line.extension) == line.id}
