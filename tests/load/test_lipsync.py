"""Flash and beep stay together behind the relay, by the time stamps that it forwards.

What Chromium makes of them depends on its jitter buffers and on the machine: ``show_lipsync.py`` measures it.
"""

from __future__ import annotations

from pathlib import Path

from load.load_lipsync import LIMIT, in_client
from load.load_server import RelayServer


async def test_in_our_client(tmp_path: Path) -> None:
    with RelayServer(tmp_path) as server:
        found = await in_client(server, 6.0)
    assert len(found) >= 3
    assert max(abs(offset) for offset in found) < LIMIT
