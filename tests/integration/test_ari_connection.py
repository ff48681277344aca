"""The event connection against a scripted Asterisk: up, down, and up again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from scripted_ari import PASSWORD, USERNAME, ScriptedAri, scripted_ari
from structlog.testing import capture_logs

from voicedrop.ari import connection as connection_module
from voicedrop.ari.client import AriClient
from voicedrop.ari.connection import EventConnection
from voicedrop.ari.events import AriEvent, DtmfReceived
from voicedrop.errors import AriError, AriRefused, AriUnreachable, Gone

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "unit" / "ari_events.json").read_text())
PATIENCE_S = 5.0  # for what must come; a test that passes does not wait for it


@pytest.fixture
async def server() -> AsyncIterator[ScriptedAri]:
    async with scripted_ari() as one:
        yield one


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(connection_module, "LAST_DELAY_S", 0.04)


class Listener:
    """Notes what the connection says, as it says it."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.up_raises: list[Exception] = []
        self.reconciling: asyncio.Event | None = None

    def on_event(self, event: AriEvent) -> None:
        self.said.put_nowait(event)

    async def on_up(self) -> None:
        if self.up_raises:
            self.said.put_nowait("failed")
            raise self.up_raises.pop(0)
        if self.reconciling is not None:
            self.said.put_nowait("reconciling")
            await self.reconciling.wait()
        self.said.put_nowait("up")

    def on_down(self, reason: str) -> None:
        self.said.put_nowait(("down", reason))

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return await self.said.get()


@asynccontextmanager
async def running(url: str, listener: Listener, password: str = PASSWORD) -> AsyncIterator[EventConnection]:
    async with AriClient(url, USERNAME, password) as ari:
        connection = EventConnection(
            ari,
            ("voicedrop", "voicedrop-drop"),
            on_event=listener.on_event,
            on_up=listener.on_up,
            on_down=listener.on_down,
        )
        task = asyncio.create_task(connection.run(), name="events")
        try:
            yield connection
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def refused(url: str, listener: Listener, password: str = PASSWORD) -> AriRefused:
    """Run it until it says that trying again would not help."""
    async with AriClient(url, USERNAME, password) as ari:
        connection = EventConnection(
            ari, ("voicedrop",), on_event=listener.on_event, on_up=listener.on_up, on_down=listener.on_down
        )
        with pytest.raises(AriRefused) as caught:
            async with asyncio.timeout(PATIENCE_S):
                await connection.run()
        return caught.value


async def test_events_are_handed_on_in_order_and_what_is_of_no_use_is_not(server: ScriptedAri) -> None:
    listener = Listener()
    async with running(server.url, listener) as connection:
        assert await listener.next() == "up"
        socket = await server.connected.get()
        for name in ("digit", "variable_set", "playback_started", "playback_done"):
            await socket.send_json(RECORDED[name])
        await socket.send_json({**RECORDED["digit"], "digit": "#"})
        assert connection.up
        digit, started, done, last = [await listener.next() for _ in range(4)]
    assert isinstance(digit, DtmfReceived)
    assert (digit.digit, started.state, done.state, last.digit) == ("5", "playing", "done", "#")


async def test_one_connection_serves_all_applications(server: ScriptedAri) -> None:
    listener = Listener()
    async with running(server.url, listener):
        assert await listener.next() == "up"
    assert server.event_queries == [{"app": "voicedrop,voicedrop-drop"}]


async def test_what_was_missed_is_reconciled_before_the_first_event(server: ScriptedAri) -> None:
    listener = Listener()
    listener.reconciling = asyncio.Event()
    async with running(server.url, listener) as connection:
        assert await listener.next() == "reconciling"
        socket = await server.connected.get()
        await socket.send_json(RECORDED["digit"])
        assert not connection.up
        assert listener.said.empty()
        listener.reconciling.set()
        assert await listener.next() == "up"
        assert isinstance(await listener.next(), DtmfReceived)


async def test_a_lost_connection_is_told_and_made_again(server: ScriptedAri) -> None:
    listener = Listener()
    async with running(server.url, listener) as connection:
        for _ in range(3):
            assert await listener.next() == "up"
            socket = await server.connected.get()
            await socket.close()
            kind, reason = await listener.next()
            assert kind == "down"
            assert reason == "Asterisk closed the event connection"
        assert await listener.next() == "up"
        socket = await server.connected.get()
        await socket.send_json(RECORDED["digit"])
        assert isinstance(await listener.next(), DtmfReceived)
        assert connection.up


