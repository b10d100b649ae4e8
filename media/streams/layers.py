"""Which simulcast layer a subscription gets, and which layers are alive.

The mapping from a wanted size is LiveKit's (``GetQualityForDimension`` in
``pkg/rtc/mediatrackreceiver.go`` of 1.9.11): heights only are compared, the
wanted one reduced by a tenth; the smallest layer that still covers it is
taken, and of several layers with one height the highest. Where a sender
announced no sizes, 180, 360 and the track's own shorter edge stand for them.

A wanted layer that does not exist or sends nothing is replaced at once by the
nearest lower one that is alive, else by the nearest higher one. Nothing is
remembered, so the wanted layer is back as soon as it is alive again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from media.streams.video_quality import LAYERS, VideoQuality

TOLERANCE = 0.9
"""Share of the wanted height that a layer must have."""

DEFAULT_HEIGHTS = (180, 360)
"""Heights of LOW and MEDIUM where the sender announced none."""


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One layer of a published track.

    ``quality`` is 0, 1 or 2; ``width`` and ``height`` in pixels and ``bitrate``
    in bit/s, each 0 while unknown; ``active`` tells whether packets come.
    """

    quality: int
    width: int = 0
    height: int = 0
    bitrate: int = 0
    active: bool = True


def quality_for_size(
    layers: Sequence[LayerInfo], width: int, height: int, track_size: tuple[int, int] = (0, 0)
) -> VideoQuality:
    """The quality that covers ``width`` by ``height`` pixels.

    ``track_size`` is the size announced for the whole track, (0, 0) if none;
    it counts only where the layers have no sizes of their own. Inactive layers
    count too: what is wanted does not depend on what is alive. Where no size is
    known at all the answer is HIGH.
    """
    sized = sorted((layer.height, layer.quality) for layer in layers if layer.height > 0)
    wanted = height
    if not sized:
        track_width, track_height = track_size
        if track_height <= 0:
            return VideoQuality.HIGH
        edge = track_height
        if 0 < track_width < track_height:
            edge, wanted = track_width, width
        sized = sorted(zip((*DEFAULT_HEIGHTS, edge), LAYERS, strict=True), key=lambda pair: pair[1])
    enough = int(wanted * TOLERANCE)
    chosen = sized[-1]
    for candidate, following in pairwise(sized):
        if candidate[0] >= enough and candidate[0] != following[0]:
            chosen = candidate
            break
    return VideoQuality(chosen[1])


def preference(wanted: int) -> tuple[int, ...]:
    """All three qualities in the order in which they may serve a wish for ``wanted``."""
    lower = range(wanted, -1, -1)
    higher = range(wanted + 1, len(LAYERS))
    return (*lower, *higher)


def choose_layer(
    layers: Sequence[LayerInfo],
    wanted: int | tuple[int, int] | None,
    max_bitrate: float | None = None,
    track_size: tuple[int, int] = (0, 0),
) -> int | None:
    """The quality of the layer to forward, or None for nothing.

    ``wanted`` is a quality, or a size in pixels, or None (as is
    ``VideoQuality.OFF``) for a subscription that is switched off.
    ``max_bitrate`` in bit/s shuts out layers above it; a layer whose bitrate is
    unknown (0) passes. None too when no layer is alive or none fits.
    """
    if wanted is None:
        return None
    if isinstance(wanted, tuple):
        wanted = quality_for_size(layers, *wanted, track_size=track_size)
    if not VideoQuality.LOW <= wanted <= VideoQuality.HIGH:
        return None
    usable = {
        layer.quality
        for layer in layers
        if layer.active and (max_bitrate is None or layer.bitrate <= max_bitrate)
    }
    return next((quality for quality in preference(wanted) if quality in usable), None)
