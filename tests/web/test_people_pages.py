"""People's pages and the audit log: found, changed by compare-and-swap, kept out, given passwords."""

from __future__ import annotations

import re

import httpx
import pytest
from signed_in import NOW, PASSWORD, Text, World

from directory import people
from directory.access import credentials, owners
from directory.model import Unit
from web import i18n
from web.visitors import now

FULL: dict[str, str | list[str]] = {
    "login": "hoa.le",
    "name": "Lê Thị Hoà",
    "title": "Chánh Văn phòng",
    "phone": "024 3825 3536",
    "email": "hoa@hanoi.gov.vn",
    "language": "vi",
    "roles": ["secretary", "chair"],
}


def said(key: str, **values: object) -> str:
    return i18n.translate("vi", key, **values)


async def person_of(world: World, number: int) -> people.PersonView:
    async with world.database.read() as session:
        return await people.get(session, number)


async def test_a_person_is_put_on_record_and_gets_a_password(world: World) -> None:
    async with world.browser("administrator") as browser, world.browser() as hers:
        answer = await browser.fill("/people/new", FULL)
        assert answer.status_code == 303
        path = answer.headers["location"]
        page = await browser.get(path)
        for text in (
            "Lê Thị Hoà",
            "hoa.le",
            "Chánh Văn phòng",
            said("role.secretary"),
            said("people.password.none"),
        ):
            assert text in page.text
        issued = await browser.fill(f"{path}/password", {}, at=path)
        assert issued.status_code == 200
        [secret] = re.findall(r"<code>([^<]+)</code>", issued.text)
        assert issued.headers["cache-control"] == "no-store"
        # Shown once: neither the page nor the log has it again.
        assert secret not in (await browser.get(path)).text
        assert secret not in (await browser.get("/audit")).text
        into = await hers.fill("/sign-in", {"login": "hoa.le", "password": secret})
        assert into.headers["location"].startswith("/password")


@pytest.mark.parametrize(
    ("change", "field", "key", "values"),
    [
        ({"login": "a"}, "login", "people.login.wrong", {}),
        ({"login": "hòa"}, "login", "people.login.wrong", {}),
        ({"login": "administrator"}, "login", "people.login.taken", {"login": "administrator"}),
        ({"name": "  "}, "name", "people.name.empty", {}),
        ({"name": "x" * 300}, "name", "people.too_long", {"field": "Họ và tên", "most": 200}),
        ({"title": "a\u202eb"}, "title", "people.characters", {"field": "Chức vụ"}),
        ({"phone": "gọi sau"}, "phone", "people.phone.wrong", {}),
        ({"email": "hoa"}, "email", "people.email.wrong", {}),
        ({"language": "fr"}, "language", "people.language.wrong", {}),
        ({"roles": ["site"]}, "roles", "people.roles.wrong", {}),
        ({"unit_ids": ["999999"]}, "unit_ids", "people.units.wrong", {}),
        ({"unit_ids": ["x"]}, "unit_ids", "people.units.wrong", {}),
        ({"unit_ids": ["9" * 40]}, "unit_ids", "people.units.wrong", {}),
    ],
)
async def test_what_cannot_be_is_told_at_its_field_and_nothing_is_saved(
    world: World, change: dict[str, str | list[str]], field: str, key: str, values: dict[str, object]
) -> None:
    async with world.browser("administrator") as browser:
        answer = await browser.fill("/people/new", {**FULL, **change})
        assert answer.status_code == 422
        assert said(key, **values) in answer.text
        assert f'href="#f-{field}"' in answer.text
        if field != "name":
            assert "Lê Thị Hoà" in answer.text
        async with world.database.read() as session:
            assert (await people.search(session))[1] == 1


