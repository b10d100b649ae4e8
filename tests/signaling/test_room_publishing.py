"""Publishing, muting and taking back: rights, refusals and who is told what."""

from dataclasses import replace
from typing import Any

import pytest
from livekit.protocol import models, rtc
from signal_world import Source, TrackType, World, rights

from media.ports import Kind

Refusal = rtc.RequestResponse.Reason
SubscriptionError = models.SubscriptionError


@pytest.mark.parametrize(
    ("track", "grant", "reason"),
    [
        (
            {"cid": "x", "type": TrackType.AUDIO, "source": Source.MICROPHONE},
            {"can_publish": False},
            Refusal.NOT_ALLOWED,
        ),
        (
            {"cid": "x", "type": TrackType.VIDEO, "source": Source.CAMERA},
            {"can_publish_sources": ("microphone",)},
            Refusal.NOT_ALLOWED,
        ),
        # Sound by the right to a camera, and the other way round: sources that are named have their kind.
        (
            {"cid": "x", "type": TrackType.AUDIO, "source": Source.CAMERA},
            {"can_publish_sources": ("camera",)},
            Refusal.NOT_ALLOWED,
        ),
        (
            {"cid": "x", "type": TrackType.AUDIO, "source": Source.SCREEN_SHARE},
            {"can_publish_sources": ("camera", "screen_share")},
            Refusal.NOT_ALLOWED,
        ),
        (
            {"cid": "x", "type": TrackType.VIDEO, "source": Source.MICROPHONE},
            {"can_publish_sources": ("microphone",)},
            Refusal.NOT_ALLOWED,
        ),
        ({"cid": "", "type": TrackType.AUDIO}, {}, Refusal.UNSUPPORTED_TYPE),
        ({"cid": "c" * 257, "type": TrackType.AUDIO}, {}, Refusal.UNSUPPORTED_TYPE),
        ({"cid": "x", "type": TrackType.DATA}, {}, Refusal.UNSUPPORTED_TYPE),
        (
            {"cid": "x", "type": TrackType.VIDEO, "simulcast_codecs": [rtc.SimulcastCodec(cid="d" * 3000)]},
            {},
            Refusal.UNSUPPORTED_TYPE,
        ),
    ],
)
def test_tracks_are_refused_in_words(track: dict[str, Any], grant: dict[str, Any], reason: int) -> None:
    world = World()
    a = world.client("a", **grant)
    a.ask(add_track=rtc.AddTrackRequest(**track))
    response = a.last("request_response")
    assert response.reason == reason
    assert response.message
    assert response.add_track.cid == track["cid"]
    assert a.all("track_published") == []


def test_too_many_tracks_are_refused() -> None:
    world = World(max_tracks=3)
    a = world.client("a")
    for index in range(4):
        a.ask(add_track=rtc.AddTrackRequest(cid=f"c{index}", type=TrackType.AUDIO))
    assert len(a.all("track_published")) == 3
    assert a.last("request_response").reason == Refusal.LIMIT_EXCEEDED


def test_the_same_cid_is_the_same_track() -> None:
    world = World()
    a = world.client("a")
    for _ in range(2):
        a.ask(add_track=rtc.AddTrackRequest(cid="c", type=TrackType.AUDIO))
    first, second = a.all("track_published")
    assert first.track.sid == second.track.sid


def test_a_track_may_be_announced_after_its_offer() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.offer("late", Kind.AUDIO)
    a.ask(add_track=rtc.AddTrackRequest(cid="late", type=TrackType.AUDIO))
    sid = a.last("track_published").track.sid
    a.send(sid)
    world.run()
    assert b.hears(sid)


def test_what_a_client_says_of_its_track_is_bounded() -> None:
    world = World()
    a = world.client("a")
    a.ask(
        add_track=rtc.AddTrackRequest(
            cid="c",
            type=TrackType.VIDEO,
            name="n" * 100_000,
            stream="s" * 100_000,
            layers=[models.VideoLayer(quality=q, rid="r" * 100_000) for q in (0, 1, 2, 2, 2)],  # type: ignore[arg-type]
            simulcast_codecs=[rtc.SimulcastCodec(codec="v" * 100_000, cid="c")],
            audio_features=[models.AudioTrackFeature.TF_STEREO] * 100_000,
        )
    )
    track = a.last("track_published").track
    assert track.ByteSize() < 2000
    a.ask(
        update_audio_track=rtc.UpdateLocalAudioTrack(
            track_sid=track.sid, features=[models.AudioTrackFeature.TF_NO_DTX] * 100_000
        )
    )
    assert a.participant is not None
    assert a.participant.publishing.publications[track.sid].info.ByteSize() < 2000


