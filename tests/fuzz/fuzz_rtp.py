"""RTP headers and header extensions, and what is packed again from them."""

from media.errors import PacketError
from media.rtp.header import pack_extensions, parse_extensions, parse_header


def fuzz(data: bytes) -> None:
    try:
        header = parse_header(data)
    except PacketError:
        return
    assert (
        12 <= header.ext_start <= header.ext_end <= header.payload_offset <= header.payload_end <= len(data)
    )
    elements = parse_extensions(data, header)
    again = bytes((0x90, 0)) + bytes(10) + pack_extensions(list(elements.items()) or [(1, b"a")])
    assert parse_extensions(again, parse_header(again)) == (elements or {1: b"a"})
