"""Fixtures of the short forms of the measurements."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from conformance.clients.browser import CHROMIUM, Chromium

from load import load_people as people


@pytest.fixture
async def chromium() -> AsyncIterator[Chromium]:
    """A Chromium of this test alone."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: install Debian's package chromium")
    async with people.browser() as running:
        yield running
