"""Each incident once; the repetitions with their targets are in ``show_recovery.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.clients.browser import Chromium

from load import load_recovery as recovery
from load.load_server import RelayServer

MOVED = 2.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RelayServer]:
    """A relay of this test alone."""
    with RelayServer(tmp_path) as running:
        yield running


async def test_a_cut_websocket_of_our_client_stops_no_picture(server: RelayServer) -> None:
    figures = await recovery.client_signal_cut(server)
    assert figures["same_connection"]
    assert max(figures["longest_silence_down"], figures["longest_silence_up"]) < MOVED


async def test_our_client_on_another_port_is_back_in_two_seconds(server: RelayServer) -> None:
    figures = await recovery.client_port_moved(server)
    assert figures["same_connection"]
    assert max(figures["longest_silence_down"], figures["longest_silence_up"]) < MOVED


async def test_two_clients_behind_a_nat_started_anew_are_back_in_two_seconds(tmp_path: Path) -> None:
    figures = await recovery.clients_behind_moved_ports(tmp_path)
    assert figures["flows_moved"] == 4
    assert figures["same_connection"]
    assert max(figures["longest_silence_down"], figures["longest_silence_up"]) < MOVED


@pytest.mark.browser
async def test_a_cut_websocket_of_a_browser_stops_no_picture(chromium: Chromium, server: RelayServer) -> None:
    figures = await recovery.browser_signal_cut(chromium, server)
    assert figures["same_connection"]
    assert max(figures["longest_silence_down"], figures["longest_silence_up"]) < MOVED


@pytest.mark.browser
async def test_a_browser_on_another_port_is_back_in_two_seconds(chromium: Chromium, tmp_path: Path) -> None:
    figures = await recovery.browser_port_moved(chromium, tmp_path)
    assert figures["flows_moved"] >= 2
    assert figures["same_connection"]
    assert max(figures["longest_silence_down"], figures["longest_silence_up"]) < MOVED


@pytest.mark.browser
async def test_after_a_kill_all_are_back_by_themselves(tmp_path: Path) -> None:
    """kill -9 and a start two seconds later: the page and five sites see each other within 15 s."""
    (figures,) = await recovery.server_killed(tmp_path, [2.0])
    assert figures["all_back"] <= recovery.BACK_WITHIN
