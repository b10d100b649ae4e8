import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from signaling.grants import Grants
from signaling.tokens import issue
from web import logs

TOKEN = issue("key", "secret-of-the-tests-with-32-characters", Grants(identity="a"), exp=2e9, now=1e9)


@pytest.mark.parametrize(
    ("text", "kept", "cut"),
    [
        (f"GET /rtc?access_token={TOKEN}&sdk=js", "/rtc?access_token=***&sdk=js", TOKEN),
        ("/rtc/v1?join_request=abcDEF_-123=&x=1", "x=1", "abcDEF"),
        ("/meet/giao-ban?k=chìa-khóa", "/meet/giao-ban?k=***", "chìa"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***", TOKEN),
        (f"said {TOKEN} aloud", "said *** aloud", TOKEN),
        ("no secret here, stock=3", "no secret here, stock=3", "***"),
    ],
)
def test_secrets_are_cut_out_of_texts(text: str, kept: str, cut: str) -> None:
    assert kept in logs.clean(text)
    assert cut not in logs.clean(text)


@given(st.text(alphabet="abcdefXYZ0189_-", min_size=20), st.text(max_size=50), st.text(max_size=50))
def test_no_access_token_survives(token: str, before: str, after: str) -> None:
    around = (before.replace(token, ""), after.replace(token, ""))
    assert token not in logs.clean(f"{around[0]} access_token={token}&{around[1]}")


def test_each_event_is_one_line_of_json_with_its_fields(restored_logging: None) -> None:
    output = io.StringIO()
    logs.configure("info", json=True, stream=output)
    structlog.get_logger("ours").info("joined", room="giao-ban", url=f"/rtc?access_token={TOKEN}", data=b"ab")
    logging.getLogger("library").warning("failed at %s", f"http://a/b?token={TOKEN}")
    logging.getLogger("httpx").info("GET http://a/?access_token=%s", TOKEN)
    try:
        raise ValueError(f"bad access_token={TOKEN}")
    except ValueError:
        secret_local = TOKEN
        structlog.get_logger("ours").exception("broke", more={"deep": [secret_local]})
    structlog.get_logger("ours").debug("not at this level")
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["joined", "failed at http://a/b?token=***", "broke"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert list(lines[0])[:4] == ["time", "level", "event", "logger"]
    assert lines[0]["room"] == "giao-ban"
    assert lines[0]["data"] == "<2 bytes>"
    assert "ValueError" in lines[2]["exception"]
    assert TOKEN not in output.getvalue()


def test_texts_for_a_terminal_are_clean_too(restored_logging: None) -> None:
    output = io.StringIO()
    logs.configure("debug", json=False, stream=output)
    structlog.get_logger("ours").debug("joined", token=TOKEN)
    assert "joined" in output.getvalue()
    assert TOKEN not in output.getvalue()


def test_long_texts_end(restored_logging: None) -> None:
    output = io.StringIO()
    logs.configure(stream=output)
    structlog.get_logger("ours").info("x" * 100_000)
    assert len(output.getvalue()) < 10_000


@pytest.mark.parametrize("form", [True, False])
def test_what_a_stranger_sends_forges_no_line_and_steers_no_terminal(
    restored_logging: None, form: bool
) -> None:
    output = io.StringIO()
    logs.configure("info", json=form, stream=output)
    hostile = "/a\n2026-01-01 [error] forged\r\x1b[2J\x9b31m\u2028\x00end"
    structlog.get_logger("ours").info("request", path=hostile, more={"deep": [hostile]})
    logging.getLogger("library").warning("failed at %s", hostile)
    written = output.getvalue()
    assert len(written.splitlines()) == 2
    assert written.count("forged") == 3
    assert not [sign for sign in written if sign != "\n" and not sign.isprintable()]


def test_a_traceback_keeps_its_lines(restored_logging: None) -> None:
    output = io.StringIO()
    logs.configure("info", json=False, stream=output)
    try:
        raise ValueError("broke")
    except ValueError:
        structlog.get_logger("ours").exception("broke")
    assert "Traceback" in output.getvalue()
    assert "ValueError: broke" in output.getvalue().splitlines()
