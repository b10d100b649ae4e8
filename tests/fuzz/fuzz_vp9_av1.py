"""VP9 descriptors, AV1 aggregation headers and dependency descriptors."""

from contextlib import suppress

from media.errors import PacketError
from media.rtp import av1, vp9


def fuzz(data: bytes) -> None:
    with suppress(PacketError):
        descriptor = vp9.parse_descriptor(data)
        assert 1 <= descriptor.size < len(data)
        assert len(descriptor.resolutions) <= 8
    with suppress(PacketError):
        av1.parse_aggregation_header(data)
    with suppress(PacketError):
        av1.parse_dependency_descriptor(data)
