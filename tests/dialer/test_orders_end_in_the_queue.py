"""Orders that end without a call: at once, with their reason, visible to whoever waits for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from tests.dialer.conftest import an_order
from tests.dialer.test_gate_on_store import NUMBER, OPEN
from tests.dialer.test_queued_orders import NODE, NoCalls, cancelled, dialer, known, ordered, rows, shipped
from tests.store import lines
from voicedrop import config, ordering
from voicedrop.call import events as ev
from voicedrop.control import Refused
from voicedrop.dialer import left
from voicedrop.dialer.jobs import NotNow
from voicedrop.dialer.opt_outs import OPT_OUT, OptOuts
from voicedrop.errors import VoicedropError
from voicedrop.model import new_id
from voicedrop.store import attempts, orders, persons
from voicedrop.store.database import Database
from voicedrop.store.journal import Journal
from voicedrop.store.optouts import TakenOut, take_out

OTHER = "+12025550124"


async def opted_out(database: Database, number: str = NUMBER) -> TakenOut:
    async with database.transaction() as connection:
        return await take_out(connection, number, reason="opted out", source="test", actor="test")


async def claimed(database: Database, drop: UUID, *, number: str = NUMBER, node: str = NODE) -> bool:
    """As a worker does, but for the policy's other rules. False: the policy said no, or it had ended."""
    async with database.transaction() as connection:
        await attempts.lock(connection, number)
        listed = await connection.execute("SELECT FROM suppression WHERE pattern = %s", (number,))
        if await listed.fetchone() is not None or not await orders.take_up(connection, str(drop), node):
            return False
        await attempts.claim(connection, drop=str(drop), number=number, method="single", node=node)
        return True


# -- opt-outs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [NUMBER, NUMBER.removeprefix("+")])
async def test_an_opt_out_ends_the_numbers_orders_at_once(database: Database, number: str) -> None:
    team = UUID(new_id())
    drops = [await ordered(database, team_id=team) for _ in range(2)]
    assert await opted_out(database, number) == TakenOut(revoked=0, ended=2)
    for drop in drops:
        row = await known(database, drop)
        assert (row["state"], row["outcome"], row["reason"]) == ("ended", "blocked", orders.OPTED_OUT.reason)
        assert row["receipt"]["attempt"] == {
            "method": "single",
            "disposition": None,
            "retry": "no",
            "first": None,
            "second": None,
        }
    assert await rows(database, "SELECT id FROM procrastinate_jobs") == []
    told = await rows(database, "SELECT drop_id, kind, team_id FROM event ORDER BY drop_id")
    assert told == [{"drop_id": drop, "kind": "drop.ended", "team_id": team} for drop in drops]
    assert await opted_out(database, number) == TakenOut(revoked=0, ended=0)


async def test_an_opt_out_that_is_rolled_back_ends_nothing(database: Database) -> None:
    drop = await ordered(database)
    async with database.transaction() as connection:
        await connection.execute("SAVEPOINT before")
        await take_out(connection, NUMBER, reason="", source="test", actor="test")
        await connection.execute("ROLLBACK TO SAVEPOINT before")
    assert (await known(database, drop))["state"] == "queued"
    assert await rows(database, "SELECT pattern FROM suppression") == []


async def test_opted_out_and_taken_up_at_once_it_is_one_of_both(database: Database) -> None:
    for index in range(10):
        number = f"+120255501{index:02d}"
        drop = await ordered(database, number=number)
        took, taken = await asyncio.gather(claimed(database, drop, number=number), opted_out(database, number))
        assert taken.ended == (0 if took else 1)
        assert (await known(database, drop))["state"] == ("under_way" if took else "ended")


async def test_opted_out_and_ordered_at_once_nothing_stays_in_the_queue(database: Database) -> None:
    for index in range(10):
        number = f"+120255501{index:02d}"
        order, taken = await asyncio.gather(
            ordered(database, number=number), opted_out(database, number), return_exceptions=True
        )
        assert isinstance(taken, TakenOut)
        assert isinstance(order, Refused) == (taken.ended == 0)
        if isinstance(order, UUID):
            assert (await known(database, order))["state"] == "ended"
    assert await rows(database, "SELECT id FROM procrastinate_jobs") == []


class Live:
    """A drop under way, as far as an opt-out sees it."""

    def __init__(self, number: str, door: str = "unattended") -> None:
        self.what = SimpleNamespace(door=door, number=number)
        self.posted: list[Any] = []
        self.post = self.posted.append


def settings_of(region: str) -> Any:
    return SimpleNamespace(policy=SimpleNamespace(rules=lambda: replace(OPEN, default_region=region)))


