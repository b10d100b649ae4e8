"""Cameras, microphones, loudspeakers and what can go wrong with them, at the meeting page."""

from __future__ import annotations

import json

import pytest
from conformance.clients.python_sdk import CAMERA
from conformance.waiting import holds, until

from e2e.conftest import Join, Visit
from e2e.meeting_page import MeetingPage
from e2e.page_stubs import ABSENT, DEVICES, INSECURE, REFUSED, remembered
from e2e.service import Service


async def test_fc_e02_the_cable_that_slipped_out(visit: Visit, peer: Join) -> None:
    site = await peer("site:00004:k", "Phường Trúc Bạch")
    page = await (await visit(script=DEVICES)).join()
    ours = await page.identity()
    await site.sees(ours, "magenta")

    await page.page.evaluate("machine.pull('cam-1')")
    await page.line("camera").wait_for()
    assert "Camera vừa bị rút ra" in await page.line("camera").inner_text()
    assert "unplugged" not in await page.line("camera").inner_text()
    await page.page.evaluate("machine.fail('videoinput', 'NotFoundError')")
    await page.page.evaluate("machine.plug('videoinput', 'cam-new', 'Logitech C920')")
    await holds(lambda: page.line("camera").is_visible(), "the line stays while the camera fails", during=2.5)
    await page.page.evaluate("machine.fail('videoinput', null)")
    await page.line("camera").wait_for(state="detached", timeout=5_000)

    before = site.picture(ours).frames if site.picture(ours) else 0
    await until(lambda: (now := site.picture(ours)) and now.frames > before + 5, "frames at the viewer again")
    await site.sees(ours, "magenta", source=CAMERA)
    await page.at("bar-devices").click()
    assert await page.at("device-videoinput").input_value() == "cam-new"
    assert await page.page.evaluate("machine.inUse('videoinput')") == ["cam-new"]


async def test_fc_e02_the_microphone_comes_back_too(visit: Visit, peer: Join) -> None:
    site = await peer("site:00004:l", "Phường Trúc Bạch")
    page = await (await visit(script=DEVICES)).join()
    ours = await page.identity()
    await site.hears(ours, "red")
    await page.page.evaluate("machine.pull('mic-1')")
    await page.line("microphone").wait_for()
    await page.page.evaluate("machine.plug('audioinput', 'mic-2', 'Micro hội trường')")
    await page.line("microphone").wait_for(state="detached", timeout=5_000)
    await site.hears(ours, "red")


async def test_fc_e02_the_loudspeaker_that_was_unplugged(visit: Visit, peer: Join) -> None:
    await peer("site:00004:v", "Phường Trúc Bạch", "red")
    page = await visit(script=DEVICES)
    await page.at("device-audiooutput").select_option("out-1")
    await page.join()
    await until(lambda: _sinks(page, {"out-1"}), "sound on the chosen loudspeaker")
    await page.page.evaluate("machine.pull('out-1')")
    await page.line("speaker").wait_for()
    assert "tiếng đang phát ra loa mặc định" in await page.line("speaker").inner_text()
    assert not await _sinks(page, {"out-1"})
    await page.page.evaluate("machine.plug('audiooutput', 'out-7', 'Loa hội trường')")
    await page.line("speaker").wait_for(state="detached")
    await until(lambda: _sinks(page, {"out-7"}), "sound on the loudspeaker that is back")
    await page.at("bar-devices").click()
    assert await page.at("device-audiooutput").input_value() == "out-7"


async def _sinks(page: MeetingPage, expected: set[str]) -> bool:
    script = "() => [...document.querySelectorAll('audio')].map((element) => element.sink ?? '')"
    return set(await page.page.evaluate(script)) == expected


async def test_fc_e02_another_camera_serves_until_the_chosen_one_is_back(visit: Visit) -> None:
    page = await visit(script=DEVICES)
    await page.at("device-videoinput").select_option("cam-1")
    await page.page.evaluate("machine.plug('videoinput', 'cam-2', 'Camera máy tính')")
    await page.join()
    await page.page.evaluate("machine.pull('cam-1')")

    async def uses(device: str) -> bool:
        return bool(await page.page.evaluate("machine.inUse('videoinput')") == [device])

    await until(lambda: uses("cam-2"), "the other camera")
    await page.page.evaluate("machine.plug('videoinput', 'cam-9', 'Logitech C920')")
    await until(lambda: uses("cam-9"), "the chosen camera under its new id")


