"""The words for simulcast layers, numbered as on LiveKit's wire."""

from enum import IntEnum


class VideoQuality(IntEnum):
    """A simulcast layer by rank; the numbers are those of ``livekit.VideoQuality``."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    OFF = 3
    """No layer at all. The highest number, so never compare it with the others by size."""


LAYERS = (VideoQuality.LOW, VideoQuality.MEDIUM, VideoQuality.HIGH)
"""The qualities that are layers, lowest first."""
