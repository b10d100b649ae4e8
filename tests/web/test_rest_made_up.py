"""The short form of ``make show-api``: no server error, and answers as the document has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from load.api_calls import api_service, make_calls


@pytest.mark.slow
@pytest.mark.parametrize("role", ["all", "official"])
async def test_made_up_calls_meet_no_server_error(tmp_path: Path, built: Path, role: str) -> None:
    async with api_service(tmp_path, built) as (served, known):
        found = await make_calls(
            served, known, role, tmp_path, most=3, hooked=True, phases="examples,fuzzing", seed=7
        )
    assert (found.code, found.failures) == (0, []), found.text[-3_000:]
    assert found.operations >= 26
    assert found.cases >= 80
    # Not refused at the door: for whoever may, calls went through to what there is.
    assert found.answers["accepted"] >= 20
