"""The directory's pages: found as one types, changed by field, refused by right, in words of one language."""

from __future__ import annotations

import re

import pytest
from signed_in import NOW, Text, World, form_token

from directory import endpoints
from directory.audit import entries
from directory.seed import SINCE_2021, load_hanoi_units, load_main_sites
from web import i18n
from web.assembly import Service

SITE = "/directory/sites/00004"
FILLED = {
    "version": "1",
    "name": "Điểm cầu Trúc Bạch",
    "main": "yes",
    "place_name": "Hội trường",
    "place_kind": "village_house",
    "place_address": "1 Trúc Bạch",
    "line_type": "tslcd",
    "backup_line_type": "mobile",
    "contact_name": "Nguyễn Văn Ánh",
    "contact_phone": "0912 345 670",
    "commissioned_on": "31/12/2025",
}


@pytest.fixture
async def world(service: Service) -> World:
    """Hanoi's 579 sites of 2021."""
    made = World(service)
    async with made.database.write() as session:
        await load_hanoi_units(session)
        await load_main_sites(session, SINCE_2021)
    return made


def codes(page: str) -> list[str]:
    """The sites that a list shows."""
    return re.findall(r'href="/directory/sites/([\w.-]+)"', page)


@pytest.mark.parametrize(
    ("query", "count", "first"),
    [
        ("", 100, "00001"),
        ("page=6", 79, ""),
        ("page=99", 79, ""),
        ("page=x", 100, "00001"),
        ("q=truc+bach", 1, "00004"),
        ("q=Tr%C3%BAc+B%E1%BA%A1ch", 1, "00004"),
        ("q=00004", 1, "00004"),
        ("q=ba+dinh+phuc+xa", 1, "00001"),
        ("q=o+cho+dua", 1, ""),
        ("q=zzz", 0, ""),
        ("district=001", 14, "00001"),
        ("district=001&q=phuong+t", 4, ""),
        ("district=nope", 100, "00001"),
        ("state=planned", 0, ""),
        ("sort=code&order=desc", 100, ""),
        ("sort=name", 100, ""),
        ("sort=what", 100, "00001"),
    ],
)
async def test_the_list_is_searched_filtered_and_paged(
    world: World, query: str, count: int, first: str
) -> None:
    async with world.browser("secretary") as browser:
        answer = await browser.get(f"/directory?{query}")
    assert answer.status_code == 200
    shown = codes(answer.text)
    assert len(shown) == count
    if first:
        assert shown[0] == first


async def test_old_names_and_codes_find_the_new_sites(service: Service) -> None:
    world = World(service)
    await world.sites()
    async with world.browser("it_staff") as browser:
        page = (await browser.get("/directory?q=truc+bach")).text
        assert codes(page) == ["00004"]
        assert "Phường Ba Đình" in page
        assert "00004" in codes((await browser.get("/directory?q=00040")).text)


ALL = {"official": 200, "chair": 200, "secretary": 200, "it_staff": 200, "administrator": 200, "site": 403}
STAFF = {"official": 403, "chair": 403, "secretary": 403, "it_staff": 200, "administrator": 200, "site": 403}
GROUPS = {**STAFF, "secretary": 200}


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("/directory", ALL),
        ("/directory/rollout", ALL),
        ("/directory/groups", ALL),
        ("/directory/export.csv", ALL),
        (SITE, ALL),
        (f"{SITE}/edit", STAFF),
        ("/directory/groups/new", GROUPS),
        ("/directory/import", STAFF),
    ],
)
async def test_rights_of_pages(world: World, path: str, table: dict[str, int]) -> None:
    async with world.database.read() as session:
        world.site_id = (await endpoints.by_code(session, "00004")).id
    for who, status in table.items():
        async with world.browser(who) as browser:
            assert (await browser.get(path)).status_code == status, who
    async with world.browser() as browser:
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")


@pytest.mark.parametrize("what", ["edit", "step", "retire", "restore", "devices", "devices/1/remove"])
async def test_rights_of_changes(world: World, what: str) -> None:
    for who in ("official", "chair", "secretary"):
        async with world.browser(who) as browser:
            data = {**FILLED, "csrf": await browser.token(SITE)}
            assert (await browser.post(f"{SITE}/{what}", data=data)).status_code == 403, who
    async with world.browser("it_staff") as browser:
        assert (await browser.post(f"{SITE}/{what}", data=FILLED)).status_code == 403
    async with world.database.read() as session:
        assert await entries(session, subject="endpoint:") == []


