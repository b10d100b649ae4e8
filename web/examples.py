"""A page that shows every component in every state, to look at and to test. Off unless the setting
``examples`` is on; its data are samples, and nothing is kept."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from web.flash import Flash, set_flash
from web.forms import Form, read_date, read_time
from web.navigation import Visitor
from web.rendering import Renderer

PATH: Final = "/examples"
FORM_PATH: Final = "/examples/form"
PER_PAGE: Final = 10
MAX_BODY: Final = 65_536

VISITOR: Final = Visitor("Nguyễn Thị Hồng Ánh", frozenset({"secretary", "administrator"}))

HOSTILE: Final = (
    'Giao ban <b>tuần</b> & "quý" </td><a href=https://x>bấm</a>',
    "Tổ 5 <img src=x onerror=alert(1)>",
    "{{ 7*7 }}",
    "Phường \u202etxt.exe\u202c\x07 Trúc Bạch",
)
"""Names that are markup, templates or disguise (FC-e07): they must show as what they are."""

_STATES: Final = ("good", "waiting", "warning", "bad", "off")
_DISTRICTS: Final = ("Quận Ba Đình", "Quận Đống Đa", "Quận Hoàn Kiếm", "Huyện Đan Phượng", "Huyện Ba Vì")
_NAMES: Final = (
    "Phường Trúc Bạch",
    "Phường Đội Cấn",
    "Phường Ô Chợ Dừa",
    "Phường Hàng Bông",
    "Xã Tân Lập",
    "Xã Yên Bài",
    "Xã Thọ An",
    "Phường Kim Liên",
    "Xã Đan Phượng",
    "Phường Cửa Đông",
)


@dataclass(frozen=True, slots=True)
class Site:
    """A sample row; ``state`` is a kind of badge."""

    code: str
    name: str
    district: str
    state: str
    backup: bool


def sample_sites() -> list[Site]:
    """Some sites, two of equal names among them, and the hostile ones."""
    names = [*(_NAMES[index % len(_NAMES)] for index in range(44)), *HOSTILE]
    return [
        Site(
            f"HN{index:03}",
            name,
            _DISTRICTS[index // len(_NAMES) % len(_DISTRICTS)],
            _STATES[index % len(_STATES)],
            index % 3 == 0,
        )
        for index, name in enumerate(names, start=1)
    ]


def fold(text: str) -> str:
    """Without marks, đ as d, small: for comparing."""
    marked = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(sign for sign in marked if not unicodedata.combining(sign)).lower()


def found_sites(request: Request) -> dict[str, Any]:
    """One page of the samples as the address asks for it; what is not understood is left aside."""
    asked = request.query_params
    query = asked.get("q", "")[:200]
    words = fold(query).split()
    sites = [
        site for site in sample_sites() if all(word in fold(f"{site.name} {site.district}") for word in words)
    ]
    orders: dict[str, Callable[[Site], str]] = {
        "name": lambda site: fold(site.name),
        "district": lambda site: fold(site.district),
    }
    sort = asked.get("sort", "") if asked.get("sort") in orders else ""
    descending = asked.get("order") == "desc"
    if sort:
        sites.sort(key=orders[sort], reverse=descending)
    pages = max(1, -(-len(sites) // PER_PAGE))
    wish = asked.get("page", "1")
    page = min(max(int(wish), 1), pages) if wish.isascii() and wish.isdigit() and len(wish) < 6 else 1
    return {
        "query": query,
        "sort": sort,
        "descending": descending,
        "count": len(sites),
        "page": page,
        "pages": pages,
        "rows": sites[(page - 1) * PER_PAGE : page * PER_PAGE],
    }


def checked(values: dict[str, list[str]]) -> dict[str, str]:
    """What is wrong with the sample form: keys of the catalogue by field."""

    def first(name: str) -> str:
        return values.get(name, [""])[0]

    wrong = {}
    if not first("title").strip():
        wrong["title"] = "examples.form.title.empty"
    if read_date(first("day")) is None:
        wrong["day"] = "examples.form.day.wrong"
    begin, end = read_time(first("begin")), read_time(first("end"))
    if begin is None:
        wrong["begin"] = "examples.form.begin.wrong"
    if end is None:
        wrong["end"] = "examples.form.end.wrong"
    if begin is not None and end is not None and end <= begin:
        wrong["end"] = "examples.form.end.before"
    if not values.get("sites"):
        wrong["sites"] = "examples.form.sites.none"
    return wrong


FILLED: Final[dict[str, list[str]]] = {
    "title": ["Giao ban trực tuyến với các xã, phường"],
    "kind": ["thematic"],
    "day": ["26/11/2026"],
    "begin": ["08:30"],
    "end": ["10:00"],
    "agenda": ["1. Báo cáo công tác tuần\n2. Thảo luận"],
    "sites": ["HN001", "HN003"],
}
WRONG: Final = {"title": [""], "day": ["30/02/2027"], "begin": ["14:00"], "end": ["8h30"], "sites": []}


class Examples:
    """The page, its form, and the form refused."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [
            Route(PATH, self._show, methods=["GET"]),
            Route(FORM_PATH, self._form, methods=["GET", "POST"]),
            Route("/examples/flash", self._flash, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        return self._renderer.render(
            request,
            "examples.html",
            filled=Form(FILLED, prefix="filled"),
            wrong=Form(WRONG, self._sentences(request, checked(WRONG)), prefix="wrong"),
            sites=sample_sites(),
            hostile=HOSTILE,
            found=found_sites(request),
            dialog_form=Form(prefix="cancel"),
            sample_day=dt.date(2026, 11, 26),
            view="week" if request.query_params.get("view") == "week" else "list",
        )

    async def _form(self, request: Request) -> Response:
        values: dict[str, list[str]] = {}
        errors: dict[str, str] = {}
        if request.method == "POST":
            body = b""
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return Response(status_code=413)
            values = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
            errors = checked(values)
            if not errors:
                answer = RedirectResponse(FORM_PATH, 303)
                set_flash(answer, Flash("success", "flash.example", {"title": values["title"][0]}))
                return answer
        form = Form(values, self._sentences(request, errors))
        status = 422 if errors else 200
        return self._renderer.render(
            request, "examples_form.html", status=status, here=FORM_PATH, form=form, sites=sample_sites()
        )

    async def _flash(self, request: Request) -> Response:
        answer = RedirectResponse(PATH, 303)
        set_flash(answer, Flash("success", "flash.example", {"title": HOSTILE[0]}))
        return answer

    def _sentences(self, request: Request, errors: dict[str, str]) -> dict[str, str]:
        return {name: self._renderer.say(request, key) for name, key in errors.items()}
