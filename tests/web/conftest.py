"""The API on a real PostgreSQL, with an engine that only remembers what it was asked, and people of two teams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from psycopg.types.json import Jsonb

from tests.store.conftest import database, external, outside, server, url
from tests.web.engine import PretendedEngine
from voicedrop.config import Api
from voicedrop.intake import Intake
from voicedrop.library.shelf import Shelf
from voicedrop.library.terms import Limits
from voicedrop.model import new_id
from voicedrop.notify.feed import Feed
from voicedrop.store import messages, people, slots, tokens
from voicedrop.store.database import Connection, Database
from voicedrop.store.messages import NewVersion
from voicedrop.web.app import application
from voicedrop.web.services import ApiServices

__all__ = ["database", "external", "outside", "server", "url"]

PLENTY = Api(rate_per_s=10_000, burst=10_000)


@dataclass(frozen=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        import json

        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a problem."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.body
        assert self.json()["status"] == self.status
        return str(self.json()["code"])


@dataclass
class Client:
    """Asks the API with one token."""

    session: aiohttp.ClientSession
    base: str
    token: str = ""

    async def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        given = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.request(
            method, self.base + path, headers=given | (headers or {}), allow_redirects=False, **more
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, **more: Any) -> Answer:
        return await self.ask("POST", path, **more)


@dataclass
class World:
    """Two teams, an agent and a supervisor in each, an admin; and a message of everyone and of everybody."""

    services: ApiServices
    engine: PretendedEngine
    base: str
    session: aiohttp.ClientSession
    teams: dict[str, UUID] = field(default_factory=dict)
    agents: dict[str, UUID] = field(default_factory=dict)
    messages: dict[str, UUID] = field(default_factory=dict)
    drops: dict[str, UUID] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.services.database

    def as_(self, who: str) -> Client:
        return Client(self.session, self.base, self.tokens[who])

    @property
    def nobody(self) -> Client:
        return Client(self.session, self.base)

    async def token(self, **how: Any) -> str:
        async with self.database.transaction() as connection:
            _, token = await tokens.add(connection, **how)
        return token


async def a_message(connection: Connection, label: str, **owner: UUID | None) -> UUID:
    version = NewVersion(sha256="0" * 64, prepared_sha256="1" * 64, duration_s=4.0, checks=[], created_by="test")
    texts: dict[str, Any] = dict.fromkeys(messages.TEXTS, "") | {"label": label, "tags": [], "evidence": False}
    return await messages.add(connection, version, texts, **owner)


async def a_drop(connection: Connection, agent: str, agent_id: UUID, team_id: UUID, number: str) -> UUID:
    drop_id = UUID(new_id())
    await connection.execute(
        """
        INSERT INTO drops (id, node, door, outcome, agent, agent_id, team_id, number, slot, accepted_at, ended_at,
            played_fraction, receipt)
        VALUES (%s, 'n1', 'bridged', 'delivered', %s, %s, %s, %s, 1, now(), now(), 1, %s)
        """,
        (drop_id, agent, agent_id, team_id, number, Jsonb({"drop": str(drop_id), "number": number})),
    )
    return drop_id


async def populate(world: World) -> None:
    async with world.database.transaction() as connection:
        for team, agent in (("red", "ann"), ("blue", "bob")):
            team_id = world.teams[team] = await people.add_team(connection, name=team)
            agent_id = world.agents[agent] = await people.add_agent(connection, name=agent, display="", team_id=team_id)
            world.messages[agent] = await a_message(connection, f"of {agent}", agent_id=agent_id)
            world.messages[team] = await a_message(connection, f"of {team}", team_id=team_id)
            world.drops[agent] = await a_drop(connection, agent, agent_id, team_id, f"+1555123000{len(world.drops)}")
            await slots.fill(connection, 1, world.messages[agent], agent_id=agent_id, team_id=None)
        world.messages["all"] = await a_message(connection, "of everybody")
    for team, agent, chief in (("red", "ann", "rose"), ("blue", "bob", "bert")):
        world.tokens[agent] = await world.token(label=agent, role="agent", agent_id=world.agents[agent])
        world.tokens[chief] = await world.token(label=chief, role="supervisor", team_id=world.teams[team])
    world.tokens["admin"] = await world.token(label="admin", role="admin")


@asynccontextmanager
async def serving(database: Database, folder: Path, settings: Api, **more: Any) -> AsyncIterator[World]:
    engine = PretendedEngine()
    feed = Feed(database)
    services = ApiServices(
        settings=settings,
        database=database,
        control=engine,
        feed=feed,
        intake=Intake(database, Shelf(folder / "shelf"), Limits(max_bytes=2_000_000)),
        uploads=folder / "uploads",
        evidence=folder / "evidence",
        **more,
    )
    server = TestServer(application(services))
    reading = asyncio.create_task(feed.run())
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        world = World(services, engine, str(server.make_url("")).rstrip("/"), session)
        await populate(world)
        try:
            yield world
        finally:
            await server.close()
            reading.cancel()
            await asyncio.wait([reading])


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with serving(database, tmp_path, PLENTY) as made:
        yield made
