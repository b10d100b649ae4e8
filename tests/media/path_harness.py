"""Peers in memory around a ``PythonPacketPath``: real SRTP sessions, virtual time, no sockets.

A :class:`World` holds the path and its peers. A :class:`Peer` is one transport's
far end: what it sends is protected with its own libsrtp session, and what the
path sends to its addresses is unprotected and kept as :class:`Packet` and RTCP.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import pairwise

import pylibsrtp
from pylibsrtp import Policy, Session

from media.path.python_path import PythonPacketPath
from media.ports import Extension, Kind, PayloadType, SourceSpec, SrtpKeys, SubscriptionSpec
from media.rtp import rtcp
from media.rtp.header import build_packet, parse_extensions, parse_header
from media.rtp.vp8 import parse_descriptor

PROFILE = "SRTP_AEAD_AES_128_GCM"
KEY_LENGTH = 28

OPUS, RED, VP8, VP8_RTX, H264, H264_RTX = 111, 63, 96, 97, 102, 103
CODECS = {
    OPUS: PayloadType("audio/opus", 48000),
    RED: PayloadType("audio/red", 48000),
    VP8: PayloadType("video/vp8", 90000),
    H264: PayloadType("video/h264;mode=1;profile=42e0", 90000),
}
OUT_TYPES = {"audio/opus": 109, "audio/red": 112, "video/vp8": 120, "video/h264;mode=1;profile=42e0": 124}
OUT_RTX = {120: 121, 124: 125}

IN_EXTENSIONS = {
    1: Extension.AUDIO_LEVEL,
    2: Extension.ABS_SEND_TIME,
    3: Extension.TRANSPORT_CC,
    4: Extension.MID,
    10: Extension.RID,
    11: Extension.REPAIRED_RID,
    13: Extension.VIDEO_ORIENTATION,
}
OUT_EXTENSIONS = {Extension.ABS_SEND_TIME: 5, Extension.VIDEO_ORIENTATION: 6, Extension.AUDIO_LEVEL: 7}


@dataclass
class Packet:
    """An RTP packet that a peer received."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes
    extensions: dict[int, bytes]
    at: float
    padding: int = 0

    @property
    def vp8(self):
        return parse_descriptor(self.payload)

    @property
    def body(self) -> bytes:
        """A VP8 payload behind its descriptor."""
        return self.payload[self.vp8.size :]


def decode(data: bytes, at: float) -> Packet:
    header = parse_header(data)
    return Packet(
        header.payload_type,
        header.sequence,
        header.timestamp,
        header.ssrc,
        header.marker,
        data[header.payload_offset : header.payload_end],
        parse_extensions(data, header),
        at,
        len(data) - header.payload_end,
    )


def keys_of(number: int, profile: str = PROFILE, length: int = KEY_LENGTH) -> SrtpKeys:
    """Keys of the path's end of a transport, always the same for one number."""
    stream = b"".join(hashlib.sha256(f"{number} {part}".encode()).digest() for part in range(4))
    return SrtpKeys(profile, rx=stream[:length], tx=stream[64 : 64 + length])


def session(profile: int, key: bytes, kind: int) -> Session:
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile)
    policy.window_size = 8192
    policy.allow_repeat_tx = True
    return Session(policy)


class OpenSrtp:
    """Takes packets in unprotected; protects as the real one."""

    def __init__(self, real) -> None:
        self.protect = real.protect
        self.protect_rtcp = real.protect_rtcp

    def unprotect(self, data: bytes) -> bytes:
        return data

    unprotect_rtcp = unprotect