async def test_a_site_is_changed_and_its_history_tells_it(world: World) -> None:
    async with world.browser("it_staff") as browser:
        answer = await browser.fill(f"{SITE}/edit", FILLED)
        assert (answer.status_code, answer.headers["location"]) == (303, SITE)
        page = Text((await browser.get(SITE)).text).all
    for words in (
        "Điểm cầu Trúc Bạch",
        "Hội trường",
        "Nhà văn hóa thôn",
        "TSLCD (mạng chuyên dùng)",
        "Internet di động",
        "0912 345 670",
        "31/12/2025",
        "Người it_staff",
        "Phường Trúc Bạch",
    ):
        assert words in page, words
    assert "tslcd" not in page
    assert "village_house" not in page
    async with world.database.read() as session:
        view = await endpoints.by_code(session, "00004")
    assert (view.version, view.details.contact_phone) == (2, "+84912345670")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " ", "Hãy nhập: Tên điểm cầu."),
        ("name", "x" * 201, "Tên điểm cầu: tối đa 200 ký tự."),
        ("name", "a\u202eb", "Tên điểm cầu có ký tự điều khiển"),
        ("contact_phone", "12", "Đây không phải số điện thoại."),
        ("commissioned_on", "30/02/2026", "Không có ngày này."),
        ("line_type", "copper", "Giá trị này không có trong danh sách: Đường truyền chính."),
        ("place_kind", "castle", "Giá trị này không có trong danh sách: Loại địa điểm."),
        ("place_name", "", "Hãy nhập: Địa điểm."),
        ("place_address", "x" * 401, "Địa chỉ: tối đa 400 ký tự."),
    ],
)
async def test_what_is_wrong_is_told_at_its_field(world: World, field: str, value: str, words: str) -> None:
    async with world.browser("it_staff") as browser:
        answer = await browser.fill(f"{SITE}/edit", {**FILLED, field: value})
    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.text
    assert answer.text.count(words) == 2
    assert "Nguyễn Văn Ánh" in answer.text
    async with world.database.read() as session:
        assert (await endpoints.by_code(session, "00004")).version == 1


async def test_who_is_slower_sees_what_is_stored_now(world: World) -> None:
    async with world.browser("it_staff") as first, world.browser("administrator") as second:
        await second.fill(f"{SITE}/edit", {**FILLED, "name": "Tên của người kia"})
        answer = await first.fill(f"{SITE}/edit", FILLED)
        assert answer.status_code == 409
        text = Text(answer.text).all
        assert "Người khác vừa thay đổi" in text
        assert "Tên của người kia" in text
        version = re.search(r'name="version" value="(\d+)"', answer.text)
        assert version is not None
        again = await first.fill(f"{SITE}/edit", {**FILLED, "version": version[1]})
        assert again.status_code == 303


async def test_a_site_comes_into_use_by_steps_is_retired_and_restored(world: World) -> None:
    async with world.browser("administrator") as browser:

        async def press(what: str, **values: str) -> int:
            page = (await browser.get(SITE)).text
            version = re.search(r'name="version" value="(\d+)"', page)
            assert version is not None
            data = {"csrf": form_token(page), "version": version[1], **values}
            return (await browser.post(f"{SITE}/{what}", data=data)).status_code

        for state in ("installed", "accepted", "in_use"):
            assert await press("step", state=state) == 303
        assert await press("step", state="planned") == 422
        assert await press("devices", kind="camera", device_name="Rally", serial="S1") == 303
        page = (await browser.get(SITE)).text
        assert "Rally" in Text(page).all
        assert await press("devices", kind="camera", device_name="Rally") == 422
        assert await press("devices", kind="camera", device_name="") == 422
        remove = re.search(r"/devices/(\d+)/remove", page)
        assert remove is not None
        assert await press(f"devices/{remove[1]}/remove") == 303
        assert await press("devices/999999999999/remove") == 422
        assert await press("retire") == 303
        assert "00004" not in codes((await browser.get("/directory?q=00004")).text)
        assert "Đã ngừng sử dụng" in Text((await browser.get(SITE)).text).all
        assert await press("edit", **{k: v for k, v in FILLED.items() if k != "version"}) == 422
        assert await press("restore") == 303
        assert codes((await browser.get("/directory?q=00004")).text) == ["00004"]
        assert (
            await browser.post(f"{SITE}/step", data={"csrf": await browser.token(SITE)})
        ).status_code == 409
        for path in ("/directory/sites/none", "/directory/sites/none/edit", "/directory/export.pdf"):
            assert (await browser.get(path)).status_code == 404


