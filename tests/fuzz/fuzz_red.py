"""Redundant audio and retransmission payloads."""

from contextlib import suppress

from media.errors import PacketError
from media.rtp import red, rtx


def fuzz(data: bytes) -> None:
    with suppress(PacketError):
        blocks = red.blocks(data)
        assert len(blocks) <= red.MAX_BLOCKS + 1
        assert red.primary(data) == blocks[-1][2]
        assert red.blocks(red.pack(blocks[-1][0], blocks[-1][2], blocks[:-1])) == blocks
    with suppress(PacketError):
        assert rtx.wrap(*rtx.unwrap(data)) == data
