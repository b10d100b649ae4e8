"""Import of a table on a page: upload, what would change, and one button that does exactly that.

The file stays in memory for the session that uploaded it, for half an hour and no longer than until
it is imported. What is shown is computed anew each time; the button carries the digest of what was
shown, so that nothing else can be carried out.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from directory.access.principal import Principal
from directory.access.rights import Action, may
from directory.database import Database
from directory.errors import ChangedError, InvalidError, UnavailableError
from directory.imports import (
    Plan,
    Problem,
    apply_endpoints,
    apply_units,
    preview_endpoints,
    preview_units,
    read_endpoints,
    read_units,
)
from directory.imports.endpoint_fields import Rows
from directory.tabular import Limits, TabularError, Value, write_csv
from media import clock
from scheduler.localtime import today
from web.flash import Flash, set_flash
from web.forms import Form, read_date, show_date
from web.i18n import Language
from web.rendering import Renderer
from web.table_words import megabytes, problem_words
from web.uploads import Upload, UploadError, read_upload
from web.visitors import FORM_FIELD, TurnedAway, check_form, check_token, now, require

PATH: Final = "/directory/import"
LIMITS: Final = Limits()
LIFE: Final = 1_800.0
"""Seconds for which a file waits for its button."""
MOST_KEPT: Final = 8
"""Files of different sessions in memory; the oldest gives way."""
SHOWN: Final = 200
"""Rows of each table of a preview."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that waits, and for whom."""

    key: str
    session_id: str = field(repr=False)
    what: str
    since: date
    name: str
    data: bytes = field(repr=False)
    until: float