def an_engine(*, region: str = "", **drops: Live) -> Any:
    clock = SimpleNamespace(utc_of=lambda _: lines.AT)
    services = SimpleNamespace(clock=clock, now=lambda: 0.0, settings=settings_of(region))
    return SimpleNamespace(drops=drops, services=services)


async def test_a_drop_that_began_behind_the_notification_is_ended_all_the_same(database: Database) -> None:
    """It was claimed before the opt-out, and under way only after everybody had been told."""
    await opted_out(database)
    theirs, others = Live(NUMBER), Live(OTHER)
    await OptOuts(an_engine(), database).check([theirs, others])  # type: ignore[list-item]
    assert theirs.posted == [ev.Cancelled(OPT_OUT)]
    assert others.posted == []


@pytest.mark.parametrize("dialled", [NUMBER, "12025550123", "2025550123"])
async def test_an_agents_drop_to_a_number_that_opts_out_ends(database: Database, dialled: str) -> None:
    """However the PBX wrote the number."""
    theirs, others = Live(dialled, door="bridged"), Live(OTHER, door="dial")
    opt_outs = OptOuts(an_engine(region="US", theirs=theirs, others=others), database)
    await opted_out(database)
    opt_outs.look()
    assert opt_outs._looking is not None
    await asyncio.wait_for(opt_outs._looking, 10)
    assert theirs.posted == [ev.Cancelled(OPT_OUT)]
    assert others.posted == []


