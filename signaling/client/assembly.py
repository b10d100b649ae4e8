"""Putting frames together from RTP payloads, in order, with a bound on waiting. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from media.ports import Kind
from media.rtp.header import RtpHeader
from signaling.client.packetize import MAX_FRAME, part_of

MAX_PENDING: Final = 1024
"""Payloads kept while one before them is missing; more mean that it is given up."""


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """An encoded frame as it came: ``timestamp`` on the RTP clock, ``received_at`` of its last packet.

    ``complete`` is false for sound that follows a loss: the decoder may conceal.
    """

    codec: str
    data: bytes
    timestamp: int
    keyframe: bool
    received_at: float
    complete: bool = True


class _Part(NamedTuple):
    data: bytes
    starts: bool
    keyframe: bool
    marker: bool
    timestamp: int
    at: float


class FrameAssembler:
    """Frames of one stream. ``add`` payloads with extended numbers, then take ``frames()``.

    After a loss that ``expire`` gave up, pictures are dropped until a keyframe,
    since what refers to a lost picture decodes to something wrong.
    """

    def __init__(self, codec: str, kind: Kind) -> None:
        self.codec = codec
        self.dropped = 0
        """Payloads that were of no use: late, or before a keyframe."""
        self._video = kind is Kind.VIDEO
        self._next = -1
        self._parts: dict[int, _Part | None] = {}
        self._ready: list[ReceivedFrame] = []
        self._current: list[_Part] = []
        self._size = 0
        self._broken = self._video
        self._blocked_since: float | None = None

    @property
    def pending(self) -> int:
        """Payloads that wait for one before them."""
        return len(self._parts)

    def add(self, extended: int, header: RtpHeader, payload: bytes, now: float) -> None:
        """A payload. PacketError when its codec's own header is malformed; its place then counts as taken."""
        if extended < self._next:
            self.dropped += 1
            return
        if self._next < 0:
            self._next = extended
        self._parts[extended] = None
        data, starts, keyframe = part_of(self.codec, payload)
        self._parts[extended] = _Part(data, starts, keyframe, header.marker, header.timestamp, now)

    def skip(self, extended: int) -> None:
        """This number carries nothing."""
        if extended >= self._next >= 0:
            self._parts[extended] = None

    def frames(self) -> list[ReceivedFrame]:
        """The frames that became whole, in order."""
        while self._next in self._parts:
            part = self._parts.pop(self._next)
            self._next += 1
            self._blocked_since = None
            if part is not None:
                self._step(part)
        ready, self._ready = self._ready, []
        return ready

    def _step(self, part: _Part) -> None:
        if not self._video:
            self._ready.append(ReceivedFrame(self.codec, part.data, part.timestamp, False, part.at))
            return
        if self._current and self._current[0].timestamp != part.timestamp:
            # The marker that ended the frame before was lost with its packet.
            self._abandon()
        if self._broken and not self._current and not (part.starts and part.keyframe):
            self.dropped += 1
            return
        self._current.append(part)
        self._size += len(part.data)
        if self._size > MAX_FRAME:
            self._abandon()
        elif part.marker:
            first = self._current[0]
            keyframe = any(item.keyframe for item in self._current)
            if first.starts:
                data = b"".join(item.data for item in self._current)
                self._ready.append(ReceivedFrame(self.codec, data, first.timestamp, keyframe, part.at))
                self._broken = False
            else:
                self._broken = True
            self._current, self._size = [], 0

    def _abandon(self) -> None:
        self.dropped += len(self._current)
        self._current, self._size = [], 0
        self._broken = self._video

    def expire(self, now: float, hold: float) -> bool:
        """Give up a number that was waited for longer than ``hold``; true when pictures were lost by it."""
        if not self._parts or self._next in self._parts:
            self._blocked_since = None
            return False
        if self._blocked_since is None:
            self._blocked_since = now
        if now - self._blocked_since < (hold if self._video else hold / 4) and len(self._parts) < MAX_PENDING:
            return False
        self._blocked_since = None
        self._next = min(self._parts)
        self._abandon()
        return self._video
