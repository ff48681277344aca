"""The suppression list and the audit trail on a real PostgreSQL."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from voicedrop.policy.suppression import HASH, is_pattern
from voicedrop.store import audit, suppression
from voicedrop.store.changes import CHANGED
from voicedrop.store.database import Database
from voicedrop.store.suppression import Suppressed

NOBODY = b"\0" * 32


def entry(pattern: str, **more: object) -> Suppressed:
    return Suppressed(pattern=pattern, source="test", **more)


async def test_added_found_and_removed(database: Database) -> None:
    async with database.transaction() as connection:
        assert await suppression.add(connection, [entry("+12025550100"), entry("+1900*")], actor="cli") == 2
        assert await suppression.add(connection, [entry("+12025550100", reason="asked again")], actor="cli") == 0
    async with database.transaction() as connection:
        found = await suppression.look_up(connection, ["+12025550100", "+1202*"], NOBODY)
        assert found is not None
        assert (found["pattern"], found["reason"]) == ("+12025550100", "asked again")
        assert await suppression.look_up(connection, ["+19005550100", "+1900*"], NOBODY) is not None
        assert await suppression.look_up(connection, ["+12025550101", "+1202*"], NOBODY) is None
        assert await suppression.remove(connection, "+1900*")
        assert not await suppression.remove(connection, "+1900*")
        assert await suppression.look_up(connection, ["+19005550100", "+1900*"], NOBODY) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "+123",
        "+12025550100",
        "+*",
        "+1900*",
        f"{HASH}{'0a' * 32}",
        "+123456789012345*",
        "",
        "+",
        "*",
        "+12",
        "12025550100",
        "1900*",
        "+1*0",
        "+1234567890123456",
        f"{HASH}0",
        "+1202\n",
        "+١٢٣",
    ],
)
async def test_the_table_takes_what_can_be_looked_up(database: Database, pattern: str) -> None:
    refused = nullcontext() if is_pattern(pattern) else pytest.raises(psycopg.errors.CheckViolation)
    with refused:
        async with database.transaction() as connection:
            await suppression.add(connection, [entry(pattern)], actor="cli")


async def test_an_entry_that_has_run_out(database: Database) -> None:
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        over = entry("+12025550100", expires_at=now - timedelta(hours=1))
        still = entry("+12025550101", expires_at=now + timedelta(hours=1))
        await suppression.add(connection, [over, still], actor="cli")
        assert await suppression.look_up(connection, ["+12025550100"], NOBODY) is None
        assert await suppression.look_up(connection, ["+12025550101"], NOBODY) is not None


async def test_an_erased_person_stays_on_the_list(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO suppression_hash (hash) VALUES (%s)", (b"h" * 32,))
        assert await suppression.look_up(connection, ["+12025550100"], b"h" * 32) is not None
        assert await suppression.look_up(connection, ["+12025550100"], NOBODY) is None


async def test_pages(database: Database) -> None:
    async with database.transaction() as connection:
        await suppression.add(connection, [entry(f"+1202555{n:04d}") for n in range(250)], actor="cli")
        seen: list[str] = []
        while page := await suppression.listing(connection, after=seen[-1] if seen else "", limit=100):
            seen += [row["pattern"] for row in page]
        assert seen == [f"+1202555{n:04d}" for n in range(250)]
        one = await suppression.listing(connection, beginning="+12025550007")
        assert [row["pattern"] for row in one] == ["+12025550007"]


async def test_the_engines_are_told(database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as listening:
        await listening.execute(f"LISTEN {CHANGED}")
        async with database.transaction() as connection:
            await suppression.add(connection, [entry("+12025550100")], actor="cli")
        async for notice in listening.notifies(timeout=20, stop_after=1):
            assert notice.channel == CHANGED
            break
        else:
            raise AssertionError("nobody was told")


async def test_the_audit_trail(database: Database) -> None:
    async with database.transaction() as connection:
        for n in range(5):
            await audit.add(connection, actor="cli", action="create", thing="message", thing_id=str(n), detail={"n": n})
        await audit.add(connection, actor="token:x", action="revoke", thing="token", thing_id="9")
        rows = await audit.listing(connection)
        assert [row["object_id"] for row in rows] == ["9", "4", "3", "2", "1", "0"]
        assert [row["object_id"] for row in await audit.listing(connection, before=rows[3]["id"])] == ["1", "0"]
        (one,) = await audit.listing(connection, thing="message", thing_id="3")
        assert (one["action"], one["detail"]) == ("create", {"n": 3})
        assert isinstance(one["id"], UUID)
