"""What the database alone knows of a number: consents, and earlier attempts. Asked only where a rule needs it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from voicedrop.errors import StoreError
from voicedrop.policy.facts import Consent
from voicedrop.policy.settings import Basis
from voicedrop.store import attempts, consents
from voicedrop.store.database import Connection, Database

log = structlog.get_logger(__name__)

ANSWER_S = 1.0  # an agent has pressed a code and hears nothing; the two queries take a few milliseconds
AT_ONCE = 32  # readings; more than that are told at once that there is no answer


@dataclass(frozen=True)
class History:
    """As `policy.facts.Facts` has it."""

    consents: tuple[Consent, ...] = ()
    attempts: tuple[datetime, ...] = ()


async def history(connection: Connection, e164: str, now: datetime) -> History:
    """What is on record of a number; nothing of one that could not be read (empty)."""
    if not e164:
        return History()
    return History(
        consents=tuple(map(_consent, await consents.of_number(connection, e164))),
        attempts=tuple(await attempts.earlier(connection, e164, now=now)),
    )


class NumberFacts:
    """Answers in time, or not at all: a database that hangs must not hold an agent."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reading: set[asyncio.Task[History | None]] = set()

    async def history(self, e164: str, now: datetime) -> History | None:
        """None: the database does not answer within `ANSWER_S`."""
        if len(self._reading) >= AT_ONCE:
            return None
        reading = asyncio.create_task(self._read(e164, now), name="policy facts")
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
        try:
            # A cancelled query takes psycopg up to five seconds, so its end is not waited for.
            done, _ = await asyncio.wait({reading}, timeout=ANSWER_S)
        finally:
            reading.cancel()
        if not done:
            log.warning("policy_facts_not_read", reason=f"the database did not answer within {ANSWER_S:g} s")
        return reading.result() if done else None

    async def _read(self, e164: str, now: datetime) -> History | None:
        try:
            async with self._database.transaction() as connection:
                return await history(connection, e164, now)
        except StoreError as error:
            log.warning("policy_facts_not_read", reason=str(error))
            return None


def _consent(row: dict[str, Any]) -> Consent:
    names = ("source", "evidence", "given_at", "expires_at", "revoked_at")
    return Consent(basis=Basis(row["basis"]), **{name: row[name] for name in names})
