"""The tap's listener: a real websocket on a real port, bounded in every direction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
from ports import free_port
from structlog.testing import capture_logs

from voicedrop.media import listener as listener_module
from voicedrop.media.listener import BIGGEST_FRAME, Expected, TapListener

PATIENCE_S = 5.0  # for what must come; a test that passes does not wait for it
FRAME = np.arange(160, dtype="<i2")


class Ear:
    """One expected connection, and what it said."""

    def __init__(self, listener: TapListener) -> None:
        self.audio: asyncio.Queue[np.ndarray] = asyncio.Queue()
        self.lost: asyncio.Queue[str] = asyncio.Queue()
        self.expected: Expected = listener.expect(self.audio.put_nowait, self.lost.put_nowait)

    async def heard(self) -> np.ndarray:
        async with asyncio.timeout(PATIENCE_S):
            return await self.audio.get()

    async def loss(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return await self.lost.get()

    async def connected(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.expected.connected.wait()


class Asterisk:
    """Connects as Asterisk does."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.url = f"http://127.0.0.1:{port}/tap"
        self._session = session

    async def connect(
        self,
        token: str,
        *,
        autoclose: bool = True,
        autoping: bool = True,
        protocols: tuple[str, ...] = ("media",),
        compress: int = 0,
    ) -> aiohttp.ClientWebSocketResponse:
        return await self._session.ws_connect(
            self.url,
            params={"token": token},
            protocols=protocols,
            autoclose=autoclose,
            autoping=autoping,
            compress=compress,
        )

    async def refusal(self, token: str | None) -> int:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await self._session.ws_connect(self.url, params={} if token is None else {"token": token})
        return caught.value.status

    async def get(self, token: str, path: str = "") -> int:
        async with self._session.get(self.url + path, params={"token": token}) as answer:
            return answer.status


MOST = 2


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def listener(port: int) -> AsyncIterator[TapListener]:
    one = TapListener("127.0.0.1", port, most=MOST)
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def asterisk(port: int, listener: TapListener) -> AsyncIterator[Asterisk]:  # noqa: ARG001
    async with aiohttp.ClientSession() as session:
        yield Asterisk(port, session)


# -- audio ------------------------------------------------------------------------------------------


