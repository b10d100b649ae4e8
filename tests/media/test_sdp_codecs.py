"""Codec keys, the catalogue, and H.264 by the letter."""

import pytest

from media.ports import Kind
from media.sdp.catalogue import CATALOGUE, DEFAULT_KEYS, RTX_PAYLOAD_TYPES
from media.sdp.codecs import Format, choose_payload_type, codec_key, codec_name, h264_profile, same_format


@pytest.mark.parametrize(
    ("name", "rate", "channels", "fmtp", "key"),
    [
        ("opus", 48000, 2, "minptime=10;useinbandfec=1", "audio/opus"),
        ("OPUS", 48000, 2, "", "audio/opus"),
        ("opus", 48000, 1, "", ""),
        ("red", 48000, 2, "111/111", "audio/red"),
        ("red", 90000, 1, "", ""),
        ("VP8", 90000, 1, "", "video/vp8"),
        ("VP8", 8000, 1, "", ""),
        ("VP9", 90000, 1, "", "video/vp9;profile=0"),
        ("VP9", 90000, 1, "profile-id=2", "video/vp9;profile=2"),
        ("VP9", 90000, 1, "profile-id=7", ""),
        ("AV1", 90000, 1, "", "video/av1;profile=0"),
        ("AV1", 90000, 1, "level-idx=5;profile=1;tier=0", "video/av1;profile=1"),
        ("H264", 90000, 1, "packetization-mode=1;profile-level-id=42e01f", "video/h264;mode=1;profile=42e0"),
        (
            "H264",
            90000,
            1,
            "profile-level-id=42E01F; Packetization-Mode = 1",
            "video/h264;mode=1;profile=42e0",
        ),
        ("H264", 90000, 1, "profile-level-id=640c1f", "video/h264;mode=0;profile=640c"),
        ("H264", 90000, 1, "", "video/h264;mode=0;profile=42e0"),
        ("H264", 90000, 1, "packetization-mode=2", ""),
        ("H264", 90000, 1, "profile-level-id=xyz", ""),
        ("H265", 90000, 1, "", ""),
        ("telephone-event", 48000, 1, "", ""),
        ("PCMU", 8000, 1, "", ""),
    ],
)
def test_codec_key(name: str, rate: int, channels: int, fmtp: str, key: str) -> None:
    assert codec_key(name, rate, channels, fmtp) == key


@pytest.mark.parametrize(
    ("profile_level_id", "profile"),
    [
        # Constrained baseline in all its spellings (RFC 6184, table 5).
        ("42e01f", "42e0"),
        ("42c01f", "42e0"),
        ("42401f", "42e0"),
        ("42f00b", "42e0"),
        ("4d801f", "42e0"),
        ("4de01f", "42e0"),
        ("58c01f", "42e0"),
        ("58f00b", "42e0"),
        # Baseline.
        ("42001f", "4200"),
        ("42a01f", "4200"),
        ("58801f", "4200"),
        # Main, extended, high, constrained high, high 4:4:4 predictive.
        ("4d001f", "4d00"),
        ("4d401f", "4d00"),
        ("58001f", "5800"),
        ("64001f", "6400"),
        ("640c1f", "640c"),
        ("f4001f", "f400"),
        ("64081f", ""),
        ("6e001f", ""),
        ("42e0", ""),
        ("42e01f0", ""),
        ("+2e01f", ""),
        ("4_e01f", ""),
        ("zzzzzz", ""),
    ],
)
def test_h264_profile(profile_level_id: str, profile: str) -> None:
    assert h264_profile(profile_level_id) == profile


def h264(payload_type: int, fmtp: str) -> Format:
    return Format(payload_type, "H264", 90000, 1, fmtp, frozenset(), codec_key("H264", 90000, 1, fmtp))


LAA = "level-asymmetry-allowed=1"
SENT = h264(102, f"{LAA};packetization-mode=1;profile-level-id=42e01f")
FIREFOX = [
    h264(126, f"{LAA};packetization-mode=1;profile-level-id=42e01f"),
    h264(97, f"{LAA};profile-level-id=42e01f"),
    h264(105, f"{LAA};packetization-mode=1;profile-level-id=42001f"),
    h264(103, f"{LAA};profile-level-id=42001f"),
]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([h264(126, f"{LAA};packetization-mode=1;profile-level-id=42e01f")], 126),
        ([h264(97, f"{LAA};profile-level-id=42e01f")], None),
        ([h264(105, f"{LAA};packetization-mode=1;profile-level-id=42001f")], None),
        ([h264(103, f"{LAA};profile-level-id=42001f")], None),
        ([h264(108, f"{LAA};packetization-mode=1;profile-level-id=42e034")], 108),
        ([h264(110, f"{LAA};packetization-mode=1;profile-level-id=640c1f")], None),
        (FIREFOX, 126),
        (list(reversed(FIREFOX)), 126),
        ([h264(99, f"{LAA};packetization-mode=1;profile-level-id=42c015"), *FIREFOX], 99),
        # Without level asymmetry the receiver's level has to do for the stream.
        ([h264(98, "packetization-mode=1;profile-level-id=42e00b"), *FIREFOX], 126),
        ([h264(98, "packetization-mode=1;profile-level-id=42e034")], 98),
        ([Format(96, "VP8", 90000, key="video/vp8"), h264(121, "packetization-mode=1")], 121),
    ],
)
def test_fc_a08_h264_offers_and_the_payload_type_chosen(offered: list[Format], chosen: int | None) -> None:
    assert choose_payload_type(SENT, offered) == chosen


def test_level_1b_lies_between_1_and_1_1() -> None:
    plain = "packetization-mode=0;profile-level-id="
    one, one_b, one_1 = (h264(1, plain + text) for text in ("42000a", "42100b", "42000b"))
    assert same_format(one, one_b)
    assert same_format(one_b, one_1)
    assert not same_format(one_b, one)
    assert not same_format(one_1, one_b)
    # High profile says 1b as level 9, since constraint_set3 means something else there.
    nine = h264(1, plain + "640009")
    assert not same_format(nine, h264(1, plain + "64000a"))
    assert same_format(nine, h264(1, plain + "64000b"))


def test_the_catalogue_numbers_each_format_once() -> None:
    numbers = [item.payload_type for item in CATALOGUE.values()] + list(RTX_PAYLOAD_TYPES.values())
    assert len(set(numbers)) == len(numbers)
    assert all(35 <= number <= 63 or 96 <= number <= 127 for number in numbers)
    for key, item in CATALOGUE.items():
        assert codec_key(item.name, item.clock_rate, item.channels, item.fmtp) == key
        assert (item.payload_type in RTX_PAYLOAD_TYPES) == key.startswith("video/")
    assert all(key in CATALOGUE for kind in Kind for key in DEFAULT_KEYS[kind])


def test_codec_name() -> None:
    assert codec_name("video/h264;mode=1;profile=42e0") == "h264"
    assert codec_name("audio/opus") == "opus"
