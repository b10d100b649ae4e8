"""Letters as bitmaps: the stroke font drawn with a round pen, and text laid on a plane of luma. Pure.

Bitmaps are kept, so that a city's 579 sites share one set.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from signaling.client.strokes import Point, strokes_of

ASCENT = 16.5
"""Units above the baseline that a bitmap holds: a capital with two marks."""
DESCENT = 4.0
_PEN = 0.62
"""Half of the pen's width, in units."""
_GAP = 2.0
"""Space after a letter, in units."""


@dataclass(frozen=True, slots=True)
class Bitmap:
    """Coverage 0 to 255 row by row; ``left`` pixels lie before the pen's place; ``advance`` to the next."""

    width: int
    left: int
    advance: float
    rows: tuple[bytes, ...]


def _covered(px: float, py: float, a: Point, b: Point) -> float:
    """Distance of a point from a segment."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    t = 0.0 if length == 0 else max(0.0, min(1.0, ((px - a[0]) * dx + (py - a[1]) * dy) / length))
    return math.hypot(px - a[0] - t * dx, py - a[1] - t * dy)


@lru_cache(maxsize=2048)
def bitmap(character: str, unit: float) -> Bitmap:
    """The bitmap of a character, ``unit`` pixels for each unit of the font."""
    width, strokes = strokes_of(character)
    margin = math.ceil(1.6 * unit)
    columns = math.ceil((width + 1.4) * unit) + 2 * margin
    rows = math.ceil((ASCENT + DESCENT) * unit)
    radius = max(0.6, _PEN * unit)
    field = [bytearray(columns) for _ in range(rows)]
    for stroke in strokes:
        points = [(x * unit + margin, (ASCENT - y) * unit) for x, y in stroke]
        for a, b in pairwise(points):
            first_row = max(0, int(min(a[1], b[1]) - radius - 1))
            last_row = min(rows, int(max(a[1], b[1]) + radius + 2))
            first = max(0, int(min(a[0], b[0]) - radius - 1))
            last = min(columns, int(max(a[0], b[0]) + radius + 2))
            for row in range(first_row, last_row):
                line = field[row]
                for column in range(first, last):
                    edge = radius + 0.5 - _covered(column + 0.5, row + 0.5, a, b)
                    if edge > 0:
                        line[column] = max(line[column], min(255, int(edge * 255)))
    return Bitmap(columns, margin, (width + _GAP) * unit, tuple(bytes(line) for line in field))


def text_width(text: str, unit: float) -> float:
    """Width of a line in pixels."""
    return sum(bitmap(character, unit).advance for character in unicodedata.normalize("NFC", text))


def fitting_unit(text: str, width: float, largest: float) -> float:
    """The largest unit up to ``largest`` with which the text is at most ``width`` pixels wide."""
    wide = sum(strokes_of(character)[0] + _GAP for character in unicodedata.normalize("NFC", text))
    return min(largest, width / wide) if wide else largest


def draw(
    plane: bytearray, stride: int, text: str, x: float, baseline: float, unit: float, shades: bytes
) -> None:
    """Lay a line of text on a plane. ``shades`` maps coverage (0 to 255) to luma; 0 leaves the plane alone.

    What lies outside the plane is cut off.
    """
    height = len(plane) // stride
    top = round(baseline - ASCENT * unit)
    for character in unicodedata.normalize("NFC", text):
        glyph = bitmap(character, unit)
        left = round(x) - glyph.left
        for number, row in enumerate(glyph.rows):
            line = top + number
            if not 0 <= line < height or not any(row):
                continue
            base = line * stride
            for offset, value in enumerate(row):
                if value and 0 <= left + offset < stride:
                    plane[base + left + offset] = shades[value]
        x += glyph.advance
