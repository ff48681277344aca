"""Brings a database to the schema of this version."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from voicedrop.errors import StoreError, StoreUnreachable

MIGRATIONS = Path(__file__).parent / "migrations"
CONNECT_S = 5
LOCK = 0x766F6963  # "voic": one node migrates at a time, the others wait
LOCK_TIMEOUT_MS = 60_000


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def revisions() -> list[str]:
    """Every revision, oldest first."""
    script = ScriptDirectory.from_config(configuration())
    return [one.revision for one in reversed(list(script.walk_revisions()))]


def migrate(url: str, *, to: str = "head") -> None:
    """Migrate, under a lock that other nodes wait for. Blocks.

    Raises:
        StoreUnreachable: there is no database.
        StoreError: it is of a newer version, or a migration failed (and was rolled back).
    """
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, connect_timeout=CONNECT_S),
        poolclass=pool.NullPool,
    )
    try:
        with engine.connect() as connection:
            connection.execute(text(f"SET statement_timeout = {LOCK_TIMEOUT_MS}"))
            connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
            connection.execute(text("SET statement_timeout = 0"))
            connection.commit()
            try:
                _refuse_newer(connection)
                command.upgrade(configuration(connection), to)
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
                connection.commit()
    except (OperationalError, psycopg.OperationalError) as error:
        raise StoreUnreachable(f"cannot reach the database: {str(error).strip().splitlines()[0]}") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be migrated: {str(error).strip().splitlines()[0]}") from error
    finally:
        engine.dispose()


def _refuse_newer(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    if current is not None and current not in revisions():
        raise StoreError(
            f"the database has schema {current}, which this version does not know: it was used by a newer voicedrop. "
            "Run that version, or restore a backup made before its start"
        )
