"""The engine on loopback: real sockets, a real client's DTLS, and nothing left when it is over."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from aioice import stun
from path_harness import OPUS
from transport_harness import Client, nothing_left, until

from media import clock
from media.engine import MediaEngine
from media.path.python_path import PythonPacketPath
from media.ports import (
    AudioActivity,
    DtlsReceived,
    KeyframeWanted,
    Kind,
    Moved,
    ReceiverEstimate,
    SourceIdle,
    SourceStarted,
    StunReceived,
    SubscriptionReport,
    Switched,
)
from media.publisher import PublisherPeer
from media.rtp.header import build_packet
from media.rtp.rtcp import pack_receiver_report
from media.sdp.client import PublishSection, build_publisher_offer
from media.sdp.types import EncodingInfo, LocalTransport
from media.settings import MediaSettings
from media.tracks import PublishedTrack

SETTINGS = MediaSettings(bind=("127.0.0.1",), port=0)
SSRC = 4711


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@asynccontextmanager
async def engine_running() -> AsyncIterator[MediaEngine]:
    async with nothing_left():
        before = descriptors()
        engine = MediaEngine(SETTINGS)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.close()
        assert descriptors() == before
        assert engine.path._transports == {}
        assert engine.path._by_address == {}
        assert len(engine._agent) == 0


class Speaker:
    """A publisher of one sound, on aiortc's DTLS."""

    def __init__(self, engine: MediaEngine) -> None:
        self.engine = engine
        self.states: list = []
        self.started: list[str] = []
        self.track = engine.create_track(
            Kind.AUDIO,
            muted=False,
            screen=False,
            sizes=(),
            on_started=self.started.append,
            on_demand=lambda demand: None,
        )
        self.peer: PublisherPeer = engine.create_publisher(
            lambda transport, state: self.states.append(str(state)),
            lambda label, data: None,
            lambda track: None,
        )
        self.client = Client(SimpleNamespace(port=engine), self.peer.transport)
        self.sequence = 100
        self.answered: list[bytes] = []
        self.answering = True
        self.client.ice.datagram_received = self.datagram_received

    def datagram_received(self, data: bytes, address: object) -> None:
        """Answer the relay's checks, as a full ICE agent does; the rest is for the harness."""
        if data[0] <= 3:
            message = stun.parse_message(data)
            if message.message_class is stun.Class.REQUEST:
                self.answered.append(data)
                if self.answering:
                    self.client.ice.send(self.answer(message))
                return
        type(self.client.ice).datagram_received(self.client.ice, data, address)

    def answer(self, message: stun.Message) -> bytes:
        pwd = self.client.ice.local.pwd.encode()
        assert message.check_message_integrity(pwd)
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", self.engine.port)
        answer.add_message_integrity(pwd)
        answer.add_fingerprint()
        return bytes(answer)

    async def connect(self) -> None:
        ice = self.client.ice
        await ice.open()
        local = LocalTransport(ice.local.ufrag, ice.local.pwd, self.client.remote().fingerprints, ())
        sound = PublishSection("1", Kind.AUDIO, "mic", ("audio/opus",), (EncodingInfo("", SSRC, None),))
        offer = build_publisher_offer(local, [sound], session=1, version=1)
        self.peer.answer(offer, lambda section, by_name: self.track, {})
        await ice.check()
        await self.client.start(data=False)
        await until(lambda: "connected" in self.states)

    def speak(self) -> None:
        packet = build_packet(OPUS, self.sequence, self.sequence * 960, SSRC, b"sound")
        self.client.ice.send(self.client.dtls._tx_srtp.protect(packet))
        self.sequence += 1

    @property
    def packets(self) -> int:
        return self.engine.track_stats(self.track).packets

    @property
    def address(self):
        return self.engine.path._transports[self.peer.transport.number].address

    async def close(self) -> None:
        self.engine.close_peer(self.peer)
        self.engine.forget_track(self.track)
        await self.client.close()


@asynccontextmanager
async def speaking(engine: MediaEngine) -> AsyncIterator[Speaker]:
    speaker = Speaker(engine)
    await speaker.connect()
    try:
        yield speaker
    finally:
        await speaker.close()


async def test_starts_and_ends_with_nothing_left():
    async with engine_running() as engine:
        assert engine.addresses == ("127.0.0.1",)
        assert 0 < engine.port < 65536
        assert engine.counters()["transports"] == 0


async def test_a_port_that_is_taken_is_an_error():
    async with engine_running() as engine:
        other = MediaEngine(MediaSettings(bind=("127.0.0.1",), port=engine.port))
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await other.start()
        await other.close()


async def test_sound_of_a_client_is_counted_and_its_end_leaves_nothing():
    async with engine_running() as engine:
        tasks = asyncio.all_tasks()
        async with speaking(engine) as speaker:
            for _ in range(5):
                speaker.speak()
            await until(lambda: speaker.packets == 5)
            assert speaker.started == ["audio/opus"]
            counters = engine.counters()
            assert (counters["transports"], counters["sources"], counters["packets_in"]) == (1, 1, 5)
            assert counters["ice_valid"] >= 1
            assert counters["udp_received"] > 5
        await until(lambda: not engine._closing and engine.path._transports == {})
        counters = engine.counters()
        assert (counters["transports"], counters["sources"], counters["subscriptions"]) == (0, 0, 0)
        assert engine.path._sources == {}
        await until(lambda: asyncio.all_tasks() == tasks)


