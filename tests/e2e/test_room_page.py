"""A booked meeting in its room: the chair leads in a browser, sites are seen and heard by the floor."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from conformance.waiting import until
from livekit import rtc
from playwright.async_api import Browser, expect

from e2e.page_stubs import DEVICES
from e2e.room_hall import AUDIO, Hall, holder
from e2e.room_service import TITLE, RoomCity, room_service
from scheduler import rights
from web import i18n

RED_HERTZ = 500
REFUSED = (rtc.participant.PublishTrackError, TimeoutError)
"""How the SDK gives up on what the server does not answer."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RoomCity]:
    """The service with 579 sites."""
    async with room_service(tmp_path_factory.mktemp("room")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def hall(city: RoomCity, browsers: dict[str, Browser]) -> AsyncIterator[Hall]:
    """A meeting that the test opens; scripts must not complain and ask nobody else."""
    hall = Hall(city, browsers)
    yield hall
    faults = [fault for window in hall.windows for fault in (*window.errors, *window.strangers)]
    await hall.close()
    # What the server refuses while a meeting ends stands in the console of the browser; it is no fault.
    # Nor is what the SDK says of a stand-in for a camera, which has no size before its first picture.
    passing = ("Failed to load resource", "WebSocket", "could not determine track dimensions")
    assert [fault for fault in faults if not any(word in fault for word in passing)] == []


def said(key: str, **values: object) -> str:
    return i18n.translate("vi", key, **values)


async def test_the_floor_is_seen_and_heard_and_taken_back(hall: Hall) -> None:
    one, two = hall.city.twins()
    third = next(site for site in hall.city.sites if site.name not in (one.name, two.name))
    await hall.open(one, two, third)
    chair = await hall.chair()
    speaker, other, listener = [
        await hall.member(site, colour) for site, colour in ((one, "red"), (two, "blue"), (third, "green"))
    ]
    assert (await speaker.say("ask"))[0] == "done"
    assert (await other.say("ask"))[0] == "done"
    # The two sites have one name: everything that names one of them says which.
    give = chair.at("floor-give")
    await expect(give).to_have_text(said("room.give.named", name=f"{one.name}, {one.district}"))
    await give.click()
    await holder(chair, speaker.key)
    await chair.on_stage(speaker.identity)
    await chair.sees(speaker.identity, "red")
    main = chair.page.locator("[data-testid=tile][data-main]")
    assert await main.get_attribute("data-identity") == speaker.identity
    await expect(chair.at("floor-who")).to_have_text(
        said("room.floor.holder", name=f"{one.name}, {one.district}")
    )
    await expect(give).to_have_text(said("room.give.named", name=f"{two.name}, {two.district}"))

    await hall.heard_by_right(speaker)
    await speaker.media.publish_microphone("red")
    await listener.media.hears(speaker.identity, "red")
    await other.media.hears(speaker.identity, "red")

    async def chair_hears() -> bool:
        return any(abs(peak - RED_HERTZ) < 20 for peak in await chair.page.evaluate(AUDIO))

    await until(chair_hears, "the chair's page plays the tone of who has the floor")
    await listener.media.sees(speaker.identity, "red")

    await chair.at("floor-back").click()
    await holder(chair, "")

    def silent() -> bool:
        sound = listener.media.sound(speaker.identity)
        return sound is None or sound.silent()

    await until(silent, "who had the floor is not heard any more")

    async def chair_hears_nothing() -> bool:
        return not await chair.page.evaluate(AUDIO)

    await until(chair_hears_nothing, "the chair's page is silent")
    await expect(chair.page.locator("[data-testid=tile][data-main]")).to_have_count(0)
    # Its picture stays.
    await listener.media.sees(speaker.identity, "red")


async def test_a_site_without_the_floor_cannot_be_heard(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    site = await hall.member(one, "red")
    listener = await hall.member(two, "blue")
    await listener.media.sees(site.identity, "red")
    with pytest.raises(REFUSED):
        await site.media.publish_microphone("red")
    assert listener.media.sound(site.identity) is None
    ticket = (await site.ticket()).json()
    assert ticket["identity"] == site.identity
    for kind in ("give", "take_back", "mute_all", "lower_all", "lock", "end", "admit_all"):
        assert (await site.say(kind))[0] == "no_right", kind
    for kind in ("mute", "unmute", "remove", "admit", "lower"):
        assert (await site.say(kind, target=listener.key))[0] == "no_right", kind


async def test_the_speaking_time(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    site = await hall.member(one, media=False)
    await site.say("ask")
    await chair.lead()
    await chair.at("give-minutes").select_option("1")
    await chair.at("lead-give-next").click()
    await holder(chair, site.key)
    line, time = chair.at("floor-line"), chair.at("floor-time")
    await expect(line).to_have_attribute("data-clock", "left")
    left = re.compile(said("room.floor.left", time=r"00:(\d\d)"))
    await expect(time).to_have_text(left)
    first = re.fullmatch(left, await time.inner_text())
    assert first is not None
    assert 40 <= int(first[1]) <= 59

    async def counts() -> bool:
        found = re.fullmatch(left, await time.inner_text())
        return found is not None and int(found[1]) < int(first[1])

    await until(counts, "the clock counts down")
    assert site.mirror.floor.until is not None
    # A shorter time than the page offers, so that the end of one is seen.
    voice = await hall.city.voice("chair", hall.meeting)
    hall.members.append(voice)
    await voice.come()
    await voice.say("take_back")
    assert await voice.say("give", target=site.key, seconds=1) == ("done", "")
    await expect(line).to_have_attribute("data-clock", "over")
    await expect(time).to_have_text(re.compile(said("room.floor.over", time=r"00:\d\d")))
    # The time is told, and the floor is the chair's to take.
    assert site.mirror.floor.holder == site.key
    await voice.say("take_back")
    await expect(time).to_be_hidden()
    await voice.say("give", target=site.key)
    await expect(line).to_have_attribute("data-clock", "since")


async def test_one_is_muted_and_then_all(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    site = await hall.member(one, "red")
    other = await hall.member(two, "blue")
    await chair.find(one.name)
    await chair.act(site.key, "unmute")
    await hall.heard_by_right(site)
    await site.media.publish_microphone("red")
    await other.media.hears(site.identity, "red")

    def silent() -> bool:
        sound = other.media.sound(site.identity)
        return sound is None or sound.silent()

    await chair.act(site.key, "mute")
    await until(silent, "the muted site is not heard")
    await until(lambda: site.mirror.roster[site.key].muted, "everybody is told that it is muted")
    for member in (site, other):
        await chair.act(member.key, "unmute")
        await hall.heard_by_right(member)
    await site.media.publish_microphone("red")
    await other.media.hears(site.identity, "red")
    await chair.lead()
    await chair.at("lead-mute-all").click()
    await until(silent, "nobody is heard")
    await until(
        lambda: site.mirror.roster[site.key].muted and site.mirror.roster[other.key].muted, "all are muted"
    )
    # The chair's own microphone stays.
    assert not site.mirror.roster[f"person:{hall.city.world.people['chair']}"].muted


async def test_who_waits_is_admitted_or_refused(hall: Hall) -> None:
    one, two, guest, stranger = hall.city.sites[40:44]
    await hall.open(one, two)
    chair = await hall.chair()
    waiting = await hall.site_at_the_door(guest)
    await expect(waiting.at("wait-view")).to_have_attribute("data-why", "lobby")
    # Nothing of the meeting is told at the door.
    assert TITLE not in await waiting.page.content()
    refused = await hall.member(stranger, media=False)
    assert refused.mirror.waiting
    assert (await refused.ticket()).json()["code"] == "not_admitted"
    await expect(chair.at("bar-lead").locator(".control-badge")).to_have_text("2")
    await chair.lead()
    door = chair.page.locator(f'.lobby-one[data-key="site:{guest.code}"]')
    await expect(door).to_contain_text(guest.name)
    await expect(door).to_contain_text(guest.code)
    await door.get_by_test_id("lobby-admit").click()
    await waiting.connected()
    await expect(chair.page.locator(".lobby-one")).to_have_count(1)
    await chair.at("lobby-refuse").click()
    await until(lambda: refused.mirror.closing == "removed", "the other one is sent away")
    assert (await refused.ticket()).status_code in (403, 409)
    await expect(chair.page.locator(".lobby-one")).to_have_count(0)


async def test_who_is_removed_is_out_and_comes_back_to_the_door(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    page = await hall.site(one)
    listener = await hall.member(two, "blue")
    key, identity = f"site:{one.code}", f"site:{one.code}:main"
    await listener.media.meets(identity)
    await chair.find(one.district)
    await chair.act(key, "remove")
    await expect(chair.at("remove-dialog")).to_contain_text(one.district)
    await chair.at("reason").fill("Mạng lỗi, vào lại sau")
    await chair.at("answer-yes").click()
    await page.at("end-view").wait_for()
    await expect(page.at("end-view")).to_have_attribute("data-reason", "removed")
    await until(lambda: identity not in listener.media.room.remote_participants, "it is out of the room")
    await page.at("join-again").click()
    await expect(page.at("wait-view")).to_have_attribute("data-why", "lobby")
    await chair.lead()
    await chair.at("lobby-admit").click()
    await page.connected()
    await listener.media.meets(identity)


async def test_the_end_is_the_end_for_everybody(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    page = await hall.site(one)
    native = await hall.member(two, "blue")
    await chair.lead()
    await chair.at("lead-end").click()
    # The quiet answer has the focus; Enter by mistake ends nothing.
    await expect(chair.at("answer-no")).to_be_focused()
    await chair.page.keyboard.press("Enter")
    await expect(chair.at("end-dialog")).to_have_count(0)
    assert await chair.at("meeting").is_visible()
    await chair.at("lead-end").click()
    await chair.at("answer-yes").click()
    for window in (chair, page):
        await window.at("end-view").wait_for()
        await expect(window.at("end-view")).to_have_attribute("data-reason", "ended")
        await expect(window.at("join-again")).to_have_count(0)
    await until(lambda: native.mirror.closing == "ended", "the channel says so")
    await native.media.event("disconnected")
    assert (await native.ticket()).json().get("code") in ("meeting_over", "form_refused")
    await page.page.reload()
    await expect(page.page.get_by_role("heading", name=said("room.away.closed"))).to_be_visible()


async def test_two_sites_of_one_name_stay_apart(hall: Hall) -> None:
    one, two = hall.city.twins()
    assert one.name == two.name
    assert one.district != two.district
    await hall.open(one, two)
    chair = await hall.chair()
    members = [await hall.member(site, colour) for site, colour in ((one, "red"), (two, "blue"))]
    await chair.find(one.name)
    for site, member in ((one, members[0]), (two, members[1])):
        await expect(chair.member(member.key).locator(".row-name")).to_have_text(site.name)
        await expect(chair.member(member.key).locator(".row-about")).to_contain_text(site.district)
        await expect(chair.tile(member.identity)).to_contain_text(site.district)
        await expect(chair.member(member.key).get_by_test_id("member-more")).to_have_accessible_name(
            said("room.member.more", name=f"{site.name}, {site.district}")
        )
    await chair.act(members[1].key, "give")
    await holder(chair, members[1].key)
    await chair.on_stage(members[1].identity)
    await chair.sees(members[1].identity, "blue")
    await expect(chair.at("floor-who")).to_contain_text(two.district)
    await expect(chair.member(members[1].key)).to_have_attribute("data-floor", "")
    await expect(chair.member(members[0].key)).not_to_have_attribute("data-floor", "")


async def test_a_sites_page_asks_speaks_and_is_heard(hall: Hall) -> None:
    """The microphone goes on by itself with the floor, and off with its end."""
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    page = await hall.site(one, script=DEVICES)
    listener = await hall.member(two, "blue")
    key, identity = f"site:{one.code}", f"site:{one.code}:main"
    await listener.media.sees(identity, "magenta")
    await expect(page.at("bar-microphone")).to_be_disabled()
    await expect(page.at("bar-share")).to_be_disabled()
    await expect(page.at("bar-lead")).to_be_hidden()
    await page.at("bar-floor").click()
    await expect(page.at("bar-floor")).to_have_attribute("data-floor", "asking")
    await expect(page.at("bar-floor")).to_have_text(said("room.ask.place", place=1))
    await expect(page.line("floor")).to_contain_text(said("room.floor.next"))
    await chair.at("floor-give").click()
    await expect(page.at("bar-floor")).to_have_attribute("data-floor", "speaking")
    await expect(page.line("floor")).to_contain_text(said("room.floor.yours"))
    await expect(page.at("floor-line")).to_have_attribute("data-mine", "")
    await listener.media.hears(identity, "red")
    await page.at("bar-floor").click()
    await expect(page.at("bar-floor")).to_have_attribute("data-floor", "silent")
    await holder(chair, "")

    def silent() -> bool:
        sound = listener.media.sound(identity)
        return sound is None or sound.silent()

    await until(silent, "the statement is over")
    # It still speaks, and is told that nobody hears it.
    await expect(page.line("muted")).to_contain_text(said("room.unheard"))
    await page.line("muted").get_by_role("button").click()
    await expect(page.at("bar-floor")).to_have_attribute("data-floor", "asking")
    await expect(page.line("muted")).to_contain_text(said("room.unheard.asking", place=1))
    assert listener.mirror.queue() == [key]


async def test_a_site_tells_its_head_count(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    page = await hall.site(one)
    await page.line("heads").get_by_role("button").click()
    for wrong in ("", "-3", "1001", "mười", "2.5"):
        await page.at("heads").fill(wrong)
        await page.page.keyboard.press("Enter")
        await expect(page.at("heads-dialog").get_by_role("alert")).to_have_text(said("room.heads.wrong"))
        await expect(page.at("heads")).to_be_focused()
    await page.at("heads").fill("12")
    await page.page.keyboard.press("Enter")
    await expect(page.line("heads")).to_have_count(0)
    await expect(page.at("bar-heads").locator(".control-badge")).to_have_text("12")
    await chair.find(one.district)
    await expect(chair.member(f"site:{one.code}")).to_contain_text(said("room.state.heads", count=12))
    await expect(chair.at("members-heads")).to_have_text(said("room.people.heads", count=12))


async def test_a_reload_comes_back_and_leaving_does_not(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    site = await hall.member(one, "red")
    await site.say("ask")
    await chair.page.reload()
    await chair.connected()
    await chair.sees(site.identity, "red")
    await chair.at("floor-give").click()
    await holder(chair, site.key)
    await chair.at("bar-leave").click()
    await chair.at("end-view").wait_for()
    await expect(chair.at("end-view")).to_have_attribute("data-reason", "left")
    await chair.page.reload()
    await chair.at("join-panel").wait_for()
    await chair.enter()
    await holder(chair, site.key)
    # Somebody else came with the chair's session: the first page is told, and may take the place back.
    other = await hall.chair()
    await chair.at("end-view").wait_for()
    await expect(chair.at("end-view")).to_have_attribute("data-reason", "taken_over")
    await chair.at("join-again").click()
    await chair.connected()
    await other.at("end-view").wait_for()


async def test_the_meeting_opens_under_who_waits(hall: Hall) -> None:
    """Both chair and site sit at the page before the time, and are taken in without a press."""
    one, two = hall.city.twins()
    hall.meeting = await hall.city.book([one, two], starts_in=timedelta(minutes=30), opens=False)
    chair = await hall.window("chair")
    await chair.at("join").click()
    site = await hall.window(one)
    for window in (chair, site):
        await expect(window.at("wait-view")).to_have_attribute("data-why", "opening")
    await hall.city.open_now(hall.meeting)
    for window in (chair, site):
        await window.connected(30)


async def test_grants_of_each_are_those_of_the_moment(hall: Hall) -> None:
    one, two = hall.city.twins()
    await hall.open(one, two)
    chair = await hall.chair()
    site = await hall.member(one, "red")
    await site.say("ask")
    camera, speaking = rights._CAMERA, set(rights._SPEAKING)

    async def sources() -> set[int]:
        found = await hall.city.participants(hall.meeting)
        return set(found[site.identity].permission.can_publish_sources)

    assert await sources() == {camera}
    await chair.at("floor-give").click()

    async def speaks() -> bool:
        return await sources() == speaking

    await until(speaks, "the floor is a right at the media server")
    await chair.at("floor-back").click()

    async def silent() -> bool:
        return await sources() == {camera}

    await until(silent, "its end is the end of the right")
