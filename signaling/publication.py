"""A published track as signaling knows it: its description, its owner, its media."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from livekit.protocol import models, rtc

from media.ports import Kind
from media.publisher import TrackWish
from media.tracks import LayerSize, PublishedTrack
from signaling import ids

if TYPE_CHECKING:
    from signaling.participant import Participant

_RIDS = ("q", "h", "f")


_STREAMS: Final = {
    models.TrackSource.CAMERA: "camera",
    models.TrackSource.MICROPHONE: "camera",
    models.TrackSource.SCREEN_SHARE: "screen",
    models.TrackSource.SCREEN_SHARE_AUDIO: "screen",
}
"""LiveKit's names of the streams."""


class Publication:
    """One track of one participant, from ``add_track`` until it is unpublished.

    ``announced`` once others may know of it; ``negotiated_at`` when its section
    was answered. ``cids`` are the names by which the client's offer may call it.
    """

    def __init__(self, publisher: Participant, request: rtc.AddTrackRequest) -> None:
        self.publisher = publisher
        self.cid = request.cid
        self.cids = {request.cid, *(codec.cid for codec in request.simulcast_codecs)} - {""}
        self.info = _describe(request)
        self.sid: str = self.info.sid
        """The track's identifier, ``TR_…``."""
        self.announced = False
        self.negotiated_at: float | None = None
        self.told_subscribed = False
        self.told = False
        """Whether the update that names it has gone out; media before that would be dropped by clients."""
        self.event_sent = False
        """Whether the outside knows of it."""
        self.muted_by_server = False
        self.track: PublishedTrack | None = None

    @property
    def wish(self) -> TrackWish:
        """What the answer to the publisher's offer should heed."""
        codec = self.info.codecs[0].mime_type.partition("/")[2] if self.info.codecs else ""
        audio = self.kind is Kind.AUDIO
        return TrackWish(
            codec="" if audio else codec.lower(),
            stereo=self.info.stereo,
            dtx=not self.info.disable_dtx,
            red=audio and not self.info.disable_red and not self.info.encryption,
        )

    @property
    def kind(self) -> Kind:
        """Sound or picture."""
        return Kind.AUDIO if self.info.type == models.TrackType.AUDIO else Kind.VIDEO

    def stream_id(self, *, in_step: bool) -> str:
        """First token of the msid that a subscriber sees.

        ``in_step``: who, and camera or screen. A browser plays the tracks of one stream in step (lip sync),
        so the camera and the microphone share one. Else: who and which track, for clients that learn the
        track's sid from the stream.
        """
        stream = _STREAMS.get(self.info.source) if in_step else None
        return f"{self.publisher.sid}|{stream or self.sid}"

    def sizes(self) -> list[LayerSize]:
        """Announced layers; one of the whole size where none were announced."""
        sizes = [
            LayerSize(min(int(layer.quality), 2), layer.width, layer.height, layer.bitrate)
            for layer in self.info.layers
            if layer.quality != models.VideoQuality.OFF
        ]
        return sizes or [LayerSize(2, self.info.width, self.info.height)]

    def codec_known(self, codec: str) -> bool:
        """Write the codec into the description; true if that changed it."""
        mime = mime_type(codec)
        if self.info.mime_type == mime:
            return False
        self.info.mime_type = mime
        if self.info.codecs:
            self.info.codecs[0].mime_type = mime
        else:
            self.info.codecs.add(mime_type=mime, cid=self.cid, layers=self.info.layers)
        return True


MAX_NAME = 256
MAX_MIME = 64
MAX_RID = 32
MAX_FEATURES = 16
"""What one client says of its track goes to everybody: so long, in characters or entries."""


def features(values: Iterable[models.AudioTrackFeature]) -> list[models.AudioTrackFeature]:
    """The distinct ones of an audio track."""
    return list(dict.fromkeys(values))[:MAX_FEATURES]


def mime_type(codec: str) -> str:
    """LiveKit's spelling of a codec key (``video/VP8``; ``media.ports.PayloadType``)."""
    kind, _, rest = codec.partition("/")
    name = rest.partition(";")[0]
    return f"{kind}/{name.upper() if kind == 'video' else name}"


def short_codec(codec: str) -> str:
    """The codec's bare name, as ``subscribed_quality_update`` has it (``vp8``)."""
    return codec.partition("/")[2].partition(";")[0]


def _describe(request: rtc.AddTrackRequest) -> models.TrackInfo:
    """The track's public description out of the client's request."""
    info = models.TrackInfo(
        sid=ids.new_sid(ids.TRACK),
        type=request.type,
        name=request.name[:MAX_NAME],
        muted=request.muted,
        width=request.width,
        height=request.height,
        disable_dtx=request.disable_dtx,
        source=request.source,
        stereo=request.stereo,
        disable_red=request.disable_red,
        encryption=request.encryption,
        stream=request.stream[:MAX_NAME],
        backup_codec_policy=request.backup_codec_policy,
        audio_features=features(request.audio_features),
    )
    layers = request.layers
    if not layers and request.simulcast_codecs:
        layers = request.simulcast_codecs[0].layers
    ordered = sorted(layers, key=lambda layer: layer.quality)
    for index, layer in enumerate(ordered[:3]):
        copy = info.layers.add()
        copy.CopyFrom(layer)
        copy.DiscardUnknownFields()
        if not copy.rid and len(ordered) > 1:
            copy.rid = _RIDS[index]
        copy.rid = copy.rid[:MAX_RID]
    info.simulcast = len(info.layers) > 1
    for codec in request.simulcast_codecs[:1]:
        mime = codec.codec if "/" in codec.codec else f"video/{codec.codec.upper()}"
        if request.type == models.TrackType.AUDIO:
            mime = codec.codec if "/" in codec.codec else f"audio/{codec.codec.lower()}"
        if codec.codec and len(mime) <= MAX_MIME:
            info.codecs.add(mime_type=mime, cid=codec.cid, layers=info.layers)
            info.mime_type = mime
    return info
