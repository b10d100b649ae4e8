"""H.264 payloads: the start of a keyframe."""

from media.errors import PacketError
from media.rtp.h264 import KeyframeStart, keyframe_start, starts_keyframe


def fuzz(data: bytes) -> None:
    try:
        start = keyframe_start(data)
    except PacketError:
        return
    assert starts_keyframe(data) == (start is not KeyframeStart.NONE)
