"""One stay in a room: the signalling, the two peer connections, and who else is there.

A session lives from a full join until it fails; a resume gives it another
WebSocket. It decides nothing about coming back: that is ``room``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from livekit.protocol import models, rtc

from media.clock import monotonic
from media.dtls_certificate import Certificate
from media.errors import SdpError
from media.sctp import Payload
from media.sdp.candidates import parse_trickle
from media.sdp.types import HostCandidate
from media.transport import LOSSY
from signaling.client.events import (
    DataReceived,
    LocalTrackMuted,
    LocalTrackUnpublished,
    RequestRefused,
    RoomEvent,
    RoomUpdated,
    StreamPaused,
    SubscriptionFailed,
    TrackSubscribed,
    TrackUnsubscribed,
)
from signaling.client.peer import PeerState
from signaling.client.publishing import Publisher
from signaling.client.signals import SignalSocket, signal_url
from signaling.client.state import RoomState
from signaling.client.subscribing import ReceivedTrack, Subscriber
from signaling.errors import SignalingError, UnavailableError

TRANSPORT_TIMEOUT = 15.0
"""Seconds from the join to the first connected peer connection."""
REPORT_INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """What a join asks for. ``parameters`` are more query parameters, for tests."""

    url: str
    auto_subscribe: bool = True
    adaptive_stream: bool = False
    parameters: dict[str, str] = field(default_factory=dict)


class SessionEnded(Exception):
    """The session is over; ``leave`` is the server's farewell if there was one."""

    def __init__(self, message: str, leave: rtc.LeaveRequest | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.leave = leave


class Session:
    """Make it with :meth:`join`. ``on_event`` gets events, ``on_trouble`` the first sign of an end.

    ``on_trouble(kind, detail)`` with kind ``signal`` (the WebSocket is gone,
    media may go on), ``media`` (a peer connection is lost or failed) or
    ``leave`` (the server's farewell is in ``leave``).
    """

    def __init__(
        self,
        options: JoinOptions,
        certificate: Certificate,
        state: RoomState,
        on_event: Callable[[RoomEvent], None],
        on_trouble: Callable[[str, str], None],
    ) -> None:
        self.options = options
        self.state = state
        self.leave: rtc.LeaveRequest | None = None
        self.token = ""
        """The newest token that the server gave, empty before."""
        self.subscriptions: dict[str, bool] = {}
        """What we asked of single tracks, by sid."""
        self.disabled: set[str] = set()
        """Tracks whose media we turned off by settings."""
        self.subscriber_primary = True
        self._on_event = on_event
        self._on_trouble = on_trouble
        self._connected = asyncio.Event()
        self._socket = SignalSocket(self._message, self._closed)
        self.publisher = Publisher(certificate, self.send, self._publisher_state, self._data)
        self.subscriber = Subscriber(certificate, self.send, self._subscriber_state, self._data, self._track)
        self._reports = asyncio.create_task(self._report())
        self._muting: set[asyncio.Task[None]] = set()
        self._ended = False
        self._signal_lost = False

    @property
    def sid(self) -> str:
        """Our participant's sid."""
        return self.state.local.sid

    @property
    def signal(self) -> SignalSocket:
        """The WebSocket of now."""
        return self._socket

    @property
    def signal_open(self) -> bool:
        """Whether the WebSocket of now stands."""
        return not self._signal_lost

    def send(self, request: rtc.SignalRequest) -> None:
        """Send a signalling message; one while the WebSocket is gone is dropped."""
        self._socket.send(request)

    # -- beginning ---------------------------------------------------------------

    async def join(self, token: str) -> None:
        """A full join; returns when the primary transport stands. Raises SignalingError or SessionEnded."""
        url = signal_url(
            self.options.url,
            auto_subscribe=int(self.options.auto_subscribe),
            adaptive_stream=int(self.options.adaptive_stream),
            **self.options.parameters,
        )
        first = await self._socket.open(url, token)
        if first.WhichOneof("message") != "join":
            raise SessionEnded("refused to join", first.leave)
        self._emit(self.state.joined(first.join))
        self._note_local_host()
        self.subscriber_primary = first.join.subscriber_primary
        self._socket.start()
        await self._media_stands()

    def _note_local_host(self) -> None:
        self.publisher.peer.local_host = self.subscriber.peer.local_host = self._socket.local_host

    def _raise_if_ended(self) -> None:
        if self.leave is not None or self._ended:
            raise SessionEnded("ended by the server", self.leave)
        if self._signal_lost:
            raise UnavailableError("the signalling connection broke")

    async def resume(self, token: str, reason: int) -> None:
        """Another WebSocket for the same participant, and ICE restarts. SessionEnded when that is refused."""
        await self._socket.close(abort=True)
        self._socket = SignalSocket(self._message, self._closed)
        self.leave = None
        url = signal_url(
            self.options.url,
            reconnect=1,
            sid=self.sid,
            reconnect_reason=reason,
            auto_subscribe=int(self.options.auto_subscribe),
            adaptive_stream=int(self.options.adaptive_stream),
            **self.options.parameters,
        )
        first = await self._socket.open(url, token)
        if first.WhichOneof("message") != "reconnect":
            raise SessionEnded("refused to resume", first.leave)
        self._note_local_host()
        self._connected.clear()
        self._signal_lost = False
        self._socket.start()
        self.send(rtc.SignalRequest(sync_state=self._sync_state()))
        if self.publisher.offer_sdp:
            await self.publisher.negotiate(restart=True)
        await self._media_stands()

    def _sync_state(self) -> rtc.SyncState:
        publisher, subscriber = self.publisher, self.subscriber
        wanted = not self.options.auto_subscribe
        differing = [sid for sid, on in self.subscriptions.items() if on == wanted]
        state = rtc.SyncState(
            subscription=rtc.UpdateSubscription(track_sids=differing, subscribe=wanted),
            answer=rtc.SessionDescription(type="answer", sdp=subscriber.answer_sdp),
            publish_tracks=[
                rtc.TrackPublishedResponse(cid=track.cid, track=track.info)
                for track in publisher.tracks.values()
            ],
            track_sids_disabled=sorted(self.disabled),
        )
        if publisher.offer_sdp:
            state.offer.CopyFrom(rtc.SessionDescription(type="offer", sdp=publisher.offer_sdp))
        return state

    async def _media_stands(self) -> None:
        """Wait until the connections that are in use carry media."""
        peers = [self.subscriber.peer] if self.subscriber_primary else []
        if self.publisher.offer_sdp:
            peers.append(self.publisher.peer)
        deadline = monotonic() + TRANSPORT_TIMEOUT
        while any(peer.state is not PeerState.CONNECTED for peer in peers):
            self._raise_if_ended()
            self._connected.clear()
            try:
                async with asyncio.timeout(max(0.0, deadline - monotonic())):
                    await self._connected.wait()
            except TimeoutError:
                raise UnavailableError("no connection for media") from None

    # -- ending ------------------------------------------------------------------

    async def close(self, *, leave: bool = False, silent: bool = False) -> None:
        """End it: with a farewell, plainly, or ``silent`` as if the process were killed."""
        self._ended = True
        self._connected.set()
        self._reports.cancel()
        if leave:
            farewell = rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED)
            self.send(rtc.SignalRequest(leave=farewell))
        await self._socket.close(abort=silent)
        await self.publisher.close(silent=silent)
        await self.subscriber.close(silent=silent)
        for task in list(self._muting):
            task.cancel()
        await asyncio.gather(self._reports, *self._muting, return_exceptions=True)

    def _trouble(self, kind: str, detail: str) -> None:
        if not self._ended:
            self._on_trouble(kind, detail)

    def _closed(self, problem: Exception | None) -> None:
        self._signal_lost = True
        self._connected.set()
        if self.leave is None:
            self._trouble("signal", type(problem).__name__ if problem else "closed")

    def _publisher_state(self, state: PeerState) -> None:
        self._connected.set()
        if state in (PeerState.LOST, PeerState.FAILED):
            self._trouble("media", f"publisher {state}")

    def _subscriber_state(self, state: PeerState) -> None:
        self._connected.set()
        if state in (PeerState.LOST, PeerState.FAILED):
            self._trouble("media", f"subscriber {state}")

    # -- messages ----------------------------------------------------------------

    def _message(self, response: rtc.SignalResponse) -> None:
        kind = response.WhichOneof("message")
        handler = _HANDLERS.get(kind or "")
        if handler is not None:
            try:
                handler(self, response)
            except (SdpError, SignalingError) as exc:
                self._trouble("media", str(exc))

    def _emit(self, events: Sequence[RoomEvent]) -> None:
        for event in events:
            self._on_event(event)

    def _offer(self, response: rtc.SignalResponse) -> None:
        self.subscriber.offered(response.offer)

    def _answer(self, response: rtc.SignalResponse) -> None:
        self.publisher.answered(response.answer)

    def _trickle(self, response: rtc.SignalResponse) -> None:
        trickle = parse_trickle(response.trickle.candidateInit)
        if trickle is None or trickle.candidate is None:
            return
        found = trickle.candidate
        peer = (
            self.publisher if response.trickle.target == rtc.SignalTarget.PUBLISHER else self.subscriber
        ).peer
        peer.add_candidate(
            HostCandidate(
                found.host, found.port, found.priority, found.foundation, found.component, found.protocol
            )
        )

    def _update(self, response: rtc.SignalResponse) -> None:
        self._emit(self.state.updated(response.update.participants))

    def _published(self, response: rtc.SignalResponse) -> None:
        self.publisher.published(response.track_published)

    def _leave(self, response: rtc.SignalResponse) -> None:
        self.leave = response.leave
        self._connected.set()
        self._trouble("leave", "")

    def _mute(self, response: rtc.SignalResponse) -> None:
        track = self.publisher.by_sid(response.mute.sid)
        if track is not None and track.muted != response.mute.muted:
            muted = response.mute.muted
            task = asyncio.create_task(self.publisher.set_muted(track, muted))
            self._muting.add(task)
            task.add_done_callback(self._muting.discard)
            self._on_event(LocalTrackMuted(track, muted))

    def _speakers(self, response: rtc.SignalResponse) -> None:
        self._emit(self.state.speakers_changed(response.speakers_changed.speakers))

    def _room(self, response: rtc.SignalResponse) -> None:
        self.state.room = response.room_update.room
        self._on_event(RoomUpdated(response.room_update.room))

    def _quality(self, response: rtc.SignalResponse) -> None:
        self._emit(self.state.quality_changed(response.connection_quality.updates))

    def _streams(self, response: rtc.SignalResponse) -> None:
        for item in response.stream_state_update.stream_states:
            self._on_event(StreamPaused(item.track_sid, item.state == rtc.StreamState.PAUSED))

    def _qualities(self, response: rtc.SignalResponse) -> None:
        self.publisher.qualities(response.subscribed_quality_update)

    def _unpublished(self, response: rtc.SignalResponse) -> None:
        track = self.publisher.by_sid(response.track_unpublished.track_sid)
        if track is not None:
            task = asyncio.create_task(self.publisher.unpublish(track))
            self._muting.add(task)
            task.add_done_callback(self._muting.discard)
            self._on_event(LocalTrackUnpublished(track))

    def _refresh(self, response: rtc.SignalResponse) -> None:
        self.token = response.refresh_token

    def _subscription(self, response: rtc.SignalResponse) -> None:
        answer = response.subscription_response
        if answer.err:
            self._on_event(SubscriptionFailed(answer.track_sid, answer.err))

    def _request(self, response: rtc.SignalResponse) -> None:
        answer = response.request_response
        if answer.reason == rtc.RequestResponse.Reason.OK:
            return
        if answer.HasField("add_track"):
            self.publisher.refused(answer.add_track.cid, answer.message)
        self._on_event(RequestRefused(answer.request_id, answer.reason, answer.message))

    # -- media and data -----------------------------------------------------------

    def _track(self, track: ReceivedTrack, begins: bool) -> None:
        owner = self.state.owner_of(track.sid)
        if owner is not None:
            track.info = owner.tracks[track.sid]
            track.identity = owner.identity
        self._on_event(TrackSubscribed(track) if begins else TrackUnsubscribed(track))

    def _data(self, label: str, payload: Payload) -> None:
        packet = models.DataPacket()
        try:
            packet.ParseFromString(payload if isinstance(payload, bytes) else payload.encode())
        except Exception:  # google's DecodeError has no stub that names it here
            return
        user = packet.user
        identity = packet.participant_identity or user.participant_identity
        self._on_event(DataReceived(packet, label != LOSSY, user.payload, user.topic, identity))

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_INTERVAL)
            self.publisher.send_reports(monotonic())


_HANDLERS: dict[str, Callable[[Session, rtc.SignalResponse], None]] = {
    "offer": Session._offer,
    "answer": Session._answer,
    "trickle": Session._trickle,
    "update": Session._update,
    "track_published": Session._published,
    "leave": Session._leave,
    "mute": Session._mute,
    "speakers_changed": Session._speakers,
    "room_update": Session._room,
    "connection_quality": Session._quality,
    "stream_state_update": Session._streams,
    "subscribed_quality_update": Session._qualities,
    "track_unpublished": Session._unpublished,
    "refresh_token": Session._refresh,
    "subscription_response": Session._subscription,
    "request_response": Session._request,
}
