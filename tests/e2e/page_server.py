"""The meeting page before a real LiveKit server: pages, `/api/rooms` and `/api/join`, and nothing else.

It shows that the page works with a server that is not ours, and lets the page's own tests run without
the rest of the service.
"""

from __future__ import annotations

import argparse
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import jinja2
import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from web import i18n
from web.assets import APP_FOLDER, Assets

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; worker-src 'self' blob:; "
    "font-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
TEMPLATES = Path(i18n.__file__).parent.parent / "templates"


@dataclass(frozen=True)
class Backend:
    """The media server behind the page, and the one room that is open."""

    url: str
    key: str
    secret: str
    room: str
    title: str
    link_key: str


async def _secure(request: Request, call_next: RequestResponseEndpoint) -> Response:
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Permissions-Policy"] = (
        "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self)"
    )
    return response


def create_page_app(backend: Backend) -> Starlette:
    """The application; `backend.link_key` is the `k` that links must carry."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )

    def render(request: Request, template: str, **values: object) -> HTMLResponse:
        language = i18n.choose_language(
            request.cookies.get("language"), request.headers.get("accept-language")
        )
        assets = Assets()
        html = environment.get_template(template).render(
            language=language,
            t=lambda key, **fields: i18n.translate(language, key, **fields),
            script=assets.script,
            styles=assets.styles,
            **values,
        )
        return HTMLResponse(html, headers={"Cache-Control": "no-store"})

    def start(request: Request) -> Response:
        return render(request, "start.html")

    def meet(request: Request) -> Response:
        return render(
            request,
            "meeting.html",
            room=request.path_params["room"],
            room_title=backend.title,
            suggested_name="",
        )

    def rooms(_request: Request) -> Response:
        return JSONResponse({"rooms": [{"name": backend.room, "title": backend.title, "people": 6}]})

    async def join(request: Request) -> Response:
        body = await request.json()
        if body.get("room") != backend.room:
            return _refuse(404, "room_not_found")
        if not secrets.compare_digest(str(body.get("k") or ""), backend.link_key):
            return _refuse(403, "key_invalid")
        place = request.cookies.get("place") or secrets.token_hex(8)
        identity = f"person:{place}"
        now = int(time.time())
        grant = {
            "roomJoin": True,
            "room": backend.room,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
        }
        claims = {"iss": backend.key, "sub": identity, "name": str(body["name"]), "video": grant}
        token = jwt.encode({**claims, "nbf": now - 5, "exp": now + 600}, backend.secret, algorithm="HS256")
        answer = JSONResponse({"url": backend.url, "token": token, "identity": identity, "role": "official"})
        answer.set_cookie("place", place, httponly=True, samesite="strict")
        return answer

    return Starlette(
        routes=[
            Route("/", start),
            Route("/meet/{room}", meet),
            Route("/api/rooms", rooms),
            Route("/api/join", join, methods=["POST"]),
            Mount("/static/app", StaticFiles(directory=APP_FOLDER)),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_secure)],
    )


def _refuse(status: int, code: str) -> JSONResponse:
    key = f"error.{code}"
    return JSONResponse(
        {"code": code, "vi": i18n.translate("vi", key), "en": i18n.translate("en", key)}, status_code=status
    )


def main() -> None:
    """Serve the page on 127.0.0.1 until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=18190)
    parser.add_argument("--livekit", default="ws://127.0.0.1:7880")
    parser.add_argument("--key", default="devkey")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--room", default="giao-ban")
    parser.add_argument("--title", default="Giao ban trực tuyến với các xã, phường")
    parser.add_argument("--link-key", default="thu")
    given = parser.parse_args()
    backend = Backend(given.livekit, given.key, given.secret, given.room, given.title, given.link_key)
    uvicorn.run(create_page_app(backend), host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
