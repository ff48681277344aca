"""The database goes away, or the engine dies, anywhere: each drop has one outcome, each event is told once."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from tests.store.conftest import ExternalServer
from tests.store.lines import ended, ids, kinds, refused, rows, whole
from voicedrop.errors import StoreError, StoreUnreachable
from voicedrop.model import new_id
from voicedrop.store import shipping
from voicedrop.store.database import Connection, Database
from voicedrop.store.journal import Journal
from voicedrop.store.shipping import Shipper
from voicedrop.tasks import end

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 30.0
KILLS = 12
DROPS = 40  # of the journal that is shipped under kill -9
MESSAGE = {"id": new_id(), "version": 1}


class Lost:
    """A connection that is lost before its `after`-th statement."""

    def __init__(self, real: Connection, after: int) -> None:
        self._real, self._left = real, after

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoreUnreachable("cut by the test")

    async def execute(self, *words: Any, **more: Any) -> Any:
        self._count()
        return await self._real.execute(*words, **more)

    def cursor(self) -> Any:
        self._count()
        return self._real.cursor()


class Faulty(Database):
    """Cuts each transaction's connection at one statement, or loses the answer to its commit."""

    after: int | None = None
    at_commit = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with super().transaction() as connection:
            yield connection if self.after is None else cast(Connection, Lost(connection, self.after))
        if self.at_commit:
            raise StoreUnreachable("cut by the test behind the commit")


@pytest.fixture
async def faulty(url: str) -> AsyncIterator[Faulty]:
    opened = Faulty(url, pool=2)
    await opened.open()
    yield opened
    await opened.close()


async def append(journal: Journal, *entries: dict[str, Any]) -> None:
    for entry in entries:
        await journal.append(entry)


async def assert_once(database: Database, drops: list[str], *, refusals: int = 0) -> None:
    """Each drop has its one outcome, was told of once, and was counted once."""
    found = await rows(database, "SELECT id, outcome FROM drops ORDER BY id")
    assert [(str(row["id"]), row["outcome"]) for row in found] == [(drop, "delivered") for drop in sorted(drops)]
    told = await rows(database, "SELECT drop_id, kind FROM event WHERE drop_id IS NOT NULL ORDER BY id")
    for drop in drops:
        of_drop = [row["kind"] for row in told if str(row["drop_id"]) == drop]
        assert of_drop == ["drop.accepted", "drop.playing", "drop.ended"]
    assert (await kinds(database)).count("drop.refused") == refusals
    counted = await rows(database, "SELECT sum(drops)::int AS drops FROM message_count")
    assert counted[0]["drops"] == len(drops)


def told_whole(drop: str) -> list[dict[str, Any]]:
    return [*whole(drop)[:-1], ended(drop, message=MESSAGE)]


async def test_a_connection_that_is_lost_at_any_statement(faulty: Faulty, journal: Journal) -> None:
    drops = []
    shipper = Shipper(faulty, journal, "n1")
    for after in range(100):
        drops.append(new_id())
        await append(journal, *told_whole(drops[-1]), refused())
        faulty.after = after
        try:
            await shipper.ship_all()
        except StoreUnreachable:
            faulty.after = None
            shipper = Shipper(faulty, journal, "n1")  # as after a crash: it knows nothing
            await shipper.ship_all()
            continue
        break
    else:
        pytest.fail("it never got through")
    faulty.after = None
    assert len(drops) > 10, "every statement of a batch was cut"
    await assert_once(faulty, drops, refusals=len(drops))


async def test_an_answer_to_a_commit_that_is_lost(faulty: Faulty, journal: Journal) -> None:
    drops = ids(3)
    shipper = Shipper(faulty, journal, "n1")
    await shipper.ship_all()
    for drop in drops:
        await append(journal, *told_whole(drop))
        faulty.at_commit = True
        with pytest.raises(StoreError):
            await shipper.ship_all()
        faulty.at_commit = False
        await shipper.ship_all()
    await assert_once(faulty, drops)


async def test_kill_9_of_whoever_ships(database: Database, url: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.open()
    drops = ids(DROPS)
    for drop in drops:
        await append(journal, *told_whole(drop))
    journal.close()
    chance = random.Random(4)
    script = str(Path(__file__).parent / "kill_me.py")
    killed = 0
    while True:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            script,
            str(tmp_path),
            url,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert child.stdout is not None
        left = chance.randint(1, 14) if killed < KILLS else -1
        said = b""
        async with asyncio.timeout(DEADLINE_S):
            while left and (line := await child.stdout.readline()):
                said, left = line, left - 1
            if left == 0 and said != b"done\n":
                child.kill()
                killed += 1
            await child.communicate()
        if said == b"done\n":
            break
        assert left == 0, f"it ended by itself: {child.returncode}"
    assert killed >= KILLS // 2, "it was killed often enough to tell"
    await assert_once(database, drops)


class Watched(Shipper):
    """Tells when it has shipped everything, and when it found the database away."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.idle = asyncio.Event()
        self.away = asyncio.Event()

    async def _pause(self) -> None:
        self.idle.set()
        await super()._pause()

    def _down(self, error: Exception) -> None:
        super()._down(error)
        self.away.set()


async def test_a_database_that_goes_away_and_comes_back(
    external: ExternalServer, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "BACKOFF_S", (0.05, 0.2))
    drops = ids(30)
    database = Database(external.url, pool=2)
    await database.open()
    shipper = Watched(database, journal, "n1")
    with capture_logs() as logs:
        running = asyncio.create_task(shipper.run())
        try:
            async with asyncio.timeout(DEADLINE_S):
                for drop in drops[:10]:
                    await append(journal, *told_whole(drop))
                await shipper.idle.wait()
                await asyncio.to_thread(external.stop)
                for drop in drops[10:]:
                    await append(journal, *told_whole(drop))  # goes on as if nothing were
                await shipper.away.wait()
                assert not shipper.up
                assert await shipper.behind() > 0
                await asyncio.to_thread(external.start)
                while await shipper.behind() or not shipper.up:
                    shipper.idle.clear()
                    await shipper.idle.wait()
        finally:
            await end(running)
    await assert_once(database, drops)
    await database.close()
    said = [one["event"] for one in logs]
    assert (said.count("shipping_waits"), said.count("shipping_again")) == (1, 1), "told once, not at every attempt"


async def test_an_engine_that_starts_without_its_database(
    external: ExternalServer, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "BACKOFF_S", (0.05, 0.2))
    await asyncio.to_thread(external.stop)
    database = Database(external.url, pool=2)
    await database.open()
    shipper = Watched(database, journal, "n1")
    running = asyncio.create_task(shipper.run())
    drops = ids(3)
    try:
        async with asyncio.timeout(DEADLINE_S):
            for drop in drops:
                await append(journal, *told_whole(drop))
            await shipper.away.wait()
            await asyncio.to_thread(external.start)
            while await shipper.behind() or not shipper.up:
                shipper.idle.clear()
                await shipper.idle.wait()
    finally:
        await end(running)
    await assert_once(database, drops)
    await database.close()


async def test_an_entry_wakes_the_shipper(
    database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "LOOK_S", 3600.0)
    shipper = Watched(database, journal, "n1")
    running = asyncio.create_task(shipper.run())
    drops = ids(3)
    async with asyncio.timeout(DEADLINE_S):
        for drop in drops:
            await append(journal, *told_whole(drop))
            while await shipper.behind():
                shipper.idle.clear()
                await shipper.idle.wait()
    await end(running)
    await assert_once(database, drops)