async def test_two_who_change_one_person_are_told_of_each_other(world: World) -> None:
    number = await world.person("hoa", "Lê Thị Hoà", roles=("official",))
    await world.person("second", "Trần Văn Bình", roles=("administrator",))
    here = f"/people/{number}/edit"
    async with world.browser("administrator") as one, world.browser("second") as two:
        old = {"version": "1", "csrf": await one.token(here), "language": "vi", "name": "Lê Thị Hoà"}
        theirs = {**old, "csrf": await two.token(here), "phone": "0912 000 111", "roles": ["chair"]}
        assert (await two.post(here, data=theirs)).status_code == 303
        mine = {**old, "title": "Phó Chánh Văn phòng", "roles": ["official"]}
        answer = await one.post(here, data=mine)
        assert answer.status_code == 409
        text = Text(answer.text).all
        assert "Trần Văn Bình đã sửa người dùng này lúc" in text
        assert "0912 000 111" in text
        assert said("role.chair") in text
        assert "Phó Chánh Văn phòng" in answer.text
        stored = await person_of(world, number)
        assert (stored.details.phone, stored.roles) == ("0912 000 111", frozenset({"chair"}))
        # Saving again in the knowledge of it goes through.
        [version] = re.findall(r'name="version" value="(\d+)"', answer.text)
        assert (await one.post(here, data={**mine, "version": version})).status_code == 303
        stored = await person_of(world, number)
        assert (stored.details.title, stored.details.phone, stored.roles) == (
            "Phó Chánh Văn phòng",
            "",
            frozenset({"official"}),
        )


async def test_a_wrong_field_does_not_hide_a_conflict(world: World) -> None:
    """The version of the form stays that of its first reading through any number of refusals."""
    number = await world.person("hoa", "Lê Thị Hoà")
    here = f"/people/{number}/edit"
    async with world.browser("administrator") as browser:
        data = {"csrf": await browser.token(here), "version": "1", "name": "", "language": "vi"}
        async with world.database.write() as session:
            await people.change(session, number, version=1, by="cli:test", now=NOW, roles=("chair",))
        refused = await browser.post(here, data=data)
        assert refused.status_code == 422
        [version] = re.findall(r'name="version" value="(\d+)"', refused.text)
        assert version == "1"
        assert (await browser.post(here, data={**data, "name": "Lê Hoà"})).status_code == 409


async def test_units_are_chosen_and_shown(world: World) -> None:
    await world.sites()
    number = await world.person("hoa", "Lê Thị Hoà")
    async with world.database.read() as session:
        unit = await session.get(Unit, 40)
    assert unit is not None
    async with world.browser("administrator") as browser:
        page = await browser.get(f"/people/{number}/edit")
        ids = set(re.findall(r'name="unit_ids" value="(\d+)"', page.text))
        assert 100 < len(ids) < 800
        some = sorted(ids)[5]
        data: dict[str, str | list[str]] = {
            "version": "1",
            "name": "Lê Thị Hoà",
            "language": "vi",
            "unit_ids": [some],
        }
        assert (await browser.fill(f"/people/{number}/edit", data)).status_code == 303
        assert (await person_of(world, number)).unit_ids == {int(some)}
        async with world.database.read() as session:
            chosen = await session.get(Unit, int(some))
        assert chosen is not None
        assert chosen.name in (await browser.get(f"/people/{number}")).text
        again = await browser.get(f"/people/{number}/edit")
        assert re.search(rf'value="{some}" checked', again.text)
        log = Text((await browser.get(f"/audit?subject=person:{number}")).text).all
        assert chosen.name in log


async def test_a_person_is_kept_out_and_let_in_again(world: World) -> None:
    number = await world.person("hoa", "Lê Thị Hoà", roles=("official",), password=PASSWORD)
    path = f"/people/{number}"
    async with world.browser("administrator") as browser, world.browser("hoa") as hers:
        assert (await hers.get("/home")).status_code == 200
        assert (await browser.fill(f"{path}/disable", {"version": "1"}, at=path)).status_code == 303
        assert (await hers.get("/home")).status_code == 303
        page = await browser.get(path)
        assert said("people.off") in page.text
        refused = await browser.fill(f"{path}/password", {}, at=path)
        assert (refused.status_code, said("people.enable_first") in refused.text) == (422, True)
        assert "Lê Thị Hoà" not in (await browser.get("/people")).text
        assert "Lê Thị Hoà" in (await browser.get("/people?disabled=1")).text
        stale = await browser.fill(f"{path}/enable", {"version": "1"}, at=path)
        assert stale.status_code == 409
        assert (await browser.fill(f"{path}/enable", {"version": "2"}, at=path)).status_code == 303
        assert (await hers.fill("/sign-in", {"login": "hoa", "password": PASSWORD})).status_code == 303


