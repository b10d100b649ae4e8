"""The command line, in processes as a user starts them."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from command import free_port, run, started, wait_for_http
from typer.testing import CliRunner

from media import clock
from signaling.tokens import KeyRing
from web.cli import app
from web.version import VERSION

runner = CliRunner()
SECRET = "a-secret-of-the-tests-with-enough-characters"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No state folder and no settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("DIEMCAU_API_KEY", "DIEMCAU_API_SECRET", "DIEMCAU_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_version() -> None:
    result = runner.invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"diemcau {VERSION}\n")


@pytest.mark.parametrize(
    "command", ["relay", "serve", "token", "simulate-sites", "link", "dev-cert", "settings", "demo"]
)
def test_every_command_has_a_help(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert command in result.output


def test_a_token_says_what_was_asked_for() -> None:
    arguments = ["token", "--room", "giao-ban", "--identity", "site:00001:main", "--name", "Phúc Xá"]
    arguments += ["--key", "k", "--secret", SECRET, "--no-publish-data", "--source", "microphone"]
    arguments += ["--attribute", "unit=00001", "--ttl", "60", "--admin"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    now = clock.wall()
    grants = KeyRing({"k": SECRET}).verify(result.output.strip(), now)
    assert (grants.identity, grants.name, dict(grants.attributes)) == (
        "site:00001:main",
        "Phúc Xá",
        {"unit": "00001"},
    )
    assert grants.video is not None
    assert grants.video.room == "giao-ban"
    assert grants.video.room_admin
    assert not grants.video.room_create
    assert grants.video.can_publish_data is False
    assert grants.video.can_publish_sources == ("microphone",)
    assert 50 < grants.expires_at - now <= 61


def test_a_token_for_livekits_development_key() -> None:
    result = runner.invoke(app, ["token", "--room", "a", "--identity", "b", "--dev"])
    assert KeyRing({"devkey": "secret"}).verify(result.output.strip(), clock.wall()).identity == "b"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--identity", "b"], "no API secret"),
        (["--identity", "b", "--key", "k"], "not known"),
        (["--identity", "b", "--dev", "--source", "kamera"], "camera, microphone"),
        (["--identity", "b", "--dev", "--attribute", "=x"], "NAME=VALUE"),
        (["--identity", "", "--dev"], "identity"),
    ],
)
def test_a_token_that_cannot_be_made_says_why(arguments: list[str], words: str) -> None:
    result = runner.invoke(app, ["token", "--room", "a", *arguments])
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_the_settings_are_shown_without_secrets() -> None:
    result = runner.invoke(app, ["settings"], env={"DIEMCAU_API_KEY": "k", "DIEMCAU_API_SECRET": SECRET})
    assert result.exit_code == 0
    assert "udp_port" in result.output
    assert SECRET not in result.output


def test_the_document_of_the_settings_is_in_step() -> None:
    document = Path(__file__).parents[2] / "docs" / "settings.md"
    assert runner.invoke(app, ["settings", "--markdown"]).output == document.read_text("utf-8")


@pytest.mark.parametrize("command", ["relay", "serve", "settings"])
def test_an_unknown_setting_stops_the_start(command: str) -> None:
    result = runner.invoke(app, [command], env={"DIEMCAU_UPD_PORT": "1"})
    assert result.exit_code == 2
    assert "DIEMCAU_UPD_PORT" in result.output
    assert "udp_port" in result.output


def test_sites_of_a_list_that_is_too_short_or_wrong(tmp_path: Path) -> None:
    units = tmp_path / "units.csv"
    units.write_text("code,name\n1,a\n")
    result = runner.invoke(app, ["simulate-sites", "--dev", "--names", str(units)])
    assert (result.exit_code, "kind is missing" in result.output) == (2, True)
    units.write_text("code,name,kind,district_code,district\n00001,Phúc Xá,phuong,001,Ba Đình\n")
    result = runner.invoke(app, ["simulate-sites", "--dev", "--names", str(units), "--count", "2"])
    assert (result.exit_code, "1 units" in result.output) == (2, True)


def test_the_link_of_the_open_room_is_the_same_each_time() -> None:
    environment = {"DIEMCAU_OPEN_ROOM": "giao ban"}
    first = runner.invoke(app, ["link", "--base", "https://hop.example/"], env=environment)
    assert re.fullmatch(r"https://hop\.example/meet/giao%20ban\?k=[\w-]{16}\n", first.output)
    assert (
        runner.invoke(app, ["link", "--base", "https://hop.example"], env=environment).output == first.output
    )
    own = {**environment, "DIEMCAU_OPEN_ROOM_KEY": "a&b"}
    assert runner.invoke(app, ["link"], env=own).output == "http://localhost:7880/meet/giao%20ban?k=a%26b\n"
    assert runner.invoke(app, ["link"]).exit_code == 2


def test_dev_cert_makes_files_and_says_how_to_trust_them(tmp_path: Path) -> None:
    result = runner.invoke(app, ["dev-cert", "--name", "hop.hanoi.example"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "var" / "tls" / "server.pem").exists()
    assert "hop.hanoi.example" in result.output
    assert "PRIVATE KEY" not in result.output
    assert runner.invoke(app, ["dev-cert", "--name", "a b"]).exit_code == 2


# -- processes -------------------------------------------------------------------------


def test_the_relay_serves_logs_no_token_and_ends_quickly(tmp_path: Path) -> None:
    port, udp_port = free_port(), free_port()
    log = tmp_path / "log"
    arguments = ["relay", "--dev", "--bind", "127.0.0.1", "--bind", "::1"]
    arguments += ["--port", str(port), "--udp-port", str(udp_port)]
    token = run("token", "--room", "a", "--identity", "b", "--dev").stdout.strip()
    with started(arguments, log, tmp_path, {"DIEMCAU_LOG_LEVEL": "debug"}) as process:
        assert wait_for_http(process, f"http://127.0.0.1:{port}/", log) == b"OK"
        assert wait_for_http(process, f"http://[::1]:{port}/", log) == b"OK"
        base = f"http://127.0.0.1:{port}"
        assert wait_for_http(process, f"{base}/rtc/validate?access_token={token}", log) == b"success"
        refused = token[:-3] + "abc"
        assert b"invalid token" in wait_for_http(process, f"{base}/rtc/validate?access_token={refused}", log)
        for path in (
            f"/rtc?access_token={refused}",
            f"/rtc/v1?join_request={token}",
            f"/twirp/x?token={token}",
        ):
            _upgrade(port, path)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert time.monotonic() - begun < 10
    text = log.read_text()
    assert token[:40] not in text
    assert refused[-40:] not in text
    lines = [json.loads(line) for line in text.splitlines()]
    events = [line["event"] for line in lines]
    assert events[0] == "started"
    assert events[-2:] == ["stopping", "stopped"]
    assert lines[0]["port"] == port
    assert lines[0]["media"] == [f"127.0.0.1:{udp_port}", f"[::1]:{udp_port}"]
    assert [line for line in lines if line["level"] == "error"] == []
    assert "secret" not in text


def _upgrade(port: int, path: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert connection.recv(12).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_a_taken_port_ends_the_start_with_one_sentence(tmp_path: Path, protocol: str) -> None:
    kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if protocol == "TCP":
            taken.listen()
        number = str(taken.getsockname()[1])
        ports = (
            ["--port", number, "--udp-port", "0"]
            if protocol == "TCP"
            else ["--port", "0", "--udp-port", number]
        )
        result = run("relay", "--dev", "--bind", "127.0.0.1", *ports, cwd=tmp_path)
    assert result.returncode == 2
    assert f"diemcau: {protocol} port {number} of 127.0.0.1 is taken by another program\n" in result.stderr
    assert "Traceback" not in result.stderr + result.stdout


def test_an_interrupt_ends_it_with_success(tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "log"
    arguments = ["relay", "--dev", "--bind", "127.0.0.1", "--port", str(port), "--udp-port", "0"]
    with started(arguments, log, tmp_path) as process:
        wait_for_http(process, f"http://127.0.0.1:{port}/", log)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def test_on_a_terminal_it_says_where_things_are_but_no_secret(tmp_path: Path) -> None:
    port = free_port()
    command = f"relay --bind 127.0.0.1 --port {port} --udp-port 0 --key office --secret {SECRET}"
    words = _on_a_terminal(command, tmp_path, f"http://127.0.0.1:{port}/")
    assert f"http://127.0.0.1:{port}" in words
    assert "office" in words
    assert "UDP 127.0.0.1:" in words
    assert SECRET not in words


def _on_a_terminal(command: str, folder: Path, url: str) -> str:
    import os
    import pty
    import sys

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", *command.split()],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=folder,
        start_new_session=True,
    )
    os.close(follower)
    log = folder / "none"
    log.write_text("")
    try:
        wait_for_http(process, url, log)
        process.send_signal(signal.SIGTERM)
        said = b""
        while True:
            try:
                chunk = os.read(leader, 65_536)
            except OSError:
                break
            if not chunk:
                break
            said += chunk
        process.wait(20)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(leader)
    return said.decode()
