"""What the subscribers of one video track want, so that nobody encodes for nobody (dynacast).

LiveKit's rule (``pkg/rtc/dynacast`` and ``dynacast_pause_delay`` of 1.9.11): the
publisher is told the highest quality that any subscriber wants, for each codec;
more is told at once, less only after five seconds, so that a viewer who pages
through pictures does not stop and start encoders. Right after a track is
published all three qualities are wanted, for ten seconds, whoever subscribes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from media.streams.video_quality import LAYERS, VideoQuality

DELAY = 5.0
"""Seconds for which less must be wanted before the publisher is told."""

GRACE = 10.0
"""Seconds after the first update in which nothing is taken back."""

_NOTHING = -1
"""No quality, as a number below all of them."""


class CodecDemand(NamedTuple):
    """Which qualities of one codec are wanted: (quality, enabled) for LOW, MEDIUM, HIGH."""

    codec: str
    qualities: tuple[tuple[VideoQuality, bool], ...]

    @property
    def highest(self) -> VideoQuality:
        """The highest enabled quality, or OFF."""
        return max((quality for quality, enabled in self.qualities if enabled), default=VideoQuality.OFF)


class _Codec:
    """Wishes for one codec and what the publisher was told."""

    __slots__ = ("less_since", "told", "wishes")

    def __init__(self) -> None:
        self.wishes: dict[Hashable, int] = {}
        self.told: int = VideoQuality.HIGH
        self.less_since: float | None = None


class LayerDemand:
    """Demand for one published video track.

    ``codecs`` are the names as the publisher is told them (``vp8``), the first
    being the one that :meth:`set` means unless told otherwise. Call
    :meth:`update` after every change and at :meth:`next_at`.
    """

    __slots__ = ("_codecs", "_first_at", "_primary", "delay", "grace")

    def __init__(self, codecs: Iterable[str] = ("vp8",), delay: float = DELAY, grace: float = GRACE) -> None:
        self._codecs = {codec: _Codec() for codec in codecs}
        if not self._codecs:
            raise ValueError("a track has at least one codec")
        self._primary = next(iter(self._codecs))
        self._first_at: float | None = None
        self.delay = delay
        self.grace = grace

    def set(self, subscriber: Hashable, quality: int | None, codec: str | None = None) -> None:
        """A subscriber wants up to this quality; None or OFF for nothing at all.

        A subscriber takes one codec: a wish for one withdraws that for another.
        """
        wanted = codec or self._primary
        if wanted not in self._codecs:
            raise ValueError("the track is not published in that codec")
        self.remove(subscriber)
        if quality is not None and VideoQuality.LOW <= quality <= VideoQuality.HIGH:
            self._codecs[wanted].wishes[subscriber] = quality

    def remove(self, subscriber: Hashable) -> None:
        """A subscriber is gone."""
        for codec in self._codecs.values():
            codec.wishes.pop(subscriber, None)

    def update(self, now: float) -> list[CodecDemand] | None:
        """The whole demand when the publisher is to be told of it now, else None.

        The first call always answers, with all qualities enabled.
        """
        changed = False
        if self._first_at is None:
            self._first_at = now
            changed = True
        for codec in self._codecs.values():
            wanted = max(codec.wishes.values(), default=_NOTHING)
            if wanted >= codec.told:
                codec.less_since = None
                changed = changed or wanted > codec.told
                codec.told = wanted
                continue
            if codec.less_since is None:
                codec.less_since = now
            if now >= self._less_at(codec.less_since):
                codec.told = wanted
                codec.less_since = None
                changed = True
        return self.current() if changed else None

    def next_at(self) -> float | None:
        """When :meth:`update` is to be called if nothing changes before, or None."""
        waiting = [codec.less_since for codec in self._codecs.values() if codec.less_since is not None]
        return self._less_at(min(waiting)) if waiting else None

    def current(self) -> list[CodecDemand]:
        """The demand as last told; for a publisher that comes back to its session."""
        return [
            CodecDemand(name, tuple((quality, quality <= codec.told) for quality in LAYERS))
            for name, codec in self._codecs.items()
        ]

    def _less_at(self, since: float) -> float:
        first_at = since if self._first_at is None else self._first_at
        return max(since + self.delay, first_at + self.grace)
