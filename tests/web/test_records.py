"""The database of the service: made at the first start, kept by the next, refused with a sentence."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from signed_in import World
from sqlalchemy import select, text, update

from directory.access import sessions
from directory.model import Session
from web import records
from web.assembly import Service
from web.records import KEPT_AFTER_END, Records, database_address
from web.server import StartError
from web.settings import Settings, load
from web.state import StateFolder


def settings(folder: Path, **values: str) -> Settings:
    return load(environment={}, overrides={"state_dir": str(folder), **values})


async def test_a_file_in_the_state_folder_is_made_and_kept(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "a" / "state")
    for start in range(2):
        made = Records(settings(tmp_path), state)
        async with made.lifespan():
            async with made.database.write() as session:
                await session.execute(
                    text("INSERT INTO site_group (name, search, version) VALUES (:name, '', 1)"),
                    {"name": f"group {start}"},
                )
            async with made.database.read() as session:
                found = await session.scalar(text("SELECT count(*) FROM site_group"))
                assert found == start + 1
    assert (state.path / "main.db").exists()


def test_the_address_of_the_settings_counts(tmp_path: Path) -> None:
    given = settings(tmp_path, database_url="postgresql://u:geheim@h/d")
    assert database_address(given, StateFolder(tmp_path)) == "postgresql://u:geheim@h/d"
    assert "geheim" not in repr(given)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("mysql://h/d", "no database of kind mysql"),
        ("what", "malformed"),
        ("postgresql://u:geheim@127.0.0.1:9/d", "cannot be used"),
    ],
)
async def test_what_cannot_be_opened_is_one_sentence(tmp_path: Path, address: str, sentence: str) -> None:
    async def start() -> None:
        records = Records(settings(tmp_path, database_url=address), StateFolder(tmp_path))
        async with records.lifespan():
            pytest.fail("it started")

    with pytest.raises(StartError, match=sentence) as found:
        await start()
    assert "geheim" not in str(found.value)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "main.db").write_text("Danh sách điểm cầu\n" * 100)
    records = Records(settings(tmp_path), StateFolder(tmp_path))
    with pytest.raises(StartError, match=re.compile("not a database")):
        async with records.lifespan():
            pytest.fail("it started")


async def test_sessions_that_ended_long_ago_are_removed_by_itself(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    long_ago = now - KEPT_AFTER_END - timedelta(days=1)
    ids = {}
    for login in ("ended", "expired", "ended-lately", "living"):
        await world.person(login, roles=("official",))
        ids[login] = sessions._hash(await world.cookie(login))
    changes = {
        "ended": {"revoked_at": long_ago},
        "expired": {"expires_at": long_ago},
        "ended-lately": {"revoked_at": now},
    }
    async with world.database.write() as session:
        for login, values in changes.items():
            await session.execute(update(Session).where(Session.id == ids[login]).values(**values))
    # A service that starts beside this one, as after an update; its first look comes at once.
    monkeypatch.setattr(records, "FIRST_TIDYING", 0.0)
    assert service.records is not None

    async def left() -> set[str]:
        async with world.database.read() as session:
            return set(await session.scalars(select(Session.id)))

    other = Records(service.settings, service.state)
    async with other.lifespan(), asyncio.timeout(10):
        while await left() != {ids["ended-lately"], ids["living"]}:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)
