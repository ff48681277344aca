"""The database is kept there: embedded or given, away at the start, gone in between, of a newer version."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.databases import command
from voicedrop.errors import StoreError, StoreUnreachable
from voicedrop.store import keeper as module
from voicedrop.store import schema
from voicedrop.store.database import Database
from voicedrop.store.embedded import LOCK, SOCKET, EmbeddedServer, stop_left
from voicedrop.store.keeper import Keeper
from voicedrop.store.tokens import ensure_first_token
from voicedrop.tasks import end

from .conftest import ExternalServer


async def until_up(keeper: Keeper, *, up: bool) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + 60
    while keeper.up is not up:
        assert loop.time() < until, "the keeper did not notice"
        await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.05)


async def test_an_embedded_one_is_started_migrated_and_stopped(outside: Path) -> None:
    folder = outside / "kept"
    keeper = Keeper("", folder)
    database = await keeper.open()
    assert keeper.up
    assert keeper.ready.is_set()
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM drops")
    await keeper.close(database)
    assert not (folder / "postmaster.pid").exists()


async def test_nobody_else_can_reach_an_embedded_one(outside: Path) -> None:
    deep = outside / ("a" * 60) / ("b" * 60)  # longer than the path of a socket can be
    deep.mkdir(parents=True)
    server = EmbeddedServer(deep / "kept")
    url = await asyncio.to_thread(server.start)
    try:
        socket_file = Path(unquote(parse_qs(urlsplit(url).query)["host"][0])) / SOCKET
        assert not socket_file.is_relative_to(deep)
        assert socket_file.stat().st_mode & 0o777 == 0o600
        database = Database(url)
        await database.open()
        assert await database.reachable()
        await database.close()
    finally:
        await asyncio.to_thread(server.stop)


async def test_the_number_of_a_killed_one_may_be_another_processes(outside: Path) -> None:
    """As in a container that is started again after a crash."""
    folder = outside / "number"
    killed = EmbeddedServer(folder)
    command(await asyncio.to_thread(killed.start), "CREATE TABLE kept ()")
    lock = (folder / LOCK).read_text().splitlines()
    await asyncio.to_thread(killed.stop)
    for number in (os.getpid(), 2**22 + 1):  # one that is alive, and one that no process can have
        (folder / LOCK).write_text("\n".join([str(number), *lock[1:]]) + "\n")
        server = EmbeddedServer(folder)
        url = await asyncio.to_thread(server.start)
        assert not server.found
        command(url, "TABLE kept")
        await asyncio.to_thread(server.stop)
        assert not (folder / LOCK).exists()


async def test_one_that_runs_elsewhere_is_left_alone(outside: Path) -> None:
    """Its number means nothing in this container, but its socket answers."""
    folder = outside / "elsewhere"
    elsewhere = EmbeddedServer(folder)
    url = await asyncio.to_thread(elsewhere.start)
    right = (folder / LOCK).read_text()
    wrong = "\n".join([str(os.getpid()), *right.splitlines()[1:]]) + "\n"
    (folder / LOCK).write_text(wrong)
    with pytest.raises(StoreError, match="runs already, in another container"):
        await asyncio.to_thread(EmbeddedServer(folder).start)
    assert (folder / LOCK).read_text() == wrong
    (folder / LOCK).write_text(right)
    command(url, "SELECT 1")
    await asyncio.to_thread(elsewhere.stop)


def test_a_user_without_a_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(user: int) -> None:
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(StoreError, match="run the engine as a named user, or give DATABASE_URL"):
        EmbeddedServer(tmp_path / "kept").start()
    assert list(tmp_path.iterdir()) == []


async def test_an_embedded_one_that_dies_is_started_again(outside: Path) -> None:
    folder = outside / "dies"
    keeper = Keeper("", folder)
    database = await keeper.open()
    running = asyncio.create_task(keeper.run(database))
    try:
        await asyncio.to_thread(stop_left, folder)
        await until_up(keeper, up=False)
        await until_up(keeper, up=True)
        assert await database.reachable()
    finally:
        await end(running)
        await keeper.close(database)


async def test_what_a_killed_run_left_is_found_and_kept(outside: Path) -> None:
    folder = outside / "left"
    left = EmbeddedServer(folder)
    url = left.start()
    command(url, "CREATE TABLE mine ()")
    left._server._instances.clear()  # as another process sees it
    keeper = Keeper("", folder)
    database = await keeper.open()
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM mine")
    await keeper.close(database)


async def test_one_that_is_away_at_the_start_is_waited_for(external: ExternalServer) -> None:
    external.stop()
    keeper = Keeper(external.url, Path("unused"))
    database = await keeper.open()
    assert not keeper.up
    running = asyncio.create_task(keeper.run(database))
    try:
        await asyncio.to_thread(external.start)
        await until_up(keeper, up=True)
        assert keeper.ready.is_set()
        await asyncio.to_thread(external.stop)
        await until_up(keeper, up=False)
        await asyncio.to_thread(external.start)
        await until_up(keeper, up=True)
    finally:
        await end(running)
        await keeper.close(database)


async def test_what_waits_for_the_database_is_done_once(external: ExternalServer) -> None:
    external.stop()
    keeper = Keeper(external.url, Path("unused"))
    database = await keeper.open()
    tries, done = [0], asyncio.Event()

    async def first_token() -> None:
        tries[0] += 1
        if tries[0] == 1:
            raise StoreUnreachable("it went away again")
        await ensure_first_token(database)
        done.set()

    keeper.when_up(first_token)
    running = asyncio.create_task(keeper.run(database))
    try:
        await asyncio.to_thread(external.start)
        async with asyncio.timeout(60):
            await done.wait()
        await asyncio.to_thread(external.stop)
        await until_up(keeper, up=False)
        await asyncio.to_thread(external.start)
        await until_up(keeper, up=True)
        assert tries == [2]
        assert await ensure_first_token(database) is None
    finally:
        await end(running)
        await keeper.close(database)


async def test_a_newer_one_is_refused(url: str) -> None:
    command(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer voicedrop"):
        await Keeper(url, Path("unused")).open()


async def test_a_url_that_is_none_is_told() -> None:
    with pytest.raises(StoreError):
        await Keeper("not a url", Path("unused")).open()


def test_nothing_left_is_nothing_to_stop(tmp_path: Path) -> None:
    stop_left(tmp_path)
    (tmp_path / "postmaster.pid").write_text("")
    stop_left(tmp_path)


def test_another_process_of_that_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (tmp_path / "postmaster.pid").write_text(f"{other.pid}\n")
        stop_left(tmp_path)
        assert other.poll() is None
        other.communicate(b"\n")
    assert other.returncode == 0


async def test_a_server_that_says_nothing_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that takes connections and never answers."""
    monkeypatch.setattr(schema, "CONNECT_S", 2)  # libpq's least
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keeper = Keeper(f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/x", Path("unused"))
        database: Database = await keeper.open()
        assert not keeper.up
        await keeper.close(database)
