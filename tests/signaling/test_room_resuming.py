"""Sessions that are lost and come back, and the tokens that let them."""

from dataclasses import replace

import pytest
from livekit.protocol import models, rtc
from livekit.protocol import room as room_proto
from signal_world import KEYS, Client, World

from media.transport import TransportState
from signaling.session import CLOSE_GOING_AWAY, CLOSE_TOO_SLOW

Reason, Action = models.DisconnectReason, rtc.LeaveRequest.Action
State = models.ParticipantInfo.State


@pytest.mark.parametrize("sid", ["", "PA_unknown", "x" * 64])
def test_resuming_what_is_not_there_is_sent_to_a_full_join(sid: str) -> None:
    world = World()
    world.client("a")
    stranger = Client(world, "b")
    for client in (stranger, Client(world, "a")):
        assert client.resume(sid) == ["leave"]
        leave = client.last("leave")
        assert (leave.reason, leave.action, leave.can_reconnect) == (
            Reason.STATE_MISMATCH,
            Action.RECONNECT,
            True,
        )
        assert client.session.closing is not None
    assert len(world.room.participants) == 1


def test_resuming_in_a_room_that_is_gone_makes_none() -> None:
    world = World()
    assert Client(world, "a").resume("PA_x") == ["leave"]
    assert world.registry.rooms == {}


def test_resume_says_everything_again_in_order() -> None:
    world = World()
    a, b, c = world.client("a"), world.client("b"), world.client("c")
    sid = b.publish()
    world.run()
    assert a.hears(sid)
    a.cut()
    world.run(1)
    assert a.participant is not None
    assert not a.participant.gone
    assert a.hears(sid), "media goes on"
    c.ask(leave=rtc.LeaveRequest())
    d = world.client("d")
    world.room.set_metadata("new", world.now)
    world.run(1)
    mark = len(a.log)
    restarts = a.transport.restarts
    kinds = a.resume()
    assert kinds[:4] == ["reconnect", "update", "room_update", "refresh_token"]
    assert kinds[-1] == "offer"
    assert a.transport.restarts == restarts + 1
    assert a.log[mark].reconnect.server_info.version
    assert a.others.keys() == {"b", "d"}
    assert a.others["d"].sid == d.me.sid
    assert a.room.metadata == "new"
    world.run()
    assert a.receiving() == {sid}
    assert a.me.state == State.ACTIVE


def test_who_left_and_came_back_is_told_as_new_only() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    a.cut()
    b.ask(leave=rtc.LeaveRequest())
    world.run()
    again = world.client("b")
    a.resume()
    update = a.last("update")
    assert [info.sid for info in update.participants if info.identity == "b"] == [again.me.sid]


def test_an_older_socket_is_replaced_and_its_end_changes_nothing() -> None:
    world = World()
    a = world.client("a")
    first = a.session
    assert "reconnect" in a.resume()
    assert first.closing is not None
    assert a.participant is not None
    a.participant.session_closed(first, world.now)
    assert a.participant.session is a.session
    first.receive(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString(), world.now)
    assert not a.participant.gone


@pytest.mark.parametrize("which", ["subscriber", "publisher"])
@pytest.mark.parametrize("state", [TransportState.FAILED, TransportState.CLOSED])
def test_a_session_whose_media_is_over_is_sent_to_a_full_join(which: str, state: TransportState) -> None:
    world = World(close_grace=1000.0)
    a, b = world.client("a"), world.client("b")
    a.publish()
    assert a.participant is not None
    a.cut()
    peer = (
        a.participant.publishing.publisher if which == "publisher" else a.participant.subscribing.subscriber
    )
    peer.transport.become(state)  # type: ignore[union-attr]
    assert a.resume() == ["leave"]
    assert a.last("leave").action == Action.RECONNECT
    world.run()
    assert b.others == {}


