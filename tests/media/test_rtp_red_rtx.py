"""RED blocks and retransmission payloads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import PacketError
from media.rtp import red, rtx
from media.rtp.header import build_packet, parse_header


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("6f aabb", [(111, 0, "aabb")]),
        ("6f", [(111, 0, "")]),
        ("ef 0f0002 6f 1122 aabb", [(111, 960, "1122"), (111, 0, "aabb")]),
        ("ef 1e0001 ef 0f0002 6f 01 1122 aa", [(111, 1920, "01"), (111, 960, "1122"), (111, 0, "aa")]),
        ("ef 0f0000 6f aabb", [(111, 960, ""), (111, 0, "aabb")]),
        ("ef 0f0002 6f 1122", [(111, 960, "1122"), (111, 0, "")]),
        ("ef 0f0123 6f" + "11" * 291 + "aa", [(111, 960, "11" * 291), (111, 0, "aa")]),
        ("80 fffc00 00 aa", [(0, 0x3FFF, ""), (0, 0, "aa")]),
    ],
    ids=[
        "primary",
        "empty primary",
        "one",
        "two",
        "empty block",
        "nothing new",
        "long block",
        "greatest offset",
    ],
)
def test_blocks_and_primary(text: str, blocks: list[tuple[int, int, str]]) -> None:
    expected = [(payload_type, offset, octets(data)) for payload_type, offset, data in blocks]
    assert red.blocks(octets(text)) == expected
    assert red.primary(octets(text)) == expected[-1][2]


@pytest.mark.parametrize(
    "text",
    ["", "ef", "ef 0f00", "ef 0f0002", "ef 0f0002 6f 11", "ef 0f03ff 6f 11", "ef 0f0000" * 33 + "6f aa"],
    ids=["empty", "one octet", "cut head", "no primary", "cut block", "long block", "33 blocks"],
)
def test_red_refuses(text: str) -> None:
    for parse in (red.blocks, red.primary):
        with pytest.raises(PacketError):
            parse(octets(text))


BLOCK = st.tuples(st.integers(0, 127), st.integers(0, 0x3FFF), st.binary(max_size=60))


@given(st.integers(0, 127), st.binary(max_size=60), st.lists(BLOCK, max_size=red.MAX_BLOCKS))
def test_red_round_trip(payload_type: int, data: bytes, older: list[tuple[int, int, bytes]]) -> None:
    payload = red.pack(payload_type, data, older)
    assert red.blocks(payload) == [*older, (payload_type, 0, data)]
    assert red.primary(payload) == data


@pytest.mark.parametrize("block", [(111, 0x4000, b""), (111, -1, b""), (111, 0, bytes(1024))])
def test_red_pack_refuses(block: tuple[int, int, bytes]) -> None:
    with pytest.raises(ValueError, match="RED"):
        red.pack(111, b"", [block])


@given(st.binary(max_size=40))
def test_both_readings_of_red_agree(payload: bytes) -> None:
    try:
        newest = red.primary(payload)
    except PacketError:
        with pytest.raises(PacketError):
            red.blocks(payload)
        return
    assert red.blocks(payload)[-1][2] == newest


@pytest.mark.parametrize(("payload", "padding"), [("", 255), ("", 1), ("", 0), ("12", 0), ("12", 40)])
def test_fc_a14_retransmission_with_nothing_in_it(payload: str, padding: int) -> None:
    data = build_packet(97, 7, 8, 9, octets(payload), padding=padding)
    header = parse_header(data)
    with pytest.raises(PacketError):
        rtx.unwrap(data[header.payload_offset : header.payload_end])


@pytest.mark.parametrize(
    ("payload", "unwrapped"),
    [("1234", (0x1234, b"")), ("ffff 00", (0xFFFF, b"\0")), ("0001 10 00 aa", (1, b"\x10\0\xaa"))],
)
def test_unwrap(payload: str, unwrapped: tuple[int, bytes]) -> None:
    assert rtx.unwrap(octets(payload)) == unwrapped


@given(st.integers(0, 1 << 40), st.binary(max_size=40))
def test_rtx_round_trip(sequence: int, payload: bytes) -> None:
    assert rtx.unwrap(rtx.wrap(sequence, payload)) == (sequence % 65536, payload)
