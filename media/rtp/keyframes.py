"""Where a keyframe starts, by codec key (``media.ports.PayloadType.codec``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from media.rtp import av1, h264, vp8, vp9


def _always(payload: bytes) -> bool:
    return True


def _vp8(payload: bytes) -> bool:
    return vp8.parse_descriptor(payload).keyframe


_TESTS: Final[dict[str, Callable[[bytes], bool]]] = {
    "video/vp8": _vp8,
    "video/h264": h264.starts_keyframe,
    "video/vp9": vp9.starts_keyframe,
    "video/av1": av1.starts_keyframe,
}


def keyframe_test(codec: str) -> Callable[[bytes], bool]:
    """The function that tells whether a payload of this codec starts a keyframe.

    ``codec`` is a codec key; what follows its ``;`` does not matter here. Sound
    can be begun with any packet. So is a video codec that we cannot read: its
    viewers get a picture when its sender makes a keyframe, where refusing would
    give them none ever. The functions raise ``PacketError`` on a payload that is
    malformed or empty.
    """
    return _TESTS.get(codec.partition(";")[0], _always)


def starts_keyframe(codec: str, payload: bytes) -> bool:
    """Whether a subscription can be moved to this stream at this packet (see ``keyframe_test``).

    With H.264 several packets of one keyframe can be such starts.
    """
    return keyframe_test(codec)(payload)
