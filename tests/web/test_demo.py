"""`diemcau demo`: what `make run` starts, and that nothing of it is left, however it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from command import free_port, started, wait_for_http

PATIENCE = 60.0


def _environment() -> dict[str, str]:
    return {
        "DIEMCAU_BIND": "127.0.0.1",
        "DIEMCAU_PORT": str(free_port()),
        "DIEMCAU_UDP_PORT": str(free_port()),
        "DIEMCAU_HTTPS_PORT": "0",
    }


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _gone(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_demonstration_runs_and_leaves_nothing(tmp_path: Path, end: signal.Signals) -> None:
    environment = _environment()
    base = f"http://127.0.0.1:{environment['DIEMCAU_PORT']}"
    log = tmp_path / "log"
    with started(["demo", "--count", "2"], log, tmp_path, environment) as process:
        wait_for_http(process, f"{base}/healthz", log)
        _until(lambda: "Ctrl-C" in log.read_text(), "the ways in are printed")
        sites = tmp_path / "var" / "log" / "sites.log"
        _until(lambda: sites.read_text().count("joined") == 2, "two sites in the meeting")
        said = log.read_text()
        for login in ("chutri", "thuky", "canbo", "kythuat", "quantri"):
            assert re.search(rf"{login} +[\w-]{{10,}} ", said)
        link = re.search(r"http://127\.0\.0\.1:\d+(/meet/giao-ban-tp\?k=[\w-]+)", said)
        assert link is not None
        with urllib.request.urlopen(base + link[1], timeout=5) as page:
            assert b'data-room="giao-ban-tp"' in page.read()
        children = _children(process.pid)
        assert len(children) == 2
        process.send_signal(end)
        status = process.wait(20)
        assert status == (0 if end != signal.SIGKILL else -signal.SIGKILL)
        _until(lambda: _gone(children), "its processes have ended")
    names = ("data.log", "service.log", "sites.log")
    logs = [(tmp_path / "var" / "log" / name).read_text() for name in names]
    assert "Traceback" not in "".join(logs)
    secret = (tmp_path / "var" / "api.secret").read_text().strip()
    assert secret not in "".join([*logs, log.read_text()])
    password = (tmp_path / "var" / "demo-password.secret").read_text().strip()
    keys = json.loads((tmp_path / "var" / "demo-keys.json").read_text()).values()
    assert not [hidden for hidden in [password, *keys] if hidden in "".join(logs)]


def test_a_second_demonstration_says_that_the_port_is_taken(tmp_path: Path) -> None:
    environment = _environment()
    log = tmp_path / "log"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["DIEMCAU_PORT"])))
        taken.listen()
        with started(["demo", "--count", "0"], log, tmp_path, environment) as process:
            assert process.wait(30) == 2
    assert (
        f"TCP port {environment['DIEMCAU_PORT']} of 127.0.0.1 is taken by another program" in log.read_text()
    )
    assert "Traceback" not in log.read_text()
