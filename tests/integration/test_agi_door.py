"""The AGI door on a real port: what Asterisk would say, and what it never would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from voicedrop.agi import door as module
from voicedrop.agi.door import AgiDoor
from voicedrop.agi.session import BIGGEST_REQUEST, Request
from voicedrop.config import Settings
from voicedrop.control import Refused
from voicedrop.engine import dialled
from voicedrop.engine.asking import Asker, Granted, Wish
from voicedrop.engine.dialled import DialDoor, Grants
from voicedrop.engine.engine import Engine
from voicedrop.engine.services import Services
from voicedrop.model import Message

GREETING = (
    "agi_network: yes\nagi_network_script: drop\nagi_request: agi://127.0.0.1/drop\nagi_channel: PJSIP/2001-1\n"
    "agi_arg_1: 1\nagi_arg_2: 2001\nagi_arg_3: +12025550123\n\n"
)


@contextlib.asynccontextmanager
async def opened(answers: Mapping[str, str] | None = None) -> AsyncIterator[tuple[AgiDoor, list[Request]]]:
    asked: list[Request] = []

    async def answer(request: Request) -> Mapping[str, str]:
        asked.append(request)
        if answers is None:
            raise RuntimeError("a fault of ours")
        return answers

    door = AgiDoor("127.0.0.1", 0, answer)
    await door.start()
    try:
        yield door, asked
    finally:
        await door.stop()


async def connected(door: AgiDoor) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", door.port)


async def the_end(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        return await reader.read()


async def test_a_question_is_answered_by_variables_and_the_end() -> None:
    async with opened({"VOICEDROP_MEDIA": "/lab/m", "VOICEDROP_ANSWER": "yes"}) as (door, asked):
        reader, writer = await connected(door)
        writer.write(GREETING.encode())
        assert await reader.readline() == b'SET VARIABLE VOICEDROP_MEDIA "/lab/m"\n'
        writer.write(b"200 result=1\n")
        assert await reader.readline() == b'SET VARIABLE VOICEDROP_ANSWER "yes"\n'
        writer.write(b"200 result=1\n")
        assert await the_end(reader) == b""
        assert asked == [Request("drop", ("1", "2001", "+12025550123"))]
        writer.close()


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HTTP/1.1\r\n", b"agi_network: yes\nagi_arg_1", b"a" * 4000 + b"\n\n", b"a: b\n" * BIGGEST_REQUEST],
    ids=["nothing", "another protocol", "half a line", "a long line", "too much"],
)
async def test_what_is_no_question_gets_no_answer(said: bytes) -> None:
    async with opened({"VOICEDROP_ANSWER": "yes"}) as (door, asked):
        reader, writer = await connected(door)
        writer.write(said)
        writer.write_eof()
        with contextlib.suppress(ConnectionResetError):  # of what it had not read when it hung up
            assert await the_end(reader) == b""
        assert asked == []
        writer.close()


class Known:
    """What the engine holds in memory: one message, and an empty list."""

    suppresses, list_known = False, True

    def message(self, slot: int, agent: str) -> Message:  # noqa: ARG002
        return Message(slot=slot, label="one", file=Path(), media="/lab/m", duration_s=1, sha256="")

    def suppressed(self, number: str) -> None:  # noqa: ARG002
        return None


class Noted(Asker):
    """Does not write what was refused."""

    async def note(self, wish: Wish, refusal: Refused) -> None:
        pass


class AnEngine:
    def __init__(self, **policy: Any) -> None:
        self.catalogue = Known()
        self.settings = Settings.model_validate({"ari": {"password": "x"}, "policy": policy})
        self.asker = Noted(cast(Services, self), lambda: None)
        self.grants = Grants()
        self.services = SimpleNamespace(now=lambda: 0.0)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("+12025550100", "yes"),
        ("12025550100", "yes"),
        ("+12025550199", "caller_id"),
        ("", "caller_id"),
        (None, "caller_id"),
    ],
)
async def test_the_policy_hears_what_the_callee_was_shown(shown: str | None, expected: str) -> None:
    engine = AnEngine(attended=["caller_id"], caller_ids=["+12025550100"])
    asked = DialDoor(cast(Engine, engine))
    door = AgiDoor("127.0.0.1", 0, asked.answer)
    await door.start()
    try:
        reader, writer = await connected(door)
        writer.write((GREETING if shown is None else f"{GREETING[:-1]}agi_arg_4: {shown}\n\n").encode())
        said = {}
        while line := await asyncio.wait_for(reader.readline(), 10):
            _, _, name, value = line.decode().split()
            said[name] = value.strip('"')
            writer.write(b"200 result=1\n")
        assert said["VOICEDROP_ANSWER"] == expected
        assert said.get("VOICEDROP_MEDIA") == ("/lab/m" if expected == "yes" else None)
        # What was granted counts for the leg that arrives, once and for a while.
        leg = Wish(agent="2001", number="12025550123", door="dial", slot=1, caller_id="whatever")
        assert engine.grants.take(replace(leg, slot=2), 1.0) is None
        granted = engine.grants.take(leg, 1.0)
        assert (granted.message.media if granted else None) == said.get("VOICEDROP_MEDIA")
        assert engine.grants.take(leg, 1.0) is None
        writer.close()
    finally:
        await door.stop()
        await asked.settled()


def test_a_grant_does_not_last_and_they_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialled, "MOST_GRANTS", 2)
    grants = Grants()
    message = Known().message(1, "")
    legs = [Wish(agent=str(agent), number="+12025550123", door="dial", slot=1) for agent in range(3)]
    for leg in legs:
        grants.keep(leg, Granted(message=message, policy={}), 0.0)
    assert grants.take(legs[2], 0.0) is None  # there was no room
    assert grants.take(legs[0], dialled.GRANT_S - 0.1) is not None
    assert grants.take(legs[1], dialled.GRANT_S) is None
    grants.keep(legs[1], Granted(message=message, policy={}), 0.0)
    grants.keep(legs[2], Granted(message=message, policy={}), dialled.GRANT_S)  # what is over makes room
    grants.keep(legs[0], Granted(message=message, policy={}), dialled.GRANT_S)
    assert all(grants.take(leg, dialled.GRANT_S) for leg in (legs[2], legs[0]))


async def test_asterisk_that_does_not_take_the_answer_is_let_go() -> None:
    async with opened({"VOICEDROP_ANSWER": "yes"}) as (door, _):
        reader, writer = await connected(door)
        writer.write(GREETING.encode())
        await reader.readline()
        writer.write(b"511 Command Not Permitted on a dead channel\n")
        assert await the_end(reader) == b""
        writer.close()


async def test_a_peer_that_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEADLINE_S", 0.05)
    async with opened({"VOICEDROP_ANSWER": "yes"}) as (door, _):
        reader, writer = await connected(door)
        assert await the_end(reader) == b""
        writer.close()


async def test_a_fault_of_ours_closes_neither_the_door_nor_answers() -> None:
    async with opened() as (door, _):
        for _ in range(2):
            reader, writer = await connected(door)
            writer.write(GREETING.encode())
            assert await the_end(reader) == b""
            writer.close()


async def test_above_the_ceiling_connections_are_closed() -> None:
    async with opened({"VOICEDROP_ANSWER": "yes"}) as (door, _):
        silent = [await connected(door) for _ in range(module.AT_ONCE)]
        reader, writer = await connected(door)
        assert await the_end(reader) == b""
        for _, one in [*silent, (reader, writer)]:
            one.close()


async def test_a_stop_ends_who_is_connected() -> None:
    async with opened({"VOICEDROP_ANSWER": "yes"}) as (door, _):
        reader, writer = await connected(door)
        writer.write(GREETING.encode())
        await reader.readline()
        await door.stop()
        assert await the_end(reader) == b""
        writer.close()
