"""Bad input against the running relay, a few of each kind; ``make show-bad-input`` is the whole of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from load.bad_run import run


@pytest.mark.slow
async def test_bad_input_is_refused_and_the_meeting_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIEMCAU_ROOM_DEPARTURE_TIMEOUT", "1")
    outcome = await run(tmp_path, share=0.002)
    assert outcome.problems == []
    # How long a gap is, on a machine that runs other things too, is judged by the script.
    missed = {name: row for name, row in outcome.rows.items() if not row.met and "gap" not in name}
    assert missed == {}
    people = [outcome.figures["meeting"][identity] for identity in ("a", "b")]
    assert all(track["frames"] > 50 for person in people for track in person["tracks"].values())
    assert outcome.figures["attacks"].keys() >= {"tokens", "signalling", "descriptions", "connections"}
