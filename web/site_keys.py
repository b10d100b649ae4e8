"""Keys of a site's devices and agents: which there are, a new one shown once, and an end to one.

A key signs a site's own page in, so whoever reads this page's answer to *issue* may be the site. The
secret stands in that one answer and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory import endpoints
from directory.access import credentials, owners, sessions
from directory.access.credentials import CredentialInfo
from directory.access.owners import Owner
from directory.access.principal import Principal
from directory.access.rights import Action, may
from directory.access.secrets import Hashing
from directory.database import Database
from directory.endpoints import EndpointView
from directory.errors import InvalidError, NotFoundError, UnavailableError
from directory.model import Credential
from scheduler.localtime import format_instant
from web.audit_words import actor_names, actor_words
from web.directory_pages import SITE, done
from web.forms import Form
from web.rendering import Renderer
from web.visitors import TurnedAway, check_form, now, require

KINDS: Final = {"device": "keys.kind.device", "agent": "keys.kind.agent"}
_USUAL: Final = {"kind": "device", "device": "main"}


@dataclass(frozen=True, slots=True)
class Key:
    """A living key as the page lists it; ``sessions`` are the browsers or programs that it opened."""

    credential: CredentialInfo
    by: str
    sessions: int


class SiteKeyPages:
    """See the module."""

    def __init__(self, renderer: Renderer, database: Database, hashing: Hashing) -> None:
        self._renderer = renderer
        self._database = database
        self._hashing = hashing

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        keys = SITE + "{code}/keys"
        return [
            Route(keys, self._show, methods=["GET"]),
            Route(keys, self._issue, methods=["POST"]),
            Route(f"{keys}/revoke", self._revoke, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        principal = require(request, Action.VIEW_CREDENTIALS)
        return await self._page(request, principal, await self._site(request), Form(_USUAL))

    async def _site(self, request: Request) -> EndpointView:
        try:
            async with self._database.read() as session:
                return await endpoints.by_code(session, request.path_params["code"][:64])
        except NotFoundError:
            raise HTTPException(404) from None
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None

    async def _page(
        self,
        request: Request,
        principal: Principal,
        site: EndpointView,
        form: Form,
        *,
        status: int = 200,
        secret: str = "",
        refused: str = "",
    ) -> Response:
        async with self._database.read() as session:
            living = await credentials.living(session, Credential.endpoint_id == site.id)
            opened = await sessions.of_endpoint(session, site.id, now())
            names = await actor_names(session, [one.created_by for one in living])
        language = self._renderer.language(request)
        count = Counter(one.owner for one in opened)
        return self._renderer.render(
            request,
            "site_keys.html",
            status=status,
            here=f"{SITE}{site.code}/keys",
            site=site,
            keys=[
                Key(
                    one,
                    actor_words(language, one.created_by, names),
                    count[owners.actor_name(one.kind, site.code, one.device)],
                )
                for one in living
            ],
            kinds=KINDS,
            form=form,
            secret=secret,
            refused=refused,
            issues=may(principal, Action.ISSUE_SITE_CREDENTIALS) and not site.retired_at,
            revokes=may(principal, Action.ISSUE_SITE_CREDENTIALS),
            moment=format_instant,
        )

    async def _issue(self, request: Request) -> Response:
        principal = require(request, Action.ISSUE_SITE_CREDENTIALS)
        fields = await check_form(request)
        site = await self._site(request)
        kind, device = fields.text("kind"), fields.text("device").strip()
        try:
            owner = _owner(kind, site.id, device)
            issued = await credentials.issue_key(
                self._database, self._hashing, owner, by=principal.actor, now=now()
            )
        except InvalidError:
            form = Form(fields, {"device": self._renderer.say(request, "keys.device.wrong")})
            return await self._page(request, principal, site, form, status=422)
        except NotFoundError:
            said = self._renderer.say(request, "directory.retired_first")
            return await self._page(request, principal, site, Form(_USUAL), status=409, refused=said)
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        return await self._page(request, principal, site, Form(_USUAL), secret=issued.secret)

    async def _revoke(self, request: Request) -> Response:
        principal = require(request, Action.ISSUE_SITE_CREDENTIALS)
        fields = await check_form(request)
        site = await self._site(request)
        wanted = fields.text("credential")
        try:
            async with self._database.write() as session:
                # A key of another site is none of this page's.
                living = await credentials.living(session, Credential.endpoint_id == site.id)
                if wanted not in {one.id for one in living}:
                    raise NotFoundError("no such key of this site")
                await credentials.revoke(session, wanted, by=principal.actor, now=now())
        except NotFoundError:
            said = self._renderer.say(request, "keys.gone")
            return await self._page(request, principal, site, Form(_USUAL), status=409, refused=said)
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        return done(f"{SITE}{site.code}/keys", "flash.key.revoked", site.details.name)


def _owner(kind: str, endpoint_id: int, device: str) -> Owner:
    """Raises InvalidError for an impossible name."""
    return owners.agent(endpoint_id, device) if kind == "agent" else owners.site_device(endpoint_id, device)
