"""An order from its acceptance on: readable at once, cancelled or taken up, with one outcome."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from tests.dialer.conftest import an_order
from tests.dialer.test_gate_on_store import CALLER, NUMBER, OPEN
from tests.store import lines
from voicedrop.control import Refused
from voicedrop.dialer import gate
from voicedrop.dialer.dialer import Dialer
from voicedrop.dialer.jobs import NotNow, put
from voicedrop.dialer.opt_outs import OptOuts
from voicedrop.dialer.orders import Orders
from voicedrop.engine.services import utc_now
from voicedrop.model import new_id
from voicedrop.policy.hours import read_window
from voicedrop.policy.settings import Rules
from voicedrop.store import attempts, drops, orders, persons
from voicedrop.store.database import Database, Row
from voicedrop.store.entries import Checked, check
from voicedrop.store.scope import Scope
from voicedrop.store.takeover import Writer

TRUNK, NODE = "trunk", "n1"


def settings(rules: Rules = OPEN) -> Any:
    unattended = SimpleNamespace(caller_id=CALLER, trunk=TRUNK, calls_per_second=1.0)
    return SimpleNamespace(
        node=NODE,
        state_dir=Path("/nowhere"),
        unattended=unattended,
        drop=SimpleNamespace(limit_s=60),
        policy=SimpleNamespace(rules=lambda: rules),
    )


async def ordered(database: Database, rules: Rules = OPEN, **whose: Any) -> UUID:
    taken = Orders(settings(rules), database)
    given: dict[str, Any] = {
        "number": NUMBER,
        "message_id": new_id(),
        "method": "single",
        "actor": "test",
        "ref": "crm-7",
    }
    return UUID(await taken.order(**{**given, **whose}))


async def read(database: Database, drop: UUID, scope: Scope | None = None) -> Row | None:
    async with database.transaction() as connection:
        return await drops.one(connection, drop, scope=scope or Scope.everything())


async def known(database: Database, drop: UUID) -> Row:
    row = await read(database, drop)
    assert row is not None
    return row


async def rows(database: Database, query: str) -> list[Row]:
    async with database.transaction() as connection:
        return await (await connection.execute(query)).fetchall()


async def cancelled(database: Database, drop: UUID) -> bool:
    async with database.transaction() as connection:
        return await orders.end(connection, drop, orders.CANCELLED)


async def shipped(database: Database, *entries: dict[str, Any]) -> None:
    checked = [one for one in map(check, entries) if isinstance(one, Checked)]
    async with database.transaction() as connection:
        await Writer(connection=connection, node=NODE, evidence_kept=timedelta(days=1)).write(checked)


def accepted(drop: UUID) -> dict[str, Any]:
    return lines.accepted(str(drop), door="unattended", agent="", slot=0)


def ended(drop: UUID) -> dict[str, Any]:
    return lines.ended(str(drop), door="unattended", agent="")


async def test_an_order_can_be_read_at_once(database: Database) -> None:
    before = datetime.now(UTC)
    agent, team = UUID(new_id()), UUID(new_id())
    drop = await ordered(database, agent="ann", agent_id=agent, team_id=team)
    row = await known(database, drop)
    assert (row["state"], row["outcome"], row["number"], row["ref"]) == ("queued", None, NUMBER, "crm-7")
    assert before - timedelta(minutes=1) < row["due_at"] < before + timedelta(minutes=1)
    for scope in (Scope.agent(agent), Scope.team(team)):
        assert await read(database, drop, scope) is not None
    assert await read(database, drop, Scope.agent(UUID(new_id()))) is None
    async with database.transaction() as connection:
        page = await drops.listing(connection, scope=Scope.everything(), filters=drops.Filters(number=NUMBER))
    assert [(one["id"], one["state"]) for one in page.rows] == [(drop, "queued")]
    assert [job["queueing_lock"] for job in await rows(database, "SELECT * FROM procrastinate_jobs")] == [str(drop)]


async def test_a_later_time_is_told(database: Database) -> None:
    order, at = an_order(NUMBER), datetime(2090, 1, 2, 15, tzinfo=UTC)
    new = orders.NewOrder(drop=UUID(order.drop), number=NUMBER, caller_id=CALLER, message_id=UUID(order.message_id))
    async with database.transaction() as connection:
        await orders.add(connection, new)
        await put(connection, order, trunk=TRUNK, at=at)
    assert (await known(database, new.drop))["due_at"] == at


async def test_the_policy_is_asked_with_the_clock_that_was_given(database: Database) -> None:
    rules = replace(OPEN, windows=(read_window("09:00-17:00"),))
    night = datetime(2026, 1, 14, 4, tzinfo=UTC)
    with pytest.raises(Refused, match="2026-01-14T14:00"):
        await Orders(settings(rules), database, lambda: night).order(
            number=NUMBER, message_id=new_id(), method="single", actor="test"
        )


async def test_of_a_refused_order_nothing_is_kept(database: Database) -> None:
    with pytest.raises(Refused):
        await ordered(database, Rules(**{**OPEN.__dict__, "caller_ids": frozenset()}))
    assert await rows(database, "SELECT id FROM drops") == []
    assert await rows(database, "SELECT id FROM procrastinate_jobs") == []


async def test_the_order_and_its_job_are_written_together(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> int:
        raise RuntimeError("a fault")

    monkeypatch.setattr("voicedrop.dialer.orders.put", broken)
    with pytest.raises(RuntimeError):
        await ordered(database)
    assert await rows(database, "SELECT id FROM drops") == []


async def test_what_the_journal_tells_fills_the_order_and_it_stays_whose_it_was(database: Database) -> None:
    team = UUID(new_id())  # a supervisor's: the journal knows of no agent
    drop = await ordered(database, team_id=team)
    async with database.transaction() as connection:
        assert await orders.take_up(connection, str(drop), NODE)
    assert (await known(database, drop))["state"] == "under_way"
    await shipped(database, accepted(drop))
    await shipped(database, accepted(drop))  # once more: it is told once
    await shipped(database, ended(drop))
    row = await known(database, drop)
    assert (row["state"], row["outcome"], row["node"], row["team_id"]) == ("ended", "delivered", NODE, team)
    told = await rows(database, "SELECT kind, team_id FROM event ORDER BY id")
    assert told == [{"kind": kind, "team_id": team} for kind in ("drop.accepted", "drop.ended")]


async def test_an_acceptance_that_is_taken_back_leaves_the_order(database: Database) -> None:
    drop = await ordered(database)
    await shipped(database, accepted(drop))
    await shipped(database, {"kind": "withdrawn", "drop": str(drop)})
    assert (await known(database, drop))["state"] == "under_way"
    await shipped(database, ended(drop))
    assert (await known(database, drop))["outcome"] == "delivered"


async def test_a_cancelled_order_ends_once_and_its_job_is_gone(database: Database) -> None:
    agent, team = UUID(new_id()), UUID(new_id())
    drop = await ordered(database, agent="ann", agent_id=agent, team_id=team)
    assert await cancelled(database, drop)
    assert not await cancelled(database, drop)
    row = await known(database, drop)
    assert (row["state"], row["outcome"], row["reason"]) == ("ended", "blocked", orders.CANCELLED.reason)
    assert row["receipt"]["outcome"] == "blocked"
    assert row["due_at"] is None
    assert await rows(database, "SELECT id FROM procrastinate_jobs") == []
    (event,) = await rows(database, "SELECT * FROM event")
    assert (event["kind"], event["drop_id"], event["agent_id"], event["team_id"]) == ("drop.ended", drop, agent, team)


async def test_what_an_engine_has_taken_up_is_not_cancelled_here(database: Database) -> None:
    drop = await ordered(database)
    async with database.transaction() as connection:
        assert await attempts.owner(connection, str(drop)) is None, "an order is no attempt"
        assert await orders.take_up(connection, str(drop), NODE)
        assert await attempts.owner(connection, str(drop)) == NODE
    assert not await cancelled(database, drop)
    assert (await known(database, drop))["outcome"] is None


async def test_taken_up_and_cancelled_at_once_it_is_one_of_both(database: Database) -> None:
    async def taken_up(drop: UUID) -> bool:
        async with database.transaction() as connection:
            return await orders.take_up(connection, str(drop), NODE)

    for _ in range(20):
        drop = await ordered(database)
        took, ended_here = await asyncio.gather(taken_up(drop), cancelled(database, drop))
        assert took != ended_here
        assert (await known(database, drop))["state"] == ("under_way" if took else "ended")


class NoCalls:
    """An engine that must not be asked for a call."""

    def __init__(self) -> None:
        self.services = SimpleNamespace(settings=settings(), now=lambda: 0.0, utc=utc_now)
        self.connection = SimpleNamespace(up=True)
        self.drops: dict[str, Any] = {}

    def busy(self) -> None:
        return None


def dialer(engine: Any, database: Database) -> Dialer:
    return Dialer(engine, database, OptOuts(engine, database))


async def test_a_worker_that_holds_the_job_already_finds_it_cancelled(database: Database) -> None:
    drop = await ordered(database)
    order = an_order(NUMBER, drop=str(drop))
    assert await cancelled(database, drop)
    engine: Any = NoCalls()
    await dialer(engine, database).make(order)
    assert await rows(database, "SELECT * FROM attempt") == []
    assert (await known(database, drop))["reason"] == orders.CANCELLED.reason


class SlowPace:
    """The turn comes when `come` is set."""

    def __init__(self) -> None:
        self.waited, self.come = asyncio.Event(), asyncio.Event()
        self.given_back: list[float] = []

    async def turn(self) -> float:
        self.waited.set()
        await self.come.wait()
        return 7.0

    def give_back(self, place: float) -> None:
        self.given_back.append(place)


async def test_the_policy_is_asked_and_the_attempt_claimed_when_its_turn_has_come(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for his turn has claimed nothing: his order can still be cancelled, and no ruling grows old."""
    drop, pace, asked = await ordered(database), SlowPace(), []
    ask = gate.ask

    async def noted(*given: Any, **more: Any) -> Any:
        asked.append(pace.come.is_set())
        return await ask(*given, **more)

    monkeypatch.setattr(gate, "ask", noted)
    engine: Any = NoCalls()
    calling = dialer(engine, database)
    monkeypatch.setattr(calling, "_pace", pace)
    making = asyncio.create_task(calling.make(an_order(NUMBER, drop=str(drop))))
    await asyncio.wait_for(pace.waited.wait(), 10)
    assert (await known(database, drop))["state"] == "queued"
    assert await cancelled(database, drop)
    pace.come.set()
    await asyncio.wait_for(making, 10)
    assert asked == [True]
    assert pace.given_back == [7.0]
    assert await rows(database, "SELECT * FROM attempt") == []
    assert (await known(database, drop))["reason"] == orders.CANCELLED.reason


