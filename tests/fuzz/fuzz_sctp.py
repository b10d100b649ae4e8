"""SCTP packets: what our checks let through is read by aiortc without an endless loop or an error."""

import struct

from aiortc import rtcsctptransport as aio
from google_crc32c import value as crc32c

from media.errors import PacketError
from media.sctp_checks import check_packet


def fuzz(data: bytes) -> None:
    """May raise nothing; the checks alone may raise PacketError."""
    for packet in (data, data[:8] + struct.pack("<L", crc32c(data[:8] + bytes(4) + data[12:])) + data[12:]):
        try:
            check_packet(packet)
        except PacketError:
            continue
        for chunk in aio.parse_packet(packet)[3]:
            for name, value in chunk.params if isinstance(chunk, aio.ReconfigChunk) else ():
                if name in aio.RECONFIG_PARAM_TYPES:
                    aio.RECONFIG_PARAM_TYPES[name].parse(value)
