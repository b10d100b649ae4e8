"""The subscriber's half of a session: answers, received tracks, and feedback to the relay."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from livekit.protocol import models, rtc

from media.clock import monotonic
from media.dtls_certificate import Certificate
from media.ports import Extension, Kind
from media.rtp.header import RtpHeader, parse_extensions
from media.rtp.rtcp import (
    Bye,
    RtcpPacket,
    SenderReport,
    pack_nack,
    pack_pli,
    pack_receiver_report,
)
from media.rtp.twcc import ArrivalLog
from media.sctp import Payload
from signaling.client.assembly import ReceivedFrame
from signaling.client.negotiation import DownSection, answer_offer
from signaling.client.peer import Peer, PeerHandlers, PeerState
from signaling.client.receiver import ReceivedStream, StreamCounters

REPORT_INTERVAL = 1.0
ARRIVALS_INTERVAL = 0.1
"""Seconds between two transport-wide feedbacks, for a relay that wants them."""
NACK_TICK = 0.02
PLI_AGAIN = 0.5
"""Seconds between two keyframe requests for one stream."""


@dataclass(slots=True, eq=False)
class ReceivedTrack:
    """A track of somebody else that the relay sends us.

    Set ``on_packet`` for raw RTP (header, packet) or ``on_frame`` for encoded
    frames; without them packets are counted and nothing is kept. ``sid`` is the
    track's, ``participant_sid`` its owner's.
    """

    sid: str
    participant_sid: str
    kind: Kind
    mid: str
    info: models.TrackInfo | None = None
    identity: str = ""
    ended: bool = False
    nack: bool = True
    streams: dict[int, ReceivedStream] = field(default_factory=dict)
    """By SSRC; usually one."""
    on_packet: Callable[[RtpHeader, bytes], None] | None = None
    on_frame: Callable[[ReceivedFrame], None] | None = None
    _pli: Callable[[ReceivedTrack], None] | None = None

    @property
    def counters(self) -> StreamCounters:
        """The counters of the stream that received last; all zero before the first packet."""
        newest = max(self.streams.values(), key=lambda s: s.counters.last_packet_at, default=None)
        return newest.counters if newest is not None else StreamCounters()

    @property
    def stream(self) -> ReceivedStream | None:
        """The stream that received last."""
        return max(self.streams.values(), key=lambda s: s.counters.last_packet_at, default=None)

    def request_keyframe(self) -> None:
        """Ask the relay for a keyframe now."""
        if self._pli is not None:
            self._pli(self)

    def watch(
        self,
        *,
        on_frame: Callable[[ReceivedFrame], None] | None = None,
        on_packet: Callable[[RtpHeader, bytes], None] | None = None,
    ) -> None:
        """Take frames or packets from now on; pictures begin with a keyframe, which is asked for."""
        self.on_frame = on_frame
        self.on_packet = on_packet
        for stream in self.streams.values():
            self.apply(stream)
        if on_frame is not None and self.kind is Kind.VIDEO:
            self.request_keyframe()

    def apply(self, stream: ReceivedStream) -> None:
        """Give a stream this track's handlers."""
        stream.hand_frames(self.on_frame)
        stream.on_packet = self.on_packet
        stream.nack = self.nack and self.kind is Kind.VIDEO


