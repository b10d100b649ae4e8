"""The meeting page for everybody: keyboard, screen readers, large text, small screens, both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conformance.waiting import holds, until

from e2e.conftest import Join, Visit
from e2e.meeting_page import MeetingPage
from e2e.page_stubs import DEVICES
from e2e.service import Service

AXE = Path(__file__).parents[2] / "web/frontend/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = [(1366, 768), (390, 844), (844, 390)]


async def _faults(page: MeetingPage) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, as rule and element."""
    await page.page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = await page.page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", RULES
    )
    return [f"{fault['id']}: {node['html']}" for fault in found["violations"] for node in fault["nodes"]]


async def _judge(page: MeetingPage) -> None:
    faults = await _faults(page)
    assert not faults, "\n".join(faults)


async def _wider(page: MeetingPage) -> int:
    """By how many pixels the content is wider than the window."""
    return int(await page.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def test_no_fault_that_axe_finds(visit: Visit, peer: Join, service: Service) -> None:
    await peer("site:00004:s", "Phường Trúc Bạch", "blue")
    page = await visit(script=DEVICES)
    await page.page.locator("[data-testid=preview][data-camera=on]").wait_for()
    await _judge(page)
    await page.join()
    await page.sees("site:00004:s", "blue")
    await page.page.evaluate("machine.pull('cam-1')")
    await page.line("camera").wait_for()
    await _judge(page)
    await page.at("bar-people").click()
    await _judge(page)
    await page.at("bar-devices").click()
    await _judge(page)
    await page.at("bar-leave").click()
    await page.at("end-view").wait_for()
    await _judge(page)
    await page.page.goto(service.page)
    await page.at("room").wait_for()
    await _judge(page)


async def test_everything_by_keyboard(visit: Visit) -> None:
    page = await visit()
    keys = page.page.keyboard
    focused = "() => document.activeElement?.dataset.testid ?? ''"

    async def tab_to(name: str) -> None:
        for _ in range(25):
            await keys.press("Tab")
            if await page.page.evaluate(focused) == name:
                return
        raise AssertionError(f"Tab does not reach {name}")

    await tab_to("name")
    await keys.type("Lê Đức An")
    await keys.press("Enter")
    await page.connected()
    await tab_to("bar-people")
    outline = "() => getComputedStyle(document.activeElement).outlineStyle"
    assert await page.page.evaluate(outline) == "solid"
    await keys.press("Enter")
    await page.at("people-panel").wait_for()
    await tab_to("people-search")
    await keys.press("Escape")
    await page.at("people-panel").wait_for(state="detached")
    assert await page.page.evaluate(focused) == "bar-people"
    await tab_to("bar-leave")
    await keys.press("Space")
    await page.at("end-view").wait_for()
    assert await page.page.evaluate(focused) == "join-again"
    await keys.press("Enter")
    await page.connected()


async def test_fc_e01_shortcuts_sleep_in_fields_and_while_composing(visit: Visit, peer: Join) -> None:
    await peer("site:00013:s", "Phường Đống Mác")
    page = await (await visit()).join()
    await page.tile("site:00013:s").wait_for()
    keys = page.page.keyboard
    microphone, camera = page.at("bar-microphone"), page.at("bar-camera")

    async def state(expected: tuple[str, str]) -> bool:
        return (
            await microphone.get_attribute("data-state"),
            await camera.get_attribute("data-state"),
        ) == expected

    await until(lambda: state(("on", "on")), "both on")
    await keys.press("m")
    await until(lambda: state(("off", "on")), "M mutes")
    await keys.press("V")
    await until(lambda: state(("off", "off")), "V turns the camera off")
    await keys.press("m")
    await keys.press("v")
    await until(lambda: state(("on", "on")), "both on again")

    await page.at("bar-people").click()
    await page.at("people-search").click()
    await keys.type("mv")
    press = """(keys) => { for (const key of keys)
      document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...key })); }"""
    await page.page.evaluate(
        press,
        [
            {"key": "m", "isComposing": True},
            {"key": "Process", "keyCode": 229},
            {"key": "m", "keyCode": 229},
            {"key": "m", "ctrlKey": True},
            {"key": "m", "altKey": True},
            {"key": "m", "repeat": True},
        ],
    )
    await holds(lambda: state(("on", "on")), "nothing was toggled", during=0.6)

    compose = """(field) => {
      field.value = "";
      field.dispatchEvent(new CompositionEvent("compositionstart"));
      for (const text of ["d", "do", "don"]) {
        field.value = text;
        field.dispatchEvent(new InputEvent("input", { isComposing: true, bubbles: true }));
      }
      const during = document.querySelectorAll("[data-testid=person]").length;
      field.value = "đống";
      field.dispatchEvent(new CompositionEvent("compositionend", { data: "đống" }));
      return during;
    }"""
    await page.at("people-search").fill("")
    everybody = len(await page.names())
    assert await page.at("people-search").evaluate(compose) == everybody
    assert await page.names() == ["Phường Đống Mác"]


async def test_fc_e01_enter_that_ends_a_word_does_not_join(visit: Visit) -> None:
    page = await visit()
    script = """(field) => {
      field.value = "duo";
      field.dispatchEvent(new CompositionEvent("compositionstart"));
      field.form.requestSubmit();
      field.value = "dươ";
      field.dispatchEvent(new CompositionEvent("compositionend", { data: "dươ" }));
    }"""
    async with page.page.expect_request("**/api/join") as asked:
        await page.at("name").evaluate(script)
        assert await page.at("join-panel").is_visible()
        await page.at("name").press("Enter")
    assert (await asked.value).post_data_json["name"] == "dươ"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("text", [100, 200])
async def test_fits_small_screens_and_large_text(
    visit: Visit, peer: Join, size: tuple[int, int], text: int
) -> None:
    await peer("site:00004:t", "Phường Trúc Bạch")
    page = await visit(
        script=f"document.addEventListener('DOMContentLoaded', () => "
        f"document.documentElement.style.fontSize = '{text}%');",
        viewport={"width": size[0], "height": size[1]},
    )
    assert await _wider(page) <= 0
    await page.join()
    await page.tile("site:00004:t").wait_for()
    assert await _wider(page) <= 0
    for name in ("microphone", "camera", "share", "people", "devices", "leave"):
        box = await page.at(f"bar-{name}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0] + 1
        assert box["y"] + box["height"] <= size[1] + 1
        assert box["height"] >= 24
        assert box["width"] >= 44
    tile = await page.tile("site:00004:t").bounding_box()
    assert tile is not None
    assert tile["height"] >= 60


async def test_both_languages(visit: Visit) -> None:
    page = await visit(locale="vi-VN")
    assert await page.at("join").inner_text() == "Vào họp"
    await page.at("language-en").click()
    assert await page.at("join").inner_text() == "Join"
    assert await page.page.evaluate("document.documentElement.lang") == "en"
    await page.page.reload()
    assert await page.at("join").inner_text() == "Join"
    await page.join()
    assert "Leave" in await page.at("bar-leave").inner_text()
    await page.at("bar-devices").click()
    await page.at("language-vi").click()
    await page.at("bar-leave").get_by_text("Rời họp").wait_for()
    assert await page.page.locator("[data-testid=meeting]").get_attribute("data-phase") == "connected"


async def test_an_old_browser_is_told(visit: Visit) -> None:
    page = await visit(script="delete window.RTCPeerConnection;", wait_for="old-browser")
    words = await page.at("old-browser").inner_text()
    assert "Trình duyệt này quá cũ" in words
    assert "too old" not in words


async def test_arrivals_are_announced(visit: Visit, peer: Join) -> None:
    page = await (await visit()).join()
    await peer("site:00004:u", "Phường Trúc Bạch")
    await page.at("announcer").get_by_text("Phường Trúc Bạch đã vào họp").wait_for(state="attached")
