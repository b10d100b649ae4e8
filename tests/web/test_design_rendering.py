"""Server-made pages: languages, ways back, messages after a redirect, navigation by role."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from web.app import create_app
from web.assembly import Service
from web.examples import FORM_PATH, HOSTILE, PATH, VISITOR, Examples, found_sites
from web.flash import COOKIE, MAX_COOKIE, Flash, read_flash, set_flash
from web.navigation import ENTRIES, ROLE_WORDS, ROLES, Visitor, navigation
from web.rendering import LANGUAGE_PATH, Renderer, clean, local_path
from web.settings import Settings

Ask = Callable[..., httpx.Response]


@pytest.fixture
async def client(built: Path) -> Any:
    renderer = Renderer(built, visitor=lambda request: VISITOR, csrf=lambda request: 'a"token')
    app = create_app([*renderer.routes(), *Examples(renderer).routes()], pages=True)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


class Reader(HTMLParser):
    """Elements with their attributes, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/meetings?day=1", "/meetings?day=1"),
        ("/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("/a\\b", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/" + "a" * 3000, "/"),
    ],
)
def test_only_ways_on_this_server_are_gone(text: str, path: str) -> None:
    assert local_path(text) == path


async def test_language_switch_comes_back(client: httpx.AsyncClient) -> None:
    body = urlencode({"language": "en", "next": "/examples?view=week"})
    answer = await client.post(LANGUAGE_PATH, content=body)
    assert (answer.status_code, answer.headers["location"]) == (303, "/examples?view=week")
    page = await client.get(PATH)
    assert '<html lang="en">' in page.text
    assert "Skip to content" in page.text
    other = await client.post(LANGUAGE_PATH, content=urlencode({"language": "fr", "next": "//x"}))
    assert other.headers["location"] == "/"
    assert "set-cookie" not in other.headers
    assert (await client.post(LANGUAGE_PATH, content="x" * 5000)).status_code == 413


async def test_a_refused_form_keeps_what_was_written(client: httpx.AsyncClient) -> None:
    body = urlencode({"title": HOSTILE[0], "day": "30/02/2027", "begin": "8h", "end": "7h", "sites": "HN002"})
    answer = await client.post(FORM_PATH, content=body)
    assert answer.status_code == 422
    page = Reader(answer.text)
    fields = {a.get("id"): a for tag, a in page.elements if tag == "input"}
    assert fields["f-title"]["value"] == HOSTILE[0]
    assert "aria-invalid" not in fields["f-title"]
    assert fields["f-day"]["value"] == "30/02/2027"
    assert fields["f-day"]["aria-describedby"] == "f-day-hint f-day-error"
    assert [
        a["href"] for tag, a in page.elements if tag == "a" and (a.get("href") or "").startswith("#f-")
    ] == [
        "#f-day",
        "#f-end",
    ]
    ticked = [a["value"] for tag, a in page.elements if a.get("type") == "checkbox" and "checked" in a]
    assert ticked == ["HN002"]
    tokens = [a["value"] for tag, a in page.elements if a.get("name") == "csrf"]
    assert set(tokens) == {'a"token'}
    assert ("name", "next") in {("name", a.get("name")) for _, a in page.elements}


async def test_a_message_is_shown_once_and_as_text(client: httpx.AsyncClient) -> None:
    fields = {"title": HOSTILE[1], "day": "1/12/2026", "begin": "8h", "end": "9h", "sites": "HN002"}
    answer = await client.post(FORM_PATH, content=urlencode(fields))
    assert (answer.status_code, answer.headers["location"]) == (303, FORM_PATH)
    shown = Reader((await client.get(FORM_PATH)).text)
    assert f"Đã lưu: {HOSTILE[1]}" in shown.text
    assert "img" not in {tag for tag, _ in shown.elements}
    assert "Đã lưu" not in (await client.get(FORM_PATH)).text


