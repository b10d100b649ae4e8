"""The field cases of a booked meeting's room, named after their numbers."""

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
from directory.sites import all_sites
from e2e.page_judges import too_wide
from e2e.room_hall import Hall, holder
from e2e.room_service import Member, RoomCity, room_service
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
                new = NewEndpoint(f"00004-{number}", first.unit_id, Details(name, "tslcd", "mobile", ""))
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

        async def stored() -> bool:
            state = await hall.city.floor(hall.meeting)
            return (state.queue, state.holder) == (queue, speaks)

        await until(stored, f"the server has {queue} and {speaks or 'nobody'}")

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
