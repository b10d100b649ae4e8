"""Generated pictures: a colour of one's own, a name, a running clock, something that moves. Pure.

What stands still is painted once; each frame copies it and lays the clock and
the moving square on it, some dozens of row slices.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

from signaling.client.encoders import Planes
from signaling.client.lettering import ASCENT, DESCENT, bitmap, draw, fitting_unit, text_width

Rgb = tuple[int, int, int]

_GOLDEN = 0.618033988749895


def site_colour(index: int) -> Rgb:
    """The background of site number ``index``: hues as far apart as they can be, in three depths."""
    hue = (0.02 + index * _GOLDEN) % 1.0
    value = (0.62, 0.46, 0.74)[index // 12 % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.72, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def to_yuv(colour: Rgb) -> tuple[int, int, int]:
    """Limited-range BT.601, as VP8 and browsers take it."""
    red, green, blue = colour
    y = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    u = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    v = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    return round(y), round(u), round(v)


@dataclass(frozen=True, slots=True)
class PictureSpec:
    """What to paint. ``lines`` are the large text, the first one largest."""

    colour: Rgb
    lines: tuple[str, ...] = ()
    clock: bool = True
    moving: bool = True


class Painter:
    """Frames of one picture in one size: ``paint(seconds, wall)``.

    ``seconds`` moves the square, ``clock_text`` is what the clock shows.
    """

    def __init__(self, spec: PictureSpec, width: int, height: int) -> None:
        self.spec = spec
        self.width = width
        self.height = height
        luma, u, v = to_yuv(spec.colour)
        # Text is the same hue, lighter: chroma stays one colour over the whole picture.
        bright = min(235, luma + 110) if luma < 125 else max(16, luma - 90)
        self._bright = bright
        self._shades = bytes(luma + (bright - luma) * cover // 255 for cover in range(256))
        self._u = bytes([u]) * (width // 2 * (height // 2))
        self._v = bytes([v]) * (width // 2 * (height // 2))
        base = bytearray([luma]) * (width * height)
        self._paint_lines(base)
        self._base = bytes(base)
        self._clock_unit = height / 70
        self._clock_rows: dict[str, tuple[bytes, ...]] = {}
        self._square = max(4, height // 12)
        self._square_row = bytes([bright]) * self._square

    def _paint_lines(self, plane: bytearray) -> None:
        baseline = self.height * 0.30
        for number, line in enumerate(self.spec.lines):
            unit = fitting_unit(line, self.width * 0.9, self.height / (110 if number == 0 else 190))
            left = (self.width - text_width(line, unit)) / 2
            draw(plane, self.width, line, left, baseline, unit, self._shades)
            baseline += self.height * 0.16

    def paint(self, seconds: float, clock_text: str) -> Planes:
        """The picture ``seconds`` after the start."""
        plane = bytearray(self._base)
        if self.spec.clock:
            self._paint_clock(plane, clock_text)
        if self.spec.moving:
            self._paint_square(plane, seconds)
        return Planes(self.width, self.height, plane, self._u, self._v)

    def _paint_square(self, plane: bytearray, seconds: float) -> None:
        size, row = self._square, self._square_row
        span = self.width - size
        # There and back along the lower edge in eight seconds.
        phase = seconds % 8.0 / 4.0
        x = round(span * (phase if phase <= 1 else 2 - phase))
        top = self.height - size - max(2, self.height // 24)
        for y in range(top, top + size):
            start = y * self.width + x
            plane[start : start + size] = row

    def _paint_clock(self, plane: bytearray, text: str) -> None:
        unit = self._clock_unit
        cell = round(8.4 * unit)
        x = (self.width - cell * len(text)) // 2
        top = round(self.height * 0.78 - ASCENT * unit)
        for character in text:
            for number, row in enumerate(self._clock_cell(character, cell)):
                start = (top + number) * self.width + x
                plane[start : start + cell] = row
            x += cell

    def _clock_cell(self, character: str, cell: int) -> tuple[bytes, ...]:
        """A digit in the middle of a cell of fixed width, in the shades of this picture."""
        rows = self._clock_rows.get(character)
        if rows is None:
            glyph = bitmap(character, self._clock_unit)
            ink = bytearray(cell * len(glyph.rows))
            left = (cell - (glyph.width - 2 * glyph.left)) // 2 - glyph.left
            for number, row in enumerate(glyph.rows):
                for offset, cover in enumerate(row):
                    if cover and 0 <= left + offset < cell:
                        ink[number * cell + left + offset] = cover
            shaded = bytes(ink).translate(self._shades)
            rows = tuple(shaded[at : at + cell] for at in range(0, len(shaded), cell))
            self._clock_rows[character] = rows
        return rows


def clock_text(wall: float) -> str:
    """Hours, minutes and seconds of a city seven hours east of Greenwich (Hanoi has no summer time)."""
    day = int(wall + 7 * 3600) % 86_400
    return f"{day // 3600:02d}:{day // 60 % 60:02d}:{day % 60:02d}"


__all__ = ["ASCENT", "DESCENT", "Painter", "PictureSpec", "clock_text", "site_colour", "to_yuv"]
