"""When a version of a message was replaced; and an index of the deliveries that were given up."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Nobody wrote down when the versions of before were replaced: from now on at the latest.
REPLACED = """
-- null: it is the version that is played
ALTER TABLE message_version ADD COLUMN replaced_at timestamptz;
UPDATE message_version v SET replaced_at = now() FROM message m WHERE m.id = v.message_id AND m.version <> v.version;
"""
DEAD = "CREATE INDEX delivery_dead ON delivery (webhook_id) WHERE state = 'dead'"


def upgrade() -> None:
    op.execute(REPLACED)
    op.execute(DEAD)
