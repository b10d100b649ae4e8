"""The directory's commands as a user runs them: Hanoi's lists, import, export, and what they refuse."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command import run


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder whose database has Hanoi."""
    folder = tmp_path / "state"
    done = command(folder, "directory", "load-hanoi")
    assert (done.returncode, done.stdout) == (0, "units added: 737, sites added: 579\n"), done.stderr
    return folder


def command(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(*arguments, cwd=state.parent, DIEMCAU_STATE_DIR=str(state))


def test_load_hanoi_again_adds_nothing(state: Path) -> None:
    again = command(state, "directory", "load-hanoi")
    assert (again.returncode, again.stdout) == (0, "units added: 0, sites added: 0\n")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_export_and_import_change_nothing(state: Path, tmp_path: Path, form: str) -> None:
    file = f"sites.{form}"
    written = command(state, "endpoints", "export", file)
    assert (written.returncode, written.stdout) == (0, f"{file}: written\n"), written.stderr
    back = command(state, "endpoints", "import", file)
    assert (back.returncode, back.stdout) == (0, "added: 0, changed: 0, unchanged: 579\n"), back.stderr
    assert back.stderr == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == [file, "state"]


def test_a_dry_run_tells_and_changes_nothing(state: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(
        "Mã;Tên;Điện thoại\n4;;0912 345 670\n00004-2;Tổ dân phố 5;\n00006;;\n", "utf-8"
    )
    expected = (
        "+ 00004-2 Tổ dân phố 5, Quận Ba Đình\n~ 00004 Phường Trúc Bạch: Điện thoại: “” → “0912 345 670”\n"
    )
    for _ in range(2):
        dry = command(state, "endpoints", "import", "new.csv", "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert dry.stdout == expected + "would be added: 1, would be changed: 1, unchanged: 1\n"
        assert dry.stderr == "new.csv: line 2, column 1, “Mã”: “4” is read as “00004”.\n"
    real = command(state, "endpoints", "import", "new.csv")
    assert (real.returncode, real.stdout) == (0, expected + "added: 1, changed: 1, unchanged: 1\n")
    again = command(state, "endpoints", "import", "new.csv")
    assert (again.returncode, again.stdout) == (0, "added: 0, changed: 0, unchanged: 3\n")


def test_errors_have_a_line_each_and_nothing_is_changed(state: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("Mã;Điện thoại\n00004;0912 345 670\n00006;12\n99999;\n", "utf-8")
    done = command(state, "endpoints", "import", "bad.csv")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "bad.csv: line 3, column 2, “Điện thoại”: “12” is no telephone number.",
        "bad.csv: line 4, column 1, “Mã”: No unit on record fits “99999”.",
        "diemcau: nothing was changed",
    ]
    (tmp_path / "good.csv").write_text("Mã;Điện thoại\n00004;0912 345 670\n", "utf-8")
    dry = command(state, "endpoints", "import", "good.csv", "--dry-run")
    assert "would be changed: 1" in dry.stdout


def test_what_cannot_be_used(state: Path, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with (tmp_path / "huge.csv").open("wb") as huge:
        huge.truncate(200_000_000)
    table = [
        (("endpoints", "import", "a.pdf"), 1, "a.pdf: This is a PDF document, not a table."),
        (("endpoints", "import", "none.csv"), 2, "No such file or directory"),
        (("endpoints", "import", "huge.csv"), 1, "the file has 200000000 bytes; at most 10000000 are taken"),
        (("endpoints", "export", "sites.pdf"), 2, "must end in .csv or .xlsx"),
        (("endpoints", "export", "none/sites.csv"), 2, "No such file or directory"),
    ]
    for arguments, code, words in table:
        done = command(state, *arguments)
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    lost = run(
        "endpoints", "export", "x.csv", cwd=tmp_path, DIEMCAU_DATABASE_URL="sqlite:////proc/no/main.db"
    )
    assert lost.returncode == 2
    assert "Traceback" not in lost.stderr
    assert lost.stderr.count("\n") == 1


def test_units_need_a_first_day(state: Path, tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text(
        "Mã;Tên;Loại;Mã cấp trên\n00004;Phường Trúc Bạch;phường;001\n00003;Phường Mới;phường;001\n", "utf-8"
    )
    done = command(state, "units", "import", "units.csv", "--since", "2021-01-01")
    assert (done.returncode, done.stdout) == (
        0,
        "+ 00003 Phường Mới, Quận Ba Đình (001)\nadded: 1, changed: 0, unchanged: 1\n",
    ), done.stderr
    assert command(state, "units", "import", "units.csv").returncode == 2
