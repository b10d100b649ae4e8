"""A stroke font of our own for generated pictures: Latin letters, digits, Vietnamese marks. Pure.

Glyphs are pen strokes on a grid where capitals are 10 units high, small letters
7, and the baseline is 0. Accented letters are composed from their canonical
decomposition (NFD), so every Vietnamese letter is there without a table of 134.
A generated picture thus needs no font file.
"""

from __future__ import annotations

import math
import unicodedata
from typing import Final

Point = tuple[float, float]
Stroke = tuple[Point, ...]

CAPITAL: Final = 10.0
SMALL: Final = 7.0

_RING = "a 2.9 3.5 2.9 3.5 0 360"
_CAPITAL_P = "0 0 0 10 3.6 10; a 3.6 7.2 2.8 2.8 90 -90; 3.6 4.4 0 4.4"
_CAPITAL_O = "a 4.7 5 4.7 5 0 360"
_CAPITAL_D = "3 10 0 10 0 0 3 0; a 3 5 4.5 5 90 -90"

GLYPHS: Final[dict[str, tuple[float, str]]] = {
    "A": (8, "0 0 4 10 8 0; 1.4 3.5 6.6 3.5"),
    "B": (6.4, "3.6 10 0 10 0 0 3.7 0; 0 5.2 3.7 5.2; a 3.6 7.6 2.4 2.4 90 -90; a 3.7 2.6 2.6 2.6 90 -90"),
    "C": (8, "a 4.6 5 4.6 5 48 312"),
    "D": (7.5, _CAPITAL_D),
    "E": (6, "6 10 0 10 0 0 6 0; 0 5.2 5.2 5.2"),
    "F": (6, "6 10 0 10 0 0; 0 5.2 5.2 5.2"),
    "G": (8.8, "a 4.6 5 4.6 5 48 356; 5.2 4.7 9.1 4.7"),
    "H": (7.5, "0 0 0 10; 7.5 0 7.5 10; 0 5.2 7.5 5.2"),
    "I": (0.4, "0 0 0 10"),
    "J": (4.6, "4.6 10 4.6 2.6; a 2.3 2.6 2.3 2.6 0 -180"),
    "K": (7, "0 0 0 10; 7 10 0 3.8; 2.6 6.1 7 0"),
    "L": (5.5, "0 10 0 0 5.5 0"),
    "M": (9, "0 0 0 10 4.5 2.5 9 10 9 0"),
    "N": (7.5, "0 0 0 10 7.5 0 7.5 10"),
    "O": (9.4, _CAPITAL_O),
    "P": (6.5, _CAPITAL_P),
    "Q": (9.4, _CAPITAL_O + "; 6 2.4 9.2 -0.8"),
    "R": (6.8, _CAPITAL_P + "; 3.4 4.4 6.8 0"),
    "S": (6.6, "a 3.3 7.5 3 2.5 40 270; a 3.3 2.5 3.2 2.5 90 -140"),
    "T": (7.5, "0 10 7.5 10; 3.75 10 3.75 0"),
    "U": (7.4, "0 10 0 3.7; a 3.7 3.7 3.7 3.7 180 360; 7.4 3.7 7.4 10"),
    "V": (8, "0 10 4 0 8 10"),
    "W": (11.5, "0 10 2.9 0 5.75 9 8.6 0 11.5 10"),
    "X": (7.5, "0 0 7.5 10; 0 10 7.5 0"),
    "Y": (7.6, "0 10 3.8 4.8 7.6 10; 3.8 4.8 3.8 0"),
    "Z": (7, "0 10 7 10 0 0 7 0"),
    "a": (5.8, _RING + "; 5.8 7 5.8 0"),
    "b": (5.8, "0 10 0 0; " + _RING),
    "c": (5.4, "a 3 3.5 3 3.5 48 312"),
    "d": (5.8, _RING + "; 5.8 10 5.8 0"),
    "e": (6, "a 3 3.5 3 3.5 0 312; 0 3.5 6 3.5"),
    "f": (3.4, "a 3.4 8 1.9 2 90 180; 1.5 8 1.5 0; 0 7 3.4 7"),
    "g": (5.8, _RING + "; 5.8 7 5.8 -0.6; a 2.9 -0.6 2.9 2.4 0 -150"),
    "h": (5.4, "0 10 0 0; a 2.7 4.3 2.7 2.7 180 0; 5.4 4.3 5.4 0"),
    "i": (0.4, "0 7 0 0"),
    "j": (2, "2 7 2 -1; a 0.4 -1 1.6 2 0 -90"),
    "k": (5.2, "0 10 0 0; 5 7 0 2.6; 1.8 4.2 5.2 0"),
    "l": (0.4, "0 10 0 0"),
    "m": (9, "0 7 0 0; a 2.25 4.75 2.25 2.25 180 0; 4.5 4.75 4.5 0; a 6.75 4.75 2.25 2.25 180 0; 9 4.75 9 0"),
    "n": (5.4, "0 7 0 0; a 2.7 4.3 2.7 2.7 180 0; 5.4 4.3 5.4 0"),
    "o": (6.2, "a 3.1 3.5 3.1 3.5 0 360"),
    "p": (5.8, "0 7 0 -3; " + _RING),
    "q": (5.8, _RING + "; 5.8 7 5.8 -3"),
    "r": (3.4, "0 7 0 0; a 2.6 4.4 2.6 2.6 180 75"),
    "s": (4.8, "a 2.4 5.2 2.1 1.8 40 270; a 2.4 1.7 2.3 1.7 90 -140"),
    "t": (3.6, "1.5 9.2 1.5 1.8; a 3.3 1.8 1.8 1.8 180 270; 0 7 3.6 7"),
    "u": (5.4, "0 7 0 2.7; a 2.7 2.7 2.7 2.7 180 360; 5.4 7 5.4 0"),
    "v": (6, "0 7 3 0 6 7"),
    "w": (9, "0 7 2.25 0 4.5 6 6.75 0 9 7"),
    "x": (5.6, "0 7 5.6 0; 0 0 5.6 7"),
    "y": (6, "0 7 3 0; 6 7 3 0 1.7 -3"),
    "z": (5.2, "0 7 5.2 7 0 0 5.2 0"),
    "đ": (5.8, _RING + "; 5.8 10 5.8 0; 3.2 8.6 7.4 8.6"),
    "Đ": (7.5, _CAPITAL_D + "; -1.2 5.2 3.2 5.2"),
    "0": (6.2, "a 3.1 5 3.1 5 0 360"),
    "1": (6.2, "1 8 3.6 10 3.6 0"),
    "2": (6.2, "a 3.1 7 3 3 160 -35; 5.56 5.28 0 0 6.2 0"),
    "3": (6.2, "a 3 7.5 2.7 2.5 150 -90; a 3 2.6 3.1 2.6 90 -150"),
    "4": (6.2, "4.8 0 4.8 10 0 3 6.4 3"),
    "5": (6.2, "5.6 10 1 10 0.6 5.4; a 2.9 3.2 3.2 3.2 135 -150"),
    "6": (6.2, "a 3.1 3.1 3.1 3.1 0 360; 4.8 10 1.2 5.6 0.2 4"),
    "7": (6.2, "0 10 6.2 10 2 0"),
    "8": (6.2, "a 3.1 7.6 2.6 2.4 0 360; a 3.1 2.6 3.1 2.6 0 360"),
    "9": (6.2, "a 3.1 6.9 3.1 3.1 0 360; 6 6 5 4.4 1.4 0"),
    " ": (3, ""),
    ".": (0.4, "0 0.1 0 0"),
    ",": (0.6, "0.4 0.3 0 -1.6"),
    ":": (0.4, "0 1 0 0.9; 0 6 0 5.9"),
    ";": (0.6, "0.4 6 0.4 5.9; 0.4 0.3 0 -1.6"),
    "-": (3.4, "0 4 3.4 4"),
    "–": (5, "0 4 5 4"),
    "·": (0.4, "0 4.5 0 4.4"),
    "/": (4, "0 -1 4 11"),
    "(": (1.6, "a 3 5 3 7 128 232"),
    ")": (1.6, "a -1.4 5 3 7 52 -52"),
    "'": (0.4, "0 10 0 8"),
    "!": (0.4, "0 10 0 3; 0 0.1 0 0"),
    "?": (5, "a 2.5 7.5 2.5 2.5 170 -60; 3.75 5.3 2.5 4 2.5 3; 2.5 0.1 2.5 0"),
    "+": (5, "0 4 5 4; 2.5 1.5 2.5 6.5"),
    "%": (8, "0 0 8 10; a 1.8 8.2 1.8 1.8 0 360; a 6.2 1.8 1.8 1.8 0 360"),
    "#": (6.5, "2 0 3 10; 4 0 5 10; 0.5 3.3 6 3.3; 1 6.6 6.5 6.6"),
    "_": (6, "0 -1.5 6 -1.5"),
}

