"""The OpenAPI document: valid, complete, and in step with the routes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from signed_in import World
from starlette.routing import Route

from web.assembly import Service
from web.rest.calls import PREFIX

OTHERS = {f"{PREFIX}/openapi.json", f"{PREFIX}/meetings/{{meeting}}/ticket", f"{PREFIX}/site/next"}
"""What our own pages ask, and the document itself."""


@pytest.fixture
async def spec(world: World) -> dict[str, Any]:
    async with world.browser() as browser:
        answer = await browser.get(f"{PREFIX}/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


async def test_the_document_is_valid(spec: dict[str, Any]) -> None:
    validate(spec, cls=OpenAPIV31SpecValidator)
    assert spec["openapi"].startswith("3.1.")


async def test_each_route_is_described_and_each_description_has_a_route(
    spec: dict[str, Any], service: Service
) -> None:
    routes = {
        (route.path, method)
        for route in service.asgi.routes  # type: ignore[attr-defined]
        if isinstance(route, Route) and route.path.startswith(PREFIX) and route.path not in OTHERS
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {
        (path, method.upper())
        for path, item in spec["paths"].items()
        for method in item
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert routes == described
    assert len(described) >= 24


async def test_every_operation_tells_its_refusals_in_one_form(spec: dict[str, Any]) -> None:
    names = set()
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            names.add(operation["operationId"])
            statuses = operation["responses"].keys()
            assert {"401", "403", "422", "429", "503"} <= statuses, path
            if "{" in path:
                assert "404" in statuses, path
            if "requestBody" in operation:
                assert {"413", "415"} <= statuses, path
            for status, response in operation["responses"].items():
                if status >= "400":
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Problem"}, (path, method, status)
    assert len(names) == sum(len(item) for item in spec["paths"].values())


async def test_what_is_sent_may_have_no_other_fields(spec: dict[str, Any]) -> None:
    for name in ("MeetingPlan", "MeetingChange", "NewPerson", "SiteChange", "GroupChange", "Cancelling"):
        assert spec["components"]["schemas"][name]["additionalProperties"] is False


@pytest.mark.parametrize("path", ["/nothing", "/sites/00004/nothing", "/meetings/0123456789ab/publish"])
async def test_other_paths_and_methods_are_refused_in_the_same_form(world: World, path: str) -> None:
    async with world.browser() as browser:
        answer: httpx.Response = await browser.get(PREFIX + path)
    assert answer.status_code in (404, 405)
    assert {"code", "vi", "en"} <= answer.json().keys()


async def test_405_tells_all_methods_of_a_path(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.request("PUT", f"{PREFIX}/groups/1")
    assert answer.status_code == 405
    assert {part.strip() for part in answer.headers["allow"].split(",")} >= {"GET", "PATCH", "DELETE"}
