"""What an engine keeps in memory: people, messages, slots, and the list of numbers that get no message."""

from __future__ import annotations

from collections.abc import AsyncIterator

from voicedrop.store.database import Connection, Row

ROWS = 5000  # of the list at a time: a million of them must not stop the calls


async def people_and_messages(connection: Connection) -> Row:
    """Agents, messages in their present version, and slots; as JSON has them (ids are text).

    Returns:
        agents: name, id, team_id. messages: id, version, label, agent_id, team_id, sha256 (of the original),
        prepared_sha256, duration_s, evidence, callback_number. slots: slot, agent_id, team_id, message_id. erased:
        key and hashes (hex) of the numbers of people who were erased and had opted out.
    """
    cursor = await connection.execute(
        """
        SELECT
            (SELECT coalesce(json_agg(json_build_object('name', name, 'id', id, 'team_id', team_id)), '[]')
             FROM agent) AS agents,
            (SELECT coalesce(json_agg(json_build_object(
                'id', m.id, 'version', m.version, 'label', m.label, 'agent_id', m.agent_id, 'team_id', m.team_id,
                'evidence', m.evidence, 'sha256', v.sha256, 'prepared_sha256', v.prepared_sha256,
                'duration_s', v.duration_s, 'callback_number', m.callback_number)), '[]')
             FROM message m JOIN message_version v ON v.message_id = m.id AND v.version = m.version
             WHERE m.deleted_at IS NULL) AS messages,
            (SELECT coalesce(json_agg(json_build_object(
                'slot', slot, 'agent_id', agent_id, 'team_id', team_id, 'message_id', message_id)), '[]')
             FROM slot) AS slots,
            (SELECT json_build_object('key', encode(key, 'hex'), 'hashes',
                (SELECT coalesce(json_agg(encode(hash, 'hex')), '[]') FROM suppression_hash))
             FROM number_key) AS erased
        """
    )
    row = await cursor.fetchone()
    assert row is not None
    return row


async def suppression_mark(connection: Connection) -> str:
    """Changes whenever an entry of the list that counts comes, goes or is changed."""
    cursor = await connection.execute(
        """
        SELECT count(*)::text || ' ' || coalesce(sum(hashtextextended(
            pattern || ' ' || reason || ' ' || coalesce(expires_at::text, ''), 0)::numeric), 0)::text AS mark
        FROM suppression
        """
    )
    row = await cursor.fetchone()
    assert row is not None
    return str(row["mark"])


async def suppression(connection: Connection) -> AsyncIterator[list[Row]]:
    """The list in parts: pattern, reason, source, expires_at, ctid (the row, without its number)."""
    async with connection.cursor(name="suppression") as cursor:
        await cursor.execute("SELECT pattern, reason, source, expires_at, ctid::text FROM suppression")
        while rows := await cursor.fetchmany(ROWS):
            yield rows
