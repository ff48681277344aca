"""Server-sent events: in order, nothing lost, nothing twice, and only what one may see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema_rs
import pytest

from tests.web.conftest import World, serving
from voicedrop.config import Api
from voicedrop.notify.webhooks import body_of
from voicedrop.store import events, webhooks
from voicedrop.store.database import Database
from voicedrop.web.operations import feed

DEADLINE_S = 20.0


class Follower:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments: list[str] = []

    async def next(self) -> dict[str, Any]:
        """The next event; comments are put aside."""
        event: dict[str, Any] = {}
        async with asyncio.timeout(DEADLINE_S):
            while line := (await self.response.content.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if line == "\n" and "data" in event:
                    return event | {"data": json.loads(event["data"])}
                if name:
                    event[name] = value
                elif value:
                    self.comments.append(value)
        raise EOFError

    async def comment(self) -> str:
        async with asyncio.timeout(DEADLINE_S):
            while line := (await self.response.content.readline()).decode():
                if line.startswith(": "):
                    return line[2:].strip()
        raise EOFError


@asynccontextmanager
async def following(world: World, who: str, *, last: int | None = None, query: str = "") -> AsyncIterator[Follower]:
    headers = {"Authorization": f"Bearer {world.tokens[who]}"} | ({} if last is None else {"Last-Event-ID": str(last)})
    async with world.session.get(f"{world.base}/v1/events{query}", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        yield Follower(response)


async def happen(world: World, agent: str, team: str, number: int) -> int:
    async with world.database.transaction() as connection:
        event_id = await events.add(
            connection,
            "drop.ended",
            {"number": number},
            drop_id=world.drops[agent],
            agent_id=world.agents[agent],
            team_id=world.teams[team],
        )
    world.services.feed.wake()
    return event_id


async def test_one_hears_of_ones_own_and_no_other(world: World) -> None:
    async with following(world, "ann", last=0) as ann, following(world, "bert", last=0) as bert:
        first = await happen(world, "bob", "blue", 1)
        second = await happen(world, "ann", "red", 2)
        heard = await ann.next()
        assert (heard["id"], heard["event"], heard["data"]["data"]) == (str(second), "drop.ended", {"number": 2})
        assert (await bert.next())["id"] == str(first)


async def test_the_feed_and_a_webhook_tell_the_same_as_the_document_says(world: World) -> None:
    schemas = (document := (await world.nobody.get("/v1/openapi.json")).json())["components"]["schemas"]
    posted = document["webhooks"]["event"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    documented = jsonschema_rs.validator_for({**posted, "components": {"schemas": schemas}})
    hook = {"url": "https://example.org/", "kinds": ["drop.ended"]}
    assert (await world.as_("admin").post("/v1/webhooks", json=hook)).status == 201
    async with following(world, "ann", last=0) as follower:
        await happen(world, "ann", "red", 7)
        heard = (await follower.next())["data"]
    async with world.database.transaction() as connection:
        (due,) = await webhooks.take_due(
            connection, now=datetime.now(UTC) + timedelta(minutes=1), lease=timedelta(minutes=1), limit=2
        )
    post = json.loads(body_of(due))
    assert heard == post
    documented.validate(post)
    for wrong in ({**post, "body": {}}, {key: value for key, value in post.items() if key != "data"}):
        assert not documented.is_valid(wrong)


async def test_who_comes_back_misses_nothing_and_gets_nothing_twice(world: World) -> None:
    numbers = [await happen(world, "ann", "red", number) for number in range(3)]
    async with following(world, "ann", last=numbers[0]) as follower:
        assert [(await follower.next())["id"] for _ in range(2)] == [str(one) for one in numbers[1:]]
    numbers.append(await happen(world, "ann", "red", 4))
    async with following(world, "ann", query=f"?after={numbers[2]}") as follower:
        assert (await follower.next())["id"] == str(numbers[3])


async def test_a_silent_stream_stays_alive_and_ends_with_its_token(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT_S", 0.05)
    tokens = (await world.as_("admin").get("/v1/tokens")).json()["items"]
    (own,) = [one["id"] for one in tokens if one["label"] == "ann"]
    async with following(world, "ann") as follower:
        assert await follower.comment() == "alive"
        assert (await world.as_("admin").ask("DELETE", f"/v1/tokens/{own}")).status == 204
        while "rights have changed" not in await follower.comment():
            pass
        async with asyncio.timeout(DEADLINE_S):
            await follower.response.content.read()
    assert (await world.as_("ann").get("/v1/me")).code == "not_authenticated"


async def test_only_so_many_follow(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, Api(followers=1)) as world, following(world, "ann"):
        assert (await world.as_("bob").get("/v1/events")).code == "too_many_requests"


@pytest.mark.parametrize("header", ["x", "-1", "1.5", "9" * 30])
async def test_an_event_id_is_a_number(world: World, header: str) -> None:
    answer = await world.as_("ann").get("/v1/events", headers={"Last-Event-ID": header})
    assert answer.code == "invalid"
