"""Errors as RFC 9457 problem details: what can go wrong, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

MEDIA = "application/problem+json"
PAGE = "/docs"  # explains every kind of problem below an anchor of its own


@dataclass(frozen=True)
class Kind:
    """One kind of problem."""

    code: str
    status: int
    title: str


MALFORMED = Kind("malformed", 400, "The request cannot be read")
NOT_AUTHENTICATED = Kind("not_authenticated", 401, "A valid token is needed")
FORBIDDEN = Kind("forbidden", 403, "This token may not do that")
NOT_FOUND = Kind("not_found", 404, "There is no such thing, or not for this token")
METHOD_NOT_ALLOWED = Kind("method_not_allowed", 405, "This cannot be done with it")
TOO_SLOW = Kind("too_slow", 408, "The request did not arrive in time")
CONFLICT = Kind("conflict", 409, "It does not go with what is there")
IN_PROGRESS = Kind("in_progress", 409, "A request with this Idempotency-Key has not been answered")
REFUSED = Kind("refused", 409, "The drop was refused; the callee stays with the agent")
TOO_LARGE = Kind("too_large", 413, "The request is too large")
UNSUPPORTED = Kind("unsupported_media_type", 415, "The body is of the wrong kind")
INVALID = Kind("invalid", 422, "A value is not allowed")
KEY_REUSED = Kind("idempotency_key_reused", 422, "This Idempotency-Key came with another request")
AUDIO = Kind("audio_refused", 422, "The file cannot be used as a message")
TOO_MANY = Kind("too_many_requests", 429, "Too many requests")
FAULT = Kind("fault", 500, "A fault of ours")
NO_DATABASE = Kind("no_database", 503, "The database does not answer")
NO_ROOM = Kind("no_shelf", 503, "The message folder cannot be used")

KINDS = (
    MALFORMED,
    NOT_AUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    TOO_SLOW,
    CONFLICT,
    IN_PROGRESS,
    REFUSED,
    TOO_LARGE,
    UNSUPPORTED,
    INVALID,
    KEY_REUSED,
    AUDIO,
    TOO_MANY,
    FAULT,
    NO_DATABASE,
    NO_ROOM,
)


class FaultyValue(BaseModel):
    """One value that is not allowed."""

    where: str = Field(description="body.label, query.limit, …")
    text: str = Field(description="What is wrong with it.")


class ProblemDetails(BaseModel):
    """RFC 9457."""

    type: str = Field(description="Where this kind of problem is explained.")
    title: str
    status: int
    code: str = Field(description="The kind of problem, a word for programs.")
    detail: str = Field(description="What happened this time, for people.")
    errors: list[FaultyValue] | None = Field(default=None, description="The values that are not allowed.")
    rule: str | None = Field(default=None, description="Which rule refused the drop or the file, a word for programs.")


class Problem(Exception):
    """Ends a request with a problem."""

    def __init__(
        self, kind: Kind, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail or f"{kind.title}."
        self.headers = dict(headers or {})
        self.members = members

    def details(self) -> ProblemDetails:
        kind = self.kind
        return ProblemDetails(
            type=f"{PAGE}#{kind.code}",
            title=kind.title,
            status=kind.status,
            code=kind.code,
            detail=self.detail,
            **self.members,
        )

    def response(self) -> web.Response:
        return web.Response(
            text=self.details().model_dump_json(exclude_none=True),
            status=self.kind.status,
            content_type=MEDIA,
            headers=self.headers,
        )


def not_found(what: str) -> Problem:
    """Also for what the caller may not see: he learns nothing of it."""
    return Problem(NOT_FOUND, f"There is no such {what}.")