class Peer:
    """The far end of one transport."""

    def __init__(self, world: World, number: int, address=None, profile=PROFILE, length=KEY_LENGTH) -> None:
        self.world = world
        self.number = number
        self.address = address or (0, "192.0.2.1", 10000 + number)
        keys = keys_of(number, profile, length)
        name = getattr(Policy, profile.replace("SRTP_", "SRTP_PROFILE_").replace("AES128_CM", "AES128_CM"))
        self.tx = session(name, keys.rx, Policy.SSRC_ANY_OUTBOUND)
        self.rx = session(name, keys.tx, Policy.SSRC_ANY_INBOUND)
        self.packets: list[Packet] = []
        self.rtcp: list = []
        self.rtcp_at: list[tuple[float, object]] = []
        self.sizes: list[int] = []
        self.plain: list[bytes] = []
        self.raw: list[bytes] = []
        self.repeats = 0
        world.path.open_transport(number)
        world.path.bind_address(number, self.address)
        world.path.set_keys(number, keys)

    # -- sending -----------------------------------------------------------------

    def rtp(self, packet: bytes, address=None) -> None:
        """Send a plain RTP packet."""
        self.world.deliver(self.tx.protect(packet), address or self.address)

    def control(self, *packets: bytes, address=None) -> None:
        """Send a compound RTCP packet."""
        self.world.deliver(self.tx.protect_rtcp(b"".join(packets)), address or self.address)

    def inject(self, plain: bytes) -> None:
        """Let the path see a plain packet as if it had come through SRTP, whatever its numbers are."""
        state = self.world.path._transports[self.number]
        real = state.srtp
        state.srtp = OpenSrtp(real)
        try:
            self.world.deliver(plain, self.address)
        finally:
            state.srtp = real

    # -- receiving ---------------------------------------------------------------

    def take(self, data: bytes, at: float) -> None:
        self.raw.append(data)
        if not 128 <= data[0] <= 191:
            return
        if 192 <= data[1] <= 223:
            plain = self.rx.unprotect_rtcp(data)
            self.sizes.append(len(plain))
            for packet in rtcp.parse_compound(plain):
                self.rtcp.append(packet)
                self.rtcp_at.append((at, packet))
        else:
            try:
                plain = self.rx.unprotect(data)
            except pylibsrtp.Error:
                assert data in self.raw[:-1], "what does not unprotect is a repeat of the very bytes"
                self.repeats += 1
                return
            self.plain.append(plain)
            self.packets.append(decode(plain, at))

    def of(self, ssrc: int) -> list[Packet]:
        return [packet for packet in self.packets if packet.ssrc == ssrc]

    def reports(self, kind) -> list:
        return [packet for packet in self.rtcp if isinstance(packet, kind)]

    def clear(self) -> None:
        self.packets.clear()
        self.rtcp.clear()
        self.rtcp_at.clear()
        self.sizes.clear()
        self.plain.clear()
        self.raw.clear()


