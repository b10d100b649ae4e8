"""Decoding what is received, for those who need pictures or sound: tests, the sampler, a recorder's preview.

A sink is attached to a :class:`ReceivedTrack` and decodes on the event loop;
``every`` thins pictures out for those who look only now and then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import av

from signaling.client.assembly import ReceivedFrame
from signaling.client.encoders import OpusDecoder, VideoDecoder
from signaling.client.subscribing import ReceivedTrack


class VideoSink:
    """Decoded pictures of a track: the newest ``keep`` of them, older ones are dropped.

    ``widths`` counts pictures by width, which tells the simulcast layer.
    """

    def __init__(
        self,
        track: ReceivedTrack,
        *,
        keep: int = 1,
        on_picture: Callable[[av.VideoFrame, ReceivedFrame], None] | None = None,
    ) -> None:
        self.track = track
        self.pictures: deque[av.VideoFrame] = deque(maxlen=keep)
        self.decoded = 0
        self.widths: dict[int, int] = {}
        self._on_picture = on_picture
        self._decoder: VideoDecoder | None = None
        self._codec = ""
        track.watch(on_frame=self._frame)

    @property
    def errors(self) -> int:
        """Frames that could not be decoded."""
        return self._decoder.errors if self._decoder is not None else 0

    @property
    def picture(self) -> av.VideoFrame | None:
        """The newest picture."""
        return self.pictures[-1] if self.pictures else None

    def _frame(self, frame: ReceivedFrame) -> None:
        if self._decoder is None or self._codec != frame.codec:
            self._codec = frame.codec
            self._decoder = VideoDecoder(frame.codec.partition(";")[0])
        for picture in self._decoder.decode(frame.data):
            self.decoded += 1
            self.widths[picture.width] = self.widths.get(picture.width, 0) + 1
            self.pictures.append(picture)
            if self._on_picture is not None:
                self._on_picture(picture, frame)

    def close(self) -> None:
        """Stop decoding; the track is only counted again."""
        self.track.watch()


class AudioSink:
    """Decoded sound of a track: 16-bit mono at 48 kHz, the newest ``seconds`` of it.

    ``concealed`` counts the 20 ms frames that were missing in the RTP clock while
    the sender was talking; they are filled with silence here.
    """

    def __init__(
        self,
        track: ReceivedTrack,
        *,
        seconds: float = 10.0,
        on_samples: Callable[[bytes, ReceivedFrame], None] | None = None,
    ) -> None:
        self.track = track
        self.frames = 0
        self.concealed = 0
        self._parts: deque[bytes] = deque(maxlen=max(1, round(seconds * 50)))
        self._decoder = OpusDecoder()
        self._on_samples = on_samples
        self._next: int | None = None
        track.watch(on_frame=self._frame)

    @property
    def errors(self) -> int:
        """Packets that could not be decoded."""
        return self._decoder.errors

    @property
    def samples(self) -> bytes:
        """The sound that is kept, oldest first."""
        return b"".join(self._parts)

    def clear(self) -> None:
        """Forget the sound kept so far."""
        self._parts.clear()

    def _frame(self, frame: ReceivedFrame) -> None:
        samples = self._decoder.decode(frame.data)
        if not samples:
            return
        if self._next is not None:
            missing = (frame.timestamp - self._next) & 0xFFFFFFFF
            # A longer pause is the sender's own silence (DTX), or a new start.
            if 0 < missing <= 960 * 10:
                self.concealed += missing // 960
                self._parts.extend([bytes(1920)] * (missing // 960))
        self._next = (frame.timestamp + len(samples) // 2) & 0xFFFFFFFF
        self.frames += 1
        self._parts.append(samples)
        if self._on_samples is not None:
            self._on_samples(samples, frame)

    def close(self) -> None:
        """Stop decoding."""
        self.track.watch()