async def test_audio_arrives_sample_by_sample(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    await ear.connected()
    assert socket.protocol == "media"
    assert listener.live == 1
    await socket.send_bytes(FRAME.tobytes())
    await socket.send_bytes((-FRAME).tobytes())
    first, second = await ear.heard(), await ear.heard()
    assert first.dtype == np.int16
    assert first.tolist() == FRAME.tolist()
    assert second.tolist() == (-FRAME).tolist()
    await socket.close()


async def test_asterisks_texts_are_no_audio(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    await socket.send_str("MEDIA_START connection_id:x channel_id:y format:slin optimal_frame_size:320 ptime:20")
    await socket.send_bytes(FRAME.tobytes())
    assert (await ear.heard()).tolist() == FRAME.tolist()
    await socket.close()


@pytest.mark.parametrize("odd", [b"\x01", b"\x01" * 319, b""])
async def test_a_frame_of_half_a_sample_is_ignored_and_the_next_one_is_not(
    listener: TapListener, asterisk: Asterisk, odd: bytes
) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    await socket.send_bytes(odd)
    await socket.send_bytes(FRAME.tobytes())
    assert (await ear.heard()).tolist() == FRAME.tolist()
    assert ear.audio.empty()
    assert ear.lost.empty()
    await socket.close()


async def test_no_other_protocol_is_agreed_to(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token, protocols=())
    assert socket.protocol is None
    await socket.send_bytes(FRAME.tobytes())
    assert (await ear.heard()).tolist() == FRAME.tolist()
    await socket.close()


async def test_a_ping_is_answered(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token, autoping=False)
    await socket.ping(b"there?")
    async with asyncio.timeout(PATIENCE_S):
        answer = await socket.receive()
    assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"there?")
    await socket.close()


async def test_what_was_heard_stays_as_it_was(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    for number in range(100):
        await socket.send_bytes(np.full(160, number, "<i2").tobytes())
    heard = [await ear.heard() for _ in range(100)]
    assert [np.unique(one).tolist() for one in heard] == [[number] for number in range(100)]
    await socket.close()


async def test_two_connections_do_not_mix(listener: TapListener, asterisk: Asterisk) -> None:
    one, other = Ear(listener), Ear(listener)
    # They come in the other order than they were expected in.
    second, first = await asterisk.connect(other.expected.token), await asterisk.connect(one.expected.token)
    await first.send_bytes(np.full(160, 1, "<i2").tobytes())
    await second.send_bytes(np.full(160, 2, "<i2").tobytes())
    assert (await one.heard())[0] == 1
    assert (await other.heard())[0] == 2
    await first.close()
    await second.close()


# -- who may come -----------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "guessed", "é\x00"])
async def test_an_unknown_token_is_refused(listener: TapListener, asterisk: Asterisk, token: str | None) -> None:
    ear = Ear(listener)
    assert await asterisk.refusal(token) == 403
    assert listener.live == 0
    assert not ear.expected.connected.is_set()


async def test_a_token_works_once(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    await ear.connected()
    assert await asterisk.refusal(ear.expected.token) == 403
    await socket.close()
    await ear.loss()
    assert await asterisk.refusal(ear.expected.token) == 403


async def test_a_token_that_was_forgotten_does_not_work(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    await listener.forget(ear.expected)
    assert await asterisk.refusal(ear.expected.token) == 403


def test_tokens_cannot_be_guessed() -> None:
    listener = TapListener("127.0.0.1", 1, most=1)
    tokens = {Ear(listener).expected.token for _ in range(100)}
    assert len(tokens) == 100
    assert min(len(token) for token in tokens) >= 24  # 18 random bytes


async def test_above_the_ceiling_a_connection_is_refused_until_another_has_gone(
    listener: TapListener, asterisk: Asterisk
) -> None:
    ears = [Ear(listener) for _ in range(MOST + 1)]
    sockets = [await asterisk.connect(ear.expected.token) for ear in ears[:MOST]]
    assert await asterisk.refusal(ears[MOST].expected.token) == 503
    assert listener.live == MOST
    await sockets[0].close()
    await ears[0].loss()
    # Its token was not used up by the refusal.
    sockets.append(await asterisk.connect(ears[MOST].expected.token))
    await ears[MOST].connected()
    assert listener.live == MOST
    for socket in sockets:
        await socket.close()


async def test_the_ceiling_holds_for_those_who_come_together(listener: TapListener, asterisk: Asterisk) -> None:
    ears = [Ear(listener) for _ in range(5 * MOST)]
    results = await asyncio.gather(*(asterisk.connect(ear.expected.token) for ear in ears), return_exceptions=True)
    sockets = [one for one in results if isinstance(one, aiohttp.ClientWebSocketResponse)]
    refused = [one.status for one in results if isinstance(one, aiohttp.WSServerHandshakeError)]
    assert len(sockets) == MOST
    assert refused == [503] * (4 * MOST)
    for socket in sockets:
        await socket.close()


async def test_a_request_that_is_no_websocket_takes_no_place(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    assert await asterisk.get(ear.expected.token) == 400
    assert listener.live == 0
    assert ear.lost.empty(), "what never connected is not lost"


async def test_a_request_for_something_else_takes_no_place(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    assert await asterisk.get(ear.expected.token, "/else") == 404
    assert listener.live == 0
    socket = await asterisk.connect(ear.expected.token)
    await ear.connected()
    await socket.close()


async def test_compression_is_not_agreed_to(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token, compress=15)
    assert socket.compress == 0
    await socket.close()


# -- the end ----------------------------------------------------------------------------------------


async def test_a_connection_that_asterisk_closes_is_lost_once(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    await socket.close()
    assert await ear.loss() == "Asterisk closed the connection"
    assert listener.live == 0
    await listener.forget(ear.expected)
    await listener.stop()
    assert ear.lost.empty()


async def raw(port: int, ear: Ear) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which anything can be sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /tap?token={ear.expected.token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    await ear.connected()
    return reader, writer


async def test_a_connection_that_is_cut_is_lost_once(listener: TapListener, port: int) -> None:
    ear = Ear(listener)
    _, writer = await raw(port, ear)
    writer.transport.abort()
    await ear.loss()
    assert listener.live == 0
    await listener.stop()
    assert ear.lost.empty()


async def test_a_connection_that_we_forget_is_closed_and_lost_once(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    await ear.connected()
    closing = asyncio.create_task(listener.forget(ear.expected))
    async with asyncio.timeout(PATIENCE_S):
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        await closing
    await ear.loss()
    assert listener.live == 0
    assert ear.lost.empty()


async def test_a_frame_just_below_the_biggest_size_is_taken(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    await socket.send_bytes(bytes(BIGGEST_FRAME - 2))
    assert (await ear.heard()).size == BIGGEST_FRAME // 2 - 1
    await socket.close()


async def test_a_bigger_frame_ends_the_connection(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    await socket.send_bytes(bytes(BIGGEST_FRAME + 2))
    async with asyncio.timeout(PATIENCE_S):
        frame = await socket.receive()
    assert frame.type is aiohttp.WSMsgType.CLOSE
    assert frame.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert (await ear.loss()).startswith("protocol error:")
    assert ear.audio.empty()
    assert listener.live == 0


MASK = b"\x80\x00\x00\x00\x00"  # an empty frame with a mask of zeros


@pytest.mark.parametrize(
    "frame",
    [
        b"\x02" + MASK,  # the first piece of a message
        b"\x80" + MASK,  # a last piece without a first
        b"\xc2" + MASK,  # compressed
        b"\x83" + MASK,  # an opcode that does not exist
        b"\x82\x00",  # not masked
        b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff",  # of 2^64 bytes
    ],
)
async def test_a_frame_that_cannot_be_read_ends_the_connection(listener: TapListener, port: int, frame: bytes) -> None:
    ear = Ear(listener)
    reader, writer = await raw(port, ear)
    writer.write(frame)
    async with asyncio.timeout(PATIENCE_S):
        assert (await reader.read())[:1] == b"\x88", "a close frame, then the end"
    assert (await ear.loss()).startswith("protocol error:")
    assert ear.audio.empty()
    assert ear.lost.empty()
    assert listener.live == 0
    writer.close()
    await writer.wait_closed()


async def test_who_does_not_read_the_answers_to_its_pings_is_cut(listener: TapListener, port: int) -> None:
    ear = Ear(listener)
    _, writer = await raw(port, ear)
    writer.transport.pause_reading()
    ping = b"\x89\xfd\x00\x00\x00\x00" + bytes(125)

    async def flood() -> None:
        while True:
            writer.write(ping * 1000)
            await writer.drain()

    flooding = asyncio.create_task(flood())
    assert await ear.loss() == "Asterisk does not read"
    assert listener.live == 0
    flooding.cancel()
    await asyncio.wait({flooding})
    flooding.cancelled() or flooding.exception()
    writer.transport.abort()


async def test_a_fault_of_ours_ends_the_connection_and_is_logged(listener: TapListener, asterisk: Asterisk) -> None:
    ear = Ear(listener)

    def fail(_: np.ndarray) -> None:
        raise ValueError("of ours")

    ear.expected.on_audio = fail
    socket = await asterisk.connect(ear.expected.token)
    with capture_logs() as logged:
        await socket.send_bytes(FRAME.tobytes())
        async with asyncio.timeout(PATIENCE_S):
            frame = await socket.receive()
    assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.INTERNAL_ERROR)
    assert [(one["event"], one["exc_info"]) for one in logged] == [("tap_broken", True)]
    assert await ear.loss() == "the engine failed"


async def test_a_connection_without_audio_is_ended(
    listener: TapListener, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "IDLE_S", 0.05)
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)
    async with asyncio.timeout(PATIENCE_S):
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert (await ear.loss()).startswith("no audio for")
    assert listener.live == 0
    assert ear.lost.empty()


@pytest.mark.parametrize("noise", ["text", "odd frames", "pings"])
async def test_what_is_no_audio_does_not_keep_a_connection_open(
    listener: TapListener, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch, noise: str
) -> None:
    monkeypatch.setattr(listener_module, "IDLE_S", 0.1)
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token)

    async def babble() -> None:
        while True:
            if noise == "text":
                await socket.send_str("STATUS")
            elif noise == "pings":
                await socket.ping()
            else:
                await socket.send_bytes(b"\x00")
            await asyncio.sleep(0)

    babbling = asyncio.create_task(babble())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
                pass
        assert (await ear.loss()).startswith("no audio for")
    finally:
        babbling.cancel()
        await asyncio.wait({babbling})
        babbling.cancelled() or babbling.exception()


async def test_a_peer_that_does_not_answer_the_close_is_given_up(
    listener: TapListener, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "IDLE_S", 0.05)
    monkeypatch.setattr(listener_module, "CLOSE_TIMEOUT_S", 0.05)
    ear = Ear(listener)
    socket = await asterisk.connect(ear.expected.token, autoclose=False)
    # Nobody reads on this side, so the close is never answered.
    assert (await ear.loss()).startswith("no audio for")
    assert listener.live == 0
    await socket.close()


async def test_when_it_stops_every_connection_ends(port: int) -> None:
    listener = TapListener("127.0.0.1", port, most=MOST)
    await listener.start()
    ears = [Ear(listener) for _ in range(MOST)]
    async with aiohttp.ClientSession() as session:
        asterisk = Asterisk(port, session)
        sockets = [await asterisk.connect(ear.expected.token) for ear in ears]
        for ear in ears:
            await ear.connected()
        reading = [asyncio.create_task(socket.receive()) for socket in sockets]
        async with asyncio.timeout(PATIENCE_S):
            await listener.stop()
            frames = await asyncio.gather(*reading)
        assert {frame.type for frame in frames} == {aiohttp.WSMsgType.CLOSE}
        for ear in ears:
            await ear.loss()
            assert ear.lost.empty()
        assert listener.live == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await asterisk.connect("any")


async def test_when_it_stops_who_has_asked_for_nothing_is_put_out(port: int) -> None:
    listener = TapListener("127.0.0.1", port, most=MOST)
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ear = Ear(listener)
    _, other = await raw(port, ear)  # so the first has been accepted by now
    async with asyncio.timeout(PATIENCE_S):
        other.transport.abort()
        await listener.stop()
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_port_that_is_taken_is_told(port: int, listener: TapListener) -> None:  # noqa: ARG001
    other = TapListener("127.0.0.1", port, most=1)
    try:
        with pytest.raises(OSError, match="address already in use"):
            await other.start()
    finally:
        await other.stop()
