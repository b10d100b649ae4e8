"""The database of the service: made at the first start, kept by the next, refused with a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from web.records import Records, database_address
from web.server import StartError
from web.settings import Settings, load
from web.state import StateFolder


def settings(folder: Path, **values: str) -> Settings:
    return load(environment={}, overrides={"state_dir": str(folder), **values})


async def test_a_file_in_the_state_folder_is_made_and_kept(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "a" / "state")
    for start in range(2):
        records = Records(settings(tmp_path), state)
        async with records.lifespan():
            async with records.database.write() as session:
                await session.execute(
                    text("INSERT INTO site_group (name, search, version) VALUES (:name, '', 1)"),
                    {"name": f"group {start}"},
                )
            async with records.database.read() as session:
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
