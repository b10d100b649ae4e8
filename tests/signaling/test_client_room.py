"""The whole client against our own relay: media, data, rights."""

from __future__ import annotations

import asyncio

import pytest
from client_relay import TestRelay
from client_seats import CAMERA, MICROPHONE, SMALL, Seat, camera, moving, tone, until
from judges import brightness, dominant_colour, dominant_frequency, nearest_colour, offsets, onsets, rms
from livekit.protocol import models

from media.ports import Kind
from media.rtp.sequences import timestamp_ahead
from signaling.client.events import (
    DataReceived,
    SpeakersChanged,
    TrackMuted,
)
from signaling.client.lipsync import BeepMicrophone, FlashCamera
from signaling.client.looped import LoopedCamera, LoopSpec
from signaling.client.picture import PictureSpec, site_colour
from signaling.client.sinks import AudioSink, VideoSink
from signaling.client.sources import EncodedFrame, RawPacket, RawSource
from signaling.client.subscribing import ReceivedTrack


async def test_picture_and_sound_arrive_and_are_whose_they_are(relay: TestRelay, seats: list[Seat]) -> None:
    a, b, c = [await seat.join(relay) for seat in seats]
    await a.client.publish(camera(0))
    await b.client.publish(camera(1))
    await a.client.publish(tone(500))
    await b.client.publish(tone(900))
    colours = [site_colour(0), site_colour(1)]
    for index, identity in enumerate(("a", "b")):
        sink = VideoSink(await c.track(identity, CAMERA))
        sound = AudioSink(await c.track(identity, MICROPHONE))
        await c.client.until(lambda s=sink, t=sound: s.decoded > 5 and len(t.samples) > 60_000)  # type: ignore[misc]
        assert sink.picture is not None
        assert nearest_colour(dominant_colour(sink.picture), colours) == index
        assert dominant_frequency(sound.samples)[0] == pytest.approx((500, 900)[index], abs=10)
        assert sink.errors == sound.errors == 0
        assert sink.track.info is not None
        assert sink.track.info.source == CAMERA
    await c.client.until(lambda: bool(c.saw(SpeakersChanged)))


async def test_the_layer_follows_the_settings(relay: TestRelay, seats: list[Seat]) -> None:
    a, b = [await seat.join(relay) for seat in seats[:2]]
    await a.client.publish(camera())
    track = await b.track("a", CAMERA)
    sink = VideoSink(track)
    b.client.track_settings(track.sid, quality=models.VideoQuality.LOW)
    await b.client.until(lambda: sink.picture is not None and sink.picture.width == 160)
    b.client.track_settings(track.sid, quality=models.VideoQuality.HIGH)
    await b.client.until(lambda: sink.picture is not None and sink.picture.width == 320)
    b.client.track_settings(track.sid, disabled=True)
    counts = []
    async with asyncio.timeout(5):
        while len(counts) < 3 or counts[-1] != counts[-3]:
            counts.append(track.counters.packets)
            await asyncio.sleep(0.2)
    b.client.track_settings(track.sid)
    await moving(track)
    assert sink.errors == 0


async def test_subscriptions_are_made_and_ended_on_demand(relay: TestRelay, seats: list[Seat]) -> None:
    a, b = seats[:2]
    await a.join(relay)
    await b.join(relay, auto_subscribe=False)
    published = await a.client.publish(tone(400))
    await b.client.until(lambda: any(p.tracks for p in b.client.participants.values()))
    assert b.client.received == {}
    b.client.subscribe(published.sid)
    track = await b.track("a", MICROPHONE)
    await moving(track)
    b.client.unsubscribe(published.sid)
    await b.client.until(lambda: b.client.received == {})
    assert track.ended


async def test_mute_and_unmute_and_unpublish(relay: TestRelay, seats: list[Seat]) -> None:
    a, b = [await seat.join(relay) for seat in seats[:2]]
    published = await a.client.publish(tone(400))
    track = await b.track("a", MICROPHONE)
    await moving(track)
    await a.client.mute(published)
    await b.client.until(lambda: bool(b.saw(TrackMuted)))
    await a.client.mute(published, False)
    await b.client.until(lambda: len(b.saw(TrackMuted)) == 2)
    await moving(track)
    await a.client.unpublish(published)
    await b.client.until(lambda: b.client.received == {})
    again = await a.client.publish(tone(400))
    assert again.sid != published.sid
    await moving(await b.track("a", MICROPHONE))


async def test_fc_a19_published_while_muted_sends_nothing_until_unmuted(
    relay: TestRelay, seats: list[Seat]
) -> None:
    a, b = [await seat.join(relay) for seat in seats[:2]]
    published = await a.client.publish(tone(400), muted=True)
    await b.client.until(
        lambda: any(t.muted for p in b.client.participants.values() for t in p.tracks.values())
    )
    assert published.sender is not None
    assert published.sender.encodings[""].packets == 0
    await a.client.mute(published, False)
    await moving(await b.track("a", MICROPHONE))


