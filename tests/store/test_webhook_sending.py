"""Webhooks on a real PostgreSQL and a real HTTP server: in order, signed, at least once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from voicedrop.model import new_id
from voicedrop.notify.webhooks import FIRST_WAIT_S, SPREAD, WebhookSender, WebhookSettings
from voicedrop.store import events, webhooks
from voicedrop.store.database import Database
from voicedrop.tasks import end

WAIT_S = 20.0


@dataclass
class Post:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> int:
        return int(json.loads(self.body)["id"])


@dataclass
class Endpoint:
    """Somebody's server; `answer` says what it answers to the n-th post."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answer: Callable[[int], web.Response] = lambda _: web.Response(status=204)

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append(Post(dict(request.headers), await request.read()))
        return self.answer(len(self.posts))


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    one = Endpoint()
    app = web.Application()
    app.router.add_post("/hook", one.take)
    async with TestServer(app) as server:
        one.url = str(server.make_url("/hook"))
        yield one


class Time:
    """The sender's clock. It begins a minute ahead of the database's, so that what was just written is due."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) + timedelta(minutes=1)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Time:
    return Time()


def sender_for(database: Database, time: Time, **settings: float) -> WebhookSender:
    chosen = WebhookSettings(allow_private=True, **settings)
    return WebhookSender(database, chosen, now=time, chance=lambda: 0.5)


async def subscribe(database: Database, url: str, *kinds: str) -> tuple[UUID, str]:
    async with database.transaction() as connection:
        return await webhooks.add(connection, url=url, kinds=list(kinds), team_id=None)


async def happen(database: Database, *kinds: str, drop: UUID | None = None) -> list[int]:
    drop = drop or UUID(new_id())
    async with database.transaction() as connection:
        return [await events.add(connection, kind, {"outcome": "delivered"}, drop_id=drop) for kind in kinds]


async def send(sender: WebhookSender) -> int:
    async with sender._session() as session:
        return await asyncio.wait_for(sender.send_due(session), WAIT_S)


async def send_all(sender: WebhookSender) -> int:
    sent = 0
    while more := await send(sender):
        sent += more
    return sent


async def listed(database: Database, webhook: UUID) -> list[dict[str, object]]:
    async with database.transaction() as connection:
        return await webhooks.deliveries(connection, webhook)


def is_ours(header: str, body: bytes, secret: str) -> bool:
    """As docs/integrators.md tells a receiver to check it."""
    parts = [part.split("=", 1) for part in header.split(",")]
    at = next(value for name, value in parts if name == "t")
    right = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(value, right) for name, value in parts if name == "v1")


async def test_signed_and_in_the_order_of_the_drop(database: Database, endpoint: Endpoint, time: Time) -> None:
    webhook, secret = await subscribe(database, endpoint.url)
    told = await happen(database, "drop.accepted", "drop.playing", "drop.ended")
    assert await send_all(sender_for(database, time)) == 3
    assert [post.event for post in endpoint.posts] == told
    for post in endpoint.posts:
        assert is_ours(post.headers["Voicedrop-Signature"], post.body, secret)
        assert not is_ours(post.headers["Voicedrop-Signature"], post.body + b" ", secret)
        assert not is_ours(post.headers["Voicedrop-Signature"], post.body, secret + "x")
        assert post.headers["Content-Type"] == "application/json"
    assert json.loads(endpoint.posts[0].body)["kind"] == "drop.accepted"
    assert {row["state"] for row in await listed(database, webhook)} == {"delivered"}


async def test_only_the_kinds_that_were_asked_for(database: Database, endpoint: Endpoint, time: Time) -> None:
    await subscribe(database, endpoint.url, "drop.ended")
    _, _, ended = await happen(database, "drop.accepted", "drop.playing", "drop.ended")
    await send_all(sender_for(database, time))
    assert [post.event for post in endpoint.posts] == [ended]


async def test_a_failed_one_holds_back_its_own_drop_only(database: Database, endpoint: Endpoint, time: Time) -> None:
    await subscribe(database, endpoint.url)
    first, second = await happen(database, "drop.accepted", "drop.ended")
    (other,) = await happen(database, "drop.accepted")
    endpoint.answer = lambda n: web.Response(status=500 if n == 1 else 200)
    sender = sender_for(database, time)
    await send_all(sender)
    assert [post.event for post in endpoint.posts] == [first, other]
    time.pass_(FIRST_WAIT_S * (1 + SPREAD))
    await send_all(sender)
    assert [post.event for post in endpoint.posts] == [first, other, first, second]


async def test_waits_grow_until_it_is_given_up(database: Database, endpoint: Endpoint, time: Time) -> None:
    webhook, _ = await subscribe(database, endpoint.url)
    first, second = await happen(database, "drop.accepted", "drop.ended")
    endpoint.answer = lambda n: web.Response(status=503 if n <= 3 else 200, text="not now")
    sender = sender_for(database, time, max_attempts=3)
    for wait in (FIRST_WAIT_S, 2 * FIRST_WAIT_S):
        assert await send(sender) == 1
        time.pass_(wait - 0.1)
        assert await send(sender) == 0
        time.pass_(0.2)
    await send_all(sender)
    assert [post.event for post in endpoint.posts] == [first, first, first, second]
    dead = next(row for row in await listed(database, webhook) if row["event_id"] == first)
    assert (dead["state"], dead["attempts"], dead["last_status"]) == ("dead", 3, 503)
    assert "not now" in str(dead["last_error"])


async def test_a_sender_that_dies_in_the_middle_loses_nothing(
    database: Database, endpoint: Endpoint, time: Time
) -> None:
    await subscribe(database, endpoint.url)
    (told,) = await happen(database, "drop.ended")
    async with database.transaction() as connection:  # taken, and never settled
        taken = await webhooks.take_due(connection, now=time(), lease=timedelta(seconds=40), limit=10)
    assert [due.event for due in taken] == [told]
    sender = sender_for(database, time)
    assert await send(sender) == 0
    time.pass_(40 + 1)
    assert await send(sender) == 1
    assert [post.event for post in endpoint.posts] == [told]


async def test_two_senders_share_the_work(database: Database, endpoint: Endpoint, time: Time) -> None:
    await subscribe(database, endpoint.url)
    told = [(await happen(database, "drop.ended"))[0] for _ in range(40)]
    await asyncio.gather(*(send_all(sender_for(database, time)) for _ in range(2)))
    assert sorted(post.event for post in endpoint.posts) == told


async def test_a_rotated_secret(database: Database, endpoint: Endpoint, time: Time) -> None:
    webhook, old = await subscribe(database, endpoint.url)
    async with database.transaction() as connection:
        new = await webhooks.rotate(connection, webhook)
    assert new is not None
    assert new != old
    sender = sender_for(database, time)
    await happen(database, "drop.ended")
    await send_all(sender)
    time.pass_(timedelta(hours=25).total_seconds())
    await happen(database, "drop.ended")
    await send_all(sender)
    during, behind = endpoint.posts
    for secret in (new, old):
        assert is_ours(during.headers["Voicedrop-Signature"], during.body, secret)
    assert is_ours(behind.headers["Voicedrop-Signature"], behind.body, new)
    assert not is_ours(behind.headers["Voicedrop-Signature"], behind.body, old)


async def test_gone_for_good(database: Database, endpoint: Endpoint, time: Time) -> None:
    webhook, _ = await subscribe(database, endpoint.url)
    await happen(database, "drop.ended")
    endpoint.answer = lambda _: web.Response(status=410)
    sender = sender_for(database, time)
    await send_all(sender)
    async with database.transaction() as connection:
        row = await webhooks.one(connection, webhook)
    assert row is not None
    assert "410" in row["disabled_reason"]
    await happen(database, "drop.ended")  # is not kept for it
    time.pass_(3600)
    assert await send_all(sender) == 0


async def test_disabled_after_a_long_failure_and_taken_up_again(
    database: Database, endpoint: Endpoint, time: Time
) -> None:
    webhook, _ = await subscribe(database, endpoint.url)
    (told,) = await happen(database, "drop.ended")
    endpoint.answer = lambda _: web.Response(status=500)
    sender = sender_for(database, time, disable_after_s=3600.0, max_attempts=100)
    await send(sender)
    for _ in range(30):
        time.pass_(600)
        await send(sender)
    async with database.transaction() as connection:
        row = await webhooks.one(connection, webhook)
        assert row is not None
        assert "failed since" in row["disabled_reason"]
        assert await webhooks.change(connection, webhook, url=endpoint.url, kinds=[], active=True)
    endpoint.answer = lambda _: web.Response(status=200)
    endpoint.posts.clear()
    time.pass_(3600)
    await send(sender)
    assert [post.event for post in endpoint.posts] == [told]


async def test_redelivery(database: Database, endpoint: Endpoint, time: Time) -> None:
    webhook, _ = await subscribe(database, endpoint.url)
    (told,) = await happen(database, "drop.ended")
    sender = sender_for(database, time)
    await send_all(sender)
    (row,) = await listed(database, webhook)
    async with database.transaction() as connection:
        assert await webhooks.redeliver(connection, webhook, row["id"], now=time())
        assert not await webhooks.redeliver(connection, webhook, row["id"], now=time())
        assert not await webhooks.redeliver(connection, webhook, UUID(new_id()), now=time())
    await send_all(sender)
    assert [post.event for post in endpoint.posts] == [told, told]
    assert endpoint.posts[0].body == endpoint.posts[1].body


async def test_redirects_are_not_followed(database: Database, endpoint: Endpoint, time: Time) -> None:
    webhook, _ = await subscribe(database, endpoint.url)
    await happen(database, "drop.ended")
    endpoint.answer = lambda _: web.Response(status=307, headers={"Location": endpoint.url})
    await send(sender_for(database, time))
    assert len(endpoint.posts) == 1
    (row,) = await listed(database, webhook)
    assert (row["state"], row["last_status"]) == ("pending", 307)


async def test_nothing_goes_to_a_private_address_unless_allowed(
    database: Database, endpoint: Endpoint, time: Time
) -> None:
    webhook, _ = await subscribe(database, endpoint.url.replace("http://", "https://"))
    await happen(database, "drop.ended")
    await send(WebhookSender(database, WebhookSettings(), now=time))
    assert endpoint.posts == []
    (row,) = await listed(database, webhook)
    assert "private address" in str(row["last_error"])


async def test_a_peer_that_does_not_answer(database: Database, endpoint: Endpoint, time: Time) -> None:
    webhook, _ = await subscribe(database, endpoint.url)
    await happen(database, "drop.ended")
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hang)
    async with TestServer(app) as server:
        async with database.transaction() as connection:
            url = str(server.make_url("/hook"))
            await webhooks.change(connection, webhook, url=url, kinds=[], active=True)
        await send(sender_for(database, time, timeout_s=0.2))
        never.set()
    (row,) = await listed(database, webhook)
    assert row["last_error"] == "no answer within 0.2 s"


async def test_it_runs_and_is_woken(database: Database, endpoint: Endpoint) -> None:
    """By itself, on its own clock, until it is cancelled."""
    arrived = asyncio.Event()

    def answer(_: int) -> web.Response:
        arrived.set()
        return web.Response()

    endpoint.answer = answer
    await subscribe(database, endpoint.url)
    sender = WebhookSender(database, WebhookSettings(allow_private=True))
    running = asyncio.create_task(sender.run())
    try:
        told = await happen(database, "drop.ended")
        sender.wake()
        await asyncio.wait_for(arrived.wait(), WAIT_S)
    finally:
        await end(running)
    assert [post.event for post in endpoint.posts] == told
