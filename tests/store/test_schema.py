"""Migrations: from nothing, from every earlier revision, by two nodes at once, never backwards."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from tests.databases import command
from tests.store.conftest import ExternalServer
from voicedrop.errors import StoreError, StoreUnreachable
from voicedrop.store import schema

ROW = "INSERT INTO team (id, name) VALUES ('0190d3a0-0000-7000-8000-000000000000', 'Sales')"


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in found}


def revision(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def test_from_nothing(empty_url: str) -> None:
    schema.migrate(empty_url)
    assert {"drops", "event", "message", "shipped", "token", "erasure"} <= tables(empty_url)
    assert revision(empty_url) == schema.revisions()[-1]
    schema.migrate(empty_url)  # once more changes nothing
    assert revision(empty_url) == schema.revisions()[-1]


@pytest.mark.parametrize("earlier", schema.revisions())
def test_from_every_revision_with_what_it_holds(empty_url: str, earlier: str) -> None:
    schema.migrate(empty_url, to=earlier)
    command(empty_url, ROW)
    schema.migrate(empty_url)
    assert revision(empty_url) == schema.revisions()[-1]
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT name FROM team").fetchall() == [("Sales",)]


def test_versions_that_were_replaced_before_it_was_written_down(empty_url: str) -> None:
    schema.migrate(empty_url, to="0002")
    message = "0190d3a0-0000-7000-8000-000000000001"
    command(empty_url, f"INSERT INTO message (id, label, version) VALUES ('{message}', 'Callback', 2)")
    for version in (1, 2, 3):
        command(
            empty_url,
            "INSERT INTO message_version (message_id, version, sha256, prepared_sha256, duration_s, checks, created_by)"
            f" VALUES ('{message}', {version}, 'ab', 'cd', 4, '[]', 'test')",
        )
    schema.migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        found = connection.execute("SELECT version, replaced_at <= now() FROM message_version ORDER BY version")
        assert found.fetchall() == [(1, True), (2, None), (3, True)]


def test_entries_of_the_suppression_list_that_no_engine_could_read(empty_url: str) -> None:
    schema.migrate(empty_url, to="0003")
    for pattern, expires in {
        "442071234567": "NULL",
        "2025550123": "NULL",  # without its country code, or Egyptian
        "+12025550123": "now()",  # the one that lasts longer counts
        "1900*": "NULL",
        "+1": "NULL",
        "020": "NULL",
        "+1202*": "NULL",
    }.items():
        command(
            empty_url,
            "INSERT INTO suppression (pattern, reason, source, created_by, expires_at)"
            f" VALUES ('{pattern}', 'asked', 't', 't', {expires})",
        )
    schema.migrate(empty_url)
    with psycopg.connect(empty_url) as connection:
        found = connection.execute('SELECT pattern, expires_at FROM suppression ORDER BY pattern COLLATE "C"')
        assert found.fetchall() == [
            (pattern, None) for pattern in ("+1202*", "+12025550123", "+1900*", "+2025550123", "+442071234567")
        ]
        noted = connection.execute("SELECT object_id FROM audit WHERE object = 'suppression' ORDER BY object_id")
        assert {text for (text,) in noted.fetchall()} == {"442071234567", "2025550123", "1900*", "+1", "020"}


def test_a_newer_database_is_refused_and_left_alone(url: str) -> None:
    command(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"schema 9999, .* newer voicedrop"):
        schema.migrate(url)
    assert revision(url) == "9999"


async def test_two_nodes_at_once(empty_url: str) -> None:
    async with asyncio.timeout(60):
        await asyncio.gather(*(asyncio.to_thread(schema.migrate, empty_url) for _ in range(2)))
    assert revision(empty_url) == schema.revisions()[-1]


def test_a_server_over_tcp(external: ExternalServer) -> None:
    assert revision(external.url) == schema.revisions()[-1]
    external.stop()
    with pytest.raises(StoreUnreachable, match="cannot reach the database"):
        schema.migrate(external.url)
