"""RTP headers and header extensions: tables of octets, and laws."""

import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from media.errors import PacketError
from media.rtp.header import (
    DatagramKind,
    RtpHeader,
    build_packet,
    classify,
    is_rtcp,
    pack_extensions,
    pack_header,
    parse_extensions,
    parse_header,
)

FIXED = "80 e0 1234 89abcdef 01020304"


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (FIXED, RtpHeader(True, 96, 0x1234, 0x89ABCDEF, 0x01020304, 12, 12, 0, 12, 12)),
        (
            "80 60 0000 00000000 00000000 aabbcc",
            RtpHeader(False, 96, 0, 0, 0, 12, 15, 0, 12, 12),
        ),
        (
            "82 6f ffff ffffffff ffffffff 00000001 00000002 aa",
            RtpHeader(False, 111, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 20, 21, 0, 20, 20),
        ),
        (
            "90 6f 0001 00000002 00000003 bede0001 10aa0000 bb",
            RtpHeader(False, 111, 1, 2, 3, 20, 21, 0xBEDE, 16, 20),
        ),
        (
            "90 6f 0001 00000002 00000003 bede0000",
            RtpHeader(False, 111, 1, 2, 3, 16, 16, 0xBEDE, 16, 16),
        ),
        (
            "91 6f 0001 00000002 00000003 00000009 10000001 00000000 bb",
            RtpHeader(False, 111, 1, 2, 3, 24, 25, 0x1000, 20, 24),
        ),
        ("a0 60 0001 00000002 00000003 aabb 0002", RtpHeader(False, 96, 1, 2, 3, 12, 14, 0, 12, 12)),
        ("a0 60 0001 00000002 00000003 000003", RtpHeader(False, 96, 1, 2, 3, 12, 12, 0, 12, 12)),
    ],
    ids=[
        "bare",
        "payload",
        "csrc",
        "extension",
        "empty extension",
        "csrc+two byte",
        "padding",
        "padding only",
    ],
)
def test_parse_header(text: str, header: RtpHeader) -> None:
    assert parse_header(octets(text)) == header


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80",
        "80 e0 1234 89abcdef 010203",
        "40 e0 1234 89abcdef 01020304",
        "00 e0 1234 89abcdef 01020304",
        "c0 e0 1234 89abcdef 01020304",
        "81 e0 1234 89abcdef 01020304 0000",
        "90 e0 1234 89abcdef 01020304",
        "90 e0 1234 89abcdef 01020304 bede",
        "90 e0 1234 89abcdef 01020304 bede0001 aabbcc",
        "90 e0 1234 89abcdef 01020304 bedeffff aabbccdd",
    ],
)
def test_parse_header_refuses(text: str) -> None:
    with pytest.raises(PacketError):
        parse_header(octets(text))


@pytest.mark.parametrize(
    "behind",
    ["", "00", "aabb 00", "aabb 04", "ff", "aa 00000005 ff"],
    ids=["no octet", "count 0", "count 0 behind data", "one too many", "255 of 1", "255 of 6"],
)
def test_fc_a14_padding_count_that_does_not_fit(behind: str) -> None:
    with pytest.raises(PacketError):
        parse_header(octets("a0 60 0001 00000002 00000003") + octets(behind))


def test_fc_a14_padding_of_255_and_nothing_else() -> None:
    header = parse_header(build_packet(97, 7, 8, 9, b"", padding=255))
    assert header.payload_offset == header.payload_end == 12


