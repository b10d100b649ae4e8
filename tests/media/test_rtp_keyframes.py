"""Keyframe starts by codec key."""

import pytest

from media.errors import PacketError
from media.rtp.keyframes import starts_keyframe


@pytest.mark.parametrize(
    ("codec", "text", "answer"),
    [
        ("video/vp8", "10 00", True),
        ("video/vp8", "10 01", False),
        ("video/vp8", "00 00", False),
        ("video/h264;mode=1;profile=42e0", "67 42", True),
        ("video/h264;mode=0;profile=4d00", "65 88", True),
        ("video/h264", "41 9a", False),
        ("video/vp9;profile=0", "08 aa", True),
        ("video/vp9;profile=2", "48 aa", False),
        ("video/av1;profile=0", "08 aa", True),
        ("video/av1", "00 aa", False),
        ("audio/opus", "", True),
        ("audio/opus", "78", True),
        ("audio/red", "6f", True),
        ("video/h265", "42 01", True),
    ],
)
def test_starts_keyframe(codec: str, text: str, answer: bool) -> None:
    assert starts_keyframe(codec, bytes.fromhex(text)) is answer


@pytest.mark.parametrize("codec", ["video/vp8", "video/h264", "video/vp9", "video/av1"])
def test_an_empty_picture_payload_is_an_error(codec: str) -> None:
    with pytest.raises(PacketError):
        starts_keyframe(codec, b"")
