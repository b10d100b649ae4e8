"""Frames to payloads and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import PacketError
from media.rtp import red
from media.rtp.vp8 import parse_descriptor
from signaling.client.packetize import (
    MAX_PAYLOAD,
    h264_payloads,
    h264_units,
    part_of,
    payloads_of,
    pieces,
    vp8_payloads,
)


@given(st.binary(max_size=9000), st.integers(1, 1200))
def test_pieces_are_few_even_and_whole(data: bytes, limit: int) -> None:
    parts = pieces(data, limit)
    assert b"".join(parts) == data
    assert len(parts) == max(1, -(-len(data) // limit))
    assert max(map(len, parts)) <= limit
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(st.binary(min_size=1, max_size=6000), st.integers(0, 0xFFFF))
def test_vp8_comes_back(frame: bytes, picture_id: int) -> None:
    payloads = vp8_payloads(frame, picture_id)
    assert all(len(payload) <= MAX_PAYLOAD + 4 for payload in payloads)
    parts = [part_of("video/vp8", payload) for payload in payloads]
    assert b"".join(part[0] for part in parts) == frame
    assert [part[1] for part in parts] == [True] + [False] * (len(parts) - 1)
    assert parts[0][2] is (frame[0] & 1 == 0)
    assert {parse_descriptor(payload).picture_id for payload in payloads} == {picture_id & 0x7FFF}


UNITS = st.lists(
    st.binary(min_size=1, max_size=3000)
    .map(lambda body: b"\x65" + body.replace(b"\x00", b"\x01"))
    .filter(lambda unit: not unit.endswith(b"\x00")),
    min_size=1,
    max_size=5,
)


@given(UNITS)
def test_h264_comes_back(units: list[bytes]) -> None:
    frame = b"".join(b"\x00\x00\x00\x01" + unit for unit in units)
    assert h264_units(frame) == units
    joined = b"".join(part_of("video/h264;mode=1;profile=42e0", p)[0] for p in h264_payloads(frame))
    assert joined == frame


@pytest.mark.parametrize(
    ("payload", "keyframe"),
    [
        (b"\x67sps", True),
        (b"\x65idr", True),
        (b"\x41slice", False),
        (b"\x7c\x85idr", True),
        (b"\x7c\x05idr", False),
        (b"\x78\x00\x02\x67a", True),
    ],
)
def test_h264_keyframes_are_seen(payload: bytes, keyframe: bool) -> None:
    assert part_of("video/h264", payload)[2] is keyframe


@pytest.mark.parametrize("payload", [b"", b"\x78\x00\xffa", b"\x78\x00\x00", b"\x79abc", b"\x7c"])
def test_cut_h264_is_refused(payload: bytes) -> None:
    with pytest.raises(PacketError):
        part_of("video/h264", payload)


def test_sound_is_one_payload_and_red_gives_its_newest_block() -> None:
    assert payloads_of("audio/opus", b"abc", 1) == [b"abc"]
    assert part_of("audio/red", red.pack(111, b"new", [(111, 960, b"old")])) == (b"new", True, False)


@given(st.sampled_from(["video/vp8", "video/h264", "audio/red", "audio/opus"]), st.binary(max_size=50))
def test_only_packet_errors(codec: str, payload: bytes) -> None:
    try:
        part_of(codec, payload)
    except PacketError:
        return
