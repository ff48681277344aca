"""Idempotency-Key: the same request is carried out once, however often it arrives."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from voicedrop.errors import StoreError
from voicedrop.store import idempotency
from voicedrop.store.database import Database
from voicedrop.store.tokens import Principal
from voicedrop.web import problem
from voicedrop.web.fields import invalid
from voicedrop.web.problem import Problem

log = structlog.get_logger(__name__)

HEADER = "Idempotency-Key"
ALLOWED = r"^[!-~]{1,255}$"
REPEATED = "Idempotent-Replayed"


def key_of(request: web.Request) -> str | None:
    """
    Raises:
        Problem: it is not printable ASCII of a sensible length.
    """
    key = request.headers.get(HEADER)
    if key is not None and not re.fullmatch(ALLOWED, key):
        raise invalid(f"header.{HEADER}", "1 to 255 printable ASCII characters without spaces")
    return key


async def once(
    database: Database,
    who: Principal,
    key: str,
    request: bytes,
    carry_out: Callable[[], Awaitable[web.StreamResponse]],
    *,
    secret: bool,
) -> web.StreamResponse:
    """Carry it out and keep its answer, or give the answer of the first time. `request` is its hash.

    An answer of 5xx or 429 is not kept: nothing was done. A request whose answer could not be kept (the process was
    killed, the database went away) holds its key, for nobody knows here whether it was carried out.

    Raises:
        Problem: the key has been used for another request, or for one that has no answer.
        StoreError: the database does not answer.
    """
    async with database.transaction() as connection:
        row = await idempotency.reserve(connection, token_id=who.token_id, key=key, request=request)
    if row is not None:
        return _again(row["request"] == request, row["status"], row["answer"])
    try:
        response = await carry_out()
    except Problem as error:
        if error.kind.status >= 500 or error.kind is problem.TOO_MANY:
            await _release(database, who, key)
        else:
            await _keep(database, who, key, error.response(), secret=False)
        raise
    except Exception:
        await _release(database, who, key)
        raise
    await _keep(database, who, key, response, secret=secret)
    return response


def _again(same: bool, status: int | None, answer: dict[str, str] | None) -> web.Response:
    if not same:
        raise Problem(problem.KEY_REUSED)
    if status is None or answer is None:
        raise Problem(
            problem.IN_PROGRESS,
            "The first request with this Idempotency-Key has no answer yet. If it is not under way any more, look "
            "whether it was done before you ask again with a new key.",
        )
    if "secret" in answer:
        raise Problem(problem.IN_PROGRESS, "It was done; its answer held a secret, which is told once.")
    headers = {name: answer[name] for name in ("Location",) if name in answer}
    return web.Response(
        text=answer.get("body"), status=status, content_type=answer.get("media"), headers={**headers, REPEATED: "true"}
    )


async def _keep(database: Database, who: Principal, key: str, response: web.StreamResponse, *, secret: bool) -> None:
    answer = {"secret": "true"} if secret else {"media": response.content_type}
    if not secret and isinstance(response, web.Response) and response.text is not None:
        answer["body"] = response.text
    if "Location" in response.headers:
        answer["Location"] = response.headers["Location"]
    try:
        async with database.transaction() as connection:
            await idempotency.keep(connection, token_id=who.token_id, key=key, status=response.status, answer=answer)
    except StoreError as error:
        log.warning("answer_not_kept", reason=str(error))


async def _release(database: Database, who: Principal, key: str) -> None:
    try:
        async with database.transaction() as connection:
            await idempotency.release(connection, token_id=who.token_id, key=key)
    except StoreError as error:
        log.warning("key_not_released", reason=str(error))