async def test_an_engine_closes_with_everybody_still_in_it():
    async with engine_running() as engine:
        speaker = Speaker(engine)
        await speaker.connect()
        subscriber = engine.create_subscriber(lambda *_: None, lambda *_: None)
        subscription = subscriber.add(speaker.track, "PA", "TR")
        assert engine.subscription_stats(subscription).packets == 0
        assert subscriber.next_offer() is not None
        await engine.close()
        await speaker.client.close()
        assert "closed" in speaker.states


async def test_many_peers_come_and_go():
    async with engine_running() as engine:
        tasks, open_files = asyncio.all_tasks(), descriptors()
        for _ in range(50):
            publisher = engine.create_publisher(lambda *_: None, lambda *_: None, lambda track: None)
            subscriber = engine.create_subscriber(lambda *_: None, lambda *_: None)
            engine.close_peer(publisher)
            engine.close_peer(subscriber)
        await until(lambda: not engine._closing)
        assert engine.path._transports == {}
        assert engine._subscribers == engine._transports == {}
        assert asyncio.all_tasks() == tasks
        assert descriptors() == open_files


async def test_a_client_whose_port_changed_is_followed_at_its_first_packet():
    """It sends no check of its own: its media is reported, the relay's check answered, the path moved."""
    async with engine_running() as engine, speaking(engine) as speaker:
        speaker.speak()
        await until(lambda: speaker.packets == 1)
        before = speaker.address
        await speaker.client.ice.open()  # another source port; the old one is closed
        speaker.speak()
        await until(lambda: speaker.address != before)
        assert len(speaker.answered) == 1
        seen = speaker.packets
        speaker.speak()
        await until(lambda: speaker.packets == seen + 1)
        assert engine.counters()["ice_probes_answered"] == 1


async def test_media_from_elsewhere_without_an_answer_moves_nothing():
    """Whoever can only repeat packets from another address gets a check and no media."""
    async with engine_running() as engine, speaking(engine) as speaker:
        speaker.speak()
        await until(lambda: speaker.packets == 1)
        before = speaker.address
        speaker.answering = False
        await speaker.client.ice.open()
        speaker.speak()
        await until(lambda: speaker.answered)
        speaker.speak()
        await until(lambda: engine.counters()["dropped_stranger"] >= 2)
        assert speaker.address == before
        assert speaker.packets == 1
        assert engine.counters()["ice_probes"] == 1


async def test_a_receiving_client_is_followed_by_its_reports():
    async with engine_running() as engine, speaking(engine) as speaker:
        report = pack_receiver_report(1)
        protect = speaker.client.dtls._tx_srtp.protect_rtcp
        speaker.client.ice.send(protect(report))
        transport = engine.path._transports[speaker.peer.transport.number]
        await until(lambda: transport.reporters == [1])
        before = speaker.address
        await speaker.client.ice.open()
        speaker.client.ice.send(protect(report))
        await until(lambda: speaker.address != before)


async def test_events_about_nobody_are_nothing(caplog):
    """An event may name what was removed while it waited."""
    async with engine_running() as engine:
        gone = 10**6
        address = (0, "127.0.0.1", 9)
        engine._dispatch(
            [
                StunReceived(b"\0\1", address),
                DtlsReceived(gone, b"\x16"),
                SourceStarted(gone, 1, "audio/opus"),
                SourceIdle(gone),
                KeyframeWanted(gone, 0),
                Switched(gone, gone),
                ReceiverEstimate(gone, 1),
                SubscriptionReport(gone, 0.0, 0.0, None),
                Moved(gone, address),
            ],
            clock.monotonic(),
        )
        assert engine.path.outgoing() == []
    assert caplog.records == []


async def test_one_listener_that_fails_stops_nobody(caplog):
    async with engine_running() as engine:

        def fail(codec: str) -> None:
            raise RuntimeError("a listener's mistake")

        tracks: list[PublishedTrack] = []
        for number, listener in ((1, fail), (2, lambda codec: None)):
            track = engine.create_track(
                Kind.AUDIO,
                muted=False,
                screen=False,
                sizes=(),
                on_started=listener,
                on_demand=lambda demand: None,
            )
            engine._tracks[number] = track
            tracks.append(track)
        engine._dispatch(
            [SourceStarted(1, 5, "audio/opus"), SourceStarted(2, 6, "audio/opus")], clock.monotonic()
        )
        assert [track.codec for track in tracks] == ["audio/opus", "audio/opus"]
        assert "SourceStarted" in caplog.text
        engine._tracks.clear()


async def test_a_turn_that_fails_does_not_stop_the_clock(monkeypatch, caplog):
    async with engine_running() as engine, speaking(engine) as speaker:
        turns: list[float] = []

        def fail(now: float) -> None:
            turns.append(now)
            raise RuntimeError("a listener's mistake")

        for target, name in ((PublishedTrack, "tick"), (PythonPacketPath, "tick")):
            monkeypatch.setattr(target, name, lambda _, now: fail(now))
            turns.clear()
            await until(lambda: len(turns) >= 2)
            monkeypatch.undo()
        speaker.speak()
        await until(lambda: speaker.packets == 1)
    assert "turn of the media clock" in caplog.text


async def test_activity_is_told_by_track(monkeypatch):
    async with engine_running() as engine, speaking(engine) as speaker:
        number = speaker.track.encodings[0].source
        found = [AudioActivity(number, 0.5, 0.4, 20), AudioActivity(10**6, 1.0, 1.0, 0)]
        monkeypatch.setattr(PythonPacketPath, "audio_activity", lambda _, threshold: found)
        assert engine.audio_activity(35) == {speaker.track: found[0]}
