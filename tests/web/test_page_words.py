"""The pages' catalogue and the names of built files."""

from __future__ import annotations

import contextlib
import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import i18n
from web.assets import Assets, AssetsMissing


def fields(text: str) -> set[str]:
    """Placeholders of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    vi, en = i18n.catalogue("vi"), i18n.catalogue("en")
    assert vi.keys() == en.keys()
    assert [key for key in vi if fields(vi[key]) != fields(en[key])] == []


def test_translate_fills_in() -> None:
    assert i18n.translate("vi", "start.people", count=7) == "Có mặt: 7"
    with pytest.raises(KeyError):
        i18n.translate("vi", "no.such")


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        (None, None, "vi"),
        ("en", "vi-VN", "en"),
        ("vi", "en", "vi"),
        ("fr", "en-GB,en;q=0.8", "en"),
        (None, "en-US,vi;q=0.5", "vi"),
        (None, "fr", "vi"),
        ("", "", "vi"),
    ],
)
def test_language(cookie: str | None, accept: str | None, language: str) -> None:
    assert i18n.choose_language(cookie, accept) == language


@given(st.text(max_size=40), st.text(max_size=400))
def test_any_header_gives_a_language(cookie: str, accept: str) -> None:
    assert i18n.choose_language(cookie, accept) in i18n.LANGUAGES


def test_reads_continued_strings() -> None:
    text = 'msgid ""\nmsgstr "head"\n# note\nmsgid "a"\nmsgstr "một "\n"\\"hai\\""\n\nmsgid "b"\nmsgstr "2"\n'
    assert i18n.parse_po(text) == {"a": 'một "hai"', "b": "2"}


@pytest.mark.parametrize(
    "text",
    [
        'msgid "a"\nmsgstr ""',
        'msgid "a"\nmsgstr "x"\nmsgid "a"\nmsgstr "y"',
        'msgid a\nmsgstr "x"',
        'msgctxt "x"',
        '"lonely"',
        'msgid ["a"]',
    ],
)
def test_refuses_what_it_does_not_understand(text: str) -> None:
    with pytest.raises(i18n.CatalogueError):
        i18n.parse_po(text)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(i18n.CatalogueError):
        i18n.parse_po(text)


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=40), max_size=5))
def test_reads_back_what_is_written(entries: dict[str, str]) -> None:
    lines = [f"msgid {json.dumps(key)}\nmsgstr {json.dumps(value)}\n" for key, value in entries.items()]
    assert i18n.parse_po("\n".join(lines)) == entries


def write(folder: Path, manifest: object) -> Path:
    """A folder of built files with that manifest."""
    (folder / ".vite").mkdir()
    (folder / ".vite" / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def test_styles_of_imports_come_first_and_once(tmp_path: Path) -> None:
    chunks = {
        "src/main.ts": {"file": "assets/main.js", "imports": ["_a", "_b"], "css": ["assets/main.css"]},
        "_a": {"file": "assets/a.js", "imports": ["_b"], "css": ["assets/a.css"]},
        "_b": {"file": "assets/b.js", "imports": ["_a"], "css": ["assets/b.css"]},
    }
    assets = Assets(write(tmp_path, chunks))
    assert assets.script("src/main.ts") == "/static/app/assets/main.js"
    expected = ["/static/app/assets/b.css", "/static/app/assets/a.css", "/static/app/assets/main.css"]
    assert assets.styles("src/main.ts") == expected
    with pytest.raises(AssetsMissing, match=r"other\.ts"):
        assets.script("src/other.ts")


def test_says_what_to_do_where_nothing_is_built(tmp_path: Path) -> None:
    with pytest.raises(AssetsMissing, match="make install"):
        Assets(tmp_path)
    with pytest.raises(AssetsMissing, match="damaged"):
        Assets(write(tmp_path, []))