async def test_a_connection_that_is_cut_is_told_and_made_again(server: ScriptedAri) -> None:
    listener = Listener()
    async with running(server.url, listener):
        assert await listener.next() == "up"
        await server.connected.get()
        assert server.transport is not None
        server.transport.abort()
        kind, _ = await listener.next()
        assert kind == "down"
        assert await listener.next() == "up"


async def test_while_asterisk_is_away_the_delay_grows_to_its_limit_and_nothing_is_told_twice(
    server: ScriptedAri, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module.random, "uniform", lambda *_: 1.0)
    listener = Listener()
    with capture_logs() as logs:
        async with running(server.url, listener):
            assert await listener.next() == "up"
            server.refuse_events_with[:] = [503, 404, 500, 503]
            await (await server.connected.get()).close()
            assert (await listener.next())[0] == "down"
            assert await listener.next() == "up", "no second `down` while it is down"
            await (await server.connected.get()).close()
            assert (await listener.next())[0] == "down"
            assert await listener.next() == "up"
    delays = [entry["again_in_s"] for entry in logs if entry["event"] == "ari_down"]
    assert delays == [0.01, 0.02, 0.04, 0.04, 0.04, 0.01]


async def test_delays_are_spread_so_that_engines_do_not_come_all_at_once(
    server: ScriptedAri, monkeypatch: pytest.MonkeyPatch
) -> None:
    spread: list[tuple[float, float]] = []

    def noted(low: float, high: float) -> float:
        spread.append((low, high))
        return low

    monkeypatch.setattr(connection_module.random, "uniform", noted)
    server.refuse_events_with[:] = [503, 503]
    listener = Listener()
    async with running(server.url, listener):
        assert await listener.next() == "up"
    assert spread == [(0.8, 1.2), (0.8, 1.2)]


async def test_an_asterisk_that_comes_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = asyncio.Event()

    def noted(*_: float) -> float:
        tried.set()
        return 1.0

    monkeypatch.setattr(connection_module.random, "uniform", noted)
    listener = Listener()
    port = free_port()
    with capture_logs() as logs:
        async with running(f"http://127.0.0.1:{port}", listener):
            await tried.wait()
            async with scripted_ari(port):
                assert await listener.next() == "up"
    (first, *_) = [entry for entry in logs if entry["event"] == "ari_down"]
    assert f"no event connection to Asterisk at http://127.0.0.1:{port}" in first["reason"]


@pytest.mark.parametrize(
    "error", [AriUnreachable("no answer"), Gone("GET channels: 404"), AriError("GET bridges: 503")]
)
async def test_a_reconciliation_that_fails_is_tried_again_with_a_new_connection(
    server: ScriptedAri, error: AriError
) -> None:
    listener = Listener()
    listener.up_raises = [error]
    async with running(server.url, listener) as connection:
        assert await listener.next() == "failed"
        assert await listener.next() == "up", "it was never up, so no `down` is told"
        assert len(server.event_queries) == 2
        socket = None
        while not server.connected.empty():
            socket = await server.connected.get()
        assert socket is not None
        await socket.send_json(RECORDED["digit"])
        assert isinstance(await listener.next(), DtmfReceived)
        assert connection.up


async def test_a_wrong_login_is_not_tried_again_and_says_what_to_compare(server: ScriptedAri) -> None:
    listener = Listener()
    error = await refused(server.url, listener, password="wrong")
    assert error.status == 401
    assert str(error) == (
        "Asterisk refuses the login 'voicedrop': compare ari.username and ari.password with its ari.conf"
    )
    assert listener.said.empty()


async def test_a_login_that_may_not_read_events_is_refused_alike(server: ScriptedAri) -> None:
    server.refuse_events_with[:] = [403]
    assert (await refused(server.url, Listener())).status == 403


async def test_a_login_that_is_refused_while_reconciling_is_not_tried_again(server: ScriptedAri) -> None:
    listener = Listener()
    listener.up_raises = [AriRefused("GET channels: 403", status=403)]
    assert (await refused(server.url, listener)).status == 403
    assert len(server.event_queries) == 1


async def test_frames_that_are_no_text_are_passed_over(server: ScriptedAri) -> None:
    listener = Listener()
    async with running(server.url, listener):
        assert await listener.next() == "up"
        socket = await server.connected.get()
        await socket.send_bytes(b"\x00\x01")
        await socket.send_json(RECORDED["digit"])
        assert isinstance(await listener.next(), DtmfReceived)


async def test_an_event_beyond_all_measure_ends_that_connection_only(server: ScriptedAri) -> None:
    listener = Listener()
    async with running(server.url, listener):
        assert await listener.next() == "up"
        socket = await server.connected.get()
        await socket.send_str("x" * (connection_module.BIGGEST_EVENT + 1))
        assert (await listener.next())[0] == "down"
        assert await listener.next() == "up"
