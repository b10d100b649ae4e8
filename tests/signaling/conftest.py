"""Fixtures of the client's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from client_relay import TestRelay, running_relay
from client_seats import Seat


@pytest.fixture
async def relay() -> AsyncIterator[TestRelay]:
    async with running_relay() as running:
        yield running


@pytest.fixture
async def seats() -> AsyncIterator[list[Seat]]:
    made = [Seat(identity) for identity in ("a", "b", "c")]
    yield made
    for seat in made:
        await seat.client.close()
