"""What is received: wishes, settings, negotiation and refusals."""

from typing import Any

import pytest
from livekit.protocol import models, rtc
from signal_world import Client, Source, TrackType, World

Refusal = rtc.RequestResponse.Reason
SubscriptionError = models.SubscriptionError


def test_subscribing_by_hand() -> None:
    world = World()
    a, b = world.client("a"), world.client("b", auto_subscribe=False)
    sid = a.publish()
    world.run()
    assert not b.hears(sid)
    b.ask(
        subscription=rtc.UpdateSubscription(
            participant_tracks=[models.ParticipantTracks(track_sids=[sid])], subscribe=True
        )
    )
    assert b.receiving() == {sid}
    b.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=False))
    assert not b.hears(sid)
    assert b.receiving() == set()


@pytest.mark.parametrize(
    ("params", "streams"),
    [
        ({"protocol": 16}, ["camera", "camera", "screen"]),
        ({"protocol": 16, "browser": "Chrome"}, ["camera", "camera", "screen"]),
        ({"protocol": 16, "browser": "Firefox"}, [None, None, None]),
        ({"protocol": 9}, [None, None, None]),
        ({}, [None, None, None]),
    ],
)
def test_camera_and_microphone_are_one_stream_for_clients_that_take_it(
    params: dict[str, Any], streams: list[str | None]
) -> None:
    """Only tracks of one stream are played in step; who names tracks by their stream gets one for each."""
    world = World()
    a = world.client("a")
    sids = [
        a.publish("mic"),
        a.publish("cam", TrackType.VIDEO, Source.CAMERA),
        a.publish("screen", TrackType.VIDEO, Source.SCREEN_SHARE),
    ]
    b = Client(world, "b")
    b.join(**params)
    b.connect()
    world.run()
    sdp = b.all("offer")[-1].sdp
    for sid, stream in zip(sids, streams, strict=True):
        assert f"a=msid:{a.me.sid}|{stream or sid} {sid}" in sdp


@pytest.mark.parametrize("sid", ["TR_nothing", "", "x" * 100_000])
def test_wishes_for_what_is_not_there(sid: str) -> None:
    world = World()
    a = world.client("a")
    a.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=True))
    a.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], disabled=True))
    a.ask(sync_state=rtc.SyncState(track_sids_disabled=[sid]))
    assert a.participant is not None
    subscribing = a.participant.subscribing
    if len(sid) < 64:
        assert a.last("subscription_response").err == SubscriptionError.SE_TRACK_NOTFOUND
    else:
        assert not subscribing.wishes
        assert not subscribing.track_settings


def test_what_is_remembered_of_one_client_is_bounded() -> None:
    world = World()
    a = world.client("a")
    for start in range(0, 12_000, 3000):
        sids = [f"TR_{index}" for index in range(start, start + 3000)]
        a.ask(subscription=rtc.UpdateSubscription(track_sids=sids, subscribe=False))
        a.ask(track_setting=rtc.UpdateTrackSettings(track_sids=sids, disabled=True))
    assert a.participant is not None
    assert len(a.participant.subscribing.wishes) <= 4000
    assert len(a.participant.subscribing.track_settings) <= 4000


def test_nothing_is_kept_of_tracks_that_have_ended() -> None:
    world = World()
    watcher = world.client("w")
    for index in range(20):
        guest = world.client(f"g{index}")
        sid = guest.publish()
        guest.ask(subscription_permission=rtc.SubscriptionPermission(all_participants=False))
        watcher.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], priority=1))
        watcher.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=True))
        world.run(2.5)
        guest.ask(leave=rtc.LeaveRequest())
        world.run()
    assert watcher.participant is not None
    kept = watcher.participant.subscribing
    for table in (
        kept.wishes,
        kept.track_settings,
        kept.permissions,
        kept.paused,
        kept.subscriptions,
        kept.refused,
    ):
        assert not table
    assert not world.media.tracks
    assert list(world.room.quality._lines) == [watcher.me.sid]
    assert world.media.path.sources == {}
    assert world.media.path.subscriptions == {}


def test_settings_that_come_before_the_subscription_count() -> None:
    world = World()
    a, b = world.client("a"), world.client("b", auto_subscribe=False)
    sid = a.publish("cam", TrackType.VIDEO, Source.CAMERA)
    world.run()
    b.ask(
        track_setting=rtc.UpdateTrackSettings(
            track_sids=[sid], disabled=True, width=320, height=180, priority=3
        )
    )
    b.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=True))
    assert b.participant is not None
    subscription = b.participant.subscribing.subscriptions[sid]
    assert (subscription.enabled, subscription.wanted, subscription.priority) == (False, (320, 180), 3)
    assert not b.hears(sid)
    b.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], width=320, height=180))
    assert b.hears(sid)


def test_sync_state_brings_wishes_and_disabled_tracks() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    first, second = a.publish("m1"), a.publish("m2")
    world.run()
    b.cut()
    b.resume()
    b.ask(
        sync_state=rtc.SyncState(
            subscription=rtc.UpdateSubscription(track_sids=[first], subscribe=False),
            track_sids_disabled=[second],
        )
    )
    assert not b.hears(first)
    assert not b.hears(second)
    b.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[second]))
    assert b.hears(second)


