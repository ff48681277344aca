"""The live feed on a real PostgreSQL: nothing missed, nothing twice, whoever writes at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from voicedrop.model import new_id
from voicedrop.notify import feed as feed_module
from voicedrop.notify.feed import Feed
from voicedrop.store import events
from voicedrop.store.database import Database
from voicedrop.store.events import CHANNEL, Event
from voicedrop.store.listening import NotificationListener
from voicedrop.store.scope import Scope
from voicedrop.tasks import end

WAIT_S = 30.0
ALL = Scope.everything()


@pytest.fixture
async def feed(database: Database) -> AsyncIterator[Feed]:
    """A running feed that hears the database's notifications."""
    one = Feed(database)
    listener = NotificationListener(database.url, {CHANNEL: one.wake})
    tasks = [asyncio.create_task(one.run()), asyncio.create_task(listener.run())]
    yield one
    await end(*tasks)


async def tell(database: Database, n: int, *, team: UUID | None = None) -> list[int]:
    told = []
    for number in range(n):
        async with database.transaction() as connection:
            told.append(await events.add(connection, "drop.ended", {"n": number}, team_id=team))
    return told


async def take(stream: AsyncIterator[Event], n: int) -> list[int]:
    ids: list[int] = []
    async with asyncio.timeout(WAIT_S):
        while len(ids) < n:
            ids.append((await anext(stream)).id)
    return ids


async def test_from_now_on(database: Database, feed: Feed) -> None:
    await tell(database, 3)
    async with contextlib.aclosing(feed.follow(None, ALL)) as stream:
        first = asyncio.create_task(take(stream, 1))
        told: list[int] = []
        while not first.done():
            told += await tell(database, 1)
        (got,) = await first
        assert got in told


async def test_from_where_one_left_off(database: Database, feed: Feed) -> None:
    told = await tell(database, 20)
    async with contextlib.aclosing(feed.follow(told[4], ALL)) as stream:
        assert await take(stream, 15) == told[5:]
        more = await tell(database, 5)
        assert await take(stream, 5) == more


async def test_a_follower_far_behind(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the memory holds, and more than one batch."""
    monkeypatch.setattr(feed_module, "KEPT", 10)
    monkeypatch.setattr(feed_module, "BATCH", 7)
    one = Feed(database)
    one._recent = type(one._recent)(maxlen=10)
    told = await tell(database, 3)
    running = asyncio.create_task(one.run())
    async with contextlib.aclosing(one.follow(0, ALL)) as stream:
        assert await take(stream, 3) == told
        told += await tell(database, 50)
        one.wake()
        async with contextlib.aclosing(one.follow(told[10], ALL)) as late:
            assert await take(late, 42) == told[11:]
        assert await take(stream, 50) == told[3:]
    await end(running)


async def test_an_id_from_the_future_is_now(database: Database, feed: Feed) -> None:
    await tell(database, 2)
    async with contextlib.aclosing(feed.follow(10**12, ALL)) as stream:
        first = asyncio.create_task(take(stream, 1))
        told: list[int] = []
        while not first.done():
            told += await tell(database, 1)
        assert (await first)[0] in told


async def test_everybody_sees_what_is_his(database: Database, feed: Feed) -> None:
    ours, theirs = UUID(new_id()), UUID(new_id())
    async with database.transaction() as connection:
        for team in (ours, theirs):
            await connection.execute("INSERT INTO team (id, name) VALUES (%s, %s)", (team, str(team)))
    mine: list[int] = []
    for _ in range(4):
        await tell(database, 2, team=theirs)
        mine += await tell(database, 1, team=ours)
    async with contextlib.aclosing(feed.follow(0, Scope.team(ours))) as stream:
        assert await take(stream, 4) == mine
        await tell(database, 3, team=theirs)
        more = await tell(database, 1, team=ours)
        assert await take(stream, 1) == more


async def test_no_gap_with_many_writers(database: Database, feed: Feed) -> None:
    """Transactions that take an id early and commit late, beside others that are quick."""

    async def write(slow: bool) -> list[int]:
        ids = []
        for _ in range(10):
            async with database.transaction() as connection:
                ids.append(await events.add(connection, "drop.ended", {}))
                if slow:
                    await connection.execute("SELECT pg_sleep(0.005)")
        return ids

    async def follow() -> list[int]:
        async with contextlib.aclosing(feed.follow(0, ALL)) as stream:
            return await take(stream, 60)

    async with asyncio.TaskGroup() as tasks:
        followers = [tasks.create_task(follow()) for _ in range(3)]
        writers = [tasks.create_task(write(slow=n % 2 == 0)) for n in range(6)]
    told = sorted(one for writer in writers for one in writer.result())
    assert [follower.result() for follower in followers] == [told] * 3
