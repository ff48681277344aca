"""The REST client against a scripted Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from ports import free_port
from scripted_ari import PASSWORD, USERNAME, Request, ScriptedAri, scripted_ari

from voicedrop.ari.client import AriClient
from voicedrop.errors import AriError, AriRefused, AriUnreachable, Gone, NotInStasis


@pytest.fixture
async def server() -> AsyncIterator[ScriptedAri]:
    async with scripted_ari() as one:
        yield one


@pytest.fixture
async def ari(server: ScriptedAri) -> AsyncIterator[AriClient]:
    async with AriClient(server.url, USERNAME, PASSWORD) as one:
        yield one


# -- what a refusal means ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AriError),
        (401, AriRefused),
        (403, AriRefused),
        (404, Gone),
        (409, NotInStasis),
        (412, NotInStasis),
        (422, NotInStasis),
        (500, AriError),
        (503, AriError),
    ],
)
async def test_each_status_has_its_own_error(
    server: ScriptedAri, ari: AriClient, status: int, kind: type[AriError]
) -> None:
    server.answers["POST channels/c1/answer"] = (status, {"message": "Asterisk says why"})
    with pytest.raises(AriError) as caught:
        await ari.answer("c1")
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert str(caught.value) == f'POST channels/c1/answer: {status} {{"message": "Asterisk says why"}}'


async def test_a_long_refusal_is_cut(server: ScriptedAri, ari: AriClient) -> None:
    server.answers["POST channels/c1/answer"] = (500, "x" * 5000)
    with pytest.raises(AriError) as caught:
        await ari.answer("c1")
    assert len(str(caught.value)) < 400


async def test_a_wrong_login_is_refused(server: ScriptedAri) -> None:
    async with AriClient(server.url, USERNAME, "wrong") as ari:
        with pytest.raises(AriRefused) as caught:
            await ari.info()
    assert caught.value.status == 401
    assert "wrong" not in str(caught.value)


async def test_no_answer_within_the_deadline_is_unreachable(server: ScriptedAri) -> None:
    server.silent.add("GET asterisk/info")
    async with AriClient(server.url, USERNAME, PASSWORD, timeout_s=0.05) as ari:
        with pytest.raises(AriUnreachable, match=r"GET asterisk/info: Asterisk at http://127.* does not answer"):
            await ari.info()
    assert len(server.requests) <= 1  # none on a machine too busy to connect in time; it is never asked again


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    async with AriClient(f"http://127.0.0.1:{free_port()}", USERNAME, PASSWORD) as ari:
        with pytest.raises(AriUnreachable):
            await ari.info()


async def test_a_server_that_dies_in_the_middle_of_an_answer_is_unreachable() -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(die, "127.0.0.1", 0)
    async with server, AriClient("http://{}:{}".format(*server.sockets[0].getsockname()), USERNAME, PASSWORD) as ari:
        with pytest.raises(AriUnreachable):
            await ari.channels()


async def test_an_answer_that_is_no_json_is_an_error(server: ScriptedAri, ari: AriClient) -> None:
    server.answers["GET channels"] = (200, b"[{")
    with pytest.raises(AriError, match="GET channels: the answer is no JSON"):
        await ari.channels()


async def test_another_servers_page_is_an_error(server: ScriptedAri, ari: AriClient) -> None:
    server.answers["GET channels"] = (200, "<html>a proxy's page</html>")
    with pytest.raises(AriError):
        await ari.channels()


async def test_it_works_only_while_it_is_open() -> None:
    ari = AriClient("http://127.0.0.1:1", USERNAME, PASSWORD)
    with pytest.raises(RuntimeError, match="outside its `async with`"):
        await ari.info()


# -- what has gone already --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("channels/x", lambda ari: ari.hang_up("x")),
        ("playbacks/x", lambda ari: ari.stop_playback("x")),
        ("bridges/x", lambda ari: ari.destroy_bridge("x")),
    ],
)
async def test_ending_what_has_gone_is_a_success_and_any_other_refusal_is_none(
    server: ScriptedAri, ari: AriClient, path: str, end: Callable[[AriClient], Awaitable[None]]
) -> None:
    server.answers[f"DELETE {path}"] = (404, {"message": "not found"})
    await end(ari)
    server.answers[f"DELETE {path}"] = (409, {"message": "not in Stasis"})
    with pytest.raises(NotInStasis):
        await end(ari)
    assert [one.method for one in server.requests] == ["DELETE", "DELETE"]


async def test_asking_for_what_has_gone_is_an_error(server: ScriptedAri, ari: AriClient) -> None:
    server.answers["GET playbacks/p1"] = (404, {"message": "Playback not found"})
    with pytest.raises(Gone):
        await ari.playback("p1")


async def test_a_variable_that_is_not_set_is_empty_and_a_channel_that_has_gone_is_not(
    server: ScriptedAri, ari: AriClient
) -> None:
    path = "GET channels/c1/variable"
    server.answers[path] = (200, {"value": "PJSIP/agent"})
    assert await ari.get_variable("c1", "VOICEDROP_AGENT") == "PJSIP/agent"
    server.answers[path] = (404, {"message": "Provided variable was not found"})
    assert await ari.get_variable("c1", "VOICEDROP_AGENT") == ""
    server.answers[path] = (404, {"message": "Channel not found"})
    with pytest.raises(Gone):
        await ari.get_variable("c1", "VOICEDROP_AGENT")


# -- what is asked for ------------------------------------------------------------------------------

Call = Callable[[AriClient], Awaitable[Any]]
REQUESTS: list[tuple[Call, Request]] = [
    (
        lambda ari: ari.create_channel(
            "PJSIP/+1@trunk", app="voicedrop", channel_id="vd.1", originator="a.1", app_args="x"
        ),
        Request(
            "POST",
            "channels/create",
            {
                "endpoint": "PJSIP/+1@trunk",
                "app": "voicedrop",
                "channelId": "vd.1",
                "originator": "a.1",
                "appArgs": "x",
            },
            None,
        ),
    ),
    (
        lambda ari: ari.dial("vd.1", timeout_s=60, caller="a.1"),
        Request("POST", "channels/vd.1/dial", {"timeout": "60", "caller": "a.1"}, None),
    ),
    (lambda ari: ari.hang_up("vd.1", cause=16), Request("DELETE", "channels/vd.1", {"reason_code": "16"}, None)),
    (lambda ari: ari.hang_up("vd.1"), Request("DELETE", "channels/vd.1", {}, None)),
    (
        lambda ari: ari.move("vd.1", app="voicedrop-drop", app_args="drop,1"),
        Request("POST", "channels/vd.1/move", {"app": "voicedrop-drop", "appArgs": "drop,1"}, None),
    ),
    (
        lambda ari: ari.continue_dialplan("vd.1", context="c", extension="s", priority=1),
        Request("POST", "channels/vd.1/continue", {"context": "c", "extension": "s", "priority": "1"}, None),
    ),
    (lambda ari: ari.continue_dialplan("vd.1"), Request("POST", "channels/vd.1/continue", {}, None)),
    (
        lambda ari: ari.send_dtmf("vd.1", "12#"),
        Request("POST", "channels/vd.1/dtmf", {"dtmf": "12#", "duration": "100", "between": "100"}, None),
    ),
    (lambda ari: ari.start_silence("vd.1"), Request("POST", "channels/vd.1/silence", {}, None)),
    (
        lambda ari: ari.set_variable("vd.1", "TIMEOUT(absolute)", "300"),
        Request("POST", "channels/vd.1/variable", {"variable": "TIMEOUT(absolute)", "value": "300"}, None),
    ),
    (
        lambda ari: ari.create_bridge("b1", bridge_type="mixing,dtmf_events"),
        Request("POST", "bridges/b1", {"type": "mixing,dtmf_events"}, None),
    ),
    (
        lambda ari: ari.add_to_bridge("b1", "a.1", absorb_dtmf=True),
        Request("POST", "bridges/b1/addChannel", {"channel": "a.1", "absorbDTMF": "true"}, None),
    ),
    (
        lambda ari: ari.add_to_bridge("b1", "vd.1"),
        Request("POST", "bridges/b1/addChannel", {"channel": "vd.1"}, None),
    ),
    (
        lambda ari: ari.play("vd.1", "sound:/m/a b", playback_id="p1"),
        Request("POST", "channels/vd.1/play", {"media": "sound:/m/a b", "playbackId": "p1"}, None),
    ),
    (
        lambda ari: ari.snoop("vd.1", app="voicedrop", snoop_id="s1", app_args="tap"),
        Request(
            "POST", "channels/vd.1/snoop", {"spy": "in", "app": "voicedrop", "snoopId": "s1", "appArgs": "tap"}, None
        ),
    ),
    (
        lambda ari: ari.external_media(
            channel_id="m1", app="voicedrop", client="voicedrop-tap", media_format="slin", token="t-_0"
        ),
        Request(
            "POST",
            "channels/externalMedia",
            {
                "channelId": "m1",
                "app": "voicedrop",
                "external_host": "voicedrop-tap",
                "transport": "websocket",
                "encapsulation": "none",
                "connection_type": "client",
                "format": "slin",
                "transport_data": "v(token=t-_0)",
            },
            None,
        ),
    ),
    (
        lambda ari: ari.subscribe("voicedrop-drop", "channel:vd.1"),
        Request("POST", "applications/voicedrop-drop/subscription", {"eventSource": "channel:vd.1"}, None),
    ),
    (
        lambda ari: ari.drop_events("voicedrop", ["ChannelVarset", "ChannelDialplan"]),
        Request(
            "PUT",
            "applications/voicedrop/eventFilter",
            {},
            {"disallowed": [{"type": "ChannelVarset"}, {"type": "ChannelDialplan"}]},
        ),
    ),
]


@pytest.mark.parametrize(("call", "request_"), REQUESTS, ids=lambda one: one.path if isinstance(one, Request) else "")
async def test_a_request_is_made_as_asterisk_wants_it(
    server: ScriptedAri, ari: AriClient, call: Call, request_: Request
) -> None:
    server.answers[f"{request_.method} {request_.path}"] = (200, {"id": "x"})
    await call(ari)
    assert server.requests == [request_]


async def test_answers_are_read(server: ScriptedAri, ari: AriClient) -> None:
    server.answers["GET channels"] = (200, [{"id": "a"}, {"id": "b"}])
    server.answers["GET asterisk/modules"] = (
        200,
        [{"name": "res_ari.so", "status": "Running"}, {"name": "chan_websocket.so", "status": "Not Running"}],
    )
    server.answers["POST channels/c1/play"] = (201, {"id": "p1", "state": "queued"})
    assert [one["id"] for one in await ari.channels()] == ["a", "b"]
    assert await ari.modules() == {"res_ari.so": "Running", "chan_websocket.so": "Not Running"}
    assert (await ari.play("c1", "sound:x", playback_id="p1"))["state"] == "queued"


async def test_a_slash_behind_the_address_does_no_harm(server: ScriptedAri) -> None:
    server.answers["GET asterisk/info"] = (200, {"system": {"version": "22.10.1"}})
    async with AriClient(f"{server.url}/", USERNAME, PASSWORD) as ari:
        assert (await ari.info())["system"]["version"] == "22.10.1"
