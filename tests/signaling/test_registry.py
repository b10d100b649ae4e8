"""Rooms by name: making, ending and the administrator's side, in virtual time."""

import pytest
from livekit.protocol import models, rtc
from livekit.protocol import room as room_proto
from signal_world import Client, World, rights

from signaling.errors import InvalidArgumentError, NotFoundError, SignalingError
from signaling.grants import Grants, VideoGrant

Reason = models.DisconnectReason


def request(**fields: object) -> room_proto.CreateRoomRequest:
    return room_proto.CreateRoomRequest(name="room", **fields)  # type: ignore[arg-type]


def test_a_room_is_made_by_joining_or_by_the_administrator() -> None:
    world = World()
    world.client("a")
    assert [room.name for room in world.registry.list_rooms([])] == ["room"]
    made = world.registry.create_room(request(metadata="late"), world.now)
    assert (made.sid, made.metadata) == (world.room.sid, ""), "one that is there stays as it is"
    assert world.events.names().count("room_started") == 1


def test_a_room_is_started_with_what_was_asked_for() -> None:
    world = World()
    made = world.registry.create_room(
        request(empty_timeout=7, departure_timeout=8, max_participants=9, metadata="m"), world.now
    )
    (started,) = [room for name, room, *_ in world.events.log if name == "room_started"]
    for room in (made, started):
        assert (room.empty_timeout, room.departure_timeout, room.max_participants) == (7, 8, 9)
        assert room.metadata == "m"


def test_rooms_are_not_made_by_joining_where_that_is_off() -> None:
    world = World(auto_create=False)
    with pytest.raises(NotFoundError):
        Client(world, "a").join()
    assert world.registry.rooms == {}
    Client(world, "a", room_create=True).join()
    assert list(world.registry.rooms) == ["room"]


@pytest.mark.parametrize(
    "video", [None, VideoGrant(), VideoGrant(room_join=True), VideoGrant(room="room", room_admin=True)]
)
def test_a_token_that_leads_nowhere_makes_no_room(video: VideoGrant | None) -> None:
    world = World()
    with pytest.raises(SignalingError):
        world.registry.admit(Grants(identity="a", video=video))
    assert world.registry.rooms == {}


def test_an_empty_room_ends_and_one_that_was_left_sooner() -> None:
    world = World(empty_timeout=300, departure_timeout=20)
    world.registry.create_room(request(), world.now)
    world.run(299)
    assert world.registry.rooms
    a = world.client("a")
    world.run(400)
    a.ask(leave=rtc.LeaveRequest())
    world.run(19)
    assert world.registry.rooms
    world.run(2)
    assert world.registry.rooms == {}
    assert world.events.names()[-1] == "room_finished"
    world.registry.create_room(request(), world.now)
    world.run(301)
    assert world.registry.rooms == {}


def test_a_room_that_is_entered_again_in_time_stays() -> None:
    world = World(departure_timeout=20)
    a = world.client("a")
    sid = world.room.sid
    for _ in range(3):
        a.ask(leave=rtc.LeaveRequest())
        world.run(15)
        a = world.client("a")
    assert world.room.sid == sid


def test_a_removed_participant_is_told_and_others_too() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    world.registry.remove_participant("room", "a", world.now)
    a.turn()
    b.turn()
    assert (a.last("leave").reason, a.last("leave").action) == (Reason.PARTICIPANT_REMOVED, 0)
    assert b.others == {}
    farewell = next(i for i in b.last("update").participants if i.identity == "a")
    assert farewell.disconnect_reason == Reason.PARTICIPANT_REMOVED


