"""The formats of our own offers: fixed payload types, so that one packet suits every subscriber.

Numbers are in the dynamic ranges that RTP/RTCP multiplexing leaves (35 to 63,
96 to 127; RFC 5761, section 4), most of them those that browsers use too.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from media.ports import Kind
from media.sdp.codecs import Format, codec_key

OPUS_FMTP: Final = "minptime=10;useinbandfec=1"
STEREO_FMTP: Final = ";stereo=1;maxaveragebitrate=510000"
"""What LiveKit's clients expect for a stereo track."""

DTX_FMTP: Final = ";usedtx=1"

VIDEO_FEEDBACK: Final = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
"""Feedback that the relay understands for video, in the order in which it is written."""

AUDIO_FEEDBACK: Final = ("transport-cc", "nack")


def _video(number: int, name: str, fmtp: str = "") -> Format:
    return Format(number, name, 90000, 1, fmtp, frozenset(VIDEO_FEEDBACK), codec_key(name, 90000, 1, fmtp))


def _h264(number: int, mode: int, profile: str) -> Format:
    return _video(
        number,
        "H264",
        f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}1f",
    )


_FORMATS: Final = (
    Format(111, "opus", 48000, 2, OPUS_FMTP, frozenset(AUDIO_FEEDBACK), "audio/opus"),
    Format(63, "red", 48000, 2, "111/111", frozenset(), "audio/red"),
    _video(96, "VP8"),
    _video(98, "VP9", "profile-id=0"),
    _video(100, "VP9", "profile-id=2"),
    _video(35, "VP9", "profile-id=1"),
    _video(37, "VP9", "profile-id=3"),
    _h264(102, 1, "4200"),
    _h264(104, 0, "4200"),
    _h264(108, 1, "42e0"),
    _h264(114, 0, "42e0"),
    _h264(116, 1, "4d00"),
    _h264(39, 0, "4d00"),
    _h264(118, 1, "6400"),
    _h264(120, 0, "6400"),
    _h264(122, 1, "640c"),
    _h264(124, 0, "640c"),
    _h264(126, 1, "f400"),
    _h264(41, 0, "f400"),
    _video(45, "AV1", "level-idx=5;profile=0;tier=0"),
    _video(47, "AV1", "level-idx=5;profile=1;tier=0"),
)

CATALOGUE: Final = MappingProxyType({item.key: item for item in _FORMATS})
"""The formats that the relay carries, by key. What is not here is never accepted from a publisher."""

RTX_PAYLOAD_TYPES: Final = MappingProxyType(
    {item.payload_type: item.payload_type + 1 for item in _FORMATS if item.key.startswith("video/")}
)
"""The payload type of retransmission (RFC 4588) beside that of each video format."""

DEFAULT_KEYS: Final = MappingProxyType(
    {
        Kind.AUDIO: ("audio/opus",),
        Kind.VIDEO: (
            "video/vp8",
            "video/h264;mode=1;profile=42e0",
            "video/vp9;profile=0",
            "video/av1;profile=0",
        ),
    }
)
"""What is offered for a track whose publisher has not yet said what it will send."""
