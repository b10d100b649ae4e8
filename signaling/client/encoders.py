"""Encoders and decoders of single frames over PyAV: VP8 or H.264 pictures, Opus sound.

The only file of the client that touches FFmpeg, with ``sinks``. Objects are for
one thread at a time; PyAV gives the GIL back while it encodes.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Literal, NamedTuple

import av
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

VIDEO_CLOCK: Final = 90_000
AUDIO_RATE: Final = 48_000
FRAME_SAMPLES: Final = 960
"""Samples of a 20 ms sound frame."""

_VP8_OPTIONS: Final = {
    "deadline": "realtime",
    # The fastest search: generated pictures are flat, and six of them share a core with everything else.
    "cpu-used": "-12",
    "lag-in-frames": "0",
    "auto-alt-ref": "0",
    "static-thresh": "100",
    "qmin": "8",
    "qmax": "52",
}
_H264_OPTIONS: Final = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "profile": "baseline",
    "x264-params": "repeat-headers=1",
}


class Planes(NamedTuple):
    """An 8-bit 4:2:0 picture; ``y`` has width × height octets, ``u`` and ``v`` a quarter of that each."""

    width: int
    height: int
    y: bytes | bytearray
    u: bytes | bytearray
    v: bytes | bytearray


def _video_context(name: str, mode: Literal["r", "w"]) -> VideoCodecContext:
    context = av.CodecContext.create(name, mode)
    if not isinstance(context, VideoCodecContext):
        raise AssertionError(f"{name} is a codec of pictures")
    return context


def _audio_context(name: str, mode: Literal["r", "w"]) -> AudioCodecContext:
    context = av.CodecContext.create(name, mode)
    if not isinstance(context, AudioCodecContext):
        raise AssertionError(f"{name} is a codec of sound")
    return context


class VideoEncoder:
    """One layer's encoder. ``bitrate`` in bit/s; keyframes come first and when asked for."""

    def __init__(self, codec: str, width: int, height: int, fps: float, bitrate: int) -> None:
        name, options = (
            ("libx264", _H264_OPTIONS) if codec.startswith("video/h264") else ("libvpx", _VP8_OPTIONS)
        )
        context = _video_context(name, "w")
        context.width = width
        context.height = height
        context.pix_fmt = "yuv420p"
        context.bit_rate = bitrate
        context.time_base = Fraction(1, VIDEO_CLOCK)
        context.framerate = Fraction(round(fps * 1000), 1000)
        context.gop_size = 100_000
        context.thread_count = 1
        context.options = dict(options)
        self._context = context

    def encode(self, planes: Planes, pts: int, keyframe: bool) -> tuple[bytes, bool]:
        """One picture in, its bytes and whether they are a keyframe out. ``pts`` in 1/90,000 s, rising."""
        frame = av.VideoFrame(planes.width, planes.height, "yuv420p")
        for plane, data in zip(frame.planes, (planes.y, planes.u, planes.v), strict=True):
            update_plane(plane, data)
        frame.pts = pts
        frame.time_base = Fraction(1, VIDEO_CLOCK)
        if keyframe:
            frame.pict_type = PictureType.I
        packets = self._context.encode(frame)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)


def update_plane(plane: av.video.plane.VideoPlane, data: bytes | bytearray) -> None:
    """Copy rows without padding into a plane, whose rows FFmpeg may have made longer."""
    if plane.line_size == plane.width:
        plane.update(bytes(data))
        return
    filler = bytes(plane.line_size - plane.width)
    width = plane.width
    plane.update(b"".join(bytes(data[at : at + width]) + filler for at in range(0, len(data), width)))


class OpusEncoder:
    """Mono Opus at 48 kHz in frames of 20 ms. ``bitrate`` in bit/s."""

    def __init__(self, bitrate: int = 24_000) -> None:
        context = _audio_context("libopus", "w")
        context.sample_rate = AUDIO_RATE
        context.layout = "mono"
        context.format = "s16"
        context.bit_rate = bitrate
        context.time_base = Fraction(1, AUDIO_RATE)
        context.options = {"application": "audio", "frame_duration": "20", "compression_level": "3"}
        self._context = context
        self._pts = 0

    def encode(self, samples: bytes) -> bytes:
        """960 samples of 16 bits in the machine's order in, one Opus packet out."""
        frame = av.AudioFrame("s16", "mono", FRAME_SAMPLES)
        frame.planes[0].update(samples)
        frame.sample_rate = AUDIO_RATE
        frame.pts = self._pts
        frame.time_base = Fraction(1, AUDIO_RATE)
        self._pts += FRAME_SAMPLES
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class VideoDecoder:
    """Pictures of one stream. What cannot be decoded is counted in ``errors`` and gives no picture."""

    def __init__(self, codec: str) -> None:
        name = {"video/vp8": "vp8", "video/vp9": "vp9", "video/av1": "libdav1d"}.get(codec, "h264")
        context = _video_context(name, "r")
        context.thread_count = 1
        self._context = context
        self.errors = 0

    def decode(self, data: bytes) -> list[av.VideoFrame]:
        """The pictures that came out, usually one."""
        try:
            return list(self._context.decode(av.Packet(data)))
        except av.FFmpegError:
            self.errors += 1
            return []


class OpusDecoder:
    """Sound of one stream as 16-bit mono at 48 kHz; errors as for pictures."""

    def __init__(self) -> None:
        context = _audio_context("opus", "r")
        context.sample_rate = AUDIO_RATE
        self._context = context
        self._resampler = av.AudioResampler("s16", "mono", AUDIO_RATE)
        self.errors = 0

    def decode(self, data: bytes) -> bytes:
        """The samples of one packet, 16 bits each in the machine's order."""
        samples = []
        try:
            for frame in self._context.decode(av.Packet(data)):
                frame.pts = None
                samples += [
                    bytes(mono.planes[0])[: mono.samples * 2] for mono in self._resampler.resample(frame)
                ]
        except av.FFmpegError:
            self.errors += 1
        return b"".join(samples)
