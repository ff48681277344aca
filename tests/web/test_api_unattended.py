"""Orders, consents and opt-outs through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import PLENTY, World, serving
from voicedrop.control import Refused
from voicedrop.model import new_id
from voicedrop.store.database import Database

NUMBER = "+12025550123"


@dataclass
class PretendedOrdering:
    """Remembers what was ordered."""

    refusal: Refused | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)

    async def order(self, **wanted: Any) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.orders.append(wanted)
        return new_id()


@pytest.fixture
async def ordering() -> PretendedOrdering:
    return PretendedOrdering()


@pytest.fixture
async def calling(database: Database, tmp_path: Path, ordering: PretendedOrdering) -> AsyncIterator[World]:
    async with serving(database, tmp_path, PLENTY, ordering=ordering) as made:
        yield made


async def test_an_order_is_taken(calling: World, ordering: PretendedOrdering) -> None:
    message = str(calling.messages["ann"])
    body = {"to": NUMBER, "message_id": message, "method": "two_call", "ref": "crm-7"}
    answer = await calling.as_("ann").post("/v1/drops", json=body, headers={"Idempotency-Key": "k1"})
    assert answer.status == 201, answer.body
    again = await calling.as_("ann").post("/v1/drops", json=body, headers={"Idempotency-Key": "k1"})
    assert again.json() == answer.json()
    assert ordering.orders == [
        {
            "number": NUMBER,
            "message_id": message,
            "method": "two_call",
            "actor": "token:ann",
            "ref": "crm-7",
            "contact_zone": "",
        }
    ]


async def test_another_teams_message_cannot_be_ordered(calling: World, ordering: PretendedOrdering) -> None:
    answer = await calling.as_("ann").post("/v1/drops", json={"to": NUMBER, "message_id": str(calling.messages["bob"])})
    assert answer.status == 422
    assert ordering.orders == []


@pytest.mark.parametrize("body", [{"to": NUMBER}, {"to": NUMBER, "slot": 1}, {"to": NUMBER, "call_id": "c"}, {}])
async def test_an_order_that_is_none(calling: World, body: dict[str, Any]) -> None:
    assert (await calling.as_("ann").post("/v1/drops", json=body)).status == 422


async def test_the_policys_no_names_its_rule(calling: World, ordering: PretendedOrdering) -> None:
    ordering.refusal = Refused("hours", "it is Sunday 03:00 in America/New_York. Next allowed: 2027-03-01T13:00:00Z.")
    answer = await calling.as_("ann").post("/v1/drops", json={"to": NUMBER, "message_id": str(calling.messages["all"])})
    assert answer.code == "refused"
    assert answer.json()["rule"] == "hours"


async def test_where_nobody_calls_an_order_is_refused(world: World) -> None:
    answer = await world.as_("ann").post("/v1/drops", json={"to": NUMBER, "message_id": str(world.messages["all"])})
    assert answer.json()["rule"] == "unattended_off"


async def test_a_consent_is_kept_listed_and_revoked_by_an_opt_out(world: World) -> None:
    given = {
        "number": NUMBER,
        "basis": "express_written",
        "source": "a form",
        "evidence": "form-7",
        "given_at": "2026-01-02T03:04:05Z",
    }
    assert (await world.as_("ann").post("/v1/consents", json=given)).status == 403
    added = await world.as_("rose").post("/v1/consents", json=given)
    assert added.status == 201, added.body
    out = await world.as_("ann").post("/v1/optouts", json={"number": NUMBER})
    assert out.json() == {"number": NUMBER, "revoked": 1}
    listed = await world.as_("rose").get("/v1/consents", params={"number": NUMBER})
    assert [one["revoked_at"] is not None for one in listed.json()["items"]] == [True]
    suppressed = await world.as_("rose").get("/v1/suppression")
    assert [one["pattern"] for one in suppressed.json()["items"]] == [NUMBER]
    gone = await world.as_("rose").post(f"/v1/consents/{new_id()}/revoke")
    assert gone.status == 404
