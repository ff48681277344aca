"""The kinds of values in requests, each with what is allowed; and the models of ours that forbid unknown keys."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from voicedrop.policy.suppression import read_pattern
from voicedrop.web.problem import INVALID, FaultyValue, Problem

NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"  # PostgreSQL takes no NUL; a line of text needs none of the others
NO_NUL = r"^[^\x00]*$"

Label = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_CONTROL)]
Line = Annotated[str, Field(max_length=500, pattern=NO_CONTROL)]
Prose = Annotated[str, Field(max_length=10_000, pattern=NO_NUL)]
AgentName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,63}$", description="As the dialplan says it.")
]
Ref = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_CONTROL)]
Number = Annotated[str, Field(pattern=r"^\+?[0-9]{3,15}$", description="Digits, usually with + in front.")]
NumberOrNone = Annotated[str, Field(pattern=r"^(\+?[0-9]{3,15})?$", description="Digits, or empty.")]
Pattern = Annotated[
    str,
    Field(
        pattern=r"^(\+?[0-9]{3,15}|\+[0-9]{0,15}\*)$",
        description="A number as +15551234567, or the beginning of numbers as +1900*.",
    ),
]
Slot = Annotated[int, Field(ge=1, le=9)]
Tag = Annotated[str, Field(min_length=1, max_length=50, pattern=NO_CONTROL)]
Language = Annotated[str, Field(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$", description="As en or pt-BR.")]
EventId = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Given(BaseModel):
    """What a request brings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(Given):
    """Part of a list."""

    limit: Annotated[int, Field(ge=1, le=200, description="How many at most.")] = 50
    cursor: Annotated[
        str | None, Field(max_length=500, pattern=r"^[A-Za-z0-9_-]*$", description="`next` of the page before.")
    ] = None

    def after(self) -> str:
        """The place that the cursor names; empty: the beginning.

        Raises:
            Problem: it is no cursor of ours.
        """
        if not self.cursor:
            return ""
        try:
            place = base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)).decode("ascii")
        except (binascii.Error, ValueError, UnicodeDecodeError):
            raise bad_cursor() from None
        return place


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """Part of a list."""

    items: list[T]
    next: str | None = Field(default=None, description="The cursor of the next page; null: this is the last.")


def cursor_at(place: object) -> str:
    """Opaque to the caller, so that what it stands for may change."""
    return base64.urlsafe_b64encode(str(place).encode("ascii")).decode("ascii").rstrip("=")


def bad_cursor() -> Problem:
    return invalid("query.cursor", "this is no cursor: pass on `next` of the page before, as it is")


def invalid(where: str, text: str) -> Problem:
    """A value that only looking further could refuse."""
    return Problem(INVALID, f"{where}: {text}.", errors=[FaultyValue(where=where, text=text)])


def international(where: str, text: str, default_region: str) -> str:
    """A number as the lists have it, + and digits (or the beginning of numbers); digits without + are read as the
    gate reads them.

    Raises:
        Problem: it cannot be read.
    """
    found = read_pattern(text, default_region)
    if not found:
        raise invalid(where, "it is not known which number this is: write + and the country code, as in +12025550123")
    return found
