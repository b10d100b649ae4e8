"""Sign-in and sessions with an attacker's eyes."""

from __future__ import annotations

import pytest
from signed_in import World

from web.rendering import local_path
from web.rest.calls import PREFIX


async def token_of(browser: object) -> str:
    """The token for forms, as a page's script learns it."""
    answer = await browser.get(f"{PREFIX}/me")  # type: ignore[attr-defined]
    return str(answer.json()["csrf_token"])


@pytest.mark.parametrize("path", ["/account/end-others", "/account/end"])
async def test_a_site_ends_no_session_of_the_person_with_its_number(world: World, path: str) -> None:
    """Sites and people are numbered from one alike."""
    await world.sites()
    logins = [f"nguoi{number}" for number in range(1, world.site_id + 1)]
    for login in logins:
        await world.person(login, roles=("official",))
    victim = next(login for login in logins if world.people[login] == world.site_id)
    async with world.browser(victim) as person, world.browser("site") as site:
        account = await person.get("/account")
        shown = account.text.split('name="session" value="')
        session = shown[1].partition('"')[0] if len(shown) > 1 else "0" * 64
        answer = await site.post(path, data={"csrf": await token_of(site), "session": session})
        assert answer.status_code == 403
        assert (await person.get("/home")).status_code == 200


@pytest.mark.parametrize(
    ("wish", "goal"),
    [
        ("/meetings?week=1", "/meetings?week=1"),
        ("/meetings\n", "/"),
        ("/meetings\r\nSet-Cookie: a=b", "/"),
        ("/\x00", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\..\\evil", "/"),
        ("\\\\evil.example", "/"),
        ("https:evil.example", "/"),
        ("/họp", "/"),
        ("", "/"),
    ],
)
def test_only_a_plain_path_of_ours_is_gone_to(wish: str, goal: str) -> None:
    assert local_path(wish) == goal
