"""The client's receiving side: any run of packets from a relay, with RTX, reports and frames."""

from media.errors import PacketError
from media.ports import Kind
from media.rtp.header import parse_header
from signaling.client.receiver import ReceivedStream

CODECS = {96: "video/vp8", 97: "video/h264;mode=1;profile=42e0", 98: "audio/red"}


def fuzz(data: bytes) -> None:
    """Packets with a length octet before each; may raise nothing, a bad header is passed over."""
    stream = ReceivedStream(1, Kind.VIDEO, CODECS, {99: 96}, 90_000)
    stream.hand_frames(lambda frame: None)
    position, now = 0, 0.0
    while position < len(data):
        size = data[position]
        packet = data[position + 1 : position + 1 + size]
        position += 1 + size
        now += 0.01
        try:
            header = parse_header(packet)
        except PacketError:
            continue
        (stream.receive_rtx if header.payload_type == 99 else stream.receive)(header, packet, now)
        stream.poll(now)
        stream.report_block(now)
