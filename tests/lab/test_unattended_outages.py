"""Something goes away in the middle of unattended drops: each order has one receipt, and no call is made again."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter

import pytest

from tests.lab.calling import OPEN, humans_heard, order, receipt_of
from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.errors import VoicedropError
from voicedrop.lab import recordings, servers
from voicedrop.policy.settings import Method
from voicedrop.store.embedded import EmbeddedServer

PLAYS, WAITS, PAIR = "mailbox", "slow-beep", "line"
"""A mailbox whose message plays, one in whose greeting we wait, and a line with the first of two calls out."""


class Drops:
    """One of each, under way at the same time."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.numbers = {key: number_of(key) for key in (PLAYS, WAITS, PAIR)}
        self.drops: dict[str, str] = {}

    async def begin(self) -> None:
        """Return when the message plays, the greeting plays, and the first of the two calls rings."""
        bench = self.bench
        for key in (PLAYS, WAITS):
            self.drops[key] = await order(bench, self.numbers[key], Method.SINGLE)
        await bench.until(lambda: "STARTING -> PLAYING" in bench.log_tail(500), "the message")
        self.drops[PAIR] = await order(bench, self.numbers[PAIR], Method.TWO_CALL)
        await bench.mark(self.numbers[PAIR], "ring")
        await bench.mark(self.numbers[WAITS], "play greeting-12s")

    async def receipts(self) -> dict[str, dict[str, object]]:
        """By what it was for; each order has one, and no person heard anything."""
        found = {key: await receipt_of(self.bench, drop) for key, drop in self.drops.items()}
        await self.bench.nothing_left()
        assert humans_heard(self.bench, self.numbers[PAIR]) == 0
        return found

    def calls(self) -> dict[str, int]:
        """How often each number was called so far."""
        return {key: len(recordings.calls_to(self.bench.site, number)) for key, number in self.numbers.items()}


async def _no_job_left(bench: Bench) -> None:
    await bench.rows("SELECT 1 AS gone WHERE NOT EXISTS (SELECT FROM procrastinate_jobs)", wait_s=60)


async def test_asterisk_restarts(make_bench: BenchMaker) -> None:
    bench: Bench = await make_bench(**OPEN)
    made = Drops(bench)
    await made.begin()
    calls = made.calls()
    await asyncio.to_thread(servers.stop, bench.site, "pbx", signal.SIGKILL)
    await asyncio.to_thread(servers.start, bench.site, "pbx")
    await asyncio.to_thread(servers.wait_until_ready, bench.site, "pbx")
    receipts = await made.receipts()
    assert receipts[PLAYS]["outcome"] in ("partly_delivered", "failed"), show(receipts[PLAYS])
    assert receipts[WAITS]["outcome"] == "failed", show(receipts[WAITS])
    assert receipts[PAIR]["outcome"] in ("not_connected", "failed"), show(receipts[PAIR])
    await _no_job_left(bench)
    assert made.calls() == calls


async def test_an_orderly_stop(make_bench: BenchMaker) -> None:
    """What plays is finished, what waits is not left to the dialplan, what is in the queue the next run makes."""
    bench: Bench = await make_bench(**OPEN, shutdown={"grace_s": 1})
    made = Drops(bench)
    await made.begin()
    queued = await order(bench, made.numbers[PLAYS], Method.SINGLE)
    bench.engine.send(signal.SIGTERM)
    assert await asyncio.to_thread(bench.engine.wait) == 0
    receipts = await made.receipts()
    assert receipts[PLAYS]["outcome"] == "delivered", show(receipts[PLAYS])
    assert receipts[WAITS]["outcome"] == "failed", show(receipts[WAITS])
    assert receipts[WAITS]["reason"] == "the engine stopped before the message"
    assert receipts[PAIR]["outcome"] in ("not_connected", "failed"), show(receipts[PAIR])
    calls = made.calls()
    assert len(bench.receipts()) == len(made.drops)
    await asyncio.to_thread(bench.engine.start)
    assert (await receipt_of(bench, queued))["outcome"] == "delivered"
    await _no_job_left(bench)
    assert made.calls() == {**calls, PLAYS: 2}
    assert len(bench.receipts()) == len(made.drops) + 1


async def test_the_database_goes_away(make_bench: BenchMaker, other_server: EmbeddedServer) -> None:
    """Calls under way end in their receipts; none is begun until it is back."""
    url = other_server.start()
    bench: Bench = await make_bench(**{**OPEN, "unattended": {"workers": 3}}, database={"url": url})
    made = Drops(bench)
    await made.begin()
    queued_to = number_of("busy")
    queued = await order(bench, queued_to, Method.SINGLE)
    await asyncio.to_thread(other_server.stop)
    receipts = await made.receipts()
    assert {key: receipt["outcome"] for key, receipt in receipts.items()} == dict.fromkeys(made.drops, "delivered")
    for key in (PLAYS, PAIR):
        assert (await bench.delivery(made.numbers[key], "short")).whole
    calls = made.calls()
    with pytest.raises(VoicedropError):
        await order(bench, queued_to, Method.SINGLE)
    assert recordings.calls_to(bench.site, queued_to) == []
    assert await asyncio.to_thread(other_server.start) == url
    assert (await receipt_of(bench, queued))["outcome"] == "not_connected"
    everything = {*made.drops.values(), queued}
    rows = await bench.rows("SELECT id, outcome FROM drops WHERE outcome IS NOT NULL", most=len(everything))
    assert {str(row["id"]) for row in rows} == everything
    told = await bench.sql("SELECT drop_id FROM event WHERE kind = 'drop.ended'")
    assert Counter(str(row["drop_id"]) for row in told) == dict.fromkeys(everything, 1)
    assert made.calls() == calls == {PLAYS: 1, WAITS: 1, PAIR: 2}
    assert len(bench.receipts()) == len(everything)
