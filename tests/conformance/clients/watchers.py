"""What one receiver saw and heard of one remote track: every frame is judged, so a mix-up cannot hide."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import numpy as np
import numpy.typing as npt
from livekit import rtc

from conformance.clients.marks import rgb
from conformance.judges import SILENCE_RMS, colour_of, judge_tone, rms

LISTEN_RATE = 16_000
WINDOW_CHUNKS = 3
FRESH = 1.0
"""Seconds after which the newest frame or chunk no longer tells what is seen or heard now."""
CHUNK_MS = 100


class Picture:
    """Frames of a remote video track: how many, how large, of whose colour."""

    def __init__(self, track: rtc.RemoteVideoTrack) -> None:
        self.frames = 0
        self.width = 0
        self.height = 0
        self.colours: Counter[str | None] = Counter()
        self.last: str | None = None
        self.last_at = 0.0
        self._stream = rtc.VideoStream(track, capacity=4, format=rtc.VideoBufferType.I420)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        async for event in self._stream:
            frame = event.frame
            self.frames += 1
            self.width, self.height = frame.width, frame.height
            self.last = colour_of(*_mean_rgb(frame))
            self.colours[self.last] += 1
            self.last_at = time.monotonic()

    def sees(self, name: str) -> bool:
        """True while the newest frame is fresh and has this mark's colour."""
        return self.last == name and time.monotonic() - self.last_at < FRESH

    def forget(self) -> None:
        """Start counting anew."""
        self.frames = 0
        self.last = None
        self.colours.clear()

    async def aclose(self) -> None:
        """Stop receiving."""
        await self._stream.aclose()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Sound:
    """Samples of a remote audio track: a sliding window, and the tone of each window that had one."""

    def __init__(self, track: rtc.RemoteAudioTrack) -> None:
        self.chunks = 0
        self.tones: Counter[str | None] = Counter()
        self.last: str | None = None
        self.level = 0.0
        self.last_at = time.monotonic()
        self._window: list[npt.NDArray[np.int16]] = []
        self._stream = rtc.AudioStream(
            track, sample_rate=LISTEN_RATE, num_channels=1, frame_size_ms=CHUNK_MS, capacity=4
        )
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        async for event in self._stream:
            samples = np.frombuffer(event.frame.data, dtype=np.int16)
            self.chunks += 1
            self.level = rms(samples)
            self.last_at = time.monotonic()
            self._window = [*self._window, samples][-WINDOW_CHUNKS:]
            if len(self._window) == WINDOW_CHUNKS:
                self.last = judge_tone(np.concatenate(self._window), LISTEN_RATE)
                self.tones[self.last] += 1

    def hears(self, name: str) -> bool:
        """True while the newest window is fresh and holds this mark's tone alone."""
        return self.last == name and time.monotonic() - self.last_at < FRESH

    def silent(self) -> bool:
        """True while the newest chunk holds no sound, or none has come for a while (an ended stream)."""
        return self.level < SILENCE_RMS or time.monotonic() - self.last_at > FRESH

    def forget(self) -> None:
        """Start counting anew."""
        self.chunks = 0
        self.last = None
        self._window = []
        self.tones.clear()

    async def aclose(self) -> None:
        """Stop receiving."""
        await self._stream.aclose()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _mean_rgb(frame: rtc.VideoFrame) -> tuple[float, float, float]:
    width, height = frame.width, frame.height
    data = np.frombuffer(frame.data, dtype=np.uint8)
    half_width, half_height = (width + 1) // 2, (height + 1) // 2
    chroma = half_width * half_height
    planes = (
        data[: width * height].reshape(height, width),
        data[width * height : width * height + chroma].reshape(half_height, half_width),
        data[width * height + chroma : width * height + 2 * chroma].reshape(half_height, half_width),
    )
    y, u, v = (
        float(
            plane[
                plane.shape[0] // 4 : plane.shape[0] // 2, plane.shape[1] // 4 : -plane.shape[1] // 4
            ].mean()
        )
        for plane in planes
    )
    return rgb(y, u, v)
