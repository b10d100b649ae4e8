"""`make install`: the virtual environment, the locked packages and the built pages, with progress.

Needs nothing but Python 3.11 or newer. What is in place already is left alone:
each step keeps a stamp, the hash of what it depends on, in `.venv/.stamps/`.
With `--dev` the packages of the tests come too.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
STAMPS = VENV / ".stamps"
FRONTEND = ROOT / "web" / "frontend"
BUILT = ROOT / "web" / "static" / "app"
NODE_NEEDED = (20, 19)


class InstallError(Exception):
    """The installation cannot go on; one sentence that says what to do."""


def main() -> int:
    """Run the steps; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="with what the tests and checks need")
    given = parser.parse_args()
    try:
        steps: list[tuple[str, Callable[[], str], Callable[[], None]]] = [
            ("Python packages", lambda: _hash_packages(given.dev), lambda: _install_packages(given.dev)),
            ("Scripts of the pages", _hash_node, _install_node_packages),
            ("Building the pages", _hash_pages, _build_pages),
        ]
        _make_environment()
        for number, (title, stamp, step) in enumerate(steps, 1):
            _run_step(f"[{number}/{len(steps)}] {title}", stamp, step)
    except InstallError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    return 0


def _run_step(title: str, hash_of: Callable[[], str], step: Callable[[], None]) -> None:
    stamp = hash_of()
    name = re.sub(r"\W+", "-", title.partition("] ")[2].lower())
    kept = STAMPS / name
    if kept.exists() and kept.read_text() == stamp and _still_there(name):
        return
    kept.unlink(missing_ok=True)
    print(title, flush=True)
    started = time.monotonic()
    step()
    STAMPS.mkdir(parents=True, exist_ok=True)
    kept.write_text(stamp)
    print(f"      done in {time.monotonic() - started:.0f} s", flush=True)


def _still_there(name: str) -> bool:
    """Whether what a step made has not been deleted since."""
    return {
        "python-packages": (BIN / "diemcau").exists(),
        "scripts-of-the-pages": (FRONTEND / "node_modules" / ".package-lock.json").exists(),
        "building-the-pages": (BUILT / ".vite" / "manifest.json").exists(),
    }[name]


# -- what the steps depend on ----------------------------------------------------------


def _digest(paths: Iterable[Path], *words: str) -> str:
    total = hashlib.sha256("\0".join(words).encode())
    for path in sorted(paths):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _hash_python() -> str:
    """The environment's interpreter: with a new one the packages are to be installed again."""
    return _digest([VENV / "pyvenv.cfg"])


def _hash_packages(dev: bool) -> str:
    return _digest([ROOT / "pyproject.toml", _lock(dev), ROOT / "tools" / "build.lock"], _hash_python())


def _hash_node() -> str:
    return _digest([FRONTEND / "package.json", FRONTEND / "package-lock.json"], _hash_python())


def _hash_pages() -> str:
    sources = [path for folder in ("src", "public", "scripts") for path in (FRONTEND / folder).rglob("*")]
    files = [path for path in sources if path.is_file() and "generated" not in path.parts]
    others = [*FRONTEND.glob("*.ts"), *FRONTEND.glob("*.json"), *(ROOT / "web" / "i18n").glob("*.po")]
    return _digest([*files, *others], _hash_node())


def _lock(dev: bool) -> Path:
    """Everything that was locked. Who has the tests' packages keeps them."""
    has_dev = (STAMPS / "dev").exists()
    return ROOT / ("requirements-dev.lock" if dev or has_dev else "requirements.lock")


# -- steps -----------------------------------------------------------------------------


def _make_environment() -> None:
    """Make the environment unless there is one that works, whoever made it."""
    python = BIN / "python"
    if python.exists():
        asked = "import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)"
        if subprocess.run([str(python), "-c", asked], capture_output=True).returncode == 0:
            return
    print("Python environment", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True
    )
    if made.returncode != 0:
        raise InstallError(
            "Python's module venv does not work here; on Debian and Ubuntu: apt-get install python3-venv\n"
            + (made.stdout + made.stderr).strip()
        )


def _install_packages(dev: bool) -> None:
    lock = _lock(dev)
    total = len(re.findall(r"(?m)^[A-Za-z0-9]", lock.read_text())) + 2
    pip = [str(BIN / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes"]
    _follow([*pip, "-r", str(ROOT / "tools" / "build.lock"), "-r", str(lock)], total)
    editable = [str(BIN / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _quiet([*editable, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    STAMPS.mkdir(parents=True, exist_ok=True)
    if dev:
        (STAMPS / "dev").touch()


def _install_node_packages() -> None:
    if _node() is None:
        print("      no Node 20.19 or newer here: taking the one of PyPI", flush=True)
        pip = [str(BIN / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _quiet([*pip, "--require-hashes", "-r", str(ROOT / "tools" / "node.lock")])
    if _node() is None:
        raise InstallError("Node 20.19 or newer is needed and could not be installed: see nodejs.org")
    _quiet([_npm(), "ci", "--no-audit", "--no-fund", "--loglevel=error"], FRONTEND)


def _build_pages() -> None:
    _quiet([_npm(), "run", "--silent", "build"], FRONTEND)


def _node() -> tuple[int, int] | None:
    """Version of the Node in use, if it is new enough and npm is there."""
    environment = _environment()
    node = shutil.which("node", path=environment["PATH"])
    if node is None or shutil.which("npm", path=environment["PATH"]) is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, env=environment)
    found = re.match(r"v(\d+)\.(\d+)\.", said.stdout)
    if found is None:
        return None
    version = (int(found[1]), int(found[2]))
    return version if version >= NODE_NEEDED else None


def _npm() -> str:
    return shutil.which("npm", path=_environment()["PATH"]) or "npm"


def _environment() -> dict[str, str]:
    """The process's environment; the Node of the virtual environment, where there is one, goes first."""
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{path}" if (BIN / "node").exists() else path}


# -- running commands ------------------------------------------------------------------


def _follow(command: Sequence[str], total: int) -> None:
    """Run pip and show how far it is."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=_environment()
    )
    assert process.stdout is not None
    lines: list[str] = []
    count = 0
    on_terminal = sys.stdout.isatty()
    for line in process.stdout:
        lines.append(line)
        found = re.match(r"Collecting ([\w.-]+)|Requirement already satisfied: ([\w.-]+)", line)
        if found:
            count += 1
            text = f"      {min(count, total)}/{total} {found[1] or found[2]}"
            if on_terminal:
                print(f"\r\033[K{text}", end="", flush=True)
            elif count % 10 == 0:
                print(text, flush=True)
        elif line.startswith("Installing collected packages"):
            print(("\r\033[K" if on_terminal else "") + "      installing", flush=True)
    if process.wait() != 0:
        raise InstallError("pip could not install the packages:\n" + "".join(lines[-15:]).strip())


def _quiet(command: Sequence[str], folder: Path = ROOT) -> None:
    done = subprocess.run(
        command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        shown = " ".join([Path(command[0]).name, *command[1:4]])
        raise InstallError(f"`{shown} …` failed:\n{done.stdout.strip()[-3000:]}")


if __name__ == "__main__":
    sys.exit(main())
