"""Visitors come and go with media; the relay forgets them. The long run is ``show_churn.py``."""

from __future__ import annotations

from pathlib import Path

from load.load_churn import Churn
from load.load_server import RelayServer


async def test_visitors_leave_nothing_behind(tmp_path: Path) -> None:
    """Three after one another as warm-up, then nine of which several overlap."""
    with RelayServer(tmp_path) as server:
        async with Churn(server) as churn:
            first = await churn.visits(3, 0.5)
            before = await churn.settled()
            second = await churn.visits(9, 0.2)
            after = await churn.settled()
    assert first.errors == second.errors == []
    assert len(second.seconds) == 9
    for name in ("open_fds", "threads", "participants", "transports", "sources", "subscriptions"):
        assert after[name] == before[name], name
