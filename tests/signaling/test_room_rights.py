"""What a participant may do, changed while it is there, and what publishers allow each other."""

from livekit.protocol import models, rtc
from signal_world import Source, TrackType, World, rights

Refusal = rtc.RequestResponse.Reason
SubscriptionError = models.SubscriptionError


def test_a_taken_right_to_publish_ends_the_tracks_at_once() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    mic = a.publish()
    cam = a.publish("cam", TrackType.VIDEO, Source.CAMERA)
    world.run()
    rights(world, "a", can_publish_sources=[Source.CAMERA])
    assert not b.hears(mic)
    assert b.hears(cam)
    a.turn()
    assert a.last("track_unpublished").track_sid == mic
    world.run()
    assert b.sees("a") == {cam: False}
    assert list(a.me.permission.can_publish_sources) == [Source.CAMERA]
    a.ask(add_track=rtc.AddTrackRequest(cid="m2", type=TrackType.AUDIO, source=Source.MICROPHONE))
    assert a.last("request_response").reason == Refusal.NOT_ALLOWED


def test_a_taken_right_to_subscribe_ends_the_packets_at_once_and_comes_back() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    rights(world, "b", can_subscribe=False)
    assert not b.hears(sid)
    world.run()
    assert b.receiving() == set()
    rights(world, "b")
    world.run()
    assert b.hears(sid)


def test_hidden_ones_are_seen_by_nobody_and_see_all() -> None:
    world = World()
    a = world.client("a")
    ghost = world.client("ghost", hidden=True)
    sid = a.publish()
    mark = len(a.log)
    world.run(6)
    assert "ghost" not in a.others
    assert ghost.hears(sid)
    assert world.room.info().num_participants == 1
    ghost.publish("spy")
    ghost.ask(leave=rtc.LeaveRequest())
    world.run()
    told = [info for m in a.log[mark:] for info in m.update.participants]
    assert all(info.identity != "ghost" for info in told)


def test_becoming_hidden_and_visible_again() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    rights(world, "a", hidden=True)
    world.run()
    assert b.others == {}
    assert not b.hears(sid)
    assert a.me.permission.hidden
    assert a.me.state == models.ParticipantInfo.State.ACTIVE
    assert a.others.keys() == {"b"}
    rights(world, "a", hidden=False)
    world.run()
    assert b.sees("a") == {sid: False}
    assert b.hears(sid)


def test_media_of_one_who_comes_into_sight_waits_for_the_update_too() -> None:
    world = World(update_interval=1.0)
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run(3)
    rights(world, "a", hidden=True)
    world.run(0.2)
    rights(world, "a", hidden=False)
    b.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=True))
    assert b.others == {}
    assert not b.hears(sid)
    world.run(1.2)
    assert b.sees("a") == {sid: False}
    assert b.hears(sid)


def test_the_publisher_chooses_who_may_subscribe() -> None:
    world = World()
    a, b, c = (world.client(name) for name in "abc")
    sid = a.publish()
    world.run()
    a.ask(
        subscription_permission=rtc.SubscriptionPermission(
            all_participants=False,
            track_permissions=[rtc.TrackPermission(participant_identity="b", all_tracks=True)],
        )
    )
    assert b.hears(sid)
    assert not c.hears(sid)
    world.run()
    assert (c.last("subscription_permission_update").allowed, b.all("subscription_permission_update")) == (
        False,
        [],
    )
    late = world.client("late")
    world.run()
    assert late.last("subscription_permission_update").track_sid == sid
    assert not late.hears(sid)
    another = a.publish("second")
    world.run()
    assert b.hears(another)
    assert not c.hears(another)
    a.ask(subscription_permission=rtc.SubscriptionPermission(all_participants=True))
    world.run()
    for client in (b, c, late):
        assert client.hears(sid)
        assert client.hears(another)
    assert c.last("subscription_permission_update").allowed
    c.cut()
    assert "subscription_permission_update" in c.resume()


def test_own_data_may_be_changed_only_with_the_right() -> None:
    world = World()
    a = world.client("a")
    a.ask(update_metadata=rtc.UpdateParticipantMetadata(name="Boss"))
    assert a.last("request_response").reason == Refusal.NOT_ALLOWED
    b = world.client("b", can_update_own_metadata=True)
    b.ask(update_metadata=rtc.UpdateParticipantMetadata(attributes={"k": "v" * 70_000}))
    assert b.last("request_response").reason == Refusal.LIMIT_EXCEEDED
    world.run()
    assert a.me.name == ""
    assert dict(b.me.attributes) == {}
