"""Rooms in virtual time: the real signaling and the real peers over a network that is written down.

``World`` has the clock, the relay without packets, and the events for the
outside; ``Client`` speaks protocol v0 and folds what it is told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from livekit.protocol import models, rtc
from livekit.protocol import room as room_proto
from signal_fakes import Events, FakeMedia

from media.ports import Kind
from media.sdp.client import PublishSection, ServerOffer, answer_server_offer, build_publisher_offer
from media.sdp.types import EncodingInfo, Fingerprint, LocalTransport
from media.tracks import PublishedTrack
from media.transport import TransportState
from signaling.grants import Grants, VideoGrant
from signaling.participant import ClientParams, Participant
from signaling.registry import RoomRegistry
from signaling.session import SignalSession
from signaling.settings import SignalSettings
from signaling.tokens import KeyRing

KEY, SECRET = "key", "a-secret-of-thirty-two-characters"
KEYS = KeyRing({KEY: SECRET})
EPOCH = 1_790_000_000.0
CLIENT = LocalTransport("them", "q" * 24, (Fingerprint("sha-256", ":".join(["CD"] * 32)),), ())
CODECS = {Kind.AUDIO: ("audio/opus",), Kind.VIDEO: ("video/vp8",)}
Source, TrackType = models.TrackSource, models.TrackType


class World:
    """One server, its clock and its clients."""

    def __init__(self, **settings: Any) -> None:
        self.now = 1000.0
        self.media = FakeMedia()
        self.events = Events()
        self.clients: list[Client] = []
        self.registry = RoomRegistry(
            SignalSettings(**settings),
            self.media,
            KEYS,
            self.events,
            monotonic=lambda: self.now,
            wall=self.wall,
            version="0",
        )

    def wall(self) -> float:
        return EPOCH + self.now

    @property
    def room(self) -> Any:
        return self.registry.rooms["room"]

    def run(self, seconds: float = 0.2) -> None:
        """Let time pass in steps of a tick."""
        for _ in range(max(1, round(seconds / 0.05))):
            self.now += 0.05
            for track in list(self.media.tracks):
                track.tick(self.now)
            for client in self.clients:
                client.turn()
            self.registry.tick(self.now)
        for client in self.clients:
            client.turn()

    def client(self, identity: str, **options: Any) -> Client:
        """A client that has joined and whose media is connected."""
        client = Client(self, identity, **options)
        client.join()
        client.connect()
        self.run()
        return client


class Client:
    """A client of protocol v0. ``log`` is all it was told; ``others``, ``speakers`` … are that, folded."""

    def __init__(self, world: World, identity: str, *, auto_subscribe: bool = True, **grant: Any) -> None:
        self.world = world
        self.identity = identity
        self.auto_subscribe = auto_subscribe
        self.grants = Grants(
            identity=identity,
            video=VideoGrant(room_join=True, room="room", **grant),
            api_key=KEY,
            expires_at=world.wall() + 3600,
        )
        self.alive = self.answering = True
        self.refuse: Callable[[str], str] = lambda sdp: sdp
        self.media_alive = True
        self.log: list[rtc.SignalResponse] = []
        self.others: dict[str, models.ParticipantInfo] = {}
        self.me = models.ParticipantInfo()
        self.room = models.Room()
        self.speakers: dict[str, float] = {}
        self.offers: list[ServerOffer] = []
        self.token = ""
        self.sections: list[PublishSection] = []
        self._version = 0
        self._ping_due = 0.0
        self.participant: Participant | None = None
        world.clients.append(self)

    # -- the session ---------------------------------------------------------------

    def join(self, **params: Any) -> None:
        self.session = SignalSession(self.world.registry.settings, self.world.now)
        self.session.wall_ms = lambda: int(self.world.wall() * 1000)
        self.participant = self.world.registry.connect(
            self.grants,
            ClientParams(auto_subscribe=self.auto_subscribe, **params),
            self.session,
            self.world.now,
        )

    def cut(self) -> None:
        """The WebSocket is gone without a word."""
        self.alive = False
        if self.participant is not None:
            self.participant.session_closed(self.session, self.world.now)

    def resume(self, sid: str | None = None) -> list[str]:
        """Come back on a new WebSocket; the kinds of message that came in this turn."""
        self.alive = True
        before = len(self.log)
        self.join(reconnect=True, participant_sid=self.me.sid if sid is None else sid)
        self.turn()
        return [str(message.WhichOneof("message")) for message in self.log[before:]]

    def connect(self) -> None:
        """Its receiving connection comes up."""
        self.turn()
        self.transport.become(TransportState.CONNECTED)

    @property
    def transport(self) -> Any:
        assert self.participant is not None
        return self.participant.subscribing.subscriber.transport

    def ask(self, **message: Any) -> None:
        """Send a request and read what comes back."""
        self.session.receive(rtc.SignalRequest(**message).SerializeToString(), self.world.now)
        self.turn()

    # -- media -----------------------------------------------------------------------

    def publish(
        self,
        cid: str = "mic",
        type: int = TrackType.AUDIO,
        source: int = Source.MICROPHONE,
        *,
        muted: bool = False,
        start: bool = True,
    ) -> str:
        """Announce, offer and (unless muted) send; the track's sid."""
        self.ask(add_track=rtc.AddTrackRequest(cid=cid, type=type, source=source, muted=muted))  # type: ignore[arg-type]
        sid = self.last("track_published").track.sid
        self.offer(cid, Kind.AUDIO if type == TrackType.AUDIO else Kind.VIDEO)
        if start and not muted:
            self.send(sid)
        return str(sid)

    def offer(self, cid: str, kind: Kind, codecs: tuple[str, ...] = ()) -> None:
        number = len(self.sections) + 1
        self.sections.append(
            PublishSection(
                str(number), kind, cid, codecs or CODECS[kind], (EncodingInfo("", 100 + number, None),)
            )
        )
        self.reoffer()

    def reoffer(self) -> None:
        self._version += 1
        sdp = build_publisher_offer(CLIENT, self.sections, session=1, version=self._version)
        self.ask(offer=rtc.SessionDescription(type="offer", sdp=sdp, id=self._version))

    def send(self, sid: str) -> None:
        """The first packet of a track of ours."""
        track = self.track(sid)
        track.source_started(track.encodings[0].source, CODECS[track.kind][0], self.world.now)

    def track(self, sid: str) -> PublishedTrack:
        assert self.participant is not None
        track = self.participant.publishing.publications[sid].track
        assert track is not None
        return track

    def hears(self, sid: str) -> bool:
        """Whether a packet of that track, sent now, would reach us."""
        assert self.participant is not None
        subscription = self.participant.subscribing.subscriptions.get(sid)
        return subscription is not None and bool(self.world.media.path.reaches(subscription.number))

    # -- what it is told -------------------------------------------------------------

    def turn(self) -> None:
        """Read, answer, and show a sign of life."""
        if not self.alive:
            return
        for frame in self.session.take_frames():
            message = rtc.SignalResponse()
            if isinstance(frame, str):
                json_format.Parse(frame, message)
            else:
                message.ParseFromString(frame)
            self.log.append(message)
            self._fold(message)
        if self.participant is not None and not self.participant.gone:
            if self.media_alive:
                self.transport.last_heard = self.world.now
            if self.world.now >= self._ping_due and self.session.closing is None:
                self._ping_due = self.world.now + 5
                self.session.receive(rtc.SignalRequest(ping=1).SerializeToString(), self.world.now)

    def _fold(self, message: rtc.SignalResponse) -> None:
        kind = message.WhichOneof("message")
        if kind == "join":
            self.me = message.join.participant
            self.room = message.join.room
            self.others = {info.identity: info for info in message.join.other_participants}
        elif kind == "update":
            for info in message.update.participants:
                self._fold_participant(info)
        elif kind == "room_update":
            self.room = message.room_update.room
        elif kind == "refresh_token":
            self.token = message.refresh_token
        elif kind == "speakers_changed":
            for speaker in message.speakers_changed.speakers:
                if speaker.active:
                    self.speakers[speaker.sid] = speaker.level
                else:
                    self.speakers.pop(speaker.sid, None)
        elif kind == "offer":
            answer = answer_server_offer(message.offer.sdp, CLIENT)
            self.offers.append(answer)
            if self.answering:
                self.session.receive(
                    rtc.SignalRequest(
                        answer=rtc.SessionDescription(
                            type="answer", sdp=self.refuse(answer.sdp), id=message.offer.id
                        )
                    ).SerializeToString(),
                    self.world.now,
                )

    def _fold_participant(self, info: models.ParticipantInfo) -> None:
        if info.sid == self.me.sid:
            assert info.version >= self.me.version, "a version went back"
            self.me = info
            return
        known = self.others.get(info.identity)
        if known is not None and known.sid == info.sid:
            assert info.version >= known.version, "a version went back"
        if info.state == models.ParticipantInfo.State.DISCONNECTED:
            if known is not None and known.sid == info.sid:
                del self.others[info.identity]
        else:
            self.others[info.identity] = info

    def kinds(self) -> list[str]:
        return [str(message.WhichOneof("message")) for message in self.log]

    def all(self, kind: str) -> list[Any]:
        return [getattr(message, kind) for message in self.log if message.WhichOneof("message") == kind]

    def last(self, kind: str) -> Any:
        found = self.all(kind)
        assert found, f"{self.identity} was never told {kind}, but {self.kinds()}"
        return found[-1]

    def sees(self, identity: str) -> dict[str, bool]:
        """Sid to muted, of the tracks of another."""
        return {track.sid: track.muted for track in self.others[identity].tracks}

    def receiving(self) -> set[str]:
        """Tracks that the newest offer sends."""
        return {receiver.track_id for receiver in self.offers[-1].receivers if receiver.sending}


def rights(world: World, identity: str, **permission: Any) -> None:
    """An administrator sets what a participant may do; all the rest is allowed."""
    for name in ("can_publish", "can_subscribe", "can_publish_data"):
        permission.setdefault(name, True)
    world.registry.update_participant(
        room_proto.UpdateParticipantRequest(
            room="room", identity=identity, permission=models.ParticipantPermission(**permission)
        ),
        world.now,
    )
