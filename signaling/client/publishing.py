"""The publisher's half of a session: tracks, offers, and what the relay reports back of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from livekit.protocol import models, rtc

from media.clock import monotonic, wall
from media.dtls_certificate import Certificate
from media.errors import SdpError
from media.ports import Kind
from media.rtp.header import RtpHeader
from media.rtp.rtcp import Fir, Nack, Pli, ReceiverReport, Remb, RtcpPacket, SenderReport, TransportFeedback
from media.sctp import Payload
from media.transport import CHANNELS, LOSSY, RELIABLE
from signaling.client.negotiation import Answered, UpSection, build_offer, read_answer
from signaling.client.peer import Peer, PeerHandlers, PeerState
from signaling.client.sender import Encoding, RtpSender
from signaling.client.sources import Layer, Media, MediaSource
from signaling.errors import FailedPreconditionError, UnavailableError

PUBLISH_TIMEOUT = 10.0
QUALITIES = {"q": models.VideoQuality.LOW, "h": models.VideoQuality.MEDIUM, "f": models.VideoQuality.HIGH}

TrackSource = models.TrackSource


@dataclass(slots=True, eq=False)
class LocalTrack:
    """A published track. ``sid`` is empty until the server has named it, and changes with a full rejoin."""

    source: MediaSource
    name: str
    track_source: TrackSource
    muted: bool = False
    sid: str = ""
    cid: str = ""
    sender: RtpSender | None = None
    info: models.TrackInfo = field(default_factory=models.TrackInfo)

    @property
    def kind(self) -> Kind:
        return self.source.kind

    def request(self) -> rtc.AddTrackRequest:
        """The announcement of this track, under a new client id."""
        self.cid = secrets.token_hex(8)
        video = self.kind is Kind.VIDEO
        request = rtc.AddTrackRequest(
            cid=self.cid,
            name=self.name,
            type=models.TrackType.VIDEO if video else models.TrackType.AUDIO,
            source=self.track_source,
            muted=self.muted,
            disable_red=not video,
        )
        layers = self.source.layers
        if video and layers:
            request.width, request.height = layers[-1].width, layers[-1].height
            for index, layer in enumerate(layers):
                lone = len(layers) == 1
                request.layers.add(
                    quality=models.VideoQuality.HIGH if lone else QUALITIES.get(layer.rid, _quality(index)),
                    width=layer.width,
                    height=layer.height,
                    bitrate=layer.bitrate,
                    rid="" if lone else layer.rid,
                )
            codec = self.source.codec.split("/")[1].split(";")[0]
            request.simulcast_codecs.add(codec=codec, cid=self.cid)
        return request


def _quality(index: int) -> models.VideoQuality:
    return (models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH)[min(index, 2)]


class Publisher:
    """One publisher peer connection and its tracks. Offers go one at a time."""

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[rtc.SignalRequest], None],
        on_state: Callable[[PeerState], None],
        on_data: Callable[[str, Payload], None],
    ) -> None:
        self._send = send
        self.peer = Peer(
            certificate,
            PeerHandlers(self._rtp, self._rtcp, on_state, on_data, lambda label: self._opened.set()),
        )
        self.tracks: dict[str, LocalTrack] = {}
        """By client id."""
        self.round_trip: float | None = None
        self.available_bitrate: int | None = None
        """The newest REMB of the relay in bit/s."""
        self.feedback_packets = 0
        """Transport-wide feedback messages that came."""
        self.offer_sdp = ""
        self._sections: list[tuple[UpSection, LocalTrack | None]] = []
        self._number = secrets.randbelow(1 << 62)
        self._version = 0
        self._answer: asyncio.Future[Answered] | None = None
        self._published: dict[str, asyncio.Future[models.TrackInfo]] = {}
        self._lock = asyncio.Lock()
        self._opened = asyncio.Event()
        self._cname = secrets.token_hex(8)
        self._wall_offset = wall() - monotonic()
        self._channels: list[str] = []
        self.peer.open()

    # -- tracks ------------------------------------------------------------------

    async def publish(self, track: LocalTrack) -> None:
        """Announce a track, negotiate it and begin to send.

        UnavailableError when the server does not answer, FailedPreconditionError
        when it did not accept the track's codec.
        """
        request = track.request()
        waiter: asyncio.Future[models.TrackInfo] = asyncio.get_running_loop().create_future()
        self._published[track.cid] = waiter
        self._send(rtc.SignalRequest(add_track=request))
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                track.info = await waiter
        except TimeoutError:
            raise UnavailableError("the server did not answer to a new track") from None
        finally:
            self._published.pop(track.cid, None)
        track.sid = track.info.sid
        self.tracks[track.cid] = track
        section = self._section(track)
        self._sections.append((section, track))
        await self.negotiate()
        if track.sender is None or track.sender.format is None:
            raise FailedPreconditionError(f"the server accepted no codec for {track.source.codec}")
        if not track.muted:
            self._start(track)

    def _section(self, track: LocalTrack) -> UpSection:
        layers = track.source.layers
        rids = tuple(layer.rid for layer in layers) if len(layers) > 1 else ()
        encodings = [
            Encoding(rid, _ssrc(), _ssrc() if track.kind is Kind.VIDEO else None) for rid in rids or ("",)
        ]
        track.sender = RtpSender(
            track.kind,
            track.source.codec,
            encodings,
            self._cname,
            self.peer,
            wall_offset=self._wall_offset,
        )
        return UpSection(
            mid=str(len(self._sections) + 1),
            kind=track.kind,
            codec=track.source.codec,
            track_id=track.cid,
            rids=rids,
            ssrc=None if rids else encodings[0].ssrc,
            rtx_ssrc=None if rids else encodings[0].rtx_ssrc,
        )

    def _start(self, track: LocalTrack) -> None:
        def push(media: Media) -> None:
            if not track.muted and track.sender is not None:
                track.sender.push(media, monotonic())

        track.source.start(push)

    async def unpublish(self, track: LocalTrack) -> None:
        """Take a track off the room: its section becomes inactive."""
        if self.tracks.pop(track.cid, None) is None:
            return
        await track.source.stop()
        for index, (section, owner) in enumerate(self._sections):
            if owner is track:
                self._sections[index] = (section.stopped(), None)
        await self.negotiate()

    async def set_muted(self, track: LocalTrack, muted: bool, *, tell: bool = True) -> None:
        """Mute or unmute: a muted source is stopped, so that it costs nothing."""
        if tell:
            self._send(rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid=track.sid, muted=muted)))
        if track.muted == muted:
            return
        track.muted = muted
        if muted:
            await track.source.stop()
        elif track.cid in self.tracks:
            self._start(track)
            for layer in track.source.layers:
                track.source.request_keyframe(layer.rid)

    def by_sid(self, sid: str) -> LocalTrack | None:
        """Our track that the server calls so."""
        return next((track for track in self.tracks.values() if track.sid == sid), None)

    # -- negotiation -------------------------------------------------------------

    async def negotiate(self, *, restart: bool = False) -> None:
        """One offer and its answer. UnavailableError when none comes, SdpError for one that is no answer."""
        async with self._lock:
            if restart:
                self.peer.restart_ice()
            self._version += 1
            sections = [section for section, _ in self._sections]
            self.offer_sdp = build_offer(self.peer, self._number, self._version, sections)
            self._answer = asyncio.get_running_loop().create_future()
            description = rtc.SessionDescription(type="offer", sdp=self.offer_sdp, id=self._version)
            self._send(rtc.SignalRequest(offer=description))
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT):
                    answered = await self._answer
            except TimeoutError:
                raise UnavailableError("the server did not answer to an offer") from None
            finally:
                self._answer = None
            self._apply(answered)

    def _apply(self, answered: Answered) -> None:
        for section, track in self._sections:
            if track is not None and track.sender is not None:
                track.sender.format = answered.formats.get(section.mid)
        self.peer.set_remote(answered.remote, answered.candidates, answered.role, answered.data)

    def answered(self, description: rtc.SessionDescription) -> None:
        """The server's answer; one to an older offer is passed over."""
        if self._answer is None or self._answer.done() or description.id not in (0, self._version):
            return
        try:
            self._answer.set_result(read_answer(description.sdp, [s for s, _ in self._sections]))
        except SdpError as exc:
            self._answer.set_exception(exc)

    def published(self, response: rtc.TrackPublishedResponse) -> None:
        """The server named a track."""
        waiter = self._published.get(response.cid)
        if waiter is not None and not waiter.done():
            waiter.set_result(response.track)

    def refused(self, cid: str, message: str) -> None:
        """The server does not take this track."""
        waiter = self._published.get(cid)
        if waiter is not None and not waiter.done():
            waiter.set_exception(FailedPreconditionError(f"track refused: {message}"))

    # -- data --------------------------------------------------------------------

    async def ensure_channels(self) -> None:
        """Open the data channels, which negotiates the connection if nothing did before."""
        if not self._channels:
            self._channels = [RELIABLE, LOSSY]
            for label in self._channels:
                spec = CHANNELS[label]
                self.peer.data.open(label, ordered=spec.ordered, max_retransmits=spec.max_retransmits)
            if not self.offer_sdp:
                await self.negotiate()
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                await self._opened.wait()
        except TimeoutError:
            raise UnavailableError("the data channels did not open") from None

    # -- packets -----------------------------------------------------------------

    def _rtp(self, header: RtpHeader, packet: bytes) -> None:
        self.peer.counters["media from the relay on the publisher connection"] += 1

    def _rtcp(self, packets: list[RtcpPacket]) -> None:
        now = monotonic()
        for packet in packets:
            if isinstance(packet, (ReceiverReport, SenderReport)):
                self._reports(packet)
            elif isinstance(packet, Nack):
                for track in self.tracks.values():
                    if track.sender is not None:
                        track.sender.nack(packet.media_ssrc, packet.lost, now)
            elif isinstance(packet, Pli):
                self._keyframe(packet.media_ssrc)
            elif isinstance(packet, Fir):
                for entry in packet.entries:
                    self._keyframe(entry.ssrc)
            elif isinstance(packet, Remb):
                self.available_bitrate = packet.bitrate
            elif isinstance(packet, TransportFeedback):
                self.feedback_packets += 1

    def _reports(self, packet: ReceiverReport | SenderReport) -> None:
        for block in packet.reports:
            for track in self.tracks.values():
                encoding = track.sender.by_ssrc(block.ssrc) if track.sender else None
                if encoding is not None:
                    encoding.report = block

    def _keyframe(self, ssrc: int) -> None:
        for track in self.tracks.values():
            encoding = track.sender.by_ssrc(ssrc) if track.sender else None
            if encoding is not None:
                encoding.keyframe_requests += 1
                track.source.request_keyframe(encoding.rid)

    def send_reports(self, now: float) -> None:
        """A sender report for each stream; call it about once a second."""
        for track in self.tracks.values():
            if track.sender is not None and not track.muted:
                for report in track.sender.reports(now):
                    self.peer.send_rtcp(report)

    def qualities(self, update: rtc.SubscribedQualityUpdate) -> None:
        """Which layers of a track anybody watches (dynacast)."""
        track = self.by_sid(update.track_sid)
        if track is None:
            return
        wanted: Sequence[rtc.SubscribedQuality] = update.subscribed_qualities
        if update.subscribed_codecs:
            codec = track.source.codec.split("/")[1].split(";")[0]
            named = [c.qualities for c in update.subscribed_codecs if c.codec.split("/")[-1].lower() == codec]
            wanted = named[0] if named else []
        enabled = [item.quality for item in wanted if item.enabled]
        track.source.enable(watched_layers(track.source.layers, enabled))

    async def close(self, *, silent: bool = False) -> None:
        """Stop every source and end the connection."""
        for track in self.tracks.values():
            await track.source.stop()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(UnavailableError("closed"))
        for waiter in self._published.values():
            if not waiter.done():
                waiter.set_exception(UnavailableError("closed"))
        await self.peer.close(silent=silent)


def watched_layers(layers: Sequence[Layer], qualities: Iterable[int]) -> frozenset[str]:
    """The rids that these qualities (LOW 0 to HIGH 2) mean: for each the best layer that is not above it.

    So HIGH means the larger one of two layers, which LiveKit's clients call MEDIUM.
    """
    by_quality = sorted(
        (int(QUALITIES.get(layer.rid, _quality(n))), layer.rid) for n, layer in enumerate(layers)
    )
    found = set()
    for wanted in qualities:
        fitting = [rid for quality, rid in by_quality if quality <= wanted]
        if by_quality:
            found.add(fitting[-1] if fitting else by_quality[0][1])
    return frozenset(found)


def _ssrc() -> int:
    return secrets.randbelow(0xFFFFFFFE) + 1