@pytest.mark.parametrize("reliable", [True, False])
async def test_data_reaches_all_or_some(relay: TestRelay, seats: list[Seat], reliable: bool) -> None:
    a, b, c = [await seat.join(relay) for seat in seats]
    await a.client.until(lambda: len(a.client.participants) == 2)

    def texts(seat: Seat) -> list[bytes]:
        return [event.payload for event in seat.events if isinstance(event, DataReceived)]

    await a.client.send_data(b"all", reliable=reliable, topic="chat")
    await b.client.until(lambda: texts(b) == [b"all"])
    await c.client.until(lambda: texts(c) == [b"all"])
    await a.client.send_data(b"for c", reliable=reliable, destinations=["c"])
    await a.client.send_data(b"end", reliable=reliable)
    await c.client.until(lambda: texts(c) == [b"all", b"for c", b"end"])
    await b.client.until(lambda: texts(b) == [b"all", b"end"])
    first = next(event for event in b.events if isinstance(event, DataReceived))
    assert (first.identity, first.topic, first.reliable) == ("a", "chat", reliable)


async def test_raw_packets_pass_with_their_marks(relay: TestRelay, seats: list[Seat]) -> None:
    a, b = [await seat.join(relay) for seat in seats[:2]]
    source = RawSource(Kind.VIDEO, "video/vp8", SMALL)
    await a.client.publish(source)
    seen: list[bytes] = []
    keyframe = b"\x90\x80\x80\x01\x10"
    pump = asyncio.create_task(_pump(source, keyframe))
    try:
        track = await b.track("a", CAMERA)
        track.watch(on_packet=lambda header, packet: seen.append(packet[header.payload_offset :]))
        # The best layer is chosen in the end, and then nothing of another one comes between.
        await b.client.until(lambda: len(seen) > 5 and {payload[-1:] for payload in seen[-4:]} == {b"h"})
    finally:
        pump.cancel()
    assert source.keyframe_requests


async def _pump(source: RawSource, payload: bytes) -> None:
    for number in range(1000):
        for rid in ("q", "h"):
            packet = RawPacket(rid, payload + rid.encode(), number * 3000, marker=True)
            source.push(packet)
        await asyncio.sleep(0.03)


async def test_a_lost_packet_is_asked_for_and_sent_again(relay: TestRelay, seats: list[Seat]) -> None:
    a, b = [await seat.join(relay) for seat in seats[:2]]
    await a.client.publish(LoopedCamera(LoopSpec(PictureSpec((200, 0, 0)), SMALL, fps=30, noise=0.5)))
    track = await b.track("a", CAMERA)
    sink = VideoSink(track)
    await b.client.until(lambda: sink.decoded > 5)
    session = b.client.session
    assert session is not None
    peer = session.subscriber.peer
    receive, count = peer.sockets._on_datagram, 0

    def lossy(data: bytes, path: object) -> None:
        nonlocal count
        count += data[0] >= 128
        if data[0] < 128 or count % 10:
            receive(data, path)  # type: ignore[arg-type]

    peer.sockets._on_datagram = lossy
    await b.client.until(lambda: track.counters.recovered > 5, 20)
    assert track.counters.nacked >= track.counters.recovered
    before = sink.decoded
    await b.client.until(lambda: sink.decoded > before + 10)


async def test_flash_and_beep_stay_together_through_the_relay(relay: TestRelay, seats: list[Seat]) -> None:
    """By the relay's sender reports alone, picture and sound of one instant are under 45 ms apart."""
    a, b = [await seat.join(relay) for seat in seats[:2]]
    await a.client.publish(FlashCamera())
    await a.client.publish(BeepMicrophone())
    video, audio = await b.track("a", CAMERA), await b.track("a", MICROPHONE)
    light: list[tuple[int, float]] = []
    loud: list[tuple[int, float]] = []
    VideoSink(video, on_picture=lambda picture, frame: light.append((frame.timestamp, brightness(picture))))
    AudioSink(audio, on_samples=lambda samples, frame: loud.append((frame.timestamp, rms(samples))))

    def instants(
        track: ReceivedTrack, values: list[tuple[int, float]], rate: int
    ) -> list[tuple[float, float]]:
        stream = track.stream
        if stream is None or stream.sender_report is None:
            return []
        ntp, timestamp, _ = stream.sender_report
        seconds = (ntp >> 32) % 100_000 + (ntp & 0xFFFFFFFF) / 2**32
        return [(seconds + timestamp_ahead(at, timestamp) / rate, value) for at, value in values]

    def found() -> list[float]:
        flashes = onsets(instants(video, light, 90_000), 120)
        beeps = onsets(instants(audio, loud, 48_000), 1000)
        return offsets(flashes, beeps)

    await b.client.until(lambda: len(found()) >= 3, 20)
    assert all(abs(offset) < 0.045 for offset in found())


async def test_nothing_is_left_behind(relay: TestRelay) -> None:
    before = asyncio.all_tasks()
    a = await Seat("a").join(relay)
    await a.client.publish(tone(400))
    await a.client.publish(camera())
    await a.client.send_data(b"x")
    await a.client.close()
    await until(lambda: not [t for t in asyncio.all_tasks() - before if "signaling/client" in repr(t)])


def test_frames_before_a_connection_are_counted() -> None:
    source = RawSource(Kind.AUDIO, "audio/opus")
    assert not source.push(EncodedFrame("", b"x", 0, 0.0))
    assert source.dropped == 1
