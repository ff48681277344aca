"""The smallest path there is: a leg straight from the dialplan into the drop."""

from __future__ import annotations

from tests.lab.conftest import Bench, number_of, show


async def test_a_leg_from_the_dialplan_leaves_the_whole_message(bench: Bench) -> None:
    number = number_of("mailbox")
    await bench.pbx.originate_into(
        f"PJSIP/{number}@carrier", context="lab-direct", extension="1", channel_id=f"direct-{number}"
    )
    delivery = await bench.delivery(number)
    assert delivery.whole, delivery
    receipt = (await bench.until(bench.receipts, "the receipt"))[-1]
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["cue"] == "beep"
    assert abs(receipt["beep"]["frequencies_hz"][0] - 700) < 15
    await bench.nothing_left()