class World:
    """A path, its peers, and the time."""

    def __init__(self, now: float = 100.0, path: PythonPacketPath | None = None) -> None:
        self.path = path or PythonPacketPath()
        self.now = now
        self.peers: dict[int, Peer] = {}
        self.events: list = []
        self.strays: list = []
        self.numbers = iter(range(1000, 1_000_000))

    def peer(self, **options) -> Peer:
        number = len(self.peers) + 1
        self.peers[number] = Peer(self, number, **options)
        return self.peers[number]

    def deliver(self, data: bytes, address) -> None:
        self.path.receive([(data, address)], self.now)
        self.settle()

    def settle(self) -> None:
        """Hand over what the path has queued; it never has an internal error."""
        self.events += self.path.events()
        owners = {peer.address: peer for peer in self.peers.values()}
        for data, address in self.path.outgoing():
            peer = owners.get(address)
            if peer is None:
                self.strays.append((data, address))
            else:
                peer.take(data, self.now)
        assert self.path.counters().get("dropped_internal", 0) == 0

    def pass_time(self, seconds: float) -> None:
        """Let time go by, with a tick each 20 ms."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(end, self.now + 0.02)
            self.path.tick(self.now)
            self.settle()

    def happened(self, kind) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def counter(self, name: str) -> int:
        return self.path.counters().get(name, 0)

    # -- streams -----------------------------------------------------------------

    def source(self, peer: Peer, kind: Kind = Kind.VIDEO, **options) -> int:
        """Add a source; returns its number."""
        number = next(self.numbers)
        video = kind is Kind.VIDEO
        values = {
            "source": number,
            "transport": peer.number,
            "kind": kind,
            "mid": "",
            "rid": "",
            "ssrc": None,
            "rtx_ssrc": None,
            "payload_types": {
                pt: CODECS[pt] for pt in CODECS if CODECS[pt].codec.startswith("video") == video
            },
            "rtx": {VP8_RTX: VP8, H264_RTX: H264} if video else {},
            "extensions": IN_EXTENSIONS,
            "nack": True,
        }
        self.path.add_source(SourceSpec(**(values | options)))
        return number

    def subscription(self, peer: Peer, kind: Kind = Kind.VIDEO, source: int | None = None, **options):
        """Add a subscription and order ``source`` for it; returns its :class:`SubscriptionSpec`."""
        number = next(self.numbers)
        video = kind is Kind.VIDEO
        values = {
            "subscription": number,
            "transport": peer.number,
            "kind": kind,
            "ssrc": 0x5000_0000 + number,
            "rtx_ssrc": 0x6000_0000 + number if video else None,
            "payload_types": OUT_TYPES,
            "rtx": OUT_RTX if video else {},
            "extensions": OUT_EXTENSIONS,
            "nack": True,
        }
        spec = SubscriptionSpec(**(values | options))
        self.path.add_subscription(spec)
        if source is not None:
            self.path.switch(number, source)
        return spec


@dataclass
class Vp8Sender:
    """Makes one VP8 layer's packets; every payload ends with the layer's mark."""

    peer: Peer
    ssrc: int
    mark: bytes = b"A"
    sequence: int = 500
    timestamp: int = 10_000
    picture_id: int = 100
    tl0: int = 7
    rtx_ssrc: int = 0
    rtx_sequence: int = 9000
    short_ids: bool = False
    extensions: list = field(default_factory=list)
    sent: dict[int, bytes] = field(default_factory=dict)

    def packets(self, *, key: bool = False, count: int = 2, step: int = 3000) -> list[bytes]:
        """The next frame's packets, not sent."""
        made = []
        for index in range(count):
            first = 0x90 if index == 0 else 0x80
            if self.short_ids:
                ids = bytes((self.picture_id & 0x7F,))
            else:
                ids = bytes((0x80 | self.picture_id >> 8 & 0x7F, self.picture_id & 0xFF))
            head = bytes((first, 0xC0)) + ids + bytes((self.tl0 & 0xFF,))
            frame = (b"\x10" if key else b"\x11") if index == 0 else b"\x55"
            body = frame + f"f{self.picture_id}p{index}".encode() + self.mark
            made.append(
                build_packet(
                    VP8,
                    self.sequence & 0xFFFF,
                    self.timestamp & 0xFFFFFFFF,
                    self.ssrc,
                    head + body,
                    marker=index == count - 1,
                    extensions=self.extensions,
                )
            )
            self.sent[self.sequence & 0xFFFF] = made[-1]
            self.sequence += 1
        self.timestamp += step
        self.picture_id += 1
        self.tl0 += 1
        return made

    def frame(self, **options) -> list[bytes]:
        """Send the next frame."""
        made = self.packets(**options)
        for packet in made:
            self.peer.rtp(packet)
        return made

    def padding(self, size: int = 100) -> None:
        """A padding-only packet on the media SSRC."""
        self.peer.rtp(
            build_packet(
                VP8,
                self.sequence & 0xFFFF,
                self.timestamp & 0xFFFFFFFF,
                self.ssrc,
                b"",
                padding=size,
                extensions=self.extensions,
            )
        )
        self.sequence += 1

    def retransmit(self, sequence: int, extensions=()) -> None:
        """Send a packet again as RTX (RFC 4588)."""
        data = self.sent[sequence & 0xFFFF]
        header = parse_header(data)
        self.peer.rtp(
            build_packet(
                VP8_RTX,
                self.rtx_sequence & 0xFFFF,
                header.timestamp,
                self.rtx_ssrc,
                header.sequence.to_bytes(2, "big") + data[header.payload_offset : header.payload_end],
                marker=header.marker,
                extensions=extensions or self.extensions,
            )
        )
        self.rtx_sequence += 1


@dataclass
class OpusSender:
    """Makes one Opus stream's packets."""

    peer: Peer
    ssrc: int
    sequence: int = 700
    timestamp: int = 480_000
    payload_type: int = OPUS
    level: int = 30
    count: int = 0

    def packet(self, payload: bytes | None = None, **options) -> bytes:
        made = build_packet(
            options.pop("payload_type", self.payload_type),
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
            payload if payload is not None else f"sound {self.count}".encode(),
            extensions=options.pop("extensions", [(1, bytes((0x80 | self.level,)))]),
            **options,
        )
        self.sequence += 1
        self.timestamp += 960
        self.count += 1
        return made

    def send(self, payload: bytes | None = None, **options) -> None:
        self.peer.rtp(self.packet(payload, **options))


def consecutive(packets: list[Packet]) -> bool:
    """Whether sequence numbers go up by one."""
    numbers = [packet.sequence for packet in packets]
    return all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))
