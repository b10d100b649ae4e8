"""How a meeting ends or is lost, and the way back."""

from __future__ import annotations

from conformance.clients.python_sdk import Site
from conformance.processes import KEY, SECRET
from conformance.waiting import holds, until
from livekit import api

from e2e.conftest import Join, Visit
from e2e.service import ROOM, Service


def _api(service: Service) -> api.LiveKitAPI:
    return api.LiveKitAPI(service.media, KEY, SECRET)


async def test_leaving_and_coming_back(visit: Visit) -> None:
    page = await (await visit()).join()
    await page.at("bar-leave").click()
    await page.at("end-view").wait_for()
    assert await page.at("end-view").get_attribute("data-reason") == "left"
    live = "() => document.querySelectorAll('video').length"
    assert await page.page.evaluate(live) == 0
    await page.at("join-again").click()
    await page.connected()
    await page.at("own-tile").wait_for()


async def test_a_second_window_takes_over_and_the_first_does_not_fight(visit: Visit) -> None:
    first = await (await visit()).join()
    second = await (await visit(beside=first)).join()
    await first.at("end-view").wait_for()
    assert await first.at("end-view").get_attribute("data-reason") == "duplicate"
    words = await first.at("end-view").inner_text()
    assert "Điểm cầu này vừa vào họp ở một cửa sổ hoặc máy khác" in words
    assert "another window or computer" not in words
    await holds(lambda: first.at("end-view").is_visible(), "the first stays out", during=3)
    await first.at("join-again").click()
    await first.connected()
    await second.at("end-view").wait_for()
    assert await second.at("end-view").get_attribute("data-reason") == "duplicate"


async def test_removed_and_closed_are_said_and_final(visit: Visit, service: Service) -> None:
    page = await (await visit()).join()
    async with _api(service) as server:
        await server.room.remove_participant(
            api.RoomParticipantIdentity(room=ROOM, identity=await page.identity())
        )
        await page.at("end-view").wait_for()
        assert await page.at("end-view").get_attribute("data-reason") == "removed"
        assert "được mời ra khỏi phòng họp" in await page.at("end-view").inner_text()
        await page.at("join-again").click()
        await page.connected()
        await server.room.delete_room(api.DeleteRoomRequest(room=ROOM))
    await page.page.locator("[data-testid=end-view][data-reason=room-closed]").wait_for()
    assert "Phòng họp đã đóng" in await page.at("end-view").inner_text()


async def test_muted_by_the_chair(visit: Visit, peer: Join, service: Service) -> None:
    site = await peer("site:00004:q", "Phường Trúc Bạch")
    page = await (await visit()).join()
    ours = await page.identity()

    async def microphone() -> str | None:
        async with _api(service) as server:
            found = await server.room.get_participant(api.RoomParticipantIdentity(room=ROOM, identity=ours))
        return next((track.sid for track in found.tracks if track.source == api.TrackSource.MICROPHONE), None)

    sid = await until(microphone, "our microphone at the server")
    async with _api(service) as server:
        request = api.MuteRoomTrackRequest(room=ROOM, identity=ours, track_sid=sid, muted=True)
        await server.room.mute_published_track(request)
    await page.line("muted").wait_for()
    assert "Chủ trì đã tắt micro của bạn" in await page.line("muted").inner_text()
    assert await page.at("bar-microphone").get_attribute("data-state") == "off"
    await page.at("bar-microphone").click()
    await page.line("muted").wait_for(state="detached")

    def open_again() -> bool:
        tracks = site.remote(ours).track_publications
        return sid in tracks and not tracks[sid].muted

    await until(open_again, "our microphone open again")


async def test_the_right_to_publish_goes_and_comes_back(visit: Visit, peer: Join, service: Service) -> None:
    site = await peer("site:00004:w", "Phường Trúc Bạch")
    page = await (await visit()).join()
    ours = await page.identity()
    await site.meets(ours)

    async def allow(publish: bool) -> None:
        rights = api.ParticipantPermission(can_publish=publish, can_subscribe=True, can_publish_data=True)
        request = api.UpdateParticipantRequest(room=ROOM, identity=ours, permission=rights)
        async with _api(service) as server:
            await server.room.update_participant(request)

    def sends(count: int) -> bool:
        return len(site.remote(ours).track_publications) == count

    await until(lambda: sends(2), "camera and microphone at the site")
    await allow(False)
    await page.line("permission").wait_for()
    assert "chưa được mời phát biểu" in await page.line("permission").inner_text()
    assert await page.at("bar-microphone").is_disabled()
    await until(lambda: sends(0), "nothing of ours at the site")
    await allow(True)
    await page.line("permission").wait_for(state="detached")
    await until(lambda: sends(2), "both again, without a press")


async def test_refusals_are_shown_in_the_servers_words(visit: Visit) -> None:
    page = await visit()
    said = {"code": "room_locked", "vi": "Phòng đã khóa lúc 8 giờ.", "en": "Locked at 8."}
    await page.answer_join(403, said)
    await page.at("name").fill("Ai đó")
    await page.at("join").click()
    await page.at("end-view").wait_for()
    words = await page.at("end-view").inner_text()
    assert said["vi"] in words
    assert said["en"] not in words
    await page.at("language-en").click()
    words = await page.at("end-view").inner_text()
    assert said["en"] in words
    assert said["vi"] not in words
    await page.at("join-again").click()
    await page.connected()


async def test_an_overloaded_server_is_asked_again(visit: Visit) -> None:
    page = await visit()
    await page.answer_join(503, {"code": "busy"}, times=2)
    await page.at("name").fill("Ai đó")
    await page.at("join").click()
    await page.line("connection").wait_for()
    await page.connected(within=20)


async def test_losing_the_network_is_said(visit: Visit) -> None:
    page = await (await visit()).join()
    await page.page.evaluate("dispatchEvent(new Event('offline'))")
    await page.page.route("**/api/join", lambda route: route.abort())
    await page.context.set_offline(True)
    await page.line("connection").wait_for(timeout=60_000)
    assert "Máy này mất mạng" in await page.line("connection").inner_text()
    await page.context.set_offline(False)
    await page.page.unroute("**/api/join")
    await page.page.evaluate("dispatchEvent(new Event('online'))")
    await page.line("connection").wait_for(state="detached", timeout=30_000)
    await page.connected()


async def test_everybody_is_back_after_the_server_was_killed(visit: Visit, service: Service) -> None:
    page = await (await visit()).join("Thành phố")
    before = await page.identity()
    service.kill()
    await page.line("connection").wait_for(timeout=30_000)
    service.start()
    site = Site("site:00004:r")
    await site.join(service.media.replace("http", "ws"), service.token("site:00004:r", "Phường Trúc Bạch"))
    await site.publish_camera("blue")
    await page.connected(within=15)
    assert await page.identity() == before
    await page.sees("site:00004:r", "blue")
    await until(lambda: (picture := site.picture(before)) and picture.frames > 5, "our picture again")
    await site.leave()
