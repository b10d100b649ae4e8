"""Coming, coming back and going, in virtual time: what each client is told, and in which order."""

import json
from dataclasses import replace

import pytest
from google.protobuf import json_format
from livekit.protocol import models, rtc
from signal_world import Client, Source, TrackType, World

from media.transport import TransportState
from signaling.errors import InvalidArgumentError, ResourceExhaustedError
from signaling.limits import MAX_ATTRIBUTES
from signaling.participant import ClientParams, Participant
from signaling.session import CLOSE_PROTOCOL, SignalSession

Reason, Action = models.DisconnectReason, rtc.LeaveRequest.Action
State = models.ParticipantInfo.State


def test_the_join_response_has_what_clients_cannot_do_without() -> None:
    world = World()
    a = world.client("a")
    sid = a.publish()
    world.run()
    b = Client(world, "b", can_publish_data=False)
    b.join(sdk="js", client_protocol=1)
    b.turn()
    assert b.kinds()[:3] == ["join", "refresh_token", "offer"]
    join = b.log[0].join
    assert join.server_info.version == join.server_version != ""
    assert join.server_info.protocol >= 16
    assert join.room.sid.startswith("RM_")
    assert (join.room.name, join.room.num_participants, join.room.num_publishers) == ("room", 2, 1)
    assert join.room.creation_time_ms // 1000 == join.room.creation_time > 0
    me = join.participant
    assert me.sid.startswith("PA_")
    assert (me.identity, me.state, me.client_protocol) == ("b", State.JOINED, 1)
    assert (me.permission.can_publish, me.permission.can_subscribe) == (True, True)
    assert not me.permission.can_publish_data
    assert me.joined_at_ms // 1000 == me.joined_at > 0
    (other,) = join.other_participants
    assert (other.identity, other.state, other.is_publisher) == ("a", State.ACTIVE, True)
    assert [track.sid for track in other.tracks] == [sid]
    assert (other.tracks[0].mid, other.tracks[0].mime_type) == ("1", "audio/opus")
    assert join.ping_interval > 0
    assert join.ping_timeout > join.ping_interval
    assert join.subscriber_primary
    assert any(codec.mime == "video/VP8" for codec in join.enabled_publish_codecs)


def test_tracks_that_are_there_come_with_the_first_offer() -> None:
    world = World()
    sid = world.client("a").publish()
    world.run()
    b = Client(world, "b")
    b.join()
    b.turn()
    assert b.receiving() == {sid}


def test_the_update_that_names_a_track_comes_before_its_offer() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    before = len(b.log)
    sid = a.publish()
    world.run()
    told = b.log[before:]
    update = next(
        index
        for index, message in enumerate(told)
        if any(track.sid == sid for info in message.update.participants for track in info.tracks)
    )
    offer = next(index for index, message in enumerate(told) if sid in message.offer.sdp)
    assert update < offer


def test_subscribing_by_hand_does_not_overtake_the_update_either() -> None:
    world = World()
    a, b = world.client("a"), world.client("b", auto_subscribe=False)
    sid = a.publish()
    offers = len(b.offers)
    world.registry.update_subscriptions("room", "b", [sid], True, world.now)
    b.turn()
    assert len(b.offers) == offers or sid in b.sees("a")
    world.run()
    assert b.receiving() == {sid}


def test_changes_are_gathered_and_serialised_once() -> None:
    world = World(large_room=1, update_interval_large=0.3)
    clients = [world.client(name) for name in "abcd"]
    world.run(1)
    marks = [len(client.log) for client in clients]
    for client in clients:
        client.publish(start=False, muted=True)
    world.registry.tick(world.now + 0.3)
    for client, mark in zip(clients, marks, strict=True):
        client.turn()
        updates = [m.update for m in client.log[mark:] if m.WhichOneof("message") == "update"]
        assert len(updates) <= 2
        named = {info.identity for update in updates for info in update.participants if info.tracks}
        assert named == set("abcd")


def test_the_same_object_goes_to_every_receiver() -> None:
    world = World()
    clients = [world.client(name) for name in "abc"]
    for client in clients:
        client.alive = False
    world.room.set_metadata("news", world.now)
    frames = [client.session.take_frames()[-1] for client in clients]
    assert frames[0] is frames[1] is frames[2]


