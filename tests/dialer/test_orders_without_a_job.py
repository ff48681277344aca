"""Orders whose job is gone: they end, instead of waiting in the queue for ever. None whose job is there does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.dialer.test_jobs import TRUNK
from tests.dialer.test_orders_end_in_the_queue import OTHER, claimed
from tests.dialer.test_queued_orders import NoCalls, dialer, known, ordered, rows
from tests.store import lines
from voicedrop.dialer import jobs, left
from voicedrop.dialer.jobs import Jobs
from voicedrop.dialer.order import Order
from voicedrop.errors import StoreUnreachable
from voicedrop.store import orders
from voicedrop.store.database import Database
from voicedrop.tasks import end


@pytest.mark.parametrize(
    "change", ["args - 'method'", """args || '{"method": "pigeon"}'""", """args || '{"of_a_later_version": 1}'"""]
)
async def test_a_job_of_another_version_ends_its_order(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(jobs, "LOOK_S", 0.1)
    drop, over = await ordered(database), asyncio.Event()
    await lines.do(database, f"UPDATE procrastinate_jobs SET args = {change}")

    async def end_lost() -> None:
        await left.end_without_job(database)
        if (await known(database, drop))["state"] == "ended":
            over.set()

    async def work(_: Order) -> None:
        raise AssertionError("it cannot be read")

    task = asyncio.create_task(Jobs(lambda: url, TRUNK, 1, work, end_lost).run())
    await asyncio.wait_for(over.wait(), 30)
    await end(task)
    row = await known(database, drop)
    assert (row["outcome"], row["reason"], row["receipt"]["attempt"]["retry"]) == (
        "failed",
        orders.NO_JOB.reason,
        "later",
    )
    assert await rows(database, "SELECT kind FROM event") == [{"kind": "drop.ended"}]


async def test_a_fault_while_the_database_was_away_ends_its_order_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = await ordered(database)

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault")

    async def away(*_: Any, **__: Any) -> None:
        raise StoreUnreachable("the database does not answer")

    monkeypatch.setattr("voicedrop.dialer.gate.ask", broken)
    monkeypatch.setattr("voicedrop.dialer.left.end", away)
    engine: Any = NoCalls()
    with pytest.raises(RuntimeError):
        await dialer(engine, database).make(
            Order.of((await rows(database, "SELECT args FROM procrastinate_jobs"))[0]["args"])
        )
    await lines.do(database, "DELETE FROM procrastinate_jobs")  # as the queue does with a job that failed
    assert (await known(database, drop))["state"] == "queued"
    await left.end_without_job(database)
    await left.end_without_job(database)
    assert (await known(database, drop))["state"] == "ended"
    assert await rows(database, "SELECT kind FROM event") == [{"kind": "drop.ended"}]


async def test_what_waits_or_is_under_way_is_left_alone(database: Database) -> None:
    waiting, held, taken = await ordered(database), await ordered(database), await ordered(database, number=OTHER)
    await lines.do(database, "UPDATE procrastinate_jobs SET status = 'doing' WHERE queueing_lock = %s", str(held))
    assert await claimed(database, taken, number=OTHER)
    await lines.do(database, "DELETE FROM procrastinate_jobs WHERE queueing_lock = %s", str(taken))
    await left.end_without_job(database)
    states = [(await known(database, drop))["state"] for drop in (waiting, held, taken)]
    assert states == ["queued", "queued", "under_way"]


async def test_ordered_while_it_is_looked_nothing_ends(database: Database) -> None:
    async def looking() -> None:
        for _ in range(30):
            await left.end_without_job(database)

    _, *drops = await asyncio.gather(looking(), *(ordered(database, number=f"+12025550{n:03d}") for n in range(20)))
    assert {(await known(database, drop))["state"] for drop in drops} == {"queued"}
