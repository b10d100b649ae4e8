"""Transport-wide feedback: as a message from the network, and as a series of arrivals."""

from media.errors import PacketError
from media.rtp.rtcp import TransportFeedback, parse_compound
from media.rtp.twcc import MAX_STATUSES, WINDOW, ArrivalLog, parse_feedback


def fuzz(data: bytes) -> None:
    log = ArrivalLog()
    for at in range(0, len(data) - 2, 3):
        log.record(data[at] << 8 | data[at + 1], data[at + 2] / 4 + at)
        assert len(log) <= 2 * WINDOW
    for message in log.feedback(1, 2, float(len(data))):
        assert len(message) <= 1200
        (packet,) = parse_compound(message)
        assert isinstance(packet, TransportFeedback)
        assert any(delta is not None for _, delta in parse_feedback(packet.fci))
    try:
        assert len(parse_feedback(data)) <= MAX_STATUSES
    except PacketError:
        return
