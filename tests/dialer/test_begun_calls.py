"""How the calls of an unattended drop are begun: what comes meanwhile counts, and no call is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.dialer.begun import CALLEE, DROP, FIRST, MESSAGE, NUMBER, PATIENCE_S, World, idle
from tests.dialer.conftest import an_order
from voicedrop.call import events as ev
from voicedrop.control import NoSuchDrop
from voicedrop.dialer.dialer import Dialer
from voicedrop.dialer.jobs import NotNow
from voicedrop.dialer.pace import Pace
from voicedrop.dialer.unattended import UnattendedDrop
from voicedrop.engine.control import Control
from voicedrop.engine.drop import DropRunner
from voicedrop.engine.engine import Engine
from voicedrop.engine.recovery import recover
from voicedrop.policy.settings import Method
from voicedrop.store import journal

GAP_S = 2.0  # unattended.two_call.gap_s
BOTH = pytest.mark.parametrize("method", [Method.SINGLE, Method.TWO_CALL])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    async def unheard(_: DropRunner) -> None:
        """No call here is answered."""

    monkeypatch.setattr(DropRunner, "_listen", unheard)
    return World(tmp_path)


def a_drop(world: World, method: Method) -> UnattendedDrop:
    drop = UnattendedDrop(
        world.services, an_order(NUMBER, drop=DROP, method=method), MESSAGE, Pace(1000.0, world.services.now)
    )
    drop.take_over()
    return drop


@asynccontextmanager
async def running(drop: UnattendedDrop) -> AsyncIterator[None]:
    """It has ended behind it."""
    task = asyncio.create_task(drop.run())
    try:
        yield
        await asyncio.wait_for(task, PATIENCE_S)
    finally:
        task.cancel()
        await asyncio.wait({task})


# -- what came before the call ----------------------------------------------------------------------


@BOTH
async def test_a_drop_that_was_cancelled_before_places_no_call(world: World, method: Method) -> None:
    """While the journal wrote its acceptance."""
    drop = a_drop(world, method)
    drop.post(ev.Cancelled("an opt-out"))
    async with running(drop):
        pass
    assert world.done == ["journal ended"]
    receipt = world.journal.receipt()
    assert (receipt["outcome"], receipt["reason"]) == ("not_connected", "cancelled by an opt-out")
    assert receipt["attempt"]["first"] is receipt["attempt"]["second"] is None


@BOTH
async def test_a_drop_that_is_cancelled_while_asterisk_makes_its_channel_is_not_dialled(
    world: World, method: Method
) -> None:
    drop, made = a_drop(world, method), f"create {FIRST if method is Method.TWO_CALL else CALLEE}"
    world.gates.shut(made)
    async with running(drop):
        await world.gates.asked(made)
        drop.post(ev.Cancelled("an opt-out"))
        await idle()
        world.gates.open(made)
    assert world.dialled() == []
    assert world.asterisk.channels == set()
    assert world.journal.receipt()["outcome"] == "not_connected"
    assert world.journal.receipt()["attempt"]["first"] is None


@BOTH
async def test_a_drop_that_is_cancelled_as_its_call_is_noted_is_not_dialled(world: World, method: Method) -> None:
    drop = a_drop(world, method)
    world.gates.shut("placed")
    async with running(drop):
        await world.gates.asked("placed")
        drop.post(ev.Cancelled("an opt-out"))
        await idle()
        world.gates.open("placed")
    assert world.dialled() == []
    assert world.asterisk.channels == set()


# -- the first of two -------------------------------------------------------------------------------


async def test_the_gap_counts_from_the_dialling_of_the_first(world: World) -> None:
    drop = a_drop(world, Method.TWO_CALL)
    world.gates.shut(f"create {FIRST}")
    async with running(drop):
        await world.gates.asked(f"create {FIRST}")
        world.at += 4.0  # Asterisk is slow
        world.gates.open(f"create {FIRST}")
        await idle()
        world.state(FIRST, "Ringing")
        await idle()
        assert world.dialled() == [FIRST]
        world.at += GAP_S
        world.state(FIRST, "Ringing")
        await idle()
        assert world.dialled() == [FIRST, CALLEE]
        drop.post(ev.Cancelled("us"))
    receipt = world.journal.receipt()
    clock = world.services.clock
    assert receipt["attempt"]["first"]["placed"] == clock.utc(104.0)
    assert receipt["attempt"]["second"]["placed"] == clock.utc(104.0 + GAP_S)
    assert world.asterisk.channels == set()


async def test_a_reconnect_before_the_first_is_dialled_loses_nothing(world: World) -> None:
    drop = a_drop(world, Method.TWO_CALL)
    world.gates.shut(f"create {FIRST}")
    async with running(drop):
        await world.gates.asked(f"create {FIRST}")
        await drop.reconcile(frozenset())
        world.gates.open(f"create {FIRST}")
        await idle()
        assert world.dialled() == [FIRST]
        assert world.hung_up() == []
        drop.post(ev.Cancelled("us"))
    assert world.asterisk.channels == set()


async def test_a_first_call_that_is_taken_for_gone_is_hung_up_all_the_same(world: World) -> None:
    """The list of channels was read before it was made."""
    drop = a_drop(world, Method.TWO_CALL)
    async with running(drop):
        await idle()
        assert world.dialled() == [FIRST]
        await drop.reconcile(frozenset())
    assert FIRST in world.hung_up()
    assert world.asterisk.channels == set()
    assert world.journal.receipt()["reason"] == "the first call did not get through"


async def test_a_first_call_that_is_answered_while_asterisk_makes_the_second_is_hung_up_at_once(world: World) -> None:
    drop = a_drop(world, Method.TWO_CALL)
    world.gates.shut(f"create {CALLEE}")
    async with running(drop):
        await idle()
        world.at += GAP_S
        world.state(FIRST, "Ringing")
        await world.gates.asked(f"create {CALLEE}")
        world.state(FIRST, "Up")
        await idle()
        assert FIRST in world.hung_up()
        world.gates.open(f"create {CALLEE}")
    assert world.dialled() == [FIRST], "the line is free: a second call would ring at a person"
    assert world.asterisk.channels == set()


@pytest.mark.parametrize("cancelled", [True, False])
async def test_what_comes_while_asterisk_tells_of_the_second_counts_before_it_is_dialled(
    world: World, cancelled: bool
) -> None:
    drop = a_drop(world, Method.TWO_CALL)
    async with running(drop):
        await idle()
        for gate in ("identify", "placed"):
            world.gates.shut(gate)
        world.at += GAP_S
        world.state(FIRST, "Ringing")
        await world.gates.asked("identify")
        if cancelled:
            drop.post(ev.Cancelled("an opt-out"))
        else:
            world.state(FIRST, "Up")
        await idle()
        world.gates.open("placed")
        await idle()
        assert world.dialled() == [FIRST]
        world.gates.open("identify")
    assert world.asterisk.channels == set()


# -- an engine that takes it up, and one that dies --------------------------------------------------


class NobodyOptedOut:
    async def check(self, live: Any) -> None:
        pass


@asynccontextmanager
async def an_engine(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Engine, Dialer]]:
    engine = Engine(world.services)
    calling = Dialer(engine, None, NobodyOptedOut())
    async with asyncio.TaskGroup() as tasks:
        monkeypatch.setattr(engine, "_tasks", tasks)
        yield engine, calling


async def test_a_cancel_while_the_journal_takes_the_drop_in_is_heard(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.gates.shut("accepted")
    async with an_engine(world, monkeypatch) as (engine, calling):
        drop, control = a_drop(world, Method.SINGLE), Control(engine, dict)
        made = asyncio.create_task(calling._run(drop, an_order(NUMBER, drop=DROP)))
        await world.gates.asked("accepted")
        assert [one.drop_id for one in control.drops()] == [DROP]
        await control.cancel(DROP, actor="token:rose")
        world.gates.open("accepted")
        await asyncio.wait_for(made, PATIENCE_S)
    assert world.dialled() == []
    assert world.journal.receipt()["reason"] == "cancelled by token:rose"
    assert engine.drops == {}


@pytest.mark.parametrize("stopped", [True, False])
async def test_a_drop_that_is_not_accepted_is_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    """The disk is full, or the worker stops."""
    world.gates.shut("accepted")
    async with an_engine(world, monkeypatch) as (engine, calling):
        drop = a_drop(world, Method.SINGLE)
        made = asyncio.create_task(calling._run(drop, an_order(NUMBER, drop=DROP)))
        await world.gates.asked("accepted")
        world.journal.full = True
        if stopped:
            made.cancel()
        world.gates.open("accepted")
        with pytest.raises(asyncio.CancelledError if stopped else NotNow):
            await made
        assert engine.drops == {}
        assert drop.ended.done()
        with pytest.raises(NoSuchDrop):
            await Control(engine, dict).cancel(DROP, actor="")
    assert world.dialled() == []


@BOTH
async def test_each_leg_is_in_the_journal_before_it_is_dialled(world: World, method: Method) -> None:
    drop = a_drop(world, method)
    async with running(drop):
        await idle()
        world.at += GAP_S
        world.state(FIRST, "Ringing")
        await idle()
        drop.post(ev.Cancelled("us"))
    steps = [one for one in world.done if not one.startswith("hang up")]
    single = ["journal placed first", f"dial {CALLEE}"]
    both = ["journal placed first", f"dial {FIRST}", "journal placed second", f"dial {CALLEE}"]
    assert steps == [*(single if method is Method.SINGLE else both), "journal ended"]


async def test_a_call_whose_engine_died_stands_in_the_receipt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drop = a_drop(world, Method.TWO_CALL)
    await drop.accept()
    died = asyncio.create_task(drop.run())
    await idle()
    assert world.dialled() == [FIRST]
    died.cancel()
    await asyncio.wait({died})
    # What the next run reads: entries of which no end is known.
    monkeypatch.setattr(journal, "read", lambda _: iter(world.journal.entries))

    async def nothing() -> list[dict[str, Any]]:
        return []

    for asked in ("channels", "bridges"):
        monkeypatch.setattr(world.asterisk, asked, nothing, raising=False)
    world.at += 60.0
    await recover(Engine(world.services))
    receipt = world.journal.receipt()
    assert receipt["outcome"] == "failed"
    first = receipt["attempt"]["first"]
    assert first == {
        "placed": world.services.clock.utc(100.0),
        **dict.fromkeys(("rang", "answered", "hung_up", "ended", "cause")),
    }
    assert receipt["attempt"]["second"] is None
