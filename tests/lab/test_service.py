"""The whole service on real calls: an MP3 goes up by the API, a code drops it, a webhook tells of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import soundfile
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab.judge import judge, load
from voicedrop.lab.recordings import kept

WAIT_S = 60.0


@dataclass
class Hook:
    """Somebody's server, which a webhook posts to."""

    url: str = ""
    posts: list[tuple[str, bytes]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        async with self.arrived:
            self.posts.append((request.headers["Voicedrop-Signature"], await request.read()))
            self.arrived.notify_all()
        return web.Response(status=204)

    async def told(self, kind: str) -> tuple[str, bytes]:
        """The first post of this kind, once it is there."""

        def found() -> tuple[str, bytes] | None:
            return next((post for post in self.posts if json.loads(post[1])["kind"] == kind), None)

        async with self.arrived, asyncio.timeout(WAIT_S):
            await self.arrived.wait_for(lambda: found() is not None)
        post = found()
        assert post is not None
        return post


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    one = Hook()
    app = web.Application()
    app.router.add_post("/hook", one.take)
    async with TestServer(app) as server:
        one.url = str(server.make_url("/hook"))
        yield one


class Api:
    """The engine's API with the token that its first start printed."""

    def __init__(self, bench: Bench, session: aiohttp.ClientSession) -> None:
        self.base = f"http://127.0.0.1:{bench.engine.settings['http']['port']}/v1"
        tokens = re.findall(r"^    (vd_\S+)$", bench.engine.log.read_text(), re.MULTILINE)
        assert len(tokens) == 1, "the first token is printed once"
        self._session, self._headers = session, {"Authorization": f"Bearer {tokens[0]}"}

    async def ask(self, method: str, path: str, *, status: int, **more: Any) -> Any:
        headers = self._headers | more.pop("headers", {})
        async with self._session.request(method, self.base + path, headers=headers, **more) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


def an_mp3(bench: Bench, folder: Path) -> bytes:
    """The lab's longer message, as somebody's MP3 at another rate would bring it."""
    samples, rate = soundfile.read(bench.site.lab / "messages/callback.wav")
    file = folder / "spoken.mp3"
    soundfile.write(file, samples[: 8 * rate].repeat(2), 2 * rate, format="MP3")
    return file.read_bytes()


async def test_an_mp3_becomes_what_the_mailbox_keeps(
    make_bench: BenchMaker, hook: Hook, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    bench = await make_bench(webhooks={"allow_private": True})
    api = Api(bench, session)
    made = await api.ask("POST", "/webhooks", status=201, json={"url": hook.url})
    form = aiohttp.FormData()
    form.add_field(
        "particulars", json.dumps({"label": "Spoken", "everybody": True, "slot": 7}), content_type="application/json"
    )
    form.add_field("file", an_mp3(bench, tmp_path), filename="spoken.mp3")
    message = await api.ask("POST", "/messages", status=201, data=form)
    assert all(check["verdict"] != "error" for check in message["checks"])
    catalogue = bench.engine.state_dir / "catalogue.json"
    await bench.until(lambda: message["id"] in catalogue.read_text(), "the message in what the engine knows")

    number = number_of("mailbox")
    telephone = await bench.exchange.dial("1001", number)
    await bench.mark(number, "voicemail")
    await telephone.press("*97")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    receipt = await bench.receipt(number, wait_s=WAIT_S)
    assert receipt["outcome"] == "delivered", show(receipt)

    signature, body = await hook.told("drop.ended")
    told = json.loads(body)
    assert (told["drop"], told["data"]["outcome"]) == (receipt["drop"], "delivered")
    parts = dict(part.split("=", 1) for part in signature.split(","))
    right = hmac.new(made["secret"].encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(parts["v1"], right)
    first, *playing, last = [kind for _, post in hook.posts if (kind := json.loads(post)["kind"]).startswith("drop.")]
    assert (first, last) == ("drop.accepted", "drop.ended")
    assert playing == ["drop.playing"] * (receipt["restarts"] + 1)

    shown = await api.ask("GET", f"/drops/{receipt['drop']}", status=200)
    assert shown["receipt"]["message"]["id"] == message["id"]
    assert shown["receipt"]["policy"]["allowed"] is True
    assert "suppressed" in shown["receipt"]["policy"]["rules"]
    assert (shown["message_id"], shown["message_version"]) == (message["id"], 1)
    counted = await api.ask("GET", f"/messages/{message['id']}", status=200)
    assert counted["drops"] == 1, counted

    call = await bench.call_to(number)
    file = await kept(bench.site, call)
    sha256 = message["sha256"]
    delivery = judge(load(bench.site.lab / "library" / sha256[:2] / sha256 / "message.wav"), load(file))
    assert delivery.whole, delivery
    await bench.nothing_left()


async def test_a_drop_is_asked_for_by_the_api(make_bench: BenchMaker, session: aiohttp.ClientSession) -> None:
    bench = await make_bench()
    api = Api(bench, session)
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("1001", number)
    await bench.mark(number, "voicemail")
    (call,) = (await api.ask("GET", "/calls", status=200))["items"]
    assert call["number"] == number
    key = {"Idempotency-Key": "the-button-was-pressed-twice"}
    wish = {"call_id": call["id"], "slot": 2}
    first = await api.ask("POST", "/drops", status=201, json=wish, headers=key)
    again = await api.ask("POST", "/drops", status=201, json=wish, headers=key)
    assert first == again
    await asyncio.wait_for(telephone.ended.wait(), 10)
    receipt = await bench.receipt(number, wait_s=WAIT_S)
    assert receipt["drop"] == first["id"], (first, show(receipt))
    assert receipt["outcome"] == "delivered", show(receipt)
    assert (await bench.delivery(number, "short")).whole
    assert len([one for one in bench.receipts() if one["number"] == number]) == 1
    await bench.nothing_left()
