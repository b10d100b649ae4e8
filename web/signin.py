"""Coming in and going out: sign-in of people and of sites, the own password, the own sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from directory.access import sessions
from directory.access.errors import SignInError, TooManyTriesError
from directory.access.principal import Principal
from directory.access.secrets import Hashing
from directory.access.sessions import Opened, Visit
from directory.access.signin import SignIn
from directory.database import Database
from directory.errors import ChangedError, InvalidError, NotFoundError, UnavailableError
from scheduler.localtime import format_instant
from web.flash import Flash, set_flash
from web.forms import Form
from web.i18n import LANGUAGES
from web.known_browser import known_browser, remember_browser
from web.rendering import LANGUAGE_LIFE, Renderer, local_path
from web.visitors import (
    CHANGE_PATH,
    HOME,
    SIGN_IN,
    TurnedAway,
    check_form,
    drop_session,
    has_session,
    now,
    principal,
    require,
    set_session,
    visit,
)

SITE_PATH: Final = "/sign-in/site"
SITE_HOME: Final = "/kiosk"
"""Where a site's device goes that wants nothing else."""
SIGN_OUT: Final = "/sign-out"
ACCOUNT: Final = "/account"

Open = Callable[[Visit], Awaitable[Opened]]

_PROBLEMS: Final = {
    "wrong": "password.wrong",
    "too_short": "password.too_short",
    "too_long": "password.too_long",
    "characters": "password.characters",
    "is_login": "password.is_login",
    "common": "password.common",
    "same": "password.same",
}