def test_simulcast_layers_and_codec_are_described() -> None:
    world = World()
    a = world.client("a")
    a.ask(
        add_track=rtc.AddTrackRequest(
            cid="c",
            type=TrackType.VIDEO,
            source=Source.CAMERA,
            width=640,
            height=360,
            layers=[models.VideoLayer(quality=q, width=160 << q, height=90 << q) for q in (2, 0, 1)],  # type: ignore[arg-type]
            simulcast_codecs=[rtc.SimulcastCodec(codec="h264", cid="c")],
        )
    )
    track = a.last("track_published").track
    assert [(layer.quality, layer.rid, layer.width) for layer in track.layers] == [
        (0, "q", 160),
        (1, "h", 320),
        (2, "f", 640),
    ]
    assert track.simulcast
    assert (track.codecs[0].cid, track.codecs[0].mime_type, track.mime_type) == (
        "c",
        "video/H264",
        "video/H264",
    )


@pytest.mark.parametrize(
    ("codec", "name"),
    [("video/vp8", "vp8"), ("video/h264;mode=1;profile=42e0", "h264"), ("video/av1", "av1")],
)
def test_demand_is_told_after_publishing_and_names_the_codec_in_use(codec: str, name: str) -> None:
    world = World()
    a = world.client("a")
    sid = a.publish("cam", TrackType.VIDEO, Source.CAMERA, start=False)
    track = a.track(sid)
    track.source_started(track.encodings[0].source, codec, world.now)
    world.run()
    update = a.last("subscribed_quality_update")
    assert update.track_sid == sid
    assert [(q.quality, q.enabled) for q in update.subscribed_qualities] == [(0, True), (1, True), (2, True)]
    assert [told.codec for told in update.subscribed_codecs] == [name]
    assert update.subscribed_codecs[0].qualities == update.subscribed_qualities


def test_demand_that_changed_while_the_line_was_cut_is_told_on_return() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish("cam", TrackType.VIDEO, Source.CAMERA)
    world.run(11)
    b.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=False))
    world.run(6)
    assert not any(q.enabled for q in a.last("subscribed_quality_update").subscribed_qualities)
    a.cut()
    b.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=True))
    world.run()
    assert "subscribed_quality_update" in a.resume()
    assert all(q.enabled for q in a.last("subscribed_quality_update").subscribed_qualities)


def test_the_publisher_is_told_its_first_subscriber_once() -> None:
    world = World()
    a = world.client("a")
    sid = a.publish()
    world.run()
    assert a.all("track_subscribed") == []
    world.client("b")
    world.client("c")
    world.run()
    assert [message.track_sid for message in a.all("track_subscribed")] == [sid]


def test_fc_a07_a_codec_that_nobody_shares_is_refused_in_words() -> None:
    world = World()
    world.media.codecs = ("opus", "red", "vp8", "h264")
    a, b = world.client("a"), world.client("b")
    mic = a.publish()
    a.ask(add_track=rtc.AddTrackRequest(cid="cam", type=TrackType.VIDEO, source=Source.CAMERA))
    cam = a.last("track_published").track.sid
    before = len(a.log)
    a.offer("cam", Kind.VIDEO, ("video/vp9;profile=0",))
    told = [message.WhichOneof("message") for message in a.log[before:]]
    assert told == ["answer", "request_response", "track_unpublished"]
    assert "m=video 0 " in a.last("answer").sdp
    response = a.last("request_response")
    assert (response.reason, response.add_track.cid) == (Refusal.UNSUPPORTED_TYPE, "cam")
    assert "codec" in response.message
    assert a.last("track_unpublished").track_sid == cam
    world.run(20)
    assert b.sees("a") == {mic: False}
    assert b.hears(mic)
    assert a.session.closing is None
    assert len(b.offers) <= 3


