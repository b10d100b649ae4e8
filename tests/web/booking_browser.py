"""A browser without scripts at the pages of meetings, and the form that it sends."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from booking_world import SECOND_CHAIR, SECRETARY, World
from sqlalchemy import func, select

from directory.database import Database
from scheduler.model import Meeting

FORM: dict[str, Any] = {
    "title": "Họp chuyên đề",
    "kind": "thematic",
    "chair": "",
    "chair_id": str(SECOND_CHAIR),
    "secretary": str(SECRETARY),
    "day": "01/12/2026",
    "begin": "06:30",
    "minutes": "45",
    "sites": ["00004"],
    "do": "publish",
}


async def only(world: World) -> Meeting:
    """The one meeting there is."""
    async with world.database.read() as session:
        return (await session.scalars(select(Meeting))).one()


async def count(world: World, table: type[Any]) -> int:
    async with world.database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


class Client:
    """A browser without scripts."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, language: str = "vi") -> Reader:
        """A page."""
        self._speak(language)
        return Reader(await self._http.get(path))

    async def post(self, path: str, fields: dict[str, Any], language: str = "vi") -> Reader:
        """What answers to a form."""
        body = urlencode({"csrf": "token", **fields}, doseq=True)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        self._speak(language)
        return Reader(await self._http.post(path, content=body, headers=headers))

    def _speak(self, language: str) -> None:
        jar = self._http.cookies.jar
        for cookie in [cookie for cookie in jar if cookie.name == "language"]:
            jar.clear(cookie.domain, cookie.path, cookie.name)
        self._http.cookies.set("language", language)


class Reader(HTMLParser):
    """An answer: its words, its fields as a browser would send them, its elements."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.status = answer.status_code
        self.location = answer.headers.get("location", "")
        self.html = answer.text
        self.text = ""
        self.fields: dict[str, list[str]] = {}
        self.buttons: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self._select = self._area = ""
        self.feed(answer.text)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        name, value = got.get("name", ""), got.get("value", "")
        if tag == "button" and name == "do":
            self.buttons.append((value, got.get("data-at", "")))
        elif tag == "select":
            self._select = name
            self.fields.setdefault(name, [])
        elif tag == "option" and self._select and ("selected" in got or not self.fields[self._select]):
            self.fields[self._select] = [value]
        elif tag == "textarea":
            self._area = name
            self.fields[name] = [""]
        elif tag == "input" and name and (got.get("type") not in ("checkbox", "radio") or "checked" in got):
            self.fields.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            # The first line end in it is not part of the text.
            self.fields[self._area] = [self.fields[self._area][0].removeprefix("\n")]
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area][0] += data
        else:
            self.text += " " + data

    def sent(self, **changes: Any) -> dict[str, Any]:
        """What the form would send, with changes."""
        mine = {
            name: [value.replace("\n", "\r\n") for value in values]
            for name, values in self.fields.items()
            if name not in ("next", "q", "csrf", "") and not name.startswith("language")
        }
        return {**mine, **{name: value for name, value in changes.items() if value is not None}}


@contextlib.asynccontextmanager
async def copied_world(filled: Path, folder: Path) -> AsyncIterator[World]:
    """A copy of a filled city, with a secretary at its pages."""
    shutil.copy(filled, folder / "main.db")
    world = World(Database(f"sqlite:///{folder / 'main.db'}"))
    world.sign_in(SECRETARY)
    yield world
    await world.database.close()


@contextlib.asynccontextmanager
async def client_of(world: World, built: Path) -> AsyncIterator[Client]:
    """A browser at the pages of the world."""
    transport = httpx.ASGITransport(app=world.app(built))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield Client(http)