class Waiting:
    """Files that wait, one for a session, a few in all. Pure: the time is given."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def put(self, kept: Kept, at: float) -> None:
        """Keep a file; that of the same session, what has expired, and the oldest of too many go."""
        self._clear(at)
        self._kept.pop(kept.session_id, None)
        while len(self._kept) >= self._most:
            self._kept.popitem(last=False)
        self._kept[kept.session_id] = kept

    def get(self, session_id: str, key: str, at: float) -> Kept | None:
        """The file of a session, if it is this one and still there."""
        self._clear(at)
        kept = self._kept.get(session_id)
        return kept if kept is not None and secrets.compare_digest(kept.key, key) else None

    def drop(self, kept: Kept) -> None:
        """It was imported."""
        if self._kept.get(kept.session_id) is kept:
            del self._kept[kept.session_id]

    def _clear(self, at: float) -> None:
        for session_id in [key for key, kept in self._kept.items() if kept.until <= at]:
            del self._kept[session_id]


@dataclass(frozen=True, slots=True)
class Examined:
    """A file as its page shows it; without ``rows`` it cannot be read at all."""

    rows: Rows | None
    plan: Plan[Any, Any] | None
    problems: Sequence[Problem]
    digest: str = ""

    @property
    def errors(self) -> list[Problem]:
        """What stops the import."""
        return [problem for problem in self.problems if not problem.is_note]

    @property
    def error_count(self) -> int:
        """With those that are only counted."""
        more = sum(int(p.detail.get("count", 0)) for p in self.errors if p.kind == "more_problems")
        return sum(p.kind != "more_problems" for p in self.errors) + more


class ImportPages:
    """See the module."""

    def __init__(self, renderer: Renderer, database: Database, limits: Limits = LIMITS) -> None:
        self._renderer = renderer
        self._database = database
        self._limits = limits
        self._waiting = Waiting()

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        one = PATH + "/{key}"
        return [
            Route(PATH, self._form, methods=["GET"]),
            Route(PATH, self._upload, methods=["POST"]),
            Route(one, self._check, methods=["GET"]),
            Route(f"{one}/errors.csv", self._errors, methods=["GET"]),
            Route(f"{one}/apply", self._apply, methods=["POST"]),
        ]

    # -- the file ---------------------------------------------------------------------------------

    async def _form(self, request: Request) -> Response:
        require(request, Action.IMPORT_SITES)
        values = {"what": "sites", "since": show_date(today(now()))}
        return self._show_form(request, Form(values))

    def _show_form(self, request: Request, form: Form, status: int = 200) -> Response:
        principal = require(request, Action.IMPORT_SITES)
        return self._renderer.render(
            request,
            "import.html",
            status=status,
            here=PATH,
            form=form,
            limit=megabytes(self._limits.size),
            units=may(principal, Action.CHANGE_UNITS),
        )

    async def _upload(self, request: Request) -> Response:
        principal = require(request, Action.IMPORT_SITES)
        values: dict[str, str] = {"what": "sites", "since": show_date(today(now()))}
        try:
            upload = await read_upload(request, self._limits.size)
        except UploadError as error:
            if error.too_large:
                said = self._renderer.say(
                    request,
                    "import.file.large",
                    size=megabytes(error.size),
                    limit=megabytes(self._limits.size),
                )
                return self._show_form(request, Form(values, {"file": said}), 413)
            said = self._renderer.say(request, "import.form.wrong")
            return self._show_form(request, Form(values, {"file": said}), 400)
        check_token(request, upload.fields.get(FORM_FIELD, ""))
        values = {
            "what": "units" if upload.fields.get("what") == "units" else "sites",
            "since": upload.fields.get("since", "")[:40],
        }
        if values["what"] == "units":
            require(request, Action.CHANGE_UNITS)
        since = read_date(values["since"])
        errors = {}
        if values["what"] == "units" and since is None:
            errors["since"] = self._renderer.say(request, "import.since.wrong")
        if not upload.name and not upload.data:
            errors["file"] = self._renderer.say(request, "import.file.missing")
        if errors:
            return self._show_form(request, Form(values, errors), 422)
        kept = self._keep(principal, upload, values["what"], since or today(now()))
        return RedirectResponse(f"{PATH}/{kept.key}", 303)

    def _keep(self, principal: Principal, upload: Upload, what: str, since: date) -> Kept:
        at = clock.monotonic()
        kept = Kept(
            secrets.token_urlsafe(16),
            principal.session_id,
            what,
            since,
            upload.name.replace("\\", "/").rpartition("/")[2][:100],
            upload.data,
            at + LIFE,
        )
        self._waiting.put(kept, at)
        return kept

    # -- what it would do ----------------------------------------------------------------------------

    async def _check(self, request: Request) -> Response:
        kept = self._find(request)
        if kept is None:
            return self._gone(request)
        return self._show(request, kept, await self._examine(kept))

    def _find(self, request: Request) -> Kept | None:
        principal = require(request, Action.IMPORT_SITES)
        key = request.path_params["key"][:64]
        # A comparison in constant time takes no letters beyond ASCII.
        return self._waiting.get(principal.session_id, key, clock.monotonic()) if key.isascii() else None

    def _gone(self, request: Request) -> Response:
        values = {"what": "sites", "since": show_date(today(now()))}
        said = self._renderer.say(request, "import.gone")
        return self._show_form(request, Form(values, {"file": said}), 404)

    async def _examine(self, kept: Kept) -> Examined:
        read = read_units if kept.what == "units" else read_endpoints
        try:
            rows = await asyncio.to_thread(read, kept.data, kept.name, self._limits)
        except TabularError as error:
            return Examined(None, None, error.problems)
        plan: Plan[Any, Any]
        try:
            if kept.what == "units":
                plan = await preview_units(self._database, rows, kept.since)
            else:
                plan = await preview_endpoints(self._database, rows, today(now()))
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        digest = await asyncio.to_thread(lambda: plan.digest)
        return Examined(rows, plan, plan.problems, digest)

    def _show(
        self, request: Request, kept: Kept, examined: Examined, *, status: int = 200, moved: bool = False
    ) -> Response:
        language = self._renderer.language(request)
        plan = examined.plan
        changes = [(one, part) for one in plan.changed for part in one.fields] if plan else []
        return self._renderer.render(
            request,
            "import_check.html",
            status=status,
            here=f"{PATH}/{kept.key}",
            kept=kept,
            plan=plan,
            digest=examined.digest,
            errors=_told(language, examined.errors),
            error_count=examined.error_count,
            notes=_told(language, [problem for problem in examined.problems if problem.is_note]),
            changes=changes,
            shown=SHOWN,
            moved=moved,
        )

    async def _errors(self, request: Request) -> Response:
        kept = self._find(request)
        if kept is None:
            return self._gone(request)
        language = self._renderer.language(request)
        headings = [
            self._renderer.say(request, key)
            for key in ("import.line", "import.column", "import.heading", "import.problem")
        ]
        examined = await self._examine(kept)
        rows: list[Sequence[Value]] = [
            (problem.line or None, problem.address, problem.heading, words)
            for problem, words in _told(language, examined.errors)
        ]
        headers = {
            "Content-Disposition": 'attachment; filename="loi-nhap-danh-muc.csv"',
            "Cache-Control": "no-store",
        }
        return Response(write_csv(headings, rows), media_type="text/csv; charset=utf-8", headers=headers)

    # -- doing it -----------------------------------------------------------------------------------

    async def _apply(self, request: Request) -> Response:
        principal = require(request, Action.IMPORT_SITES)
        fields = await check_form(request)
        kept = self._find(request)
        if kept is None:
            return self._gone(request)
        if kept.what == "units":
            require(request, Action.CHANGE_UNITS)
        examined = await self._examine(kept)
        if examined.rows is None:
            return self._show(request, kept, examined, status=422)
        digest, by = fields.text("digest"), principal.actor
        plan: Plan[Any, Any]
        try:
            if kept.what == "units":
                plan = await apply_units(
                    self._database, examined.rows, kept.since, digest=digest, by=by, now=now()
                )
            else:
                plan = await apply_endpoints(
                    self._database, examined.rows, today(now()), digest=digest, by=by, now=now()
                )
        except (ChangedError, InvalidError):
            return self._show(request, kept, await self._examine(kept), status=409, moved=True)
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        self._waiting.drop(kept)
        answer = RedirectResponse("/directory", 303)
        counts = {"added": str(len(plan.added)), "changed": str(len(plan.changed))}
        set_flash(answer, Flash("success", "flash.imported", counts))
        return answer


def _told(language: Language, problems: Sequence[Problem]) -> list[tuple[Problem, str]]:
    return [(problem, problem_words(language, problem)) for problem in problems]
