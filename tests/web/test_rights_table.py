"""Roles by actions, each cell over the API and over the pages: who may, who may not, who does not even see.

A cell is the status of the answer; 404 is for what somebody may not know of. A route of the application
that no row meets fails the tests: a new one needs its row.
"""

from __future__ import annotations

from collections import Counter

import pytest
from rights_acts import act, knock, look, note, press, unmet
from rights_stage import ROLES, Stage, as_role, set_up
from signed_in import World

API = """
who am I                        200 200 200 200 200 200 200 401
read the document of the API    200 200 200 200 200 200 200 200
list sites                      200 200 200 200 200 403 403 401
see a site                      200 200 200 200 200 403 403 401
change a site                   403 403 403 200 200 403 403 401
list units                      200 200 200 200 200 403 403 401
see a unit                      200 200 200 200 200 403 403 401
list districts                  200 200 200 200 200 403 403 401
list groups                     200 200 200 200 200 403 403 401
see a group                     200 200 200 200 200 403 403 401
create a group                  403 403 201 201 201 403 403 401
change a group                  403 403 200 200 200 403 403 401
remove a group                  403 403 204 204 204 403 403 401
list people                     403 200 200 200 200 403 403 401
see a person                    403 200 200 200 200 403 403 401
create a person                 403 403 403 403 201 403 403 401
change a person                 403 403 403 403 200 403 403 401
make oneself administrator      403 403 403 403 200 403 403 401
read the audit log              403 403 403 403 200 403 403 401
list meetings                   200 200 200 200 200 200 403 401
see a meeting of the own site   200 200 200 200 200 200 403 401
see a meeting of others         404 200 200 200 200 404 403 401
see a draft of others           404 404 200 404 404 404 403 401
create a meeting                403 403 201 403 403 403 403 401
change a meeting                403 403 200 403 403 403 403 401
publish a meeting               403 403 200 403 403 403 403 401
cancel a meeting                403 403 200 403 403 403 403 401
find free times                 403 403 200 403 403 403 403 401
see who attended                200 200 200 200 200 403 403 401
see who attended at others      404 200 200 200 200 403 403 401
read the attendance log         200 200 200 200 200 403 403 401
read the log of others          404 200 200 200 200 403 403 401
"""

BROWSERS_ONLY = """
ask for the own next meeting    403 403 403 403 403 200 403 401
join a meeting that is over     409 409 409 409 409 409 403 401
join a meeting of others        403 409 409 409 409 409 403 401
"""
"""What pages ask for by the cookie.

Whoever is not invited may wait at the door of a meeting that is open; one that is not open has no door.
"""

PAGES = """
/                                         303 303 303 303 303 303 303 200
/meet/x                                   200 200 200 200 200 200 200 200
/static/app/icon.svg                      200 200 200 200 200 200 200 200
/healthz                                  200 200 200 200 200 200 200 200
/metrics                                  200 200 200 200 200 200 200 200
/rtc                                      404 404 404 404 404 404 404 404
/rtc/validate                             401 401 401 401 401 401 401 401
/rtc/v1                                   404 404 404 404 404 404 404 404
/api/rooms                                200 200 200 200 200 200 200 200
/twirp/{path}                             404 404 404 404 404 404 404 404
/sign-in                                  303 303 303 303 303 303 303 200
/sign-in/site                             303 303 303 303 303 303 303 200
/password                                 200 200 200 200 200 403 403 303
/home                                     200 200 200 200 200 200 200 303
/account                                  200 200 200 200 200 403 403 303
/meetings                                 200 200 200 200 200 200 403 303
/meetings/week                            200 200 200 200 200 200 403 303
/meetings/{own}                           200 200 200 200 200 200 403 303
/meetings/{other}                         404 200 200 200 200 404 403 303
/meetings/{draft}                         404 404 200 404 404 404 403 303
/meetings/new                             403 403 200 403 403 403 403 303
/meetings/chairs                          403 403 200 403 403 403 403 303
/meetings/{own}/edit                      403 403 200 403 403 403 403 303
/meetings/{own}/cancel                    403 403 200 403 403 403 403 303
/meetings/{own}/room                      409 409 409 409 409 409 403 303
/meetings/{other}/room                    403 409 409 409 409 409 403 303
/meetings/{draft}/room                    404 404 409 404 404 404 404 303
/kiosk                                    403 403 403 403 403 200 403 303
/kiosk-worker.js                          200 200 200 200 200 200 200 200
/directory                                200 200 200 200 200 403 403 303
/directory/rollout                        200 200 200 200 200 403 403 303
/directory/export.csv                     200 200 200 200 200 403 403 303
/directory/sites/{site}                   200 200 200 200 200 403 403 303
/directory/sites/{site}/edit              403 403 403 200 200 403 403 303
/directory/sites/{site}/another           403 403 403 200 200 403 403 303
/directory/sites/{site}/keys              403 403 403 200 200 403 403 303
/directory/sites/{site}/devices/{device}  403 403 403 200 200 403 403 303
/directory/groups                         200 200 200 200 200 403 403 303
/directory/groups/new                     403 403 200 200 200 403 403 303
/directory/groups/{group}                 200 200 200 200 200 403 403 303
/directory/import                         403 403 403 200 200 403 403 303
/directory/import/x                       403 403 403 404 404 403 403 303
/directory/import/x/errors.csv            403 403 403 404 404 403 403 303
/people                                   403 200 200 200 200 403 403 303
/people/new                               403 403 403 403 200 403 403 303
/people/{person}                          403 200 200 200 200 403 403 303
/people/{person}/edit                     403 403 403 403 200 403 403 303
/audit                                    403 403 403 403 200 403 403 303
"""

