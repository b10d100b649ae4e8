"""Generated sound: a tone of one's own with silences, cut into frames of 20 ms. Pure."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Final

from signaling.client.encoders import AUDIO_RATE, FRAME_SAMPLES
from signaling.client.sources import SILENCE

FRAMES_PER_SECOND: Final = AUDIO_RATE // FRAME_SAMPLES
QUIET: Final = bytes(2 * FRAME_SAMPLES)


@dataclass(frozen=True, slots=True)
class ToneSpec:
    """``frequency`` in whole Hz; ``amplitude`` of full scale, 0 to 1.

    The tone sounds for ``sound`` seconds and is silent for ``silence`` seconds,
    beginning ``shift`` seconds into that pattern; no silence with 0.
    """

    frequency: int
    amplitude: float = 0.1
    sound: float = 3.0
    silence: float = 2.0
    shift: float = 0.0


def site_frequency(index: int) -> int:
    """The tone of site number ``index``: 60 Hz apart, from 320 to 2,660 Hz, then again."""
    return 320 + 60 * (index % 40)


def level_of(amplitude: float) -> int:
    """The level of a sine of this amplitude in -dBov, as RFC 6464 counts (127 is silence)."""
    if amplitude <= 0:
        return SILENCE
    return max(0, min(SILENCE - 1, round(-20 * math.log10(amplitude / math.sqrt(2)))))


class Tone:
    """Frames of the tone: ``frame(number)`` gives the samples of 20 ms and their level."""

    def __init__(self, spec: ToneSpec) -> None:
        self.spec = spec
        self.level = level_of(spec.amplitude)
        peak = spec.amplitude * 32_767
        step = 2 * math.pi * spec.frequency / AUDIO_RATE
        # A whole number of Hz repeats after a second, so this is the whole tone.
        wave = array("h", (round(peak * math.sin(step * n)) for n in range(AUDIO_RATE)))
        size = FRAME_SAMPLES
        self._frames = [wave[at : at + size].tobytes() for at in range(0, AUDIO_RATE, size)]
        self._wave = wave
        self._sounding = max(1, round(spec.sound * FRAMES_PER_SECOND))
        self._period = self._sounding + round(spec.silence * FRAMES_PER_SECOND)
        self._shift = round(spec.shift * FRAMES_PER_SECOND)

    def frame(self, number: int) -> tuple[bytes, int]:
        """Samples and level of frame ``number``; edges of silence are faded over one frame."""
        index = number % FRAMES_PER_SECOND
        if self._period == self._sounding:
            return self._frames[index], self.level
        place = (number + self._shift) % self._period
        if place >= self._sounding:
            return QUIET, SILENCE
        if place == 0:
            return self._faded(index, rising=True), self.level
        if place == self._sounding - 1:
            return self._faded(index, rising=False), self.level
        return self._frames[index], self.level

    def _faded(self, index: int, *, rising: bool) -> bytes:
        size = FRAME_SAMPLES
        part = self._wave[index * size : (index + 1) * size]
        return array(
            "h", (value * (n if rising else size - 1 - n) // size for n, value in enumerate(part))
        ).tobytes()
