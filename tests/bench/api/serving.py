"""The API in a process of its own."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from prometheus_client import CollectorRegistry

from tests.web.engine import PretendedEngine
from voicedrop.config import Api
from voicedrop.intake import Intake
from voicedrop.library.shelf import Shelf
from voicedrop.notify.feed import Feed
from voicedrop.store.database import Database
from voicedrop.web.app import application
from voicedrop.web.health import HealthServer
from voicedrop.web.services import ApiServices

PLENTY = Api(rate_per_s=100_000, burst=100_000)


def serve(url: str, folder: Path, told: Pipe) -> None:
    """The API in this process, until the pipe is closed."""

    async def run() -> None:
        database = Database(url)
        await database.open()
        services = ApiServices(
            settings=PLENTY,
            database=database,
            control=PretendedEngine(),
            feed=Feed(database),
            intake=Intake(database, Shelf(folder / "shelf")),
            uploads=folder / "uploads",
            evidence=folder / "evidence",
        )
        server = HealthServer("127.0.0.1", 0, CollectorRegistry(), services.control.health, application(services))
        await server.start()
        told.send(server.port)
        await asyncio.to_thread(told.poll, None)
        await server.stop()
        await database.close()

    asyncio.run(run())