async def test_there_is_always_an_administrator(world: World) -> None:
    async with world.browser("administrator") as browser:
        number = world.people["administrator"]
        own = await browser.fill(f"/people/{number}/disable", {"version": "1"}, at="/people/new")
        assert (own.status_code, said("people.not_oneself") in own.text) == (422, True)
        data: dict[str, str | list[str]] = {
            "version": "1",
            "name": "Người quản trị",
            "language": "vi",
            "roles": ["chair"],
        }
        last = await browser.fill(f"/people/{number}/edit", data)
        assert (last.status_code, said("people.last_administrator") in last.text) == (422, True)
        mine = await browser.fill(f"/people/{number}/password", {}, at="/people/new")
        assert (mine.status_code, said("people.own_password") in mine.text) == (422, True)
        assert (await browser.get("/people")).status_code == 200


async def test_sessions_of_others_end_at_once(world: World) -> None:
    number = await world.person("hoa", "Lê Thị Hoà", roles=("official",), password=PASSWORD)
    path = f"/people/{number}"
    async with world.browser("administrator") as browser, world.browser("hoa") as hers:
        hers.headers["user-agent"] = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/144.0"
        assert (await hers.get("/home")).status_code == 200
        assert (await browser.fill(f"{path}/end-sessions", {}, at=path)).status_code == 303
        assert (await hers.get("/home")).status_code == 303
        assert (await browser.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("hoa", ["Lê Thị Hoà"]),
        ("le thi", ["Lê Thị Hoà"]),
        ("do", ["Đỗ Văn Ánh"]),
        ("?role=chair", ["Đỗ Văn Ánh"]),
        ("?role=nonsense&page=999", ["Đỗ Văn Ánh", "Lê Thị Hoà", "Người administrator"]),
        ("_oa", []),
    ],
)
async def test_people_are_found_as_names_are_typed(world: World, query: str, found: list[str]) -> None:
    await world.person("hoa", "Lê Thị Hoà", roles=("official",))
    await world.person("anh", "Đỗ Văn Ánh", roles=("chair",))
    async with world.browser("administrator") as browser:
        path = f"/people{query}" if query.startswith("?") else str(httpx.URL("/people", params={"q": query}))
        page = await browser.get(path)
        names = re.findall(r'<a href="/people/\d+">([^<]+)</a>', page.text)
        assert sorted(names) == sorted(found)


@pytest.mark.parametrize(
    "path", ["/people/999999", "/people/99999999999999999999", "/people/0/edit", "/people/x"]
)
async def test_who_is_not_there_is_not_found(world: World, path: str) -> None:
    async with world.browser("administrator") as browser:
        assert (await browser.get(path)).status_code == 404


async def test_names_that_are_markup_stay_text(world: World) -> None:
    name = "Tổ 5 <img src=x onerror=alert(1)> {{ 7*7 }}"
    number = await world.person("hoa", name, roles=("official",))
    async with world.browser("administrator") as browser:
        for path in ("/people", f"/people/{number}", f"/people/{number}/edit", "/audit"):
            page = (await browser.get(path)).text
            assert "<img" not in page
            assert "Tổ 5 &lt;img" in page


# -- the log ---------------------------------------------------------------------------------


