"""The database goes away, the engine is killed: codes go on, and every accepted drop has one outcome."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.store.embedded import EmbeddedServer

OUTAGE_S = 30.0
DROPS = 20


async def _press(bench: Bench, agent: str, number: str, keys: str = "*92") -> None:
    telephone = await bench.exchange.dial(agent, number)
    await bench.mark(number, "answer")
    await telephone.press(keys)
    await asyncio.wait_for(telephone.ended.wait(), 20)


async def _shipped(bench: Bench, count: int) -> dict[str, str]:
    """Outcomes by drop, once the database has so many."""
    rows = await bench.rows("SELECT id, outcome FROM drops WHERE outcome IS NOT NULL", most=count, wait_s=60)
    return {str(row["id"]): row["outcome"] for row in rows}


async def test_half_a_minute_without_the_database_loses_nothing(
    make_bench: BenchMaker, other_server: EmbeddedServer
) -> None:
    url = other_server.start()
    bench = await make_bench(database={"url": url})
    before = number_of("mailbox")
    await _press(bench, "1001", before)
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(other_server.stop)
    until = loop.time() + OUTAGE_S
    numbers = [before]
    while loop.time() < until:  # codes go on, at both doors, the whole time
        for agent in ("1001", "2001"):
            numbers.append(number_of("mailbox"))
            await _press(bench, agent, numbers[-1])
    assert bench.engine.healthy()
    refused = number_of("human")
    telephone = await bench.exchange.dial("1001", refused)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*98")
    await bench.until(lambda: bench.entries("refused") or None, "the refusal")
    await telephone.hang_up()
    # A run that begins without the database knows the messages of the last one.
    await bench.until(lambda: len(bench.receipts()) == len(numbers), "the receipts", 60)
    assert await asyncio.to_thread(bench.engine.stop) == 0
    await asyncio.to_thread(bench.engine.start)
    numbers.append(number_of("mailbox"))
    await _press(bench, "2001", numbers[-1])
    assert await asyncio.to_thread(other_server.start) == url

    await bench.until(lambda: len(bench.receipts()) == len(numbers), "the receipts", 60)
    for receipt in bench.receipts():
        assert receipt["outcome"] == "delivered", show(receipt)
    outcomes = await _shipped(bench, len(numbers))
    assert outcomes == {receipt["drop"]: "delivered" for receipt in bench.receipts()}
    told = await bench.sql(
        "SELECT kind, drop_id FROM event WHERE kind IN ('drop.accepted', 'drop.ended', 'drop.refused')"
    )
    kinds = Counter(row["kind"] for row in told)
    assert kinds == {"drop.accepted": len(numbers), "drop.ended": len(numbers), "drop.refused": 1}
    print(f"{len(numbers)} drops, {len(numbers) - 1} of them in {OUTAGE_S:.0f} s without the database: all delivered")
    await bench.nothing_left()


async def test_killed_in_the_middle_of_twenty_drops(bench: Bench) -> None:
    kinds = ("mailbox", "slow-beep", "no-beep", "human")
    numbers = [number_of(kinds[n % len(kinds)]) for n in range(DROPS)]
    await asyncio.gather(*(_press(bench, ("1001", "2001")[n % 2], number) for n, number in enumerate(numbers)))
    # An agent of the Dial() door is free a moment before the drop is accepted.
    await bench.until(lambda: len(bench.entries("accepted")) == DROPS, "the acceptance of all")
    under_way = DROPS - len(bench.entries("ended"))
    await asyncio.to_thread(bench.engine.kill)
    await asyncio.to_thread(bench.engine.start)
    await bench.until(lambda: len(bench.receipts()) >= DROPS, f"{DROPS} receipts", 120)
    receipts = bench.receipts()
    accepted = {entry["drop"] for entry in bench.entries("accepted")}
    assert Counter(receipt["drop"] for receipt in receipts) == dict.fromkeys(accepted, 1)
    assert len(accepted) == DROPS
    outcomes = await _shipped(bench, DROPS)
    assert outcomes == {receipt["drop"]: receipt["outcome"] for receipt in receipts}
    told = await bench.sql("SELECT drop_id, count(*) AS times FROM event WHERE kind = 'drop.ended' GROUP BY drop_id")
    assert {str(row["drop_id"]): row["times"] for row in told} == dict.fromkeys(accepted, 1)
    print(f"{DROPS} drops tried, {under_way} under way at the kill: {dict(Counter(outcomes.values()))}")
    await bench.nothing_left()