_UNKNOWN: Final = (6.0, "0 0 0 10 6 10 6 0 0 0")
_CIRCUMFLEX, _BREVE, _HORN, _DOT_BELOW = "\u0302", "\u0306", "\u031b", "\u0323"
_TONES: Final = {
    "\u0300": "-1.5 2.5 0.6 0.9",
    "\u0301": "1.5 2.5 -0.6 0.9",
    "\u0303": "-2 1 -1 1.9 1 1.1 2 2",
    "\u0309": "a 0 2.5 0.95 0.85 170 -75; 0.2 1.7 0 1",
}


def _arc(cx: float, cy: float, rx: float, ry: float, begin: float, end: float) -> Stroke:
    steps = max(3, round(abs(end - begin) / 18))
    angles = (math.radians(begin + (end - begin) * n / steps) for n in range(steps + 1))
    return tuple((cx + rx * math.cos(angle), cy + ry * math.sin(angle)) for angle in angles)


def _read(text: str, dx: float = 0.0, dy: float = 0.0) -> list[Stroke]:
    strokes = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        if part.startswith("a "):
            cx, cy, rx, ry, begin, end = map(float, part[2:].split())
            strokes.append(_arc(cx + dx, cy + dy, rx, ry, begin, end))
        else:
            numbers = list(map(float, part.split()))
            strokes.append(tuple((x + dx, y + dy) for x, y in zip(numbers[::2], numbers[1::2], strict=True)))
    return strokes