SOCKETS = """
/rtc                                      401 401 401 401 401 401 401 401
/rtc/v1                                   404 404 404 404 404 404 404 404
/channel/{own}                            409 409 409 409 409 409 403 401
/channel/{other}                          403 409 409 409 409 409 403 401
/channel/{closed}                         409 409 409 409 409 409 403 401
"""
"""Of meetings that are open the tests of a changed page know more."""

FORMS = """
/api/join                                 400 400 400 400 400 400 400 400
/webhooks/media                           401 401 401 401 401 401 401 401
/twirp/{path}                             401 401 401 401 401 401 401 401
/language                                 303 303 303 303 303 303 303 303
/sign-in                                  303 303 303 303 303 303 303 422
/sign-in/site                             303 303 303 303 303 303 303 422
/password                                 422 422 422 422 422 403 403 303
/account/end                              303 303 303 303 303 403 403 303
/account/end-others                       303 303 303 303 303 403 403 303
/people/new                               403 403 403 403 303 403 403 303
/people/{spare}/edit                      403 403 403 403 303 403 403 303
/people/{spare}/disable                   403 403 403 403 303 403 403 303
/people/{spare}/enable                    403 403 403 403 303 403 403 303
/people/{spare}/password                  403 403 403 403 200 403 403 303
/people/{spare}/end-sessions              403 403 403 403 303 403 403 303
/directory/sites/{site}/edit              403 403 403 303 303 403 403 303
/directory/sites/{site}/another           403 403 403 303 303 403 403 303
/directory/sites/{site}/step              403 403 403 422 422 403 403 303
/directory/sites/{site}/devices           403 403 403 303 303 403 403 303
/directory/sites/{site}/devices/{device}  403 403 403 303 303 403 403 303
/directory/sites/{site}/keys              403 403 403 200 200 403 403 303
/directory/sites/{site}/keys/revoke       403 403 403 409 409 403 403 303
/directory/sites/{site}/devices/{device}/remove 403 403 403 303 303 403 403 303
/directory/sites/{site}/retire            403 403 403 303 303 403 403 303
/directory/sites/{site}/restore           403 403 403 303 303 403 403 303
/directory/groups/new                     403 403 303 303 303 403 403 303
/directory/groups/{group}                 403 403 303 303 303 403 403 303
/directory/groups/{group}/remove          403 403 303 303 303 403 403 303
/directory/import                         403 403 403 303 303 403 403 303
/directory/import/x/apply                 403 403 403 404 404 403 403 303
/meetings/check                           403 403 200 403 403 403 403 303
/meetings/new                             403 403 200 403 403 403 403 303
/meetings/{spare}/edit                    403 403 200 403 403 403 403 303
/meetings/{spare}/publish                 403 403 303 403 403 403 403 303
/meetings/{spare}/cancel                  403 403 303 403 403 403 403 303
/sign-out                                 303 303 303 303 303 303 303 303
"""
"""With what each form needs, the last one last: it ends the session."""

CHANGES_NOTHING = frozenset({"official", "chair", "site", "agent", "nobody"})


def read(table: str) -> dict[str, dict[str, int]]:
    """The cells by role and row."""
    rows = [line.rsplit(maxsplit=len(ROLES)) for line in table.strip().splitlines()]
    assert all(len(row) == len(ROLES) + 1 for row in rows)
    assert max(Counter(row[0] for row in rows).values()) == 1
    return {who: {row[0].strip(): int(row[at]) for row in rows} for at, who in enumerate(ROLES, start=1)}


DOORS = {
    "the API": (API + BROWSERS_ONLY.lstrip(), act),
    "pages": (PAGES, look),
    "sockets": (SOCKETS, knock),
    "forms": (FORMS, press),
}


@pytest.fixture
async def stage(world: World) -> Stage:
    return await set_up(world)


@pytest.mark.parametrize("who", ROLES)
async def test_each_cell(stage: Stage, who: str) -> None:
    """Another system over the API; then a browser through each door, and together they meet every route."""
    expected = {"a credential": read(API)[who]} | {
        door: read(table)[who] for door, (table, _) in DOORS.items()
    }
    measured: dict[str, dict[str, int]] = {}
    before = await stage.changes()
    async with as_role(stage.world, who, "credential") as found:
        measured["a credential"] = {row: await act(stage, found, row) for row in expected["a credential"]}
    async with as_role(stage.world, who, "browser") as found:
        note(stage, found)
        for door, (_, play) in DOORS.items():
            measured[door] = {row: await play(stage, found, row) for row in expected[door]}
    wrong = {
        (door, row): (measured[door][row], wanted)
        for door, rows in expected.items()
        for row, wanted in rows.items()
        if measured[door][row] != wanted
    }
    assert wrong == {}
    assert unmet(stage.world.service.asgi, stage.seen) == set()  # type: ignore[attr-defined]
    if who in CHANGES_NOTHING:
        assert await stage.changes() == before


async def test_a_route_without_a_row_is_found(stage: Stage) -> None:
    app = stage.world.service.asgi  # type: ignore[attr-defined]
    left = unmet(app, {("GET", "/home"), ("POST", "/people/7/edit"), ("WS", "/channel/x")})
    assert {"GET /people/{person:int}/edit", "POST /people/new", "WS /rtc"} <= left
    assert not left & {"GET /home", "POST /people/{person:int}/edit", "WS /channel/{meeting}"}
