"""FC-e07 on people, the audit log, keys, groups and devices: what somebody wrote stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from signed_in import NOW, PASSWORD, Text, World

from directory import endpoints, groups
from directory.devices import add_device
from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites
from web.assembly import Service

NAMES = (
    "Tổ 5 <img src=x onerror=alert(1)>",
    'Giao ban <b>tuần</b> & "quý" </td><a href=https://x>bấm</a>',
    "{{ 7*7 }} {% raw %}",
    "Nguyễn \u202eĂng\u202c \u0007Văn",
)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and nothing of its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.links: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)
        self.links.update(value or "" for name, value in attrs if name == "href")


@pytest.fixture
async def world(service: Service) -> World:
    """The 579 sites of 2021."""
    made = World(service)
    async with made.database.write() as session:
        await load_hanoi_units(session)
        await load_main_sites(session, SINCE_2021)
    return made


@pytest.mark.parametrize("name", NAMES)
async def test_fc_e07_names_stay_text_on_pages_of_administrators(world: World, name: str) -> None:
    plain = name.replace("\u202e", "").replace("\u202c", "").replace("\u0007", "")
    controls = plain != name
    if controls:
        # Where a name is written, controls are refused; nothing with them comes to a page.
        async with world.browser("administrator") as admin:
            answer = await admin.fill("/people/new", {"login": "la", "name": name, "language": "vi"})
            assert answer.status_code == 422
            assert "\u202e" not in answer.text
            assert "\u0007" not in answer.text
        return
    person = await world.person("nguoi", name, roles=("official",), password=PASSWORD)
    async with world.database.write() as session:
        site = await endpoints.by_code(session, "00004")
        group = await groups.create(session, name, [site.id], by=f"person:{person}", now=NOW)
        await add_device(
            session, site.id, "camera", name, "", version=site.version, by=f"person:{person}", now=NOW
        )
    async with world.browser("administrator") as admin:
        for path in (
            "/people?q=onerror",
            "/people",
            f"/people/{person}",
            f"/people/{person}/edit",
            "/audit",
            "/audit?who=nguoi",
            "/directory/groups",
            f"/directory/groups/{group.id}",
            "/directory/sites/00004",
            "/directory/sites/00004/keys",
        ):
            answer = await admin.get(path)
            assert answer.status_code == 200, path
            page = Elements(answer.text)
            assert not page.tags & {"img", "b", "raw"}, path
            assert "onerror" not in page.names, path
            assert not any("//x" in link for link in page.links), path
            assert not any(re.search(r"\b49\b", part) for part in Text(answer.text).parts), path
        assert name in Text((await admin.get(f"/people/{person}")).text).all
        assert name in Text((await admin.get("/directory/sites/00004")).text).all
    async with world.browser("nguoi") as browser:
        home = await browser.get("/home")
        assert name in Text(home.text).all
        assert not Elements(home.text).tags & {"img", "b"}
