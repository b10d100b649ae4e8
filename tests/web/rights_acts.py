"""What the rows of the table of rights do: calls of the API, pages, forms, WebSockets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
from rest_caller import Caller, plan
from rights_stage import Stage
from signed_in import NOW
from starlette.routing import Match, Route, WebSocketRoute

from directory import people

HTML = "text/html,application/xhtml+xml"


def note(stage: Stage, who: Caller) -> None:
    """Remember whatever ``who`` asks for from now on."""

    async def remember(request: httpx.Request) -> None:
        stage.seen.add((request.method, request.url.path))

    who.browser.event_hooks["request"].append(remember)


def unmet(app: Any, seen: set[tuple[str, str]]) -> set[str]:
    """Routes and methods of the application that no request has met."""
    met: set[tuple[int, str]] = set()
    for method, path in seen:
        kind = "websocket" if method == "WS" else "http"
        scope = {"type": kind, "method": method, "path": path, "root_path": "", "headers": []}
        for number, route in enumerate(app.routes):
            if route.matches(scope)[0] is Match.FULL:
                met.add((number, method))
                break
    left = set()
    for number, route in enumerate(app.routes):
        if isinstance(route, WebSocketRoute):
            wanted = {"WS"}
        else:
            assert isinstance(route, Route), "another kind of route needs another kind of row"
            wanted = set(route.methods or ()) - {"HEAD", "OPTIONS"}
            if {"PUT", "PATCH", "DELETE"} <= wanted and "POST" in wanted:
                wanted = {"GET", "POST"}  # It answers all methods alike.
        left |= {f"{method} {route.path}" for method in wanted if (number, method) not in met}
    return left


# -- the API ------------------------------------------------------------------------------------


async def act(stage: Stage, who: Caller, row: str) -> int:
    """Do what a row of the API says; the status of the answer."""
    world = stage.world
    own, other = f"/meetings/{stage.own.id}", f"/meetings/{stage.other.id}"
    reads = {
        "who am I": "/me",
        "read the document of the API": "/openapi.json",
        "list sites": "/sites",
        "see a site": f"/sites/{stage.other_code}",
        "list units": "/units",
        "see a unit": "/units/01",
        "list districts": "/districts",
        "list groups": "/groups",
        "list people": "/people",
        "see a person": f"/people/{world.people['chair']}",
        "read the audit log": "/audit",
        "list meetings": "/meetings",
        "see a meeting of the own site": own,
        "see a meeting of others": other,
        "see a draft of others": f"/meetings/{stage.draft.id}",
        "see who attended": f"{own}/attendance",
        "see who attended at others": f"{other}/attendance",
        "read the attendance log": f"{own}/attendance/facts",
        "read the log of others": f"{other}/attendance/facts",
        "ask for the own next meeting": "/site/next",
    }
    if row in reads:
        return (await who.get(reads[row])).status_code
    return (await change(stage, who, row)).status_code


async def change(stage: Stage, who: Caller, row: str) -> httpx.Response:
    """The answer to a row that changes something."""
    world = stage.world
    number = stage.next()
    match row:
        case "change a site":
            version = await stage.site_version()
            body = {"contact_name": f"Chị {number}"}
            return await who.send("PATCH", f"/sites/{stage.other_code}", body, version=version)
        case "create a group":
            return await who.send("POST", "/groups", {"name": f"Mới {number}", "sites": [world.site_code]})
        case "see a group" | "change a group" | "remove a group":
            path = f"/groups/{(await stage.group()).id}"
            if row == "see a group":
                return await who.get(path)
            if row == "remove a group":
                return await who.send("DELETE", path, version=1)
            return await who.send("PATCH", path, {"name": f"Khác {number}"}, version=1)
        case "create a person":
            return await who.send("POST", "/people", {"login": f"moi{number}", "name": "Người mới"})
        case "change a person":
            person = await world.person(f"x{number}")
            return await who.send("PATCH", f"/people/{person}", {"title": "Phó"}, version=1)
        case "make oneself administrator":
            me = (await who.get("/me")).json()
            person = me.get("id", 1) if me.get("kind") == "person" else world.people["official"]
            seen = await who.get(f"/people/{person}")
            version = seen.json()["version"] if seen.status_code == 200 else 1
            return await who.send("PATCH", f"/people/{person}", {"roles": ["administrator"]}, version=version)
        case "create a meeting":
            return await who.send("POST", "/meetings", await plan(world))
        case "find free times":
            return await who.send("POST", "/free-times", await plan(world))
        case "change a meeting":
            path = f"/meetings/{(await stage.spare()).id}"
            return await who.send("PUT", path, await plan(world, title="Khác"), version=1)
        case "publish a meeting":
            return await who.send("POST", f"/meetings/{(await stage.spare()).id}/publish", version=1)
        case "cancel a meeting":
            meeting = await stage.spare(publish=True)
            return await who.send("POST", f"/meetings/{meeting.id}/cancel", {"reason": "Hoãn"}, version=2)
        case "join a meeting that is over":
            return await who.send("POST", f"/meetings/{stage.closed.id}/ticket")
        case "join a meeting of others":
            return await who.send("POST", f"/meetings/{stage.other.id}/ticket")
    raise AssertionError(f"no such row: {row}")


# -- pages and forms -----------------------------------------------------------------------------


async def names(stage: Stage) -> dict[str, object]:
    """What stands for the names in braces of the rows that only look."""
    return {
        "own": stage.own.id,
        "other": stage.other.id,
        "draft": stage.draft.id,
        "closed": stage.closed.id,
        "person": stage.world.people["chair"],
        "site": stage.other_code,
        "group": (await stage.group()).id,
        "device": stage.device,
        "path": "livekit.RoomService/ListRooms",
    }


async def look(stage: Stage, who: Caller, row: str) -> int:
    """Ask for a page, as a browser does."""
    path = row.format_map(await names(stage))
    return (await who.browser.get(path, headers={"Accept": HTML})).status_code


async def press(stage: Stage, who: Caller, row: str) -> int:
    """Send a form with what it needs to succeed, where that can be."""
    path, fields = await _filled(stage, row)
    token = who.headers.get("X-CSRF-Token", "")
    headers = {"Accept": HTML}
    if row == "/directory/import":
        boundary = "mark"
        parts = {"csrf": token, "what": "sites"} | fields
        lines = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in parts.items()
        ]
        lines.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
            f"ma;ten\r\n1;2\r\n--{boundary}--\r\n"
        )
        headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        answer = await who.browser.post(path, content="".join(lines).encode(), headers=headers)
    elif row in ("/api/join", "/webhooks/media") or row.startswith("/twirp/"):
        answer = await who.browser.post(path, json={}, headers=headers)
    else:
        if not token:
            seen = await who.browser.get("/sign-in", headers=headers)
            found = re.search(r'name="csrf" value="([^"]*)"', seen.text)
            token = found[1] if found else ""
        answer = await who.browser.post(path, data={"csrf": token} | fields, headers=headers)
    return answer.status_code


async def _filled(stage: Stage, row: str) -> tuple[str, dict[str, str]]:
    """Where a form goes, and what it says."""
    world = stage.world
    number = stage.next()
    values = await names(stage)
    fields: dict[str, str] = {"version": "1"}
    if row.startswith("/people/{spare}"):
        person = await world.person(f"nguoi{number}")
        values["spare"] = person
        fields |= {"login": f"nguoi{number}", "name": "Tên khác", "language": "vi"}
        if row.endswith("enable"):
            await _disable(stage, person)
            fields["version"] = "2"
    elif row == "/people/new":
        fields |= {"login": f"them{number}", "name": "Người thêm", "language": "vi"}
    elif row.startswith("/directory/sites/"):
        fields["version"] = str(await stage.site_version())
        fields |= {"name": "Tên", "line_type": "internet", "place_name": "Trụ sở", "main": "yes"}
        fields |= {"place_kind": "office", "kind": "camera", "device_name": f"Máy {number}"}
        if row.endswith("/another"):
            fields["code"] = f"{stage.other_code}-{number}"
        if "/keys" in row:
            fields |= {"kind": "device", "device": "main"}
    elif row == "/directory/groups/new":
        fields |= {"name": f"Cụm {number}", "members": str(world.site_id)}
    elif row.startswith("/directory/groups/"):
        fields |= {"name": f"Tổ {number}", "members": str(world.site_id)}
    elif row.startswith("/meetings/{spare}"):
        meeting = await stage.spare()
        values["spare"] = meeting.id
        fields |= {"reason": "Hoãn", "version": str(meeting.version)}
    elif row == "/language":
        fields["language"] = "vi"
    return row.format_map(values), fields


async def _disable(stage: Stage, person: int) -> None:
    async with stage.world.database.write() as session:
        await people.disable(session, person, version=1, by="cli:test", now=NOW)


# -- WebSockets -----------------------------------------------------------------------------------


async def knock(stage: Stage, who: Caller, row: str) -> int:
    """Open a WebSocket: 101 if it is accepted, else the status of the refusal."""
    path = row.format_map(await names(stage))
    stage.seen.add(("WS", path))
    cookie = urlencode(dict(who.browser.cookies)).replace("&", "; ")
    told: list[dict[str, Any]] = []
    asked: Iterator[dict[str, Any]] = iter(
        [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}]
    )

    async def receive() -> dict[str, Any]:
        return next(asked)

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost:7880"), (b"cookie", cookie.encode())],
        "client": ("127.0.0.1", 4000),
        "server": ("localhost", 7880),
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
    await stage.world.service.asgi(scope, receive, send)  # type: ignore[attr-defined]
    first = told[0]
    if first["type"] == "websocket.accept":
        return 101
    if first["type"] == "websocket.http.response.start":
        return int(first["status"])
    return int(first["code"]) - 4000
