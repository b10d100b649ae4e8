"""Datagrams at a whole packet path, and plain RTP and RTCP behind its SRTP.

The input is a row of records: one octet that says who sends what, two octets of
length, the data. Nothing may raise, nor be caught as a defect of ours.
"""

from media.path.egress import MAX_OUTGOING
from media.path.events import MAX_EVENTS
from media.path.python_path import PythonPacketPath
from media.ports import Extension, Kind, PayloadType, SourceSpec, SubscriptionSpec

PUBLISHER, VIEWER, STRANGER = (0, "192.0.2.1", 1), (0, "192.0.2.2", 2), (0, "192.0.2.3", 3)
SENDERS = (PUBLISHER, VIEWER, STRANGER)
EXTENSIONS = {1: Extension.AUDIO_LEVEL, 3: Extension.TRANSPORT_CC, 4: Extension.MID}
EXTENSIONS |= {10: Extension.RID, 11: Extension.REPAIRED_RID, 13: Extension.VIDEO_ORIENTATION}
CODECS = {96: "video/vp8", 102: "video/h264;mode=1;profile=42e0", 98: "video/vp9", 45: "video/av1"}
SOUND = {111: PayloadType("audio/opus", 48000), 63: PayloadType("audio/red", 48000)}


class NoSrtp:
    """Takes everything as it is."""

    def protect(self, data: bytes) -> bytes:
        return data

    unprotect = protect_rtcp = unprotect_rtcp = protect


def meeting() -> PythonPacketPath:
    path = PythonPacketPath()
    for number, address in ((1, PUBLISHER), (2, VIEWER)):
        path.open_transport(number)
        path.bind_address(number, address)
        path._transports[number].srtp = NoSrtp()
    video = {number: PayloadType(codec, 90000) for number, codec in CODECS.items()}
    for source, ssrc, rid, kind in (
        (1, 1, "", Kind.AUDIO),
        (2, 2, "", Kind.VIDEO),
        (3, None, "q", Kind.VIDEO),
    ):
        types, rtx = (SOUND, {}) if kind is Kind.AUDIO else (video, {97: 96, 103: 102})
        path.add_source(
            SourceSpec(source, 1, kind, rid and "1", rid, ssrc, None, types, rtx, EXTENSIONS, nack=True)
        )
        accepted = {payload.codec: number for number, payload in types.items() if number != 63}
        path.add_subscription(
            SubscriptionSpec(
                10 + source, 2, kind, 20 + source, 30 + source if rtx else None, accepted,
                {96: 97, 102: 103} if rtx else {}, {Extension.VIDEO_ORIENTATION: 5}, nack=True,
            )
        )  # fmt: skip
        path.switch(10 + source, source)
    return path


def fuzz(data: bytes) -> None:
    path = meeting()
    now = 10.0
    position = 0
    while position + 3 <= len(data):
        who, length = data[position], int.from_bytes(data[position + 1 : position + 3], "big") % 1500
        datagram = data[position + 3 : position + 3 + length]
        position += 3 + length
        path.receive([(datagram, SENDERS[who % 3])], now)
        if who & 0x40:
            now += 0.3
            path.tick(now)
        if who & 0x20:
            path.switch(12 + (who & 1), 2 + (who >> 1 & 1))
        assert len(path.events()) <= MAX_EVENTS
        for packet, _ in path.outgoing():
            assert len(packet) <= 2 * 1500
    assert path.counters().get("dropped_internal", 0) == 0
    assert len(path.outgoing()) <= MAX_OUTGOING
