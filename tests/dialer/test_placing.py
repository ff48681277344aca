"""When a call may be begun, and what Asterisk's events say of a leg."""

from __future__ import annotations

import asyncio

import pytest

from voicedrop.ari.events import AriEvent, ChannelDestroyed, ChannelState, DialProgress, StasisStart
from voicedrop.call import pair
from voicedrop.dialer.order import Order
from voicedrop.dialer.pace import Pace
from voicedrop.dialer.place import told
from voicedrop.policy.settings import Method

PATIENCE_S = 10.0
IDLE = 10  # turns of the loop
ABOUT = {"about": ("vd.n1.d.first",), "stamp": ""}


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (ChannelState(**ABOUT, state="Ringing"), pair.Ringing(True)),
        (DialProgress(**ABOUT, status="RINGING"), pair.Ringing(True)),
        (DialProgress(**ABOUT, status="PROGRESS"), pair.Ringing(True, audio=True)),
        (ChannelState(**ABOUT, state="Up"), pair.Answered(True)),
        (ChannelDestroyed(**ABOUT, cause=17, tech_cause=486), pair.Gone(True, 17)),
        (ChannelState(**ABOUT, state="Down"), None),
        (DialProgress(**ABOUT, status=""), None),
        (StasisStart(**ABOUT, app="voicedrop", args=(), channel={"id": "vd.n1.d.first"}, replaces=""), None),
    ],
    ids=repr,
)
def test_what_an_event_says(event: AriEvent, says: pair.Event | None) -> None:
    assert told(event, first=True) == says


def test_calls_are_begun_one_behind_the_other() -> None:
    now = 100.0
    pace = Pace(2.0, lambda: now)
    assert [pace.take() for _ in range(3)] == [100.0, 100.5, 101.0]
    now = 110.0
    assert pace.take() == 110.0


async def test_a_turn_that_is_given_back_is_the_nexts() -> None:
    pace = Pace(0.001, lambda: 100.0)
    place = await pace.turn()
    waiting = [asyncio.create_task(pace.turn()) for _ in range(2)]
    assert [task.done() for task in await _run_until_idle(waiting)] == [False, False]
    pace.give_back(place)
    assert await asyncio.wait_for(waiting[0], PATIENCE_S) == place
    pace.give_back(place - 1000.0)  # a later one is taken: those who wait keep their places
    assert not (await _run_until_idle(waiting[1:]))[0].done()
    waiting[1].cancel()


async def _run_until_idle(tasks: list[asyncio.Task[float]]) -> list[asyncio.Task[float]]:
    """Let them come as far as they do without a timer."""
    for _ in range(IDLE):
        await asyncio.sleep(0)
    return tasks


def test_an_order_survives_being_a_job() -> None:
    order = Order(drop="d", number="+12025550100", message_id="m", method=Method.TWO_CALL, actor="cli", ref="crm-7")
    assert Order.of(order.arguments()) == order
    with pytest.raises(TypeError):
        Order.of({**order.arguments(), "strange": 1})
    with pytest.raises(ValueError, match="fax"):
        Order.of({**order.arguments(), "method": "fax"})
