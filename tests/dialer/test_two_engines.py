"""Engines as processes of their own on one queue: each order is made once, whoever makes it and whoever dies."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import soundfile
import yaml

from tests.dialer.network import WAIT_S, Network, asterisk
from tests.store import lines
from tests.unit.library.spoken import speech
from voicedrop import config, ordering
from voicedrop.intake import Actor, Intake, NewMessage
from voicedrop.library.shelf import Shelf
from voicedrop.library.terms import Particulars
from voicedrop.policy.settings import Method
from voicedrop.store import journal
from voicedrop.store.database import Database
from voicedrop.store.orders import NOT_PLACED

ROOT = Path(__file__).resolve().parents[2]
LABEL, CALLER = "callback", "+12025550199"
NEVER_S = 3600.0  # nobody takes a worker for dead
STEPS = ("claimed", "journalled", "placed")
POLICY = {
    "allowed_hours": ["00:00-24:00"],
    "day_parts": [],
    "caps": {"day": 100, "three_days": 100, "seven_days": 100},
    "spacing_h": 0,
    "consent_for": [],
    "callback_number": False,
    "caller_ids": [CALLER],
}


def a_number(index: int) -> str:
    return f"+120255501{index:02d}"


def a_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Node:
    """One engine: its configuration and its process."""

    name: str
    file: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def settings(self) -> config.Settings:
        return config.load(self.file)

    @property
    def log(self) -> Path:
        return self.file.with_suffix(".log")

    async def start(self, *, step: str = "", stalled_s: float = NEVER_S) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.dialer.node", str(self.file), step, str(stalled_s)),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    async def ended(self) -> int:
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), WAIT_S)

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.ended()

    def told(self) -> list[str]:
        """The drops whose receipts its journal has."""
        return [one["drop"] for one in journal.receipts(self.settings.state_dir)]


@dataclass
class World:
    """A network, a database, and engines that share both."""

    folder: Path
    url: str
    database: Database
    network: Network
    make_asterisk: Callable[[], Any]
    nodes: list[Node] = field(default_factory=list)

    async def node(self, name: str, *, trunk: str = "trunk", workers: int = 4) -> Node:
        here = self.folder / name
        here.mkdir()
        ari = await self.make_asterisk()
        settings = {
            "node": name,
            "state_dir": str(here / "state"),
            "ari": {"url": ari.url, "password": "s3cret", "timeout_s": 60},
            "tap": {"port": a_port(), "connect_timeout_s": 60},  # no audio comes while it rings
            **{door: {"port": a_port()} for door in ("http", "agi")},
            "database": {"url": self.url},
            "dial": {"endpoint": "{number}", "caller_id": CALLER},
            "messages": {"folder": str(here)},
            "library": {"folder": str(self.folder / "library")},
            "policy": POLICY,
            "unattended": {"trunk": trunk, "workers": workers, "calls_per_second": 100.0},
        }
        file = here / "config.yaml"
        file.write_text(yaml.safe_dump(settings))
        self.nodes.append(Node(name, file))
        return self.nodes[-1]

    async def until(self, query: str, *values: Any, wait_s: float = WAIT_S) -> list[dict[str, Any]]:
        """The rows of a query, once there are any."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while not (rows := await lines.rows(self.database, query, *values)):
            logs = "\n".join(f"{one.name}: {one.log.read_text()[-2000:]}" for one in self.nodes if one.log.exists())
            assert loop.time() < until, f"no rows of {query!r}\n{logs}"
            await asyncio.sleep(0.05)
        return rows

    async def all_ended(self, count: int) -> list[dict[str, Any]]:
        """The drops, once so many have an outcome and no job is left."""
        await self.until(
            """
            SELECT FROM drops WHERE NOT EXISTS (SELECT FROM procrastinate_jobs)
            HAVING count(*) FILTER (WHERE outcome IS NOT NULL) = %s
            """,
            count,
        )
        return await lines.rows(self.database, "SELECT * FROM drops ORDER BY id")


async def ordered(node: Node, number: str) -> str:
    return await ordering.order(node.settings, number, LABEL, Method.SINGLE)


@pytest.fixture
async def world(tmp_path: Path, url: str, database: Database) -> AsyncIterator[World]:
    sound = tmp_path / "callback.wav"
    soundfile.write(sound, speech(3.0, 8000), 8000)
    new = NewMessage(particulars=Particulars(label=LABEL))
    await Intake(database, Shelf(tmp_path / "library")).add_message(sound, new, Actor(name="test"))
    async with AsyncExitStack() as stack:
        network = Network()
        made = World(tmp_path, url, database, network, lambda: stack.enter_async_context(asterisk(network)))
        yield made
        for node in made.nodes:
            await node.kill()


