"""A real lab: two Asterisks, an engine as a process of its own, an agent's telephone.

A lab that cannot start is a failure, never a skip.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row

from tests import databases
from tests.lab.forked import ForkedEngine
from voicedrop.ari.client import AriClient
from voicedrop.errors import Gone
from voicedrop.lab import conf, recordings, servers, zoo
from voicedrop.lab.engine import EngineProcess
from voicedrop.lab.judge import Delivery, judge, load
from voicedrop.lab.phone import Exchange, exchange
from voicedrop.lab.played import message_file
from voicedrop.lab.recordings import CarrierCall
from voicedrop.lab.site import Site, site
from voicedrop.store import journal
from voicedrop.store.embedded import POSTGRES, EmbeddedServer

RATE_HZ = 8000
BLOCK = 160  # samples, one frame of 20 ms
LOUD = 0.02  # RMS of a full scale of 1: 10 dB below the message's speech, far above a line's hiss
_next_index: dict[str, Iterator[int]] = {}


@pytest.fixture(scope="session")
def lab() -> Iterator[Site]:
    here = site()
    servers.up(here, print)
    yield here
    servers.down(here)


def number_of(key: str) -> str:
    """A number of this kind of subscriber that no other test of this run uses."""
    counter = _next_index.setdefault(key, itertools.count())
    return zoo.subscriber(key).number(next(counter))


@dataclass
class Bench:
    """What a test works with: the lab, an engine, telephones and the PBX's own REST interface."""

    site: Site
    engine: EngineProcess
    exchange: Exchange
    pbx: AriClient
    _seen: int = field(default=0)

    async def receipt(self, number: str, *, wait_s: float = 30.0) -> dict[str, Any]:
        """The receipt of the last drop to `number`, once it is in the journal."""
        return await self.until(
            lambda: next((r for r in reversed(self.receipts()) if r["number"] == number), None),
            f"a receipt for {number}",
            wait_s,
        )

    @property
    def database(self) -> str:
        """The URL of the engine's database."""
        given = self.engine.settings.get("database", {}).get("url", "")
        if given:
            return str(given)
        # As pg_ctl writes it: the fifth line is the folder of the socket.
        lines = (self.engine.state_dir / POSTGRES / "postmaster.pid").read_text().splitlines()
        return f"postgresql://postgres@/postgres?host={lines[4]}"

    async def sql(self, text: str, *values: object) -> list[dict[str, Any]]:
        """The rows that a statement gives, if any; the engine is told of a change of what it keeps in memory."""
        connecting = psycopg.AsyncConnection.connect(self.database, row_factory=dict_row, connect_timeout=5)
        async with await connecting as connection:
            cursor = await connection.execute(text.encode(), values)
            if not cursor.description:
                await connection.execute("NOTIFY voicedrop_changed")
                return []
            return await cursor.fetchall()

    async def rows(self, text: str, *values: object, most: int = 1, wait_s: float = 30.0) -> list[dict[str, Any]]:
        """The rows of a query, once there are `most`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while len(rows := await self.sql(text, *values)) < most:
            assert loop.time() < until, f"only {len(rows)} rows of {text!r}; engine log:\n{self.log_tail()}"
            await asyncio.sleep(0.1)
        return rows

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The journal's entries of one kind."""
        return [entry for entry in journal.read(self.engine.state_dir) if entry.get("kind") == kind]

    def receipts(self) -> list[dict[str, Any]]:
        return list(journal.receipts(self.engine.state_dir))

    async def call_to(self, number: str, *, wait_s: float = 60.0) -> CarrierCall:
        return await recordings.ended_call(self.site, number, wait_s=wait_s)

    async def mark(self, number: str, mark: str, *, wait_s: float = 30.0) -> float:
        """Wait until the carrier's course of the call reaches `mark`; when it did."""

        def reached() -> float | None:
            found = recordings.calls_to(self.site, number)
            return found[-1].at(mark) if found else None

        return await self.until(reached, f"{mark!r} in the call to {number}", wait_s)

    async def delivery(self, number: str, label: str = "callback", *, wait_s: float = 60.0) -> Delivery:
        """What the mailbox of `number` kept, held against the message."""
        call = await self.call_to(number, wait_s=wait_s)
        file = await recordings.kept(self.site, call)
        return judge(load(message_file(self.site, label)), load(file))

    async def heard(self, number: str, *, sound_s: float, wait_s: float = 30.0) -> None:
        """Wait until the callee has heard so much of anything, by the carrier's recording of the call to `number`."""

        def enough() -> bool:
            file = recordings.calls_to(self.site, number)[-1].heard
            audio = load(file) if file.is_file() else np.zeros(0)
            blocks = audio[: len(audio) // BLOCK * BLOCK].reshape(-1, BLOCK)
            loud = np.sqrt(np.mean(blocks**2, axis=1)) > LOUD
            return bool(loud.sum() * BLOCK >= sound_s * RATE_HZ)

        await self.until(enough, f"{sound_s} s of sound in the call to {number}", wait_s)

    async def until(self, found: Callable[[], Any], what: str, wait_s: float = 30.0) -> Any:
        """Poll for something outside this process; fail with its name when it does not come."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while loop.time() < until:
            value = found()
            if value is not None and value is not False:
                return value
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {what} within {wait_s:.0f} s; engine log:\n{self.log_tail()}")

    def log_tail(self, lines: int = 25) -> str:
        return "\n".join(self.engine.log.read_text(errors="replace").splitlines()[-lines:])

    def logged(self, words: str) -> bool:
        """Has the engine's log these words, anywhere?"""
        return words in self.engine.log.read_text(errors="replace")

    async def playback_over(self, playback_id: str, *, wait_s: float = 30.0) -> None:
        """Wait until Asterisk has played it to the end."""
        async with asyncio.timeout(wait_s):
            while True:
                try:
                    await self.pbx.playback(playback_id)
                except Gone:
                    return
                await asyncio.sleep(0.05)

    def pbx_log(self) -> str:
        return (self.site.lab / "pbx/log/full").read_text(errors="replace")

    async def nothing_left(self, *, wait_s: float = 10.0) -> None:
        """No channel and no bridge of the engine's stays in the PBX."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        left: list[str] = []
        while loop.time() < until:
            left = [str(c["id"]) for c in await self.pbx.channels()]
            left += [str(b["id"]) for b in await self.pbx.bridges()]
            if not left:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"left behind in the PBX: {left}\n{self.log_tail()}")


BenchMaker = Callable[..., Any]


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that stays open to the database's user: another pytest closes the folder of all tmp_paths to others."""
    folder = Path(tempfile.mkdtemp(prefix="voicedrop-lab-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The URL of a PostgreSQL with a migrated template."""
    folder = Path(tempfile.mkdtemp(prefix="voicedrop-lab-"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder / "postgres")
    url = server.start()
    databases.prepare(url)
    yield url
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def new_database(database_server: str) -> Iterator[Callable[[], str]]:
    """Gives URLs of migrated databases, each new."""
    with ExitStack() as lent:
        yield lambda: lent.enter_context(databases.copy_of(database_server, "template"))


@pytest.fixture
async def make_bench(
    lab: Site, tmp_path: Path, outside: Path, new_database: Callable[[], str]
) -> AsyncIterator[BenchMaker]:
    """Benches with engines of their own settings; everything is ended with the test.

    `as_shipped`: the engine is the command `voicedrop run`, which starts its own database in its state directory.
    Otherwise it is forked from a process that has loaded it, and has a new database of the session's server.
    """
    engines = itertools.count()
    async with AsyncExitStack() as stack:

        async def make(*, start: bool = True, as_shipped: bool = False, **changes: Any) -> Bench:
            index = next(engines)
            folder = tmp_path / f"engine{index}"
            folder.mkdir()
            changes.setdefault("state_dir", str(outside / f"state{index}"))
            changes["log"] = {"level": "debug", "format": "json"}
            if not as_shipped:
                changes.setdefault("database", {"url": new_database()})
            kind = EngineProcess if as_shipped else ForkedEngine
            engine = kind(folder, conf.engine_settings(lab, **changes))
            stack.push_async_callback(asyncio.to_thread, engine.clear_away)
            if start:
                await asyncio.to_thread(engine.start)
            telephones = await stack.enter_async_context(exchange(lab))
            pbx = AriClient(lab.pbx_url, "voicedrop", conf.secret_file(lab, "ari").read_text())
            return Bench(lab, engine, telephones, await stack.enter_async_context(pbx))

        yield make


@pytest.fixture
async def bench(make_bench: BenchMaker) -> Any:
    """A bench with an engine of the lab's own settings."""
    return await make_bench()


@pytest.fixture
def other_server(outside: Path) -> Iterator[EmbeddedServer]:
    """A PostgreSQL that is not the engine's own: to be given by URL, stopped and started by the test."""
    server = EmbeddedServer(outside / "other")
    server.start()
    yield server
    server.stop()


def show(receipt: dict[str, Any]) -> str:
    return json.dumps(receipt, indent=1)
