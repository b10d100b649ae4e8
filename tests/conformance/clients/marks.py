"""A publisher's moving picture in its colour and its sine tone, as the native SDK's frames."""

from __future__ import annotations

import asyncio

import numpy as np
from livekit import rtc

from conformance.judges import Mark

WIDTH, HEIGHT, FPS = 320, 180, 10
RATE, CHUNK_MS = 48_000, 100
AMPLITUDE = 9_000


def yuv(red: int, green: int, blue: int) -> tuple[int, int, int]:
    """BT.601 limited-range components of an RGB colour (ITU-R BT.601-7, 2.5.3)."""
    y = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    u = 128 - 0.148 * red - 0.291 * green + 0.439 * blue
    v = 128 + 0.439 * red - 0.368 * green - 0.071 * blue
    return round(y), round(u), round(v)


def rgb(y: float, u: float, v: float) -> tuple[float, float, float]:
    """Inverse of `yuv`, clipped to 0..255."""
    luma, cb, cr = 1.164 * (y - 16), u - 128, v - 128
    values = (luma + 1.596 * cr, luma - 0.392 * cb - 0.813 * cr, luma + 2.017 * cb)
    return tuple(min(255.0, max(0.0, value)) for value in values)  # type: ignore[return-value]


class Camera:
    """A source of frames in one colour with a bar that moves along the lower edge.

    With `detail` a strip of the edge is noise, so that a frame takes some packets: LiveKit believes in an
    upper layer only while enough packets of it come (five in half a second).
    """

    def __init__(
        self, mark: Mark, width: int = WIDTH, height: int = HEIGHT, fps: float = FPS, detail: bool = False
    ) -> None:
        self.source = rtc.VideoSource(width, height)
        self.track = rtc.LocalVideoTrack.create_video_track(f"camera-{mark.name}", self.source)
        self._frames = [_picture(mark, width, height, step, detail) for step in range(20)]
        self._fps = fps
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        step = 0
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.source.capture_frame(self._frames[step % len(self._frames)])
            step += 1
            due = max(due + 1 / self._fps, loop.time())
            await asyncio.sleep(due - loop.time())

    async def aclose(self) -> None:
        """Stop producing frames."""
        await _cancel(self._task)
        await self.source.aclose()


class Microphone:
    """A source of the mark's tone; `loud` false sends digital silence."""

    def __init__(self, mark: Mark) -> None:
        self.source = rtc.AudioSource(RATE, 1, queue_size_ms=2 * CHUNK_MS)
        self.track = rtc.LocalAudioTrack.create_audio_track(f"microphone-{mark.name}", self.source)
        self.loud = True
        samples = RATE * CHUNK_MS // 1000
        wave = np.sin(2 * np.pi * mark.hertz * np.arange(samples) / RATE) * AMPLITUDE
        self._tone = rtc.AudioFrame(wave.astype(np.int16).tobytes(), RATE, 1, samples)
        self._silence = rtc.AudioFrame(bytes(2 * samples), RATE, 1, samples)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self.source.capture_frame(self._tone if self.loud else self._silence)

    async def aclose(self) -> None:
        """Stop producing sound."""
        await _cancel(self._task)
        await self.source.aclose()


def _picture(mark: Mark, width: int, height: int, step: int, detail: bool) -> rtc.VideoFrame:
    y, u, v = yuv(*mark.rgb)
    luma = np.full((height, width), y, np.uint8)
    if detail:
        noise = np.random.default_rng(step).integers(90, 160, (height // 12, width // 2), np.uint8)
        luma[-noise.shape[0] :, : noise.shape[1]] = noise
    bar = width // 20
    luma[height * 3 // 4 :, step * bar : (step + 1) * bar] = 235
    chroma_size = ((height + 1) // 2) * ((width + 1) // 2)
    data = luma.tobytes() + bytes([u]) * chroma_size + bytes([v]) * chroma_size
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, data)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
