"""People on record: what is refused, compare-and-swap, search, and the last administrator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from access_city import BY, NOON, add_person, found_city
from sqlalchemy import func, select

from directory import people
from directory.access.errors import LastAdministratorError
from directory.audit import entries
from directory.database import Database
from directory.errors import ChangedError, DirectoryError, InvalidError, NotFoundError, TakenError
from directory.model import AuditEntry, Person, PersonRole
from directory.people import Details, PersonView

AN = Details("Nguyễn Văn An", "Chủ tịch", "024 3825 0000", "an@hanoi.gov.vn", "vi")


async def change(database: Database, person: PersonView, **fields: Any) -> PersonView:
    async with database.write() as session:
        given: dict[str, Any] = {"version": person.version, "by": BY, "now": NOON} | fields
        return await people.change(session, person.id, **given)


async def switch(database: Database, person: PersonView, *, on: bool) -> PersonView:
    async with database.write() as session:
        do = people.enable if on else people.disable
        return await do(session, person.id, version=person.version, by=BY, now=NOON)


async def get(database: Database, person_id: int) -> PersonView:
    async with database.read() as session:
        return await people.get(session, person_id)


async def log(database: Database, person: PersonView) -> list[tuple[str, Any, Any]]:
    async with database.read() as session:
        found = await entries(session, subject=f"person:{person.id}")
        return [(entry.action, entry.before, entry.after) for entry in reversed(found)]


async def test_a_person_is_kept_as_given(database: Database) -> None:
    city = await found_city(database)
    async with database.write() as session:
        made = await people.create(
            session, " An.NV ", AN, roles=["chair", "official"], unit_ids=[city.district], by=BY, now=NOON
        )
    assert made == await get(database, made.id)
    assert (made.login, made.version, made.disabled_at) == ("an.nv", 1, None)
    assert made.roles == {"chair", "official"}
    assert made.unit_ids == {city.district}
    async with database.read() as session:
        assert await people.by_login(session, "AN.nv ") == made
        for login in ("binh", "", "an.nv\0", "\ud800", "x" * 10_000):
            with pytest.raises(NotFoundError):
                await people.by_login(session, login)
        for number in (made.id + 1, 0, -1, 2**31, 2**70):
            with pytest.raises(NotFoundError):
                await people.get(session, number)
    [(action, before, after)] = await log(database, made)
    assert (action, before) == ("person.create", None)
    assert after["roles"] == ["chair", "official"]
    assert after["name"] == AN.name


@pytest.mark.parametrize(
    "login",
    [
        "",
        "a",
        ".an",
        "an.",
        "an nv",
        "án",
        "an@hanoi",
        "a" * 65,
        "an\n",
        "٣٣",
        "an/../x",
        "-an",
        "\u212aelvin",
        "an\0",
    ],
)
async def test_logins_that_cannot_be(database: Database, login: str) -> None:
    if login == "an\n":
        # What surrounds a login is not part of it.
        assert (await add_person(database, login)).login == "an"
        return
    with pytest.raises(InvalidError) as found:
        await add_person(database, login)
    assert found.value.details["field"] == "login"


@pytest.mark.parametrize(
    ("details", "field", "problem"),
    [
        (Details(""), "name", "missing"),
        (Details(" \u00a0 "), "name", "missing"),
        (Details("..."), "name", "missing"),
        (Details("x" * 201), "name", "too_long"),
        (Details("An\nBình"), "name", "characters"),
        (Details("An\0"), "name", "characters"),
        (Details("An\u202egnad"), "name", "characters"),
        (Details("An\ud800"), "name", "characters"),
        (Details("An", title="x" * 201), "title", "too_long"),
        (Details("An", phone="0" * 33), "phone", "too_long"),
        (Details("An", phone="gọi tôi"), "phone", "phone"),
        (Details("An", email="an"), "email", "email"),
        (Details("An", email="an@x, binh@x"), "email", "email"),
        (Details("An", email="a@" + "x" * 253), "email", "too_long"),
        (Details("An", language="fr"), "language", "unknown"),
    ],
)
async def test_details_that_cannot_be(database: Database, details: Details, field: str, problem: str) -> None:
    person = await add_person(database)
    with pytest.raises(InvalidError) as found:
        await change(database, person, details=details)
    assert (found.value.details["field"], found.value.details["problem"]) == (field, problem)
    assert await get(database, person.id) == person


async def test_unknown_roles_and_units_are_named(database: Database) -> None:
    person = await add_person(database)
    with pytest.raises(InvalidError) as found:
        await change(database, person, roles=["official", "king"])
    assert found.value.details == {"field": "roles", "problem": "unknown", "unknown": ["king"]}
    for numbers in ([4711], [0], [2**70, -1]):
        with pytest.raises(InvalidError) as found:
            await change(database, person, unit_ids=numbers)
        assert found.value.details == {"field": "unit_ids", "problem": "unknown", "unknown": sorted(numbers)}


async def test_a_login_is_given_once(database: Database) -> None:
    first = await add_person(database, "an")
    with pytest.raises(TakenError) as found:
        await add_person(database, "AN")
    assert found.value.details["field"] == "login"
    await switch(database, first, on=False)
    with pytest.raises(TakenError):
        await add_person(database, "an")


async def test_two_who_want_one_login_at_once(database: Database) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    results = await asyncio.gather(
        *(add_person(door, "an") for door in (database, other) * 5), return_exceptions=True
    )
    await other.close()
    assert sum(isinstance(result, PersonView) for result in results) == 1
    assert sum(isinstance(result, TakenError) for result in results) == 9


async def test_a_change_is_kept_and_logged_by_what_differs(database: Database) -> None:
    city = await found_city(database)
    person = await add_person(database, roles=["official"])
    later = NOON + timedelta(hours=1)
    changed = await change(
        database,
        person,
        details=replace(person.details, title=" Phó Chủ tịch "),
        roles=["secretary"],
        unit_ids=[city.ward, city.commune],
        now=later,
    )
    assert changed == await get(database, person.id)
    assert changed.version == 2
    assert changed.details.title == "Phó Chủ tịch"
    [_, (action, before, after)] = await log(database, person)
    assert action == "person.update"
    assert before == {"title": "", "roles": ["official"], "unit_ids": []}
    units = sorted([city.ward, city.commune])
    assert after == {"title": "Phó Chủ tịch", "roles": ["secretary"], "unit_ids": units}
    # Only what was not there comes, only what was there goes.
    again = await change(database, changed, roles=["secretary", "chair"], unit_ids=[city.ward])
    assert (set(again.roles), set(again.unit_ids)) == ({"secretary", "chair"}, {city.ward})
    assert again == await get(database, person.id)


async def test_no_difference_changes_nothing(database: Database) -> None:
    person = await add_person(database, roles=["official"])
    assert await change(database, person, details=person.details, roles=["official"], unit_ids=[]) == person
    assert await switch(database, person, on=True) == person
    assert await get(database, person.id) == person
    assert len(await log(database, person)) == 1


async def test_an_old_version_is_refused(database: Database) -> None:
    person = await add_person(database)
    await change(database, person, details=AN)
    for attempt in (
        change(database, person, details=replace(AN, name="Trần Bình")),
        change(database, person, details=AN),
        switch(database, person, on=False),
    ):
        with pytest.raises(ChangedError):
            await attempt
    assert (await get(database, person.id)).details == AN
    with pytest.raises(NotFoundError):
        await change(database, replace(person, id=4711), details=AN)


async def test_of_many_who_change_the_same_version_one_does(database: Database) -> None:
    person = await add_person(database)
    other = Database(database.url.render_as_string(hide_password=False))
    results = await asyncio.gather(
        *(
            change(door, person, details=replace(AN, title=f"{number}"), roles=["chair"])
            for number, door in enumerate((database, other) * 6)
        ),
        return_exceptions=True,
    )
    await other.close()
    won = [result for result in results if isinstance(result, PersonView)]
    assert len(won) == 1
    assert sum(isinstance(result, ChangedError) for result in results) == 11
    assert await get(database, person.id) == won[0]
    assert len(await log(database, person)) == 2


async def test_a_kill_before_the_end_takes_all_of_a_change_back(database: Database) -> None:
    person = await add_person(database, roles=["official"])

    async def killed() -> None:
        async with database.write() as session:
            await people.change(session, person.id, version=1, details=AN, roles=["chair"], by=BY, now=NOON)
            assert (await people.get(session, person.id)).roles == {"chair"}
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await killed()
    assert await get(database, person.id) == person
    assert len(await log(database, person)) == 1


@pytest.mark.parametrize("way", ["disable", "role"])
async def test_the_last_administrator_stays(database: Database, way: str) -> None:
    first = await add_person(database, "first", roles=["administrator"])
    second = await add_person(database, "second", roles=["administrator", "chair"])
    kept_out = await add_person(database, "third", roles=["administrator"])
    await switch(database, kept_out, on=False)

    def take(person: PersonView) -> Awaitable[PersonView]:
        if way == "disable":
            return switch(database, person, on=False)
        return change(database, person, roles=["official"])

    await take(second)
    with pytest.raises(LastAdministratorError):
        await take(first)
    assert await get(database, first.id) == first
    # Other roles come and go; and with a second one the first can go.
    first = await change(database, first, roles=["administrator", "it_staff"])
    await switch(database, await get(database, kept_out.id), on=True)
    first = await take(first)
    assert first == await get(database, first.id)


async def test_administrators_who_take_each_other_out_at_once_leave_one(database: Database) -> None:
    """Each of six disables or demotes another; whichever come through, one at least stays."""
    other = Database(database.url.render_as_string(hide_password=False))
    for round_ in range(5):
        six = [
            await add_person(database, f"admin-{round_}-{number}", roles=["administrator"])
            for number in range(6)
        ]
        async with database.read() as session:
            old, _ = await people.search(session, role="administrator", limit=1000)
        for person in old:
            if person.id not in {one.id for one in six}:
                await change(database, person, roles=[])
        results = await asyncio.gather(
            *(
                switch(door, person, on=False) if number % 2 else change(door, person, roles=["official"])
                for number, (person, door) in enumerate(zip(six, (database, other) * 3, strict=True))
            ),
            return_exceptions=True,
        )
        refused = [result for result in results if isinstance(result, BaseException)]
        assert [type(result) for result in refused] == [LastAdministratorError]
        async with database.read() as session:
            left, count = await people.search(session, role="administrator")
        assert count == 1
        assert left[0].version == 1
    await other.close()


NAMES = [
    ("tu", "Trần Anh Tú"),
    ("anh", "Đặng Thị Ánh"),
    ("binh", "Đỗ Văn Bình"),
    ("annv", "Nguyễn Văn An"),
    ("anlt", "Lê Thị An"),
]


@pytest.mark.parametrize(
    ("query", "logins"),
    [
        ("", ["anlt", "annv", "anh", "binh", "tu"]),
        ("do van", ["binh"]),
        ("ĐỖ", ["binh"]),
        ("đặng", ["anh"]),
        ("dang anh", ["anh"]),
        ("an", ["anlt", "annv", "anh", "tu"]),
        ("annv", ["annv"]),
        ("nguyen truong phong", ["annv"]),
        ("hi", []),
        ("%", ["anlt", "annv", "anh", "binh", "tu"]),
        ("a_nv", []),
        ("zzz", []),
    ],
)
async def test_search_without_diacritics_in_the_order_of_given_names(
    database: Database, query: str, logins: list[str]
) -> None:
    for login, name in NAMES:
        await add_person(database, login, name=name)
    async with database.read() as session:
        annv = await people.by_login(session, "annv")
    await change(database, annv, details=replace(annv.details, title="Trưởng phòng"))
    async with database.read() as session:
        found, count = await people.search(session, query)
        assert [person.login for person in found] == logins
        assert count == len(logins)
        page, count = await people.search(session, query, skip=1, limit=2)
        assert [person.login for person in page] == logins[1:3]
        assert count == len(logins)


async def test_search_by_role_and_of_those_kept_out(database: Database) -> None:
    chair = await add_person(database, "chair", roles=["chair"])
    gone = await add_person(database, "gone", roles=["chair"])
    await add_person(database, "none")
    await switch(database, gone, on=False)
    async with database.read() as session:
        assert (await people.search(session, role="chair")) == ([chair], 1)
        assert (await people.search(session, role="chair", disabled=True))[1] == 2
        assert (await people.search(session, disabled=True))[1] == 3
        for role in ("king", "\0", "\ud800"):
            assert await people.search(session, role=role) == ([], 0)
        for query in ("\0", "\ud800", "x" * 10_000, " ".join("ab" * 5000), "x" * 100_000):
            await people.search(session, query)


async def test_nothing_of_a_refused_person_is_left(database: Database) -> None:
    with pytest.raises(DirectoryError):
        await add_person(database, "an", unit_ids=[99])
    async with database.read() as session:
        for table in (Person, PersonRole, AuditEntry):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
