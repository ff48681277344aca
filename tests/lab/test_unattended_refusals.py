"""The policy's no to unattended drops, on a real engine: nothing rings, the rule and the next time are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.lab.calling import OPEN, order, settled
from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop import config, ordering
from voicedrop.control import Refused
from voicedrop.lab import conf, recordings
from voicedrop.policy.settings import Method

BUSY, BUSY_ZONE = "busy", ZoneInfo("America/Chicago")
"""A subscriber whose call is over at once, and where its area code is."""
SPACING = timedelta(hours=24)


def _policy(**changes: Any) -> dict[str, Any]:
    return {**OPEN, "policy": {**OPEN["policy"], **changes}}


async def _taken_all_the_same(bench: Bench, number: str) -> str:
    """An order that was taken when the policy still allowed it; the drop's id."""
    file = conf.write_engine_config(bench.engine.config.with_name("open.yaml"), {**bench.engine.settings, **OPEN})
    return await ordering.order(config.load(file), number, "short", Method.SINGLE)


async def test_a_second_order_within_the_spacing_is_refused(make_bench: BenchMaker) -> None:
    bench: Bench = await make_bench(**_policy(spacing_h=24))
    number, before = number_of(BUSY), datetime.now(UTC)
    first = await order(bench, number, Method.SINGLE)
    second = await _taken_all_the_same(bench, number)
    assert (await settled(bench, number, first))["attempt"]["disposition"] == "busy"
    receipt = await settled(bench, number, second)
    assert receipt["outcome"] == "blocked", show(receipt)
    assert receipt["reason"].startswith("spacing: ")
    next_allowed = datetime.fromisoformat(receipt["policy"]["next_allowed"])
    assert before + SPACING <= next_allowed <= datetime.now(UTC) + SPACING
    with pytest.raises(Refused) as refused:
        await order(bench, number, Method.SINGLE)
    assert refused.value.rule == "spacing"
    assert f"Next allowed: {next_allowed:%Y-%m-%dT%H:%M}" in str(refused.value)
    assert len(recordings.calls_to(bench.site, number)) == 1
    assert len(bench.receipts()) == 2


async def test_outside_the_hours_nothing_rings(make_bench: BenchMaker) -> None:
    """An order that was taken within them comes up behind them."""
    later = datetime.now(BUSY_ZONE) + timedelta(hours=3)
    window = f"{later.hour:02d}:00-{later.hour + 1:02d}:00"
    bench: Bench = await make_bench(**_policy(allowed_hours=[window]))
    number = number_of(BUSY)
    with pytest.raises(Refused) as refused:
        await order(bench, number, Method.SINGLE)
    assert refused.value.rule == "hours"
    drop = await _taken_all_the_same(bench, number)
    receipt = await settled(bench, number, drop)
    assert (receipt["outcome"], receipt["policy"]["refused"]) == ("blocked", ["hours"]), show(receipt)
    assert datetime.fromisoformat(receipt["policy"]["next_allowed"]).astimezone(BUSY_ZONE).hour == later.hour
    assert recordings.calls_to(bench.site, number) == []