def test_an_offer_on_a_failed_connection_asks_for_a_full_join() -> None:
    world = World()
    a = world.client("a")
    a.publish()
    assert a.participant is not None
    assert a.participant.publishing.publisher is not None
    a.participant.publishing.publisher.transport.become(TransportState.FAILED)  # type: ignore[attr-defined]
    a.reoffer()
    assert a.last("leave").action == Action.RECONNECT


def test_a_silent_client_is_cut_off_and_may_resume() -> None:
    world = World(silence_limit=21.0)
    a = world.client("a")
    a._ping_due = 10**9
    world.run(20)
    assert a.session.closing is None
    world.run(7)
    assert a.session.closing is not None
    assert a.session.closing.code == CLOSE_GOING_AWAY
    a.cut()
    assert "reconnect" in a.resume()


def test_a_client_that_does_not_read_is_closed_and_may_resume() -> None:
    world = World(max_queued_frames=50)
    a, b = world.client("a"), world.client("b")
    a.alive = False
    for index in range(60):
        world.room.set_metadata(str(index), world.now)
    assert a.session.closing is not None
    assert a.session.closing.code == CLOSE_TOO_SLOW
    assert b.session.closing is None or b.session.closing.code == CLOSE_TOO_SLOW
    assert world.room.by_identity("a") is a.participant
    a.cut()
    assert a.resume()[0] == "reconnect"
    assert a.room.metadata == "59"


def test_fc_a03_a_removed_participant_does_not_come_back_by_resuming() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    token = a.token
    a.cut()
    a.media_alive = False
    world.registry.remove_participant("room", "a", world.now)
    world.run()
    assert b.others == {}
    assert not b.hears(sid)
    assert a.resume() == ["leave"]
    assert a.last("leave").reason == Reason.STATE_MISMATCH
    world.run(30)
    assert b.others == {}
    assert a.token == token, "who was put out is given no new token"


def test_fc_a04_a_refreshed_token_never_ends_before_the_first() -> None:
    world = World(token_ttl=600.0, token_refresh=300.0)
    a = Client(world, "a", can_update_own_metadata=True)
    first_end = world.wall() + 6 * 3600
    a.grants = replace(a.grants, expires_at=first_end)
    a.join()
    a.connect()
    world.run()
    assert KEYS.verify(a.token, world.wall()).expires_at >= first_end - 1
    a.ask(update_metadata=rtc.UpdateParticipantMetadata(name="New", attributes={"k": "v"}))
    a.cut()
    for _ in range(660):
        world.now += 1
        a.transport.last_heard = world.now
    verified = KEYS.verify(a.token, world.wall())
    assert verified.identity == "a"
    assert a.resume()[0] in ("reconnect", "leave")
    full = Client(world, "a")
    full.grants = KEYS.verify(a.token, world.wall())
    full.join()
    full.turn()
    assert full.kinds()[0] == "join"


def test_fc_a04_a_connected_client_outlives_its_first_token() -> None:
    world = World(token_ttl=600.0, token_refresh=300.0)
    a = Client(world, "a", can_update_own_metadata=True)
    a.grants = replace(a.grants, name="Old", expires_at=world.wall() + 20)
    a.join()
    a.connect()
    world.run(30)
    a.ask(update_metadata=rtc.UpdateParticipantMetadata(name="New", metadata="m", attributes={"k": "v"}))
    world.registry.update_participant(new_rights(can_publish=False, can_subscribe=True), world.now)
    world.run(30)
    grants = KEYS.verify(a.token, world.wall())
    assert (grants.name, grants.metadata, dict(grants.attributes)) == ("New", "m", {"k": "v"})
    assert grants.video is not None
    assert grants.video.can_publish is False
    a.cut()
    a.grants = grants
    assert a.resume()[0] == "reconnect"
    assert len(a.all("refresh_token")) < 6
    world.run(301)
    assert KEYS.verify(a.token, world.wall()).expires_at - world.wall() > 290


def new_rights(**permission: bool) -> room_proto.UpdateParticipantRequest:
    return room_proto.UpdateParticipantRequest(
        room="room", identity="a", permission=models.ParticipantPermission(**permission)
    )