async def test_an_engine_that_begins_to_stop_while_an_order_waits_claims_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, pace = await ordered(database), SlowPace()
    engine: Any = NoCalls()
    calling = dialer(engine, database)
    monkeypatch.setattr(calling, "_pace", pace)
    making = asyncio.create_task(calling.make(an_order(NUMBER, drop=str(drop))))
    await asyncio.wait_for(pace.waited.wait(), 10)
    engine.connection.up = False
    pace.come.set()
    with pytest.raises(NotNow):
        await asyncio.wait_for(making, 10)
    assert pace.given_back == [7.0]
    assert (await known(database, drop))["state"] == "queued"


async def test_a_fault_before_the_call_ends_the_order(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    drop = await ordered(database)

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("voicedrop.dialer.gate.ask", broken)
    engine: Any = NoCalls()
    with pytest.raises(RuntimeError):
        await dialer(engine, database).make(an_order(NUMBER, drop=str(drop)))
    row = await known(database, drop)
    assert (row["state"], row["outcome"]) == ("ended", "failed")


async def test_with_its_number_erased_an_order_ends(database: Database) -> None:
    drop = await ordered(database)
    async with database.transaction() as connection:
        erased = await persons.erase(connection, NUMBER)
    assert erased.drops == 1
    row = await known(database, drop)
    assert (row["state"], row["outcome"], row["number"], row["ref"]) == ("ended", "blocked", "", "")
    assert await rows(database, "SELECT id FROM procrastinate_jobs") == []
