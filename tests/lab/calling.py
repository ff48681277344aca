"""Ordering unattended drops from a bench's engine, and what holds of every one of them."""

from __future__ import annotations

from typing import Any

from tests.lab.conftest import Bench, show
from voicedrop import config, ordering
from voicedrop.lab import recordings
from voicedrop.lab.judge import judge, load
from voicedrop.lab.played import message_file
from voicedrop.policy.settings import Method

OPEN: dict[str, Any] = {
    "policy": {
        "allowed_hours": ["00:00-24:00"],
        "day_parts": [],
        "caps": {"day": 100, "three_days": 100, "seven_days": 100},
        "spacing_h": 0,
        "consent_for": [],
        "callback_number": False,
        "caller_ids": ["+12025550199"],
        "two_call": {"enabled": True},
    },
    "unattended": {"calls_per_second": 20.0},
}
"""A policy that lets everything through: these tests are about calls."""


async def order(bench: Bench, number: str, method: Method, label: str = "short") -> str:
    """Put it into the engine's queue; the drop's id."""
    return await ordering.order(config.load(bench.engine.config), number, label, method)


async def receipt_of(bench: Bench, drop: str, *, wait_s: float = 60.0) -> dict[str, Any]:
    """The receipt of a drop; there is exactly one."""
    found = await bench.until(
        lambda: [one for one in bench.receipts() if one["drop"] == drop] or None, f"a receipt of {drop}", wait_s
    )
    assert len(found) == 1
    return dict(found[0])


def humans_heard(bench: Bench, number: str, label: str = "short") -> int:
    """How many blocks of the message were said in calls to this number that no mailbox took."""
    message = load(message_file(bench.site, label))
    heard = 0
    for call in recordings.calls_to(bench.site, number):
        mailbox = any(name.split()[0] in ("voicemail", "record") for _, name in call.marks)
        if not mailbox and call.heard.is_file():
            found = judge(message, load(call.heard))
            heard += found.blocks_found + found.fragments
    return heard


async def settled(bench: Bench, number: str, drop: str) -> dict[str, Any]:
    """The receipt, once every call to the number has ended; and what holds whatever happened."""
    receipt = await receipt_of(bench, drop)
    await bench.nothing_left()
    await bench.until(
        lambda: all(call.ended for call in recordings.calls_to(bench.site, number)), f"the end of calls to {number}", 10
    )
    assert humans_heard(bench, number) == 0, show(receipt)
    assert receipt["attempt"]["retry"] in ("no", "later", "at another time of day"), show(receipt)
    return receipt
