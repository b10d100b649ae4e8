"""Thousands of calls made up from the API's own document, as a person with every right and as a plain one.

``make show-api``; an argument is how many cases each operation gets at most.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "web")]

from load.api_calls import ROLES, Outcome, api_service, make_calls  # noqa: E402
from load.load_evidence import Evidence, judge, report  # noqa: E402
from web.assets import APP_FOLDER  # noqa: E402

MOST = 40


async def run(most: int, folder: Path) -> list[Outcome]:
    """Both persons, one after the other."""
    found = []
    async with api_service(folder, APP_FOLDER) as (served, known):
        for role in ROLES:
            for hooked in (False, True):
                one = await make_calls(served, known, role, folder, most=most, hooked=hooked)
                print(one.name, one.cases, "cases", one.failures, flush=True)
                found.append(one)
    return found


def main(most: int) -> int:
    """Run it, keep the figures, print the judgements."""
    evidence = Evidence("api", most_cases_of_an_operation=most)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = asyncio.run(run(most, Path(folder)))
    targets = {}
    for one in outcomes:
        targets[f"calls: {one.name}"] = judge(one.cases, "1000 or more", one.cases >= 1_000)
        targets[f"kinds of failure: {one.name}"] = judge(
            len(one.failures), "0", not one.failures and not one.code
        )
        if one.failures or one.code:
            print(one.text[-6_000:])
    figures = [{key: value for key, value in asdict(one).items() if key != "text"} for one in outcomes]
    print(json.dumps(figures, indent=1, ensure_ascii=False))
    return report(evidence.write(targets, figures), targets)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else MOST))
