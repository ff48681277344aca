"""The OpenAPI 3.1 document, made of the operations: pydantic's JSON schemas are those of OpenAPI 3.1 as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from voicedrop import __version__
from voicedrop.notify.signature import HEADER as SIGNATURE
from voicedrop.web import repeated
from voicedrop.web.operation import JSON, LATER, Operation, Operations
from voicedrop.web.problem import MEDIA, Kind, ProblemDetails

Mode = Literal["validation", "serialization"]
REF = "#/components/schemas/{model}"
TEXT = {"type": "string"}
WAIT = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
ABOUT = """Messages, agents, live calls and drops of a voicedrop engine.

Every request carries `Authorization: Bearer vd_…`. Errors are problem details (RFC 9457). Lists come in pages: pass
`next` on as `cursor`. A POST with an `Idempotency-Key` is carried out once, however often it arrives."""


def document(groups: Iterable[Operations], posted: type[BaseModel]) -> dict[str, Any]:
    """The whole document, as JSON values; `posted` is what the webhooks are sent."""
    groups = list(groups)
    operations = [operation for group in groups for operation in group]
    schemas = _schemas(operations, posted)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = _operation(operation, schemas)
    for operation in operations:
        if operation.query is not None:
            schemas.pop(operation.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "voicedrop", "version": __version__, "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": group.tag, "description": group.about} for group in groups],
        "security": [{"token": []}],
        "paths": dict(paths),
        "webhooks": {"event": {"post": _post(posted)}},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "An API token, vd_…"}},
            "schemas": schemas,
        },
    }


def _post(posted: type[BaseModel]) -> dict[str, Any]:
    """What somebody's server is to take, once he has added its URL as a webhook."""
    return {
        "operationId": "event",
        "tags": ["webhooks"],
        "summary": "Something happened.",
        "description": "At least once, and in order for each drop. Repeated until the answer is a 2xx.",
        "security": [],
        "parameters": [
            {
                "name": SIGNATURE,
                "in": "header",
                "required": True,
                "description": "`t=` the time, and `v1=` the HMAC-SHA256 of time, point and body for each secret.",
                "schema": TEXT,
            }
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": {"$ref": REF.format(model=posted.__name__)}}}},
        "responses": {"2XX": {"description": "It was taken."}, "410": {"description": "Send nothing more."}},
    }


def _schemas(operations: list[Operation], posted: type[BaseModel]) -> dict[str, Any]:
    wanted: dict[tuple[type[BaseModel], Mode], None] = {
        (ProblemDetails, "serialization"): None,
        (posted, "serialization"): None,
    }
    for operation in operations:
        for model in (operation.query, operation.body):
            if model is not None:
                wanted[model, "validation"] = None
        if operation.answer is not None:
            wanted[operation.answer, "serialization"] = None
    _, definitions = models_json_schema(list(wanted), ref_template=REF)
    found: dict[str, Any] = definitions["$defs"]
    return found


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": "\n\n".join(filter(None, (operation.description, _rights(operation)))),
        "parameters": list(_parameters(operation, schemas)),
        "responses": _responses(operation),
    }
    if operation.has_body:
        described["requestBody"] = {"required": True, "content": _content(operation)}
    return described


def _rights(operation: Operation) -> str:
    parts = [f"Needs the scope `{operation.scope}`."] if operation.scope else ["Any token will do."]
    if operation.roles:
        parts.append(f"Only for {' and '.join(operation.roles)}.")
    return " ".join(parts)


def _parameters(operation: Operation, schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, kind in operation.in_path.items():
        yield {"name": name, "in": "path", "required": True, "schema": kind.json_schema()}
    if operation.query is not None:
        model = schemas[operation.query.__name__]
        for name, schema in model["properties"].items():
            schema = {key: value for key, value in schema.items() if key != "title"}
            described = {"description": schema.pop("description")} if "description" in schema else {}
            required = name in model.get("required", [])
            yield {"name": name, "in": "query", "required": required, "schema": _without_null(schema), **described}
    if operation.keyed:
        yield {
            "name": repeated.HEADER,
            "in": "header",
            "required": False,
            "description": "The same key with the same request is carried out once. Kept for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": repeated.ALLOWED},
        }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: what may be left out is left out."""
    if "anyOf" not in schema:
        return schema
    others = [one for one in schema["anyOf"] if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
    return {**others[0], **rest} if len(others) == 1 else {"anyOf": others, **rest}


def _content(operation: Operation) -> dict[str, Any]:
    if operation.takes_csv:
        return {"text/csv": {"schema": TEXT}}
    assert operation.body is not None
    schema = {"$ref": REF.format(model=operation.body.__name__)}
    if not operation.takes_file:
        return {JSON: {"schema": schema}}
    form = {
        "type": "object",
        "required": ["file", "particulars"],
        "additionalProperties": False,
        "properties": {
            "file": {"type": "string", "contentMediaType": "application/octet-stream"},
            "particulars": schema,
        },
    }
    encoding = {"particulars": {"contentType": JSON}, "file": {"contentType": "application/octet-stream"}}
    return {"multipart/form-data": {"schema": form, "encoding": encoding}}


def _responses(operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {str(operation.status): _good(operation)}
    if operation.later is not None:
        answers[str(LATER)] = {**_good(operation), "description": "It is in the queue."}
    by_status: dict[int, list[Kind]] = defaultdict(list)
    for kind in operation.problems:
        by_status[kind.status].append(kind)
    for status, kinds in sorted(by_status.items()):
        answers[str(status)] = {
            "description": " ".join(f"`{kind.code}`: {kind.title}." for kind in kinds),
            "content": {MEDIA: {"schema": {"$ref": REF.format(model=ProblemDetails.__name__)}}},
            **({"headers": WAIT} if status in (429, 503) else {}),
        }
    return answers


def _good(operation: Operation) -> dict[str, Any]:
    if operation.status == 204:
        return {"description": "Done."}
    if operation.answer is None:
        return {"description": "As said.", "content": {operation.media: {"schema": TEXT}}}
    schema = {"$ref": REF.format(model=operation.answer.__name__)}
    good: dict[str, Any] = {"description": "As said.", "content": {operation.media: {"schema": schema}}}
    if operation.located:
        good["headers"] = {"Location": {"description": "Where it is.", "schema": TEXT}}
    return good
