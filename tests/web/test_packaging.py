"""The wheel, as an operator installs it: outside of the tree, in an environment of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

import pytest
from command import free_port, wait_for_http

ROOT = Path(__file__).parents[2]
PARTS = ("media", "signaling", "directory", "scheduler", "monitors", "web")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tree, so that nothing is left in it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    ignored = shutil.ignore_patterns("node_modules", "__pycache__", "*.egg-info")
    for name in (*PARTS, "tests", "tools"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
    ]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("diemcau-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment with the wheel in it.

    Its dependencies are the ones of this environment, by a path file, without this tree: nothing is fetched.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=110)
    site = next((folder / "lib").glob("python*/site-packages"))
    target = ["--target", str(site), "--no-deps", "--no-index", "-q"]
    subprocess.run([sys.executable, "-m", "pip", "install", *target, str(wheel)], check=True, timeout=110)
    # Path files in that folder are not read, so the editable install of this tree does not come along.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_wheel_holds_the_parts_and_their_files_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {*PARTS, next(top for top in tops if top.endswith(".dist-info"))}
    for needed in (
        "web/templates/meeting.html",
        "web/i18n/vi.po",
        "web/static/app/.vite/manifest.json",
        "directory/data/hanoi-579.csv",
        "media/engine.py",
        "signaling/client/sites.py",
    ):
        assert needed in names, needed
    unwanted = [name for name in names if re.search(r"node_modules|web/frontend|__pycache__|\.ts$", name)]
    assert unwanted == []


def test_every_part_has_a_docstring_that_says_its_contract(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for part in PARTS:
            text = archive.read(f"{part}/__init__.py").decode()
            assert text.startswith('"""')
            assert "Contract" in text or "May import" in text, part


def test_the_installed_service_starts_and_gives_a_page_with_its_assets(
    installed: Path, tmp_path: Path
) -> None:
    python = installed / "bin" / "python"
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DIEMCAU_", "PYTHON"))
    }
    where = subprocess.run(
        [str(python), "-c", "import web.cli; print(web.cli.__file__)"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
    )
    assert where.stdout.startswith(str(installed)), where.stdout + where.stderr
    log = tmp_path / "log"
    command = [str(python), "-m", "web.cli", "serve", "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--udp-port", "0", "--https-port", "0", "--open-room", "giao-ban"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=tmp_path,
            env=environment,
        )
    try:
        base = f"http://127.0.0.1:{port}"
        for path in ("/", "/meet/giao-ban"):
            page = wait_for_http(process, base + path, log).decode()
            addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
            assert len(addresses) >= 2
            for address in addresses:
                with urllib.request.urlopen(base + address, timeout=10) as answer:
                    assert answer.status == 200
                    assert len(answer.read()) > 0
    finally:
        process.terminate()
        status = process.wait(20)
    assert status == 0, log.read_text()