def test_versions_rise_and_the_client_hears_of_itself() -> None:
    world = World()
    a = world.client("a", can_update_own_metadata=True)
    version = a.me.version
    a.ask(update_metadata=rtc.UpdateParticipantMetadata(name="An", attributes={"k": "v"}, request_id=7))
    world.run()
    assert a.me.version > version
    assert (a.me.name, dict(a.me.attributes)) == ("An", {"k": "v"})
    response = a.last("request_response")
    assert (response.request_id, response.reason) == (7, rtc.RequestResponse.Reason.OK)


def test_the_numbers_of_a_room_are_told_now_and_then() -> None:
    world = World(room_update_interval=5.0)
    a = world.client("a")
    world.run(6)
    before = len(a.all("room_update"))
    b = world.client("b")
    b.publish()
    world.client("c")
    world.run(6)
    assert 1 <= len(a.all("room_update")) - before <= 2
    assert (a.room.num_participants, a.room.num_publishers) == (3, 1)
    before = len(a.all("room_update"))
    world.run(20)
    assert len(a.all("room_update")) == before


def test_a_newer_session_of_the_same_identity_wins_at_once() -> None:
    world = World()
    older, watcher = world.client("a"), world.client("w")
    older.publish()
    world.run()
    newer = Client(world, "a")
    newer.join()
    assert world.room.by_identity("a").sid != older.me.sid
    frames = older.session.take_frames()
    leave = rtc.SignalResponse.FromString(frames[-1]).leave  # type: ignore[arg-type]
    assert (leave.reason, leave.action) == (Reason.DUPLICATE_IDENTITY, Action.DISCONNECT)
    assert older.session.closing is not None
    newer.turn()
    assert newer.others.keys() == {"w"}
    world.run()
    assert watcher.others["a"].sid == newer.me.sid
    assert not watcher.others["a"].tracks
    # A farewell of the older one comes before the news of the newer one.
    infos = [info for update in watcher.all("update") for info in update.participants if info.identity == "a"]
    gone = next(i for i, info in enumerate(infos) if info.state == State.DISCONNECTED)
    new = next(i for i, info in enumerate(infos) if info.sid == newer.me.sid)
    assert gone < new
    assert infos[gone].disconnect_reason == Reason.DUPLICATE_IDENTITY


def test_one_failed_connection_does_not_disturb_the_news_of_others() -> None:
    world = World()
    a, broken, c = (world.client(name) for name in ("a", "broken", "c"))
    broken.transport.become(TransportState.FAILED)
    sid = a.publish()
    world.run()
    assert c.receiving() == {sid}
    assert broken.sees("a") == {sid: False}
    world.run(25)
    assert broken.last("leave").action == Action.RECONNECT


def test_a_client_that_leaves_is_answered() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.ask(leave=rtc.LeaveRequest(reason=Reason.CLIENT_INITIATED))
    assert a.last("leave").reason == Reason.CLIENT_INITIATED
    assert a.session.closing is not None
    world.run()
    assert b.others == {}
    assert world.media.closed


def test_a_socket_lost_before_media_ends_the_visit_and_after_it_does_not() -> None:
    world = World()
    early = Client(world, "early")
    early.join()
    early.cut()
    assert world.room.by_identity("early") is None
    late = world.client("late")
    late.cut()
    assert world.room.by_identity("late") is not None


def test_without_socket_and_media_a_participant_leaves() -> None:
    world = World(media_silence_limit=12.0)
    a, b = world.client("a"), world.client("b")
    a.cut()
    world.run(11)
    assert "a" in b.others
    world.run(2)
    assert "a" not in b.others


def test_without_socket_but_with_media_it_stays_for_a_while() -> None:
    world = World(media_silence_limit=12.0, reconnect_limit=60.0)
    a, b = world.client("a"), world.client("b")
    a.cut()
    for _ in range(59):
        world.run(1)
        a.transport.last_heard = world.now
    assert "a" in b.others
    world.run(2)
    assert "a" not in b.others


def test_a_client_that_closed_both_ends_is_gone_soon() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.cut()
    a.transport.become(TransportState.CLOSED)
    world.run(1.3)
    assert "a" not in b.others


def test_media_that_never_connects_ends_the_visit() -> None:
    world = World(connect_limit=60.0)
    a = Client(world, "a")
    a.join()
    world.run(59)
    assert world.room.by_identity("a") is not None
    world.run(2)
    assert a.last("leave").reason == Reason.CONNECTION_TIMEOUT


