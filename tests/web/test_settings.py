from pathlib import Path
from typing import Any

import pytest

from web.settings import SettingsError, load
from web.settings_table import TABLE, markdown


def test_defaults_are_of_their_own_types() -> None:
    settings = load(environment={})
    kinds: dict[str, Any] = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list}
    for row in TABLE:
        assert isinstance(settings[row.name], kinds[row.kind]), row.name
        assert row.check is None or row.check(row.default) == "", row.name
        assert row.help, row.name


def test_stronger_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('port = 1000\nudp_port = 1001\nlog_level = "debug"\n')
    settings = load(file, {"DIEMCAU_PORT": "2000", "DIEMCAU_UDP_PORT": "2001"}, {"port": 3000})
    assert (settings["port"], settings["udp_port"], settings["log_level"]) == (3000, 2001, "debug")


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("BIND", "127.0.0.1, ::1", ["127.0.0.1", "::1"]),
        ("LOOPBACK", "yes", True),
        ("LOOPBACK", "0", False),
        ("JOIN_TOKEN_LIFE", "60", 60),
        ("OPEN_ROOM_TITLE", "Giao ban", "Giao ban"),
    ],
)
def test_texts_of_the_environment_become_values(variable: str, text: str, value: object) -> None:
    assert load(environment={f"DIEMCAU_{variable}": text})[variable.lower()] == value


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DIEMCAU_PROT": "1"}, ["DIEMCAU_PROT", "there is no setting 'prot'", "did you mean 'port'"]),
        ({"DIEMCAU_PORT": "many"}, ["DIEMCAU_PORT", "whole number", "'many'"]),
        ({"DIEMCAU_PORT": "70000"}, ["DIEMCAU_PORT", "0 to 65535"]),
        ({"DIEMCAU_LOOPBACK": "maybe"}, ["DIEMCAU_LOOPBACK", "true or false"]),
        ({"DIEMCAU_BIND": "localhost"}, ["DIEMCAU_BIND", "IP addresses"]),
        ({"DIEMCAU_WEBHOOK_URL": "ftp://x"}, ["DIEMCAU_WEBHOOK_URL", "http or https"]),
        ({"DIEMCAU_WEBHOOK_URL": "http://[x"}, ["DIEMCAU_WEBHOOK_URL", "http or https"]),
        ({"DIEMCAU_METRICS_TO": "10.0.0.1/8"}, ["DIEMCAU_METRICS_TO", "networks"]),
        ({"DIEMCAU_LOG_FORMAT": "xml"}, ["DIEMCAU_LOG_FORMAT", "auto, json or text"]),
        ({"DIEMCAU_ROOM_EMPTY_TIMEOUT": "0"}, ["above 0"]),
        ({"DIEMCAU_TLS_KEY": "key.pem"}, ["tls_certificate and tls_key belong together"]),
        ({"DIEMCAU_API_KEY": "k"}, ["api_secret is not"]),
    ],
)
def test_what_is_wrong_stops_the_start_with_its_place(environment: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environment=environment)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 1\nprot = 2\n", ["line 2", "'prot'"]),
        ('# a remark\n\nport = "7880"\n', ["line 3", "whole number"]),
        ("port = true\n", ["line 1", "whole number"]),
        ("bind = [1]\n", ["line 1", "list of texts"]),
        ("port = \n", ["line 1"]),
        ("[server]\nport = 1\n", ["line 1", "'server'"]),
    ],
)
def test_a_file_is_told_by_its_line(tmp_path: Path, text: str, words: list[str]) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert "settings.toml" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file"):
        load(tmp_path / "none.toml", {})


def test_secrets_are_not_shown() -> None:
    settings = load(environment={"DIEMCAU_API_KEY": "k", "DIEMCAU_API_SECRET": "deep-secret"})
    assert "deep-secret" not in repr(settings)
    assert settings["api_secret"] == "deep-secret"


def test_the_document_has_a_row_for_each_setting() -> None:
    text = markdown()
    for row in TABLE:
        assert f"| `{row.name}` |" in text
