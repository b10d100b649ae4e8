"""One WebSocket's protocol, without the socket: frames in, requests out; responses in, frames out.

Driving contract: the adapter calls ``receive`` for each frame and ``tick`` now
and then, and sends what ``take_frames`` returns whenever ``on_ready`` was
called. Once ``closing`` is set it sends what is left and closes with that code.
Nothing here waits, sleeps or reads a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from livekit.protocol import rtc

from media.streams.limits import TokenBucket
from signaling.errors import MalformedError
from signaling.settings import SignalSettings
from signaling.wire import SharedMessage, decode_request

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_PROTOCOL = 1002
CLOSE_POLICY = 1008
CLOSE_INTERNAL = 1011
CLOSE_TOO_SLOW = 4001
"""Codes of RFC 6455, 7.4; the last is ours: the client did not read."""


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a session ends; ``reason`` at most 123 bytes of UTF-8."""

    code: int
    reason: str


class SignalSession:
    """State of one connection. ``text`` is set by the first text frame of the client."""

    def __init__(self, settings: SignalSettings, now: float) -> None:
        self._settings = settings
        self._queue: deque[bytes | str] = deque()
        self._queued_bytes = 0
        self._rate = TokenBucket(settings.requests_per_second, settings.request_burst)
        self._volume = TokenBucket(settings.request_bytes_per_second, settings.request_bytes_burst)
        self.text = False
        self.last_heard = now
        self.closing: Closing | None = None
        self.on_request: Callable[[rtc.SignalRequest, float], None] = lambda request, now: None
        self.on_ready: Callable[[], None] = lambda: None

    # -- in ----------------------------------------------------------------------

    def receive(self, frame: bytes | str, now: float) -> None:
        """A frame of the client. One that cannot be parsed, or too many, end the session."""
        if self.closing is not None:
            return
        self.last_heard = now
        self.text = isinstance(frame, str)
        if not self._rate.take(now):
            self.close(CLOSE_POLICY, "too many requests")
            return
        if not self._volume.take(now, len(frame)):
            self.close(CLOSE_POLICY, "too much data in requests")
            return
        try:
            request = decode_request(frame)
        except MalformedError as error:
            self.close(CLOSE_PROTOCOL, error.message)
            return
        kind = request.WhichOneof("message")
        if kind is None:
            return
        if kind == "ping":
            self._pong(request.ping, now_ms=None)
        elif kind == "ping_req":
            self._pong(request.ping_req.timestamp, now_ms=request.ping_req.rtt)
        else:
            self.on_request(request, now)

    def tick(self, now: float) -> None:
        """Notice a silent client."""
        if self.closing is None and now - self.last_heard > self._settings.silence_limit:
            self.close(CLOSE_GOING_AWAY, "no sign of life")

    def _pong(self, timestamp: int, now_ms: int | None) -> None:
        stamp = self.wall_ms()
        if now_ms is None:
            self.send(rtc.SignalResponse(pong=stamp))
        else:
            self.send(rtc.SignalResponse(pong_resp=rtc.Pong(last_ping_timestamp=timestamp, timestamp=stamp)))

    wall_ms: Callable[[], int] = staticmethod(lambda: 0)
    """Milliseconds since the Unix epoch; the adapter sets it."""

    # -- out ---------------------------------------------------------------------

    def send(self, message: rtc.SignalResponse | SharedMessage) -> None:
        """Queue a response; a client that does not read is closed instead of filling memory."""
        if self.closing is not None:
            return
        if isinstance(message, rtc.SignalResponse):
            message = SharedMessage(message)
        frame = message.frame(self.text)
        if self._queue:
            # The first one is not counted: who is in a large room may be more than all that may wait.
            self._queued_bytes += len(frame)
        self._queue.append(frame)
        if (
            len(self._queue) > self._settings.max_queued_frames
            or self._queued_bytes > self._settings.max_queued_bytes
        ):
            self._queue.clear()
            self._queued_bytes = 0
            self.close(CLOSE_TOO_SLOW, "client does not read")
        else:
            self.on_ready()

    def take_frames(self) -> list[bytes | str]:
        """What is to be sent, in order; the queue is empty afterwards."""
        frames = list(self._queue)
        self._queue.clear()
        self._queued_bytes = 0
        return frames

    def close(self, code: int = CLOSE_NORMAL, reason: str = "") -> None:
        """End the session after what is queued."""
        if self.closing is None:
            self.closing = Closing(code, reason)
            self.on_ready()