def optional_parts() -> list[rtc.SignalRequest]:
    """Every message with every optional part missing, then with each of its message parts empty."""
    requests = []
    for field in rtc.SignalRequest.DESCRIPTOR.fields:
        if field.message_type is None:
            continue
        empty = rtc.SignalRequest()
        getattr(empty, field.name).SetInParent()
        requests.append(empty)
        for part in field.message_type.fields:
            if part.message_type is not None and not part.message_type.GetOptions().map_entry:
                request = rtc.SignalRequest()
                message = getattr(request, field.name)
                if part.is_repeated:
                    getattr(message, part.name).add()
                else:
                    getattr(message, part.name).SetInParent()
                requests.append(request)
    return requests


def test_every_optional_part_of_every_message_may_be_missing() -> None:
    world = World()
    watcher = world.client("w")
    requests = optional_parts()
    assert len(requests) > 30
    for index, request in enumerate(requests):
        client = world.client(f"c{index}")
        client.session.receive(request.SerializeToString(), world.now)
        client.turn()
        world.run()
        client.cut()
        if client.participant is not None and not client.participant.gone:
            assert client.resume()[0] == "reconnect"
            client.ask(leave=rtc.LeaveRequest())
    world.run()
    assert watcher.others == {}
    assert watcher.session.closing is None


def test_fc_a07_a_refused_section_ends_only_its_subscription() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sids = [a.publish(f"m{index}") for index in range(4)]

    def refuse_third(sdp: str) -> str:
        sections = sdp.split("m=audio 9")
        if len(sections) < 4:
            return sdp
        sections[3] = sections[3].replace("a=recvonly", "a=inactive")
        return "m=audio 9".join(sections[:3]) + "m=audio 0" + "m=audio 9".join(sections[3:])

    b.refuse = refuse_third
    mark = len(b.log)
    world.run(20)
    told = b.log[mark:]
    refused = [m.subscription_response for m in told if m.WhichOneof("message") == "subscription_response"]
    assert [response.err for response in refused] == [SubscriptionError.SE_CODEC_UNSUPPORTED]
    heard = {sid for sid in sids if b.hears(sid)}
    assert heard == set(sids) - {refused[0].track_sid}
    assert not [m for m in told if m.WhichOneof("message") == "leave"]
    assert len([m for m in told if m.WhichOneof("message") == "offer"]) <= 2
    b.refuse = lambda sdp: sdp
    # Neither a resume nor new tracks are the user's asking.
    b.cut()
    b.resume()
    sids.append(a.publish("m4"))
    world.run(2)
    assert {sid for sid in sids if b.hears(sid)} == set(sids) - {refused[0].track_sid}
    b.ask(subscription=rtc.UpdateSubscription(track_sids=[refused[0].track_sid], subscribe=True))
    world.run()
    assert all(b.hears(sid) for sid in sids)


def test_an_answer_to_another_offer_is_passed_over() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    b.answering = False
    world.run()
    number = b.last("offer").id
    b.ask(answer=rtc.SessionDescription(type="answer", sdp=b.offers[-1].sdp, id=number + 7))
    assert not b.hears(sid)
    b.ask(answer=rtc.SessionDescription(type="answer", sdp=b.offers[-1].sdp, id=number))
    assert b.hears(sid)


def test_one_offer_is_out_at_a_time_and_numbers_rise() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    b.answering = False
    first = a.publish("m1")
    world.run()
    a.publish("m2")
    world.run()
    offers = b.all("offer")
    assert b.receiving() == {first}
    b.answering = True
    b.ask(answer=rtc.SessionDescription(type="answer", sdp=b.offers[-1].sdp, id=offers[-1].id))
    world.run()
    assert len(b.receiving()) == 2
    numbers = [offer.id for offer in b.all("offer")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_connection_with_too_many_sections_does_not_stop_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.sdp.subscriber.MAX_SENDERS", 1)
    world = World()
    a, b, c = (world.client(name) for name in "abc")
    first, second = a.publish("m1"), a.publish("m2")
    world.run()
    for client in (b, c):
        assert client.hears(first)
        assert not client.hears(second)
        assert client.last("subscription_response").track_sid == second


def test_paused_pictures_are_told_and_told_again() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish("cam", TrackType.VIDEO, Source.CAMERA)
    world.run()
    assert b.participant is not None
    b.participant.subscribing.subscriptions[sid].allow(None, world.now)
    world.run()
    assert b.last("stream_state_update").stream_states[0].state == rtc.StreamState.PAUSED
    b.cut()
    b.participant.subscribing.subscriptions[sid].allow(2, world.now)
    b.resume()
    assert b.last("stream_state_update").stream_states[0].state == rtc.StreamState.ACTIVE
    assert b.last("stream_state_update").stream_states[0].track_sid == sid


@pytest.mark.parametrize("scenario", ["server_leave", "node_failure", "leave_request_full_reconnect"])
def test_simulated_faults_touch_nobody_else(scenario: str) -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.ask(simulate=rtc.SimulateScenario(**{scenario: True}))  # type: ignore[arg-type]
    world.run()
    assert a.session.closing is not None
    assert b.session.closing is None
    assert b.others == {}


def test_a_simulated_loss_of_the_session_can_be_resumed() -> None:
    world = World()
    a = world.client("a")
    a.ask(simulate=rtc.SimulateScenario(disconnect_signal_on_resume=True))
    assert a.session.closing is not None
    a.cut()
    assert a.resume()[0] == "reconnect"
