"""An index of the deliveries that were given up, which /metrics counts."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE INDEX delivery_dead ON delivery (webhook_id) WHERE state = 'dead'")
