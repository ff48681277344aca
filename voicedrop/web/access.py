"""Who asks: the token, its rights, and how often it may ask."""

from __future__ import annotations

import re
from collections.abc import Callable

from aiohttp import hdrs, web

from voicedrop.config import Api
from voicedrop.store import tokens
from voicedrop.store.database import Database
from voicedrop.store.tokens import Principal
from voicedrop.web import problem
from voicedrop.web.limits import Buckets, retry_after
from voicedrop.web.operation import Operation
from voicedrop.web.problem import Problem

BEARER = re.compile(r"Bearer +([!-~]{1,200})", re.IGNORECASE)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="voicedrop"'}
FAILURES_RATE_PER_S = 1 / 6  # from one address, ten failures a minute in the long run
FAILURES_BURST = 20


class Access:
    """Tells whom a request is from, and refuses those that may not."""

    def __init__(self, database: Database, settings: Api, now: Callable[[], float]) -> None:
        self._database = database
        self._requests = Buckets(settings.rate_per_s, settings.burst, now)
        self._failures = Buckets(FAILURES_RATE_PER_S, FAILURES_BURST, now)

    async def admit(self, request: web.Request, operation: Operation) -> Principal:
        """
        Raises:
            Problem: no valid token (401), one without the right (403), or too many requests (429).
            StoreError: the database does not answer.
        """
        who = await self._who(request)
        if wait := self._requests.take(who.token_id):
            raise Problem(problem.TOO_MANY, "This token asks too often.", headers=retry_after(wait))
        if operation.roles and who.role not in operation.roles:
            raise Problem(problem.FORBIDDEN, f"This needs a token of the role {' or '.join(operation.roles)}.")
        if operation.scope and operation.scope not in who.scopes:
            raise Problem(problem.FORBIDDEN, f"This needs a token with the scope {operation.scope}.")
        return who

    async def _who(self, request: web.Request) -> Principal:
        address = request.remote or ""
        if wait := self._failures.wait(address):
            raise Problem(problem.TOO_MANY, "Too many requests without a valid token.", headers=retry_after(wait))
        header = request.headers.get(hdrs.AUTHORIZATION, "")
        found = BEARER.fullmatch(header.strip())
        who = None
        if found is not None:
            async with self._database.transaction() as connection:
                who = await tokens.principal(connection, found[1])
        if who is None:
            self._failures.take(address)
            text = "The token is unknown, revoked or expired." if found else "Send Authorization: Bearer vd_…"
            raise Problem(problem.NOT_AUTHENTICATED, text, headers=CHALLENGE)
        return who