async def test_fc_e02_a_frozen_camera_is_restarted_once_then_reported(visit: Visit) -> None:
    page = await (await visit(script=DEVICES)).join()
    await page.page.evaluate("machine.freeze(true)")
    await page.line("camera").wait_for(timeout=30_000)
    assert "Camera không gửi hình" in await page.line("camera").inner_text()
    assert await page.page.evaluate("machine.starts()") == 2
    await page.page.evaluate("machine.freeze(false)")
    await page.line("camera").wait_for(state="detached")


async def test_fc_e03_no_microphone_no_sound_either(visit: Visit, peer: Join, service: Service) -> None:
    await peer("site:00004:m", "Phường Trúc Bạch", "red")
    await peer("site:00004:n", "Xã Phù Linh", "green")
    page = await visit(
        browser="strict", script=remembered("Thư ký"), link=f"{service.link}&auto=1", wait_for=""
    )
    shown = "document.querySelector('[data-testid=sound-blocked]')?.checkVisibility() === true"
    await until(lambda: page.quietly(shown), "the large control", within=20)
    sounds = "[...document.querySelectorAll('audio')].map((element) => element.paused)"

    async def silent() -> bool:
        return await page.quietly(sounds) == [True, True]

    await until(silent, "both sounds, held back")
    assert await page.quietly("navigator.userActivation.hasBeenActive") is False
    lines = str(await page.quietly("document.querySelector('[data-testid=notices]').innerText"))
    assert "Trình duyệt đang chặn micro" in lines
    assert "Trình duyệt đang chặn camera" in lines

    where = "JSON.stringify(document.querySelector('[data-testid=turn-on-sound]').getBoundingClientRect())"
    box = json.loads(str(await page.quietly(where)))
    await page.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.at("sound-blocked").wait_for(state="hidden")
    await until(lambda: _plays(page, 2), "both sounds")
    await peer("site:00004:o", "Xã Hợp Thanh", "blue")
    await until(lambda: _plays(page, 3), "the third sound, without another press")
    assert not await page.at("sound-blocked").is_visible()


async def _plays(page: MeetingPage, count: int) -> bool:
    return await page.playing() >= count


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (REFUSED, ("Trình duyệt đang chặn micro", "Trình duyệt đang chặn camera")),
        (ABSENT, ("Không tìm thấy micro", "Không tìm thấy camera")),
        (INSECURE, ("Trang chưa mở bằng địa chỉ https://",)),
    ],
    ids=["refused", "absent", "insecure"],
)
async def test_joins_without_devices_and_says_so(visit: Visit, script: str, words: tuple[str, ...]) -> None:
    page = await visit(script=script)
    lines = page.at("join-notices")
    for sentence in words:
        await lines.get_by_text(sentence).wait_for()
    await lines.get_by_text("Bạn vẫn vào họp để nghe và xem được.").wait_for()
    await page.join()
    for sentence in words:
        assert sentence in await page.at("notices").inner_text()


async def test_choices_are_remembered(visit: Visit) -> None:
    page = await visit(script=DEVICES)
    await page.page.evaluate("machine.plug('audioinput', 'mic-2', 'Micro cài áo')")
    await page.at("device-audioinput").locator("option[value=mic-2]").wait_for(state="attached")
    await page.at("device-audioinput").select_option("mic-2")
    await page.at("join-camera").click()
    await page.join("Xã Phù Linh")
    again = await visit(beside=page)
    await again.page.evaluate("machine.plug('audioinput', 'mic-77', 'Micro cài áo')")
    await until(lambda: _chosen(again, "mic-77"), "the microphone with the remembered label")
    assert await again.at("name").input_value() == "Xã Phù Linh"
    assert await again.at("preview").get_attribute("data-camera") == "off"


async def _chosen(page: MeetingPage, device: str) -> bool:
    return bool(await page.at("device-audioinput").input_value() == device)


async def test_level_moves_with_sound(visit: Visit) -> None:
    page = await visit(script=DEVICES)
    await page.at("name").click()

    async def lit() -> bool:
        return int(await page.at("level").get_attribute("data-lit") or 0) >= 8

    await until(lit, "bars of the level")
    await page.at("join-microphone").click()
    await until(lambda: _dark(page), "no bars while the microphone is off")


async def _dark(page: MeetingPage) -> bool:
    return await page.at("level").get_attribute("data-lit") == "0"


async def test_speaking_while_muted_is_noticed(visit: Visit) -> None:
    page = await (await visit(script=DEVICES)).join()
    await page.at("bar-microphone").click()
    await page.line("muted").wait_for()
    assert "Bạn đang nói nhưng micro đang tắt" in await page.line("muted").inner_text()
    await page.at("notice-muted-action").click()
    await page.line("muted").wait_for(state="detached")
    assert await page.at("bar-microphone").get_attribute("data-state") == "on"