def test_metadata_name_and_attributes_are_set_merged_and_removed() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")

    def update(**fields: object) -> models.ParticipantInfo:
        made = room_proto.UpdateParticipantRequest(room="room", identity="a", **fields)  # type: ignore[arg-type]
        return world.registry.update_participant(made, world.now)

    update(name="An", metadata="m", attributes={"x": "1", "y": "2"})
    info = update(attributes={"x": "", "z": "3"})
    assert (info.name, info.metadata, dict(info.attributes)) == ("An", "m", {"y": "2", "z": "3"})
    world.run()
    for seen in (a.me, b.others["a"]):
        assert (seen.name, seen.metadata, dict(seen.attributes)) == ("An", "m", {"y": "2", "z": "3"})
    with pytest.raises(InvalidArgumentError):
        update(attributes={"big": "x" * 70_000})
    assert dict(world.registry.get_participant("room", "a").attributes) == {"y": "2", "z": "3"}


def test_new_rights_reach_the_client_with_a_new_token() -> None:
    world = World()
    a = world.client("a")
    tokens = len(a.all("refresh_token"))
    rights(world, "a", can_publish=False)
    world.run()
    assert not a.me.permission.can_publish
    assert len(a.all("refresh_token")) == tokens + 1


def test_room_metadata_reaches_everybody() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    assert world.registry.update_room_metadata("room", "news", world.now).metadata == "news"
    for client in (a, b):
        client.turn()
        assert client.room.metadata == "news"


def test_lists_are_right_at_once() -> None:
    world = World()
    a = world.client("a")
    world.client("ghost", hidden=True)
    a.publish()
    (room,) = world.registry.list_rooms(["room", "other"])
    assert (room.num_participants, room.num_publishers) == (1, 1)
    assert [info.identity for info in world.registry.list_participants("room")] == ["a", "ghost"]
    assert world.registry.list_rooms(["other"]) == []
    assert world.registry.list_participants("other") == []


def test_what_is_not_there_is_said_so() -> None:
    world = World()
    world.client("a")
    registry, now = world.registry, world.now
    for call in (
        lambda: registry.delete_room("x", now),
        lambda: registry.get_participant("x", "a"),
        lambda: registry.get_participant("room", "x"),
        lambda: registry.remove_participant("room", "x", now),
        lambda: registry.mute_track("room", "x", "TR", True, now),
        lambda: registry.update_subscriptions("room", "x", [], True, now),
        lambda: registry.send_data(room_proto.SendDataRequest(room="x"), now),
        lambda: registry.update_room_metadata("x", "", now),
        lambda: registry.update_participant(
            room_proto.UpdateParticipantRequest(room="room", identity="x"), now
        ),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert registry.mute_track("room", "a", "TR_none", True, now) is None


def test_two_rooms_know_nothing_of_each_other() -> None:
    world = World()
    a = world.client("a")
    other = Client(world, "a")
    other.grants = Grants(
        identity="a", video=VideoGrant(room_join=True, room="second"), api_key=a.grants.api_key
    )
    other.join()
    other.connect()
    world.run()
    sid = a.publish()
    world.run()
    assert other.others == {}
    assert not other.hears(sid)
    assert set(world.registry.rooms) == {"room", "second"}


def test_at_the_end_everybody_is_told_to_come_back() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.publish()
    world.run()
    offers = len(b.offers)
    world.registry.close(world.now)
    for client in (a, b):
        client.turn()
        leave = client.last("leave")
        assert (leave.reason, leave.action) == (Reason.SERVER_SHUTDOWN, rtc.LeaveRequest.Action.RECONNECT)
        assert client.session.closing is not None
    assert len(b.offers) == offers
    assert world.registry.rooms == {}
    assert world.events.names()[-1] == "room_finished"
    assert not world.media.tracks


def test_one_room_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    a = world.client("a")
    first = world.room
    other = Client(world, "b")
    other.grants = Grants(
        identity="b", video=VideoGrant(room_join=True, room="second"), api_key=a.grants.api_key
    )
    other.join()
    monkeypatch.setattr(first, "tick", lambda now: 1 / 0)
    before = len(other.log)
    world.run(1)
    assert len(other.log) > before
    assert "tick failed" in caplog.text
