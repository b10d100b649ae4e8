"""A packet on its way from one source to many subscriptions, read once for all of them."""

from __future__ import annotations

from media.path.source import Source
from media.path.subscription import BlockKey
from media.rtp.header import RtpHeader
from media.rtp.vp8 import Vp8Descriptor


class Outbound:
    """What every copy of a packet has in common.

    ``payload`` is what follows the header, padding included. Where there is a
    VP8 ``descriptor``, ``tail`` is the payload behind it; else all of it.
    ``blocks`` keeps finished extension blocks by the subscriber's key, and
    lives no longer than the packet.
    """

    __slots__ = (
        "blocks",
        "codec",
        "descriptor",
        "extensions",
        "first",
        "marker",
        "payload",
        "sequence",
        "size",
        "source",
        "tail",
        "timestamp",
    )

    def __init__(
        self,
        source: Source,
        sequence: int,
        codec: str,
        header: RtpHeader,
        data: bytes,
        extensions: dict[int, bytes],
        descriptor: Vp8Descriptor | None = None,
    ) -> None:
        self.source = source
        self.sequence = sequence
        self.codec = codec
        self.timestamp = header.timestamp
        self.marker = 0x80 if header.marker else 0
        self.first = 0x80 | data[0] & 0x20
        payload = data[header.payload_offset :]
        self.payload = payload
        self.size = header.payload_end - header.payload_offset
        self.descriptor = descriptor
        self.tail = payload[descriptor.size :] if descriptor is not None else payload
        self.extensions = extensions
        self.blocks: dict[BlockKey, bytes] = {}

    def with_payload(self, codec: str, payload: bytes) -> Outbound:
        """The same packet with another payload, without padding (RED taken off)."""
        other = Outbound.__new__(Outbound)
        other.source = self.source
        other.sequence = self.sequence
        other.codec = codec
        other.timestamp = self.timestamp
        other.marker = self.marker
        other.first = 0x80
        other.payload = other.tail = payload
        other.size = len(payload)
        other.descriptor = None
        other.extensions = self.extensions
        other.blocks = self.blocks
        return other
