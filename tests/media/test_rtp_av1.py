"""AV1's aggregation header and the dependency descriptor's mandatory fields."""

import pytest

from media.errors import PacketError
from media.rtp.av1 import (
    AggregationHeader,
    DependencyDescriptor,
    parse_aggregation_header,
    parse_dependency_descriptor,
    starts_keyframe,
)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("00 aa", AggregationHeader(False, False, 0, False)),
        ("08 aa", AggregationHeader(False, False, 0, True)),
        ("28 0a 0b", AggregationHeader(False, False, 2, True)),
        ("58 aa", AggregationHeader(False, True, 1, True)),
        ("90 aa", AggregationHeader(True, False, 1, False)),
        ("f0 aa", AggregationHeader(True, True, 3, False)),
    ],
)
def test_aggregation_header(text: str, header: AggregationHeader) -> None:
    payload = bytes.fromhex(text)
    assert parse_aggregation_header(payload) == header
    assert starts_keyframe(payload) is header.new_sequence


@pytest.mark.parametrize("text", ["", "08", "88 aa", "98 aa"])
def test_aggregation_header_refuses(text: str) -> None:
    with pytest.raises(PacketError):
        starts_keyframe(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("text", "descriptor", "key"),
    [
        ("c0 0001", DependencyDescriptor(True, True, 0, 1, False), False),
        ("83 ffff", DependencyDescriptor(True, False, 3, 65535, False), False),
        ("80 0001 80", DependencyDescriptor(True, False, 0, 1, True), True),
        ("00 0001 80", DependencyDescriptor(False, False, 0, 1, True), False),
        ("80 0001 40", DependencyDescriptor(True, False, 0, 1, False), False),
    ],
)
def test_dependency_descriptor(text: str, descriptor: DependencyDescriptor, key: bool) -> None:
    found = parse_dependency_descriptor(bytes.fromhex(text))
    assert found == descriptor
    assert found.starts_keyframe is key


@pytest.mark.parametrize("text", ["", "80", "8000"])
def test_dependency_descriptor_refuses(text: str) -> None:
    with pytest.raises(PacketError):
        parse_dependency_descriptor(bytes.fromhex(text))
