"""A participant with connected media turns bad: wrong keys from its valid address, noise on its channels."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from google_crc32c import value as crc32c
from livekit.protocol import models

from load.bad_context import MEETING, TEN_THOUSAND, Context, Pace
from load.bad_datagrams import mutated, rtcp_packet, rtp_packet, wrong_keys
from load.bad_messages import random_message
from media.errors import DataChannelError
from signaling.client.looped import LoopedMicrophone
from signaling.client.peer import Peer
from signaling.client.room import RoomClient
from signaling.client.tone import ToneSpec

PER_SECOND = 2_000
SCTP_EACH = 1_000
"""SCTP packets of one association, which is aborted for bad conduct soon after."""


class Traitor:
    """A participant of ours with both connections up."""

    def __init__(self, context: Context, identity: str) -> None:
        self._context = context
        self._identity = identity
        self.client = RoomClient()

    async def __aenter__(self) -> Traitor:
        token = self._context.token(self._identity, MEETING)
        await self.client.connect(self._context.server.url, token, reconnect=False)
        await self.client.publish(LoopedMicrophone(ToneSpec(700, silence=0.0)))
        assert self.client.session is not None, "connected just now"
        await self.client.session.publisher.ensure_channels()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    @property
    def publisher(self) -> Peer:
        """The peer connection that sends."""
        assert self.client.session is not None, "connected"
        return self.client.session.publisher.peer

    @property
    def server_ufrag(self) -> str:
        """The user name by which the server knows this connection."""
        remote = self.publisher.ice.remote
        assert remote is not None, "connected"
        return remote.ufrag

    def datagram(self, data: bytes) -> None:
        """Send from the address that the server has validated."""
        path = self.publisher.ice.selected
        if path is not None:
            self.publisher.sockets.send(data, path)

    async def data(self, data: bytes) -> None:
        """Send as the content of a DTLS record, where the server expects SCTP."""
        await self.publisher._dtls.rtc._send_data(data)


def sctp_packet(rng: random.Random) -> bytes:
    """Noise with a right checksum: of any chunks, with lengths that hold or do not."""
    body = bytearray(rng.randbytes(8) + bytes(4))
    body[0:4] = b"\x13\x88\x13\x88"
    for _ in range(rng.randrange(1, 4)):
        value = rng.randbytes(rng.choice((0, 4, 8, 12, 16, 20, 60, 300)))
        length = len(value) + 4 if rng.random() < 0.8 else rng.randrange(65536)
        kind = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 192, rng.randrange(256)))
        body += bytes([kind, rng.randrange(256)]) + length.to_bytes(2, "big") + value
    if rng.random() < 0.9:
        body[8:12] = crc32c(bytes(body)).to_bytes(4, "little")
    return bytes(body)


def data_packet(rng: random.Random) -> bytes:
    """What may come on a data channel: noise, or a packet of any kind with parts missing."""
    if rng.random() < 0.3:
        return rng.randbytes(rng.randrange(1, 600))
    texts = ("", "a", "b", "PA_x", "topic", "x" * 400, "\u0000")
    packet = random_message(models.DataPacket, rng, texts).SerializeToString()
    return mutated(packet, rng) if packet and rng.random() < 0.5 else packet


async def wrong_media(context: Context) -> dict[str, Any]:
    """RTP, RTCP, DTLS noise and plain noise from a validated address: dropped and counted."""
    rng = context.rng
    pair = wrong_keys(rng)
    sequence = iter(range(10**9))
    makers: dict[str, Callable[[], bytes]] = {
        "RTP under a wrong key": lambda: rtp_packet(pair, rng, next(sequence)),
        "RTCP under a wrong key": lambda: rtcp_packet(pair, rng),
        "DTLS records of noise": lambda: (
            bytes([rng.randrange(20, 64)]) + rng.randbytes(rng.randrange(1, 200))
        ),
        "random datagrams": lambda: rng.randbytes(rng.randrange(1, 1200)),
    }
    figures: dict[str, Any] = {}
    async with Traitor(context, "traitor") as traitor:
        for what, make in makers.items():
            before = context.server.metrics()
            pace = Pace(PER_SECOND)
            for _ in range(context.count(TEN_THOUSAND)):
                traitor.datagram(make())
                await pace.turn()
            after = context.server.metrics()
            counted = {
                name: after[name] - before.get(name, 0) for name in after if name.startswith("dropped_")
            }
            figures[what] = {name: value for name, value in counted.items() if value}
            context.expect(not counted.get("dropped_internal"), f"{what}: an exception in the packet path")
        context.expect(traitor.client.connected, "wrong media ended the connection that it pretended to be")
    return figures


async def bad_data(context: Context) -> dict[str, Any]:
    """SCTP noise, and noise in whole messages; the others get what is well formed, and stay."""
    rng = context.rng
    number = context.count(TEN_THOUSAND)
    associations = 0
    pace = Pace(PER_SECOND)
    for _ in range(max(1, number // SCTP_EACH)):
        associations += 1
        async with Traitor(context, f"sctp{associations}") as traitor:
            for _ in range(min(SCTP_EACH, number)):
                await traitor.data(sctp_packet(rng) if rng.random() < 0.9 else rng.randbytes(50))
                await pace.turn()
            context.expect(traitor.client.connected, "SCTP noise ended the connection of media")
    refused = 0
    async with Traitor(context, "talkative") as traitor:
        for _ in range(number):
            label = rng.choice(("_reliable", "_lossy"))
            try:
                traitor.publisher.send_data(label, data_packet(rng))
            except DataChannelError:
                refused += 1
                await asyncio.sleep(0.05)
            await pace.turn()
        context.expect(traitor.client.connected, "bad data packets ended the connection")
    return {"SCTP packets": number, "associations": associations, "messages": number - refused}


async def attack(context: Context) -> dict[str, Any]:
    """All of it."""
    return {"wrong media": await wrong_media(context), "bad data": await bad_data(context)}
