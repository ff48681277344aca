"""Numbers that get no message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from voicedrop.policy.suppression import HASH
from voicedrop.policy.suppression_csv import Fault, read_csv
from voicedrop.store import suppression
from voicedrop.store.suppression import Suppressed
from voicedrop.web import paging
from voicedrop.web.fields import Given, Line, Page, PageQuery, Pattern, international
from voicedrop.web.operation import LEADERS, Ask, Operations
from voicedrop.web.problem import INVALID, MALFORMED, FaultyValue, Problem, not_found

operations = Operations("suppression", "Numbers that get no message, whoever presses the code.")
MOST_FAULTS = 50  # of a CSV file, that are told; the rest is counted


class Suppression(BaseModel):
    pattern: str
    reason: str
    source: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None


class SuppressionPage(Page[Suppression]):
    """By pattern."""


class SuppressionQuery(PageQuery):
    beginning: Annotated[str, Field(max_length=16, pattern=r"^\+?[0-9]*$", description="Numbers that begin so.")] = ""


class SuppressionIn(Given):
    pattern: Pattern
    reason: Line = ""
    expires_at: AwareDatetime | None = Field(default=None, description="Null: for ever.")


class Added(BaseModel):
    entries: int
    new: int = Field(description="The others were on the list already, and have the new reason and time.")


@operations.add("GET", "/v1/suppression", scope="suppression:read", roles=LEADERS)
async def list_suppression(ask: Ask, query: SuppressionQuery) -> SuppressionPage:
    """List the numbers."""
    async with ask.transaction() as connection:
        rows = await suppression.listing(
            connection, beginning=query.beginning, after=query.after(), limit=query.limit + 1
        )
    return SuppressionPage(**paging.page(rows, query.limit, by="pattern"))


@operations.add("POST", "/v1/suppression", scope="suppression:write")
async def add_suppression(ask: Ask, body: SuppressionIn) -> Added:
    """Put a number on the list.

    It counts from the next code on. Only supervisors and admins may give the beginning of numbers."""
    if body.pattern.endswith("*") and ask.who.role == "agent":
        raise Problem(INVALID, "An agent adds single numbers.", errors=[FaultyValue(where="body.pattern", text="*")])
    pattern = international("body.pattern", body.pattern, ask.services.default_region)
    entry = Suppressed(pattern=pattern, reason=body.reason, source=ask.who.role, expires_at=body.expires_at)
    async with ask.transaction() as connection:
        new = await suppression.add(connection, [entry], actor=ask.who.actor)
        await ask.note(connection, "create", "suppression", pattern)
    return Added(entries=1, new=new)


@operations.add("POST", "/v1/suppression/import", scope="suppression:write", roles=LEADERS)
async def import_suppression(ask: Ask, csv: bytes) -> Added:
    """Put a list of numbers on the list.

    CSV in UTF-8 with the columns number, reason, source and expires, as its header names them. All of it or nothing:
    with a fault in any line nothing is taken, and the faults are told by line."""
    try:
        lines = csv.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Problem(MALFORMED, "The list is not UTF-8.") from None
    entries = list(_entries(lines, ask.services.default_region, f"import by {ask.who.label}"))
    async with ask.transaction() as connection:
        new = await suppression.add(connection, entries, actor=ask.who.actor)
        await ask.note(connection, "import", "suppression", "", entries=len(entries), new=new)
    return Added(entries=len(entries), new=new)


@operations.add("DELETE", "/v1/suppression/{pattern}", scope="suppression:write", roles=("admin",))
async def remove_suppression(ask: Ask, pattern: Pattern) -> None:
    """Take a number off the list."""
    pattern = international("path.pattern", pattern, ask.services.default_region)
    async with ask.transaction() as connection:
        if not await suppression.remove(connection, pattern):
            raise not_found("entry")
        await ask.note(connection, "delete", "suppression", pattern)


def _entries(lines: list[str], region: str, source: str) -> Iterator[Suppressed]:
    faults = []
    for number, line in enumerate(lines, start=1):
        if "\x00" in line:
            faults.append(FaultyValue(where=f"line {number}", text="it holds a NUL character"))
    for one in [] if faults else read_csv(lines, region):
        if isinstance(one, Fault):
            faults.append(FaultyValue(where=f"line {one.line}", text=one.text))
        elif one.pattern.startswith(HASH):
            faults.append(FaultyValue(where="csv", text="keyed hashes are made by erasing a number, not imported"))
        elif not faults:
            expires_at = one.expires_at
            yield Suppressed(pattern=one.pattern, reason=one.reason, source=one.source or source, expires_at=expires_at)
    if faults:
        text = f"{len(faults)} line(s) cannot be used, so none was taken."
        raise Problem(INVALID, text, errors=faults[:MOST_FAULTS])
