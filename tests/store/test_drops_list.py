"""The list of drops and the events, by who may see them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.bench.api.receipts import fill
from tests.store.lines import do, ids, rows
from voicedrop.store import drops, events
from voicedrop.store.database import Database, Row
from voicedrop.store.drops import BadCursor, Filters
from voicedrop.store.scope import Scope

DROPS = 2000


@pytest.fixture
async def filled(database: Database) -> Database:
    await asyncio.to_thread(fill, database.url, DROPS)
    return database


async def listed(database: Database, scope: Scope, filters: Filters, *, limit: int = 300) -> list[Row]:
    """Every page of a list."""
    found: list[Row] = []
    cursor: str | None = None
    while True:
        async with database.transaction() as connection:
            page = await drops.listing(connection, scope=scope, filters=filters, cursor=cursor, limit=limit)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            return found


async def test_pages_hold_everything_once_newest_first(filled: Database) -> None:
    found = [row["id"] for row in await listed(filled, Scope.everything(), Filters(), limit=301)]
    assert len(found) == DROPS
    assert found == sorted(found, reverse=True)
    times = [row["accepted_at"] for row in await listed(filled, Scope.everything(), Filters())]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("who", ["everything", "team", "agent"])
@pytest.mark.parametrize(
    "by",
    [
        ("outcome",),
        ("agent_id",),
        ("team_id", "outcome"),
        ("number",),
        ("message_id", "message_version"),
        ("ref",),
        ("since",),
        ("until",),
        ("since", "until", "outcome"),
        (),
    ],
)
async def test_filters_and_scopes_say_what_plain_comparison_says(
    filled: Database, who: str, by: tuple[str, ...]
) -> None:
    everything = await rows(filled, "SELECT * FROM drops ORDER BY id DESC")
    one = everything[DROPS // 2]
    values: dict[str, Any] = {name: one.get(name) for name in by}
    if "since" in by:
        values["since"] = one["accepted_at"] - timedelta(days=50)
    if "until" in by:
        values["until"] = one["accepted_at"] + timedelta(days=50)
    scope = {
        "everything": Scope.everything(),
        "team": Scope.team(one["team_id"]),
        "agent": Scope.agent(one["agent_id"]),
    }[who]

    def wanted(row: Row) -> bool:
        if who == "team" and row["team_id"] != one["team_id"]:
            return False
        if who == "agent" and row["agent_id"] != one["agent_id"]:
            return False
        if "since" in values and row["accepted_at"] < values["since"]:
            return False
        if "until" in values and row["accepted_at"] >= values["until"]:
            return False
        return all(row[name] == value for name, value in values.items() if name not in ("since", "until"))

    expected = [row["id"] for row in everything if wanted(row)]
    assert [row["id"] for row in await listed(filled, scope, Filters(**values))] == expected
    assert one["id"] in expected


async def test_one_drop_is_seen_by_who_may(filled: Database) -> None:
    (row,) = await rows(filled, "SELECT id, agent_id, team_id FROM drops LIMIT 1")
    other = UUID(ids(1)[0])
    async with filled.transaction() as connection:
        for scope in (Scope.everything(), Scope.team(row["team_id"]), Scope.agent(row["agent_id"])):
            found = await drops.one(connection, row["id"], scope=scope)
            assert found is not None
            assert found["receipt"]["drop"] == str(row["id"])
        for scope in (Scope.team(other), Scope.agent(other)):
            assert await drops.one(connection, row["id"], scope=scope) is None
        assert await drops.one(connection, other, scope=Scope.everything()) is None


@pytest.mark.parametrize("cursor", ["x", "", "%%%", "AAAA", "é"])
async def test_a_cursor_that_nobody_gave_out(database: Database, cursor: str) -> None:
    async with database.transaction() as connection:
        with pytest.raises(BadCursor):
            await drops.listing(connection, scope=Scope.everything(), filters=Filters(), cursor=cursor)


async def test_events_are_read_in_order_by_who_may(database: Database) -> None:
    team, agent, other = (UUID(one) for one in ids(3))
    async with database.transaction() as connection:
        assert await events.newest(connection) == 0
        first = await events.add(connection, "a", {"n": 1}, team_id=team, agent_id=agent)
        second = await events.add(connection, "b", {"n": 2}, team_id=team)
        third = await events.add(connection, "c", {"n": 3}, team_id=other)
    assert first < second < third
    async with database.transaction() as connection:
        for scope, kinds in (
            (Scope.everything(), ["a", "b", "c"]),
            (Scope.team(team), ["a", "b"]),
            (Scope.agent(agent), ["a"]),
            (Scope.agent(other), []),
        ):
            found = await events.after(connection, 0, scope=scope, limit=10)
            assert [one.kind for one in found] == kinds
            assert all(scope.sees(one) for one in found)
        assert [one.id for one in await events.after(connection, first, scope=Scope.everything(), limit=1)] == [second]
        assert await events.newest(connection) == third


async def test_nobody_who_reads_on_misses_an_event_of_a_slow_writer(database: Database) -> None:
    """Ids are given out in the order of the commits: the second writer waits for the first."""
    wrote, may_commit = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.transaction() as connection:
            await events.add(connection, "slow", {})
            wrote.set()
            await may_commit.wait()

    async def quick() -> None:
        async with database.transaction() as connection:
            await events.add(connection, "quick", {})

    async with asyncio.timeout(30):
        first = asyncio.create_task(slow())
        await wrote.wait()
        second = asyncio.create_task(quick())
        # It waits for the lock: only then may the first go on.
        while not await rows(database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            pass
        may_commit.set()
        await asyncio.gather(first, second)
    found = await rows(database, "SELECT kind FROM event ORDER BY id")
    assert [row["kind"] for row in found] == ["slow", "quick"]
    await do(database, "DELETE FROM event")
