"""A lossy line in short; the long form with its targets is ``show_loss.py``."""

from __future__ import annotations

from pathlib import Path

import pytest
from conformance.clients.browser import Chromium

from load.load_loss import CONCEALED, LOSS, STILL, measure

pytestmark = pytest.mark.browser
SECONDS = 15.0


async def test_five_per_cent_loss_is_survived(chromium: Chromium, tmp_path: Path) -> None:
    """Lost packets are sent again, the picture moves all the time, sound is hardly made up.

    Single frames may come late where the machine is busy with other tests, so the bound here is a picture
    that stands for a second; that nothing freezes at all is for the long form.
    """
    figures = await measure(chromium, tmp_path, seconds=SECONDS, loss=LOSS, browser_publishes=False)
    assert figures["line"]["lossy"]["down_lost"] > 20, "the line did lose packets"
    assert figures["retransmitted_packets_received"] > 0
    assert figures["relay"]["retransmitted"] > 0
    assert figures["longest_still_seconds"] < STILL
    assert figures["frames_decoded"] > SECONDS * 15 * 0.8
    assert figures["concealed_share"] < CONCEALED
