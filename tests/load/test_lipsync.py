"""Flash and beep stay together behind the relay; raw offsets over half a minute are ``show_lipsync.py``'s."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from conformance.clients.browser import Chromium

from load.load_lipsync import LIMIT, in_browser, in_client
from load.load_server import RelayServer


async def test_in_our_client(tmp_path: Path) -> None:
    with RelayServer(tmp_path) as server:
        found = await in_client(server, 6.0)
    assert len(found) >= 3
    assert max(abs(offset) for offset in found) < LIMIT


@pytest.mark.browser
async def test_in_chromium(chromium: Chromium, tmp_path: Path) -> None:
    """By the median: a single frame may be shown late on a busy machine."""
    with RelayServer(tmp_path) as server:
        found = (await in_browser(chromium, server, 8.0))["offsets"]
    assert len(found) >= 5
    assert abs(statistics.median(found)) < LIMIT
