"""Which message an agent has, and which number gets none, at both doors."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab import recordings
from voicedrop.lab.phone import Telephone
from voicedrop.model import new_id


async def _known(bench: Bench, text: str, *, file: str = "catalogue.json") -> None:
    """Wait until the engine has read what was written into the database."""
    there = bench.engine.state_dir / file
    await bench.until(lambda: there.exists() and text in there.read_text(), f"{text} in the engine's {file}")


async def _suppress(bench: Bench, number: str) -> None:
    await bench.sql(
        "INSERT INTO suppression (pattern, reason, source, created_by) VALUES (%s, 'asked us to', 'test', 'test')",
        number,
    )
    await _known(bench, number, file="suppression.jsonl")


async def _refusal(bench: Bench, number: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]] | None:
        return [entry for entry in bench.entries("refused") if entry["number"] == number] or None

    [entry] = await bench.until(found, f"a refusal for {number}")
    return dict(entry)


async def test_an_agents_team_has_its_own_message_in_a_slot(bench: Bench) -> None:
    team, agent, message = new_id(), new_id(), new_id()
    await bench.sql("INSERT INTO team (id, name) VALUES (%s, 'sales')", team)
    await bench.sql("INSERT INTO agent (id, name, team_id) VALUES (%s, '1001', %s)", agent, team)
    await bench.sql("INSERT INTO message (id, label, team_id) VALUES (%s, 'of the team', %s)", message, team)
    await bench.sql(
        """
        INSERT INTO message_version (message_id, version, sha256, prepared_sha256, duration_s, checks, created_by)
        SELECT %s, 1, sha256, prepared_sha256, duration_s, checks, 'test'
        FROM message_version v JOIN message m ON m.id = v.message_id WHERE m.label = 'short'
        """,
        message,
    )
    await bench.sql("INSERT INTO slot (slot, team_id, message_id) VALUES (1, %s, %s)", team, message)
    await _known(bench, f'"team_id": "{team}", "message_id": "{message}"')
    mine, others, back = number_of("mailbox"), number_of("mailbox"), number_of("mailbox")
    for agent_name, number, keys in (("1001", mine, "*91"), ("2001", others, "*92"), ("1001", back, "*92")):
        telephone = await bench.exchange.dial(agent_name, number)
        await bench.mark(number, "voicemail")
        await telephone.press(keys)
        await asyncio.wait_for(telephone.ended.wait(), 10)
    receipt = await bench.receipt(mine, wait_s=60)
    assert receipt["message"]["id"] == message, show(receipt)
    assert receipt["message"]["version"] == 1
    assert (await bench.delivery(mine, "short")).whole
    for number in (others, back):  # slot 2 is everybody's, with a team and without one
        receipt = await bench.receipt(number, wait_s=60)
        assert receipt["message"]["label"] == "short", show(receipt)
    rows = await bench.sql(
        "SELECT id FROM message_version v JOIN message m ON m.id = v.message_id WHERE label = 'short'"
    )
    assert receipt["message"]["id"] == str(rows[0]["id"])
    [shipped] = await bench.rows("SELECT * FROM drops WHERE number = %s AND outcome IS NOT NULL", mine)
    assert str(shipped["message_id"]) == message
    assert str(shipped["team_id"]) == team
    await bench.nothing_left()


@pytest.mark.parametrize("agent", ["1001", "2001"], ids=["bridged", "dial"])
async def test_a_suppressed_number_is_refused_and_the_callee_stays(bench: Bench, agent: str) -> None:
    number = number_of("human")
    await _suppress(bench, number)
    telephone = await bench.exchange.dial(agent, number)
    await bench.mark(number, "play hello")
    await telephone.press("*92")
    entry = await _refusal(bench, number)
    assert entry["rule"] == "suppressed", entry
    assert entry["agent"] == agent
    assert entry["door"] == {"1001": "bridged", "2001": "dial"}[agent]
    assert number not in entry["text"]
    await bench.mark(number, "play hello-again")  # he is still there, and heard
    assert not telephone.ended.is_set()
    assert bench.receipts() == []
    rows = await bench.rows("SELECT body FROM event WHERE kind = 'drop.refused'")
    assert rows[0]["body"]["rule"] == "suppressed"
    await telephone.hang_up()
    await bench.nothing_left()


async def test_the_dial_door_tells_what_the_callee_was_shown(make_bench: BenchMaker) -> None:
    bench = await make_bench(policy={"attended": ["caller_id"], "caller_ids": ["+2001"]})
    refused = number_of("human")
    telephone = await bench.exchange.dial("2002", refused)
    await bench.mark(refused, "play hello")
    await telephone.press("*92")
    entry = await _refusal(bench, refused)
    assert entry["rule"] == "caller_id", entry
    assert "not one of" in entry["text"]  # it was told, and is another one
    await telephone.hang_up()
    allowed = number_of("mailbox")
    telephone = await bench.exchange.dial("2001", allowed)
    await bench.mark(allowed, "voicemail")
    await telephone.press("*92")
    receipt = await bench.receipt(allowed, wait_s=60)
    assert (receipt["outcome"], receipt["caller_id"]) == ("delivered", "2001"), show(receipt)
    assert receipt["policy"]["rules"] == ["unreachable", "suppressed", "caller_id"]
    await bench.nothing_left()


@pytest.mark.parametrize("agent", ["1001", "2001"], ids=["bridged", "dial"])
async def test_a_code_waits_for_what_is_on_record(make_bench: BenchMaker, agent: str) -> None:
    """Three calls: without consent; with one; and once more within a day."""
    bench = await make_bench(policy={"attended": ["consent", "cap_day"], "consent_for": ["attended"]})
    number = number_of("mailbox")

    async def pressed() -> Telephone:
        before = len(recordings.calls_to(bench.site, number))
        telephone = await bench.exchange.dial(agent, number)
        await bench.until(lambda: len(recordings.calls_to(bench.site, number)) > before, "the call at the carrier")
        await bench.mark(number, "voicemail")
        await telephone.press("*92")
        return telephone

    async def refused(rule: str) -> None:
        telephone = await pressed()
        await bench.until(
            lambda: [one for one in bench.entries("refused") if one["rule"] == rule] or None, f"a refusal by {rule}"
        )
        await telephone.hang_up()

    await refused("consent")
    await bench.sql(
        "INSERT INTO consent (id, number, basis, source, evidence, given_at, created_by) "
        "VALUES (%s, %s, 'express', 'form', 'scan 7', now(), 'test')",
        new_id(),
        number,
    )
    await pressed()
    receipt = await bench.receipt(number, wait_s=60)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["policy"]["consent"]["evidence"] == "scan 7"
    await bench.rows("SELECT id FROM drops WHERE number = %s", number)
    await refused("cap_day")
    assert len(bench.receipts()) == 1
    await bench.nothing_left()


async def test_off_the_list_the_number_gets_its_message(bench: Bench) -> None:
    number = number_of("mailbox")
    await _suppress(bench, number)
    telephone = await bench.exchange.dial("2001", number)
    await bench.mark(number, "voicemail")
    await bench.sql("DELETE FROM suppression")
    kept = bench.engine.state_dir / "suppression.jsonl"
    await bench.until(lambda: number not in kept.read_text(), "the shorter list")
    await telephone.press("*92")
    assert (await bench.receipt(number, wait_s=60))["outcome"] == "delivered"
    await bench.nothing_left()


async def test_without_an_engine_a_code_of_the_dial_door_is_refused(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("2001", number)
    await bench.mark(number, "play hello")
    await asyncio.to_thread(bench.engine.kill)
    await telephone.press("*92")
    await bench.mark(number, "play hello-again")
    assert not telephone.ended.is_set()
    assert [str(channel["state"]) for channel in await bench.pbx.channels()] == ["Up", "Up"]
    await telephone.hang_up()
    await bench.nothing_left()


async def test_a_slot_without_a_message_is_a_refusal_that_is_told(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*98")
    assert (await _refusal(bench, number))["rule"] == "no_message"
    assert not telephone.ended.is_set()
    assert json.loads((bench.engine.state_dir / "catalogue.json").read_text())["messages"]
    await telephone.hang_up()
    await bench.nothing_left()
