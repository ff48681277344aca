"""Who may do what: tokens, scopes, roles, and every object check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import World, serving
from voicedrop.config import Api
from voicedrop.store import tokens
from voicedrop.store.database import Database

EVERYBODY = ("ann", "bob", "rose", "bert", "admin")
SUBJECTS = {
    # what: path, and who may see it
    "message of ann": ("/v1/messages/{messages[ann]}", "ann rose admin"),
    "message of red": ("/v1/messages/{messages[red]}", "ann rose admin"),
    "message of everybody": ("/v1/messages/{messages[all]}", "ann bob rose bert admin"),
    "versions of ann's": ("/v1/messages/{messages[ann]}/versions", "ann rose admin"),
    "drop of ann": ("/v1/drops/{drops[ann]}", "ann rose admin"),
    "team red": ("/v1/teams/{teams[red]}", "ann rose admin"),
    "agent ann": ("/v1/agents/{agents[ann]}", "ann rose admin"),
}
WRITES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    # what: method, path, body, and who may; who sees it but may not gets 403, who does not see it 404
    "change ann's": ("PATCH", "/v1/messages/{messages[ann]}", {"label": "new"}, "ann rose admin"),
    "change red's": ("PATCH", "/v1/messages/{messages[red]}", {"label": "new"}, "rose admin"),
    "change everybody's": ("PATCH", "/v1/messages/{messages[all]}", {"label": "new"}, "admin"),
    "delete red's": ("DELETE", "/v1/messages/{messages[red]}", {}, "rose admin"),
    "fill ann's slot": (
        "PUT",
        "/v1/slots/2",
        {"agent_id": "{agents[ann]}", "message_id": "{messages[red]}"},
        "ann rose admin",
    ),
    "fill red's slot": (
        "PUT",
        "/v1/slots/2",
        {"team_id": "{teams[red]}", "message_id": "{messages[red]}"},
        "rose admin",
    ),
    "fill everybody's slot": ("PUT", "/v1/slots/2", {"message_id": "{messages[all]}"}, "admin"),
    "rename red": ("PATCH", "/v1/teams/{teams[red]}", {"name": "ruby"}, "admin"),
    "change ann": ("PATCH", "/v1/agents/{agents[ann]}", {"display": "Ann"}, "rose admin"),
    "add an agent to red": ("POST", "/v1/agents", {"name": "new", "team_id": "{teams[red]}"}, "rose admin"),
    "make a token": ("POST", "/v1/tokens", {"label": "x", "role": "admin"}, "admin"),
    "unsuppress": ("DELETE", "/v1/suppression/+1555", {}, "admin"),
    "erase": ("DELETE", "/v1/numbers/+15551234567", {}, "admin"),
    "add a webhook to red": (
        "POST",
        "/v1/webhooks",
        {"url": "https://example.com/hook", "team_id": "{teams[red]}"},
        "rose admin",
    ),
}


def filled(world: World, what: Any) -> Any:
    if isinstance(what, dict):
        return {name: filled(world, value) for name, value in what.items()}
    return what.format(**vars(world)) if isinstance(what, str) else what


@pytest.mark.parametrize("subject", SUBJECTS)
async def test_only_who_may_sees_it(world: World, subject: str) -> None:
    path, allowed = SUBJECTS[subject]
    for who in EVERYBODY:
        answer = await world.as_(who).get(filled(world, path))
        assert answer.status == (200 if who in allowed.split() else 404), f"{who}: {answer.body!r}"


@pytest.mark.parametrize("write", WRITES)
async def test_only_who_may_changes_it(world: World, write: str) -> None:
    method, path, body, allowed = WRITES[write]
    for who in sorted(EVERYBODY, key=lambda who: who in allowed.split()):
        answer = await world.as_(who).ask(method, filled(world, path), json=filled(world, body) or None)
        if who in allowed.split():
            # Somebody allowed was there before: the name is taken, the thing is gone.
            assert answer.status in (200, 201, 204, 404, 409), f"{who}: {answer.body!r}"
        else:
            assert answer.code in ("forbidden", "not_found", "invalid"), f"{who}: {answer.body!r}"


async def test_lists_hold_what_one_may_see(world: World) -> None:
    async def labels(who: str) -> set[str]:
        return {one["label"] for one in (await world.as_(who).get("/v1/messages")).json()["items"]}

    assert await labels("ann") == {"of ann", "of red", "of everybody"}
    assert await labels("rose") == {"of ann", "of red", "of everybody"}
    assert await labels("bert") == {"of bob", "of blue", "of everybody"}
    assert await labels("admin") == {"of ann", "of red", "of bob", "of blue", "of everybody"}
    for who, agents in (("ann", {"ann"}), ("rose", {"ann"}), ("bert", {"bob"}), ("admin", {"ann", "bob"})):
        drops = (await world.as_(who).get("/v1/drops")).json()["items"]
        assert {one["agent"] for one in drops} == agents
        assert {one["name"] for one in (await world.as_(who).get("/v1/agents")).json()["items"]} == agents


async def test_live_calls_and_drops_are_those_of_ones_own(world: World) -> None:
    ann, bob, stranger = (world.engine.call(agent) for agent in ("ann", "bob", "SIP/7"))
    for who, calls in (("ann", {ann}), ("rose", {ann}), ("bob", {bob}), ("admin", {ann, bob, stranger})):
        assert {one["id"] for one in (await world.as_(who).get("/v1/calls")).json()["items"]} == calls
    for who in ("bob", "bert"):
        answer = await world.as_(who).post("/v1/drops", json={"call_id": ann, "slot": 1})
        assert answer.code == "not_found"
    answer = await world.as_("ann").post("/v1/drops", json={"call_id": ann, "message_id": str(world.messages["bob"])})
    assert answer.code == "invalid"
    assert world.engine.started == []
    started = await world.as_("ann").post("/v1/drops", json={"call_id": ann, "slot": 1})
    assert started.status == 201
    assert world.engine.started == [{"call": ann, "slot": 1, "message": None, "actor": "token:ann"}]
    cancel = f"/v1/drops/{started.json()['id']}/cancel"
    assert (await world.as_("bob").post(cancel)).code == "not_found"
    assert (await world.as_("bert").post(cancel)).code == "not_found"
    assert (await world.as_("rose").post(cancel)).status == 204
    assert world.engine.cancelled == ["token:rose"]


async def test_an_ended_drop_cannot_be_cancelled(world: World) -> None:
    answer = await world.as_("ann").post(f"/v1/drops/{world.drops['ann']}/cancel")
    assert answer.code == "conflict"


async def test_a_token_opens_nothing_once_it_is_revoked_or_expired(world: World) -> None:
    admin = world.as_("admin")
    made = (await admin.post("/v1/tokens", json={"label": "x", "role": "admin"})).json()
    client = world.nobody
    client.token = made["token"]
    assert (await client.get("/v1/me")).json()["label"] == "x"
    assert (await admin.ask("DELETE", f"/v1/tokens/{made['id']}")).status == 204
    assert (await client.get("/v1/me")).code == "not_authenticated"
    client.token = await world.token(label="old", role="admin", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert (await client.get("/v1/me")).code == "not_authenticated"


async def test_a_token_is_kept_as_a_hash_and_its_use_is_noted(world: World) -> None:
    await world.as_("ann").get("/v1/me")
    async with world.database.transaction() as connection:
        rows = await (await connection.execute("SELECT * FROM token")).fetchall()
    assert not any(world.tokens["ann"] in str(value) for row in rows for value in row.values())
    (own,) = [row for row in rows if row["label"] == "ann"]
    assert own["last_used_at"] is not None
    shown = (await world.as_("admin").get("/v1/tokens")).json()["items"]
    assert all("hash" not in one and "token" not in one for one in shown)


async def test_a_token_does_no_more_than_its_scopes(world: World) -> None:
    client = world.nobody
    client.token = await world.token(label="reader", role="admin", scopes=("messages:read",))
    assert (await client.get("/v1/messages")).status == 200
    assert (await client.get("/v1/drops")).code == "forbidden"
    assert (await client.get("/v1/audit")).code == "forbidden"
    assert (await client.post("/v1/tokens", json={"label": "x", "role": "admin"})).code == "forbidden"


@pytest.mark.parametrize(
    "body",
    [
        {"label": "x", "role": "agent"},
        {"label": "x", "role": "supervisor"},
        {"label": "x", "role": "admin", "team_id": "00000000-0000-7000-8000-000000000000"},
        {"label": "x", "role": "agent", "agent_id": "00000000-0000-7000-8000-000000000000"},
        {"label": "x", "role": "admin", "scopes": ["everything"]},
        {"label": "x", "role": "admin", "expires_at": "2020-01-01T00:00:00Z"},
        {"label": "", "role": "admin"},
        {"label": "x", "role": "king"},
    ],
)
async def test_a_token_that_makes_no_sense_is_not_made(world: World, body: dict[str, Any]) -> None:
    assert (await world.as_("admin").post("/v1/tokens", json=body)).code == "invalid"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic eDp5", "bearer vd_unknown"])
async def test_without_a_valid_token_there_is_nothing(world: World, header: str) -> None:
    answer = await world.nobody.get("/v1/messages", headers={"Authorization": header})
    assert answer.code == "not_authenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_first_token_is_made_once(database: Database) -> None:
    first = await tokens.ensure_first_token(database)
    assert first is not None
    assert await tokens.ensure_first_token(database) is None
    async with database.transaction() as connection:
        who = await tokens.principal(connection, first)
    assert who is not None
    assert who.role == "admin"


async def test_a_token_that_asks_too_often_waits(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, Api(rate_per_s=0.01, burst=3)) as world:
        answers = [await world.as_("ann").get("/v1/me") for _ in range(4)]
        assert [one.status for one in answers] == [200, 200, 200, 429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 100
        assert (await world.as_("bob").get("/v1/me")).status == 200


async def test_who_guesses_tokens_waits(world: World) -> None:
    client = world.nobody
    codes = []
    for number in range(25):
        client.token = f"vd_{number}"
        codes.append((await client.get("/v1/me")).code)
    assert codes[0] == "not_authenticated"
    assert codes[-1] == "too_many_requests"
