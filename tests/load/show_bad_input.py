"""Bad input against the running relay while a meeting goes on; ``make show-bad-input``.

Ten thousand of each kind, where a number beside it in the figures does not say otherwise: what ends a
session costs a join each time and is sent less often, and what is a megabyte is sent twenty times.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from load.bad_run import run  # noqa: E402
from load.load_evidence import Evidence, judge, report  # noqa: E402


def main(share: float) -> int:
    """Run it, keep the figures, print the judgements."""
    evidence = Evidence("bad-input", share=share)
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(run(Path(folder), share, say=lambda text: print(text, flush=True)))
    targets = {name: judge(row.measured, row.target, row.met) for name, row in outcome.rows.items()}
    for problem in outcome.problems:
        print("PROBLEM", problem)
    if share < 1:
        print(json.dumps(outcome.figures["meeting"], indent=1))
        return 0 if all(row["met"] for row in targets.values()) else 1
    return report(evidence.write(targets, outcome.figures), targets)


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
