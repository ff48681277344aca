"""An operation of the API: a typed function, and what the dispatcher and the OpenAPI document learn from its types.

The parameter `ask` is who asks; `query` holds the query's values and `body` those of the JSON body, both as pydantic
models; `file` is an uploaded file (then the body comes as the multipart part `particulars`); `csv` is a body of
comma-separated values; whatever the path names is taken from it. The return type is the answer's.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from voicedrop.store import audit
from voicedrop.store.database import Connection
from voicedrop.store.tokens import Principal, Role
from voicedrop.web import problem
from voicedrop.web.problem import Kind
from voicedrop.web.services import ApiServices

JSON = "application/json"
LEADERS: tuple[Role, ...] = ("supervisor", "admin")
LATER = 202
IN_PATH = re.compile(r"\{(\w+)\}")
Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)

ALWAYS = (problem.NOT_AUTHENTICATED, problem.FORBIDDEN, problem.TOO_MANY, problem.NO_DATABASE)
WITH_BODY = (problem.MALFORMED, problem.UNSUPPORTED, problem.TOO_LARGE, problem.TOO_SLOW, problem.INVALID)
WITH_KEY = (problem.IN_PROGRESS, problem.KEY_REUSED)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request: who asks, and what there is to answer with."""

    services: ApiServices
    who: Principal
    request: web.Request

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        return self.services.database.transaction()

    async def note(
        self, connection: Connection, action: str, thing: str, thing_id: object = "", **detail: object
    ) -> None:
        """Write it into the audit trail, in the transaction of what was done."""
        await audit.add(
            connection,
            actor=self.who.actor,
            token_id=self.who.token_id,
            action=action,
            thing=thing,
            thing_id=str(thing_id),
            detail=detail,
        )


@dataclass(frozen=True, kw_only=True)
class Received:
    """An uploaded file, for as long as the request lasts."""

    file: Path
    name: str
    """As the caller names it: not to be trusted, only shown."""
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    tag: str
    scope: str
    """What the token must hold; empty: any token will do."""
    roles: tuple[Role, ...]
    """Whose tokens may; empty: everybody's."""
    status: int
    media: str
    """Of a good answer."""
    located: bool
    """A new thing: the answer's id behind the path is its place."""
    secret: bool
    """The answer holds a secret that is told once, so it is not kept for a repeated Idempotency-Key."""
    later: type[BaseModel] | None
    """Answers of this kind say that it is to be done: 202."""
    run: Handler
    in_path: dict[str, TypeAdapter[Any]]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    takes_file: bool
    takes_csv: bool
    answer: type[BaseModel] | None
    problems: tuple[Kind, ...]
    summary: str
    description: str

    @property
    def name(self) -> str:
        return str(getattr(self.run, "__name__", ""))

    @property
    def has_body(self) -> bool:
        return self.body is not None or self.takes_file or self.takes_csv

    @property
    def keyed(self) -> bool:
        """It heeds an Idempotency-Key."""
        return self.method == "POST"


@dataclass(frozen=True)
class Operations:
    """The operations on one subject."""

    tag: str
    about: str
    all: list[Operation] = field(default_factory=list)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.all)

    def add(
        self,
        method: str,
        path: str,
        *,
        scope: str = "",
        roles: tuple[Role, ...] = (),
        status: int = 200,
        media: str = JSON,
        located: bool = False,
        secret: bool = False,
        later: type[BaseModel] | None = None,
        problems: tuple[Kind, ...] = (),
    ) -> Callable[[H], H]:
        """Make a function the operation's."""

        def register(run: H) -> H:
            hints = get_type_hints(run, include_extras=True)
            answer = hints.pop("return", None)
            known = {"ask", "query", "body", "file", "csv"}
            in_path = {name: TypeAdapter(hints[name]) for name in IN_PATH.findall(path)}
            if strange := set(inspect.signature(run).parameters) - known - set(in_path):
                raise TypeError(f"{run}: nothing in the request is named {strange}")
            summary, _, description = (inspect.getdoc(run) or "").partition("\n\n")
            takes_file, takes_csv = "file" in hints, "csv" in hints
            body, query = hints.get("body"), hints.get("query")
            kinds = [*ALWAYS, *problems]
            kinds += WITH_BODY if body or takes_file or takes_csv else ()
            kinds += (problem.INVALID,) if query or in_path else ()
            kinds += (problem.NOT_FOUND,) if in_path else ()
            kinds += WITH_KEY if method == "POST" else ()
            operation = Operation(
                method=method,
                path=path,
                tag=self.tag,
                scope=scope,
                roles=roles,
                status=204 if answer in (None, type(None)) else status,
                media=media,
                located=located,
                secret=secret,
                later=later,
                run=run,
                in_path=in_path,
                query=query,
                body=body,
                takes_file=takes_file,
                takes_csv=takes_csv,
                answer=answer if isinstance(answer, type) and issubclass(answer, BaseModel) else None,
                problems=tuple(dict.fromkeys(kinds)),
                summary=" ".join(summary.split()),
                description=description.strip(),
            )
            self.all.append(operation)
            return run

        return register
