"""The policy of a site's browser: the one origin that it is for, what it grants, how it is written."""

from __future__ import annotations

import json
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from web import kiosk_policy
from web.cli import app
from web.kiosk_policy import OriginError, command, policy, read_origin, text, unit
from web.site_pages import KIOSK

runner = CliRunner()
ORIGIN = "https://hop.example.vn"


@pytest.mark.parametrize(
    ("given_", "origin"),
    [
        (ORIGIN, ORIGIN),
        ("  https://Hop.Example.VN/ ", ORIGIN),
        ("https://hop.example.vn:443", ORIGIN),
        ("https://hop.example.vn:7443/", "https://hop.example.vn:7443"),
        ("http://localhost:7880", "http://localhost:7880"),
        ("http://localhost:80", "http://localhost"),
        ("http://127.0.0.1:7880", "http://127.0.0.1:7880"),
        ("http://[::1]:7880", "http://[::1]:7880"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
        ("https://họp.example.vn", "https://xn--hp-68s.example.vn"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(given_: str, origin: str) -> None:
    assert read_origin(given_) == origin


@pytest.mark.parametrize(
    "given_",
    [
        "",
        "hop.example.vn",
        "http://hop.example.vn",
        "http://10.0.0.5:7880",
        "ftp://hop.example.vn",
        "file:///etc/passwd",
        "https://",
        "https://hop.example.vn/kiosk",
        "https://hop.example.vn?x=1",
        "https://hop.example.vn#k",
        "https://me@hop.example.vn",
        "https://hop.example.vn:99999",
        "https://hop.example.vn:port",
        "https://*",
        "https://[*.]example.vn",
        "https://*.example.vn",
        "https://a b.vn",
        "https://a,b.vn",
        "https://" + "a" * 70 + ".vn",
        "https://a..vn",
        "https://[::1",
    ],
)
def test_what_is_no_origin_of_a_service_is_refused(given_: str) -> None:
    with pytest.raises(OriginError):
        read_origin(given_)


@given(st.text(max_size=60) | st.text("htps:/[]*.a1@?#,|", max_size=30).map("https://".__add__))
def test_nothing_but_an_origin_comes_out(given_: str) -> None:
    try:
        origin = read_origin(given_)
    except OriginError:
        return
    assert read_origin(origin) == origin
    assert not set(origin) & set("*?#@ ,|")
    assert origin.count("/") == 2


def test_camera_microphone_and_sound_are_for_this_origin_alone() -> None:
    granted = policy(ORIGIN)
    for name in ("VideoCaptureAllowedUrls", "AudioCaptureAllowedUrls", "AutoplayAllowlist"):
        assert granted[name] == [ORIGIN]
    for name in ("VideoCaptureAllowed", "AudioCaptureAllowed", "ScreenCaptureAllowed"):
        assert granted[name] is False
    assert granted["URLBlocklist"] == ["*"]
    assert granted["URLAllowlist"][0] == ORIGIN
    assert not any("*" in str(value) for name, value in granted.items() if name != "URLBlocklist")
    assert granted["RestoreOnStartupURLs"] == [ORIGIN + KIOSK]
    assert granted["ForcedLanguages"][0] == "vi"


def test_the_file_is_json_that_says_the_same() -> None:
    assert json.loads(text(ORIGIN)) == policy(ORIGIN)


def test_the_command_starts_the_page_and_answers_no_question() -> None:
    started = command(ORIGIN)
    assert started[0] == "/usr/bin/chromium"
    assert started[-1] == ORIGIN + KIOSK
    assert "--kiosk" in started
    flags = " ".join(started)
    # What these would do for every page that is opened, the policy does for one origin.
    for forbidden in ("fake-ui", "autoplay-policy", "auto-accept", "no-sandbox", "disable-web-security"):
        assert forbidden not in flags


def test_the_unit_starts_the_command_again_whenever_it_ends() -> None:
    written = unit(ORIGIN)
    lines = written.splitlines()
    (started,) = [line for line in lines if line.startswith("ExecStart=")]
    assert shlex.split(started)[-len(command(ORIGIN)) :] == command(ORIGIN)
    for wanted in ("Restart=always", "StartLimitIntervalSec=0", "WantedBy=multi-user.target"):
        assert wanted in lines


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / "diemcau-kiosk.service"
    # The programs need not be on the machine that runs the test.
    written = unit(ORIGIN).replace("/usr/bin/cage", "/bin/true").replace("/usr/bin/chromium", "/bin/true")
    file.write_text(written, "utf-8")
    result = subprocess.run([verify, "verify", "--man=no", str(file)], capture_output=True, text=True)
    complaints = [line for line in result.stderr.splitlines() if file.name in line]
    assert complaints == []


def test_the_command_line_prints_each_part() -> None:
    for part, wanted in (
        ("policy", text(ORIGIN)),
        ("command", shlex.join(command(ORIGIN)) + "\n"),
        ("unit", unit(ORIGIN)),
    ):
        result = runner.invoke(app, ["kiosk-policy", "--origin", f"{ORIGIN}/", "--show", part])
        assert (result.exit_code, result.output) == (0, wanted)
    assert runner.invoke(app, ["kiosk-policy", "--origin", ORIGIN]).output == text(ORIGIN)


def test_the_command_line_writes_a_file_that_the_browser_may_read(tmp_path: Path) -> None:
    file = tmp_path / "policies" / "managed" / "diemcau.json"
    result = runner.invoke(app, ["kiosk-policy", "--origin", ORIGIN, "--output", str(file)])
    assert (result.exit_code, result.output) == (0, "")
    assert file.read_text("utf-8") == text(ORIGIN)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_what_goes_wrong_is_said_in_one_sentence(tmp_path: Path) -> None:
    wrong = runner.invoke(app, ["kiosk-policy", "--origin", "http://hop.example.vn"])
    assert wrong.exit_code == 2
    assert "https://" in wrong.output
    (tmp_path / "file").write_text("")
    blocked = runner.invoke(
        app, ["kiosk-policy", "--origin", ORIGIN, "--output", str(tmp_path / "file" / "x" / "p.json")]
    )
    assert blocked.exit_code == 1
    assert len(blocked.output.strip().splitlines()) == 1
    assert kiosk_policy.FOLDER == "/etc/chromium/policies/managed"
