import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from web.static_files import read_folder, static_route


@pytest.fixture
def client(built: Path) -> httpx.AsyncClient:
    (built / "assets" / "font-77.woff2").write_bytes(bytes(range(256)) * 4)
    app = Starlette(routes=[static_route("/static/app/", read_folder(built))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


async def test_hashed_files_are_kept_for_ever_and_others_are_asked_for(client: httpx.AsyncClient) -> None:
    script = await client.get("/static/app/assets/main-1a2b.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    icon = await client.get("/static/app/icon.svg")
    assert icon.headers["cache-control"] == "no-cache"
    again = await client.get("/static/app/icon.svg", headers={"If-None-Match": icon.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_compressed_where_that_is_shorter_and_wanted(client: httpx.AsyncClient, built: Path) -> None:
    plain = (built / "assets" / "main-1a2b.js").read_bytes()
    async with client.stream("GET", "/static/app/assets/main-1a2b.js") as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain
    whole = await client.get("/static/app/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in whole.headers
    assert whole.content == plain
    font = await client.get("/static/app/assets/font-77.woff2")
    assert font.headers["content-type"] == "font/woff2"
    assert "content-encoding" not in font.headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/app/.vite/manifest.json",
        "/static/app/../../settings.py",
        "/static/app/..%2f..%2fsettings.py",
        "/static/app/%2e%2e/assets.py",
        "/static/app//etc/passwd",
        "/static/app/assets",
        "/static/app/",
        "/static/app/assets/none.js",
    ],
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
