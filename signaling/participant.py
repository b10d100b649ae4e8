"""One participant of one room: who it is, what it may do, its session and its media.

Sans-I/O: methods are called with ``now``; what shall reach the client goes to
its session's queue, what shall reach others goes through the room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from media.errors import SdpError
from media.transport import LOSSY, RELIABLE, Transport, TransportState
from signaling import ids
from signaling.grants import Grants, VideoGrant
from signaling.limits import check_attributes
from signaling.publishing import Publishing
from signaling.session import CLOSE_NORMAL, CLOSE_PROTOCOL, SignalSession
from signaling.subscribing import Subscribing
from signaling.tokens import refresh
from signaling.wire import SharedMessage

if TYPE_CHECKING:
    from signaling.room import Room


State = models.ParticipantInfo.State


@dataclass(frozen=True, slots=True)
class ClientParams:
    """What a client says about itself when it joins."""

    auto_subscribe: bool = True
    adaptive_stream: bool = False
    protocol: int = 0
    client_protocol: int = 0
    sdk: str = ""
    version: str = ""
    reconnect: bool = False
    participant_sid: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    browser: str = ""

    @property
    def takes_streams(self) -> bool:
        """Whether it knows a track by the msid's second token, so that the first may name a shared stream.

        Protocols above 9 do, but Firefox gives received tracks ids of its own (LiveKit decides alike).
        """
        return self.protocol > 9 and self.browser.lower() != "firefox"


class Participant:
    """See the module. Made by ``Room.join`` only."""

    def __init__(self, room: Room, grants: Grants, params: ClientParams, now: float) -> None:
        assert grants.video is not None, "a join token has a video grant"
        self.room = room
        self.sid = ids.new_sid(ids.PARTICIPANT)
        self.grants = grants
        self.video: VideoGrant = grants.video
        self.identity = grants.identity
        self.name = grants.name
        self.metadata = grants.metadata
        self.attributes = dict(grants.attributes)
        if self.video.may_update_own_metadata():
            # What a client says of itself may not overrule what its token says, unless it may change that.
            self.attributes.update({key: value for key, value in params.attributes.items() if value})
        check_attributes(self.attributes)
        self.params = params
        self.state: int = State.JOINING
        self.version = 0
        self.joined_at_ms = int(room.wall() * 1000)
        self.joined_at = now
        self.was_active = False
        self.disconnect_reason = models.DisconnectReason.UNKNOWN_REASON
        self.session: SignalSession | None = None
        self.session_lost_at: float | None = None
        self._heard_at = now
        self.media_lost_at: float | None = None
        self.token_exp = grants.expires_at
        self.token_due = 0.0
        self.told_speakers: dict[str, float] = {}
        """Level of each speaker that the client believes to be on."""
        self.silenced: dict[str, float] = {}
        """Who was told off lately, and when."""
        self.shown = not self.hidden
        """Whether others believe it to be here."""
        self._info: models.ParticipantInfo | None = None
        self.publishing = Publishing(self)
        subscriber = room.media.create_subscriber(self._subscriber_state, self.data_received)
        subscriber.transport.open_channels((RELIABLE, LOSSY))
        self.subscribing = Subscribing(self, subscriber, params.auto_subscribe)

    def __repr__(self) -> str:
        return f"<Participant {self.identity!r} {self.sid}>"

    # -- description -------------------------------------------------------------

    @property
    def hidden(self) -> bool:
        """Whether others never learn of it."""
        return self.video.hidden

    @property
    def gone(self) -> bool:
        """Whether it has left."""
        return self.state == State.DISCONNECTED

    @property
    def publishes(self) -> bool:
        """Whether any track of it is announced."""
        return self.publishing.announced > 0

    def info(self) -> models.ParticipantInfo:
        """What clients and RoomService see of it. Kept until it changes: not to be written to."""
        if self._info is None:
            self._info = self._describe()
        return self._info

    def stale(self) -> None:
        """Something that the description says has changed."""
        self._info = None

    def _describe(self) -> models.ParticipantInfo:
        info = models.ParticipantInfo(
            sid=self.sid,
            identity=self.identity,
            state=self.state,  # type: ignore[arg-type]
            metadata=self.metadata,
            name=self.name,
            version=self.version,
            permission=self.video.permission(),
            is_publisher=self.publishes,
            kind=self.grants.participant_kind(),
            attributes=self.attributes,
            joined_at=self.joined_at_ms // 1000,
            joined_at_ms=self.joined_at_ms,
            client_protocol=self.params.client_protocol,
        )
        if self.gone:
            info.disconnect_reason = self.disconnect_reason
        for publication in self.publishing.publications.values():
            if publication.announced:
                info.tracks.add().CopyFrom(publication.info)
        return info

    def changed(self, now: float) -> None:
        """Its description changed: a new version goes to everybody who may see it."""
        self.version += 1
        self.stale()
        self.room.participant_changed(self, now)

    # -- messages ----------------------------------------------------------------

    def send(self, message: rtc.SignalResponse | SharedMessage) -> None:
        """Queue a response; nothing happens while there is no session (a resume catches up)."""
        if self.session is not None:
            self.session.send(message)

    def attach(self, session: SignalSession) -> None:
        """Speak through this session from now on; an older one is closed."""
        if self.session is not None:
            self._heard_at = self.session.last_heard
            self.session.on_request = lambda request, now: None
            self.session.close(CLOSE_NORMAL, "replaced by a newer connection")
        self.session = session
        self.session_lost_at = None
        session.on_request = self.room.requests_of(self)

    def session_closed(self, session: SignalSession, now: float) -> None:
        """The socket is gone. Media may go on; whoever never had media leaves at once."""
        if session is not self.session or self.gone:
            return
        self.session = None
        self.session_lost_at = now
        self._heard_at = session.last_heard
        if not self.was_active and not self._media_connected():
            self.room.leave(self, models.DisconnectReason.SIGNAL_CLOSE, now)

    @property
    def last_frame_at(self) -> float:
        """When the client was last heard of on a WebSocket."""
        return self._heard_at if self.session is None else self.session.last_heard

    def send_token(self, now: float) -> None:
        """A fresh token with the rights, name and attributes in force now."""
        settings = self.room.settings
        grants = Grants(
            identity=self.identity,
            name=self.name,
            kind=self.grants.kind,
            metadata=self.metadata,
            attributes=dict(self.attributes),
            video=self.video,
        )
        wall = self.room.wall()
        token, self.token_exp = refresh(
            self.room.keys, self.grants.api_key, grants, self.token_exp, wall, settings.token_ttl
        )
        self.token_due = now + settings.token_refresh
        self.send(rtc.SignalResponse(refresh_token=token))

    # -- media -------------------------------------------------------------------

    @property
    def last_heard(self) -> float:
        """When the client's media was last heard of, on either connection; 0 before the first time."""
        heard = self.subscribing.subscriber.transport.last_heard
        if self.publishing.publisher is not None:
            heard = max(heard, self.publishing.publisher.transport.last_heard)
        return heard

    @property
    def media_over(self) -> bool:
        """Whether one of its connections has ended for good, so that only a new join helps."""
        return self.subscribing.over or self.publishing.over

    def _media_connected(self) -> bool:
        return self.subscribing.subscriber.transport.state is TransportState.CONNECTED or (
            self.publishing.publisher is not None
            and self.publishing.publisher.transport.state is TransportState.CONNECTED
        )

    def _subscriber_state(self, transport: Transport, state: TransportState) -> None:
        now = self.room.monotonic()
        if self.gone:
            return
        if state is TransportState.CONNECTED:
            self.media_lost_at = None
            if self.state != State.ACTIVE:
                self.state = State.ACTIVE
                first = not self.was_active
                self.was_active = True
                self.changed(now)
                if first:
                    self.room.became_active(self, now)
        elif self.media_lost_at is None and state is not TransportState.CONNECTING:
            self.media_lost_at = now

    def publisher_state(self, transport: Transport, state: TransportState) -> None:
        """The PUBLISHER connection came up or went."""
        now = self.room.monotonic()
        ended = state in (TransportState.FAILED, TransportState.CLOSED)
        if ended and not self.gone and self.media_lost_at is None:
            self.media_lost_at = now

    def data_received(self, label: str, payload: bytes) -> None:
        """A message of the client on one of its data channels."""
        if not self.gone:
            self.room.data.received(self, label, payload)

    # -- time --------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Leave when the line is dead for good; refresh the token; show late tracks."""
        settings = self.room.settings
        if self.session is not None:
            self.session.tick(now)
            if now >= self.token_due:
                self.send_token(now)
        if self.session is None and self.session_lost_at is not None:
            away = now - self.session_lost_at
            silent = now - max(self.last_heard, self.session_lost_at)
            if (
                away > settings.reconnect_limit
                or silent > settings.media_silence_limit
                or (self.media_over and away > settings.close_grace)
            ):
                self.room.leave(self, models.DisconnectReason.CONNECTION_TIMEOUT, now)
                return
        if self.media_lost_at is not None and now - self.media_lost_at > settings.media_restart_limit:
            self.room.leave(
                self,
                models.DisconnectReason.CONNECTION_TIMEOUT,
                now,
                action=rtc.LeaveRequest.Action.RECONNECT,
            )
            return
        if not self.was_active and now - self.joined_at > settings.connect_limit:
            self.room.leave(self, models.DisconnectReason.CONNECTION_TIMEOUT, now)
            return
        self.publishing.announce_late(now)

    def refuse_offer(self, error: SdpError) -> None:
        """A description that cannot be understood ends the session, with words."""
        if self.session is not None:
            self.session.close(CLOSE_PROTOCOL, str(error).encode()[:120].decode(errors="ignore"))

    def rejoin(self, now: float) -> None:
        """Its media has ended for good: the client is told to join anew."""
        self.room.leave(
            self, models.DisconnectReason.STATE_MISMATCH, now, action=rtc.LeaveRequest.Action.RECONNECT
        )
