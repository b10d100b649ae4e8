"""`make lock`: choose versions anew and write the lock files, with hashes and without any host's name.

Works in a throw-away environment with uv, whose locks hold for every Python
and system at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = [
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--quiet",
    "--upgrade",
]
LOCKS = (
    (["pyproject.toml"], "requirements.lock"),
    (["pyproject.toml", "--extra=dev", "--constraint=requirements.lock"], "requirements-dev.lock"),
    (["tools/build.in"], "tools/build.lock"),
    (["tools/node.in"], "tools/node.lock"),
)


def main() -> int:
    """Write all four; the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "uv"], check=True)
        environment = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
        for sources, lock in LOCKS:
            print(lock, flush=True)
            uv = [str(python), "-m", "uv", "pip", "compile", *OPTIONS, *sources, "-o", lock]
            subprocess.run(uv, cwd=ROOT, env=environment, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
