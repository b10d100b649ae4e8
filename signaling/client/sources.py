"""What a client publishes: encoded media, pushed frame by frame into a sender.

A source knows no RTP: it hands over whole encoded frames with the instant of
their capture; a :class:`RawSource` hands over single payloads with given marks,
for tests that need packets nobody would send.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from media.clock import monotonic
from media.ports import Kind

VIDEO_CLOCK: Final = 90_000
AUDIO_CLOCK: Final = 48_000

SILENCE: Final = 127
"""The audio level of silence in -dBov (RFC 6464)."""


class Layer(NamedTuple):
    """One encoding of a video track. ``rid`` is ``q``, ``h``, ``f``, or empty without simulcast.

    ``width`` and ``height`` in pixels, ``bitrate`` in bit/s.
    """

    rid: str
    width: int
    height: int
    bitrate: int


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A frame as its encoder made it.

    ``timestamp`` is in units of the track's RTP clock from an origin that all
    layers of the source share; ``captured_at`` is that same instant on the
    monotonic clock, in seconds. ``level`` is the loudness of a sound frame in
    -dBov (0 loudest, 127 silence).
    """

    rid: str
    data: bytes
    timestamp: int
    captured_at: float
    keyframe: bool = False
    level: int = SILENCE


@dataclass(frozen=True, slots=True)
class RawPacket:
    """One RTP payload with its marks. ``sequence`` None continues; ``padding`` in octets.

    ``sequence`` and ``timestamp`` go out as they are, without the random offset
    of frames.
    """

    rid: str
    payload: bytes
    timestamp: int
    marker: bool = False
    sequence: int | None = None
    padding: int = 0
    level: int = SILENCE


Media = EncodedFrame | RawPacket
Push = Callable[[Media], None]


class MediaSource(Protocol):
    """Something to publish. ``start`` and ``stop`` are called on the running event loop.

    ``codec`` is ``audio/opus``, ``video/vp8`` or ``video/h264``. ``layers`` is
    empty for sound, and in order from small to large.
    """

    @property
    def kind(self) -> Kind: ...
    @property
    def codec(self) -> str: ...
    @property
    def layers(self) -> Sequence[Layer]: ...

    def start(self, push: Push) -> None:
        """Begin to push; called once for each time the track goes on the air."""

    async def stop(self) -> None:
        """Stop pushing; after this returns nothing more is pushed."""

    def request_keyframe(self, rid: str) -> None:
        """The receiver of this layer lost its picture."""

    def enable(self, rids: frozenset[str]) -> None:
        """Only these layers are watched (dynacast); the others need not be encoded."""


class RawSource:
    """A source driven by its owner: ``push`` sends at once, or is dropped while nothing is connected."""

    def __init__(self, kind: Kind, codec: str, layers: Sequence[Layer] = ()) -> None:
        self.kind = kind
        self.codec = codec
        self.layers = tuple(layers)
        self.keyframe_requests: list[str] = []
        """The rid of each request since the start."""
        self.enabled: frozenset[str] = frozenset(layer.rid for layer in layers)
        self.dropped = 0
        self._push: Push | None = None
        self._origin = monotonic()

    def start(self, push: Push) -> None:
        self._push = push

    async def stop(self) -> None:
        self._push = None

    def request_keyframe(self, rid: str) -> None:
        self.keyframe_requests.append(rid)

    def enable(self, rids: frozenset[str]) -> None:
        self.enabled = rids

    def push(self, media: Media) -> bool:
        """Send it; false when nothing is connected."""
        if self._push is None:
            self.dropped += 1
            return False
        self._push(media)
        return True
