import stat
from pathlib import Path

import pytest

from web.state import StateError, StateFolder


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "var")
    first = folder.secret("api")
    assert len(first) >= 32
    assert StateFolder(tmp_path / "var").secret("api") == first
    assert folder.secret("other") != first
    file = tmp_path / "var" / "api.secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_writing_replaces_whole_files_and_leaves_nothing_else(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.write("tls/a.pem", b"one")
    folder.write("tls/a.pem", b"two")
    assert [path.name for path in (tmp_path / "tls").iterdir()] == ["a.pem"]
    assert (tmp_path / "tls" / "a.pem").read_bytes() == b"two"


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="file/x"):
        StateFolder(tmp_path / "file").write("x.secret", b"")
    (tmp_path / "binary.secret").write_bytes(b"\xff\xfe")
    with pytest.raises(StateError, match=r"binary\.secret cannot be read"):
        StateFolder(tmp_path).secret("binary")
