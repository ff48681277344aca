"""The single method: one call with nobody on the line."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass

import aiohttp
import pytest

from tests.lab.calling import OPEN, order, receipt_of, settled
from tests.lab.conftest import BenchMaker, number_of, show
from tests.lab.test_service import Api, session
from voicedrop.policy.settings import Method

__all__ = ["session"]


async def test_a_mailbox_gets_the_whole_message(make_bench: BenchMaker) -> None:
    bench = await make_bench(**OPEN)
    number = number_of("mailbox")
    drop = await order(bench, number, Method.SINGLE)
    receipt = await settled(bench, number, drop)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["door"] == "unattended"
    assert receipt["attempt"]["disposition"] == "answered"
    assert receipt["attempt"]["retry"] == "no"
    assert receipt["policy"]["allowed"] is True
    assert (await bench.delivery(number, "short")).whole
    call = await bench.call_to(number)
    assert receipt["sip_call_id"] == call.sip_call_id
    assert call.caller_id == "+12025550199"


async def test_a_human_is_hung_up_on_and_hears_nothing(make_bench: BenchMaker) -> None:
    bench = await make_bench(**OPEN)
    number = number_of("human")
    drop = await order(bench, number, Method.SINGLE)
    receipt = await settled(bench, number, drop)
    assert receipt["outcome"] == "human_answered", show(receipt)
    assert receipt["verdict"]["answer"] == "human"
    assert receipt["attempt"]["retry"] == "at another time of day"


NOT_CONNECTED = {
    "busy": ("busy", "later"),
    "unallocated": ("failed", "no"),
    "sit-early": ("failed", "no"),
    "congested": ("congested", "later"),
    "no-answer": ("no_answer", "at another time of day"),
}


async def test_a_call_that_does_not_come_about(make_bench: BenchMaker, subtests: pytest.Subtests) -> None:
    """All of them at the same time, each at a number of its own."""
    bench = await make_bench(**{**OPEN, "unattended": {**OPEN["unattended"], "ring_timeout_s": 15}})
    numbers = {key: number_of(key) for key in NOT_CONNECTED}
    drops = {key: await order(bench, number, Method.SINGLE) for key, number in numbers.items()}
    for drop in drops.values():
        await receipt_of(bench, drop)
    for key, expected in NOT_CONNECTED.items():
        with subtests.test(key):
            receipt = await settled(bench, numbers[key], drops[key])
            assert receipt["outcome"] == "not_connected", show(receipt)
            assert (receipt["attempt"]["disposition"], receipt["attempt"]["retry"]) == expected, show(receipt)


@dataclass(frozen=True)
class Answered:
    """Who answers, what the ear makes of it, and what a drop comes to."""

    key: str
    answer: str
    reasons: tuple[str, ...]
    outcome: str
    retry: str


NO_MAILBOXES = (
    Answered("fax", "fax", ("fax_ced", "modem_answer"), "not_mailbox", "no"),
    Answered("sit", "announcement", ("sit",), "not_mailbox", "no"),
    Answered("reorder", "announcement", ("reorder",), "not_mailbox", "no"),
    Answered("silent", "silence", ("nothing",), "no_cue", "at another time of day"),
    # Its words would tell it from a mailbox without a beep; by sound it is not certain what it is.
    Answered("screening", "unsure", ("no_beep",), "no_cue", "at another time of day"),
)


async def test_who_answers_and_is_no_mailbox_hears_nothing(make_bench: BenchMaker, subtests: pytest.Subtests) -> None:
    """All of them at the same time, each at a number of its own."""
    bench = await make_bench(**OPEN)
    numbers = {one.key: number_of(one.key) for one in NO_MAILBOXES}
    drops = {key: await order(bench, number, Method.SINGLE) for key, number in numbers.items()}
    for drop in drops.values():
        await receipt_of(bench, drop)
    for one in NO_MAILBOXES:
        with subtests.test(one.key):
            receipt = await settled(bench, numbers[one.key], drops[one.key])
            assert receipt["outcome"] == one.outcome, show(receipt)
            assert receipt["verdict"]["answer"] == one.answer, show(receipt)
            assert receipt["verdict"]["reason"] in one.reasons, show(receipt)
            assert receipt["attempt"]["disposition"] == "answered"
            assert receipt["attempt"]["retry"] == one.retry, show(receipt)
            assert receipt["played_fraction"] == 0, show(receipt)
            assert (await bench.call_to(numbers[one.key])).heard.is_file()  # what `settled` looked for the message in


async def test_ordered_by_the_api_once_there_is_consent(make_bench: BenchMaker, session: aiohttp.ClientSession) -> None:
    bench = await make_bench(**{**OPEN, "policy": {**OPEN["policy"], "consent_for": ["all"]}})
    api, number = Api(bench, session), number_of("mailbox")
    messages = (await api.ask("GET", "/messages", status=200))["items"]
    message = next(one["id"] for one in messages if one["label"] == "short")
    wanted = {"to": number, "message_id": message, "method": "single", "ref": "crm-7"}
    refused = await api.ask("POST", "/drops", status=409, json=wanted)
    assert refused["rule"] == "consent"
    consent = {"basis": "express_written", "source": "a form", "evidence": "form-7", "given_at": "2026-01-02T03:04:05Z"}
    await api.ask("POST", "/consents", status=201, json={"number": number, **consent})
    drop = (await api.ask("POST", "/drops", status=202, json=wanted))["id"]
    receipt = await settled(bench, number, drop)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["ref"] == "crm-7"
    assert receipt["policy"]["consent"]["evidence"] == "form-7"
    assert (await bench.delivery(number, "short")).whole


async def test_the_command_waits_for_the_receipt(make_bench: BenchMaker) -> None:
    bench = await make_bench(**OPEN)
    number = number_of("line")
    words = ("drop", number, "--message", "short", "--method", "two_call", "--wait", "-c", str(bench.engine.config))
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voicedrop", *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(command.communicate(), 90)
    drop, receipt = out.decode().splitlines()[-2:]
    assert command.returncode == 0
    assert json.loads(receipt)["drop"] == drop
    assert json.loads(receipt)["outcome"] == "delivered", receipt
    assert (await settled(bench, number, drop))["attempt"]["method"] == "two_call"
