"""What a receiver saw and heard, told from decoded pictures and samples: colour, tone, gaps, instants."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import av
import numpy as np
import numpy.typing as npt

Rgb = tuple[int, int, int]


def dominant_colour(frame: av.VideoFrame) -> Rgb:
    """The colour of most of the picture: the median of each channel, whatever text and movement do."""
    pixels = frame.to_ndarray(format="rgb24").reshape(-1, 3)
    red, green, blue = (int(value) for value in np.median(pixels, axis=0))
    return red, green, blue


def nearest_colour(colour: Rgb, candidates: Sequence[Rgb], *, within: float = 40.0) -> int | None:
    """Index of the nearest candidate; None when none is near or two are nearly as near."""
    distances = [float(np.linalg.norm(np.subtract(colour, other))) for other in candidates]
    order = np.argsort(distances)
    best = int(order[0])
    if distances[best] > within:
        return None
    if len(order) > 1 and distances[int(order[1])] < 1.5 * distances[best] + 5:
        return None
    return best


def as_samples(sound: bytes) -> npt.NDArray[np.int16]:
    """16-bit samples in the machine's order as an array."""
    return np.frombuffer(sound, dtype=np.int16)


def rms(sound: bytes) -> float:
    """Root mean square of 16-bit samples; 0 for none."""
    samples = as_samples(sound).astype(np.float64)
    return float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0


def dominant_frequency(sound: bytes, rate: int = 48_000) -> tuple[float, float]:
    """The strongest frequency in Hz and its share of all power (0 to 1); (0, 0) for silence."""
    samples = as_samples(sound).astype(np.float64)
    if samples.size < rate // 20 or rms(sound) < 20:
        return 0.0, 0.0
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))) ** 2
    frequencies = np.fft.rfftfreq(samples.size, 1 / rate)
    power[frequencies < 80] = 0
    peak = float(frequencies[int(np.argmax(power))])
    near = np.abs(frequencies - peak) < 25
    return peak, float(power[near].sum() / power.sum())


def longest_gap(instants: Sequence[float]) -> float:
    """The longest time between two neighbours; 0 for fewer than two."""
    return max((later - earlier for earlier, later in itertools.pairwise(instants)), default=0.0)


def brightness(frame: av.VideoFrame) -> float:
    """Mean luma of a picture, 16 (black) to 235 (white)."""
    return float(frame.to_ndarray(format="gray").mean())


def onsets(values: Sequence[tuple[float, float]], threshold: float) -> list[float]:
    """The instants at which a value rises over the threshold; ``values`` are (instant, value) in order."""
    found = []
    below = True
    for instant, value in values:
        if value > threshold and below:
            found.append(instant)
        below = value <= threshold
    return found


def offsets(first: Sequence[float], second: Sequence[float], *, within: float = 0.5) -> list[float]:
    """For each instant of ``first``, how much later the nearest one of ``second`` is, in seconds."""
    pairs = ((instant, min(second, key=lambda other: abs(other - instant))) for instant in first if second)
    return [other - instant for instant, other in pairs if abs(other - instant) < within]