def strokes_of(character: str) -> tuple[float, list[Stroke]]:
    """Width and strokes of one character, in units; a frame for what the font does not have."""
    decomposed = unicodedata.normalize("NFD", character)
    base, marks = decomposed[:1], decomposed[1:]
    width, text = GLYPHS.get(base, _UNKNOWN)
    strokes = _read(text)
    top = CAPITAL if base.isupper() or base in "bdfhkl" else SMALL
    centre = width / 2
    above = [mark for mark in marks if mark in _TONES or mark in (_CIRCUMFLEX, _BREVE)]
    if base in "ij" and not above:
        strokes.append(((centre, 9.3), (centre, 9.2)))
    if _HORN in marks:
        strokes.append(((width - 0.5, top - 0.9), (width + 1.1, top - 0.1), (width + 1.1, top + 1.3)))
    if _DOT_BELOW in marks:
        strokes.append(((centre, -2.2), (centre, -2.3)))
    if _CIRCUMFLEX in marks:
        strokes.append(((centre - 1.9, top + 1), (centre, top + 2.5), (centre + 1.9, top + 1)))
        top += 2.1
    elif _BREVE in marks:
        strokes += _read("a 0 2.6 1.8 1.5 180 360", centre, top)
        top += 2.1
    for mark in marks:
        if mark in _TONES:
            strokes += _read(_TONES[mark], centre, top)
    return width, strokes
