"""Sources for load: a few seconds encoded once, then played in a loop without an encoder.

A keyframe comes each second; a keyframe request is answered by a jump to the
loop's next keyframe, so a receiver sees what a live encoder would send it. The
recording is shared by all sources of one specification.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from media.ports import Kind
from signaling.client.encoders import (
    AUDIO_RATE,
    FRAME_SAMPLES,
    VIDEO_CLOCK,
    OpusEncoder,
    Planes,
    VideoEncoder,
)
from signaling.client.picture import Painter, PictureSpec
from signaling.client.sources import SILENCE, EncodedFrame, Layer
from signaling.client.synthetic import COMFORT_INTERVAL, DEFAULT_LAYERS, TALK_TAIL, Paced, render_pool
from signaling.client.tone import FRAMES_PER_SECOND, Tone, ToneSpec

LOOP_SECONDS: Final = 3


class _Recorded(NamedTuple):
    data: bytes
    keyframe: bool


@dataclass(frozen=True, slots=True)
class LoopSpec:
    """What to record. ``noise`` is the share of the picture's rows (0 to 1) that changes wholly.

    Noise makes the encoder spend its bitrate, as a real camera does; without it
    a generated picture is far below.
    """

    picture: PictureSpec
    layers: tuple[Layer, ...] = DEFAULT_LAYERS
    fps: int = 15
    codec: str = "video/vp8"
    noise: float = 0.0


@lru_cache(maxsize=1024)
def record(spec: LoopSpec) -> dict[str, tuple[_Recorded, ...]]:
    """The encoded loop of each layer, by rid. Takes some milliseconds of CPU for each frame."""
    return {layer.rid: _record_layer(spec, layer) for layer in spec.layers}


def _record_layer(spec: LoopSpec, layer: Layer) -> tuple[_Recorded, ...]:
    painter = Painter(spec.picture, layer.width, layer.height)
    encoder = VideoEncoder(spec.codec, layer.width, layer.height, spec.fps, layer.bitrate)
    rng = random.Random(1)
    frames = []
    for number in range(LOOP_SECONDS * spec.fps):
        seconds = number / spec.fps
        planes = painter.paint(seconds * 8 / LOOP_SECONDS, f"{number:02d}")
        if spec.noise:
            planes = _noisy(planes, spec.noise, rng)
        data, keyframe = encoder.encode(planes, round(seconds * VIDEO_CLOCK), number % spec.fps == 0)
        frames.append(_Recorded(data, keyframe))
    return tuple(frames)


def _noisy(planes: Planes, share: float, rng: random.Random) -> Planes:
    luma = bytearray(planes.y)
    count = int(len(luma) * share / planes.width) * planes.width
    luma[:count] = bytes(value // 4 + 96 for value in rng.randbytes(count))
    return planes._replace(y=luma)


class LoopedCamera(Paced):
    """A camera that plays the loop of its :class:`LoopSpec`, each layer from a place of its own."""

    kind = Kind.VIDEO

    def __init__(self, spec: LoopSpec) -> None:
        super().__init__(1.0 / spec.fps)
        layers = spec.layers
        if len(layers) == 1:
            layers = (layers[0]._replace(rid=""),)
        self.codec = spec.codec
        self.layers: Sequence[Layer] = layers
        self._spec = LoopSpec(spec.picture, layers, spec.fps, spec.codec, spec.noise)
        self._loops: dict[str, tuple[_Recorded, ...]] | None = None
        self._places = dict.fromkeys((layer.rid for layer in layers), 0)
        self._enabled = frozenset(self._places)

    def request_keyframe(self, rid: str) -> None:
        """Go on at the loop's next keyframe."""
        if self._loops is None or rid not in self._loops:
            return
        loop = self._loops[rid]
        place = self._places[rid]
        for ahead in range(len(loop)):
            if loop[(place + ahead) % len(loop)].keyframe:
                self._places[rid] = (place + ahead) % len(loop)
                return

    def enable(self, rids: frozenset[str]) -> None:
        """Play only these layers; one that comes back begins with a keyframe."""
        for rid in rids - self._enabled:
            self.request_keyframe(rid)
        self._enabled = rids

    async def step(self, number: int, due: float) -> None:
        """Send the next recorded frame of each layer."""
        if self._loops is None:
            loop = asyncio.get_running_loop()
            self._loops = await loop.run_in_executor(render_pool(), record, self._spec)
        timestamp = round(due * VIDEO_CLOCK) & 0xFFFFFFFF
        for rid in self._enabled:
            recorded = self._loops[rid]
            place = self._places[rid]
            self._places[rid] = (place + 1) % len(recorded)
            frame = recorded[place]
            self.emit(EncodedFrame(rid, frame.data, timestamp, due, frame.keyframe))


@lru_cache(maxsize=128)
def record_tone(spec: ToneSpec, bitrate: int) -> tuple[tuple[bytes, int], ...]:
    """Packets and levels of one whole pattern of the tone, at least a second long."""
    tone = Tone(spec)
    encoder = OpusEncoder(bitrate)
    period = max(1, round(spec.sound * FRAMES_PER_SECOND) + round(spec.silence * FRAMES_PER_SECOND))
    length = FRAMES_PER_SECOND if spec.silence == 0 else period
    # Once around before it is kept, so that the encoder is past its start.
    for number in range(length):
        encoder.encode(tone.frame(number)[0])
    frames = [tone.frame(number) for number in range(length, 2 * length)]
    return tuple((encoder.encode(samples), level) for samples, level in frames)


class LoopedMicrophone(Paced):
    """A microphone that plays its recorded tone, with the silences of DTX."""

    kind = Kind.AUDIO
    codec = "audio/opus"
    layers: Sequence[Layer] = ()

    def __init__(self, spec: ToneSpec, *, bitrate: int = 24_000) -> None:
        super().__init__(FRAME_SAMPLES / AUDIO_RATE)
        self._spec = spec
        self._bitrate = bitrate
        self._loop: tuple[tuple[bytes, int], ...] = ()
        self._quiet = 0

    def request_keyframe(self, rid: str) -> None:
        """Sound has no keyframes."""

    def enable(self, rids: frozenset[str]) -> None:
        """Sound has no layers."""

    async def step(self, number: int, due: float) -> None:
        """Send the next recorded packet."""
        if not self._loop:
            loop = asyncio.get_running_loop()
            self._loop = await loop.run_in_executor(render_pool(), record_tone, self._spec, self._bitrate)
        data, level = self._loop[number % len(self._loop)]
        self._quiet = self._quiet + 1 if level == SILENCE else 0
        if self._quiet > TALK_TAIL and self._quiet % COMFORT_INTERVAL:
            return
        self.emit(EncodedFrame("", data, number * FRAME_SAMPLES & 0xFFFFFFFF, due, level=level))
