"""A site's browser with a changed page: its own session and token, and everything else by its own will."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from changed_page import Scene, scene
from livekit.protocol import models, room, rtc
from test_conference import meeting_now

from scheduler.channel.messages import CLOSE_CODES
from scheduler.floor import RIGHTS
from signaling.client.events import DataReceived, RequestRefused, RoomEvent
from signaling.client.picture import PictureSpec
from signaling.client.room import RoomClient
from signaling.client.synthetic import SyntheticCamera, SyntheticMicrophone
from signaling.client.tone import ToneSpec
from signaling.errors import SignalingError
from signaling.grants import Grants, VideoGrant
from signaling.tokens import issue
from web.settings import Settings

Source = models.TrackSource


@pytest.fixture
async def meeting(settings: Settings, built: Path) -> AsyncIterator[Scene]:
    async with scene(settings, built) as made:
        yield made


def tone() -> SyntheticMicrophone:
    return SyntheticMicrophone(ToneSpec(500, silence=0.0))


def hears(client: RoomClient) -> bool:
    return bool(client.received_from("site:00001:main"))


def is_out(client: RoomClient) -> bool:
    return client.disconnected is not None


async def sounds_of_site(meeting: Scene) -> int:
    """How many tracks with sound of the site the others get, after what came later has come to them."""
    await meeting.site.client.publish(camera())
    for one in (meeting.chair.client, meeting.other.client):
        # The picture was asked for later than the sound: when it is there, the sound would be too.
        await one.until(functools.partial(hears, one))
    return sum(
        track.kind.value == "audio"
        for one in (meeting.chair.client, meeting.other.client)
        for track in one.received_from("site:00001:main")
    )


def camera() -> SyntheticCamera:
    return SyntheticCamera(PictureSpec((0, 128, 0)), fps=5.0)


# -- speaking ---------------------------------------------------------------------------------------


async def test_sound_without_the_floor_is_refused_under_every_name(meeting: Scene) -> None:
    sources: list[Any] = Source.values()
    for source in sources:
        with pytest.raises(SignalingError):
            await meeting.site.client.publish(tone(), track_source=source)
    assert await sounds_of_site(meeting) == 0


async def test_sound_that_was_only_offered_goes_nowhere(meeting: Scene) -> None:
    """A page that asks for nothing: it negotiates the track and sends."""
    client = meeting.site.client
    assert client.session is not None
    publisher = client.session.publisher
    send = publisher._send
    named = models.TrackInfo(sid="TR_own", type=models.TrackType.AUDIO, source=Source.MICROPHONE)

    def alone(request: rtc.SignalRequest) -> None:
        if request.WhichOneof("message") == "add_track":
            publisher.published(rtc.TrackPublishedResponse(cid=request.add_track.cid, track=named))
        else:
            send(request)

    publisher._send = alone
    track = None
    try:
        track = await client.publish(tone())
    except SignalingError:
        pass
    finally:
        publisher._send = send
    assert await sounds_of_site(meeting) == 0
    assert track is None or track.sid not in {
        one for who in (meeting.chair.client, meeting.other.client) for one in who.received
    }


async def test_no_picture_of_the_screen_without_the_floor(meeting: Scene) -> None:
    with pytest.raises(SignalingError):
        await meeting.site.client.publish(camera(), track_source=Source.SCREEN_SHARE)


async def test_the_floor_taken_back_silences_a_page_that_goes_on_sending(meeting: Scene) -> None:
    site, chair, other = meeting.site, meeting.chair, meeting.other
    await chair.page.say("give", target="site:00001")
    await site.page.until(lambda: site.page.floor.get("holder") == "site:00001")
    await site.client.publish(tone())
    await other.client.until(lambda: bool(other.client.received_from("site:00001:main")))
    await chair.page.say("take_back")
    await other.client.until(lambda: not other.client.received_from("site:00001:main"))
    # Its old ticket says what it might when it was given: less. A new one says what holds now.
    assert (await site.browser.ticket(meeting.meeting)).status_code == 200
    with pytest.raises(SignalingError):
        await site.client.publish(tone())


# -- being somebody else ------------------------------------------------------------------------------


async def test_it_keeps_its_name(meeting: Scene) -> None:
    site, other = meeting.site.client, meeting.other.client
    told: list[RoomEvent] = []
    site.listen(told.append)

    def shown() -> tuple[str, str, dict[str, str]]:
        found = other.state.by_identity("site:00001:main")
        assert found is not None
        return found.info.name, found.info.metadata, dict(found.info.attributes)

    before = shown()
    number = site.update(name="Chủ tịch", metadata="{}", attributes={"role": "chair", "session": "0" * 16})
    await site.until(lambda: any(isinstance(one, RequestRefused) for one in told))
    [refused] = [one for one in told if isinstance(one, RequestRefused)]
    assert refused.request_id == number
    await sounds_of_site(meeting)
    assert shown() == before
    assert set(before[2]) == {"session"}


def changed(token: str, **claims: Any) -> str:
    """The token with other claims under its old signature."""
    head, body, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    video = told["video"] | claims.pop("video", {})
    text = json.dumps(told | claims | {"video": video}).encode()
    return f"{head}.{base64.urlsafe_b64encode(text).decode().rstrip('=')}.{signature}"


CLAIMS: list[dict[str, Any]] = [
    {"sub": "person:1:main"},
    {"name": "Chủ trì"},
    {"video": {"canPublishSources": ["camera", "microphone"]}},
    {"video": {"roomAdmin": True}},
    {"video": {"room": "other"}},
    {"video": {"hidden": True}},
    {"exp": 4_000_000_000},
]


async def test_a_token_with_other_claims_opens_nothing(meeting: Scene) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for claims in CLAIMS:
            token = changed(meeting.site.ticket["token"], **claims)
            answer = await client.get(f"{meeting.base}/rtc/validate", params={"access_token": token})
            assert answer.status_code == 401, claims
            async with RoomClient() as again:
                with pytest.raises(SignalingError):
                    await again.connect(meeting.base, token, reconnect=False)
    assert meeting.site.client.disconnected is None


async def test_a_token_of_another_key_opens_nothing(meeting: Scene) -> None:
    """Not even with the name of the service's own key, or with that of LiveKit's development."""
    video = VideoGrant(room_join=True, room=meeting.site.ticket["room"])
    grants = Grants(identity="person:1:main", video=video)
    async with httpx.AsyncClient(trust_env=False) as client:
        for key in (meeting.served.service.relay.api_key, "devkey"):
            token = issue(key, "secret" * 8, grants, exp=4_000_000_000.0, now=1_700_000_000.0)
            answer = await client.get(f"{meeting.base}/rtc/validate", params={"access_token": token})
            assert answer.status_code == 401


async def test_data_of_its_own_and_in_the_name_of_others_reaches_nobody(meeting: Scene) -> None:
    site = meeting.site.client
    told: list[RoomEvent] = []
    for one in (meeting.chair.client, meeting.other.client):
        one.listen(told.append)
    await site.send_data(b"hello")
    for packet in (
        models.DataPacket(
            participant_identity="person:1:main", user=models.UserPacket(payload=b"x", topic="chair")
        ),
        models.DataPacket(chat_message=models.ChatMessage(id="1", message="x")),
        models.DataPacket(rpc_request=models.RpcRequest(id="1", method="mute", payload="x")),
        models.DataPacket(stream_header=models.DataStream.Header(stream_id="1", topic="x")),
    ):
        await site.send_packet(packet)
    assert await sounds_of_site(meeting) == 0
    assert [one for one in told if isinstance(one, DataReceived)] == []


# -- acting as chair -----------------------------------------------------------------------------------


async def test_each_command_of_a_leader_is_refused(meeting: Scene) -> None:
    commands = [kind for kind, roles in RIGHTS.items() if "site" not in roles]
    assert {"give", "take_back", "mute", "remove", "admit", "lock"} <= set(commands)
    site = meeting.site
    before = (await meeting.floor()).sequence
    # As many as the channel takes at once from one page.
    asked = [(kind, "site:00002") for kind in (*commands, "end")] + [("give", "site:00001")]
    for number, (kind, target) in enumerate(asked):
        told = await site.answer(
            json.dumps({"type": kind, "id": f"q{number}", "target": target, "role": "chair"})
        )
        assert (told["type"], told["code"]) == ("refused", "no_right"), kind
    assert (await meeting.floor()).sequence == before
    assert (await site.browser.ticket(meeting.meeting)).json()["role"] == "site"


async def test_it_counts_heads_and_asks_for_itself_alone(meeting: Scene) -> None:
    site = meeting.site
    for kind in ("ask", "head_count", "withdraw"):
        asked = {"type": kind, "id": kind, "target": "site:00002", "member": "site:00002", "count": 5}
        assert (await site.answer(json.dumps(asked)))["type"] == "done"
    assert "site:00002" not in (await meeting.floor()).queue
    await meeting.other.page.until(lambda: meeting.other.page.roster["site:00001"].get("head_count") == 5)
    assert meeting.other.page.roster["site:00002"].get("head_count") is None


METHODS = {
    "CreateRoom": room.CreateRoomRequest(name="new"),
    "ListRooms": room.ListRoomsRequest(),
    "DeleteRoom": room.DeleteRoomRequest(room="{room}"),
    "ListParticipants": room.ListParticipantsRequest(room="{room}"),
    "GetParticipant": room.RoomParticipantIdentity(room="{room}", identity="site:00002:main"),
    "RemoveParticipant": room.RoomParticipantIdentity(room="{room}", identity="site:00002:main"),
    "MutePublishedTrack": room.MuteRoomTrackRequest(room="{room}", identity="site:00002:main", muted=True),
    "UpdateParticipant": room.UpdateParticipantRequest(room="{room}", identity="site:00001:main", name="x"),
    "UpdateSubscriptions": room.UpdateSubscriptionsRequest(room="{room}", identity="site:00002:main"),
    "SendData": room.SendDataRequest(room="{room}", data=b"x"),
    "UpdateRoomMetadata": room.UpdateRoomMetadataRequest(room="{room}", metadata="x"),
}


async def test_its_token_administers_nothing(meeting: Scene) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for method, request in METHODS.items():
            if hasattr(request, "room"):
                request.room = meeting.site.ticket["room"]
            answer = await client.post(
                f"{meeting.base}/twirp/livekit.RoomService/{method}",
                content=request.SerializeToString(),
                headers={
                    "Content-Type": "application/protobuf",
                    "Authorization": f"Bearer {meeting.site.ticket['token']}",
                    "Cookie": meeting.site.browser.headers["Cookie"],
                },
            )
            assert answer.status_code in (401, 403), method
    assert meeting.other.client.disconnected is None


async def test_it_mutes_nobody_and_gives_nobody_rights_by_the_signals_of_the_media_server(
    meeting: Scene,
) -> None:
    site, other, chair = meeting.site.client, meeting.other.client, meeting.chair.client
    track = await other.publish(camera())
    await chair.until(lambda: bool(chair.received_from("site:00002:main")))
    assert site.session is not None
    foreign = models.ParticipantTracks(track_sids=[track.sid], participant_sid=other.local.sid)
    for request in (
        rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid=track.sid, muted=True)),
        rtc.SignalRequest(
            subscription_permission=rtc.SubscriptionPermission(
                all_participants=False,
                track_permissions=[rtc.TrackPermission(participant_identity="person:1:main")],
            )
        ),
        rtc.SignalRequest(
            subscription=rtc.UpdateSubscription(
                track_sids=[track.sid],
                subscribe=False,
                participant_tracks=[foreign],
            )
        ),
        rtc.SignalRequest(
            update_layers=rtc.UpdateVideoLayers(track_sid=track.sid, layers=[models.VideoLayer(width=1)])
        ),
        rtc.SignalRequest(simulate=rtc.SimulateScenario(server_leave=True)),
        rtc.SignalRequest(simulate=rtc.SimulateScenario(node_failure=True)),
    ):
        site.session.send(request)
    number = site.update(name="x")
    told: list[RoomEvent] = []
    site.listen(told.append)
    # The answer to the last request: all before it were read.
    await site.until(
        lambda: (
            site.disconnected is not None
            or any(isinstance(one, RequestRefused) and one.request_id == number for one in told)
        )
    )
    shown = chair.state.by_identity("site:00002:main")
    assert shown is not None
    assert [one.muted for one in shown.tracks.values()] == [False]
    assert other.disconnected is None
    before = sum(one.counters.packets for one in chair.received_from("site:00002:main"))
    await chair.until(
        lambda: sum(one.counters.packets for one in chair.received_from("site:00002:main")) > before
    )


# -- other meetings -----------------------------------------------------------------------------------


async def test_it_comes_into_no_other_meeting(meeting: Scene) -> None:
    site = meeting.site
    elsewhere = await meeting_now(meeting.served, 3, chair=3)
    answer = await site.browser.ticket(elsewhere)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_admitted")
    async with site.browser.channel(elsewhere) as door:
        await door.until(lambda: door.last.get("type") == "welcome")
        assert door.last["waiting"] is True
        assert door.roster == {}
        assert (await site.browser.ticket(elsewhere)).json()["code"] == "not_admitted"
    # What the address says beside the token counts for nothing.
    async with RoomClient() as again:
        beside = {"room": "other", "identity": "person:1:main", "name": "Chủ trì"}
        await again.connect(meeting.base, site.ticket["token"], reconnect=False, parameters=beside)
        assert again.local.identity == "site:00001:main"
        assert again.state.room.name == site.ticket["room"]
        assert again.local.name == site.ticket["name"]


# -- what it sees ------------------------------------------------------------------------------------


async def test_nothing_that_it_is_told_has_a_secret_of_others(meeting: Scene) -> None:
    """Channel, room, ticket, pages and API: all that a site can read, searched for what others come in by."""
    site = meeting.site
    service = meeting.served.service
    secrets = {service.relay.api_secret, service.state.secret("forms"), service.state.secret("places")}
    for seat in (meeting.chair, meeting.other):
        secrets |= {seat.ticket["token"], seat.browser.headers["X-CSRF-Token"]}
        secrets.add(seat.browser.headers["Cookie"].partition("=")[2])
    await meeting.chair.page.say("give", target="site:00002")
    told: list[str] = []
    while not any('"holder":"site:00002"' in text for text in told):
        told.append(str(await site.page.socket.recv()))
    async with site.browser.channel(meeting.meeting) as page:
        told.append(str(await page.socket.recv()))
    assert any("site:00002" in text for text in told)
    told += [str(one.info) for one in site.client.participants.values()]
    told += [str(site.client.state.room), (await site.browser.ticket(meeting.meeting)).text]
    paths = [
        "/kiosk",
        "/home",
        "/meetings",
        f"/meetings/{meeting.meeting}",
        f"/meetings/{meeting.meeting}/room",
        "/api/v1/me",
        "/api/v1/meetings",
        f"/api/v1/meetings/{meeting.meeting}",
        "/api/v1/site/next",
    ]
    async with httpx.AsyncClient(trust_env=False, headers=site.browser.headers) as client:
        for path in paths:
            answer = await client.get(meeting.base + path, headers={"Accept": "text/html"})
            assert answer.status_code == 200, path
            told.append(answer.text + str(answer.headers))
    everything = "\n".join(told)
    assert len(everything) > 5_000
    assert [secret for secret in secrets if len(secret) < 10 or secret in everything] == []


# -- the end -----------------------------------------------------------------------------------------


async def test_a_token_of_a_closed_meeting_opens_nothing(meeting: Scene) -> None:
    site, chair = meeting.site, meeting.chair
    token = site.ticket["token"]
    async with httpx.AsyncClient(trust_env=False) as client:

        async def status() -> int:
            answer = await client.get(f"{meeting.base}/rtc/validate", params={"access_token": token})
            return answer.status_code

        assert await status() == 200
        await chair.page.say("end", reason="xong")
        assert await site.closed() == CLOSE_CODES["ended"]
        for one in (chair.client, site.client, meeting.other.client):
            await one.until(functools.partial(is_out, one))
        assert await status() == 404
    async with RoomClient() as again:
        with pytest.raises(SignalingError):
            await again.connect(meeting.base, token, reconnect=False)
    answer = await site.browser.ticket(meeting.meeting)
    assert (answer.status_code, answer.json()["code"]) == (409, "meeting_over")
    with pytest.raises(websockets.InvalidStatus):
        async with site.browser.channel(meeting.meeting):
            pass