async def test_every_order_is_made_once_and_a_number_is_called_by_one_at_a_time(world: World) -> None:
    one, other = [await world.node(name, workers=1) for name in ("n1", "n2")]
    drops = [await ordered(one, a_number(index % 4)) for index in range(12)]
    await one.start()
    await other.start()
    await world.network.until(2)  # each has one worker: both call
    assert world.network.nodes() == {"n1", "n2"}
    world.network.free.set()
    rows = await world.all_ended(len(drops))
    assert {str(row["id"]) for row in rows} == set(drops)
    assert {row["outcome"] for row in rows} == {"not_connected"}
    assert world.network.times() == dict.fromkeys(drops, 1)
    assert world.network.doubled == []
    assert sorted(one.told() + other.told()) == sorted(drops)


async def test_a_job_that_came_to_another_engine_frees_no_number(world: World) -> None:
    """The database lost a worker's word: its job goes to somebody else while the call is still there."""
    one, other = [await world.node(name, workers=1) for name in ("n1", "n2")]
    await one.start()
    first = await ordered(one, a_number(0))
    await world.network.until(1)
    second = await ordered(one, a_number(0))
    await lines.do(world.database, "DELETE FROM procrastinate_workers")  # as whoever takes it for dead does
    await other.start()
    await world.until("SELECT FROM procrastinate_jobs HAVING count(*) = 1")  # the first one's is gone
    await world.until("SELECT FROM procrastinate_jobs WHERE attempts > 1 AND queueing_lock = %s", second)
    assert [drop for _, drop in world.network.placed] == [first]
    world.network.free.set()
    rows = await world.all_ended(2)
    assert {row["outcome"] for row in rows} == {"not_connected"}
    assert world.network.times() == dict.fromkeys((first, second), 1)
    assert world.network.doubled == []


async def test_whoever_dies_at_any_step_leaves_one_receipt_and_makes_no_second_call(world: World) -> None:
    nodes = {step: await world.node(step, trunk=step) for step in STEPS}
    drops = {step: await ordered(node, a_number(index)) for index, (step, node) in enumerate(nodes.items())}
    await asyncio.gather(*(node.start(step=step) for step, node in nodes.items()))
    assert [await node.ended() for node in nodes.values()] == [-9] * len(STEPS)
    placed = world.network.times()
    assert placed == {drops["placed"]: 1}
    await asyncio.gather(*(node.start(stalled_s=1.0) for node in nodes.values()))
    rows = {str(row["id"]): row for row in await world.all_ended(len(STEPS))}
    assert world.network.times() == placed, "a second call"
    assert {row["outcome"] for row in rows.values()} == {"failed"}
    for step, drop in drops.items():
        receipt = rows[drop]["receipt"]
        assert receipt["drop"] == drop
        assert receipt["attempt"]["retry"] == "later"
        # Nobody's journal knows the one that died before: the database alone has its receipt.
        assert nodes[step].told() == ([] if step == "claimed" else [drop])
    assert rows[drops["claimed"]]["reason"] == NOT_PLACED.reason
    told = await lines.rows(world.database, "SELECT drop_id FROM event WHERE kind = 'drop.ended' ORDER BY drop_id")
    assert [str(row["drop_id"]) for row in told] == sorted(drops.values()), "each end is told once"


async def test_an_order_whose_job_another_engine_had_is_ended_by_its_own(world: World) -> None:
    lost, other = await world.node("lost"), await world.node("n2")
    drop = await ordered(lost, a_number(0))
    await lost.start(step="claimed")
    assert await lost.ended() == -9
    await other.start(stalled_s=1.0)
    await world.until("SELECT FROM drops WHERE NOT EXISTS (SELECT FROM procrastinate_jobs)")
    (row,) = await lines.rows(world.database, "SELECT node, outcome FROM drops")
    assert row == {"node": "lost", "outcome": None}
    await lost.start()
    (row,) = await world.all_ended(1)
    assert (row["outcome"], row["reason"]) == ("failed", NOT_PLACED.reason)
    assert [one async for one in ordering.receipts(lost.settings)] == [row["receipt"]]
    assert row["receipt"]["drop"] == drop
    assert world.network.placed == []
