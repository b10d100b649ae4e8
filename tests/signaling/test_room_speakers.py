"""Who speaks, folded by each client: always the truth within a second (FC-a18)."""

from collections.abc import Callable

import pytest
from livekit.protocol import rtc
from signal_world import Client, World, rights

LOUD, QUIET = 20, 80


def talking() -> tuple[World, Client, Client, str]:
    """A talks, B hears it."""
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.media.talking[a.track(sid)] = LOUD
    world.run(1.5)
    assert a.speakers.keys() == b.speakers.keys() == {a.me.sid}
    return world, a, b, sid


def mute(world: World, a: Client, b: Client, sid: str) -> None:
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))


def server_mute(world: World, a: Client, b: Client, sid: str) -> None:
    world.registry.mute_track("room", "a", sid, True, world.now)


def unpublish(world: World, a: Client, b: Client, sid: str) -> None:
    assert a.participant is not None
    a.participant.publishing.unpublish(a.participant.publishing.publications[sid], world.now)


def lose_the_right(world: World, a: Client, b: Client, sid: str) -> None:
    rights(world, "a", can_publish=False)


def leave(world: World, a: Client, b: Client, sid: str) -> None:
    a.ask(leave=rtc.LeaveRequest())


def unsubscribe(world: World, a: Client, b: Client, sid: str) -> None:
    b.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=False))


def fall_silent(world: World, a: Client, b: Client, sid: str) -> None:
    world.media.talking[a.track(sid)] = QUIET


def stop_sending(world: World, a: Client, b: Client, sid: str) -> None:
    world.media.talking.clear()


@pytest.mark.parametrize(
    "end", [mute, server_mute, unpublish, lose_the_right, leave, unsubscribe, fall_silent, stop_sending]
)
def test_fc_a18_everybody_told_on_is_told_off(end: Callable[[World, Client, Client, str], None]) -> None:
    world, a, b, sid = talking()
    end(world, a, b, sid)
    world.run(1.2 if end is stop_sending else 1.0)
    assert b.speakers == {}
    if end is unsubscribe:
        assert a.speakers.keys() == {a.me.sid}, "who speaks is told that it does"
    elif end is not leave:
        assert a.speakers == {}


def test_fc_a18_killed_while_speaking() -> None:
    world, a, b, _ = talking()
    a.cut()
    a.media_alive = False
    world.media.talking.clear()
    world.run(1.2)
    assert b.speakers == {}
    world.run(13)
    assert b.others == {}


def test_fc_a18_late_joiners_are_told_at_subscription() -> None:
    world, a, _, sid = talking()
    world.run(5)
    c = world.client("c")
    world.run(0.8)
    assert c.hears(sid)
    assert c.speakers.keys() == {a.me.sid}
    deaf = world.client("deaf", auto_subscribe=False)
    world.run(2)
    assert deaf.speakers == {}


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("still", [False, True])
def test_fc_a18_told_again_after_a_resume(lost: bool, still: bool) -> None:
    world, a, b, sid = talking()
    if lost:
        # What is sent from now on is lost in the dying socket.
        b.alive = False
    else:
        b.cut()
    if not still:
        a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
    world.run(3)
    if lost:
        b.cut()
    b.resume()
    world.run(1)
    assert b.speakers.keys() == ({a.me.sid} if still else set())


def test_a_speaker_that_was_told_on_into_a_dead_socket_is_told_again() -> None:
    world = World()
    a, b = world.client("a"), world.client("b")
    sid = a.publish()
    world.run()
    b.alive = False
    world.media.talking[a.track(sid)] = LOUD
    world.run(2)
    b.cut()
    b.resume()
    world.run(1)
    assert b.speakers.keys() == {a.me.sid}


def test_hidden_speakers_are_told_to_themselves_alone() -> None:
    world = World()
    ghost, b = world.client("ghost", hidden=True), world.client("b")
    sid = ghost.publish()
    world.media.talking[ghost.track(sid)] = LOUD
    world.run(2)
    assert b.speakers == {}


def test_a_muted_track_that_goes_on_sending_does_not_speak() -> None:
    world, a, b, sid = talking()
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
    world.run(10)
    assert b.speakers == {}
    a.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    world.run(1.5)
    assert b.speakers.keys() == {a.me.sid}


def test_levels_alone_are_not_told_too_often() -> None:
    world, a, b, sid = talking()
    before = len(b.all("speakers_changed"))
    for index in range(20):
        world.media.talking[a.track(sid)] = 5 + 20 * (index % 2)
        world.run(0.2)
    assert len(b.all("speakers_changed")) - before <= 11
