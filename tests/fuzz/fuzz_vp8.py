"""VP8 descriptors, and rewriting them."""

from media.errors import PacketError
from media.rtp.vp8 import parse_descriptor, rewrite_descriptor


def fuzz(data: bytes) -> None:
    try:
        descriptor = parse_descriptor(data)
    except PacketError:
        return
    written = rewrite_descriptor(data, descriptor, 0x1234, 0x56)
    again = parse_descriptor(written)
    assert written[again.size :] == data[descriptor.size :]
    assert again.picture_id in (None, 0x1234)
    assert again.keyframe == descriptor.keyframe