async def test_the_log_says_who_did_what(world: World) -> None:
    number = await world.person("hoa", "Lê Thị Hoà", roles=("official",))
    async with world.browser("administrator") as browser:
        data: dict[str, str | list[str]] = {
            "version": "1",
            "name": "Lê Thị Hoà",
            "language": "vi",
            "phone": "0912",
            "roles": ["chair"],
        }
        await browser.fill(f"/people/{number}/edit", data)
        page = Text((await browser.get("/audit?thing=person")).text).all
        for text in (
            "Người administrator",
            said("audit.did.update"),
            "Lê Thị Hoà",
            "0912",
            said("role.chair"),
        ):
            assert text in page
        assert said("audit.command", user="test") in page
        assert said("audit.session") + ":" not in page


@pytest.mark.parametrize(
    ("query", "count", "status"),
    [
        ("who=hoa&thing=session", 0, 200),
        ("who=administrator&thing=session", 1, 200),
        ("who=cli:test&thing=person", 2, 200),
        ("who=nobody-here", 0, 422),
        ("since=30/02/2026", 0, 422),
        ("since=01/01/0001", 0, 422),
        ("since=31/12/9999", 0, 422),
        ("until=x", 0, 422),
        ("since=02/01/2026&until=01/01/2026", 0, 422),
        ("until=01/01/2020", 0, 200),
        ("since=01/01/2020&until=31/12/2099&thing=person", 2, 200),
        ("below=1", 0, 200),
        ("below=" + "9" * 30 + "&thing=person", 2, 200),
        ("below=-5&thing=person", 2, 200),
        ("thing=nonsense&subject=person:1", 1, 200),
        ("subject=%25:", 0, 200),
    ],
)
async def test_the_log_is_filtered(world: World, query: str, count: int, status: int) -> None:
    async with world.browser("administrator") as browser:
        await world.person("hoa", "Lê Thị Hoà")
        answer = await browser.get(f"/audit?{query}")
        assert answer.status_code == status
        assert answer.text.count('role="rowheader"') == count


async def test_the_log_goes_on_page_by_page(world: World) -> None:
    async with world.database.write() as session:
        for number in range(120):
            await people.create(
                session, f"p{number:03}", people.Details(f"Người {number}"), by="cli:test", now=now()
            )
    async with world.browser("administrator") as browser:
        seen: list[str] = []
        path = "/audit?thing=person"
        for _ in range(4):
            page = (await browser.get(path)).text
            seen += re.findall(r"Người dùng: (Người \d+)\b", Text(page).all)
            older = re.search(r'id="audit-older"[^>]*href="([^"]+)"', page)
            if older is None:
                break
            path = older[1].replace("&amp;", "&")
        assert seen == [f"Người {number}" for number in reversed(range(120))]


async def test_issuing_leaves_no_secret_behind(world: World) -> None:
    number = await world.person("hoa", "Lê Thị Hoà")
    path = f"/people/{number}"
    async with world.browser("administrator") as browser:
        first = await browser.fill(f"{path}/password", {}, at=path)
        second = await browser.fill(f"{path}/password", {}, at=path)
        one, two = (re.findall(r"<code>([^<]+)</code>", page.text)[0] for page in (first, second))
        assert one != two
        async with world.database.read() as session:
            infos = await credentials.of_owner(session, owners.person(number))
        assert [info.revoked_at is None for info in infos].count(True) == 1
        assert all("secret" not in name for name in first.headers.get("set-cookie", ""))


async def test_all_wrong_fields_of_a_person_are_told_at_once(world: World) -> None:
    wrong = {"login": "không được", "name": "", "phone": "abc", "email": "ab"}
    async with world.browser("administrator") as browser:
        answer = await browser.fill("/people/new", {**wrong, "language": "vi"})
        assert answer.status_code == 422
        assert set(re.findall(r'id="f-(\w+)-error"', answer.text)) == wrong.keys()
        number = await world.person("hoa", "Lê Thị Hoà")
        changed = {"version": "1", "name": "", "email": "ab", "language": "vi"}
        answer = await browser.fill(f"/people/{number}/edit", changed)
        assert set(re.findall(r'id="f-(\w+)-error"', answer.text)) == {"name", "email"}
