"""Tasks that end together, even those that lose a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from voicedrop import tasks
from voicedrop.tasks import beside


class Fault(Exception):
    pass


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise Fault


async def test_the_others_run_as_long_as_the_work() -> None:
    ended: list[str] = []

    async def other() -> None:
        try:
            await for_ever()
        finally:
            ended.append("other")

    async def work() -> None:
        await asyncio.sleep(0)

    await beside(work(), {"other": other()})
    assert ended == ["other"]


@pytest.mark.parametrize("at_fault", ["work", "other"])
async def test_the_first_fault_ends_all(at_fault: str) -> None:
    work, other = (fails(), for_ever()) if at_fault == "work" else (for_ever(), fails())
    with pytest.raises(Fault):
        await beside(work, {"other": other})
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_task_that_loses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_S", 0.01)
    lost = 0

    async def loses_two() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await for_ever()
            except asyncio.CancelledError:
                lost += 1
        await for_ever()

    with pytest.raises(Fault):
        await beside(fails_after_a_turn(), {"loses": loses_two()})
    assert lost == 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def fails_after_a_turn() -> None:
    await asyncio.sleep(0)
    raise Fault
