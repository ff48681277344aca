"""The gate before an agent's drop: the list always, further rules where the settings name them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.policy.asked import NOON
from voicedrop.config import Settings
from voicedrop.control import Refused
from voicedrop.engine.asking import Asker, Wish
from voicedrop.engine.services import Services
from voicedrop.lab import zoo
from voicedrop.model import Message
from voicedrop.policy.suppression import Entry, SuppressionSet

NUMBER = "+12025550123"
EVERY_RULE = ["number_invalid", "number_kind", "callback_number", "caller_id", "zone_unknown", "hours"]
ALWAYS = {"allowed_hours": ["00:00-24:00"]}
NEVER = {"allowed_hours": ["00:00-00:01"], "places": [{"country": "US", "allowed_hours": ["00:00-00:01"]}]}


class Known:
    """What the engine holds in memory."""

    def __init__(self, *patterns: str, list_known: bool = True, callback_number: str = "") -> None:
        self._numbers = SuppressionSet(Entry(pattern=pattern, reason="asked") for pattern in patterns)
        self.suppresses = bool(patterns)
        self.list_known = list_known
        self._message = Message(
            slot=1, label="one", file=Path(), media="", duration_s=1, sha256="", callback_number=callback_number
        )

    def message(self, slot: int, agent: str) -> Message:  # noqa: ARG002
        return self._message

    def suppressed(self, number: str) -> Entry | None:
        return self._numbers.find(number, NOON)


def asker(known: Known, **policy: Any) -> Asker:
    class Held:
        catalogue = known
        settings = Settings.model_validate({"ari": {"password": "x"}, "policy": policy})

    return Asker(cast(Services, Held()), lambda: None)


async def rule(asked: Asker, number: str, *, caller_id: str = "") -> str:
    """The rule that refused; empty: allowed."""
    try:
        await asked.ask(Wish(agent="1001", number=number, door="bridged", slot=1, caller_id=caller_id))
    except Refused as refusal:
        return refusal.rule
    return ""


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (NUMBER, "suppressed"),
        ("12025550123", "suppressed"),
        ("+1 202 555-0123", "suppressed"),
        ("+12025550124", ""),
        ("+19005550123", "suppressed"),
        ("+1001", ""),  # no numbering plan has it, but the list can be asked
        ("+911", "suppressed"),  # is no international number
        ("anonymous", "no_number"),
        ("", "no_number"),
    ],
)
async def test_the_list_is_always_asked(number: str, expected: str) -> None:
    assert await rule(asker(Known(NUMBER, "+1900*")), number) == expected


async def test_the_default_region_reads_national_numbers() -> None:
    known = Known("+442071234567")
    assert await rule(asker(known, default_region="GB"), "020 7123 4567") == "suppressed"
    assert await rule(asker(known, default_region="US"), "442071234567") == "suppressed"  # by its digits
    assert await rule(asker(known, default_region="GB"), "020 7123 4568") == ""


@pytest.mark.parametrize("number", ["", "anonymous", "+911"])
async def test_what_cannot_be_read_goes_on_only_where_that_is_said(number: str) -> None:
    assert await rule(asker(Known(NUMBER)), number) != ""
    assert await rule(asker(Known(NUMBER), attended_unreadable=True), number) == ""
    assert await rule(asker(Known()), number) == ""  # an empty list stops nobody
    assert await rule(asker(Known("+*"), attended_unreadable=True), number) == "suppressed"


@pytest.mark.parametrize("number", [NUMBER, ""])
async def test_before_a_list_has_been_read_nobody_gets_a_message(number: str) -> None:
    assert await rule(asker(Known(list_known=False), attended_unreadable=True), number) == "unreachable"


async def test_the_reason_on_the_list_is_told() -> None:
    with pytest.raises(Refused, match=r"suppression list \(asked\)"):
        await asker(Known(NUMBER)).ask(Wish(agent="1001", number=NUMBER, door="bridged", slot=1))


@pytest.mark.parametrize(
    ("named", "number", "expected"),
    [
        ("number_invalid", "+12345", "number_invalid"),
        ("number_invalid", "anonymous", "number_invalid"),
        ("number_invalid", NUMBER, ""),
        ("number_kind", "+18005550199", "number_kind"),
        ("callback_number", NUMBER, "callback_number"),
        ("caller_id", NUMBER, "caller_id"),
        ("zone_unknown", "+12345", "zone_unknown"),
        ("hours", NUMBER, "hours"),
    ],
)
async def test_further_rules_where_they_are_named(named: str, number: str, expected: str) -> None:
    assert await rule(asker(Known(), **NEVER), number) == ""
    assert await rule(asker(Known(), attended=[named], **NEVER), number) == expected


async def test_all_that_refuse_are_told() -> None:
    asked = asker(Known(NUMBER), attended=["callback_number", "caller_id"])
    with pytest.raises(Refused, match=r"suppression list; .*call back; .*caller ID") as caught:
        await asked.ask(Wish(agent="1001", number=NUMBER, door="bridged", slot=1))
    assert caught.value.rule == "suppressed"
    assert "2025550123" not in str(caught.value)


@pytest.mark.parametrize("shown", ["+12025550100", "12025550100"])
async def test_the_labs_numbers_pass_every_rule(shown: str) -> None:
    asked = asker(
        Known("+1900*", callback_number="+12025550100"), attended=EVERY_RULE, caller_ids=["+12025550100"], **ALWAYS
    )
    for one in zoo.subscribers():
        assert await rule(asked, one.number(0), caller_id=shown) == ""


async def test_what_was_asked_is_kept_for_the_receipt() -> None:
    asked = asker(Known("+1900*"), attended=["hours"], **ALWAYS)
    granted = await asked.ask(Wish(agent="1001", number=NUMBER, door="bridged", slot=1, caller_id="+12025550199"))
    told = json.loads(json.dumps(granted.policy))
    assert told["rules"] == ["unreachable", "suppressed", "hours"]
    assert (told["allowed"], told["refused"], told["refusals"]) == (True, [], [])
    assert (told["method"], told["number"], told["caller_id"]) == ("attended", NUMBER, "+12025550199")
    assert told["next_allowed"] == told["at"]
