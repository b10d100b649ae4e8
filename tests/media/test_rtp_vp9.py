"""VP9 descriptors in flexible and non-flexible mode, with layers and structure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import PacketError
from media.rtp.vp9 import Vp9Descriptor, parse_descriptor, starts_keyframe


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def descriptor(size: int, **fields: object) -> Vp9Descriptor:
    plain = Vp9Descriptor(size, False, False, False, False, None, 0, 0, False, 0, False, None, ())
    return plain._replace(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00 aa", descriptor(1)),
        ("08 aa", descriptor(1, start=True, keyframe=True)),
        ("0c aa", descriptor(1, start=True, end=True, keyframe=True)),
        ("48 aa", descriptor(1, start=True, inter_predicted=True)),
        ("88 11 aa", descriptor(2, start=True, keyframe=True, picture_id=17, picture_id_bits=7)),
        ("88 92 34 aa", descriptor(3, start=True, keyframe=True, picture_id=0x1234, picture_id_bits=15)),
        (
            "a8 92 34 50 07 aa",
            descriptor(
                5,
                start=True,
                keyframe=True,
                picture_id=0x1234,
                picture_id_bits=15,
                temporal_id=2,
                switching_up=True,
                tl0_picture_index=7,
            ),
        ),
        (
            "28 03 07 aa",
            descriptor(3, start=True, spatial_id=1, inter_layer=True, tl0_picture_index=7),
        ),
        ("38 02 aa", descriptor(2, start=True, spatial_id=1)),
        ("38 00 aa", descriptor(2, start=True, keyframe=True)),
        ("58 02 aa", descriptor(2, start=True, inter_predicted=True)),
        ("58 03 05 06 aa", descriptor(4, start=True, inter_predicted=True)),
        ("18 aa", descriptor(1, start=True, keyframe=True)),
        ("0a 00 aa", descriptor(2, start=True, keyframe=True)),
        (
            "0a 30 0140 00b4 0280 0168 aa",
            descriptor(10, start=True, keyframe=True, resolutions=((320, 180), (640, 360))),
        ),
        ("0a 08 02 04 01 08 01 02 aa", descriptor(8, start=True, keyframe=True)),
        ("0a 08 01 00 aa aa", descriptor(4, start=True, keyframe=True)),
        ("0a 08 01 0c 01 02 03 aa", descriptor(7, start=True, keyframe=True)),
    ],
    ids=[
        "middle",
        "key start",
        "key start and end",
        "predicted",
        "7-bit id",
        "15-bit id",
        "temporal layer",
        "upper spatial layer",
        "flexible upper layer",
        "flexible lowest layer",
        "one reference",
        "two references",
        "flexible without references",
        "empty structure",
        "resolutions",
        "picture group",
        "picture without references",
        "picture with three references",
    ],
)
def test_parse_descriptor(text: str, expected: Vp9Descriptor) -> None:
    assert parse_descriptor(octets(text)) == expected
    assert parse_descriptor(memoryview(octets(text))) == expected
    assert starts_keyframe(octets(text)) is expected.keyframe


@pytest.mark.parametrize(
    "text",
    [
        "",
        "08",
        "88 11",
        "88 91",
        "88 91 22",
        "28 03",
        "28 03 07",
        "58 03 05 07 aa",
        "58 03 05",
        "0a 10 0140 00",
        "0a 08 02 04 01",
        "0a 08 ff aa",
    ],
)
def test_parse_descriptor_refuses(text: str) -> None:
    with pytest.raises(PacketError):
        parse_descriptor(octets(text))


@given(st.binary(max_size=60))
def test_any_octets_give_a_descriptor_inside_the_payload_or_a_packet_error(payload: bytes) -> None:
    try:
        found = parse_descriptor(payload)
    except PacketError:
        return
    assert 1 <= found.size < len(payload)