def request_with(cookie: str) -> Request:
    """A request that carries that flash cookie."""
    return Request({"type": "http", "headers": [(b"cookie", f"{COOKIE}={cookie}".encode("latin-1"))]})


def packed(flash: Flash) -> str:
    """The cookie's value."""
    response = Response()
    set_flash(response, flash)
    return response.headers.get("set-cookie", "=").split(";")[0].partition("=")[2]


def test_a_message_of_another_key_or_without_its_values_is_not_shown() -> None:
    assert read_flash(request_with(packed(Flash("info", "flash.example", {"title": "x"})))) is not None
    for wrong in (Flash("info", "app.name"), Flash("info", "flash.example"), Flash("info", "flash.no.such")):
        assert read_flash(request_with(packed(wrong))) is None


def test_a_long_message_never_makes_a_cookie_that_browsers_refuse() -> None:
    assert len(packed(Flash("info", "flash.example", {"title": "ệ" * 5000}))) <= MAX_COOKIE


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"\\')))
def test_no_cookie_breaks_a_page(cookie: str) -> None:
    read_flash(request_with(cookie))


@given(st.text())
def test_shown_text_has_no_controls_and_no_turns(text: str) -> None:
    cleaned = clean(text)
    assert not set(cleaned) & set("\x00\x07\x1b\u202e\u202d\u2066\u2069\u200f\ufeff")
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("roles", "path", "paths", "current"),
    [
        ({"official"}, "/home", ["/home", "/meetings"], "/home"),
        ({"chair"}, "/meetings/7", ["/home", "/meetings"], "/meetings"),
        (
            {"secretary"},
            "/meetings/new",
            ["/home", "/meetings", "/meetings/new", "/directory"],
            "/meetings/new",
        ),
        ({"it_staff"}, "/meetingsx", ["/home", "/meetings", "/directory"], None),
        ({"administrator"}, "/audit", ["/home", "/meetings", "/directory", "/people", "/audit"], "/audit"),
        ({"site"}, "/home", ["/home", "/kiosk"], "/home"),
        ({"unknown"}, "/home", [], None),
    ],
)
def test_navigation_by_role(roles: set[str], path: str, paths: list[str], current: str | None) -> None:
    shown = navigation(Visitor("A", frozenset(roles)), path)
    assert [entry.path for entry in shown] == paths
    assert next((entry.path for entry in shown if entry.current), None) == current


def test_navigation_table() -> None:
    assert navigation(None, "/home") == []
    assert set(ROLE_WORDS) == {*ROLES, "site"}
    assert {entry.path for entry in navigation(Visitor("A", frozenset({*ROLES, "site"})), "/")} == {
        entry.path for entry in ENTRIES
    }
    assert navigation(Visitor("A", frozenset(ROLES), at_work=False), "/") == []
    assert Visitor("A", frozenset({"official", "secretary"})).role_word == "role.secretary"
    assert Visitor("A", frozenset()).role_word == "role.none"


@pytest.mark.parametrize(("on", "status"), [(False, 404), (True, 200)])
async def test_the_examples_are_there_only_if_wanted(
    settings: Settings, built: Path, on: bool, status: int
) -> None:
    service = Service(settings.with_values({"examples": on}), with_pages=True, built=built)
    transport = httpx.ASGITransport(app=service.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get(PATH)).status_code == status
        assert (await client.post(LANGUAGE_PATH, content="language=vi")).status_code == 303


@given(st.dictionaries(st.sampled_from(["q", "sort", "order", "page", "view"]), st.text(max_size=20)))
def test_any_address_gives_a_page_of_the_list(asked: dict[str, str]) -> None:
    query = urlencode({key: value.encode("utf-8", "replace") for key, value in asked.items()})
    found = found_sites(Request({"type": "http", "query_string": query.encode(), "headers": []}))
    assert 1 <= found["page"] <= found["pages"]
    assert len(found["rows"]) <= 10
    assert (not found["rows"]) == (found["count"] == 0)