async def test_a_change_while_the_list_is_read_is_read_as_well(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, began, go_on = Live(NUMBER), asyncio.Event(), asyncio.Event()
    opt_outs, looks = OptOuts(an_engine(d=live), database), 0
    check = opt_outs.check

    async def slow(drops: Any) -> None:
        nonlocal looks
        await check(drops)
        looks += 1
        began.set()
        await go_on.wait()

    monkeypatch.setattr(opt_outs, "check", slow)
    opt_outs.look()
    await asyncio.wait_for(began.wait(), 10)
    assert live.posted == []
    await opted_out(database)
    opt_outs.look()  # the first has read, and not ended
    go_on.set()
    assert opt_outs._looking is not None
    await asyncio.wait_for(opt_outs._looking, 10)
    assert looks == 2
    assert live.posted == [ev.Cancelled(OPT_OUT)]


# -- erasure ----------------------------------------------------------------------------------------


async def test_an_erased_numbers_order_has_a_receipt_that_names_nobody(database: Database) -> None:
    drop = await ordered(database)
    async with database.transaction() as connection:
        await persons.erase(connection, NUMBER)
    receipt = (await known(database, drop))["receipt"]
    assert (receipt["outcome"], receipt["reason"], receipt["number"]) == ("blocked", orders.ERASED.reason, "")
    everything = str(await rows(database, "SELECT * FROM event")) + str(await rows(database, "SELECT * FROM drops"))
    assert NUMBER.removeprefix("+") not in everything


# -- what a dead run had taken up -------------------------------------------------------------------


async def test_what_the_journal_does_not_know_is_ended_and_nothing_else(database: Database, journal: Journal) -> None:
    names = ("claimed", "accepted", "withdrawn", "others", "queued")
    drops = {name: await ordered(database, number=f"+120255501{n:02d}") for n, name in enumerate(names)}
    for name in names[:-1]:
        number = f"+120255501{names.index(name):02d}"
        assert await claimed(database, drops[name], number=number, node="n2" if name == "others" else NODE)
    for name in ("accepted", "withdrawn"):
        await journal.append(lines.accepted(str(drops[name]), door="unattended"))
    await journal.append({"kind": "withdrawn", "drop": str(drops["withdrawn"])})
    state_dir = journal.files()[0].parents[1]
    await left.resolve_all(database, NODE, state_dir)
    await left.resolve_all(database, NODE, state_dir)
    states = {name: (await known(database, drop))["state"] for name, drop in drops.items()}
    assert states == {
        "claimed": "ended",
        "accepted": "under_way",
        "withdrawn": "ended",
        "others": "under_way",
        "queued": "queued",
    }
    receipt = (await known(database, drops["claimed"]))["receipt"]
    assert (receipt["outcome"], receipt["node"]) == ("failed", NODE)
    assert receipt["reason"] == orders.NOT_PLACED.reason
    assert receipt["attempt"]["retry"] == "later"


async def test_it_waits_for_the_database(tmp_path: Path, external: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left, "AGAIN_S", 0.05)
    opened = Database(external.url, pool=2)
    await opened.open()
    try:
        drop = await ordered(opened)
        assert await claimed(opened, drop)
        external.stop()
        resolving = asyncio.create_task(left.resolve_all(opened, NODE, tmp_path))
        assert not await opened.reachable()
        external.start()
        await asyncio.wait_for(resolving, 60)
        assert (await known(opened, drop))["state"] == "ended"
    finally:
        await opened.close()


async def test_a_job_that_comes_again_after_its_claim_ends_the_order(database: Database) -> None:
    """The journal could not be written: nothing was placed, and the job was put back."""
    drop = await ordered(database)
    assert await claimed(database, drop)
    engine: Any = NoCalls()
    await dialer(engine, database).make(an_order(NUMBER, drop=str(drop)))
    assert (await known(database, drop))["reason"] == orders.NOT_PLACED.reason


async def test_a_number_that_another_node_may_be_calling_waits(database: Database) -> None:
    theirs, mine = await ordered(database), await ordered(database)
    assert await claimed(database, theirs, node="n2")
    engine: Any = NoCalls()
    with pytest.raises(NotNow, match="n2"):
        await dialer(engine, database).make(an_order(NUMBER, drop=str(mine)))
    assert (await known(database, mine))["state"] == "queued"
    # Nobody is under way for so long: it died, and is not coming back soon.
    await lines.do(database, "UPDATE attempt SET placed_at = placed_at - interval '1 hour'")
    async with database.transaction() as connection:
        within = dialer(engine, database)._longest
        assert await attempts.elsewhere(connection, NUMBER, node=NODE, within=within) is None


async def test_who_waits_for_a_drop_may_be_cancelled_and_the_drop_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job may come again meanwhile: it waits for the end, and makes nothing."""
    drop = await ordered(database)
    assert await claimed(database, drop)
    live: Any = SimpleNamespace(
        ended=asyncio.get_running_loop().create_future(), what=SimpleNamespace(door="unattended", number=NUMBER)
    )
    engine: Any = NoCalls()
    engine.drops = {str(drop): live}
    waiting, until_ended = asyncio.Semaphore(0), left.until_ended

    async def telling(one: Any) -> None:
        waiting.release()
        await until_ended(one)

    monkeypatch.setattr(left, "until_ended", telling)
    made = [asyncio.create_task(dialer(engine, database).make(an_order(NUMBER, drop=str(drop)))) for _ in range(2)]
    for _ in made:
        await asyncio.wait_for(waiting.acquire(), 10)
    made[0].cancel()
    await asyncio.wait({made[0]})
    assert not live.ended.done()
    live.ended.set_result(None)
    await asyncio.wait_for(made[1], 10)
    assert (await known(database, drop))["state"] == "under_way", "its receipt is the journal's matter"


async def test_a_node_that_never_comes_back_is_retired(database: Database, settings: config.Settings) -> None:
    drop, others = await ordered(database), await ordered(database, number=OTHER)
    assert await claimed(database, drop, node="lost")
    assert await claimed(database, others, number=OTHER, node="n3")
    with pytest.raises(VoicedropError, match="its next start"):
        await ordering.retire(settings, NODE)
    assert await ordering.retire(settings, "lost") == 1
    assert await ordering.retire(settings, "lost") == 0
    receipt = await ordering.receipt(settings, str(drop), wait_s=5)
    assert (receipt["outcome"], receipt["reason"], receipt["node"]) == ("failed", orders.RETIRED.reason, "lost")
    # Should its journal turn up all the same, there is still one outcome, told once.
    await shipped(database, lines.accepted(str(drop)), lines.ended(str(drop)))
    assert [one async for one in ordering.receipts(settings)] == [receipt]
    assert await rows(database, "SELECT kind FROM event") == [{"kind": "drop.ended"}]
    assert (await known(database, others))["state"] == "under_way"


# -- whoever waits ----------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path, url: str) -> config.Settings:
    return config.Settings(node=NODE, state_dir=tmp_path, database={"url": url}, ari={"password": "s3cret"})


async def test_who_waits_for_an_order_hears_of_its_end_in_the_queue(
    database: Database, settings: config.Settings
) -> None:
    drop = await ordered(database)
    waiting = asyncio.create_task(ordering.receipt(settings, str(drop), wait_s=60))
    assert await cancelled(database, drop)
    receipt = await asyncio.wait_for(waiting, 20)
    assert (receipt["outcome"], receipt["reason"]) == ("blocked", orders.CANCELLED.reason)


async def test_the_receipts_are_the_journals_and_the_queues(
    database: Database, settings: config.Settings, journal: Journal
) -> None:
    called, ended = new_id(), await ordered(database)
    await journal.append(lines.ended(called))
    assert await cancelled(database, ended)

    async def told(drop: UUID | None = None) -> list[str]:
        return [one["drop"] async for one in ordering.receipts(settings, drop)]

    assert await told() == [called, str(ended)]
    assert await told(ended) == [str(ended)]
    assert await told(UUID(called)) == [called]
    assert await told(UUID(new_id())) == []
