"""The short form of `make show-kill`: three kills on SQLite, and everything that was answered is there."""

from __future__ import annotations

from pathlib import Path

from load.kill_city import make_city
from load.kill_run import Series
from load.show_kill import ALLOWED


async def test_three_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'main.db'}"
    keys = await make_city(url)
    figures = await Series(tmp_path / "series", url, seed=11, longest=4.0).run(keys, 3, 0)
    wrong = {name: number for name, number in figures["wrong"].items() if number and name not in ALLOWED}
    assert not wrong, figures["wrong_samples"]
    assert not figures["clients_failed"]
    told = figures["told"]
    assert all(told[name] for name in ("booked", "openings_seen", "endings_seen", "joins")), told
    assert figures["stored"]["meetings"].get("closed", 0) >= told["endings_seen"]
