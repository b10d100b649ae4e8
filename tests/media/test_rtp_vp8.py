"""VP8 descriptors: every combination of fields, rewriting, and another implementation as a judge."""

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from media.errors import PacketError
from media.rtp.vp8 import Vp8Descriptor, pack_descriptor, parse_descriptor, rewrite_descriptor


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("text", "descriptor"),
    [
        ("10 00", Vp8Descriptor(1, True, True, None, 0, None, 0, False, False)),
        ("10 01", Vp8Descriptor(1, True, False, None, 0, None, 0, False, False)),
        ("00 00", Vp8Descriptor(1, False, False, None, 0, None, 0, False, False)),
        ("11 00", Vp8Descriptor(1, False, False, None, 0, None, 0, False, False)),
        ("30 01", Vp8Descriptor(1, True, False, None, 0, None, 0, False, True)),
        ("90 80 11 00", Vp8Descriptor(3, True, True, 0x11, 7, None, 0, False, False)),
        ("90 80 92 34 00", Vp8Descriptor(4, True, True, 0x1234, 15, None, 0, False, False)),
        ("90 80 80 05 01", Vp8Descriptor(4, True, False, 5, 15, None, 0, False, False)),
        ("90 40 07 00", Vp8Descriptor(3, True, True, None, 0, 7, 0, False, False)),
        ("90 20 a0 00", Vp8Descriptor(3, True, True, None, 0, None, 2, True, False)),
        ("90 20 40 00", Vp8Descriptor(3, True, True, None, 0, None, 1, False, False)),
        ("90 10 ff 00", Vp8Descriptor(3, True, True, None, 0, None, 0, False, False)),
        ("90 f0 92 34 07 e5 00", Vp8Descriptor(6, True, True, 0x1234, 15, 7, 3, True, False)),
        ("80 f0 12 07 45 00", Vp8Descriptor(5, False, False, 0x12, 7, 7, 1, False, False)),
        ("50 00", Vp8Descriptor(1, True, True, None, 0, None, 0, False, False)),
        ("10 02", Vp8Descriptor(1, True, True, None, 0, None, 0, False, False)),
        ("90 80 92 34 02", Vp8Descriptor(4, True, True, 0x1234, 15, None, 0, False, False)),
        ("90 80 92 34 fd", Vp8Descriptor(4, True, False, 0x1234, 15, None, 0, False, False)),
        ("90 00 00", Vp8Descriptor(2, True, True, None, 0, None, 0, False, False)),
    ],
)
def test_parse_descriptor(text: str, descriptor: Vp8Descriptor) -> None:
    assert parse_descriptor(octets(text)) == descriptor
    assert parse_descriptor(memoryview(octets(text))) == descriptor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "90",
        "90 00",
        "90 80",
        "90 80 11",
        "90 80 91",
        "90 80 91 22",
        "90 f0 92 34 07",
        "90 f0 92 34 07 e5",
    ],
)
def test_parse_descriptor_refuses(text: str) -> None:
    with pytest.raises(PacketError):
        parse_descriptor(octets(text))


@pytest.mark.parametrize(
    ("text", "picture_id", "tl0", "rewritten"),
    [
        ("90 f0 92 34 07 e5 00 aa", 0x0102, 9, "90 f0 81 02 09 e5 00 aa"),
        ("90 80 92 34 00 aa", 0x7FFF, 9, "90 80 ff ff 00 aa"),
        ("90 f0 12 07 e5 00 aa", 0x0102, 9, "90 f0 81 02 09 e5 00 aa"),
        ("90 80 12 00 aa", 0x0003, 9, "90 80 80 03 00 aa"),
        ("90 40 07 00 aa", 0x0102, 9, "90 40 09 00 aa"),
        ("90 20 40 00 aa", 0x0102, 9, "90 20 40 00 aa"),
        ("10 00 aa", 0x0102, 9, "10 00 aa"),
        ("b0 f0 92 34 07 e5 00", 0x18102, 265, "b0 f0 81 02 09 e5 00"),
    ],
    ids=["15 bits", "no tl0", "7 bits widen", "7 bits, no tl0", "only tl0", "only tid", "bare", "folded"],
)
def test_rewrite(text: str, picture_id: int, tl0: int, rewritten: str) -> None:
    payload = octets(text)
    assert rewrite_descriptor(payload, parse_descriptor(payload), picture_id, tl0) == octets(rewritten)


def build(first: int, present: int, picture: int, wide: bool, tl0: int, layers: int, frame: bytes) -> bytes:
    """A payload with the fields that ``present`` names, written from the RFC's picture of it."""
    parts = [bytes((first | 0x80, present))]
    if present & 0x80:
        parts.append((0x8000 | picture).to_bytes(2, "big") if wide else bytes((picture & 0x7F,)))
    if present & 0x40:
        parts.append(bytes((tl0,)))
    if present & 0x30:
        parts.append(bytes((layers,)))
    return b"".join((*parts, frame))


PAYLOADS = st.builds(
    build,
    st.integers(0, 0x7F).map(lambda first: first & 0x37),
    st.integers(0, 15).map(lambda flags: flags << 4),
    st.integers(0, 0x7FFF),
    st.booleans(),
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(min_size=1, max_size=20),
)


@given(PAYLOADS)
def test_another_parser_agrees(payload: bytes) -> None:
    ours = parse_descriptor(payload)
    theirs, rest = VpxPayloadDescriptor.parse(payload)
    assert payload[ours.size :] == rest
    assert (ours.picture_id, ours.tl0_picture_index) == (theirs.picture_id, theirs.tl0picidx)
    assert ours.start == (theirs.partition_start == 1 and theirs.partition_id == 0)
    assert ours.keyframe == (ours.start and rest[0] & 1 == 0)
    if theirs.tid is not None:
        assert (ours.temporal_id, ours.layer_sync) == (theirs.tid[0], bool(theirs.tid[1]))


@given(PAYLOADS, st.integers(0, 0x7FFF), st.integers(0, 255))
def test_rewriting_changes_two_fields_and_nothing_else(payload: bytes, picture_id: int, tl0: int) -> None:
    before = parse_descriptor(payload)
    written = rewrite_descriptor(payload, before, picture_id, tl0)
    after = parse_descriptor(written)
    assert written[after.size :] == payload[before.size :]
    assert written[: after.size] == pack_descriptor(payload, before, picture_id, tl0)
    assert after.picture_id == (None if before.picture_id is None else picture_id)
    assert after.tl0_picture_index == (None if before.tl0_picture_index is None else tl0)
    assert after.picture_id_bits == (15 if before.picture_id_bits else 0)
    assert len(written) - len(payload) == (1 if before.picture_id_bits == 7 else 0)
    untouched = ("start", "keyframe", "temporal_id", "layer_sync", "discardable")
    assert [getattr(after, name) for name in untouched] == [getattr(before, name) for name in untouched]


@given(PAYLOADS)
def test_rewriting_with_the_same_numbers_gives_the_same_octets(payload: bytes) -> None:
    descriptor = parse_descriptor(payload)
    if descriptor.picture_id_bits == 7:
        return
    same = rewrite_descriptor(
        payload, descriptor, descriptor.picture_id or 0, descriptor.tl0_picture_index or 0
    )
    assert same == payload


@given(st.binary(max_size=12))
def test_any_octets_give_a_descriptor_inside_the_payload_or_a_packet_error(payload: bytes) -> None:
    try:
        descriptor = parse_descriptor(payload)
    except PacketError:
        return
    assert 1 <= descriptor.size < len(payload)
