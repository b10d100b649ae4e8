"""The playout-delay extension's octets."""

from __future__ import annotations

import pytest

from media.rtp.playout_delay import pack_playout_delay


@pytest.mark.parametrize(
    ("minimum", "octets"),
    [
        (0.0, "000fff"),
        (0.2, "014fff"),
        (0.25, "019fff"),
        (40.95, "ffffff"),
        (99.0, "ffffff"),
        (-1.0, "000fff"),
    ],
)
def test_pack(minimum: float, octets: str) -> None:
    assert pack_playout_delay(minimum).hex() == octets