# -- muting ----------------------------------------------------------------------------


def test_muting_by_the_client_stops_the_sound_and_is_told() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
    assert not b.hears(sid)
    world.run()
    assert b.sees("a") == {sid: True}
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    world.run()
    assert b.hears(sid)
    assert b.sees("a") == {sid: False}
    assert a.all("mute") == []


def test_a_mute_by_the_server_is_said_again_to_one_who_was_away() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    a.cut()
    info = world.registry.mute_track("room", "a", sid, True, world.now)
    assert info is not None
    assert info.muted
    assert not b.hears(sid)
    assert "mute" in a.resume()
    assert a.last("mute") == rtc.MuteTrackRequest(sid=sid, muted=True)
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    a.cut()
    assert "mute" not in a.resume()


def test_muting_the_track_of_another_does_nothing() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    b.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
    assert b.hears(sid)
    assert world.registry.mute_track("room", "b", sid, True, world.now) is None


def test_fc_a19_announced_muted_within_a_second_and_silent_until_unmuted() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish(muted=True)
    world.run(1)
    assert b.sees("a") == {sid: True}
    assert b.receiving() == {sid}
    a.send(sid)
    for _ in range(10):
        world.run(1)
        assert not b.hears(sid)
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    assert b.hears(sid)


@pytest.mark.parametrize("negotiated", [True, False])
def test_fc_a19_published_and_muted_in_the_same_turn(negotiated: bool) -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.ask(add_track=rtc.AddTrackRequest(cid="mic", type=TrackType.AUDIO, source=Source.MICROPHONE))
    sid = a.last("track_published").track.sid
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
    if negotiated:
        a.offer("mic", Kind.AUDIO)
        a.send(sid)
    world.run(1)
    assert b.sees("a") == {sid: True}
    assert not b.hears(sid)


@pytest.mark.parametrize("full", [False, True])
def test_fc_a19_muted_cut_and_back_needs_one_unmute(full: bool) -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
    a.cut()
    world.run(5)
    if full:
        a = world.client("a")
        sid = a.publish(muted=True)
        a.send(sid)
    else:
        a.resume()
    world.run(1)
    assert b.sees("a") == {sid: True}
    assert not b.hears(sid)
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    world.run()
    assert b.hears(sid)
    assert b.sees("a") == {sid: False}


def test_a_track_that_sends_nothing_is_announced_all_the_same() -> None:
    world = World(announce_after=1.0)
    a, b = world.client("a"), world.client("b")
    sid = a.publish(start=False)
    world.run(0.5)
    assert not b.others["a"].tracks
    world.run(1)
    assert b.sees("a") == {sid: False}


# -- ending ------------------------------------------------------------------------------


def test_taking_a_section_back_unpublishes() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    a.sections[0] = replace(a.sections[0], sending=False)
    a.reoffer()
    assert a.last("track_unpublished").track_sid == sid
    world.run()
    assert not b.others["a"].tracks
    assert not b.others["a"].is_publisher
    assert b.receiving() == set()


def test_a_track_that_ended_while_its_client_was_away_is_told_after_the_resume() -> None:
    world = World()
    a = world.client("a")
    sid = a.publish()
    world.run()
    a.cut()
    rights(world, "a", can_publish=False)
    a.resume()
    known = a.all("track_unpublished")
    published = [rtc.TrackPublishedResponse(cid="mic", track=models.TrackInfo(sid=sid))]
    a.ask(sync_state=rtc.SyncState(publish_tracks=published))
    assert [message.track_sid for message in a.all("track_unpublished")[len(known) :]] == [sid]


def test_many_departures_make_one_offer() -> None:
    world = World()
    people = [world.client(f"p{index}") for index in range(4)]
    for person in people:
        person.publish("mic")
        person.publish("cam", TrackType.VIDEO, Source.CAMERA)
    watcher = world.client("w")
    world.run(1)
    assert len(watcher.receiving()) == 8
    before = len(watcher.offers)
    people[0].ask(leave=rtc.LeaveRequest())
    world.run()
    assert len(watcher.receiving()) == 6
    assert len(watcher.offers) == before + 1
