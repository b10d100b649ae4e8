"""CPU per forwarded packet of the Python packet path, in this process and on loopback sockets.

One source goes to many subscriptions, each with a transport and an address of
its own, as packets of 1,150-byte VP8 and 120-byte Opus under AES-128-GCM. The
figure is CPU time (not wall time) for each packet that leaves, with what it
costs to take the incoming one in, and with the sending by ``sendto``. A bare
loop of ``protect`` and ``sendto`` on the same sizes stands beside it: what is
above 1.0 times that is the relay's own bookkeeping.

    python tests/load/bench_path.py [--subscriptions 100] [--packets 300] [--rounds 5]
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "media"), str(Path(__file__).parents[2])]

from path_harness import OPUS, VP8, keys_of, session  # noqa: E402
from pylibsrtp import Policy  # noqa: E402

from media.path.python_path import PythonPacketPath  # noqa: E402
from media.path.srtp import SrtpPair  # noqa: E402
from media.ports import Extension, Kind, PayloadType, SourceSpec, SubscriptionSpec  # noqa: E402
from media.rtp.header import build_packet  # noqa: E402

GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
SOURCE_ADDRESS = (0, "127.0.0.1", 1)


class Streams:
    """Protected packets of one publisher, made before the clock runs."""

    def __init__(self, kind: Kind, count: int) -> None:
        self.kind = kind
        tx = session(GCM, keys_of(0).rx, Policy.SSRC_ANY_OUTBOUND)
        self.plain = [self._video(n) if kind is Kind.VIDEO else self._sound(n) for n in range(count)]
        self.packets = [tx.protect(packet) for packet in self.plain]

    def _video(self, number: int) -> bytes:
        """Six packets a frame; transport-wide number and abs-send-time as a browser has them."""
        frame, part = divmod(number, 6)
        first = 0x90 if part == 0 else 0x80
        head = bytes((first, 0xE0, 0x80 | frame >> 8 & 0x7F, frame & 0xFF, frame & 0xFF, 0x20))
        body = (b"\x10" if frame == 0 and part == 0 else b"\x11") + bytes(1149 - len(head))
        extensions = [(3, (number & 0xFFFF).to_bytes(2, "big")), (2, b"\x01\x02\x03")]
        return build_packet(
            VP8, number + 1, frame * 3000, 7, head + body, marker=part == 5, extensions=extensions
        )

    def _sound(self, number: int) -> bytes:
        extensions = [(1, b"\x9e"), (3, (number & 0xFFFF).to_bytes(2, "big"))]
        return build_packet(OPUS, number + 1, number * 960, 7, bytes(120), extensions=extensions)


def receivers(count: int) -> tuple[list[socket.socket], list[tuple[int, str, int]]]:
    """Bound sockets that nobody reads: what does not fit their buffers is dropped by the system."""
    sockets = []
    for _ in range(count):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind(("127.0.0.1", 0))
        sockets.append(sock)
    return sockets, [(0, "127.0.0.1", sock.getsockname()[1]) for sock in sockets]


def make_path(kind: Kind, addresses: list[tuple[int, str, int]]) -> PythonPacketPath:
    path = PythonPacketPath()
    path.open_transport(0)
    path.bind_address(0, SOURCE_ADDRESS)
    path.set_keys(0, keys_of(0))
    video = kind is Kind.VIDEO
    codec = PayloadType("video/vp8", 90000) if video else PayloadType("audio/opus", 48000)
    path.add_source(
        SourceSpec(
            source=1,
            transport=0,
            kind=kind,
            mid="0",
            rid="",
            ssrc=7,
            rtx_ssrc=None,
            payload_types={VP8 if video else OPUS: codec},
            rtx={},
            extensions={1: Extension.AUDIO_LEVEL, 2: Extension.ABS_SEND_TIME, 3: Extension.TRANSPORT_CC},
            nack=True,
        )
    )
    for number, address in enumerate(addresses, 1):
        path.open_transport(number)
        path.bind_address(number, address)
        path.set_keys(number, keys_of(number))
        path.add_subscription(
            SubscriptionSpec(
                subscription=number,
                transport=number,
                kind=kind,
                ssrc=1000 + number,
                rtx_ssrc=2000 + number if video else None,
                payload_types={codec.codec: 96},
                rtx={96: 97} if video else {},
                extensions={Extension.ABS_SEND_TIME: 2, Extension.AUDIO_LEVEL: 1},
                nack=video,
            )
        )
        path.switch(number, 1)
    return path


def run_path(streams: Streams, addresses: list[tuple[int, str, int]], send: bool) -> tuple[float, int]:
    """CPU seconds and packets sent."""
    path = make_path(streams.kind, addresses)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = 0
    now = 1000.0
    burst = 6 if streams.kind is Kind.VIDEO else 1
    batches = [
        [(packet, SOURCE_ADDRESS) for packet in streams.packets[at : at + burst]]
        for at in range(0, len(streams.packets), burst)
    ]
    start = time.process_time()
    for batch in batches:
        now += 0.02
        path.receive(batch, now)
        path.tick(now)
        path.events()
        outgoing = path.outgoing()
        if send:
            sendto = out.sendto
            for data, (_, host, port) in outgoing:
                sendto(data, (host, port))
        sent += len(outgoing)
    cpu = time.process_time() - start
    out.close()
    assert sent >= len(streams.packets) * len(addresses), "not every packet was forwarded"
    return cpu, sent


def run_bare(streams: Streams, addresses: list[tuple[int, str, int]], send: bool) -> tuple[float, int]:
    """The same number of packets through ``protect`` and ``sendto`` alone."""
    pairs = [SrtpPair(keys_of(number)) for number in range(1, len(addresses) + 1)]
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sendto = out.sendto
    sent = 0
    start = time.process_time()
    for packet in streams.plain:
        for pair, (_, host, port) in zip(pairs, addresses, strict=True):
            data = pair.protect(packet)
            if send:
                sendto(data, (host, port))
            sent += 1
    cpu = time.process_time() - start
    out.close()
    return cpu, sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--subscriptions", type=int, default=100)
    parser.add_argument("--packets", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    sockets, addresses = receivers(options.subscriptions)
    print(
        f"one source to {options.subscriptions} subscriptions, AES-128-GCM, best of {options.rounds} rounds"
    )
    print("| packets | path with sendto | bare loop with sendto | ratio | path alone | protect alone |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind, name in ((Kind.VIDEO, "VP8, 1,150 B"), (Kind.AUDIO, "Opus, 120 B")):
        streams = Streams(kind, options.packets)
        best = []
        for run, send in ((run_path, True), (run_bare, True), (run_path, False), (run_bare, False)):
            results = [run(streams, addresses, send) for _ in range(options.rounds)]
            best.append(min(cpu / sent for cpu, sent in results) * 1e6)
        ratio = best[0] / best[1]
        row = [
            f"{best[0]:.1f} us",
            f"{best[1]:.1f} us",
            f"{ratio:.2f}",
            f"{best[2]:.1f} us",
            f"{best[3]:.1f} us",
        ]
        print("| " + " | ".join([name, *row]) + " |")
    for sock in sockets:
        sock.close()


if __name__ == "__main__":
    main()