class Subscriber:
    """One subscriber peer connection."""

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[rtc.SignalRequest], None],
        on_state: Callable[[PeerState], None],
        on_data: Callable[[str, Payload], None],
        on_track: Callable[[ReceivedTrack, bool], None],
    ) -> None:
        self._send = send
        self._on_track = on_track
        self.peer = Peer(
            certificate, PeerHandlers(self._rtp, self._rtcp, on_state, on_data, lambda label: None)
        )
        self.tracks: dict[str, ReceivedTrack] = {}
        """By track sid."""
        self.answer_sdp = ""
        self.offers = 0
        """Offers that came."""
        self.unknown_packets = 0
        """RTP that belongs to no track."""
        self.nack = True
        self._sections: dict[str, DownSection] = {}
        self._by_ssrc: dict[int, tuple[ReceivedTrack, ReceivedStream, bool]] = {}
        self._pli_at: dict[int, float] = {}
        self._ssrc = secrets.randbelow(0xFFFFFFFE) + 1
        self._busy = asyncio.Event()
        self._report_at = 0.0
        self._congestion_id: int | None = None
        self._arrivals = ArrivalLog()
        self._arrived = False
        self._arrivals_at = 0.0
        self.peer.open()
        self._task = asyncio.create_task(self._work())

    # -- negotiation -------------------------------------------------------------

    def offered(self, description: rtc.SessionDescription) -> None:
        """The server's offer: answered at once. SdpError when it is none."""
        offer = answer_offer(self.peer, description.sdp)
        self.offers += 1
        self.answer_sdp = offer.answer
        self._follow(offer.sections)
        answer = rtc.SessionDescription(type="answer", sdp=self.answer_sdp, id=description.id)
        self._send(rtc.SignalRequest(answer=answer))
        self.peer.set_remote(offer.remote, offer.candidates, offer.role, offer.data, controlling=offer.lite)

    def _follow(self, sections: Iterable[DownSection]) -> None:
        present = {}
        self._congestion_id = None
        for section in sections:
            self._sections[section.mid] = section
            if section.transport_cc:
                # One id for the whole BUNDLE (RFC 8843 section 9.1).
                numbers = {extension: number for number, extension in section.extensions.items()}
                self._congestion_id = numbers.get(Extension.TRANSPORT_CC)
            if section.sending and section.track_sid:
                present[section.track_sid] = section
        for sid, track in list(self.tracks.items()):
            if sid not in present or present[sid].mid != track.mid:
                self._drop(track)
        for sid, section in present.items():
            if sid not in self.tracks:
                track = ReceivedTrack(sid, section.participant_sid, section.kind, section.mid, nack=self.nack)
                track._pli = self._request_keyframe
                self.tracks[sid] = track
                self._on_track(track, True)
            track = self.tracks[sid]
            if section.ssrc is not None:
                stream = self._bind(track, section, section.ssrc)
                if section.rtx_ssrc is not None:
                    self._by_ssrc[section.rtx_ssrc] = (track, stream, True)

    def _bind(self, track: ReceivedTrack, section: DownSection, ssrc: int) -> ReceivedStream:
        stream = track.streams.get(ssrc)
        if stream is None:
            stream = ReceivedStream(ssrc, track.kind, section.codecs, section.rtx, section.clock_rate)
            track.apply(stream)
            track.streams[ssrc] = stream
        self._by_ssrc[ssrc] = (track, stream, False)
        return stream

    def _drop(self, track: ReceivedTrack) -> None:
        track.ended = True
        self.tracks.pop(track.sid, None)
        for ssrc in [ssrc for ssrc, entry in self._by_ssrc.items() if entry[0] is track]:
            del self._by_ssrc[ssrc]
            self._pli_at.pop(ssrc, None)
        self._on_track(track, False)

    # -- packets -----------------------------------------------------------------

    def _rtp(self, header: RtpHeader, packet: bytes) -> None:
        if self._congestion_id is not None:
            self._record_arrival(header, packet)
        entry = self._by_ssrc.get(header.ssrc) or self._by_mid(header, packet)
        if entry is None:
            self.unknown_packets += 1
            return
        _, stream, is_rtx = entry
        now = monotonic()
        if is_rtx:
            stream.receive_rtx(header, packet, now)
        else:
            stream.receive(header, packet, now)
        if stream.waiting or stream.keyframe_wanted:
            self._busy.set()

    def _record_arrival(self, header: RtpHeader, packet: bytes) -> None:
        value = parse_extensions(packet, header).get(self._congestion_id or 0)
        if value is not None and len(value) == 2:
            self._arrivals.record(int.from_bytes(value, "big"), monotonic())
            if not self._arrived:
                self._arrived = True
                self._busy.set()

    def _by_mid(self, header: RtpHeader, packet: bytes) -> tuple[ReceivedTrack, ReceivedStream, bool] | None:
        """Find the section of a new SSRC by its MID extension (RFC 8843 section 9.2)."""
        elements = parse_extensions(packet, header)
        for identifier, value in elements.items():
            section = self._sections.get(value.decode("ascii", "replace"))
            if section is None or section.extensions.get(identifier) is not Extension.MID:
                continue
            track = self.tracks.get(section.track_sid)
            if track is None or len(track.streams) > 8:
                return None
            if header.payload_type in section.rtx:
                newest = track.stream
                if newest is None:
                    return None
                self._by_ssrc[header.ssrc] = (track, newest, True)
            else:
                self._bind(track, section, header.ssrc)
            return self._by_ssrc[header.ssrc]
        return None

    def _rtcp(self, packets: list[RtcpPacket]) -> None:
        now = monotonic()
        for packet in packets:
            if isinstance(packet, SenderReport):
                entry = self._by_ssrc.get(packet.ssrc)
                if entry is not None and not entry[2]:
                    entry[1].sender_report = (packet.ntp, packet.rtp_timestamp, now)
            elif isinstance(packet, Bye):
                self.peer.counters["bye"] += 1

    # -- feedback ----------------------------------------------------------------

    def _request_keyframe(self, track: ReceivedTrack) -> None:
        for ssrc, (owner, _, is_rtx) in self._by_ssrc.items():
            if owner is track and not is_rtx:
                self.peer.send_rtcp(pack_receiver_report(self._ssrc) + pack_pli(self._ssrc, ssrc))

    async def _work(self) -> None:
        while True:
            now = monotonic()
            if now >= self._report_at:
                self._report_at = now + REPORT_INTERVAL
                self._report(now)
            if self._arrived and now >= self._arrivals_at:
                self._arrivals_at = now + ARRIVALS_INTERVAL
                self._arrived = False
                for packet in self._arrivals.feedback(self._ssrc, 0, now):
                    self.peer.send_rtcp(packet)
            if self._feedback(now):
                await asyncio.sleep(NACK_TICK)
                continue
            self._busy.clear()
            due = min(self._report_at, self._arrivals_at) if self._arrived else self._report_at
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - now)):
                    await self._busy.wait()

    def _feedback(self, now: float) -> bool:
        waiting = False
        for track, stream, is_rtx in list(self._by_ssrc.values()):
            if is_rtx:
                continue
            if stream.waiting:
                waiting = True
                lost = stream.poll(now)
                if lost:
                    for nack in pack_nack(self._ssrc, stream.ssrc, lost):
                        self.peer.send_rtcp(pack_receiver_report(self._ssrc) + nack)
            if stream.keyframe_wanted and track.on_frame is not None:
                waiting = True
                if now - self._pli_at.get(stream.ssrc, 0.0) >= PLI_AGAIN:
                    self._pli_at[stream.ssrc] = now
                    self._request_keyframe(track)
        return waiting

    def _report(self, now: float) -> None:
        blocks = [
            block
            for _, stream, is_rtx in self._by_ssrc.values()
            if not is_rtx and (block := stream.report_block(now)) is not None
        ]
        for start in range(0, len(blocks), 31):
            self.peer.send_rtcp(pack_receiver_report(self._ssrc, blocks[start : start + 31]))

    async def close(self, *, silent: bool = False) -> None:
        """End the connection; its tracks end with it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.peer.close(silent=silent)
        for track in list(self.tracks.values()):
            self._drop(track)
