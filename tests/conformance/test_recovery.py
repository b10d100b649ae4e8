"""Coming back: duplicates, a WebSocket that is cut, full reconnects, and doors that stay shut."""

from __future__ import annotations

from typing import Any

import pytest
from livekit import api, rtc
from livekit.protocol.models import DisconnectReason, TrackSource, TrackType
from livekit.protocol.rtc import AddTrackRequest, LeaveRequest, SignalRequest

from conformance.clients.browser import BrowserSite
from conformance.target import Browsers, Signals, Sites, Target
from conformance.waiting import holds, until
from signaling.client.room import RoomClient

Scenario = rtc.SimulateScenarioKind


async def test_the_newer_one_wins(sites: Sites) -> None:
    """Same identity twice: the older is put out at once, the newer is seen and heard under the same name."""
    viewer = await sites.join("viewer")
    old = await sites.join("twin")
    await old.publish_camera("red")
    await viewer.sees("twin", "red")
    sid = viewer.remote("twin").sid
    new = await sites.join("twin")
    (reason,) = await old.event("disconnected", within=5)
    assert reason == rtc.DisconnectReason.DUPLICATE_IDENTITY
    await new.publish_camera("green")
    await viewer.sees("twin", "green")
    assert viewer.remote("twin").sid == new.room.local_participant.sid != sid
    await viewer.event("participant_disconnected", lambda who: who.sid == sid)


@pytest.mark.browser
async def test_the_newer_one_wins_across_sdks(browsers: Browsers, sites: Sites) -> None:
    browser = await browsers.join("twin")
    await browser.publish_microphone("red")
    native = await sites.join("twin")
    assert await browser.event("disconnected") == [2]
    await sites.join("other", present=True)
    await native.meets("other")
    assert native.room.isconnected()


CONNECTIONS = """(person) => {
    const {subscriber, publisher} = person.room.engine.pcManager;
    return [publisher, subscriber].filter(Boolean).map((transport) => {
        const pc = transport.getConnectionState ? transport._pc ?? transport.pc : transport;
        pc.conformanceMark ??= Math.random();
        return pc.conformanceMark;
    });
}"""


async def _frames(browser: BrowserSite, identity: str) -> int:
    look = await browser.look(identity)
    return look.frames if look is not None else -1


@pytest.mark.browser
async def test_signal_cut_while_media_goes_on(browsers: Browsers, sites: Sites) -> None:
    """The browser's WebSocket alone is cut: a resume, the same peer connections, the same participant."""
    browser, native = await browsers.join("browser"), await sites.join("native")
    await browser.publish_camera("blue")
    await native.publish_camera("yellow")
    await native.sees("browser", "blue")
    await browser.sees("native", "yellow")
    assert await browser.do(CONNECTIONS)
    before = await browser.do(CONNECTIONS), await browser.do("(person) => person.room.localParticipant.sid")
    picture = native.picture("browser")
    assert picture is not None
    count, seen = picture.frames, await _frames(browser, "native")
    await browser.do("(person) => person.room.simulateScenario('signal-reconnect')")
    await browser.event("signalReconnecting")
    await browser.event("reconnected", within=20)
    after = await browser.do(CONNECTIONS), await browser.do("(person) => person.room.localParticipant.sid")
    assert after == before
    await until(lambda: picture.frames > count + 5, "the native one sees frames on the same track")

    async def more() -> bool:
        return await _frames(browser, "native") > seen + 5

    await until(more, "the browser sees frames on the same track")
    assert not native.happened("participant_disconnected")
    assert len(native.happened("track_subscribed")) == 1
    assert not await browser.happened("reconnecting")
    assert set(picture.colours) == {"blue"}


@pytest.mark.browser
async def test_what_happened_meanwhile_is_learnt(browsers: Browsers, sites: Sites) -> None:
    """While the WebSocket is down others publish, change and leave; after the resume all of it is known."""
    browser = await browsers.join("browser")
    stays = await sites.join("stays", present=True, can_update_own_metadata=True)
    goes = await sites.join("goes", present=True)
    await browser.meets("stays", "goes")
    await browser.do("(person) => { person.room.simulateScenario('signal-reconnect'); }")
    await stays.publish_camera("cyan")
    await stays.room.local_participant.set_metadata("changed")
    await goes.leave()
    comes = await sites.join("comes", present=True)
    await browser.event("reconnected", within=20)
    await browser.sees("stays", "cyan", within=15)
    await browser.meets(comes.identity)
    await browser.value("(person) => !person.room.remoteParticipants.has('goes')")
    await browser.value("(person) => person.room.remoteParticipants.get('stays').metadata === 'changed'")


@pytest.mark.browser
async def test_full_reconnect_of_a_browser(browsers: Browsers, sites: Sites) -> None:
    """Everything anew: another sid, tracks published again, media in both directions."""
    browser, native = await browsers.join("browser"), await sites.join("native")
    await browser.publish_camera("magenta")
    await native.publish_camera("green")
    await native.sees("browser", "magenta")
    await browser.sees("native", "green")
    sid = await browser.do("(person) => person.room.localParticipant.sid")
    await browser.do("(person) => { person.room.simulateScenario('full-reconnect'); }")
    await browser.event("reconnecting")
    await browser.event("reconnected", within=20)
    assert await browser.do("(person) => person.room.localParticipant.sid") != sid
    await until(lambda: native.remote("browser").sid != sid, "the others know the new session")
    await native.sees("browser", "magenta", within=15)
    await browser.sees("native", "green", within=15)