async def test_the_roll_out_counts_by_district(world: World) -> None:
    async with world.browser("it_staff") as browser:
        async with world.database.write() as session:
            site = await endpoints.by_code(session, "00004")
            await endpoints.change(
                session, site.id, version=1, commissioning="installed", by="cli:x", now=NOW
            )
        page = (await browser.get("/directory/rollout")).text
        assert Text(page).all.count("Quận Ba Đình") == 1
        assert "578 trong 579" in page
        assert 'aria-label="13 trong 14 điểm cầu đang sử dụng"' in page
        found = codes((await browser.get("/directory?state=installed")).text)
        assert found == ["00004"]


async def test_groups_by_a_secretary(world: World) -> None:
    async with world.database.read() as session:
        ids = [str(view.id) for view in (await endpoints.views(session))[:3]]
    async with world.browser("secretary") as browser:
        wrong = await browser.fill("/directory/groups/new", {"name": "", "members": ids})
        assert wrong.status_code == 422
        assert wrong.text.count("checked") == 3
        none = await browser.fill("/directory/groups/new", {"name": "A"})
        assert 'href="#f-members"' in none.text
        made = await browser.fill("/directory/groups/new", {"name": "Giao ban tuần", "members": ids})
        assert made.status_code == 303
        assert (
            await browser.fill("/directory/groups/new", {"name": "Giao ban tuần", "members": ids})
        ).status_code == 422
        page = (await browser.get("/directory/groups")).text
        link = re.search(r"/directory/groups/(\d+)", page)
        assert link is not None
        one = link[0]
        saved = await browser.fill(one, {"version": "1", "name": "Giao ban", "members": ids[:1]})
        assert saved.status_code == 303
        late = await browser.fill(one, {"version": "1", "name": "Khác", "members": ids})
        assert late.status_code == 409
        async with world.browser("official") as other:
            seen = await other.get(one)
            assert seen.status_code == 200
            assert '<form class="form"' not in seen.text
            data = {"csrf": await other.token("/directory"), "version": "2"}
            assert (await other.post(f"{one}/remove", data=data)).status_code == 403
        assert (await browser.fill(f"{one}/remove", {"version": "2"}, at=one)).status_code == 303
        assert (await browser.get(one)).status_code == 404
        assert (await browser.get("/directory/groups/99999999999999")).status_code == 404


async def test_a_retired_site_is_found_again_and_restored(world: World) -> None:
    async with world.browser("it_staff") as browser:
        assert (await browser.fill(f"{SITE}/retire", {"version": "1"}, at=SITE)).status_code == 303
        assert codes((await browser.get("/directory?q=00004")).text) == []
        page = await browser.get("/directory?state=retired")
        assert codes(page.text) == ["00004"]
        assert "Đã ngừng sử dụng" in Text(page.text).all
        assert codes((await browser.get("/directory?state=retired&district=001&q=truc")).text) == ["00004"]
        assert (await browser.fill(f"{SITE}/restore", {"version": "2"}, at=SITE)).status_code == 303
        assert codes((await browser.get("/directory?q=00004")).text) == ["00004"]
        assert codes((await browser.get("/directory?state=retired")).text) == []


HOSTILE = ("Tổ 5 <img src=x onerror=alert(1)>", "{{ 7*7 }}", '"><script>alert(1)</script>')


@pytest.mark.parametrize("name", HOSTILE)
async def test_fc_e07_a_site_called_markup_stays_text(world: World, name: str) -> None:
    async with world.browser("it_staff") as browser:
        assert (await browser.fill(f"{SITE}/edit", {**FILLED, "name": name})).status_code == 303
        for path in (SITE, f"{SITE}/edit", "/directory?q=00004", "/directory/groups/new"):
            page = (await browser.get(path)).text
            assert "<img" not in page
            assert "<script>" not in page
            assert not any(re.search(r"\b49\b", part) for part in Text(page).parts)
            assert name in Text(page).all or path.endswith("edit")


async def test_pages_speak_one_language(world: World) -> None:
    english = set(i18n.catalogue("en").values()) - set(i18n.catalogue("vi").values())
    vietnamese = set(i18n.catalogue("vi").values()) - set(i18n.catalogue("en").values())
    async with world.browser("administrator") as browser:
        await browser.fill(f"{SITE}/edit", FILLED)
        for path in ("/directory", "/directory/rollout", SITE, f"{SITE}/edit", "/directory/groups/new"):
            for language, other in (("vi", english), ("en", vietnamese)):
                browser.cookies.set("language", language, domain="localhost.local")
                said = set(Text((await browser.get(path)).text).parts)
                assert said & other - {"English", "Tiếng Việt"} == set(), path


