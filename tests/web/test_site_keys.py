"""Keys of a site's devices and agents: issued by who may, shown once, revoked with all that they opened."""

from __future__ import annotations

import re

import pytest
from signed_in import NOW, Text, World, form_token

from directory.access import credentials, owners
from directory.audit import entries
from directory.sites import all_sites
from web import i18n
from web.assembly import Service

KEYS = "/directory/sites/00004/keys"
SECRET = re.compile(r'class="secret-value"><code>([^<]+)</code>')


@pytest.fixture
async def world(service: Service) -> World:
    made = World(service)
    await made.sites()
    made.site_code = "00004"
    return made


def said(key: str, **values: object) -> str:
    return i18n.translate("vi", key, **values)


async def test_a_key_is_shown_once_and_opens_the_site_page(world: World) -> None:
    async with world.browser("it_staff") as staff, world.browser() as device:
        page = await staff.get(KEYS)
        assert said("keys.none") in Text(page.text).all
        issued = await staff.fill(KEYS, {"kind": "device", "device": "main"})
        assert issued.status_code == 200
        found = SECRET.search(issued.text)
        assert found is not None
        assert issued.headers["cache-control"] == "no-store"
        again = await staff.get(KEYS)
        assert SECRET.search(again.text) is None
        assert found[1] not in again.text
        assert said("keys.never") in Text(again.text).all
        came = await device.fill("/sign-in/site", {"key": found[1]})
        assert came.status_code == 303
        used = Text((await staff.get(KEYS)).text).all
        assert said("keys.never") not in used
    async with world.database.read() as session:
        log = [(one.actor, one.action) for one in await entries(session, subject="credential:")]
        assert (f"person:{world.people['it_staff']}", "credential.issue") in log
        assert found[1] not in repr([one.after for one in await entries(session)])


async def test_a_new_key_ends_the_old_one_and_an_agent_has_its_own(world: World) -> None:
    async with world.browser("administrator") as admin, world.browser() as device:
        first = SECRET.search((await admin.fill(KEYS, {"kind": "device", "device": "main"})).text)
        assert first is not None
        await device.fill("/sign-in/site", {"key": first[1]})
        assert (await device.get("/home")).status_code == 200
        await admin.fill(KEYS, {"kind": "agent", "device": "agent"})
        assert (await device.get("/home")).status_code == 200
        await admin.fill(KEYS, {"kind": "device", "device": "main"})
        assert (await device.get("/home")).status_code == 303
        assert (await device.fill("/sign-in/site", {"key": first[1]})).status_code == 422
        page = await admin.get(KEYS)
    assert len(re.findall(r'name="credential" value="', page.text)) == 2


async def test_a_revoked_key_opens_nothing_and_its_session_ends(world: World) -> None:
    async with world.browser("it_staff") as staff, world.browser() as device:
        key = SECRET.search((await staff.fill(KEYS, {"kind": "device", "device": "main"})).text)
        assert key is not None
        await device.fill("/sign-in/site", {"key": key[1]})
        listed = re.search(r'name="credential" value="([0-9a-f]{16})"', (await staff.get(KEYS)).text)
        assert listed is not None
        done = await staff.fill(f"{KEYS}/revoke", {"credential": listed[1]}, at=KEYS)
        assert done.status_code == 303
        assert (await device.get("/home")).status_code == 303
        assert (await device.fill("/sign-in/site", {"key": key[1]})).status_code == 422
        twice = await staff.fill(f"{KEYS}/revoke", {"credential": listed[1]}, at=KEYS)
        assert twice.status_code == 409
        assert said("keys.gone") in Text(twice.text).all


async def test_a_key_of_another_site_is_not_revoked_here(world: World) -> None:
    async with world.database.read() as session:
        other = owners.site_device((await all_sites(session))[-1].id)
    secret = await credentials.issue_key(world.database, world.hashing, other, by="cli:test", now=NOW)
    async with world.browser("it_staff") as staff:
        answer = await staff.fill(f"{KEYS}/revoke", {"credential": secret.credential.id}, at=KEYS)
        assert answer.status_code == 409
    async with world.database.read() as session:
        assert [one.revoked_at for one in await credentials.of_owner(session, other)] == [None]


@pytest.mark.parametrize("device", ["", "a b", "Main", "x" * 33, "máy"])
async def test_an_impossible_name_is_told_at_its_field(world: World, device: str) -> None:
    async with world.browser("it_staff") as staff:
        answer = await staff.fill(KEYS, {"kind": "device", "device": device})
        assert answer.status_code == 422
        assert said("keys.device.wrong") in Text(answer.text).all
        assert SECRET.search(answer.text) is None
        assert said("keys.none") in Text(answer.text).all


@pytest.mark.parametrize(
    ("who", "reads", "issues"),
    [
        ("official", 403, 403),
        ("chair", 403, 403),
        ("secretary", 403, 403),
        ("it_staff", 200, 200),
        ("administrator", 200, 200),
        ("site", 403, 403),
        ("", 303, 401),
    ],
)
async def test_who_may(world: World, who: str, reads: int, issues: int) -> None:
    async with world.browser(who) as browser:
        assert (await browser.get(KEYS)).status_code == reads
        token = form_token((await browser.get("/home")).text) or await browser.token("/sign-in")
        answer = await browser.post(KEYS, data={"csrf": token, "kind": "device", "device": "main"})
        assert answer.status_code in ({issues} if who else {303, 401})
        assert (SECRET.search(answer.text) is not None) is (issues == 200)


async def test_a_retired_site_gets_no_key(world: World) -> None:
    async with world.browser("it_staff") as staff:
        token = await staff.token(KEYS)
        await staff.fill("/directory/sites/00004/retire", {"version": "1"}, at="/directory/sites/00004")
        page = await staff.get(KEYS)
        assert f'action="{KEYS}"' not in page.text
        answer = await staff.post(KEYS, data={"csrf": token, "kind": "device", "device": "main"})
        assert (answer.status_code, SECRET.search(answer.text)) == (409, None)
        assert said("directory.retired_first") in Text(answer.text).all


async def test_a_site_that_is_not_there(world: World) -> None:
    async with world.browser("it_staff") as staff:
        assert (await staff.get("/directory/sites/zz/keys")).status_code == 404


async def test_the_log_tells_of_keys_in_words(world: World) -> None:
    async with world.browser("administrator") as admin:
        await admin.fill(KEYS, {"kind": "agent", "device": "agent"})
        page = Text((await admin.get("/audit?thing=credential")).text).all
    assert said("keys.kind.agent") in page
    assert "agent:00004" not in page
    assert "(00004)" in page