@pytest.mark.parametrize("scenario", ["SIMULATE_SIGNAL_RECONNECT", "SIMULATE_FULL_RECONNECT"])
async def test_reconnects_of_the_native_sdk(sites: Sites, scenario: str) -> None:
    owner, viewer = await sites.join_all("owner", "viewer")
    await owner.publish_camera("red")
    await owner.publish_microphone("red")
    await viewer.publish_camera("blue")
    await viewer.sees("owner", "red")
    await owner.sees("viewer", "blue")
    await owner.room.simulate_scenario(Scenario.Value(scenario))
    await owner.event("reconnected", within=20)
    picture = viewer.picture("owner")
    if picture is not None:
        picture.forget()
    await viewer.sees("owner", "red", within=15)
    await viewer.hears("owner", "red", within=15)
    seen = owner.picture("viewer")
    if seen is not None:
        seen.forget()
    await owner.sees("viewer", "blue", within=15)


@pytest.mark.parametrize("dropped", [False, True], ids=["connected", "without network"])
async def test_fc_a03_put_out_and_back_through_the_resume_door(
    server: Target, sites: Sites, signals: Signals, livekit_api: api.LiveKitAPI, dropped: bool
) -> None:
    """Removed while away: the resume is refused, and the others see nothing of it."""
    witness = await sites.join("witness")
    away = RoomClient()
    await away.connect(server.url, server.token(sites.room, "away"), reconnect=False)
    sid = away.local.sid
    await witness.meets("away")
    if dropped:
        await away.kill()
    who = api.RoomParticipantIdentity(room=sites.room, identity="away")
    await livekit_api.room.remove_participant(who)
    await witness.event("participant_disconnected", lambda gone: gone.sid == sid)
    await away.close()
    back = await signals.open("away", query={"reconnect": 1, "sid": sid})
    leave = await back.get("leave")
    assert leave.reason in {DisconnectReason.STATE_MISMATCH, DisconnectReason.PARTICIPANT_REMOVED}
    assert leave.action in {LeaveRequest.Action.RECONNECT, LeaveRequest.Action.DISCONNECT}
    await holds(lambda: "away" not in witness.room.remote_participants, "stays away", during=1.0)
    assert not back.all("reconnect")


async def test_fc_a19_published_while_muted(sites: Sites) -> None:
    """Published and muted in the same turn: known as muted, never heard, and heard after the first unmute."""
    owner, viewer = await sites.join_all("owner", "viewer")
    await owner.publish_microphone("blue")
    owner.microphones[0].track.mute()
    sound = await until(lambda: viewer.sound("owner"), "subscribed")

    def muted() -> bool:
        return all(track.muted for track in viewer.remote("owner").track_publications.values())

    await until(muted, "the viewer knows it as muted")
    sound.forget()
    await holds(lambda: not sound.hears("blue"), "silent while muted", during=0.7)
    owner.microphones[0].track.unmute()
    await viewer.hears("owner", "blue", within=5)


@pytest.mark.browser
@pytest.mark.parametrize("scenario", ["signal-reconnect", "full-reconnect"])
async def test_fc_a19_muted_across_a_reconnect(browsers: Browsers, sites: Sites, scenario: str) -> None:
    """The microphone stays muted over the reconnect, and the first unmute after it is heard."""
    browser, native = await browsers.join("browser"), await sites.join("native")
    await browser.publish_microphone("magenta")
    await native.hears("browser", "magenta")
    microphone = "person.room.localParticipant.getTrackPublication('microphone')"
    await browser.do(f"(person) => {microphone}.mute()")
    await native.event("track_muted")
    await browser.do("(person, LK, name) => { person.room.simulateScenario(name); }", scenario)
    await browser.event("reconnected", within=20)

    def muted() -> bool:
        sound = native.sound("browser")
        return sound is None or not sound.hears("magenta")

    await until(lambda: _microphone_muted(native), "the others know it as muted")
    await until(muted, "no sound")
    await holds(muted, "still muted after the reconnect", during=0.7)
    await browser.do(f"(person) => {microphone}.unmute()")
    await native.hears("browser", "magenta", within=10)


def _microphone_muted(native: Any) -> bool:
    participant = native.room.remote_participants.get("browser")
    tracks = list(participant.track_publications.values()) if participant else []
    return bool(tracks) and all(track.muted for track in tracks)


@pytest.mark.usefixtures("ours_only")
async def test_fc_a19_announced_before_the_first_packet(sites: Sites, signals: Signals) -> None:
    """LiveKit announces a track only at its first RTP; ours says "microphone, muted" at once."""
    viewer = await sites.join("viewer")
    signal = await signals.open("owner")
    await signal.get("join")
    request = AddTrackRequest(
        cid="c", name="mic", type=TrackType.AUDIO, source=TrackSource.MICROPHONE, muted=True
    )
    await signal.send(SignalRequest(add_track=request))
    await viewer.event("track_published", lambda track, who: who.identity == "owner" and track.muted)


async def test_leave_reasons(sites: Sites, livekit_api: api.LiveKitAPI) -> None:
    """Those who stay learn why another has gone."""
    witness = await sites.join("witness")
    leaver, _ = await sites.join_all("leaver", "removed", present=True)
    await witness.meets("leaver", "removed")
    await leaver.leave()
    await livekit_api.room.remove_participant(
        api.RoomParticipantIdentity(room=sites.room, identity="removed")
    )
    wanted = {
        "leaver": rtc.DisconnectReason.CLIENT_INITIATED,
        "removed": rtc.DisconnectReason.PARTICIPANT_REMOVED,
    }

    def told() -> dict[str, Any]:
        return {
            who.identity: who.disconnect_reason for (who,) in witness.happened("participant_disconnected")
        }

    await until(lambda: told() == wanted, lambda: f"{told()}")
