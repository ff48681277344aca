"""Consents, attempts, and the queue of unattended drops (Procrastinate's own schema, version 3)."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE consent (
    id uuid PRIMARY KEY,
    number text NOT NULL,
    basis text NOT NULL CHECK (basis IN ('express_written', 'express', 'customer', 'other')),
    source text NOT NULL,
    evidence text NOT NULL,
    given_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL
);
CREATE INDEX consent_number ON consent (number);
-- Written before a call is placed, so that no drop is ever attempted a second time.
CREATE TABLE attempt (
    drop_id uuid PRIMARY KEY,
    number text NOT NULL,
    method text NOT NULL,
    node text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attempt_number ON attempt (number, placed_at DESC);
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
