"""When a call may be begun, and what Asterisk's events say of a leg."""

from __future__ import annotations

import pytest

from voicedrop.ari.events import AriEvent, ChannelDestroyed, ChannelState, DialProgress, StasisStart
from voicedrop.call import pair
from voicedrop.dialer.order import Order
from voicedrop.dialer.pace import Pace
from voicedrop.dialer.place import told
from voicedrop.policy.settings import Method

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
    assert [pace.take() for _ in range(3)] == [0.0, 0.5, 1.0]
    now = 110.0
    assert pace.take() == 0.0


def test_an_order_survives_being_a_job() -> None:
    order = Order(drop="d", number="+12025550100", message_id="m", method=Method.TWO_CALL, actor="cli", ref="crm-7")
    assert Order.of(order.arguments()) == order
    with pytest.raises(TypeError):
        Order.of({**order.arguments(), "strange": 1})
    with pytest.raises(ValueError, match="fax"):
        Order.of({**order.arguments(), "method": "fax"})
