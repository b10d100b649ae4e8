"""The audit log: what an entry keeps, what it refuses, and how it is read page by page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from directory.audit import MOST, _fields, entries, record
from directory.database import Database
from directory.model import AuditEntry

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


async def write(database: Database, **fields: Any) -> AuditEntry | None:
    given: dict[str, Any] = {"at": NOON, "actor": "service", "action": "unit.update", "subject": "unit:1"}
    given |= {"before": None, "after": None} | fields
    async with database.write() as session:
        return await record(session, **given)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (None, {"a": 1}, (None, {"a": 1})),
        ({"a": 1}, None, ({"a": 1}, None)),
        (None, None, (None, None)),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ({"b": 2}, {"b": 3})),
        ({"a": None}, {}, ({"a": None}, {})),
        ({}, {"a": 1}, ({}, {"a": 1})),
        ({"s": {2, 1}}, {"s": {1, 3}}, ({"s": [1, 2]}, {"s": [1, 3]})),
    ],
)
async def test_only_fields_that_differ_are_kept(
    database: Database, before: Mapping[str, object], after: Mapping[str, object], kept: tuple[Any, Any]
) -> None:
    await write(database, before=before, after=after)
    async with database.read() as session:
        [entry] = await entries(session)
        assert (entry.before, entry.after) == kept
        assert (entry.at, entry.actor, entry.subject) == (NOON, "service", "unit:1")


async def test_a_change_of_nothing_writes_nothing(database: Database) -> None:
    assert await write(database, before={"a": {1, 2}}, after={"a": {2, 1}}) is None
    async with database.read() as session:
        assert not await entries(session)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (date(2025, 7, 1), "2025-07-01"),
        (NOON, "2026-12-01T12:00:00+00:00"),
        (NOON.astimezone(timezone(timedelta(hours=7))), "2026-12-01T12:00:00+00:00"),
        (Colour.RED, "red"),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((1, "x", None, True), [1, "x", None, True]),
        ({"inner": [date(2025, 7, 1)]}, {"inner": ["2025-07-01"]}),
        (0.5, 0.5),
        ("Ô Chợ Dừa", "Ô Chợ Dừa"),
    ],
)
async def test_values_become_what_json_holds(database: Database, value: object, plain: object) -> None:
    await write(database, after={"value": value})
    async with database.read() as session:
        [entry] = await entries(session)
        assert entry.after == {"value": plain}


@pytest.mark.parametrize(
    "name",
    [
        "hash",
        "old_hash",
        "passwordHash",
        "password",
        "PASSWD",
        "pwd",
        "token",
        "access_token",
        "key",
        "device_key",
        "apikey",
        "api_keys",
        "key_id",
        "secret",
        "cookie",
    ],
)
@pytest.mark.parametrize("nested", [False, True])
async def test_names_of_secrets_are_refused(database: Database, name: str, nested: bool) -> None:
    fields = {"inner": [{name: "x"}]} if nested else {name: "x"}
    for side in ("before", "after"):
        with pytest.raises(ValueError, match="looks like a secret"):
            await write(database, **{side: fields})
    async with database.read() as session:
        assert not await entries(session)


@pytest.mark.parametrize("name", ["search", "keyboard", "monkey", "turkey_name", "must_change", "code"])
async def test_names_that_are_no_secrets_pass(database: Database, name: str) -> None:
    assert await write(database, after={name: "x"}) is not None


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"after": {"a": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$geheim"}}, ValueError),
        ({"after": {"a": object()}}, TypeError),
        ({"after": {"a": float("nan")}}, TypeError),
        ({"after": {"a": b"geheim"}}, TypeError),
        ({"after": {1: "geheim"}}, TypeError),
        ({"after": {"a": NOON.replace(tzinfo=None)}}, ValueError),
        ({"actor": ""}, ValueError),
        ({"actor": "x" * 101}, ValueError),
        ({"action": "x" * 65}, ValueError),
        ({"subject": "x" * 101}, ValueError),
    ],
)
async def test_what_an_entry_cannot_hold(
    database: Database, fields: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as found:
        await write(database, **fields)
    assert "geheim" not in str(found.value)


async def test_an_entry_goes_with_the_change_that_it_describes(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            await record(
                session, at=NOON, actor="service", action="a", subject="s", before=None, after={"a": 1}
            )
            assert await session.scalar(select(func.count()).select_from(AuditEntry)) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await fail()
    async with database.read() as session:
        assert not await entries(session)


async def test_pages_by_id_see_each_entry_once_while_others_come(database: Database) -> None:
    async def add(count: int) -> None:
        async with database.write() as session:
            for number in range(count):
                await record(
                    session,
                    at=NOON,
                    actor="service",
                    action="a",
                    subject=f"unit:{number}",
                    before=None,
                    after=None,
                )

    await add(25)
    seen: list[int] = []
    below = None
    while True:
        async with database.read() as session:
            page = await entries(session, below=below, limit=10)
        if not page:
            break
        seen += [entry.id for entry in page]
        below = seen[-1]
        await add(3)
    assert len(seen) == 25
    assert seen == sorted(set(seen), reverse=True)


async def test_filters(database: Database) -> None:
    rows = [
        ("person:1", "unit:1"),
        ("person:12", "unit:1"),
        ("service", "endpoint:00004"),
        ("person:1", "endpoint:00004"),
        ("PERSON:1", "unit_1:x"),
    ]
    for hour, (actor, subject) in enumerate(rows):
        await write(
            database, at=NOON + timedelta(hours=hour), actor=actor, subject=subject, after={"n": hour}
        )

    async def numbers(**filters: Any) -> list[int]:
        async with database.read() as session:
            return [(entry.after or {})["n"] for entry in await entries(session, **filters)]

    assert await numbers() == [4, 3, 2, 1, 0]
    assert await numbers(actor="person:1") == [3, 0]
    assert await numbers(subject="endpoint:") == [3, 2]
    assert await numbers(subject="unit:") == [1, 0]
    assert await numbers(subject="%:") == []
    assert await numbers(actor="person:1", subject="unit:1") == [0]
    assert await numbers(since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=3)) == [2, 1]
    assert await numbers(limit=2) == [4, 3]
    assert await numbers(limit=0) == [4]
    assert await numbers(below=2**70) == [4, 3, 2, 1, 0]
    assert await numbers(below=-(2**70)) == []
    for impossible in ("unit:\0", "\ud800", "unit:\ud800:", "x" * 100_000 + ":"):
        assert await numbers(subject=impossible) == []
        assert await numbers(actor=impossible) == []
    assert await numbers(limit=MOST * 10) == [4, 3, 2, 1, 0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.dates() | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "b", "name"]), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "name"]), json_values))
def test_what_is_kept_is_json(fields: dict[str, object]) -> None:
    plain = _fields(fields)
    assert json.loads(json.dumps(plain)) == plain


async def test_lines_of_one_actor_come_from_an_index(database: Database) -> None:
    async with database.write() as session:
        for number in range(3000):
            session.add(
                AuditEntry(at=NOON, actor=f"person:{number % 300}", action="unit.update", subject="unit:1")
            )
    asked = "SELECT * FROM audit_entry WHERE actor = 'person:7' ORDER BY id DESC LIMIT 50"
    async with database.write() as session:
        lite = (await session.connection()).dialect.name == "sqlite"
        if not lite:
            await session.execute(text("ANALYZE audit_entry"))
        steps = await session.execute(text(f"EXPLAIN {'QUERY PLAN ' if lite else ''}{asked}"))
        plan = " ".join(str(cell) for row in steps for cell in row)
    assert "ix_audit_entry_actor_id" in plan
    assert "TEMP B-TREE" not in plan.upper()
