"""RTCP compounds; a transport feedback inside is read too."""

from media.errors import PacketError
from media.rtp.rtcp import MAX_LOST, MAX_PACKETS, Nack, TransportFeedback, pack_nack, parse_compound
from media.rtp.twcc import parse_feedback


def fuzz(data: bytes) -> None:
    try:
        packets = parse_compound(data)
        assert len(packets) <= MAX_PACKETS
        for packet in packets:
            if isinstance(packet, Nack):
                assert len(packet.lost) <= MAX_LOST
                assert all(len(part) <= 1200 for part in pack_nack(1, 2, packet.lost))
            elif isinstance(packet, TransportFeedback):
                parse_feedback(packet.fci)
    except PacketError:
        return
