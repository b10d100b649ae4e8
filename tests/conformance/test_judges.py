"""The judges themselves: right on each mark, and silent on what is nobody's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from conformance.clients.marks import rgb, yuv
from conformance.judges import MARKS, Mark, colour_of, judge_tone

RATE = 16_000


def sine(*tones: int, amplitude: float = 9_000, seconds: float = 0.3) -> npt.NDArray[np.int16]:
    """A sum of sines as 16-bit samples."""
    time = np.arange(int(RATE * seconds)) / RATE
    total: npt.NDArray[np.float64] = np.zeros(time.size)
    for tone in tones:
        total += np.sin(2 * np.pi * tone * time) * amplitude / len(tones)
    return total.astype(np.int16)


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.name)
def test_each_mark_is_named(mark: Mark) -> None:
    assert colour_of(*mark.rgb) == mark.name
    assert colour_of(*rgb(*yuv(*mark.rgb))) == mark.name
    assert judge_tone(sine(mark.hertz), RATE) == mark.name
    noise = np.random.default_rng(1).normal(0, 300, int(RATE * 0.3)).astype(np.int16)
    assert judge_tone(sine(mark.hertz) + noise, RATE) == mark.name


@pytest.mark.parametrize(
    "pixel", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (120, 100, 35), (115, 40, 120), (30, 110, 125)]
)
def test_nobodys_colour(pixel: tuple[int, int, int]) -> None:
    """Black, white, grey, and halves of two marks."""
    assert colour_of(*pixel) is None


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(4800, np.int16),
        sine(500, amplitude=40),
        sine(500, seconds=0.05),
        sine(500, 700),
        sine(500, 1900),
        sine(900),
        np.random.default_rng(2).normal(0, 3_000, 4800).astype(np.int16),
    ],
    ids=["silence", "too soft", "too short", "two", "two far apart", "nobody's", "noise"],
)
def test_nobodys_sound(samples: npt.NDArray[np.int16]) -> None:
    assert judge_tone(samples, RATE) is None
