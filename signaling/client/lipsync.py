"""Flash and beep: a white picture and a 1 kHz tone that begin in the same instant, once a second.

Camera and microphone take their instants from one clock and say so in their
sender reports, so a receiver that goes by those must put them together again.
Opus itself delays the beep by its look-ahead of 6.5 ms.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Final

from media.ports import Kind
from signaling.client.encoders import (
    AUDIO_RATE,
    FRAME_SAMPLES,
    VIDEO_CLOCK,
    OpusEncoder,
    Planes,
    VideoEncoder,
)
from signaling.client.sources import SILENCE, EncodedFrame, Layer
from signaling.client.synthetic import Paced
from signaling.client.tone import level_of

PERIOD: Final = 1.0
"""Seconds from one flash to the next; flashes are at whole multiples on the monotonic clock."""
LENGTH: Final = 0.1
"""Seconds that flash and beep last."""
BEEP: Final = 1000
_AMPLITUDE: Final = 0.5


def sounding(instant: float) -> bool:
    """Whether flash and beep are on at this instant of the monotonic clock."""
    # A hair before the instant counts as it: frames are at multiples, computed in floats.
    return (instant + 1e-6) % PERIOD < LENGTH


class FlashCamera(Paced):
    """White while the beep sounds, black otherwise. Flashes begin with a frame: ``fps`` divides evenly."""

    kind = Kind.VIDEO
    codec = "video/vp8"

    def __init__(self, *, width: int = 320, height: int = 180, fps: int = 30) -> None:
        super().__init__(1.0 / fps)
        self.layers: Sequence[Layer] = (Layer("", width, height, 200_000),)
        self._encoder = VideoEncoder(self.codec, width, height, fps, 200_000)
        grey = bytes([128]) * (width // 2 * (height // 2))
        self._white = Planes(width, height, bytes([235]) * (width * height), grey, grey)
        self._black = Planes(width, height, bytes([16]) * (width * height), grey, grey)
        self._keyframe = True

    def request_keyframe(self, rid: str) -> None:
        """The next frame is a keyframe."""
        self._keyframe = True

    def enable(self, rids: frozenset[str]) -> None:
        """One layer only."""

    async def step(self, number: int, due: float) -> None:
        """Send the picture of this instant."""
        pts = round(due * VIDEO_CLOCK)
        planes = self._white if sounding(due) else self._black
        data, keyframe = self._encoder.encode(planes, pts, self._keyframe)
        self._keyframe = False
        self.emit(EncodedFrame("", data, pts & 0xFFFFFFFF, due, keyframe))


class BeepMicrophone(Paced):
    """1 kHz while the flash is on, silence otherwise."""

    kind = Kind.AUDIO
    codec = "audio/opus"
    layers: Sequence[Layer] = ()

    def __init__(self) -> None:
        super().__init__(FRAME_SAMPLES / AUDIO_RATE)
        self._encoder = OpusEncoder(48_000)
        step = 2 * math.pi * BEEP / AUDIO_RATE
        # 20 ms are 20 whole periods of 1 kHz, so one frame repeats without a click.
        self._beep = array(
            "h", (round(_AMPLITUDE * 32_767 * math.sin(step * n)) for n in range(FRAME_SAMPLES))
        ).tobytes()
        self._quiet = bytes(2 * FRAME_SAMPLES)

    def request_keyframe(self, rid: str) -> None:
        """Sound has no keyframes."""

    def enable(self, rids: frozenset[str]) -> None:
        """Sound has no layers."""

    async def step(self, number: int, due: float) -> None:
        """Send the sound of this instant."""
        on = sounding(due)
        data = self._encoder.encode(self._beep if on else self._quiet)
        level = level_of(_AMPLITUDE) if on else SILENCE
        self.emit(EncodedFrame("", data, number * FRAME_SAMPLES & 0xFFFFFFFF, due, level=level))
