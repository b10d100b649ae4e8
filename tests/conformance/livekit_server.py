"""Run the conformance suite against a real LiveKit server: the truth for every test here.

`python tests/conformance/livekit_server.py [pytest arguments]` installs LiveKit by its module name into
`var/livekit/` where Go is present (or takes `--binary PATH`), starts it on loopback, runs pytest on this
folder with its address and stops it. The exit status is pytest's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conformance.processes import KEY, ROOT, SECRET, free_ports, start_livekit

VERSION = "v1.9.11"
MODULE = f"github.com/livekit/livekit-server/cmd/server@{VERSION}"
FOLDER = ROOT / "var" / "livekit"


def install() -> Path:
    """Path of the LiveKit binary, built by Go if it is not there yet; SystemExit says what is missing."""
    binary = FOLDER / VERSION / "server"
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        raise SystemExit("Go is not installed: install it, or give --binary PATH of a livekit-server.")
    binary.parent.mkdir(parents=True, exist_ok=True)
    print(f"building {MODULE} (about a minute)", flush=True)
    environment = dict(os.environ, GOBIN=str(binary.parent))
    subprocess.run([go, "install", MODULE], env=environment, check=True)
    return binary


def main() -> int:
    """Command line entry; everything that is not ours goes to pytest."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--binary", type=Path, help="a livekit-server binary that is already there")
    options, arguments = parser.parse_known_args()
    binary: Path = options.binary or install()
    (webhook_port,) = free_ports(1)
    with start_livekit(binary, f"http://127.0.0.1:{webhook_port}/webhook", FOLDER) as server:
        named = any(Path(argument.split("::")[0]).exists() for argument in arguments)
        command = [sys.executable, "-m", "pytest", *arguments, *([] if named else ["tests/conformance"])]
        command += [f"--livekit-url={server.url}", f"--livekit-key={KEY}", f"--livekit-secret={SECRET}"]
        command += [f"--webhook-port={webhook_port}"]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
