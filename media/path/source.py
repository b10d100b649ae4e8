"""What the packet path keeps of one incoming RTP stream."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from media.ports import AudioActivity, Extension, Kind, SourceSpec, SourceStats
from media.streams.clock_map import ClockMap
from media.streams.nack_list import NackList
from media.streams.packet_cache import PacketCache
from media.streams.reception import ReceptionStats
from media.streams.sequence import SequenceExtender

if TYPE_CHECKING:
    from media.path.subscription import Subscription

IDLE_VIDEO = 0.6
IDLE_AUDIO = 1.5
"""Seconds without a packet after which a source counts as idle. Opus with DTX still sends every 0.4 s."""

CACHE_AGE = 1.5
CACHE_VIDEO = 1024
CACHE_AUDIO = 128

SEEN = 4096
"""Numbers remembered as come; more than ``SequenceExtender`` reaches back."""

AUDIO_PACKET_MAX = 0.12
"""Longest sound, in seconds, that one packet is credited with for the speaker statistics."""


class Source:
    """State of one incoming stream; ``PythonPacketPath`` drives it."""

    __slots__ = (
        "_seen",
        "_sound",
        "_sound_timestamp",
        "active",
        "audio_level_id",
        "cache",
        "clock",
        "clock_rate",
        "codec",
        "extender",
        "extension_plans",
        "forwarding",
        "idle_after",
        "keyframe_timestamp",
        "last_at",
        "nacks",
        "pending",
        "reception",
        "rtx_ssrc",
        "short_picture_id",
        "spec",
        "ssrc",
        "stats",
        "subscribers",
    )

    def __init__(self, spec: SourceSpec) -> None:
        self.spec = spec
        self.ssrc = spec.ssrc
        self.rtx_ssrc = spec.rtx_ssrc
        self.codec = ""
        rates = [payload.clock_rate for payload in spec.payload_types.values()]
        self.clock_rate = rates[0] if rates else (48000 if spec.kind is Kind.AUDIO else 90000)
        self.idle_after = IDLE_AUDIO if spec.kind is Kind.AUDIO else IDLE_VIDEO
        ids = {extension: number for number, extension in spec.extensions.items()}
        self.audio_level_id = ids.get(Extension.AUDIO_LEVEL, 0)
        self.extension_plans: dict[tuple[tuple[Extension, int], ...], dict[int, int]] = {}
        self.forwarding = True
        self.active = False
        self.subscribers: list[Subscription] = []
        self.pending: list[Subscription] = []
        self.stats = SourceStats()
        self.keyframe_timestamp = -1
        self._sound: list[tuple[int, float]] = []
        self._sound_timestamp = -1
        self.last_at = 0.0
        self.restart()

    def restart(self) -> None:
        """Forget the numbering: the sender began anew (another SSRC)."""
        self.extender = SequenceExtender()
        self._seen = array("H", bytes(2 * SEEN))
        self.short_picture_id = -1
        video = self.spec.kind is Kind.VIDEO
        self.cache = PacketCache(CACHE_VIDEO if video else CACHE_AUDIO, CACHE_AGE)
        self.nacks: NackList | None = None
        if self.spec.nack:
            self.nacks = NackList() if video else NackList.for_audio()
        self.reception = ReceptionStats(self.clock_rate)
        self.clock = ClockMap(self.clock_rate)

    def is_repeat(self, sequence: int) -> bool:
        """Whether this extended number came before; it counts as come from now on.

        Exact for as far back as the extender gives numbers, longer than the
        cache keeps packets: a browser probes the line with retransmissions of
        what has arrived long ago, and no number may be given out twice.
        """
        place = sequence % SEEN
        cycle = sequence // SEEN & 0xFFFF
        if self._seen[place] == cycle:
            return True
        self._seen[place] = cycle
        return False

    def extend_picture_id(self, picture_id: int) -> int:
        """A picture id of 7 bits as one of 15, by the nearest to the one before."""
        if self.short_picture_id < 0:
            self.short_picture_id = picture_id
        else:
            step = ((picture_id - self.short_picture_id + 64) & 0x7F) - 64
            if step <= 0:
                return (self.short_picture_id + step) & 0x7FFF
            self.short_picture_id = (self.short_picture_id + step) & 0x7FFF
        return self.short_picture_id

    def extension_plan(self, wanted: tuple[tuple[Extension, int], ...]) -> dict[int, int]:
        """Which of our incoming extension ids go out under which id, for one set of outgoing ids."""
        plan = self.extension_plans.get(wanted)
        if plan is None:
            outgoing = dict(wanted)
            plan = {
                number: outgoing[extension]
                for number, extension in self.spec.extensions.items()
                if extension in outgoing and extension in PASSED_ON
            }
            self.extension_plans[wanted] = plan
        return plan

    def hear(self, level: int, timestamp: int) -> None:
        """A sound packet's level in -dBov; durations come from the RTP timestamps."""
        step = (timestamp - self._sound_timestamp) & 0xFFFFFFFF if self._sound_timestamp >= 0 else 960
        self._sound_timestamp = timestamp
        if step >= 0x80000000 or step == 0:
            return
        if len(self._sound) < 256:
            self._sound.append((level, min(step / self.clock_rate, AUDIO_PACKET_MAX)))

    def take_activity(self, threshold: int) -> AudioActivity | None:
        """Sound since the last question; None when no level came."""
        if not self._sound:
            return None
        observed = active = 0.0
        loudest = 127
        for level, seconds in self._sound:
            observed += seconds
            if level <= threshold:
                active += seconds
            loudest = min(loudest, level)
        self._sound.clear()
        return AudioActivity(self.spec.source, observed, active, loudest)


PASSED_ON = frozenset(
    {
        Extension.VIDEO_ORIENTATION,
        Extension.PLAYOUT_DELAY,
        Extension.DEPENDENCY_DESCRIPTOR,
        Extension.ABS_CAPTURE_TIME,
        Extension.AUDIO_LEVEL,
    }
)
"""Extensions whose value means the same to every receiver; the others are between two hops only."""
