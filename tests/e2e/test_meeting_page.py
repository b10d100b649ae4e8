"""The meeting page: joining, seeing and hearing each other, sharing, the list of people."""

from __future__ import annotations

from conformance.clients.python_sdk import CAMERA, MICROPHONE, SCREEN
from conformance.waiting import until

from e2e.conftest import Join, Visit
from e2e.service import TITLE, Service


async def test_see_and_hear_each_other(visit: Visit, peer: Join) -> None:
    site = await peer("site:00004:a", "Phường Trúc Bạch", "blue")
    city = await (await visit()).join("Thành phố Hà Nội")
    await city.sees("site:00004:a", "blue")
    await until(city.playing, "sound of the site")
    ours = await city.identity()
    await until(lambda: (picture := site.picture(ours)) and picture.frames > 5, "our picture at the site")
    assert site.remote(ours).name == "Thành phố Hà Nội"
    assert "Phường Trúc Bạch" in await city.tile("site:00004:a").inner_text()


async def test_nothing_from_strangers_and_nothing_against_the_policy(visit: Visit, peer: Join) -> None:
    await peer("site:00004:b", "Phường Trúc Bạch", "green")
    city = await (await visit()).join()
    await city.sees("site:00004:b", "green")
    assert city.strangers == []
    # LiveKit 1.9 knows no `/rtc/v1`; the client asks there first and then goes on without.
    assert [line for line in city.errors if "/rtc/v1" not in line and "404" not in line] == []
    answer = await city.page.request.get(city.service.link)
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


async def test_key_leaves_the_address_and_survives_a_reload(visit: Visit) -> None:
    page = await visit()
    assert "k=" not in page.page.url
    assert await page.at("room-title").inner_text() == TITLE
    await page.page.reload()
    await page.join()


async def test_wrong_key_is_refused_in_both_languages(visit: Visit, service: Service) -> None:
    page = await visit(link=f"{service.page}/meet/giao-ban?k=sai")
    await page.at("name").fill("Ai đó")
    await page.at("join").click()
    await page.at("end-view").wait_for()
    assert await page.at("end-view").get_attribute("data-code") == "key_invalid"
    words = await page.at("end-view").inner_text()
    assert "Đường dẫn vào họp không đúng" in words
    await page.at("language-en").click()
    words = await page.at("end-view").inner_text()
    assert "The meeting link is wrong" in words
    assert "Đường dẫn vào họp không đúng" not in words


async def test_mute_and_camera_reach_the_others(visit: Visit, peer: Join) -> None:
    site = await peer("site:00004:c", "Phường Trúc Bạch")
    city = await (await visit()).join()
    ours = await city.identity()
    await site.meets(ours)

    def state(source: int) -> bool | None:
        found = [t for t in site.remote(ours).track_publications.values() if t.source == source]
        return found[0].muted if found else None

    await until(lambda: state(CAMERA) is False and state(MICROPHONE) is False, "both of our tracks")
    await city.at("bar-microphone").click()
    await until(lambda: state(MICROPHONE) is True, "muted at the site")
    await city.at("bar-camera").click()
    await until(lambda: state(CAMERA) is True, "camera off at the site")
    await city.at("bar-camera").click()
    await city.at("bar-microphone").click()
    await until(lambda: state(CAMERA) is False and state(MICROPHONE) is False, "both on again")


async def test_shared_screen_takes_the_stage(visit: Visit, peer: Join) -> None:
    site = await peer("site:00004:d", "Phường Trúc Bạch", "yellow")
    city = await (await visit()).join()
    await city.sees("site:00004:d", "yellow")
    share = await site.publish_camera("magenta", source=SCREEN)
    screen = city.at("screen-tile")
    await screen.locator("xpath=self::*[@data-frames]").wait_for()
    assert await city.at("stage").get_attribute("data-mode") == "screen"
    large, small = await screen.bounding_box(), await city.tile("site:00004:d").bounding_box()
    assert large is not None
    assert small is not None
    assert large["width"] * large["height"] > 8 * small["width"] * small["height"]
    await site.room.local_participant.unpublish_track(share.sid)
    await screen.wait_for(state="detached")
    await city.sees("site:00004:d", "yellow")


async def test_share_our_screen(visit: Visit, peer: Join) -> None:
    site = await peer("site:00004:e", "Phường Trúc Bạch")
    # A canvas in place of a screen: a machine without a display has none to give.
    script = """navigator.mediaDevices.getDisplayMedia = async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
      const pen = canvas.getContext("2d"); let step = 0;
      setInterval(() => { pen.fillStyle = "rgb(30,200,210)"; pen.fillRect(0, 0, 640, 360);
        pen.fillStyle = "black"; pen.fillRect((step += 7) % 600, 340, 40, 20); }, 100);
      return canvas.captureStream(10); };"""
    city = await (await visit(script=script)).join()
    ours = await city.identity()
    await city.at("bar-share").click()
    await site.sees(ours, "cyan", source=SCREEN)
    await city.line("sharing").wait_for()
    await city.at("bar-share").click()
    await until(lambda: site.picture(ours, SCREEN) is None, "the screen gone at the site")


async def test_people_are_counted_sorted_and_found_without_diacritics(visit: Visit, peer: Join) -> None:
    await peer("person:1:a", "Nguyễn Văn Đức")
    await peer("person:2:a", "Trần Thị Ánh")
    await peer("site:00013:a", "Phường Đống Mác")
    city = await (await visit()).join("Vũ Dung")
    await city.tile("site:00013:a").wait_for()
    await city.at("bar-people").click()
    assert await city.names() == ["Vũ Dung (bạn)", "Trần Thị Ánh", "Nguyễn Văn Đức", "Phường Đống Mác"]
    assert await city.at("people-count").inner_text() == "Có mặt: 4"
    await city.at("people-search").fill("dong mac")
    assert await city.names() == ["Phường Đống Mác"]
    await city.at("people-search").fill("zzz")
    assert await city.names() == []


async def test_fc_e07_a_name_that_is_markup(visit: Visit, peer: Join) -> None:
    name = "Tổ 5 <img src=x onerror=alert(1)> {{ 7*7 }} \u202egpj"
    await peer("site:00013:b", name)
    city = await (await visit()).join("<b>Tôi</b>")
    await city.tile("site:00013:b").wait_for()
    await city.at("bar-people").click()
    shown = "Tổ 5 <img src=x onerror=alert(1)> {{ 7*7 }} gpj"
    assert await city.names() == ["<b>Tôi</b> (bạn)", shown]
    assert shown in (await city.tile("site:00013:b").inner_text()).replace("\n", " ")
    assert await city.page.locator("img, b, a[href*='x']").count() == 0
    assert "49" not in await city.page.locator("[data-testid=meeting]").inner_text()
    assert not [line for line in city.errors if "Content Security Policy" in line]


async def test_many_sites_come_in_pages_and_only_the_page_is_received(visit: Visit, peer: Join) -> None:
    names = [f"Xã thử {number}" for number in range(1, 12)]
    for number, name in enumerate(names):
        await peer(f"site:9{number:04}:p", name, "red" if number in (0, 10) else None, sound=False)
    city = await (await visit()).join()
    await city.at("pager").wait_for()
    assert len(await city.identities()) == 9
    await city.sees("site:90000:p", "red")
    assert await city.tile("site:90010:p").count() == 0
    await city.at("page-next").click()
    await city.sees("site:90010:p", "red")
    assert len(await city.identities()) == 2
