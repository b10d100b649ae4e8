"""A participant on the PyPI package `livekit`, with what it saw, heard and was told written down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from livekit import rtc

from conformance.clients.marks import FPS, HEIGHT, WIDTH, Camera, Microphone
from conformance.clients.watchers import Picture, Sound
from conformance.judges import BY_NAME
from conformance.waiting import units, until

EVENTS: tuple[Any, ...] = (
    "participant_connected",
    "participant_disconnected",
    "participant_active",
    "local_track_published",
    "local_track_unpublished",
    "local_track_republished",
    "local_track_subscribed",
    "track_published",
    "track_unpublished",
    "track_subscribed",
    "track_unsubscribed",
    "track_subscription_failed",
    "track_muted",
    "track_unmuted",
    "active_speakers_changed",
    "room_metadata_changed",
    "participant_metadata_changed",
    "participant_name_changed",
    "participant_attributes_changed",
    "connection_quality_changed",
    "participant_encryption_status_changed",
    "participant_permissions_changed",
    "data_received",
    "e2ee_state_changed",
    "connection_state_changed",
    "connected",
    "disconnected",
    "reconnecting",
    "reconnected",
    "room_updated",
    "token_refreshed",
)

TWO_CONNECTIONS = bool(os.environ.get("CONFORMANCE_TWO_CONNECTIONS"))
"""Ask both SDKs for protocol v0, where they would prefer v1: what our relay answers, on any server."""

CAMERA = rtc.TrackSource.SOURCE_CAMERA
MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE
SCREEN = rtc.TrackSource.SOURCE_SCREENSHARE


class Site:
    """One room of the native SDK. `events` holds (name, arguments) in the order in which they came."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.room = rtc.Room()
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self.pictures: dict[tuple[str, int], Picture] = {}
        self.sounds: dict[tuple[str, int], Sound] = {}
        self.cameras: list[Camera] = []
        self.microphones: list[Microphone] = []
        self.speaking: set[str] = set()
        self.everybody_heard: set[str] = set()
        self.watching = True
        self._closing: set[asyncio.Task[None]] = set()
        for event in EVENTS:
            self.room.on(event, self._record(event))

    def _record(self, name: str) -> Callable[..., None]:
        def handler(*arguments: Any) -> None:
            self.events.append((name, arguments))
            if name == "track_subscribed" and self.watching:
                self._watch(*arguments)
            elif name == "track_unsubscribed":
                self._unwatch(arguments[1].source, arguments[1].kind, arguments[2].identity)
            elif name == "active_speakers_changed":
                self.speaking = {participant.identity for participant in arguments[0]}
                self.everybody_heard |= self.speaking

        return handler

    def _watch(self, track: Any, publication: Any, participant: Any) -> None:
        self._unwatch(publication.source, publication.kind, participant.identity)
        key = (participant.identity, publication.source)
        if isinstance(track, rtc.RemoteVideoTrack):
            self.pictures[key] = Picture(track)
        else:
            self.sounds[key] = Sound(track)

    def _unwatch(self, source: int, kind: int, identity: str) -> None:
        watchers: dict[tuple[str, int], Any] = (
            self.pictures if kind == rtc.TrackKind.KIND_VIDEO else self.sounds
        )
        watcher = watchers.pop((identity, source), None)
        if watcher is not None:
            task = asyncio.get_running_loop().create_task(watcher.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def join(
        self,
        url: str,
        token: str,
        *,
        auto_subscribe: bool = True,
        dynacast: bool = False,
        key: bytes | None = None,
    ) -> Site:
        """Connect; `key` is the shared key of end-to-end encryption."""
        options = rtc.RoomOptions(auto_subscribe=auto_subscribe, dynacast=dynacast)
        if TWO_CONNECTIONS:
            options.single_peer_connection = False
        if key is not None:
            options.encryption = rtc.E2EEOptions(key_provider_options=rtc.KeyProviderOptions(shared_key=key))
        await asyncio.wait_for(self.room.connect(url, token, options), units(15))
        return self

    async def publish_camera(
        self,
        mark: str,
        *,
        simulcast: bool = False,
        width: int = WIDTH,
        height: int = HEIGHT,
        fps: float = FPS,
        detail: bool = False,
        codec: int = rtc.VideoCodec.VP8,
        source: int = CAMERA,
        bitrate: int = 300_000,
    ) -> rtc.LocalTrackPublication:
        """Publish a moving picture in the mark's colour."""
        camera = Camera(BY_NAME[mark], width, height, fps, detail)
        self.cameras.append(camera)
        options = rtc.TrackPublishOptions(
            source=source,  # type: ignore[arg-type]
            simulcast=simulcast,
            video_codec=codec,  # type: ignore[arg-type]
            video_encoding=rtc.VideoEncoding(max_bitrate=bitrate, max_framerate=15),
        )
        return await asyncio.wait_for(
            self.room.local_participant.publish_track(camera.track, options), units(15)
        )

    async def publish_microphone(
        self, mark: str, *, loud: bool = True, source: int = MICROPHONE
    ) -> rtc.LocalTrackPublication:
        """Publish the mark's tone, or silence until `microphones[…].loud` is set."""
        microphone = Microphone(BY_NAME[mark])
        microphone.loud = loud
        self.microphones.append(microphone)
        options = rtc.TrackPublishOptions(source=source)  # type: ignore[arg-type]
        return await asyncio.wait_for(
            self.room.local_participant.publish_track(microphone.track, options), units(15)
        )

    def picture(self, identity: str, source: int = CAMERA) -> Picture | None:
        """The watched video track of a participant, if subscribed."""
        return self.pictures.get((identity, source))

    def sound(self, identity: str, source: int = MICROPHONE) -> Sound | None:
        """The watched audio track of a participant, if subscribed."""
        return self.sounds.get((identity, source))

    async def sees(self, identity: str, mark: str, *, within: float = 10, source: int = CAMERA) -> Picture:
        """Wait until the newest frame from this participant has the mark's colour."""

        def check() -> Picture | None:
            picture = self.picture(identity, source)
            return picture if picture is not None and picture.sees(mark) else None

        def told() -> str:
            picture = self.picture(identity, source)
            state = "no track" if picture is None else f"{picture.frames} frames, {dict(picture.colours)}"
            return f"{self.identity} sees {identity} in {mark} ({state})"

        picture = await until(check, told, within=within)
        assert isinstance(picture, Picture)
        return picture

    async def hears(self, identity: str, mark: str, *, within: float = 10) -> Sound:
        """Wait until the newest sound from this participant is the mark's tone."""

        def check() -> Sound | None:
            sound = self.sound(identity)
            return sound if sound is not None and sound.hears(mark) else None

        def told() -> str:
            sound = self.sound(identity)
            state = (
                "no track"
                if sound is None
                else f"{sound.chunks} chunks, {dict(sound.tones)}, {sound.level:.0f}"
            )
            return f"{self.identity} hears {identity} as {mark} ({state})"

        sound = await until(check, told, within=within)
        assert isinstance(sound, Sound)
        return sound

    async def gets_width(self, identity: str, width: int, *, within: float = 15) -> Picture:
        """Wait until frames from this participant are so many pixels wide."""

        def check() -> Picture | None:
            picture = self.picture(identity)
            return picture if picture is not None and picture.width == width else None

        def told() -> str:
            picture = self.picture(identity)
            return f"{self.identity} gets width {width}, it is {picture.width if picture else None}"

        picture = await until(check, told, within=within)
        assert isinstance(picture, Picture)
        return picture

    def happened(self, name: str) -> list[tuple[Any, ...]]:
        """Arguments of all events of one name so far."""
        return [arguments for event, arguments in self.events if event == name]

    async def event(
        self, name: str, match: Callable[..., bool] = lambda *_: True, *, within: float = 10
    ) -> tuple[Any, ...]:
        """Wait for an event (past ones count) whose arguments `match`."""

        def find() -> list[tuple[Any, ...]]:
            return [arguments for arguments in self.happened(name) if match(*arguments)]

        found = await until(
            find,
            lambda: f"{self.identity} gets {name}; it got {[event for event, _ in self.events]}",
            within=within,
        )
        return tuple(found[0])

    def remote(self, identity: str) -> rtc.RemoteParticipant:
        """A participant that must be visible here."""
        return self.room.remote_participants[identity]

    async def meets(self, *identities: str, within: float = 10) -> None:
        """Wait until all these participants are visible."""
        await until(
            lambda: set(identities) <= set(self.room.remote_participants),
            lambda: f"{self.identity} meets {identities}, it knows {list(self.room.remote_participants)}",
            within=within,
        )

    async def leave(self) -> None:
        """Disconnect and stop all media."""
        watchers: list[Picture | Sound] = [*self.pictures.values(), *self.sounds.values()]
        for watcher in watchers:
            await watcher.aclose()
        self.pictures.clear()
        self.sounds.clear()
        await asyncio.wait_for(self.room.disconnect(), units(15))
        sources: list[Camera | Microphone] = [*self.cameras, *self.microphones]
        for source in sources:
            await source.aclose()
        self.cameras.clear()
        self.microphones.clear()
        await asyncio.gather(*self._closing)
