"""Raw figures of a measurement, with the machine and the commit they come from, as JSON in docs/evidence."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = ROOT / "docs" / "evidence"


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, kernel, interpreter, and how busy the machine is."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        model = next((value.strip() for key, _, value in lines if key.strip() == "model name"), model)
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "kernel": platform.release(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def commit() -> str:
    """The commit that is checked out, with a mark where tracked files of the service differ from it."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return "unknown"
    parts = ["media", "signaling", "directory", "scheduler", "web", "tests/load"]
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *parts], check=False).returncode
    return head.stdout.strip() + (" with changes" if changed else "")


class Evidence:
    """One measurement: begun before it, written after it."""

    def __init__(self, name: str, **parameters: Any) -> None:
        self.name = name
        self.head = {
            "name": name,
            "commit": commit(),
            "begun": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "parameters": parameters,
        }

    def write(self, targets: dict[str, Any], figures: Any, folder: Path = EVIDENCE) -> Path:
        """Keep it. ``targets`` are the judgements: name → {"target", "measured", "met"}."""
        document = {
            **self.head,
            "load_average_after": [round(value, 2) for value in os.getloadavg()],
            "targets": targets,
            "figures": figures,
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        return path


def judge(measured: float, target: str, met: bool) -> dict[str, Any]:
    """One row of ``targets``."""
    return {"target": target, "measured": measured, "met": met}


def report(path: Path, targets: dict[str, dict[str, Any]]) -> int:
    """Print the judgements; the exit code of the script: 1 if one was missed."""
    for name, row in targets.items():
        word = "met   " if row["met"] else "MISSED"
        print(f"{word} {name}: {row['measured']} (wanted {row['target']})")
    print(f"raw figures: {path.relative_to(ROOT)}")
    sys.stdout.flush()
    return 0 if all(row["met"] for row in targets.values()) else 1
