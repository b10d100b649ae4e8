"""Who may come in: statuses of the upgrade and of `/rtc/validate` for good and bad tokens."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Any

import jwt
import pytest
from livekit import rtc
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from conformance.clients.python_sdk import Site
from conformance.target import Browsers, Signals, Sites, Target
from conformance.waiting import units

OK, REFUSED, MALFORMED = 200, 401, 400


def claims(server: Target, **changes: Any) -> dict[str, Any]:
    """Claims of a good token for the room `door`, changed; None removes a claim."""
    now = int(time.time())
    good = {
        "iss": server.key,
        "sub": "somebody",
        "nbf": now - 10,
        "exp": now + 600,
        "video": {"roomJoin": True, "room": "door"},
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def make_token(server: Target, case: str) -> str:
    """The token of one case of the table below."""
    now = int(time.time())
    changes: dict[str, dict[str, Any]] = {
        "expired": {"nbf": now - 9000, "exp": now - 7200},
        "early": {"nbf": now + 7200, "exp": now + 9000},
        "unknown key": {"iss": "nobody"},
        "no grant": {"video": None},
        "no room join": {"video": {"room": "door"}},
        "room join false": {"video": {"room": "door", "roomJoin": False}},
        "empty identity": {"sub": ""},
        "no identity": {"sub": None},
        "no room": {"video": {"roomJoin": True}},
        "empty room": {"video": {"roomJoin": True, "room": ""}},
    }
    if case == "none":
        return ""
    if case == "rubbish":
        return "not-a-token"
    secret = "another-secret-of-sufficient-length-000000" if case == "forged" else server.secret
    if case == "algorithm none":
        return jwt.encode(claims(server), "", algorithm="none")
    token = jwt.encode(claims(server, **changes.get(case, {})), secret, algorithm="HS256")
    return token[:-6] + "AAAAAA" if case == "cut signature" else token


CASES = [
    ("good", OK),
    ("none", REFUSED),
    ("rubbish", REFUSED),
    ("expired", REFUSED),
    ("early", REFUSED),
    ("forged", REFUSED),
    ("cut signature", REFUSED),
    ("algorithm none", REFUSED),
    ("unknown key", REFUSED),
    ("no grant", REFUSED),
    ("no room join", REFUSED),
    ("room join false", REFUSED),
    ("empty identity", MALFORMED),
    ("no identity", MALFORMED),
    ("no room", MALFORMED),
    ("empty room", MALFORMED),
]


def get(url: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers (names in lower case) of a GET."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=units(10)
        ) as answer:
            status, body, given = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as refusal:
        status, body, given = refusal.code, refusal.read(), refusal.headers
        refusal.close()
    return status, body.decode(), {name.lower(): value for name, value in given.items()}


@pytest.mark.parametrize(("case", "status"), CASES)
@pytest.mark.parametrize("place", ["query", "header"])
def test_validate(server: Target, case: str, status: int, place: str) -> None:
    token = make_token(server, case)
    if place == "query":
        answer = get(f"{server.url}/rtc/validate?access_token={token}")
    else:
        answer = get(f"{server.url}/rtc/validate", Authorization=f"Bearer {token}")
    assert answer[0] == status, answer[1]
    assert answer[2]["access-control-allow-origin"] == "*"
    assert answer[2]["content-type"].startswith("text/plain")
    if status == OK:
        assert answer[1] == "success"
    else:
        assert answer[1]


@pytest.mark.parametrize(("case", "status"), CASES)
@pytest.mark.parametrize("place", ["query", "header"])
async def test_upgrade(server: Target, case: str, status: int, place: str) -> None:
    token = make_token(server, case)
    query = f"protocol=16&auto_subscribe=1&access_token={token if place == 'query' else ''}"
    headers = {"Authorization": f"Bearer {token}"} if place == "header" else {}
    opening = connect(f"{server.websocket_url}/rtc?{query}", additional_headers=headers)
    if status == OK:
        async with opening as connection:
            assert await connection.recv()
        return
    with pytest.raises(InvalidStatus) as refused:
        await opening
    assert refused.value.response.status_code == status
    assert refused.value.response.body


async def test_the_room_is_the_tokens(signals: Signals) -> None:
    signal = await signals.open("me", query={"room": "elsewhere"})
    assert (await signal.get("join")).room.name == signals.room


def test_get_of_rtc_without_upgrade(server: Target) -> None:
    assert get(f"{server.url}/rtc?access_token={make_token(server, 'good')}")[0] == 404


def test_alive(server: Target) -> None:
    assert get(f"{server.url}/")[0] == 200


@pytest.mark.usefixtures("ours_only")
@pytest.mark.parametrize("path", ["/rtc/v1", "/rtc/v1/validate"])
def test_v1_is_not_there(server: Target, path: str) -> None:
    """LiveKit answers v1; from a 404 the clients fall back to two connections, whatever the query's size."""
    query = f"access_token={make_token(server, 'good')}&join_request={'A' * 16_000}"
    status, body, headers = get(f"{server.url}{path}?{query}")
    assert status == 404
    assert "requested room does not exist" not in body
    assert headers["access-control-allow-origin"] == "*"


@pytest.mark.usefixtures("ours_only")
async def test_v1_upgrade_is_not_there(server: Target) -> None:
    """As above, for the upgrade itself: Rust and Python want exactly 404."""
    query = f"access_token={make_token(server, 'good')}&join_request={'A' * 16_000}"
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{server.websocket_url}/rtc/v1?{query}")
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("case", ["expired", "forged", "no room join"])
async def test_sdk_is_told(server: Target, case: str) -> None:
    with pytest.raises(rtc.ConnectError, match="401"):
        await Site("nobody").join(server.websocket_url, make_token(server, case))


@pytest.mark.browser
@pytest.mark.parametrize("case", ["expired", "forged"])
async def test_browser_is_told(server: Target, browsers: Browsers, case: str) -> None:
    site = browsers.unconnected("nobody")
    await site.make()
    error = await site.do(
        """(person, LK, [url, token]) => person.room.connect(url, token).then(
            () => null, (error) => ({reason: error.reason, status: error.status}))""",
        [server.websocket_url, make_token(server, case)],
    )
    assert error == {"reason": 0, "status": 401}


async def test_hidden_participant_is_not_seen(sites: Sites) -> None:
    seen = await sites.join("seen")
    hidden = await sites.join("hidden", hidden=True)
    await seen.publish_microphone("red")
    await hidden.hears("seen", "red")
    later = await sites.join("later", present=True)
    await seen.meets("later")
    assert "hidden" not in seen.room.remote_participants
    assert set(later.room.remote_participants) == {"seen"}