class SignInPages:
    """See the module."""

    def __init__(self, renderer: Renderer, database: Database, hashing: Hashing) -> None:
        self.door = SignIn(database, hashing)
        self._renderer = renderer
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [
            Route(SIGN_IN, self._person, methods=["GET", "POST"]),
            Route(SITE_PATH, self._site, methods=["GET", "POST"]),
            Route(SIGN_OUT, self._sign_out, methods=["POST"]),
            Route(CHANGE_PATH, self._password, methods=["GET", "POST"]),
            Route(ACCOUNT, self._account, methods=["GET"]),
            Route(f"{ACCOUNT}/end", self._end, methods=["POST"]),
            Route(f"{ACCOUNT}/end-others", self._end_others, methods=["POST"]),
        ]

    # -- coming in ---------------------------------------------------------------------

    async def _person(self, request: Request) -> Response:
        goal = goal_of(request)
        if principal(request) is not None:
            return _to(goal)
        form = Form()
        if request.method == "POST":
            fields = await check_form(request)
            login, password = fields.text("login"), fields.text("password")
            form = Form(
                {"login": login[:200]},
                self._missing(
                    request,
                    {
                        "login": (login, "sign_in.login.empty"),
                        "password": (password, "sign_in.password.empty"),
                    },
                ),
            )
            if not form.errors:
                browser = known_browser(request, login)
                answer = await self._come_in(
                    request,
                    "sign_in.html",
                    form,
                    goal,
                    lambda v: self.door.person(login, password, replace(v, browser=browser)),
                )
                if answer.status_code == 303:
                    remember_browser(request, answer, login)
                return answer
        return self._show(request, "sign_in.html", form, goal)

    async def _site(self, request: Request) -> Response:
        goal = goal_of(request)
        found = principal(request)
        if goal == HOME and (found is None or found.kind == "site"):
            goal = SITE_HOME
        if found is not None:
            return _to(goal)
        form = Form()
        if request.method == "POST":
            fields = await check_form(request)
            key = fields.text("key")
            form = Form({}, self._missing(request, {"key": (key.strip(), "sign_in.key.empty")}))
            if not form.errors:
                return await self._come_in(
                    request, "sign_in_site.html", form, goal, lambda v: self.door.device(key, v)
                )
        return self._show(request, "sign_in_site.html", form, goal)

    async def _come_in(self, request: Request, template: str, form: Form, goal: str, door: Open) -> Response:
        try:
            opened = await door(visit(request))
        except TooManyTriesError as error:
            return self._too_many(request, template, form, error, goal=goal)
        except SignInError:
            key = "sign_in.wrong" if template == "sign_in.html" else "sign_in.key.wrong"
            wrong = Form(form.values, {"": self._renderer.say(request, key)})
            return self._show(request, template, wrong, goal)
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        answer = _to(f"{CHANGE_PATH}?{urlencode({'next': goal})}" if opened.must_change else goal)
        set_session(request, answer, opened)
        if request.cookies.get("language") not in LANGUAGES:
            await self._speak(answer, opened)
        return answer

    async def _speak(self, answer: Response, opened: Opened) -> None:
        """Whose browser has no language chosen gets pages in the person's own."""
        try:
            found = await sessions.look_up(self._database, opened.cookie, now())
        except UnavailableError:
            return
        if found is not None and found.kind == "person":
            answer.set_cookie("language", found.language, max_age=LANGUAGE_LIFE, samesite="lax")

    def _show(self, request: Request, template: str, form: Form, goal: str) -> Response:
        here = request.url.path + _query(goal)
        return self._renderer.render(
            request,
            template,
            status=422 if form.errors else 200,
            here=here,
            form=form,
            goal=goal,
            action=here,
        )

    def _too_many(
        self, request: Request, template: str, form: Form, error: TooManyTriesError, **values: Any
    ) -> Response:
        said = self._renderer.say(
            request, "sign_in.too_many", wait=wait_words(self._renderer, request, error.retry_after)
        )
        here = request.url.path + _query(goal_of(request))
        answer = self._renderer.render(
            request,
            template,
            status=429,
            here=here,
            form=Form(form.values, {"": said}),
            action=here,
            **values,
        )
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer

    def _missing(self, request: Request, fields: dict[str, tuple[str, str]]) -> dict[str, str]:
        return {
            name: self._renderer.say(request, key) for name, (text, key) in fields.items() if not text.strip()
        }

    async def _sign_out(self, request: Request) -> Response:
        answer = _to(SIGN_IN)
        found = principal(request)
        if found is not None:
            await check_form(request)
            try:
                async with self._database.write() as session:
                    await sessions.revoke(session, found.session_id, by=found.actor, now=now())
            except NotFoundError:
                pass  # It ended while this request was on its way.
            except UnavailableError:
                raise TurnedAway("unavailable", 503, retry_after=5) from None
            set_flash(answer, Flash("success", "flash.signed_out"))
        if has_session(request):
            # When another site posts, the cookie stays at home; nor must the answer take it away then.
            drop_session(request, answer)
        return answer

    # -- the own password -----------------------------------------------------------------

    async def _password(self, request: Request) -> Response:
        found = require(request, password_due=True)
        if found.kind != "person":
            raise TurnedAway("forbidden", 403)
        goal = goal_of(request)
        values: dict[str, Any] = {"login": found.name, "due": found.must_change, "goal": goal}
        form = Form()
        if request.method == "POST":
            fields = await check_form(request)
            current, new, again = fields.text("current"), fields.text("password"), fields.text("again")
            errors = self._missing(
                request,
                {
                    "current": (current, "password.current.empty"),
                    "password": (new, "password.empty"),
                    "again": (again, "password.again.empty"),
                },
            )
            if not errors and new != again:
                errors["again"] = self._renderer.say(request, "password.again.differs")
            if not errors:
                try:
                    opened = await self.door.change_password(found, current, new, visit(request))
                except TooManyTriesError as error:
                    return self._too_many(request, "password.html", form, error, **values)
                except InvalidError as error:
                    errors = {str(error.details["field"]): self._refused_word(request, error)}
                except (ChangedError, SignInError, NotFoundError):
                    errors[""] = self._renderer.say(request, "password.changed_meanwhile")
                except UnavailableError:
                    raise TurnedAway("unavailable", 503, retry_after=5) from None
                else:
                    answer = _to(goal)
                    set_session(request, answer, opened)
                    set_flash(answer, Flash("success", "flash.password_changed"))
                    return answer
            form = Form({}, errors)
        here = CHANGE_PATH + _query(goal)
        return self._renderer.render(
            request,
            "password.html",
            status=422 if form.errors else 200,
            here=here,
            form=form,
            action=here,
            **values,
        )

    def _refused_word(self, request: Request, error: InvalidError) -> str:
        key = _PROBLEMS[str(error.details["problem"])]
        count = error.details.get("least", error.details.get("most", ""))
        return self._renderer.say(request, key, count=count)

    # -- the own sessions ---------------------------------------------------------------------

    async def _account(self, request: Request) -> Response:
        found = _person(request)
        async with self._database.read() as session:
            mine = await sessions.of_person(session, found.id, now())
        rows = [(info, browser_of(info.agent), info.id == found.session_id) for info in mine]
        return self._renderer.render(
            request, "account.html", me=found, rows=rows, moment=format_instant, here_path=ACCOUNT
        )

    async def _end(self, request: Request) -> Response:
        found = _person(request)
        fields = await check_form(request)
        answer = _to(ACCOUNT)
        try:
            async with self._database.write() as session:
                await sessions.revoke(
                    session, fields.text("session"), by=found.actor, now=now(), person_id=found.id
                )
        except NotFoundError:
            set_flash(answer, Flash("info", "flash.session_gone"))
        else:
            set_flash(answer, Flash("success", "flash.session_ended"))
        return answer

    async def _end_others(self, request: Request) -> Response:
        found = _person(request)
        await check_form(request)
        async with self._database.write() as session:
            await sessions.end_of_person(session, found.id, by=found.actor, now=now(), but=found.session_id)
        answer = _to(ACCOUNT)
        set_flash(answer, Flash("success", "flash.sessions_ended"))
        return answer


def _person(request: Request) -> Principal:
    """The person who is signed in: a site's number may be a person's too, and ends nobody's sessions."""
    found = require(request)
    if found.kind != "person":
        raise TurnedAway("forbidden", 403)
    return found


def goal_of(request: Request) -> str:
    """Where somebody goes after the sign-in: the local path ``next`` of the address, else home."""
    goal = local_path(request.query_params.get("next", ""))
    path = goal.partition("?")[0]
    return HOME if path in ("/", SIGN_IN, SITE_PATH, SIGN_OUT, CHANGE_PATH) else goal


def wait_words(renderer: Renderer, request: Request, seconds: int) -> str:
    """How long to wait, in words: seconds up to a minute, then whole minutes."""
    if seconds < 60:
        return renderer.say(request, "wait.second" if seconds == 1 else "wait.seconds", count=seconds)
    minutes = -(-seconds // 60)
    return renderer.say(request, "wait.minute" if minutes == 1 else "wait.minutes", count=minutes)


_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("coc_coc_browser/", "Cốc Cốc"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """What a browser's ``User-Agent`` means to a person: ``Chrome, Windows``; nothing if unknown."""
    names = [name for sign, name in _BROWSERS if sign in agent][:1]
    return ", ".join(names + [name for sign, name in _SYSTEMS if sign in agent][:1])


def _query(goal: str) -> str:
    return "" if goal == HOME else "?" + urlencode({"next": goal})


def _to(path: str) -> Response:
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})
