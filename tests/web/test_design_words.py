"""No page mixes languages: all words are of the catalogue or of the data. And FC-e07: data stay text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import httpx
import jinja2
import pytest

from web import i18n
from web.app import create_app
from web.examples import HOSTILE, PATH, VISITOR, Examples
from web.flash import KINDS, Kind
from web.forms import Form
from web.rendering import TEMPLATES, Renderer, environment

SPOKEN = ("alt", "aria-label", "placeholder", "title", "data-column", "data-announce", "content")
LETTERS = re.compile(r"[^\W\d_]{2,}")
ALL = sorted(TEMPLATES.rglob("*.html"))


class Words(HTMLParser):
    """Everything that a person reads or hears: texts and spoken attributes; and the elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self._silent = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag in ("script", "style"):
            self._silent = tag
        if tag != "meta":
            self.said += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.said.append(data.strip())


def literal_words(source: str) -> Iterator[str]:
    """Letters that stand in a template itself, outside tags and Jinja's marks."""
    env = jinja2.Environment(autoescape=True)
    page = ""
    for _, kind, value in env.lex(source):
        if kind == "data":
            page += value
        elif kind in ("variable_begin", "block_begin"):
            page += "0"
    # Some macros give attributes alone, or a tag whose name is computed: they are no text.
    no_text = re.compile(r'&\w+;|[\w-]+="[^"]*"')
    yield from LETTERS.findall(" ".join(no_text.sub("", said) for said in Words(page).said))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_no_template_speaks_a_language_itself(path: Path) -> None:
    assert list(literal_words(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>Save</p>", ["Save"]),
        ("<p>{{ t('a.b') }} now</p>", ["now"]),
        ('<button aria-label="Close">×</button>', ["Close"]),
        ("<p class='lead'>{{ t('a.b') }} – 1</p>{# note #}", []),
    ],
)
def test_the_search_for_literal_words_finds_them(source: str, words: list[str]) -> None:
    assert list(literal_words(source)) == words