def test_lost_media_has_time_to_come_back() -> None:
    world = World(media_restart_limit=20.0)
    a = world.client("a")
    a.transport.become(TransportState.DISCONNECTED)
    world.run(15)
    a.transport.become(TransportState.CONNECTED)
    world.run(15)
    assert a.session.closing is None
    a.transport.become(TransportState.DISCONNECTED)
    world.run(21)
    assert a.last("leave").action == Action.RECONNECT


def test_what_cannot_be_parsed_ends_that_session_only() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.session.receive(b"\xff\xff", world.now)
    assert a.session.closing is not None
    assert a.session.closing.code == CLOSE_PROTOCOL
    assert b.session.closing is None
    assert world.room.by_identity("a") is not None
    a.cut()
    assert a.resume()[0] == "reconnect"


@pytest.mark.parametrize("which", ["offer", "answer"])
def test_a_description_that_cannot_be_read_ends_that_session(which: str) -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.answering = False
    b.publish()
    world.run()
    bad = rtc.SessionDescription(type=which, sdp="v=0\r\nnonsense ăâ" * 20, id=0)
    a.ask(**{which: bad})
    assert a.session.closing is not None
    assert a.session.closing.code == CLOSE_PROTOCOL
    assert len(a.session.closing.reason.encode()) <= 123
    assert b.session.closing is None


def test_sessions_in_json_are_answered_in_json() -> None:
    world = World()
    a = world.client("a")
    message = rtc.SignalRequest(
        add_track=rtc.AddTrackRequest(cid="c", type=TrackType.AUDIO, source=Source.MICROPHONE)
    )
    a.session.receive(json.dumps(json_format.MessageToDict(message)), world.now)
    (frame, *_) = a.session.take_frames()
    assert isinstance(frame, str)
    assert json.loads(frame)["trackPublished"]["cid"] == "c"


def test_a_full_room_lets_the_same_identity_in_again() -> None:
    world = World(max_participants=2)
    world.client("a")
    world.client("b")
    with pytest.raises(ResourceExhaustedError):
        Client(world, "c").join()
    assert set(world.room.participants) == {"a", "b"}
    again = Client(world, "a")
    again.join()
    assert world.room.by_identity("a") is again.participant


def test_attributes_of_the_token_are_not_overruled_by_the_client() -> None:
    world = World()
    token = {"role": "guest"}
    own = {"role": "chair", "shoe": "42", "empty": ""}
    for right, expected in ((False, token), (True, {"role": "chair", "shoe": "42"})):
        client = Client(world, f"right-{right}", can_update_own_metadata=right)
        client.grants = replace(client.grants, attributes=token)
        client.join(attributes=own)
        assert client.participant is not None
        assert client.participant.attributes == expected


def test_attributes_that_are_too_long_are_refused_and_nobody_is_left_behind() -> None:
    world = World()
    client = Client(world, "a", can_update_own_metadata=True)
    with pytest.raises(InvalidArgumentError):
        client.join(attributes={"k": "v" * MAX_ATTRIBUTES})
    assert world.room.participants == {}


def test_a_join_that_fails_leaves_nobody_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    watcher = world.client("w")
    monkeypatch.setattr("signaling.subscribing.Subscribing.negotiate", lambda *a, **k: 1 / 0)
    session = SignalSession(world.registry.settings, world.now)
    with pytest.raises(ZeroDivisionError):
        world.registry.connect(replace(watcher.grants, identity="a"), ClientParams(), session, world.now)
    monkeypatch.undo()
    world.run()
    assert set(world.room.participants) == {"w"}
    assert watcher.others == {}


@pytest.mark.parametrize("people", [5, 60])
def test_one_more_describes_few_however_many_are_there(people: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for index in range(people):
        client = world.client(f"p{index}", auto_subscribe=False)
        client.publish(muted=True)
    world.run(1)
    described: list[str] = []
    original = Participant._describe

    def counting(participant: Participant) -> models.ParticipantInfo:
        described.append(participant.identity)
        return original(participant)

    monkeypatch.setattr(Participant, "_describe", counting)
    world.client("one-more", auto_subscribe=False)
    assert set(described) == {"one-more"}
    assert len(described) <= 4
