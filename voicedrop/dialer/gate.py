"""Asks the policy, with what the database knows of the number. In doubt the answer is no."""

from __future__ import annotations

from datetime import datetime

from voicedrop.engine.known import history
from voicedrop.policy.facts import Facts, Question, Ruling
from voicedrop.policy.gate import judge
from voicedrop.policy.number import Number, NumberFault, parse
from voicedrop.policy.settings import Method, Rules
from voicedrop.policy.suppression import HASH, Entry, lasting, lookup_keys
from voicedrop.store import attempts, numbers
from voicedrop.store.database import Connection

LISTED = """
SELECT pattern, reason, source, expires_at FROM suppression WHERE pattern = ANY(%s)
UNION ALL SELECT %s, 'opted out', 'erasure', NULL FROM suppression_hash WHERE hash = %s
"""


async def ask(
    connection: Connection,
    rules: Rules,
    *,
    number: str,
    method: Method,
    message_id: str,
    caller_id: str,
    now: datetime,
    contact_zone: str = "",
) -> Ruling:
    """What the policy says of an attempt at `now`. The number stays locked until the transaction ends.

    Raises:
        StoreError: the database does not answer; nothing may be called then.
    """
    parsed = parse(number, rules.default_region)
    e164 = parsed.e164
    await attempts.lock(connection, e164 or number)
    question = Question(
        number=parsed,
        method=method,
        callback_number=await _callback_number(connection, message_id),
        caller_id=caller_id,
        contact_zone=contact_zone,
    )
    known = await history(connection, e164, now)
    facts = Facts(
        reachable=True,
        suppressed=await suppressed(connection, e164, now) if e164 else None,
        consents=known.consents,
        attempts=known.attempts,
    )
    return judge(question, facts, rules, now)


async def suppressed(connection: Connection, e164: str, now: datetime) -> Entry | None:
    """The entry of the suppression list that a number falls under and that lasts longest."""
    hashed = numbers.hashed(e164, await numbers.key(connection))
    cursor = await connection.execute(LISTED, (lookup_keys(e164), HASH + hashed.hex(), hashed))
    return lasting((Entry(**row) for row in await cursor.fetchall()), now)


def read_number(text: str, rules: Rules) -> Number | NumberFault:
    return parse(text, rules.default_region)


async def _callback_number(connection: Connection, message_id: str) -> str:
    cursor = await connection.execute("SELECT callback_number FROM message WHERE id = %s", (message_id,))
    row = await cursor.fetchone()
    return str(row["callback_number"]) if row is not None else ""
