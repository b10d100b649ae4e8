"""Generated cameras and microphones: encoded as they run, on the event loop's time.

Pictures are painted and encoded in threads that all sources of a process share;
sound is encoded in place, a tenth of a millisecond for each frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final

from media.clock import monotonic, wall
from media.ports import Kind
from signaling.client.encoders import AUDIO_RATE, FRAME_SAMPLES, VIDEO_CLOCK, OpusEncoder, VideoEncoder
from signaling.client.picture import Painter, PictureSpec, clock_text
from signaling.client.sources import SILENCE, EncodedFrame, Layer, Push
from signaling.client.tone import Tone, ToneSpec

DEFAULT_LAYERS: Final = (Layer("q", 320, 180, 120_000), Layer("h", 640, 360, 400_000))
"""Two layers: the small one for tiles, the larger one for the stage."""

COMFORT_INTERVAL: Final = 20
"""In silence one frame in this many is sent (400 ms), as Opus does with DTX."""
TALK_TAIL: Final = 10
"""Frames of silence still sent one by one after sound."""
MAX_LAG: Final = 0.25
"""A source that is further behind leaves frames out instead of sending them late."""


@lru_cache(maxsize=1)
def render_pool() -> ThreadPoolExecutor:
    """The threads that paint and encode for every camera of this process."""
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="render")


class Paced:
    """A source whose ``step(number, due)`` is called at even steps of the monotonic clock.

    ``number`` counts steps of ``interval`` seconds since the clock's origin, so
    that all sources of a process share their instants; ``due`` is the step's
    instant. A step that is over :data:`MAX_LAG` late is left out.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._task: asyncio.Task[None] | None = None
        self._push: Push | None = None
        self.late = 0
        """Steps left out because the process was too busy."""

    def start(self, push: Push) -> None:
        """Begin to push."""
        self._push = push
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; after this nothing more is pushed."""
        task, self._task = self._task, None
        self._push = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        number = int(monotonic() / self._interval) + 1
        while True:
            now = monotonic()
            due = number * self._interval
            if due > now:
                await asyncio.sleep(due - now)
            elif now - due > MAX_LAG:
                skipped = int((now - due) / self._interval)
                self.late += skipped
                number += skipped
                due = number * self._interval
            await self.step(number, due)
            number += 1

    async def step(self, number: int, due: float) -> None:
        """One step: make what is due and give it to ``emit``."""
        raise NotImplementedError

    def emit(self, frame: EncodedFrame) -> None:
        """Push a frame, unless the source was stopped meanwhile."""
        if self._push is not None:
            self._push(frame)


class SyntheticCamera(Paced):
    """A camera that shows a :class:`PictureSpec`, VP8 by default, with simulcast for more than one layer."""

    kind = Kind.VIDEO

    def __init__(
        self,
        spec: PictureSpec,
        *,
        layers: Sequence[Layer] = DEFAULT_LAYERS,
        fps: float = 15.0,
        codec: str = "video/vp8",
    ) -> None:
        super().__init__(1.0 / fps)
        self.codec = codec
        self.layers = tuple(layers) if len(layers) != 1 else (layers[0]._replace(rid=""),)
        self._fps = fps
        self._spec = spec
        self._painters: dict[str, Painter] = {}
        self._encoders: dict[str, VideoEncoder] = {}
        self._enabled = frozenset(layer.rid for layer in self.layers)
        self._wanted = set(self._enabled)

    def request_keyframe(self, rid: str) -> None:
        """The next frame of this layer is a keyframe."""
        self._wanted.add(rid)

    def enable(self, rids: frozenset[str]) -> None:
        """Encode only these layers; one that comes back begins with a keyframe."""
        self._wanted |= rids - self._enabled
        self._enabled = rids

    def _paint(self, layer: Layer, due: float) -> Painter:
        painter = self._painters.get(layer.rid)
        if painter is None:
            painter = self._painters[layer.rid] = Painter(self._spec, layer.width, layer.height)
        return painter

    def _render(self, due: float, enabled: frozenset[str], keyframes: frozenset[str]) -> list[EncodedFrame]:
        frames = []
        pts = round(due * VIDEO_CLOCK)
        text = clock_text(wall() - (monotonic() - due))
        for layer in self.layers:
            if layer.rid not in enabled:
                continue
            encoder = self._encoders.get(layer.rid)
            if encoder is None:
                encoder = VideoEncoder(self.codec, layer.width, layer.height, self._fps, layer.bitrate)
                self._encoders[layer.rid] = encoder
            planes = self._paint(layer, due).paint(due, text)
            data, keyframe = encoder.encode(planes, pts, layer.rid in keyframes)
            if data:
                frames.append(EncodedFrame(layer.rid, data, pts & 0xFFFFFFFF, due, keyframe))
        return frames

    async def step(self, number: int, due: float) -> None:
        enabled = self._enabled
        if not enabled:
            return
        keyframes = frozenset(self._wanted & enabled)
        self._wanted -= keyframes
        loop = asyncio.get_running_loop()
        for frame in await loop.run_in_executor(render_pool(), self._render, due, enabled, keyframes):
            self.emit(frame)


class SyntheticMicrophone(Paced):
    """A microphone with a :class:`ToneSpec` in Opus; in its silences it sends as little as DTX does."""

    kind = Kind.AUDIO
    codec = "audio/opus"
    layers: Sequence[Layer] = ()

    def __init__(self, spec: ToneSpec, *, bitrate: int = 24_000, dtx: bool = True) -> None:
        super().__init__(FRAME_SAMPLES / AUDIO_RATE)
        self._tone = Tone(spec)
        self._bitrate = bitrate
        self._dtx = dtx
        self._encoder: OpusEncoder | None = None
        self._quiet = 0

    def request_keyframe(self, rid: str) -> None:
        """Sound has no keyframes."""

    def enable(self, rids: frozenset[str]) -> None:
        """Sound has no layers."""

    async def step(self, number: int, due: float) -> None:
        samples, level = self._tone.frame(number)
        self._quiet = self._quiet + 1 if level == SILENCE else 0
        if self._dtx and self._quiet > TALK_TAIL and self._quiet % COMFORT_INTERVAL:
            return
        if self._encoder is None:
            self._encoder = OpusEncoder(self._bitrate)
        data = self._encoder.encode(samples)
        timestamp = number * FRAME_SAMPLES & 0xFFFFFFFF
        if data:
            self.emit(EncodedFrame("", data, timestamp, due, level=level))