async def test_all_wrong_fields_are_told_at_once(world: World) -> None:
    wrong = {"name": " ", "contact_phone": "12", "commissioned_on": "30/02/2026", "place_address": "x" * 401}
    async with world.browser("it_staff") as browser:
        answer = await browser.fill(f"{SITE}/edit", {**FILLED, **wrong})
    assert answer.status_code == 422
    marked = set(re.findall(r'id="f-(\w+)-error"', answer.text))
    assert marked == wrong.keys()
    async with world.database.read() as session:
        assert (await endpoints.by_code(session, "00004")).version == 1


async def test_a_device_is_changed_on_a_form_of_its_own(world: World) -> None:
    async with world.browser("it_staff") as browser:
        first = {"version": "1", "kind": "camera", "device_name": "Rally", "serial": "S1"}
        assert (await browser.fill(f"{SITE}/devices", first, at=SITE)).status_code == 303
        second = first | {"version": "2", "device_name": "Rally 2"}
        assert (await browser.fill(f"{SITE}/devices", second, at=SITE)).status_code == 303
        form = re.search(rf'href="({SITE}/devices/\d+)"', (await browser.get(SITE)).text)
        assert form is not None
        page = await browser.get(form[1])
        assert 'value="Rally"' in page.text
        taken = await browser.fill(form[1], {"version": "3", "device_name": "Rally 2", "serial": ""})
        assert (taken.status_code, "f-device_name-error" in taken.text) == (422, True)
        stale = await browser.fill(form[1], {"version": "2", "device_name": "Mới", "serial": ""})
        assert (stale.status_code, 'name="version" value="3"' in stale.text) == (409, True)
        done = await browser.fill(form[1], {"version": "3", "device_name": "Rally Bar", "serial": "S9"})
        assert done.status_code == 303
        said = Text((await browser.get(SITE)).text).all
        assert "Rally Bar" in said
        assert "Số sê-ri: S1 → S9" in said
        again = await browser.fill(form[1], {"version": "4", "device_name": "Rally Bar", "serial": "S9"})
        assert again.status_code == 303
        assert (await browser.get(f"{SITE}/devices/999999")).status_code == 404
        assert (await browser.get("/directory/sites/00006/devices/1")).status_code == 404
    async with world.browser("secretary") as browser:
        assert (await browser.get(form[1])).status_code == 403
    async with world.database.read() as session:
        assert (await endpoints.by_code(session, "00004")).version == 4


async def test_one_more_site_of_a_unit(world: World) -> None:
    new = {"code": "00004-2", "name": "Nhà văn hóa Trúc Bạch", "place_name": "Nhà văn hóa"}
    new |= {"place_kind": "village_house", "place_address": "", "line_type": "internet"}
    new |= {"backup_line_type": "", "contact_name": "Lê Văn Đức", "contact_phone": "0912345670"}
    form = f"{SITE}/another"
    async with world.browser("it_staff") as browser:
        assert form in (await browser.get(SITE)).text
        assert 'value="00004-2"' in (await browser.get(form)).text
        wrong = {**new, "code": "a b", "name": "", "place_name": " ", "contact_phone": "12"}
        answer = await browser.fill(form, wrong)
        marked = set(re.findall(r'id="f-(\w+)-error"', answer.text))
        assert (answer.status_code, marked) == (422, {"code", "name", "place_name", "contact_phone"})
        taken = await browser.fill(form, {**new, "code": "00006"})
        assert (taken.status_code, "f-code-error" in taken.text) == (422, True)
        answer = await browser.fill(form, new)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{SITE}-2")
        said = Text((await browser.get(f"{SITE}-2")).text).all
        assert "Đã thêm điểm cầu “Nhà văn hóa Trúc Bạch”." in said
        assert codes((await browser.get("/directory?q=nha+van+hoa+truc")).text) == ["00004-2"]
        assert 'value="00004-3"' in (await browser.get(f"{SITE}-2/another")).text
        assert (await browser.get("/directory/sites/zz/another")).status_code == 404
    async with world.browser("secretary") as browser:
        assert (await browser.get(form)).status_code == 403
        assert form not in (await browser.get(SITE)).text
    async with world.database.read() as session:
        made = await endpoints.by_code(session, "00004-2")
        assert (made.main, made.commissioning, made.version) == (False, "planned", 1)
        [line] = await entries(session, subject="endpoint:00004-2")
    assert (line.action, line.actor) == ("endpoint.create", f"person:{world.people['it_staff']}")
