"""Where H.264 keyframes start: single units, aggregates, fragments, whole access units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import PacketError
from media.rtp.h264 import KeyframeStart, keyframe_start, starts_keyframe

NONE, IDR, SPS = KeyframeStart.NONE, KeyframeStart.IDR, KeyframeStart.SPS

SPS_UNIT = "6742e01f8c8d40"
PPS_UNIT = "68ce3c80"
IDR_UNIT = "6588840a"
IDR_SECOND_SLICE = "65046884"
P_UNIT = "419a246c"
AUD_UNIT = "0910"


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def stap(*units: str) -> bytes:
    return b"\x78" + b"".join(len(octets(u)).to_bytes(2, "big") + octets(u) for u in units)


def fragments(unit: str, parts: int = 2) -> list[bytes]:
    """A NAL unit as FU-A packets (RFC 6184 section 5.8)."""
    data = octets(unit)
    indicator = data[0] & 0xE0 | 28
    body = data[1:]
    step = -(-len(body) // parts)
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    return [
        bytes((indicator, data[0] & 0x1F | (0x80 if n == 0 else 0) | (0x40 if n == len(pieces) - 1 else 0)))
        + piece
        for n, piece in enumerate(pieces)
    ]


@pytest.mark.parametrize(
    ("payload", "start"),
    [
        (octets(SPS_UNIT), SPS),
        (octets(PPS_UNIT), NONE),
        (octets(IDR_UNIT), IDR),
        (octets(IDR_SECOND_SLICE), NONE),
        (octets(P_UNIT), NONE),
        (octets(AUD_UNIT), NONE),
        (stap(SPS_UNIT, PPS_UNIT), SPS),
        (stap(SPS_UNIT, PPS_UNIT, IDR_UNIT), SPS),
        (stap(AUD_UNIT, SPS_UNIT, PPS_UNIT), SPS),
        (stap(PPS_UNIT, IDR_UNIT), IDR),
        (stap(PPS_UNIT, P_UNIT), NONE),
        (stap(IDR_UNIT, SPS_UNIT), SPS),
        (stap(PPS_UNIT + "00" * 300, SPS_UNIT), SPS),
        (stap(), NONE),
        (fragments(IDR_UNIT)[0], IDR),
        (fragments(IDR_UNIT)[1], NONE),
        (fragments(IDR_SECOND_SLICE)[0], NONE),
        (fragments(SPS_UNIT)[0], SPS),
        (fragments(SPS_UNIT)[1], NONE),
        (fragments(P_UNIT)[0], NONE),
        (octets("65"), NONE),
        (octets("7c85"), NONE),
        (octets("7985"), NONE),
    ],
)
def test_keyframe_start(payload: bytes, start: KeyframeStart) -> None:
    assert keyframe_start(payload) is start
    assert keyframe_start(memoryview(payload)) is start
    assert starts_keyframe(payload) is (start is not NONE)


@pytest.mark.parametrize("text", ["", "7c", "78 00", "78 0005 67", "78 0000 67", "78 0001 67 00"])
def test_keyframe_start_refuses(text: str) -> None:
    with pytest.raises(PacketError):
        keyframe_start(octets(text))


@pytest.mark.parametrize(
    "unit",
    [
        [octets(SPS_UNIT), octets(PPS_UNIT), octets(IDR_UNIT)],
        [octets(SPS_UNIT), octets(PPS_UNIT), *fragments(IDR_UNIT), *fragments(IDR_SECOND_SLICE)],
        [stap(SPS_UNIT, PPS_UNIT), *fragments(IDR_UNIT)],
        [stap(SPS_UNIT, PPS_UNIT, IDR_UNIT), octets(IDR_SECOND_SLICE)],
        [octets(IDR_UNIT), octets(IDR_SECOND_SLICE)],
        [*fragments(IDR_UNIT), *fragments(IDR_SECOND_SLICE)],
    ],
)
def test_the_first_packet_of_an_access_unit_starts(unit: list[bytes]) -> None:
    assert starts_keyframe(unit[0])
    assert not starts_keyframe(octets(P_UNIT))


def test_a_delimiter_before_the_parameters_is_no_start() -> None:
    unit = [octets(AUD_UNIT), octets(SPS_UNIT)]
    assert [starts_keyframe(payload) for payload in unit] == [False, True]


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\x78" + tail))
def test_any_octets_give_an_answer_or_a_packet_error(payload: bytes) -> None:
    try:
        assert keyframe_start(payload) in KeyframeStart
    except PacketError:
        return
