"""A database full of drops, for benchmarks: `python -m tests.bench.api.receipts DATABASE_URL [DROPS]`.

10 teams with 20 agents each, 200 messages, one year; outcomes in the shares of a real day. Ids lie in time as the
engine's do, numbers repeat as those of customers who are called again.
"""

from __future__ import annotations

import sys
import time

import psycopg

DROPS = 1_000_000
PEOPLE = """
INSERT INTO team (id, name) SELECT gen_random_uuid(), 'team ' || n FROM generate_series(1, 10) n;
INSERT INTO agent (id, name, team_id)
    SELECT gen_random_uuid(), 'agent' || n, (SELECT id FROM team WHERE name = 'team ' || (n % 10 + 1))
    FROM generate_series(1, 200) n;
INSERT INTO message (id, label, team_id)
    SELECT gen_random_uuid(), 'message ' || n, (SELECT id FROM team WHERE name = 'team ' || (n % 10 + 1))
    FROM generate_series(1, 200) n;
INSERT INTO message_version (message_id, version, sha256, prepared_sha256, duration_s, checks, created_by)
    SELECT id, 1, md5(label) || md5(label), md5(label) || md5(label), 20, '[]', 'cli' FROM message;
"""
FILL = """
WITH agents AS (
    SELECT array_agg(id ORDER BY name) AS ids, array_agg(team_id ORDER BY name) AS teams,
        array_agg(name ORDER BY name) AS names FROM agent),
messages AS (
    SELECT array_agg(m.id ORDER BY label) AS ids, array_agg(v.sha256 ORDER BY label) AS sums
    FROM message m JOIN message_version v ON v.message_id = m.id),
chosen AS (
    SELECT n, now() - interval '1 year' * (1 - n::float8 / %(drops)s) AS at,
        1 + (random() * 199)::int AS agent,
        -- a few messages are played most of the time
        1 + (199 * power(random(), 3))::int AS message,
        '+1202' || lpad((random() * 300000)::int::text, 7, '0') AS number, random() AS luck
    FROM generate_series(1, %(drops)s) n),
made AS (
    SELECT *, overlay(overlay(gen_random_uuid()::text
            PLACING substr(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0'), 1, 8) || '-'
                || substr(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0'), 9, 4) FROM 1)
            PLACING '7' FROM 15)::uuid AS id,
        CASE WHEN luck < 0.86 THEN 'delivered' WHEN luck < 0.90 THEN 'callee_hung_up'
            WHEN luck < 0.94 THEN 'no_cue' WHEN luck < 0.965 THEN 'partly_delivered'
            WHEN luck < 0.99 THEN 'not_connected' ELSE 'failed' END AS outcome
    FROM chosen)
INSERT INTO drops (id, node, door, outcome, reason, agent, agent_id, team_id, number, caller_id, ref, slot, message_id,
    message_version, cue, accepted_at, ended_at, played_fraction, receipt)
SELECT made.id, 'n1', 'bridged', outcome, 'the whole message was played', names[agent], agents.ids[agent],
    teams[agent], number, '+12025550199', 'crm-' || n, 1 + message %% 9, messages.ids[message], 1, 'beep', at,
    at + interval '40 seconds', 1,
    jsonb_build_object('schema', 1, 'drop', made.id, 'node', 'n1', 'outcome', outcome, 'agent', names[agent],
        'number', number, 'accepted', at, 'message', jsonb_build_object('id', messages.ids[message], 'version', 1,
        'sha256', sums[message]), 'steps', (SELECT jsonb_agg(jsonb_build_object('name', 'step ' || s, 'at', at,
        'ms_since_answer', s * 1000)) FROM generate_series(1, 6) s))
FROM made, agents, messages
"""
COUNT = """
INSERT INTO message_count (message_id, version, outcome, drops)
    SELECT message_id, message_version, outcome, count(*) FROM drops GROUP BY 1, 2, 3
"""


def fill(url: str, drops: int = DROPS) -> None:
    """Fill a migrated database that is empty. Blocks: a million take about a minute and a half."""
    with psycopg.connect(url) as connection:
        connection.execute(PEOPLE)
        # Not a row with its indexes at a time: they are made anew behind the rows.
        found = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'drops' AND indexname <> 'drops_pkey'"
        ).fetchall()
        for name, _ in found:
            connection.execute(f"DROP INDEX {name}")
        connection.execute(FILL, {"drops": drops})
        for _, definition in found:
            connection.execute(definition)
        connection.execute(COUNT)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE drops")


if __name__ == "__main__":
    begun = time.monotonic()
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else DROPS
    fill(sys.argv[1], wanted)
    print(f"{wanted} drops in {time.monotonic() - begun:.0f} s")
