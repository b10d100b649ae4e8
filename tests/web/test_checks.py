"""The checks of the tree: each finds what it is for, and nothing in a good tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.checks import documents, imports, lengths, links, traces
from tools.checks.files import tracked_files

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("check", [imports, links, traces, lengths, documents])
def test_the_tree_passes(check: object) -> None:
    assert check.problems(ROOT, tracked_files(ROOT)) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("media/a.py", "import web.app", "media may not import web.app"),
        ("media/a.py", "from signaling import ids", "media may not import signaling.ids"),
        (
            "media/sdp/a.py",
            "def f():\n    import jwt",
            "media/sdp/a.py:2: media may not import the library jwt",
        ),
        ("signaling/a.py", "from media import clock", ""),
        ("signaling/a.py", "import aiortc", "signaling may not import the library aiortc"),
        ("signaling/client/a.py", "import aiortc", ""),
        (
            "signaling/a.py",
            "from directory.hanoi import spread",
            "signaling may not import directory.hanoi.spread",
        ),
        ("scheduler/a.py", "from signaling.tokens import issue", ""),
        ("scheduler/a.py", "from signaling import tokens", ""),
        ("scheduler/a.py", "from signaling.registry import RoomRegistry", "signaling.registry.RoomRegistry"),
        ("scheduler/a.py", "import monitors.x", "scheduler may not import monitors.x"),
        ("monitors/a.py", "from signaling.client.room import RoomClient", ""),
        ("monitors/a.py", "import signaling.room", "monitors may not import signaling.room"),
        ("web/a.py", "import media, signaling, directory, scheduler, monitors", ""),
        ("web/a.py", "from tests.web import x", "which is not shipped"),
        ("media/sdp/a.py", "from ..x import y", ""),
        ("media/a.py", "from ..web import app", "media may not import web.app"),
        ("media/a.py", "if TYPE_CHECKING:\n    from web import app", "media may not import web.app"),
    ],
)
def test_import_directions(name: str, text: str, problem: str) -> None:
    found = imports.check_source(name, text)
    assert [problem in line for line in found] == ([True] if problem else [])


def test_relative_imports_get_their_full_names() -> None:
    text = "from .x import a\nfrom ..y import b\nfrom . import c\n"
    assert imports.imports_of(text, "media.sdp.m") == [
        (1, "media.sdp.x.a"),
        (2, "media.y.b"),
        (3, "media.sdp.c"),
    ]
    assert imports.imports_of("from .x import a", "media.sdp", is_package=True) == [(1, "media.sdp.x.a")]


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[a](b.md)", 0),
        ("[a](b.md#two-words)", 0),
        ("[a](b.md#đường-dẫn)", 0),
        ("[a](b.md#none)", 1),
        ("[a](none.md)", 1),
        ("![a](picture.png)", 1),
        ("[a](/b.md)", 1),
        ("[a](../../outside.md)", 1),
        ("[a](https://example.org/none) [b](mailto:a@example.org)", 0),
        ("[a][r]\n\n[r]: none.md", 1),
        ('<img src="none.png">', 1),
        ("```\n[a](none.md)\n```", 0),
        ("`[a](none.md)`", 0),
        ("[a](#here)\n\n# Here", 0),
    ],
)
def test_links(tmp_path: Path, text: str, dead: int) -> None:
    (tmp_path / "b.md").write_text("# Title\n\n## Two `words`\n\n## Đường dẫn\n")
    (tmp_path / "a.md").write_text(text)
    assert len(links.problems(tmp_path, [tmp_path / "a.md"])) == dead


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", "open('" + "/".join(["", "work", "main"]) + "')", 1),
        ("a.py", "see " + "/".join(["", "root", ".cache"]), 1),
        ("a.py", "x = '" + "/".join(["", "tmp", "x"]) + "'", 1),
        ("a.py", "tmp_path / 'x'; a/work/b; path = '/meet/room'", 0),
        ("a.md", "from " + ".".join(["files", "pythonhosted", "org"]), 1),
        ("a.md", "https://registry." + ".".join(["npmjs", "org"]) + "/x", 1),
        ("a.md", "https://example.org", 0),
        ("package-lock.json", '      "resolved": "x",', 1),
        ("package.json", '      "resolved": "x",', 0),
        ("x.lock", "--index-url https://example.org", 1),
    ],
)
def test_traces(name: str, text: str, found: int) -> None:
    assert len(traces.check_text(name, text)) == found


def test_lengths(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 451)
    (tmp_path / "good.py").write_text("x = 1\n" * 450)
    (tmp_path / "data.csv").write_text("x\n" * 5000)
    assert lengths.problems(tmp_path, sorted(tmp_path.iterdir())) == ["long.py: 451 lines, at most 450"]


def test_documents_that_lag_behind_are_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "web" / "frontend").mkdir(parents=True)
    (tmp_path / "docs" / "settings.md").write_text("# Settings\n")
    (tmp_path / "docs" / "signaling.md").write_text(
        "## Requests, `SignalRequest`\n\n| `offer` | x |\n| `nonsense` | y |\n\n"
        "## Answers, `SignalResponse`\n\n`tests/none/test_none.py`\n"
    )
    (tmp_path / "docs" / "dependencies.md").write_text("| `left-over` | x |\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["starlette>=1"]\n[project.optional-dependencies]\ndev = []\n'
    )
    (tmp_path / "web" / "frontend" / "package.json").write_text('{"dependencies": {"livekit-client": "1"}}')
    found = "\n".join(documents.problems(tmp_path, []))
    for problem in (
        "docs/settings.md: not in step",
        "SignalRequest.answer is missing",
        "SignalRequest has no nonsense",
        "SignalResponse.join is missing",
        "tests/none/test_none.py is not there",
        "starlette is missing",
        "livekit-client is missing",
        "left-over is no dependency",
    ):
        assert problem in found, problem
    assert "SignalRequest.offer" not in found
