"""The suppression list holds only what can be looked up.

The API took numbers without their + and too short ones, and an engine could not read a list that held one.
"""

from alembic import op

from voicedrop.model import new_id

revision = "0004"
down_revision = "0003"

PATTERN = r"^(\+([0-9]{3,15}|[0-9]{0,15}\*)|hmac-sha256:[0-9a-f]{64})$"
# Digits without a + were read as an international number everywhere else. Ten of them may be a North American one
# without its country code, so both are stopped: better one too many than one who asked for it. 15 digits: ITU-T E.164.
READINGS = """
SELECT DISTINCT ON (reading) reading, reason, source, created_at, created_by, expires_at
FROM suppression, LATERAL (
    SELECT '+' || pattern AS reading WHERE pattern ~ '^[1-9][0-9]{2,14}$' OR pattern ~ '^[1-9][0-9]{0,14}\\*$'
    UNION ALL SELECT '+1' || pattern WHERE pattern ~ '^[2-9][0-9]{2}[2-9][0-9]{6}$'
) AS read
WHERE pattern !~ %(pattern)s ORDER BY reading, coalesce(expires_at, 'infinity') DESC
"""


def upgrade() -> None:
    connection = op.get_bind()
    given = {"pattern": PATTERN}
    # What stood there stays in the audit trail: what could not be read at all stands nowhere else.
    unread = connection.exec_driver_sql("SELECT pattern FROM suppression WHERE pattern !~ %(pattern)s", given)
    for (text,) in unread.fetchall():
        connection.exec_driver_sql(
            "INSERT INTO audit (id, actor, action, object, object_id)"
            " VALUES (%(id)s, 'engine', 'rewrite', 'suppression', %(text)s)",
            {"id": new_id(), "text": text},
        )
    connection.exec_driver_sql(
        f"INSERT INTO suppression (pattern, reason, source, created_at, created_by, expires_at) {READINGS}"
        " ON CONFLICT (pattern) DO UPDATE SET expires_at ="
        " nullif(greatest(coalesce(suppression.expires_at, 'infinity'), coalesce(excluded.expires_at, 'infinity')),"
        " 'infinity')",
        given,
    )
    connection.exec_driver_sql("DELETE FROM suppression WHERE pattern !~ %(pattern)s", given)
    op.execute(f"ALTER TABLE suppression ADD CONSTRAINT suppression_pattern CHECK (pattern ~ '{PATTERN}')")