def parsed(profile: str, body: str) -> dict[int, bytes]:
    block = octets(body)
    block += bytes(-len(block) % 4)
    words = (len(block) // 4).to_bytes(2, "big")
    data = octets("90 60 0001 00000002 00000003") + octets(profile) + words + block + b"payload"
    return parse_extensions(data, parse_header(data))


@pytest.mark.parametrize(
    ("profile", "body", "elements"),
    [
        ("bede", "40 30 00 a0 66 f0 12 40 31", {4: b"0", 10: b"f"}),
        ("bede", "40 30 01 aa bb a0 66", {4: b"0"}),
        ("bede", "40 30 0f aa bb a0 66", {4: b"0"}),
        ("bede", "00 00 00 40 30", {4: b"0"}),
        ("1000", "10 01 66", {16: b"f"}),
        ("100f", "10 01 66 ff 00 01 02 6162", {16: b"f", 255: b"", 1: b"ab"}),
        ("1000", "00 00 10 01 66 00 0f 03 010203", {16: b"f", 15: b"\1\2\3"}),
    ],
    ids=[
        "id 15 ends",
        "id 0 with length ends",
        "id 0 with length 16 ends",
        "pads",
        "two-byte",
        "appbits",
        "id 15",
    ],
)
def test_fc_a15_extension_blocks(profile: str, body: str, elements: dict[int, bytes]) -> None:
    assert parsed(profile, body) == elements


@pytest.mark.parametrize(
    ("profile", "body", "elements"),
    [
        ("bede", "40 30 57 aabb 00", {4: b"0"}),
        ("bede", "40 30 50", {4: b"0", 5: b"\0"}),
        ("bede", "40 30 40 31", {4: b"1"}),
        ("bede", "ef 000102030405060708090a0b0c0d0e0f", {14: bytes(range(16))}),
        ("1000", "10 01 66 11 09 aa", {16: b"f"}),
        ("1000", "10 01 66 00 00 00 11", {16: b"f", 17: b""}),
        ("1000", "10 01 66 00 00 00 00 11", {16: b"f"}),
        ("1010", "10 01 66", {}),
        ("bedf", "40 30", {}),
        ("0000", "40 30", {}),
    ],
    ids=[
        "cut off",
        "completed by the block's padding",
        "twice, last counts",
        "sixteen octets",
        "two-byte cut off",
        "two-byte completed by padding",
        "two-byte without its length",
        "not two-byte",
        "other profile",
        "profile 0",
    ],
)
def test_extension_block_edges(profile: str, body: str, elements: dict[int, bytes]) -> None:
    assert parsed(profile, body) == elements


@pytest.mark.parametrize("block", ["bede0001 4030 0050", "10000001 100166 11", "10000001 100166 00"])
def test_a_block_that_ends_with_the_packet(block: str) -> None:
    data = octets("90 60 0001 00000002 00000003") + octets(block)
    assert parse_extensions(data, parse_header(data)) in ({4: b"0"}, {16: b"f"})


@pytest.mark.parametrize(
    ("items", "block"),
    [
        ([], ""),
        ([(1, b"a")], "bede0001 10610000"),
        ([(1, b"a"), (14, b"bcd")], "bede0002 1061e262 63640000"),
        ([(3, bytes(16))], "bede0005 3f" + "00" * 19),
        ([(15, b"a")], "10000001 0f016100"),
        ([(1, b"")], "10000001 01000000"),
        ([(1, b"a"), (2, bytes(17))], "10000006 010161 0211" + "00" * 19),
        ([(255, b"ab")], "10000001 ff026162"),
        ([(1, bytes(255))], "10000041 01ff" + "00" * 258),
    ],
)
def test_pack_extensions(items: list[tuple[int, bytes]], block: str) -> None:
    assert pack_extensions(items) == octets(block)


@pytest.mark.parametrize("item", [(0, b"a"), (256, b"a"), (-1, b"a"), (1, bytes(256)), (0, b"")])
def test_pack_extensions_refuses(item: tuple[int, bytes]) -> None:
    with pytest.raises(ValueError, match="header extension"):
        pack_extensions([item])


ELEMENTS = st.dictionaries(st.integers(1, 255), st.binary(max_size=255), max_size=8)
ONE_BYTE_ELEMENTS = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=14)


@given(
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.booleans(),
    ELEMENTS | ONE_BYTE_ELEMENTS,
    st.binary(max_size=40),
    st.integers(0, 255),
)
def test_what_is_built_is_parsed(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool,
    elements: dict[int, bytes],
    payload: bytes,
    padding: int,
) -> None:
    data = build_packet(
        payload_type,
        sequence,
        timestamp,
        ssrc,
        payload,
        marker=marker,
        extensions=list(elements.items()),
        padding=padding,
    )
    header = parse_header(data)
    assert header[:5] == (marker, payload_type, sequence, timestamp, ssrc)
    assert data[header.payload_offset : header.payload_end] == payload
    assert len(data) - header.payload_end == padding
    assert parse_extensions(data, header) == elements


@given(ONE_BYTE_ELEMENTS)
def test_one_byte_form_where_it_can_say_it(elements: dict[int, bytes]) -> None:
    block = pack_extensions(list(elements.items()))
    assert len(block) % 4 == 0
    assert block[:2] == (b"\xbe\xde" if elements else b"")


@given(st.binary(max_size=80).map(lambda tail: b"\x90" + tail) | st.binary(max_size=80))
def test_any_octets_give_a_header_inside_the_data_or_a_packet_error(data: bytes) -> None:
    try:
        header = parse_header(data)
    except PacketError:
        return
    assert 12 <= header.payload_offset <= header.payload_end <= len(data)
    assert 12 <= header.ext_start <= header.ext_end <= len(data)
    elements = parse_extensions(data, header)
    assert sum(len(value) + 1 for value in elements.values()) <= header.ext_end - header.ext_start


@given(st.integers(0, 127), st.integers(0, 0xFFFF), st.booleans(), st.binary(min_size=1, max_size=50))
def test_another_parser_reads_our_packets(
    payload_type: int, sequence: int, marker: bool, payload: bytes
) -> None:
    theirs = RtpPacket.parse(build_packet(payload_type, sequence, 5, 6, payload, marker=marker, padding=3))
    assert (theirs.payload_type, theirs.sequence_number, theirs.marker) == (
        payload_type,
        sequence,
        int(marker),
    )
    assert (theirs.timestamp, theirs.ssrc, theirs.payload) == (5, 6, payload)


def test_pack_header_with_a_block() -> None:
    block = pack_extensions([(1, b"a")])
    assert pack_header(111, 1, 2, 3, True, block) == octets("90ef0001 00000002 00000003") + block


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (0, DatagramKind.STUN),
        (3, DatagramKind.STUN),
        (4, DatagramKind.OTHER),
        (19, DatagramKind.OTHER),
        (20, DatagramKind.DTLS),
        (63, DatagramKind.DTLS),
        (64, DatagramKind.OTHER),
        (127, DatagramKind.OTHER),
        (128, DatagramKind.RTP),
        (191, DatagramKind.RTP),
        (192, DatagramKind.OTHER),
        (255, DatagramKind.OTHER),
    ],
)
def test_classify(first: int, kind: DatagramKind) -> None:
    assert classify(first) is kind


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("80c8", True),
        ("80df", True),
        ("81ce", True),
        ("80c0", True),
        ("80bf", False),
        ("80e0", False),
        ("8060", False),
        ("80", False),
        ("", False),
    ],
)
def test_is_rtcp(text: str, answer: bool) -> None:
    assert is_rtcp(octets(text)) is answer
