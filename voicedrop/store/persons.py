"""One person's number: everything that is known of it, and its erasure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voicedrop.store import attempts, numbers, orders
from voicedrop.store.database import Connection

BLANK = """
    {column} || (SELECT coalesce(jsonb_object_agg(key, ''), '{{}}') FROM jsonb_object_keys({column}) AS key
        WHERE key = ANY(%(personal)s))
"""
"""A JSON object without what leads to a person; for a query that is given `personal`."""
BLANK_DROP = f"""
    number = '', caller_id = '', ref = '', erased_at = now(), evidence_until = least(evidence_until, now()),
    receipt = CASE WHEN receipt IS NOT NULL THEN {BLANK.format(column="receipt")} END
"""


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What was found of a number, and erased."""

    drops: int
    events: int
    opted_out: bool
    """He stays on the suppression list, as a keyed hash."""


async def export(connection: Connection, number: str) -> dict[str, Any]:
    """Everything that is stored of a number, ready for JSON but for its times and ids."""
    given = {"forms": numbers.forms(number)}
    found: dict[str, Any] = {"number": number}
    for name, query in {
        "drops": """
            SELECT id, node, door, outcome, reason, agent, number, caller_id, ref, slot, message_id, message_version,
                accepted_at, ended_at, receipt, evidence, evidence_until
            FROM drops WHERE number = ANY(%(forms)s) ORDER BY id""",
        "events": "SELECT id, at, kind, drop_id, body FROM event WHERE body->>'number' = ANY(%(forms)s) ORDER BY id",
        "suppression": """
            SELECT pattern, reason, source, created_at, expires_at FROM suppression
            WHERE pattern = ANY(%(forms)s)""",
        "consents": """
            SELECT basis, source, evidence, given_at, expires_at, revoked_at, created_at FROM consent
            WHERE number = ANY(%(forms)s) ORDER BY given_at""",
        "attempts": """
            SELECT drop_id, method, node, placed_at FROM attempt WHERE number = ANY(%(forms)s) ORDER BY placed_at""",
        "audit": """
            SELECT id, at, actor, action, object, object_id, detail FROM audit
            WHERE object IN ('suppression', 'optout', 'number') AND object_id = ANY(%(forms)s) ORDER BY id""",
    }.items():
        found[name] = await (await connection.execute(query, given)).fetchall()
    return found


async def erase(connection: Connection, number: str) -> Erased:
    """Blank a number wherever it stands; what was counted stays counted.

    His evidence expires now, and every node blanks its own journal: `Retention` does both, and does not need this
    process for it. An opt-out stays as a keyed hash. The caller notes the act in the audit trail, without the number.
    """
    given = {
        "forms": numbers.forms(number),
        "personal": list(numbers.PERSONAL),
        "hash": numbers.hashed(number, await numbers.key(connection)),
    }
    await attempts.lock(connection, number)  # no order of his is taken in or up meanwhile
    # First: what ships from now on is blanked already, and what was shipped before is seen by what follows.
    await connection.execute(
        "INSERT INTO erasure (hash) VALUES (%(hash)s) ON CONFLICT (hash) DO UPDATE SET at = now(), done = '{}'", given
    )
    await connection.execute("LOCK TABLE shipped IN SHARE MODE")
    waiting = await orders.queued(connection, number)
    drops = await connection.execute(f"UPDATE drops SET {BLANK_DROP} WHERE number = ANY(%(forms)s)", given)
    events = await connection.execute(
        f"UPDATE event SET body = {BLANK.format(column='body')} WHERE body->>'number' = ANY(%(forms)s)", given
    )
    suppressed = await connection.execute(
        """
        DELETE FROM suppression WHERE pattern = ANY(%(forms)s)
        RETURNING expires_at IS NULL OR expires_at > now() AS live
        """,
        given,
    )
    opted_out = any(row["live"] for row in await suppressed.fetchall())
    if opted_out:
        await connection.execute("INSERT INTO suppression_hash (hash) VALUES (%(hash)s) ON CONFLICT DO NOTHING", given)
    await connection.execute(
        """
        UPDATE audit SET object_id = '', detail = '{}'
        WHERE object IN ('suppression', 'optout', 'number') AND object_id = ANY(%(forms)s)
        """,
        given,
    )
    await connection.execute(
        "DELETE FROM idempotency WHERE answer::text LIKE '%%' || %(digits)s || '%%'",
        {"digits": number.removeprefix("+")},
    )
    await connection.execute("DELETE FROM consent WHERE number = ANY(%(forms)s)", given)
    await connection.execute("UPDATE attempt SET number = '' WHERE number = ANY(%(forms)s)", given)
    await connection.execute("NOTIFY voicedrop_changed")
    # An order that is being carried out goes with its end; one that waits is not to be.
    await orders.end_all(connection, waiting, orders.ERASED)
    return Erased(drops=drops.rowcount, events=events.rowcount, opted_out=opted_out)
