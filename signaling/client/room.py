"""A participant: joins a room of any LiveKit-compatible server, publishes, subscribes, and comes back.

``RoomClient`` keeps what its owner wants (tracks, subscriptions, settings)
beside the session of now, so that after a lost connection the same is there
again: first by a resume (same participant, ICE restart), else by a full join.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import lru_cache

from livekit.protocol import models, rtc

from media.clock import wall
from media.dtls_certificate import Certificate
from media.transport import LOSSY, RELIABLE
from signaling.client.event_queue import QUEUE_SIZE, EventQueue
from signaling.client.events import (
    Connected,
    Disconnected,
    LocalTrackUnpublished,
    RoomEvent,
    TrackPublished,
    TrackSubscribed,
    TrackUnsubscribed,
)
from signaling.client.publishing import LocalTrack
from signaling.client.recovery import Recovery, TokenSource
from signaling.client.retry import Backoff
from signaling.client.session import JoinOptions, Session
from signaling.client.sources import MediaSource
from signaling.client.state import Participant, RoomState
from signaling.client.subscribing import ReceivedTrack
from signaling.errors import FailedPreconditionError, PermissionDeniedError, UnavailableError


@lru_cache(maxsize=1)
def shared_certificate() -> Certificate:
    """One certificate for all clients of a process: making one costs more than a handshake."""
    return Certificate.generate(wall())


class RoomClient:
    """One participant. ``connect`` once; ``close`` at the end.

    ``backoff`` is the policy of coming back; ``rng`` makes it repeatable.
    """

    def __init__(
        self,
        *,
        certificate: Certificate | None = None,
        backoff: Backoff | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.state = RoomState()
        self.received: dict[str, ReceivedTrack] = {}
        """The tracks that the relay sends us, by track sid."""
        self.tracks: list[LocalTrack] = []
        """What we publish, or will publish again after coming back."""
        self.session: Session | None = None
        self.connected = False
        self.disconnected: Disconnected | None = None
        """Why it is over for good, once it is."""
        self.nack = True
        """Whether received pictures are repaired by NACK; tests turn it off before connecting."""
        self._certificate = certificate or shared_certificate()
        self._queues: list[EventQueue] = []
        self._listeners: list[Callable[[RoomEvent], None]] = []
        self._changed = asyncio.Event()
        self._options = JoinOptions("")
        self._wishes: dict[tuple[str, int, str], bool] = {}
        self._settings: dict[tuple[str, int, str], rtc.UpdateTrackSettings] = {}
        self._requests = 0
        self._recovery = Recovery(self, backoff or Backoff(), rng or random.Random())

    # -- coming and going ----------------------------------------------------------

    async def connect(
        self,
        url: str,
        token: TokenSource,
        *,
        auto_subscribe: bool = True,
        adaptive_stream: bool = False,
        reconnect: bool = True,
        wait_for_server: bool = False,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        """Join, and stay joined until ``close`` or until the server sends us away for good.

        ``url`` is the server's (``http(s)`` or ``ws(s)``); ``token`` a token or a
        callable, plain or async, that gives a fresh one. ``reconnect`` off ends
        the client at the first trouble. ``wait_for_server`` tries for ever where
        otherwise a first failure raises: a SignalingError of the server's, or
        UnavailableError.
        """
        if self.session is not None or self.disconnected is not None:
            raise FailedPreconditionError("a client connects once")
        self._options = JoinOptions(url, auto_subscribe, adaptive_stream, dict(parameters or {}))
        self._recovery.configure(token, enabled=reconnect)
        await self._recovery.first_join(wait=wait_for_server)

    async def close(self) -> None:
        """Leave with a farewell. A second time is no error."""
        await self._finish(
            Disconnected(models.DisconnectReason.CLIENT_INITIATED, "closed by this side"), leave=True
        )

    async def kill(self) -> None:
        """Go without a word, as a process that is killed: sockets vanish, nobody is told."""
        await self._finish(
            Disconnected(models.DisconnectReason.UNKNOWN_REASON, "killed by this side"), silent=True
        )

    async def _finish(self, event: Disconnected, *, leave: bool = False, silent: bool = False) -> None:
        if self.disconnected is not None:
            return
        self.disconnected = event
        self.connected = False
        await self._recovery.stop()
        await self.drop_session(leave=leave, silent=silent)
        self.emit(event)

    async def __aenter__(self) -> RoomClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- what the recovery does with us -------------------------------------------------

    def new_session(self, on_trouble: Callable[[str, str], None]) -> Session:
        """A session in place of the one before, which must have been dropped."""
        session = Session(self._options, self._certificate, self.state, self._from_session, on_trouble)
        session.subscriber.nack = self.nack
        self.session = session
        return session

    async def drop_session(self, *, leave: bool = False, silent: bool = False) -> None:
        """End the session of now, if there is one."""
        session, self.session = self.session, None
        if session is not None:
            await session.close(leave=leave, silent=silent)
        self.received.clear()

    def joined(self, rejoined: bool) -> None:
        """A full join worked."""
        self.connected = True
        self.emit(Connected(rejoined))

    async def restore(self, session: Session) -> None:
        """After a full join: publish again what was published."""
        for track in list(self.tracks):
            try:
                await session.publisher.publish(track)
            except (FailedPreconditionError, PermissionDeniedError):
                # The right to it is gone; the owner has been told of the permission.
                self.tracks.remove(track)

    async def ended(self, event: Disconnected) -> None:
        """Out for good, by the server's will."""
        await self._finish(event)

    def _from_session(self, event: RoomEvent) -> None:
        if isinstance(event, TrackSubscribed):
            self.received[event.track.sid] = event.track
        elif isinstance(event, TrackUnsubscribed):
            if self.received.get(event.track.sid) is event.track:
                del self.received[event.track.sid]
        elif isinstance(event, TrackPublished):
            self._wish_again(event)
        elif isinstance(event, LocalTrackUnpublished) and event.track in self.tracks:
            self.tracks.remove(event.track)
        self.emit(event)

    def _wish_again(self, event: TrackPublished) -> None:
        """Ask again for what was asked for before a full reconnect."""
        sid = event.track.sid
        key = self._key(sid)
        session = self.session
        if key is None or session is None or session.subscriptions.get(sid) is not None:
            return
        if key in self._wishes:
            self.subscribe(sid, self._wishes[key])
        settings = self._settings.get(key)
        if settings is not None:
            del settings.track_sids[:]
            settings.track_sids.append(sid)
            session.send(rtc.SignalRequest(track_setting=settings))

    def _session(self) -> Session:
        if self.session is None:
            raise UnavailableError("not connected")
        return self.session

    # -- events --------------------------------------------------------------------

    def listen(self, listener: Callable[[RoomEvent], None]) -> None:
        """Call this with each event, on the event loop. It must not block."""
        self._listeners.append(listener)

    def queue(self, size: int = QUEUE_SIZE) -> EventQueue:
        """A queue of the events from now on."""
        queue = EventQueue(size)
        self._queues.append(queue)
        return queue

    async def events(self) -> AsyncIterator[RoomEvent]:
        """The events from now on; ends after :class:`Disconnected`."""
        queue = self.queue()
        try:
            while True:
                event = await queue.get()
                yield event
                if isinstance(event, Disconnected):
                    return
        finally:
            self._queues.remove(queue)

    async def until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until a condition holds; it is asked after each event and every 20 ms. TimeoutError else."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self._changed.wait()

    def emit(self, event: RoomEvent) -> None:
        """Give an event to every listener and queue. A listener's exception goes to the loop's handler."""
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception as exc:
                # One listener's fault must not end the connection.
                context = {"message": "a listener of room events failed", "exception": exc}
                asyncio.get_running_loop().call_exception_handler(context)
        for queue in self._queues:
            queue.put(event)
        self._changed.set()

    # -- who is there ----------------------------------------------------------------

    @property
    def local(self) -> Participant:
        """Ourselves."""
        return self.state.local

    @property
    def participants(self) -> dict[str, Participant]:
        """The others by sid."""
        return self.state.participants

    def received_from(self, identity: str, source: models.TrackSource | None = None) -> list[ReceivedTrack]:
        """The received tracks of a participant, of one source if given."""
        return [
            track
            for track in self.received.values()
            if track.identity == identity
            and (source is None or (track.info is not None and track.info.source == source))
        ]

    # -- publishing --------------------------------------------------------------------

    async def publish(
        self,
        source: MediaSource,
        *,
        name: str = "",
        track_source: models.TrackSource | None = None,
        muted: bool = False,
    ) -> LocalTrack:
        """Publish a source; camera or microphone by default, and again after every full reconnect.

        Raises FailedPreconditionError or PermissionDeniedError when the server
        does not take it, UnavailableError when there is no connection.
        """
        if track_source is None:
            video = source.kind.value == "video"
            track_source = models.TrackSource.CAMERA if video else models.TrackSource.MICROPHONE
        track = LocalTrack(source, name or source.kind.value, track_source, muted=muted)
        self.tracks.append(track)
        try:
            await self._session().publisher.publish(track)
        except BaseException:
            if track in self.tracks:
                self.tracks.remove(track)
            raise
        return track

    async def unpublish(self, track: LocalTrack) -> None:
        """Take a track off the room."""
        if track in self.tracks:
            self.tracks.remove(track)
        await self._session().publisher.unpublish(track)

    async def mute(self, track: LocalTrack, muted: bool = True) -> None:
        """Mute or unmute a track of ours."""
        await self._session().publisher.set_muted(track, muted)

    # -- subscribing -------------------------------------------------------------------

    def subscribe(self, track_sid: str, wanted: bool = True) -> None:
        """Ask for a track, or no longer; the wish holds for its owner's same track after a reconnect."""
        key = self._key(track_sid)
        if key is not None:
            self._wishes[key] = wanted
        session = self._session()
        session.subscriptions[track_sid] = wanted
        owner = self.state.owner_of(track_sid)
        session.send(
            rtc.SignalRequest(
                subscription=rtc.UpdateSubscription(
                    track_sids=[track_sid],
                    subscribe=wanted,
                    participant_tracks=[
                        models.ParticipantTracks(
                            participant_sid=owner.sid if owner else "", track_sids=[track_sid]
                        )
                    ],
                )
            )
        )

    def unsubscribe(self, track_sid: str) -> None:
        """Ask for a track no longer."""
        self.subscribe(track_sid, False)

    def track_settings(
        self,
        track_sid: str,
        *,
        disabled: bool = False,
        width: int = 0,
        height: int = 0,
        quality: models.VideoQuality | None = None,
        fps: int = 0,
    ) -> None:
        """Say how large a track is shown: by size in pixels, or by quality; or that it is not shown."""
        settings = rtc.UpdateTrackSettings(
            track_sids=[track_sid], disabled=disabled, width=width, height=height, fps=fps
        )
        if quality is not None:
            settings.quality = quality
        elif not width:
            settings.quality = models.VideoQuality.HIGH
        key = self._key(track_sid)
        if key is not None:
            self._settings[key] = settings
        session = self._session()
        (session.disabled.add if disabled else session.disabled.discard)(track_sid)
        session.send(rtc.SignalRequest(track_setting=settings))

    def _key(self, track_sid: str) -> tuple[str, int, str] | None:
        owner = self.state.owner_of(track_sid)
        if owner is None:
            return None
        track = owner.tracks[track_sid]
        return (owner.identity, int(track.source), track.name)

    # -- data and our own description --------------------------------------------------

    async def send_data(
        self,
        payload: bytes,
        *,
        reliable: bool = True,
        topic: str = "",
        destinations: Iterable[str] = (),
    ) -> None:
        """Send a user packet to all, or to some identities. DataChannelError when it cannot be carried."""
        packet = models.DataPacket(
            destination_identities=list(destinations),
            user=models.UserPacket(payload=payload, topic=topic),
        )
        await self.send_packet(packet, reliable=reliable)

    async def send_packet(self, packet: models.DataPacket, *, reliable: bool = True) -> None:
        """Send any data packet (streams, RPC)."""
        publisher = self._session().publisher
        await publisher.ensure_channels()
        label = RELIABLE if reliable else LOSSY
        publisher.peer.send_data(label, packet.SerializeToString())

    def update(
        self,
        *,
        name: str | None = None,
        metadata: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> int:
        """Change what the others see of us; None leaves a thing as it is. The request's number."""
        self._requests += 1
        request = rtc.UpdateParticipantMetadata(
            name=self.local.name if name is None else name,
            metadata=self.local.info.metadata if metadata is None else metadata,
            attributes=dict(attributes or {}),
            request_id=self._requests,
        )
        self._session().send(rtc.SignalRequest(update_metadata=request))
        return self._requests

    # -- for tests of recovery -----------------------------------------------------------

    def cut_signal(self) -> None:
        """Reset the WebSocket's TCP connection; media goes on."""
        self._session().signal.cut()

    def move_port(self) -> None:
        """Send and receive from other UDP ports from now on, as after a NAT's reboot."""
        session = self._session()
        session.publisher.peer.rebind()
        session.subscriber.peer.rebind()

    def freeze(self, frozen: bool = True) -> None:
        """Stop reading the WebSocket and the media sockets, or go on."""
        session = self._session()
        (session.signal.paused.clear if frozen else session.signal.paused.set)()
        session.publisher.peer.sockets.pause(frozen)
        session.subscriber.peer.sockets.pause(frozen)
