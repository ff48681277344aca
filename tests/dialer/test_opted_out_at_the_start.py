"""A drop that was granted before an opt-out, and began behind it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from tests.dialer.test_gate_on_store import NUMBER
from tests.dialer.test_orders_end_in_the_queue import Live, an_engine, opted_out
from voicedrop.call import events as ev
from voicedrop.dialer.opt_outs import OPT_OUT, OptOuts
from voicedrop.engine.engine import Engine
from voicedrop.store.database import Database


class Starting(Live):
    """It ends when it is told to."""

    def __init__(self, number: str) -> None:
        super().__init__(number, door="bridged")
        self.what = SimpleNamespace(door="bridged", number=number, drop="d")
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.told = asyncio.Event()
        self.post = self._post

    def _post(self, event: Any) -> None:
        self.posted.append(event)
        self.told.set()

    async def run(self) -> None:
        await asyncio.wait_for(self.told.wait(), 10)


async def test_an_agents_drop_that_began_behind_the_opt_out_ends(database: Database) -> None:
    """Its grant came from the memory of a moment before."""
    await opted_out(database)
    settings = SimpleNamespace(policy=an_engine().services.settings.policy)
    services: Any = SimpleNamespace(ari=None, settings=settings)
    engine = Engine(services)
    engine.end_opted_out = OptOuts(an_engine(), database).check
    drop: Any = Starting(NUMBER)
    async with asyncio.TaskGroup() as tasks:
        engine._tasks = tasks
        await engine.start_drop(drop)
    assert drop.posted == [ev.Cancelled(OPT_OUT)]
    assert engine.drops == {}
