"""Orders, consents and opt-outs through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.dialer.test_gate_on_store import CALLER, OPEN
from tests.web.conftest import PLENTY, World, a_message, serving
from tests.web.test_api_events import following
from voicedrop.control import LiveDrop, Refused
from voicedrop.dialer.orders import Orders
from voicedrop.model import new_id
from voicedrop.store import orders
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
    assert answer.status == 202, answer.body
    again = await calling.as_("ann").post("/v1/drops", json=body, headers={"Idempotency-Key": "k1"})
    assert (again.status, again.json()) == (202, answer.json())
    assert ordering.orders == [
        {
            "number": NUMBER,
            "message_id": message,
            "method": "two_call",
            "actor": "token:ann",
            "agent": "ann",
            "agent_id": calling.agents["ann"],
            "team_id": calling.teams["red"],
            "ref": "crm-7",
            "contact_zone": "",
        }
    ]


async def test_another_teams_message_cannot_be_ordered(calling: World, ordering: PretendedOrdering) -> None:
    answer = await calling.as_("ann").post("/v1/drops", json={"to": NUMBER, "message_id": str(calling.messages["bob"])})
    assert answer.status == 422
    assert ordering.orders == []


@pytest.mark.parametrize(
    "body",
    [
        {"to": NUMBER},
        {"to": NUMBER, "slot": 1},
        {"to": NUMBER, "call_id": "c"},
        {"to": NUMBER, "message": "of ann", "message_id": new_id()},
        {"to": NUMBER, "message": "of ann", "slot": 1},
        {"call_id": "c", "message": "of ann"},
        {},
    ],
)
async def test_an_order_that_is_none(calling: World, body: dict[str, Any]) -> None:
    assert (await calling.as_("ann").post("/v1/drops", json=body)).status == 422


async def test_a_message_is_named_by_its_label(calling: World, ordering: PretendedOrdering) -> None:
    body = {"to": NUMBER, "message": "of ann", "method": "single"}
    assert (await calling.as_("ann").post("/v1/drops", json=body)).status == 202
    assert [one["message_id"] for one in ordering.orders] == [str(calling.messages["ann"])]
    for who, label in (("bob", "of ann"), ("ann", "of bob"), ("ann", "of an")):
        answer = await calling.as_(who).post("/v1/drops", json={**body, "message": label})
        assert answer.status == 422, "what he may not use has no label either"


async def test_a_label_that_several_have_names_them(calling: World, ordering: PretendedOrdering) -> None:
    async with calling.database.transaction() as connection:
        second = await a_message(connection, "of ann", team_id=calling.teams["red"])
        await a_message(connection, "of ann", team_id=calling.teams["blue"])
    answer = await calling.as_("ann").post("/v1/drops", json={"to": NUMBER, "message": "of ann"})
    assert answer.status == 422
    (fault,) = answer.json()["errors"]
    assert fault["where"] == "body.message"
    assert fault["text"].endswith(f": {calling.messages['ann']}, {second}")
    assert ordering.orders == []


async def test_the_policys_no_names_its_rule(calling: World, ordering: PretendedOrdering) -> None:
    ordering.refusal = Refused("hours", "it is Sunday 03:00 in America/New_York. Next allowed: 2027-03-01T13:00:00Z.")
    answer = await calling.as_("ann").post("/v1/drops", json={"to": NUMBER, "message_id": str(calling.messages["all"])})
    assert answer.code == "refused"
    assert answer.json()["rule"] == "hours"


async def test_where_nobody_calls_an_order_is_refused(world: World) -> None:
    answer = await world.as_("ann").post("/v1/drops", json={"to": NUMBER, "message_id": str(world.messages["all"])})
    assert answer.json()["rule"] == "unattended_off"


@pytest.fixture
async def queueing(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """With the real queue, where no engine takes anything up."""
    unattended = SimpleNamespace(caller_id=CALLER, trunk="trunk")
    settings: Any = SimpleNamespace(unattended=unattended, policy=SimpleNamespace(rules=lambda: OPEN))
    async with serving(database, tmp_path, PLENTY, ordering=Orders(settings, database)) as made:
        yield made


async def ordered(world: World, who: str, message: str) -> str:
    body = {"to": NUMBER, "message_id": str(world.messages[message]), "ref": "crm-7"}
    answer = await world.as_(who).post("/v1/drops", json=body)
    assert answer.status == 202, answer.body
    return str(answer.json()["id"])


async def seen_by(world: World, path: str) -> list[str]:
    return [who for who in ("ann", "rose", "bob", "bert", "admin") if (await world.as_(who).get(path)).status == 200]


async def test_an_order_is_read_by_whose_it_is(queueing: World) -> None:
    anns, roses = await ordered(queueing, "ann", "ann"), await ordered(queueing, "rose", "red")
    assert await seen_by(queueing, f"/v1/drops/{anns}") == ["ann", "rose", "admin"]
    assert await seen_by(queueing, f"/v1/drops/{roses}") == ["rose", "admin"]
    one = (await queueing.as_("ann").get(f"/v1/drops/{anns}")).json()
    assert (one["state"], one["outcome"], one["receipt"], one["agent"]) == ("queued", None, None, "ann")
    assert one["due_at"] is not None
    for who, expected in (("ann", [anns]), ("rose", [roses, anns]), ("bob", [])):
        listed = (await queueing.as_(who).get("/v1/drops", params={"ref": "crm-7"})).json()["items"]
        assert [drop["id"] for drop in listed] == expected


async def test_a_queued_order_is_cancelled_by_whose_it_is(queueing: World) -> None:
    drop = await ordered(queueing, "rose", "red")
    for stranger in ("ann", "bob", "bert"):
        assert (await queueing.as_(stranger).post(f"/v1/drops/{drop}/cancel")).status == 404
    hook = {"url": "https://hooks.example.com/v", "kinds": ["drop.ended"]}
    hooked = await queueing.as_("rose").post("/v1/webhooks", json=hook)
    assert hooked.status == 201, hooked.body
    assert (await queueing.as_("rose").post(f"/v1/drops/{drop}/cancel")).status == 204
    one = (await queueing.as_("rose").get(f"/v1/drops/{drop}")).json()
    assert (one["state"], one["outcome"]) == ("ended", "blocked")
    assert one["receipt"]["reason"] == "cancelled before it was placed"
    assert (await queueing.as_("rose").post(f"/v1/drops/{drop}/cancel")).code == "conflict"
    async with queueing.database.transaction() as connection:
        jobs = await (await connection.execute("SELECT id FROM procrastinate_jobs")).fetchall()
        told = await (
            await connection.execute(
                "SELECT e.kind, e.team_id, w.id AS hook FROM event e JOIN delivery d ON d.event_id = e.id "
                "JOIN webhook w ON w.id = d.webhook_id"
            )
        ).fetchall()
    assert jobs == []
    assert [(one["kind"], one["team_id"]) for one in told] == [("drop.ended", queueing.teams["red"])]


async def test_the_live_feed_tells_whose_it_is(queueing: World) -> None:
    bobs, anns = await ordered(queueing, "bob", "bob"), await ordered(queueing, "ann", "ann")
    async with following(queueing, "ann", last=0) as ann, following(queueing, "bert", last=0) as bert:
        for who, drop in (("bob", bobs), ("ann", anns)):
            assert (await queueing.as_(who).post(f"/v1/drops/{drop}/cancel")).status == 204
        queueing.services.feed.wake()
        for heard, drop in ((await ann.next(), anns), (await bert.next(), bobs)):
            assert (heard["event"], heard["data"]["drop"]) == ("drop.ended", drop)
            assert heard["data"]["data"]["outcome"] == "blocked"


async def test_an_order_that_is_taken_up_as_it_is_cancelled_is_cancelled_all_the_same(
    queueing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = await ordered(queueing, "rose", "red")

    async def taken_up(*_: Any, **__: Any) -> bool:
        queueing.engine.live_drops[drop] = under_way(drop)
        return False

    monkeypatch.setattr(orders, "end", taken_up)
    assert (await queueing.as_("rose").post(f"/v1/drops/{drop}/cancel")).status == 204
    assert queueing.engine.cancelled == ["token:rose"]


def under_way(drop: str) -> LiveDrop:
    return LiveDrop(
        drop_id=drop,
        agent="",
        number=NUMBER,
        ref="",
        door="unattended",
        state="placing",
        slot=None,
        message_id="",
        message_version=1,
        accepted_at=datetime.now(UTC),
    )


async def test_a_supervisors_order_under_way_is_cancelled_by_him(queueing: World) -> None:
    drop = await ordered(queueing, "rose", "red")
    queueing.engine.live_drops[drop] = under_way(drop)
    assert (await queueing.as_("bert").post(f"/v1/drops/{drop}/cancel")).status == 404
    assert (await queueing.as_("rose").post(f"/v1/drops/{drop}/cancel")).status == 204
    assert queueing.engine.cancelled == ["token:rose"]


async def test_national_digits_are_the_number_that_would_be_called(database: Database, tmp_path: Path) -> None:
    given = {"basis": "express_written", "source": "a form", "evidence": "7", "given_at": "2026-01-02T03:04:05Z"}
    async with serving(database, tmp_path, PLENTY, default_region="US") as world:
        rose = world.as_("rose")
        added = await rose.post("/v1/consents", json={"number": "2025550123", **given})
        assert added.json()["number"] == NUMBER
        out = await rose.post("/v1/optouts", json={"number": "2025550123"})
        assert out.json() == {"number": NUMBER, "revoked": 1, "ended": 0}
        listed = await rose.get("/v1/consents", params={"number": "2025550123"})
        assert [one["number"] for one in listed.json()["items"]] == [NUMBER]
        # No numbering plan has it any more: he wants no calls all the same.
        assert (await rose.post("/v1/optouts", json={"number": "+15551230000"})).json()["number"] == "+15551230000"


async def test_of_whom_it_is_not_known_who_he_is_nothing_is_taken(world: World) -> None:
    """Digits without a country: neither the caller nor the gate could say whose they are."""
    rose = world.as_("rose")
    out = await rose.post("/v1/optouts", json={"number": "2025550123"})
    assert (out.status, out.code) == (422, "invalid")
    assert "+12025550123" in out.json()["detail"]
    assert (await rose.get("/v1/consents", params={"number": "2025550123"})).status == 422
    assert (await rose.get("/v1/suppression")).json()["items"] == []


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
    assert out.json() == {"number": NUMBER, "revoked": 1, "ended": 0}
    listed = await world.as_("rose").get("/v1/consents", params={"number": NUMBER})
    assert [one["revoked_at"] is not None for one in listed.json()["items"]] == [True]
    suppressed = await world.as_("rose").get("/v1/suppression")
    assert [one["pattern"] for one in suppressed.json()["items"]] == [NUMBER]
    gone = await world.as_("rose").post(f"/v1/consents/{new_id()}/revoke")
    assert gone.status == 404
