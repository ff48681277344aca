"""The connection to PostgreSQL: a pool, deadlines, and errors in our own words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from voicedrop.errors import StoreError, StoreUnreachable

Connection = AsyncConnection[DictRow]
Row = dict[str, Any]

POOL = 8  # connections; a request holds one for a few milliseconds
WAITING = 200  # requests that may wait for a connection; more than that are refused at once
WAIT_S = 5.0
CONNECT_S = 5
STATEMENT_MS = 10_000
LOST = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TooManyRequests)


class Database:
    """One pool for one process. Rows come as dictionaries, times as UTC."""

    def __init__(self, url: str, *, pool: int = POOL) -> None:
        self.url = url
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=AsyncConnection[DictRow],
            kwargs={
                "row_factory": dict_row,
                "connect_timeout": CONNECT_S,
                "application_name": "voicedrop",
                # A connection whose network has died is noticed within half a minute.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "options": f"-c statement_timeout={STATEMENT_MS} -c timezone=UTC",
            },
            min_size=1,
            max_size=pool,
            max_waiting=WAITING,
            timeout=WAIT_S,
            reconnect_timeout=WAIT_S,
            # A connection that died while nobody used it is not handed out.
            check=AsyncConnectionPool.check_connection,
            open=False,
        )

    async def open(self) -> None:
        """Begin to connect; a database that is not there yet is no error here."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=WAIT_S)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed at the end, rolled back by an exception.

        Raises:
            StoreUnreachable: there is no database, or it went away. Nothing was written, or it is not known.
            StoreError: a statement failed for another reason.
        """
        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
        except LOST as error:
            raise StoreUnreachable(f"the database does not answer: {_first_line(error)}") from error
        except psycopg.errors.IntegrityError:
            raise  # the caller knows what it means: a name taken, something still in use
        except psycopg.Error as error:
            raise StoreError(f"the database refused: {_first_line(error)}") from error

    async def reachable(self) -> bool:
        """Does it answer now?"""
        try:
            async with self.transaction() as connection:
                await connection.execute("SELECT 1")
        except StoreError:
            return False
        return True


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
