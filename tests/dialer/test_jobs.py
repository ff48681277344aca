"""Orders as jobs: durable, one at a time for a number, put back only where nothing was done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.dialer.conftest import an_order
from voicedrop.dialer import jobs
from voicedrop.dialer.jobs import Jobs, NotNow, put
from voicedrop.dialer.order import Order
from voicedrop.errors import StoreUnreachable
from voicedrop.tasks import end

TRUNK = "trunk"


async def running(url: str, work: Callable[[Order], Awaitable[None]], workers: int = 5) -> asyncio.Task[None]:
    async def nothing_is_lost() -> None:
        pass

    return asyncio.create_task(Jobs(lambda: url, TRUNK, workers, work, nothing_is_lost).run())


async def put_all(url: str, *orders: Order) -> None:
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        for one in orders:
            await put(connection, one, trunk=TRUNK)


async def statuses(url: str) -> list[str]:
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row) as connection:
        cursor = await connection.execute("SELECT status::text FROM procrastinate_jobs ORDER BY id")
        return [row["status"] for row in await cursor.fetchall()]


async def test_an_order_comes_as_it_was_put(url: str) -> None:
    order, came = an_order("+12025550100", ref="crm-7", contact_zone="America/New_York"), asyncio.Event()
    got: list[Order] = []

    async def work(one: Order) -> None:
        got.append(one)
        came.set()

    await put_all(url, order)  # nobody runs yet: it waits
    task = await running(url, work)
    await asyncio.wait_for(came.wait(), 20)
    await end(task)
    assert got == [order]


async def test_one_at_a_time_for_a_number(url: str) -> None:
    orders = [an_order("+12025550100") for _ in range(3)] + [an_order("+12025550101") for _ in range(3)]
    under_way: set[str] = set()
    done: list[str] = []
    all_done = asyncio.Event()

    async def work(one: Order) -> None:
        assert one.number not in under_way
        under_way.add(one.number)
        for _ in range(20):
            await asyncio.sleep(0)
        under_way.discard(one.number)
        done.append(one.drop)
        if len(done) == len(orders):
            all_done.set()

    await put_all(url, *orders)
    task = await running(url, work)
    await asyncio.wait_for(all_done.wait(), 30)
    await end(task)
    assert sorted(done) == sorted(one.drop for one in orders)
    for number in ("+12025550100", "+12025550101"):
        mine = [one.drop for one in orders if one.number == number]
        assert [drop for drop in done if drop in mine] == mine, "in the order in which they were put"


async def test_the_same_drop_is_not_put_twice(url: str) -> None:
    order = an_order("+12025550100")
    await put_all(url, order)
    with pytest.raises(StoreUnreachable):
        await put_all(url, order)


async def test_what_cannot_be_made_now_is_made_later(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AGAIN_S", 0)
    made = asyncio.Event()
    asked = 0

    async def work(_: Order) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise NotNow("no room")
        made.set()

    await put_all(url, an_order("+12025550100"))
    task = await running(url, work)
    await asyncio.wait_for(made.wait(), 30)
    await end(task)
    assert asked == 2


async def test_a_fault_of_ours_ends_the_job_and_not_the_queue(url: str) -> None:
    made = asyncio.Event()

    async def work(one: Order) -> None:
        if one.number == "+12025550100":
            raise RuntimeError("a fault")
        made.set()

    await put_all(url, an_order("+12025550100"), an_order("+12025550101"))
    task = await running(url, work)
    await asyncio.wait_for(made.wait(), 20)
    await end(task)
    assert await statuses(url) == [], "what has ended leaves no number behind"


async def test_a_dead_workers_job_is_taken_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node died in the middle: the job comes again; the record of its attempt keeps it from a second call."""
    monkeypatch.setattr(jobs, "STALLED_S", 0.0)
    monkeypatch.setattr(jobs, "LOOK_S", 0.1)
    order, came = an_order("+12025550100"), asyncio.Event()
    await put_all(url, order)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"
        )
        await connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
        )

    async def work(one: Order) -> None:
        assert one == order
        came.set()

    task = await running(url, work)
    await asyncio.wait_for(came.wait(), 30)
    await end(task)


async def test_a_worker_that_stops_in_the_middle_puts_the_job_back(url: str) -> None:
    began, again = asyncio.Event(), asyncio.Event()

    async def stuck(_: Order) -> None:
        began.set()
        await asyncio.Event().wait()

    async def work(_: Order) -> None:
        again.set()

    await put_all(url, an_order("+12025550100"))
    task = await running(url, stuck)
    await asyncio.wait_for(began.wait(), 20)
    await end(task)
    assert await statuses(url) == ["todo"]
    task = await running(url, work)
    await asyncio.wait_for(again.wait(), 30)
    await end(task)
