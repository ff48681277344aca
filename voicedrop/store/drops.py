"""Drops as the API lists them: newest first, page by page."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from voicedrop.store.database import Connection, Row
from voicedrop.store.scope import Scope

ID_BEFORE = timedelta(days=1)
"""A drop's id is made at the latest when it is accepted, and on the ARI-bridged door when its call began."""
ID_BEHIND = timedelta(hours=1)
"""How far a clock that was set may have put ids behind their drops' acceptance."""
_COLUMNS = """
    id, node, door, outcome, reason, agent, agent_id, team_id, number, caller_id, ref, slot, message_id,
    message_version, cue, accepted_at, ended_at, played_fraction, evidence IS NOT NULL AS has_evidence, erased_at,
    CASE WHEN outcome IS NOT NULL THEN 'ended' WHEN node = '' THEN 'queued' ELSE 'under_way' END AS state,
    CASE WHEN outcome IS NULL AND node = '' THEN (
        SELECT coalesce(scheduled_at, accepted_at) FROM procrastinate_jobs
        WHERE queueing_lock = drops.id::text AND status = 'todo'
    ) END AS due_at
"""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list is narrowed down to; None: not by this."""

    outcome: str | None = None
    agent_id: UUID | None = None
    team_id: UUID | None = None
    number: str | None = None
    message_id: UUID | None = None
    message_version: int | None = None
    ref: str | None = None
    since: datetime | None = None
    """Accepted then or later."""
    until: datetime | None = None
    """Accepted before."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """`cursor` leads to the next page; None: this is the last."""

    rows: list[Row]
    cursor: str | None


class BadCursor(ValueError):
    """This is not a cursor that a list gave out."""


async def listing(
    connection: Connection, *, scope: Scope, filters: Filters, cursor: str | None = None, limit: int = 50
) -> Page:
    """One page, newest first.

    Raises:
        BadCursor: `cursor` did not come from here.
    """
    wanted = [scope.sql()]
    values: dict[str, Any] = {**scope.parameters, "limit": limit + 1}
    for column in ("outcome", "agent_id", "team_id", "number", "message_id", "message_version", "ref"):
        value = getattr(filters, column)
        if value is not None:
            wanted.append(f"{column} = %({column})s")
            values[column] = value
    if filters.ref is not None:
        wanted.append("ref <> ''")  # as the index has it
    if filters.since is not None:
        wanted.append("accepted_at >= %(since)s AND id >= %(since_id)s")
        values |= {"since": filters.since, "since_id": first_id(filters.since - ID_BEFORE)}
    if filters.until is not None:
        wanted.append("accepted_at < %(until)s AND id < %(until_id)s")
        values |= {"until": filters.until, "until_id": first_id(filters.until + ID_BEHIND)}
    if cursor is not None:
        wanted.append("id < %(cursor)s")
        values["cursor"] = _read(cursor)
    found = await connection.execute(
        f"SELECT {_COLUMNS} FROM drops WHERE {' AND '.join(wanted)} ORDER BY id DESC LIMIT %(limit)s", values
    )
    rows = await found.fetchall()
    more = len(rows) > limit
    return Page(rows=rows[:limit], cursor=_write(rows[limit - 1]["id"]) if more else None)


async def one(connection: Connection, drop_id: UUID, *, scope: Scope) -> Row | None:
    """A drop with its receipt (null while it is under way) and the folder of its evidence; None when there is none,
    or it may not be seen."""
    found = await connection.execute(
        f"SELECT {_COLUMNS}, receipt, evidence, evidence_until FROM drops WHERE id = %(id)s AND {scope.sql()}",
        {"id": drop_id, **scope.parameters},
    )
    return await found.fetchone()


def first_id(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a moment (RFC 9562: 48 bits of milliseconds, the version, the variant)."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    milliseconds = min(max((at - epoch) // timedelta(milliseconds=1), 0), (1 << 48) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


def _write(last: UUID) -> str:
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def _read(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise BadCursor("the cursor is none that a list gave out") from error
