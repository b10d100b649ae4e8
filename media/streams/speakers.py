"""Who speaks now, from the audio levels that senders put into their packets (RFC 6464).

LiveKit's semantics (``pkg/sfu/audio/audiolevel.go`` and ``Room.GetActiveSpeakers``
of 1.9.11): sound is *active* at -35 dBov or louder; a window of 400 ms counts as
speech when 40 % of it was active; its level is the loudest one seen, reduced by
how little of the window was active, linear from 0 to 1, and smoothed over two
windows (exponentially, weight 2/(n+1)); a window without speech is silence at
once. Levels are told in eighths, rounded up, as deltas.

Stricter than there: whoever is muted, removed or no longer sending is *off* in
the next update, whatever was heard before, so nobody speaks for ever. And what
:meth:`SpeakerDetector.current` says is what was told, so a newcomer who is given
it first and the deltas afterwards agrees with everybody else.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

SILENCE = 127
"""The quietest level of RFC 6464, in -dBov."""

SLACK = 0.05
"""Seconds that a window may be short of: questions do not fall on packet borders."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class SpeakerSettings:
    """What counts as speech.

    ``threshold`` in -dBov (0 is the loudest); ``percentile`` is the share of a
    window that must be active; ``window``, ``interval`` (between two messages
    about levels alone) and ``stale`` (without a packet: silence) in seconds.
    """

    threshold: int = 35
    percentile: float = 40.0
    window: float = 0.4
    smooth_windows: int = 2
    steps: int = 8
    interval: float = 0.4
    stale: float = 0.6


class Speaker(NamedTuple, Generic[K]):
    """A speaker as told to clients; ``level`` is 0 exactly when ``active`` is false."""

    key: K
    level: float
    active: bool


class _Source:
    """Running window of one source."""

    __slots__ = ("active", "heard_at", "loudest", "muted", "observed", "smoothed", "speaker")

    def __init__(self, speaker: Any) -> None:
        self.speaker = speaker
        self.muted = False
        self.heard_at = -math.inf
        self.smoothed = 0.0
        self.clear()

    def clear(self) -> None:
        self.observed = 0.0
        self.active = 0.0
        self.loudest = SILENCE

    def silence(self) -> None:
        self.smoothed = 0.0
        self.clear()


def linear_level(level: float) -> float:
    """Amplitude from 0 to 1 of a level in -dBov."""
    return min(1.0, math.pow(10.0, -level / 20.0))


class SpeakerDetector(Generic[K]):
    """Active speakers of one room.

    Feed :meth:`observe` with what the packet path measured since it was last
    asked, then take :meth:`update`; ask every 0.2 s or so, so that a source that
    stops is off within a second. A source belongs to the speaker of its own key
    unless :meth:`assign` said otherwise; a speaker with several sources is as
    loud as the loudest.
    """

    __slots__ = ("_levels_told_at", "_settings", "_sources", "_threshold", "_told")

    def __init__(self, settings: SpeakerSettings | None = None) -> None:
        self._settings = settings or SpeakerSettings()
        self._threshold = linear_level(self._settings.threshold)
        self._sources: dict[Hashable, _Source] = {}
        self._told: dict[K, float] = {}
        self._levels_told_at = -math.inf

    @property
    def settings(self) -> SpeakerSettings:
        """The settings in force."""
        return self._settings

    def assign(self, source: Hashable, speaker: K) -> None:
        """Let a source count for a speaker."""
        self._source(source).speaker = speaker

    def mute(self, source: Hashable, muted: bool) -> None:
        """While muted a source is silent, whatever still arrives from it."""
        state = self._source(source)
        state.muted = muted
        state.silence()

    def remove(self, source: Hashable) -> None:
        """Forget a source; its speaker is off in the next update if it has no other."""
        self._sources.pop(source, None)

    def observe(self, source: Hashable, observed: float, active: float, loudest: int, now: float) -> None:
        """Sound of a source since the last observation.

        ``observed`` and ``active`` in seconds, ``loudest`` in -dBov. Nothing
        observed is no observation.
        """
        if not observed > 0.0:
            return
        state = self._source(source)
        if state.muted:
            return
        settings = self._settings
        state.heard_at = now
        state.observed += observed
        if active > 0.0:
            state.active += min(active, observed)
            state.loudest = min(state.loudest, max(0, loudest))
        if state.observed < settings.window - SLACK:
            return
        share = state.active / state.observed
        if state.loudest <= settings.threshold and share * 100.0 >= settings.percentile:
            level = linear_level(state.loudest - 20.0 * math.log10(share))
            state.smoothed += (level - state.smoothed) * 2.0 / (settings.smooth_windows + 1)
        else:
            state.smoothed = 0.0
        state.clear()

    def update(self, now: float) -> list[Speaker[K]]:
        """What changed since the last update, loudest first.

        Speakers that turn on or off are named at once, changes of level alone
        no more often than ``interval``.
        """
        heard = self._levels(now)
        gone = [speaker for speaker in self._told if speaker not in heard]
        come = [speaker for speaker in heard if speaker not in self._told]
        changed = [speaker for speaker, level in heard.items() if self._told.get(speaker, level) != level]
        named = come
        if changed and now - self._levels_told_at >= self._settings.interval:
            self._levels_told_at = now
            named = come + changed
        for speaker in named:
            self._told[speaker] = heard[speaker]
        for speaker in gone:
            del self._told[speaker]
        louder = _loudest_first({speaker: heard[speaker] for speaker in named})
        return louder + [Speaker(speaker, 0.0, False) for speaker in gone]

    def current(self) -> list[Speaker[K]]:
        """All who are on as of the last update, loudest first."""
        return _loudest_first(self._told)

    def _source(self, source: Hashable) -> _Source:
        state = self._sources.get(source)
        if state is None:
            state = self._sources[source] = _Source(source)
        return state

    def _levels(self, now: float) -> dict[K, float]:
        """Quantised levels of those who speak now."""
        levels: dict[K, float] = {}
        steps = self._settings.steps
        for state in self._sources.values():
            if now - state.heard_at >= self._settings.stale:
                state.silence()
            if state.smoothed >= self._threshold:
                level = math.ceil(state.smoothed * steps) / steps
                levels[state.speaker] = max(level, levels.get(state.speaker, 0.0))
        return levels


def _loudest_first(levels: dict[K, float]) -> list[Speaker[K]]:
    ordered = sorted(levels.items(), key=lambda item: -item[1])
    return [Speaker(speaker, level, True) for speaker, level in ordered]