class Marked(Renderer):
    """Says keys in brackets instead of words."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, visitor=lambda request: VISITOR)
        self._environments = {language: environment(marked, language) for language in i18n.LANGUAGES}

    def say(self, request: Any, key: str, **values: object) -> str:
        return marked(key, **values)


def marked(key: str, **values: object) -> str:
    """The key in brackets, with its values as data beside it; unknown keys and values raise."""
    i18n.translate("vi", key, **values)
    return f"⟦{key}⟧" + "".join(str(value) for value in values.values())


async def page_of(renderer: Renderer, language: str, path: str = PATH) -> str:
    """The page of examples in one language."""
    app = create_app([*renderer.routes(), *Examples(renderer).routes()], pages=True)
    transport = httpx.ASGITransport(app=app)
    cookies = {"language": language}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", cookies=cookies) as client:
        answer = await client.get(path)
        assert answer.status_code == 200
        return answer.text


async def test_every_word_of_the_examples_comes_from_the_catalogue(built: Path) -> None:
    said = Words(await page_of(Marked(built), "vi")).said
    data = {"Phường", "Xã", "Quận", "Huyện"}
    strange = []
    for text in said:
        rest = re.sub(r"⟦[\w.]+⟧", "", text)
        if LETTERS.search(rest) and not any(text.startswith(name) for name in data):
            strange.append(rest)
    known = {VISITOR.name, "Giao ban trực tuyến với các xã, phường", *HOSTILE[:3]}
    left = [text for text in strange if not any(name in text for name in known)]
    assert [text for text in left if "Báo cáo" not in text and "Trúc Bạch" not in text] == []


async def test_pages_of_two_languages_share_no_sentence(built: Path) -> None:
    vi, en = [set(Words(await page_of(Renderer(built), language)).said) for language in i18n.LANGUAGES]
    same = {key for key, text in i18n.catalogue("vi").items() if text == i18n.catalogue("en")[key]}
    shared = {
        key
        for key, text in i18n.catalogue("vi").items()
        if text in en and key not in same and "{" not in text and not key.startswith("language.")
    }
    assert shared == set()
    assert len(vi & set(i18n.catalogue("vi").values())) > 60


def components(name: str) -> str:
    """Every component with ``name`` wherever data may stand."""
    env = environment(functools.partial(i18n.translate, "vi"), "vi")
    source = """
    {% call(row) ui.table("t", x, [("a", x, true), ("b", x, false)], [x], here=here, sort="a") %}
    {{ ui.cell(x, row, head=true) }}{% call ui.cell(x) %}{{ row }}{% endcall %}{% endcall %}
    {% call ui.card(x, overline=x, action=x, href="/m") %}{{ x }}{% endcall %}{{ ui.card(x) }}
    {{ ui.badge("good", x) }}{{ ui.notice("error", x, title=x) }}{{ ui.empty(x, x, action=x, href="/m") }}
    {{ ui.steps(x, [(x, "done"), (x, "current"), (x, "todo")]) }}{{ ui.button(x, data_dialog=x) }}
    {{ ui.button(x, href="/m", icon="next") }}{{ ui.view_tabs(x, [("/m", x, true)]) }}
    {% call(key) ui.tabs("tabs", x, [("a", x)]) %}{{ x }}{% endcall %}
    {% call ui.dialog("d", x) %}{{ x }}{% endcall %}{{ ui.search(x, value=x, target="r") }}
    {% call ui.region("r", announce=x) %}{{ x }}{% endcall %}{{ ui.pager(here, 2, 3) }}
    {{ ui.text(form, "f", x, hint=x) }}{{ ui.textarea(form, "f", x, hint=x) }}
    {{ ui.select(form, "f", x, [(x, x)], hint=x) }}{{ ui.date(form, "f", x, hint=x) }}
    {{ ui.time(form, "f", x) }}{{ ui.checks(form, "f", x, [(x, x, x), (x, x)], hint=x) }}
    {{ ui.error_summary(form) }}
    """
    form = Form({"f": name}, {"f": name, "": name})

    def here(**changes: object) -> str:
        return "/m?x=" + name

    toasts = "".join('{{ ui.toast("%s", x) }}' % kind for kind in KINDS)  # noqa: UP031
    return env.from_string(source + toasts).render(x=name, form=form, here=here)


@pytest.mark.parametrize("name", HOSTILE)
def test_fc_e07_names_stay_text_in_every_component(name: str) -> None:
    plain = Words(components("Tên"))
    made = components(name)
    page = Words(made)
    assert page.tags == plain.tags
    assert page.attributes == plain.attributes
    assert "49" not in "".join(page.said)
    assert "\u202e" not in made
    assert "\x07" not in made


async def test_fc_e07_on_the_page_and_in_what_comes_later(built: Path) -> None:
    renderer = Renderer(built, visitor=lambda request: VISITOR)
    for path in (PATH, f"{PATH}?page=5", f"{PATH}?q=onerror", f"{PATH}?q=%3Cimg%20src%3Dx%3E"):
        page = Words(await page_of(renderer, "vi", path))
        assert "img" not in page.tags
        assert "b" not in page.tags
        assert "onerror" not in page.attributes
    found = await page_of(renderer, "vi", f"{PATH}?q=onerror")
    assert "Tổ 5 &lt;img src=x onerror=alert(1)&gt;" in found


def test_every_kind_of_message_has_its_look() -> None:
    assert get_args(Kind) == KINDS


def test_drawings_are_those_of_the_meeting_page() -> None:
    """An icon that both have looks the same in both."""
    script = (TEMPLATES.parent / "frontend/src/ui/icons.ts").read_text("utf-8")
    block = re.search(r"const PATHS = \{(.*?)\n\} as const", script, re.DOTALL)
    assert block is not None
    theirs = {
        match[1]: re.findall(r'"([^"]+)"', match[2])
        for match in re.finditer(r'"?([\w-]+)"?: \[(.*?)\]', block[1], re.DOTALL)
    }
    source = (TEMPLATES / "ui/icons.html").read_text("utf-8")
    ours = {
        match[1]: re.findall(r'"([^"]+)"', match[2])
        for match in re.finditer(r'"([\w-]+)": \[(.*?)\]', source, re.DOTALL)
    }
    both = ours.keys() & theirs.keys()
    assert len(both) >= 10
    assert {name: ours[name] for name in both} == {name: theirs[name] for name in both}
