"""Home: for each role the one thing that is next, and nothing of meetings that are others' business."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from signed_in import Text, World

from directory.access.principal import Principal
from directory.errors import UnavailableError
from directory.model import Endpoint
from scheduler.model import Invitation, Meeting
from web import i18n
from web.app import create_app
from web.home import HomePages, Meetings, Thing, Work
from web.navigation import Visitor
from web.rendering import Renderer

MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


def said(key: str, **values: object) -> str:
    return i18n.translate("vi", key, **values)


async def meeting(
    world: World,
    title: str,
    state: str = "published",
    begins: dt.timedelta = DAY,
    *,
    chair: str = "host",
    sites: Sequence[int] = (),
    lasts: dt.timedelta = 60 * MINUTE,
) -> str:
    """A meeting on record."""
    if "host" not in world.people:
        await world.person("host", "Người khác", roles=("chair", "secretary"))
    start = dt.datetime.now(dt.UTC) + begins
    number = secrets.token_hex(6)
    async with world.database.write() as session:
        session.add(
            Meeting(
                id=number,
                title=title,
                kind="briefing",
                state=state,
                chair_id=world.people[chair],
                secretary_id=world.people["host"],
                starts_at=start,
                ends_at=start + lasts,
                zone="Asia/Ho_Chi_Minh",
                room=f"meeting-{number}",
                created_at=start - DAY,
                created_by="cli:test",
                opened_at=start if state == "open" else None,
            )
        )
        await session.flush()
        session.add_all([Invitation(meeting_id=number, endpoint_id=site) for site in sites])
    return number


async def home(world: World, who: str) -> str:
    """The page of somebody."""
    async with world.browser(who) as browser:
        answer = await browser.get("/home")
        assert answer.status_code == 200
        return answer.text


def card(page: str) -> tuple[str, str, str]:
    """Overline, title and address of the one thing."""
    [found] = re.findall(r'<article class="card next-card">(.*?)</article>', page, re.DOTALL)
    overline = re.search(r'class="overline">([^<]*)<', found)
    title = re.search(r'class="next-title">([^<]*)<', found)
    href = re.search(r'href="([^"]*)"', found)
    assert overline is not None
    assert title is not None
    assert href is not None
    assert page.count("button-main") == 1
    return overline[1], title[1], href[1]


@pytest.mark.parametrize(
    ("who", "word", "href"),
    [
        ("secretary", "home.book.title", "/meetings/new"),
        ("it_staff", "home.sites.title", "/directory"),
        ("administrator", "home.people.title", "/people"),
    ],
)
async def test_the_work_of_each_role(world: World, who: str, word: str, href: str) -> None:
    assert card(await home(world, who)) == (said("home.do"), said(word), href)


@pytest.mark.parametrize("who", ["official", "chair"])
async def test_with_nothing_to_do_it_says_so(world: World, who: str) -> None:
    await meeting(world, "Giao ban của người khác")
    text = Text(await home(world, who)).all
    assert said("home.nothing") in text
    assert "Giao ban của người khác" not in text


async def test_who_has_no_role_is_told_whom_to_ask(world: World) -> None:
    await world.person("moi", "Người mới")
    page = await home(world, "moi")
    assert said("home.no_role") in page
    assert said("role.none") in page


async def test_an_open_meeting_comes_before_everything(world: World) -> None:
    await world.person("chair", "Chủ tọa", roles=("chair", "secretary"))
    await meeting(world, "Họp tuần sau", begins=7 * DAY, chair="chair")
    number = await meeting(world, "Họp đang mở", "open", -10 * MINUTE, chair="chair")
    page = await home(world, "chair")
    assert card(page) == (said("home.open"), "Họp đang mở", f"/meetings/{number}/room")
    assert said("home.running") in page
    others = page[page.index('id="others-head"') :]
    assert others.index(said("home.book.title")) < others.index("Họp tuần sau")


async def test_a_meeting_within_the_hour_comes_before_work(world: World) -> None:
    await world.person("secretary", "Thư ký", roles=("secretary",))
    await meeting(world, "Họp tới nơi", begins=50 * MINUTE, chair="secretary")
    assert card(await home(world, "secretary"))[:2] == (said("home.soon"), "Họp tới nơi")


@pytest.mark.parametrize(
    ("state", "begins", "lasts", "seen"),
    [
        ("published", DAY, 60 * MINUTE, True),
        ("open", -10 * MINUTE, 60 * MINUTE, True),
        ("open", -90 * MINUTE, 60 * MINUTE, True),
        ("draft", DAY, 60 * MINUTE, False),
        ("cancelled", DAY, 60 * MINUTE, False),
        ("closed", -90 * MINUTE, 60 * MINUTE, False),
        ("published", 30 * DAY, 60 * MINUTE, False),
    ],
)
async def test_which_meetings_are_next(
    world: World, state: str, begins: dt.timedelta, lasts: dt.timedelta, seen: bool
) -> None:
    await world.person("chair", "Chủ tọa", roles=("chair",))
    await meeting(world, "Cuộc họp này", state, begins, chair="chair", lasts=lasts)
    assert ("Cuộc họp này" in await home(world, "chair")) is seen


async def test_an_official_sees_what_the_own_sites_are_invited_to(world: World) -> None:
    await world.sites()
    async with world.database.read() as session:
        site = await session.get(Endpoint, world.site_id)
        assert site is not None
        unit = site.unit_id
    await world.person("official", "Đại biểu", roles=("official",), unit_ids=(unit,))
    await meeting(world, "Họp của ta", sites=[world.site_id, world.site_id + 1])
    await meeting(world, "Họp của phường khác", begins=DAY / 2, sites=[world.site_id + 1])
    page = await home(world, "official")
    assert card(page)[1] == "Họp của ta"
    assert said("home.invited", count=2) in page
    assert "phường khác" not in page


async def test_a_site_sees_its_own_meetings(world: World) -> None:
    await world.sites()
    await meeting(world, "Họp của ta", sites=[world.site_id])
    await meeting(world, "Họp của phường khác", sites=[world.site_id + 1])
    page = await home(world, "site")
    assert card(page)[:2] == (said("home.later"), "Họp của ta")
    assert "phường khác" not in page


async def test_who_looks_after_the_service_sees_all_meetings(world: World) -> None:
    for number in range(10):
        await meeting(world, f"Họp thứ {number}", begins=(number + 1) * DAY)
    page = await home(world, "it_staff")
    assert card(page)[2] == "/directory"
    assert [f"Họp thứ {number}" in page for number in range(10)] == [True] * 5 + [False] * 5


async def test_titles_that_are_markup_stay_text(world: World) -> None:
    await world.person("chair", "Chủ tọa", roles=("chair",))
    await meeting(world, "<img src=x onerror=alert(1)> {{ 7*7 }}", chair="chair")
    page = await home(world, "chair")
    assert "<img" not in page
    assert "{{ 7*7 }}" in page


# -- parts that say what is next ----------------------------------------------------------------


class Fixed:
    """A part with things that are given."""

    def __init__(self, *things: Thing) -> None:
        self._things = things

    async def things(self, principal: Principal, now: dt.datetime) -> Sequence[Thing]:
        """See NextThing."""
        return self._things


def principal(*roles: str, kind: Any = "person") -> Principal:
    return Principal(kind, 7, "x", "session", "credential", roles=frozenset(roles))


def thing(weight: int, title: str) -> Thing:
    return Thing(weight, "home.do", "home.view", f"/{title}", "next", title=title)


async def test_parts_are_put_in_the_order_of_what_presses(built: Any) -> None:
    renderer = Renderer(built, visitor=lambda request: Visitor("A", frozenset({"chair"})))
    parts = [Fixed(thing(30, "c"), thing(20, "b1")), Fixed(thing(20, "b2"), thing(0, "a"))]
    app = create_app(HomePages(renderer, parts).routes(), pages=True)

    async def known(scope: Any, receive: Any, send: Any) -> None:
        class Known:
            principal = Principal("person", 1, "a", "s", "c", roles=frozenset({"chair"}))
            unavailable = False

        await app({**scope, "diemcau.visitor": Known()}, receive, send)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=known), base_url="http://localhost"
    ) as client:
        page = (await client.get("/home")).text
    assert re.findall(r'href="/(a|b1|b2|c)"', page) == ["a", "b1", "b2", "c"]


@pytest.mark.parametrize(
    ("who", "hrefs"),
    [
        (principal("official"), []),
        (principal("chair"), []),
        (principal("secretary"), ["/meetings/new"]),
        (principal("it_staff"), ["/directory"]),
        (principal("administrator"), ["/directory", "/people"]),
        (principal(kind="site"), []),
        (principal(kind="agent"), []),
        (principal(), []),
    ],
)
async def test_work_is_by_rights(who: Principal, hrefs: list[str]) -> None:
    found = await Work().things(who, dt.datetime.now(dt.UTC))
    assert sorted(one.href for one in found) == sorted(hrefs)


async def test_the_page_of_a_meeting_is_entered_while_it_is_open(world: World) -> None:
    await world.person("chair", "Chủ tọa", roles=("chair",))
    opened = await meeting(world, "Đang mở", "open", -MINUTE, chair="chair")
    later = await meeting(world, "Ngày mai", chair="chair")
    who = Principal("person", world.people["chair"], "chair", "s", "c", roles=frozenset({"chair"}))
    part = Meetings(world.database, join=lambda number: f"/join/{number}")
    found = await part.things(who, dt.datetime.now(dt.UTC))
    assert [(one.href, one.action) for one in found] == [
        (f"/join/{opened}", "home.join"),
        (f"/meetings/{later}", "home.view"),
    ]
    assert found[0].starts is not None
    assert found[0].starts.utcoffset() == dt.timedelta(hours=7)
    # An administrator does not join: such a one only looks after the service.
    admin = Principal("person", 1, "a", "s", "c", roles=frozenset({"administrator"}))
    assert {one.action for one in await part.things(admin, dt.datetime.now(dt.UTC))} == {"home.view"}


async def test_without_a_database_home_says_to_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world.browser("chair") as browser:

        async def gone(*_: object, **__: object) -> None:
            raise UnavailableError("gone")

        monkeypatch.setattr("web.home.meetings_between", gone)
        assert (await browser.get("/home")).status_code == 503
