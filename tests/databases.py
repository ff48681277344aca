"""Databases for tests: one migrated template on a server, and copies of it that nobody shares."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from voicedrop.store import schema

UNSAFE = ("fsync", "synchronous_commit", "full_page_writes")
_numbers = itertools.count(1)


def named(url: str, database: str) -> str:
    """The URL of another database on the same server."""
    before, _, query = url.partition("?")
    base, _, _ = before.rpartition("/")
    return f"{base}/{database}" + (f"?{query}" if query else "")


def command(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def prepare(url: str) -> None:
    """Make the migrated database `template` on the server at `url`."""
    for unsafe in UNSAFE:  # hundreds of databases are made and dropped, and none of them outlives the tests
        command(url, f"ALTER SYSTEM SET {unsafe} = off")
    command(url, "SELECT pg_reload_conf()")
    command(url, "CREATE DATABASE template")
    schema.migrate(named(url, "template"))


@contextmanager
def copy_of(url: str, template: str) -> Iterator[str]:
    """The URL of a new database, a copy of `template`, for as long as this lasts."""
    name = f"test{next(_numbers)}"
    command(url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield named(url, name)
    finally:
        command(url, f"DROP DATABASE {name} WITH (FORCE)")
