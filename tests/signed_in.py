"""Browsers that are signed in, for tests of pages: one for each role, and for a site."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html.parser import HTMLParser

import httpx

from directory import people
from directory.access import credentials, owners, sessions
from directory.access.secrets import Cost, Hasher, Hashing
from directory.access.sessions import Visit
from directory.database import Database
from directory.seed import load_hanoi_units, load_main_sites
from directory.sites import all_sites
from web.assembly import Service

NOW = dt.datetime.now(dt.UTC)
ROLES = ("official", "chair", "secretary", "it_staff", "administrator")
PASSWORD = "một câu dễ nhớ 27"
HTML = {"Accept": "text/html,application/xhtml+xml"}


def quick_hashing() -> Hashing:
    """Hashes that cost nothing."""
    cheap = Cost(1, 8, 1)
    return Hashing(Hasher(cheap, name="cheap"), Hasher(cheap, name="cheap-key"))


class Browser(httpx.AsyncClient):
    """A browser at the service, over HTTP on this machine."""

    def __init__(
        self, service: Service, base: str = "http://localhost:7880", address: str = "127.0.0.1"
    ) -> None:
        app = service.asgi  # type: ignore[attr-defined]
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 4000))
        super().__init__(transport=transport, base_url=base, headers=HTML)

    async def token(self, path: str) -> str:
        """The token of the forms on a page."""
        return form_token((await self.get(path)).text)

    async def fill(self, form: str, values: Mapping[str, str | list[str]], *, at: str = "") -> httpx.Response:
        """Send a form whose page is ``at``, else where it is sent to."""
        return await self.post(form, data={"csrf": await self.token(at or form), **values})


def form_token(page: str) -> str:
    """The token in a page's first form; nothing where there is none."""
    found = re.search(r'name="csrf" value="([^"]*)"', page)
    return found[1] if found else ""


class Text(HTMLParser):
    """What a page says, its title apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.parts.append(" ".join(data.split()))

    @property
    def all(self) -> str:
        """All of it in one line."""
        return " ".join(self.parts)


class World:
    """People of each role, named after it, and a main site's device; made when first asked for."""

    def __init__(self, service: Service) -> None:
        self.service = service
        assert service.records is not None
        self.database: Database = service.records.database
        self.hashing = quick_hashing()
        self.people: dict[str, int] = {}
        self.site_id = 0
        self.site_code = ""

    async def person(
        self,
        login: str,
        name: str = "",
        *,
        roles: tuple[str, ...] = (),
        unit_ids: tuple[int, ...] = (),
        password: str = "",
        must_change: bool = False,
    ) -> int:
        """A new person; with ``password`` that opens the door."""
        async with self.database.write() as session:
            details = people.Details(name or f"Người {login}")
            made = await people.create(
                session, login, details, roles=roles, unit_ids=unit_ids, by="cli:test", now=NOW
            )
        self.people[login] = made.id
        if password:
            secret = await self.hashing.own_password(password)
            async with self.database.write() as session:
                await credentials.issue(
                    session, owners.person(made.id), secret, by="cli:test", now=NOW, must_change=must_change
                )
        return made.id

    async def sites(self) -> None:
        """Hanoi's units and main sites of today."""
        async with self.database.write() as session:
            await load_hanoi_units(session)
            await load_main_sites(session, dt.date(2025, 8, 1))
            site = (await all_sites(session))[0]
        self.site_id, self.site_code = site.id, site.code

    async def site_key(self) -> str:
        """A key for the first site's device."""
        if not self.site_id:
            await self.sites()
        issued = await credentials.issue_key(
            self.database, self.hashing, owners.site_device(self.site_id), by="cli:test", now=NOW
        )
        return issued.secret

    @asynccontextmanager
    async def browser(self, who: str = "", **options: str) -> AsyncIterator[Browser]:
        """A browser of the person with the role ``who``, of the ``site``, or of nobody."""
        async with Browser(self.service, **options) as browser:
            if who:
                browser.cookies.set("diemcau_session", await self.cookie(who))
            yield browser

    async def cookie(self, who: str) -> str:
        """The cookie of a new session: of the person with this login, made with that role if need be."""
        now = dt.datetime.now(dt.UTC)
        if who == "site":
            credential_id = (await self.site_key()).partition(".")[0]
        else:
            if who not in self.people:
                await self.person(who, roles=(who,) if who in ROLES else ())
            secret = await self.hashing.own_password(PASSWORD)
            async with self.database.write() as session:
                owner = owners.person(self.people[who])
                living = await credentials.of_owner(session, owner)
                alive = [one.id for one in living if one.revoked_at is None]
                if alive:
                    credential_id = alive[0]
                else:
                    credential_id = (
                        await credentials.issue(session, owner, secret, by="cli:test", now=now)
                    ).id
        async with self.database.write() as session:
            return (await sessions.open_session(session, credential_id, Visit(now, 0.0))).cookie
