"""The room for everybody: by keyboard, at 200 % text, on a phone, in both languages, and its field cases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from conformance.waiting import holds, until
from playwright.async_api import Browser, expect

from directory import endpoints
from directory.endpoints import Details, NewEndpoint
from directory.sites import Site as SiteRow
from directory.sites import all_sites
from e2e.page_judges import axe_faults, too_wide, walk_faults, word_faults
from e2e.room_hall import Hall, holder
from e2e.room_service import PEOPLE, TITLE, Member, RoomCity, RoomWindow, room_service
from web import i18n
from web.i18n import Language

DESKTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
HOSTILE = (
    "Tổ 5 <img src=x onerror=alert(1)>",
    "{{ 7*7 }} </td><a href=https://x>bấm</a>",
    "Điểm cầu có tên rất dài " + "Mộtchữkhôngcókhoảngtrắngnàocả" * 4,
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RoomCity]:
    """The service with 579 sites, and some of hostile names."""
    async with room_service(tmp_path_factory.mktemp("room")) as running:
        async with running.world.database.write() as session:
            first = await endpoints.by_code(session, "00004")
            for number, name in enumerate(HOSTILE, 2):
                new = NewEndpoint(f"00004-{number}", first.unit_id, Details(name, "tslcd", "", ""))
                await endpoints.create(session, new, by="cli:test", now=datetime.now(UTC))
        async with running.world.database.read() as session:
            running.sites[:] = await all_sites(session)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def hall(city: RoomCity, browsers: dict[str, Browser]) -> AsyncIterator[Hall]:
    """A meeting that the test opens."""
    hall = Hall(city, browsers)
    yield hall
    await hall.close()


def said(key: str, language: Language = "vi", **values: object) -> str:
    return i18n.translate(language, key, **values)


async def judged(window: RoomWindow, language: Language, data: set[str], *, walk: bool = True) -> list[str]:
    """All that is wrong with what stands there now."""
    page = window.page
    found = [f"axe: {fault}" for fault in await axe_faults(page)]
    found += [f"too wide: {fault}" for fault in await too_wide(page)]
    found += [f"words: {fault}" for fault in await word_faults(page, language, data)]
    if walk:
        found += [f"walk: {fault}" for fault in await walk_faults(page, trim=False)]
    return found


def names_of(hall: Hall, *sites: SiteRow) -> set[str]:
    """Names that may stand on the page in any language."""
    found = {TITLE, *(name for _, name, _ in PEOPLE), "Fake Default Audio Input", "fake_device_0"}
    for site in hall.city.sites:
        found |= {site.name, site.district, f"{site.name}, {site.district}"}
    return found - {""}


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_every_state_passes_its_judges(hall: Hall, size: dict[str, int], language: Language) -> None:
    one, two = hall.city.twins()
    guest = hall.city.sites[50]
    await hall.open(one, two)
    data = names_of(hall)
    chair = await hall.window("chair", viewport=size, language=language)
    await chair.at("join-panel").wait_for()
    assert (await judged(chair, language, data), "before") == ([], "before")
    await chair.enter()
    members = [await hall.member(site, colour) for site, colour in ((one, "red"), (two, "blue"))]
    waiting = await hall.city.member(guest, hall.meeting)
    hall.members.append(waiting)
    await waiting.come()
    for member in members:
        await member.say("ask")
    await members[0].say("head_count", count=12)
    await chair.tile(members[1].identity).wait_for()
    assert (await judged(chair, language, data), "all pictures") == ([], "all pictures")
    await chair.at("floor-give").click()
    await holder(chair, members[0].key)
    await chair.on_stage(members[0].identity)
    assert (await judged(chair, language, data), "floor") == ([], "floor")
    for panel in ("people", "lead", "devices"):
        await chair.at(f"bar-{panel}").click()
        await chair.page.locator("#panel-title").wait_for()
        assert (await judged(chair, language, data), panel) == ([], panel)
        await chair.at("panel-close").click()
    await chair.find(one.district)
    await chair.member(members[0].key).get_by_test_id("member-more").click()
    await chair.at("member-dialog").wait_for()
    assert (await judged(chair, language, data, walk=False), "member") == ([], "member")
    await chair.at("member-remove").click()
    assert (await judged(chair, language, data, walk=False), "remove") == ([], "remove")
    await chair.at("answer-no").click()
    await chair.lead()
    await chair.at("lead-end").click()
    assert (await judged(chair, language, data, walk=False), "end") == ([], "end")
    await chair.at("answer-yes").click()
    await chair.at("end-view").wait_for()
    # What ends a meeting is said in both languages on purpose.
    assert (await axe_faults(chair.page), await too_wide(chair.page)) == ([], [])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_text_of_twice_the_size(hall: Hall, size: dict[str, int]) -> None:
    """Nothing stands out of the window, and every control can still be brought into sight and pressed."""
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair(viewport=size)
    site = await hall.member(one, "red")
    await site.say("ask")
    await chair.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert await too_wide(chair.page) == []
    await chair.at("floor-give").click()
    await holder(chair, site.key)
    await chair.find("quang trung")
    await expect(chair.member(site.key)).to_be_visible()
    await chair.member(site.key).get_by_test_id("member-more").click()
    await chair.at("member-take-back").click()
    await holder(chair, "")
    assert await too_wide(chair.page) == []
    await chair.lead()
    await chair.at("lead-lock").click()
    await expect(chair.at("locked")).to_be_visible()
    assert await too_wide(chair.page) == []
    await chair.at("panel-close").click()
    # There is still a picture to look at.
    box = await chair.at("tiles").bounding_box()
    assert box is not None
    assert box["height"] >= 120
    await chair.at("bar-leave").click()
    await chair.at("end-view").wait_for()


async def test_the_chair_leads_by_keyboard(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    window = await hall.window("chair")
    keys = window.page.keyboard
    await window.at("join").focus()
    await keys.press("Enter")
    await window.connected()
    site = await hall.member(one, media=False)
    await site.say("ask")
    await window.at("floor-give").focus()
    await keys.press("Enter")
    await holder(window, site.key)
    await window.at("floor-back").focus()
    await keys.press("Space")
    await holder(window, "")
    # P opens the list and its heading has the focus; Escape closes it and the button has it again.
    await keys.press("p")
    await expect(window.page.locator("#panel-title")).to_be_focused()
    await keys.press("Escape")
    await expect(window.at("bar-people")).to_be_focused()
    await keys.press("Enter")
    await window.at("members-search").focus()
    await keys.type("ha dong quang trung")
    other = f"site:{two.code}"
    await expect(window.at("member")).to_have_count(1)
    await window.member(other).get_by_test_id("member-more").focus()
    await keys.press("Enter")
    await expect(window.at("member-dialog")).to_be_visible()
    await keys.press("Escape")
    await expect(window.at("member-dialog")).to_have_count(0)
    await expect(window.member(other).get_by_test_id("member-more")).to_be_focused()
    await keys.press("Escape")
    # X asks for the floor, once more takes the wish back.
    await keys.press("x")
    await expect(window.at("bar-floor")).to_have_attribute("data-floor", "asking")
    await keys.press("x")
    await expect(window.at("bar-floor")).to_have_attribute("data-floor", "silent")


async def test_a_long_list_is_walked_by_keyboard(hall: Hall) -> None:
    await hall.open(*hall.city.sites[:579])
    chair = await hall.chair()
    await chair.find("")
    box = chair.page.locator(".rows-box")
    await expect(chair.at("members-count")).to_have_text(said("room.people.found", count=581))
    assert await chair.at("member").count() < 40
    await box.focus()
    await chair.page.keyboard.press("End")
    last = chair.page.locator("[data-testid=member][aria-posinset='581']")
    await expect(last).to_be_visible()
    assert await last.get_attribute("aria-setsize") == "581"
    assert await chair.at("member").count() < 40
    await chair.page.keyboard.press("Home")
    await expect(chair.page.locator("[data-testid=member][aria-posinset='1']")).to_be_visible()
    for query, found in (("dong da", 21), ("00004", 1), ("khong co ai", 0)):
        await chair.find(query)
        await expect(chair.at("members-count")).to_have_text(said("room.people.found", count=found))


async def test_the_language_changes_under_way(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    site = await hall.member(one, "red")
    await site.say("ask")
    await chair.at("floor-give").click()
    await holder(chair, site.key)
    await chair.at("bar-devices").click()
    await chair.at("language-en").click()
    await expect(chair.at("floor-who")).to_contain_text("Has the floor:")
    await chair.connected()
    assert await word_faults(chair.page, "en", names_of(hall)) == []
    await chair.sees(site.identity, "red")


async def test_only_what_is_on_screen_is_subscribed_at_its_size(hall: Hall) -> None:
    one, two = hall.city.twins()
    third = hall.city.sites[60]
    await hall.open(one, two, third)
    chair = await hall.chair()
    members = [
        await hall.member(site, colour) for site, colour in ((one, "red"), (two, "blue"), (third, "green"))
    ]
    for member in members:
        await chair.tile(member.identity).wait_for()
    await members[0].say("ask")
    await chair.at("floor-give").click()
    await chair.on_stage(members[0].identity)
    await chair.sees(members[0].identity, "red")
    # Of three sites one is on the screen: the other pictures are not in the page at all.
    await expect(chair.page.locator("[data-testid=tile]")).to_have_count(1)
    await chair.at("bar-grid").click()
    for member, colour in zip(members, ("red", "blue", "green"), strict=True):
        await chair.sees(member.identity, colour)


COMPOSE = """(field) => {
  const key = (values) => field.dispatchEvent(
    new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...values }));
  field.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
  for (const text of ["d", "du", "duo"]) {
    field.value = text;
    field.dispatchEvent(new InputEvent("input", { isComposing: true, bubbles: true }));
  }
  key({ key: "Enter", isComposing: true });
  key({ key: "Process", keyCode: 229 });
  key({ key: "Escape", isComposing: true });
  field.value = "dươ";
  field.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "dươ" })); }"""


async def test_fc_e01_enter_while_the_word_is_not_finished(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    await hall.member(one, media=False)
    drawn = """() => { window.drawn = [];
      new MutationObserver(() => window.drawn.push(
        document.querySelector("[data-testid=members-count]")?.textContent))
      .observe(document.querySelector("[data-testid=members-count]"), { childList: true, characterData: true,
        subtree: true }); }"""
    await chair.find("")
    await chair.page.evaluate(drawn)
    await chair.at("members-search").evaluate(COMPOSE)
    wanted = sum("duo" in site.key for site in hall.city.sites if site in (one, two))
    await expect(chair.at("members-count")).to_have_text(said("room.people.found", count=wanted))
    assert await chair.page.evaluate("window.drawn") in ([], [said("room.people.found", count=wanted)])
    # Escape that ended the word closed nothing.
    assert await chair.at("roster-panel").is_visible()
    # Shortcuts are dead in fields and while composing.
    await chair.at("members-search").click()
    await chair.page.keyboard.type("mxvp")
    press = """(keys) => { for (const key of keys)
      document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...key })); }"""
    dead = [{"key": key, "isComposing": True} for key in "mxvp"]
    dead += [{"key": "Process", "keyCode": 229}, {"key": "x", "ctrlKey": True}]
    await chair.page.evaluate(press, dead)

    async def untouched() -> bool:
        return (
            await chair.at("bar-floor").get_attribute("data-floor") == "silent"
            and await chair.at("bar-microphone").get_attribute("data-state") == "on"
            and await chair.at("roster-panel").is_visible()
        )

    await holds(untouched, "nothing was toggled", during=0.6)
    # The reason of a removal is sent once, with the whole word.
    await chair.find(one.district)
    await chair.act(f"site:{one.code}", "remove")
    await chair.at("reason").evaluate(COMPOSE)
    assert await chair.at("remove-dialog").is_visible()
    await chair.at("reason").press("Enter")
    await expect(chair.at("remove-dialog")).to_have_count(0)
    events = await hall.city.floor_events(hall.meeting)
    assert [event["reason"] for event in events if event["kind"] == "removed"] == ["dươ"]


async def test_fc_e04_whose_hand_is_up(hall: Hall) -> None:
    """Sites 1 to 5 and the chair ask; the chair lowers 2, gives 1 the floor; 3 reloads, 4 is cut."""
    sites = hall.city.sites[100:105]
    await hall.open(*sites)
    chair = await hall.chair()
    two = await hall.site(sites[1])
    three = await hall.site(sites[2])
    natives = {n: await hall.member(sites[n - 1], media=False) for n in (1, 4, 5)}
    keys = [f"site:{site.code}" for site in sites]
    own = f"person:{hall.city.world.people['chair']}"
    pages = {own: chair, keys[1]: two, keys[2]: three}

    async def agreed(queue: list[str], speaks: str = "") -> None:
        """Every page shows what the server says, and the order has no gaps."""
        state = await hall.city.floor(hall.meeting)
        assert (state.queue, state.holder) == (queue, speaks)

        async def shown() -> bool:
            for member in natives.values():
                if member.mirror.queue() != queue or member.mirror.floor.holder != speaks:
                    return False
            for key, window in pages.items():
                wish = "speaking" if key == speaks else "asking" if key in queue else "silent"
                place = str(queue.index(key) + 1) if key in queue else None
                button = window.at("bar-floor")
                if (
                    await button.get_attribute("data-floor"),
                    await button.get_attribute("data-place"),
                ) != (wish, place):
                    return False
            return True

        await until(shown, f"all pages show {queue} and {speaks or 'nobody'}")

    async def listed(queue: list[str]) -> bool:
        rows: list[str] = await chair.page.locator("[data-testid=member]").evaluate_all(
            "(rows) => rows.map((row) => row.dataset.key)"
        )
        return rows == queue

    await natives[1].say("ask")
    await agreed(keys[:1])
    for number, window in ((1, two), (2, three)):
        await window.at("bar-floor").click()
        await agreed(keys[: number + 1])
    await natives[4].say("ask")
    await natives[5].say("ask")
    await chair.at("bar-floor").click()
    await agreed([*keys, own])
    await chair.find("")
    await chair.at("filter-hands").click()
    await until(lambda: listed([*keys, own]), "the list is in the order")
    await chair.act(keys[1], "lower")
    await agreed([keys[0], *keys[2:], own])
    await chair.at("floor-give").click()
    await agreed([*keys[2:], own], keys[0])
    # A reload and a cut line keep the place.
    await three.page.reload()
    await three.connected()
    await natives[4].cut()
    await agreed([*keys[2:], own], keys[0])
    await natives[4].come()
    await agreed([*keys[2:], own], keys[0])
    await until(lambda: listed([*keys[2:], own]), "the list follows")
    # Two who lead lower the same hand at once: the second is no error.
    second = await hall.city.voice("secretary", hall.meeting)
    hall.members.append(second)
    await second.come()
    first = await hall.city.voice("chair", hall.meeting)
    hall.members.append(first)
    await first.come()
    answers = await asyncio.gather(*(one.say("lower", target=keys[4]) for one in (first, second)))
    assert answers == [("done", ""), ("done", "")]
    await agreed([keys[2], keys[3], own], keys[0])
    # Asking anew is a place at the end.
    await two.at("bar-floor").click()
    await agreed([keys[2], keys[3], own, keys[1]], keys[0])
    await chair.lead()
    await chair.at("lead-lower-all").click()
    await agreed([], keys[0])


async def test_fc_e07_names_that_are_markup(hall: Hall) -> None:
    hostile = [site for site in hall.city.sites if site.name in HOSTILE]
    assert len(hostile) == len(HOSTILE)
    await hall.open(*hostile, title='Giao ban <b>tuần</b> & "quý" </td><a href=https://x>bấm</a>')
    for size in (DESKTOP, PHONE):
        chair = await hall.chair(viewport=size)
        members: list[Member] = [await hall.member(site, "red") for site in hostile]
        for member in members:
            await member.say("ask")
        await chair.find("")
        for site, member in zip(hostile, members, strict=True):
            await expect(chair.member(member.key).locator(".row-name")).to_have_text(site.name)
            await chair.act(member.key, "give")
            await holder(chair, member.key)
            await expect(chair.at("floor-who")).to_contain_text(site.name)
            assert await too_wide(chair.page) == []
        await chair.member(members[0].key).get_by_test_id("member-more").click()
        await chair.at("member-remove").click()
        await expect(chair.at("remove-dialog")).to_contain_text(hostile[0].name)
        faults: list[Any] = await chair.page.evaluate(
            """() => [...document.querySelectorAll("#app :is(img, a, b, td), dialog :is(img, a, b, td)")]
            .map((element) => element.outerHTML)"""
        )
        assert faults == []
        assert "49" not in await chair.page.locator("body").inner_text()
        await chair.at("answer-no").click()
        await chair.close()
        hall.windows.remove(chair)
        for member in members:
            await member.close()
            hall.members.remove(member)


async def test_fc_e03_no_microphone_no_sound_either(hall: Hall) -> None:
    """A site whose browser refuses devices and holds sound back listens, and is told what to press."""
    one, two = hall.city.twins()
    await hall.open(one, two)
    speaker = await hall.member(two, "red")
    chair = await hall.city.voice("chair", hall.meeting)
    hall.members.append(chair)
    await chair.come()
    await chair.say("give", target=speaker.key)
    await hall.heard_by_right(speaker)
    await speaker.media.publish_microphone("red")
    page = await hall.window(one, browser="strict")
    shown = "document.querySelector('[data-testid=sound-blocked]')?.checkVisibility() === true"
    await until(lambda: page.quietly(shown), "the large control", within=30)
    lines = str(await page.quietly("document.querySelector('[data-testid=notices]').innerText"))
    assert said("microphone.denied").split(".")[0] in lines
    await page.at("turn-on-sound").click()
    await expect(page.at("sound-blocked")).to_be_hidden()

    async def plays() -> bool:
        return await page.playing() >= 1

    await until(plays, "the tone is played")


async def test_fc_e08_one_gone_all_served(hall: Hall) -> None:
    """Channels that are reset, cut in half a frame, or left by will while hands go up and down."""
    sites = hall.city.sites[200:224]
    await hall.open(*sites)
    chair = await hall.chair()
    everybody = [await hall.member(site, media=False) for site in sites]
    await chair.find("")
    await expect(chair.at("filter-here")).to_have_text(
        said("room.people.number", word=said("room.people.here"), count=len(sites) + 1)
    )
    gone, half, leaving, kept = everybody[:6], everybody[6:9], everybody[9:12], everybody[12:]

    async def hands() -> None:
        for number in range(40):
            assert (await kept[number % 4].say("ask" if number % 8 < 4 else "withdraw"))[0] == "done"

    busy = asyncio.create_task(hands())
    for member in gone:
        await member.cut()
    for member in half:
        await member.cut(half_a_frame=True)
    for member in leaving:
        await member.say("leave")
    await busy
    state = await hall.city.floor(hall.meeting)
    await until(lambda: all(one.mirror.queue() == state.queue for one in kept), "all have the last change")
    assert {one.mirror.closing for one in kept} == {""}
    sequences = {member.mirror.sequence for member in kept}

    async def alike() -> bool:
        return len({member.mirror.sequence for member in kept}) == 1

    await until(alike, f"all have as many changes: {sequences}")
    # Who left by will is not here any more, on the page too.
    await chair.at("filter-missing").click()
    for member in leaving:
        await chair.find(member.key.removeprefix("site:"))
        await expect(chair.member(member.key)).to_have_count(1)
    assert chair.errors == []
