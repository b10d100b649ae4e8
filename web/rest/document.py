"""The OpenAPI 3.1 document, made of the calls and of the models that check what comes in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from openapi_pydantic import (
    Components,
    Header,
    Info,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
    Server,
    Tag,
)
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel

from web.rest.calls import PREFIX, AnyCall
from web.rest.errors import Problem
from web.rest.signin import SAFE
from web.version import VERSION

_TEXT: Final = """The city's meetings, for other systems. Rights are those of the person or device
that signs in; what somebody may not see is answered with 404. Every refusal has one form
(`Problem`): a code, a sentence in Vietnamese and English, the field that is wrong, and details."""

_TAGS: Final = {
    "me": "Who is signed in.",
    "sites": "Sites, units, districts and groups.",
    "people": "People, their roles and the units for which they speak.",
    "meetings": "Meetings: drafts, published, moved, cancelled; free times.",
    "attendance": "Who attended a meeting.",
    "audit": "The log of all changes.",
}
_REFUSALS: Final = {
    400: "Malformed, not to be understood.",
    401: "Nobody is signed in, or the credential is wrong.",
    403: "Signed in, but without the right.",
    404: "There is no such thing, or the caller may not see it.",
    408: "The body came too slowly.",
    409: "It was changed meanwhile, is taken, or its state does not allow this.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Fields are wrong; details name each of them.",
    428: "If-Match is missing.",
    429: "Too many tries to sign in.",
    503: "The data cannot be read at the moment.",
}
_ETAG: Final = "The version, for If-Match."


def document(calls: Iterable[AnyCall]) -> OpenAPI:
    """The document of these calls."""
    paths: dict[str, PathItem] = {}
    for call in calls:
        item = paths.setdefault(PREFIX + call.path, PathItem())
        setattr(item, call.method.lower(), _operation(call))
    made = OpenAPI(
        openapi="3.1.1",
        info=Info(title="Điểm Cầu", version=VERSION, description=_TEXT),
        servers=[Server(url="/")],
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        paths=paths,
        components=Components(
            securitySchemes={
                "basic": SecurityScheme(
                    type="http", scheme="basic", description="A person's login and password."
                ),
                "key": SecurityScheme(
                    type="http", scheme="bearer", description="The key of a site's device or agent."
                ),
                "session": SecurityScheme.model_validate(
                    {
                        "type": "apiKey",
                        "in": "cookie",
                        "name": "diemcau_session",
                        "description": "A browser that is signed in; over HTTPS the name begins with "
                        "`__Host-`. Everything but GET needs the header X-CSRF-Token.",
                    }
                ),
            }
        ),
    )
    return construct_open_api_with_schema_class(made)


def as_json(made: OpenAPI) -> str:
    """As it is served."""
    # Of defaults the validators say that they do not belong to some places.
    plain = made.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    return json.dumps(plain, ensure_ascii=False)


def _operation(call: AnyCall) -> Operation:
    body = None
    if call.has_body:
        body = RequestBody(content=_content(call.body) or {}, required=True)
    return Operation(
        operationId=call.name,
        summary=call.summary,
        description=call.action and f"Needs the right `{call.action.value}`.",
        tags=[call.tag],
        parameters=_parameters(call) or None,
        requestBody=body,
        responses=_responses(call),
        security=[{"basic": []}, {"key": []}, {"session": []}],
    )


def _parameters(call: AnyCall) -> list[Any]:
    found: list[Any] = []
    for name, part in call.parts.items():
        schema = _schema(type="string", pattern=f"^{part.pattern}$")
        example = part.example or None
        found.append(_parameter(name, "path", schema, part.description, required=True, example=example))
    made = call.query.model_json_schema()
    for name, schema in made.get("properties", {}).items():
        text = schema.pop("description", None)
        schema.pop("title", None)
        needed = name in made.get("required", ())
        found.append(_parameter(name, "query", Schema.model_validate(schema), text, required=needed))
    if call.takes_version:
        schema = _schema(type="string", pattern=r'^"[1-9][0-9]{0,8}"$')
        text = "The version that was read, as ETag gave it."
        found.append(_parameter("If-Match", "header", schema, text, required=True, example='"1"'))
    if call.method not in SAFE:
        # Of no pattern: callers with Authorization may send anything there, or nothing.
        schema = _schema(type="string")
        text = "Of a browser with a session; `GET /api/v1/me` tells it."
        found.append(_parameter("X-CSRF-Token", "header", schema, text, required=False))
    return found


def _parameter(
    name: str, place: str, schema: Schema, text: str | None, *, required: bool, example: str | None = None
) -> Parameter:
    return Parameter.model_validate(
        {
            "name": name,
            "in": place,
            "schema": schema,
            "description": text,
            "required": required,
            "example": example,
        }
    )


def _header(text: str) -> Header:
    return Header.model_validate({"description": text, "required": True, "schema": _schema(type="string")})


def _schema(**values: str) -> Schema:
    return Schema.model_validate(values)


def _responses(call: AnyCall) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if call.gives_version:
        headers["ETag"] = _header(_ETAG)
    if call.status == 201:
        headers["Location"] = _header("Where it is.")
    text = call.answer.__doc__ if call.answer is not None else "Done."
    good = Response(description=text or "", headers=headers or None, content=_content(call.answer))
    statuses = {400, 401, 403, 422, 429, 503, *call.refusals}
    if call.parts:
        statuses.add(404)
    if call.has_body:
        statuses |= {408, 413, 415}
    if call.takes_version:
        statuses |= {409, 428}
    refused = {
        str(status): Response(description=_REFUSALS[status], content=_content(Problem))
        for status in sorted(statuses)
    }
    return {str(call.status): good, **refused}


def _content(model: type[BaseModel] | None) -> dict[str, MediaType] | None:
    if model is None:
        return None
    schema: Any = PydanticSchema.model_validate({"schema_class": model})
    return {"application/json": MediaType.model_validate({"schema": schema})}
