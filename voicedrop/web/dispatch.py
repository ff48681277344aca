"""From a request to an operation and back: rights, values, repetition, and errors in one form."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import structlog
from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from voicedrop.errors import StorageError, StoreUnreachable
from voicedrop.web import problem, receive, repeated
from voicedrop.web.access import Access
from voicedrop.web.operation import JSON, LATER, Ask, Operation
from voicedrop.web.problem import FaultyValue, Kind, Problem
from voicedrop.web.services import ApiServices

log = structlog.get_logger(__name__)

DATABASE_AGAIN_S = 5  # when to ask again while there is no database
SHELF_AGAIN_S = 60
NEVER_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
OF_STATUS: dict[int, Kind] = {
    400: problem.MALFORMED,
    404: problem.NOT_FOUND,
    405: problem.METHOD_NOT_ALLOWED,
    413: problem.TOO_LARGE,
}

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def problems(request: web.Request, handler: Next) -> web.StreamResponse:
    """Every error below /v1 as problem details."""
    if not request.path.startswith("/v1"):
        return await handler(request)
    try:
        response = await handler(request)
    except Problem as error:
        response = error.response()
    except StoreUnreachable as error:
        log.warning("request_without_database", route=_route(request), reason=str(error))
        response = Problem(problem.NO_DATABASE, headers={"Retry-After": str(DATABASE_AGAIN_S)}).response()
    except StorageError as error:
        log.error("request_without_shelf", route=_route(request), reason=str(error))
        response = Problem(problem.NO_ROOM, str(error), headers={"Retry-After": str(SHELF_AGAIN_S)}).response()
    except web.HTTPException as error:
        kind = OF_STATUS.get(error.status)
        if kind is None:
            raise
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        response = Problem(kind, headers=allow).response()
    except Exception:
        log.exception("request_failed", method=request.method, route=_route(request))
        response = Problem(problem.FAULT, "It is in the engine's log.").response()
    if not response.prepared:
        response.headers.update(NEVER_KEPT)
    return response


def _route(request: web.Request) -> str:
    """The path without what it names: numbers do not go into the log's text."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def endpoint(operation: Operation, services: ApiServices, access: Access) -> Next:
    """The handler of one operation."""

    async def handle(request: web.Request) -> web.StreamResponse:
        who = await access.admit(request, operation)
        arguments: dict[str, Any] = {"ask": Ask(services=services, who=who, request=request)}
        for name, kind in operation.in_path.items():
            arguments[name] = _from_path(kind, name, request.match_info[name])
        if operation.query is not None:
            arguments["query"] = _from_query(operation.query, request)
        key = repeated.key_of(request) if operation.keyed else None
        async with AsyncExitStack() as stack:
            digest = b""
            if operation.takes_file:
                form = receive.upload(request, operation, services.uploads, services.intake.limits.max_bytes)
                arguments["file"], arguments["body"], digest = await stack.enter_async_context(form)
            elif operation.takes_csv:
                arguments["csv"], digest = await receive.csv(request)
            elif operation.body is not None:
                arguments["body"], digest = await receive.body(request, operation.body)

            async def carry_out() -> web.StreamResponse:
                return _response(operation, request, await operation.run(**arguments))

            if key is None:
                return await carry_out()
            hashed = hashlib.sha256(f"{request.method} {request.path_qs}\n".encode() + digest).digest()
            return await repeated.once(services.database, who, key, hashed, carry_out, secret=operation.secret)

    return handle


def _from_path(kind: TypeAdapter[Any], name: str, text: str) -> Any:
    try:
        return kind.validate_strings(text)
    except ValidationError as error:
        found = [FaultyValue(where=f"path.{name}", text=fault["msg"]) for fault in error.errors(include_url=False)]
        raise Problem(problem.INVALID, "The path names no such thing.", errors=found) from None


def _from_query(model: type[BaseModel], request: web.Request) -> BaseModel:
    given: dict[str, str] = {}
    for name, text in request.query.items():
        if name in given:
            twice = FaultyValue(where=f"query.{name}", text="given twice")
            raise Problem(problem.INVALID, "Values are not allowed.", errors=[twice])
        given[name] = text
    try:
        return model.model_validate_strings(given)
    except ValidationError as error:
        raise Problem(problem.INVALID, "Values are not allowed.", errors=receive.faults(error, "query")) from None


def _response(operation: Operation, request: web.Request, answer: Any) -> web.StreamResponse:
    if isinstance(answer, web.StreamResponse):
        return answer
    if answer is None:
        return web.Response(status=operation.status)
    headers = {"Location": f"{request.path}/{quote(str(answer.id))}"} if operation.located else {}
    status = LATER if operation.later is not None and isinstance(answer, operation.later) else operation.status
    return web.Response(text=answer.model_dump_json(), status=status, content_type=JSON, headers=headers)
