"""Idempotency-Key: a request that is repeated is carried out once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.web import sounds
from tests.web.conftest import World
from tests.web.test_api_uploads import form
from voicedrop.control import Refused

KEY = {"Idempotency-Key": "order-66"}


async def test_a_repeated_drop_starts_once(world: World) -> None:
    body = {"call_id": world.engine.call("ann"), "slot": 1}
    first = await world.as_("ann").post("/v1/drops", json=body, headers=KEY)
    again = await world.as_("ann").post("/v1/drops", json=body, headers=KEY)
    assert (first.status, first.json()) == (again.status, again.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert len(world.engine.started) == 1


async def test_the_key_of_another_request_is_refused(world: World) -> None:
    call = world.engine.call("ann")
    await world.as_("ann").post("/v1/drops", json={"call_id": call, "slot": 1}, headers=KEY)
    other = await world.as_("ann").post("/v1/drops", json={"call_id": call, "slot": 2}, headers=KEY)
    assert other.code == "idempotency_key_reused"
    elsewhere = await world.as_("ann").post("/v1/suppression", json={"pattern": "+15551230000"}, headers=KEY)
    assert elsewhere.code == "idempotency_key_reused"
    # Another token's keys are its own.
    mine = await world.as_("rose").post("/v1/suppression", json={"pattern": "+15551230000"}, headers=KEY)
    assert mine.status == 200


async def test_while_the_first_is_under_way_the_second_waits(world: World) -> None:
    body = {"call_id": world.engine.call("ann"), "slot": 1}
    entered, leave = asyncio.Event(), asyncio.Event()
    start = world.engine.drop_on_call

    async def slow(*args: Any, **more: Any) -> str:
        entered.set()
        await leave.wait()
        return await start(*args, **more)

    world.engine.drop_on_call = slow
    first = asyncio.create_task(world.as_("ann").post("/v1/drops", json=body, headers=KEY))
    await entered.wait()
    second = await world.as_("ann").post("/v1/drops", json=body, headers=KEY)
    assert second.code == "in_progress"
    leave.set()
    assert (await first).status == 201
    assert len(world.engine.started) == 1


async def test_ten_at_once_start_one(world: World) -> None:
    body = {"call_id": world.engine.call("ann"), "slot": 1}
    answers = await asyncio.gather(*(world.as_("ann").post("/v1/drops", json=body, headers=KEY) for _ in range(10)))
    assert {one.status for one in answers} <= {201, 409}
    assert len(world.engine.started) == 1


async def test_a_refusal_is_an_answer_too(world: World) -> None:
    body = {"call_id": world.engine.call("ann"), "slot": 1}
    world.engine.refusal = Refused("suppressed", "This number is on the suppression list.")
    first = await world.as_("ann").post("/v1/drops", json=body, headers=KEY)
    assert (first.code, first.json()["rule"]) == ("refused", "suppressed")
    world.engine.refusal = None
    again = await world.as_("ann").post("/v1/drops", json=body, headers=KEY)
    assert again.json() == first.json()
    assert world.engine.started == []


async def test_a_fault_of_ours_may_be_tried_again(world: World) -> None:
    body = {"call_id": world.engine.call("ann"), "slot": 1}
    start = world.engine.drop_on_call

    async def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("a fault")

    world.engine.drop_on_call = broken
    assert (await world.as_("ann").post("/v1/drops", json=body, headers=KEY)).code == "fault"
    world.engine.drop_on_call = start
    assert (await world.as_("ann").post("/v1/drops", json=body, headers=KEY)).status == 201


async def test_an_upload_is_repeated_by_its_content(world: World) -> None:
    given = {"label": "once"}
    first = await world.as_("ann").post("/v1/messages", data=form(sounds.file(), given), headers=KEY)
    again = await world.as_("ann").post("/v1/messages", data=form(sounds.file(), given), headers=KEY)
    other = await world.as_("ann").post("/v1/messages", data=form(sounds.file(seed=2), given), headers=KEY)
    assert first.json() == again.json()
    assert other.code == "idempotency_key_reused"
    assert len((await world.as_("ann").get("/v1/messages?search=once")).json()["items"]) == 1


async def test_a_secret_is_not_kept_for_a_repetition(world: World) -> None:
    body = {"label": "x", "role": "admin"}
    first = await world.as_("admin").post("/v1/tokens", json=body, headers=KEY)
    again = await world.as_("admin").post("/v1/tokens", json=body, headers=KEY)
    assert (first.status, again.code) == (201, "in_progress")
    async with world.database.transaction() as connection:
        rows = await (await connection.execute("SELECT answer::text FROM idempotency")).fetchall()
    assert not any(first.json()["token"] in row["answer"] for row in rows)


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ä"])
async def test_a_key_is_printable_and_short(world: World, key: str) -> None:
    answer = await world.as_("ann").post(
        "/v1/drops", json={"call_id": "x", "slot": 1}, headers={"Idempotency-Key": key}
    )
    assert answer.code == "invalid"
