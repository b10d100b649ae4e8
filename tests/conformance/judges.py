"""Whose media is this? Each publisher has a colour and a tone; the receiver names them from what it decoded.

Colours are judged by the pixels of the frame's middle, tones by a spectrum. A judge answers `None` where
nothing clear is seen or heard, never the nearest guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Mark:
    """What one publisher shows and sounds like: RGB 0..255 and a sine in hertz."""

    name: str
    rgb: tuple[int, int, int]
    hertz: int


MARKS: tuple[Mark, ...] = (
    Mark("red", (210, 30, 30), 500),
    Mark("green", (30, 170, 40), 700),
    Mark("blue", (30, 50, 210), 1100),
    Mark("yellow", (220, 210, 30), 1300),
    Mark("magenta", (200, 40, 200), 1700),
    Mark("cyan", (30, 200, 210), 1900),
)
"""Far apart in every colour channel, and no tone is a harmonic of another."""

BY_NAME = {mark.name: mark for mark in MARKS}

SILENCE_RMS = 60.0
"""16-bit RMS below which nothing is heard; Opus comfort noise of a silent source stays under 10."""


def colour_of(red: float, green: float, blue: float) -> str | None:
    """Name of the mark nearest to an average pixel, or None if none is near (black, grey, a mixture)."""
    distances = sorted(
        (sum((a - b) ** 2 for a, b in zip(mark.rgb, (red, green, blue), strict=True)) ** 0.5, mark.name)
        for mark in MARKS
    )
    near, far = distances[0], distances[1]
    return near[1] if near[0] < 60 and near[0] * 2 < far[0] else None


def judge_frame(rgba: npt.NDArray[np.uint8]) -> str | None:
    """Colour of a frame given as height × width × 4; the moving bar along the lower edge is left out."""
    height, width = rgba.shape[:2]
    middle = rgba[height // 4 : height // 2, width // 4 : width * 3 // 4, :3]
    red, green, blue = (float(value) for value in middle.reshape(-1, 3).mean(axis=0))
    return colour_of(red, green, blue)


def rms(samples: npt.NDArray[np.int16]) -> float:
    """Root mean square of 16-bit samples."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if samples.size else 0.0


def judge_tone(samples: npt.NDArray[np.int16], rate: int) -> str | None:
    """Name of the one tone in a mono signal; None if silent, too short, or not clearly a single mark's."""
    if samples.size < rate // 5 or rms(samples) < SILENCE_RMS:
        return None
    windowed = samples.astype(np.float64) * np.hanning(samples.size)
    power = np.abs(np.fft.rfft(windowed)) ** 2
    frequencies = np.fft.rfftfreq(samples.size, 1 / rate)
    total = float(power[frequencies > 80].sum())
    shares = {mark.name: float(power[np.abs(frequencies - mark.hertz) < 40].sum()) / total for mark in MARKS}
    name = max(shares, key=lambda key: shares[key])
    others = sum(share for key, share in shares.items() if key != name)
    return name if shares[name] > 0.6 and others < 0.1 else None
