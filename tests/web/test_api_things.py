"""What each part of the API does: people, slots, suppression, webhooks, the audit trail, a number's erasure."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.store.conftest import ExternalServer
from tests.web.conftest import PLENTY, World, serving
from voicedrop.control import Refused
from voicedrop.store.database import Database
from voicedrop.tasks import end


async def every(world: World, who: str, path: str) -> list[dict[str, Any]]:
    """All pages of a list, two items at a time."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await world.as_(who).get(f"{path}{'&' if '?' in path else '?'}limit=2{cursor}")).json()
        items += page["items"]
        if page["next"] is None:
            return items
        assert len(page["items"]) == 2
        cursor = f"&cursor={page['next']}"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/agents", "/v1/teams", "/v1/tokens", "/v1/drops", "/v1/audit"])
async def test_pages_hold_everything_once(world: World, path: str) -> None:
    admin = world.as_("admin")
    for number in range(5):
        await admin.post("/v1/agents", json={"name": f"agent{number}"})
        await admin.post("/v1/teams", json={"name": f"team{number}"})
    whole = (await admin.get(f"{path}?limit=200")).json()["items"]
    paged = await every(world, "admin", path)
    assert [one["id"] for one in paged] == [one["id"] for one in whole]
    assert (await admin.get(f"{path}?cursor=rubbish")).code == "invalid"


async def test_an_agent_is_moved_and_loses_the_old_teams_messages(world: World) -> None:
    admin, ann = world.as_("admin"), str(world.agents["ann"])
    fill = {"agent_id": ann, "message_id": str(world.messages["red"])}
    assert (await world.as_("ann").ask("PUT", "/v1/slots/2", json=fill)).status == 200
    moved = await admin.ask("PATCH", f"/v1/agents/{ann}", json={"team_id": str(world.teams["blue"])})
    assert (moved.json()["name"], moved.json()["team_id"]) == ("ann", str(world.teams["blue"]))
    slots = (await admin.get(f"/v1/slots?agent_id={ann}")).json()["items"]
    assert [(one["slot"], one["label"]) for one in slots] == [(1, "of ann")]
    # His old drops stay the old team's, and he sees the new team's messages.
    assert (await world.as_("rose").get(f"/v1/drops/{world.drops['ann']}")).status == 200
    assert (await world.as_("ann").get(f"/v1/messages/{world.messages['blue']}")).status == 200
    assert (await world.as_("ann").get(f"/v1/messages/{world.messages['red']}")).code == "not_found"


async def test_a_slot_falls_back_to_team_and_everybody(world: World) -> None:
    admin, ann = world.as_("admin"), world.agents["ann"]
    everybody, red, own = (str(world.messages[name]) for name in ("all", "red", "ann"))
    for slot, body in (
        (4, {"message_id": everybody}),
        (5, {"message_id": everybody}),
        (5, {"message_id": red, "team_id": str(world.teams["red"])}),
        (6, {"message_id": red, "team_id": str(world.teams["red"])}),
        (6, {"message_id": own, "agent_id": str(ann)}),
    ):
        assert (await admin.ask("PUT", f"/v1/slots/{slot}", json=body)).status == 200
    slots = (await world.as_("ann").get(f"/v1/slots?agent_id={ann}")).json()["items"]
    assert {one["slot"]: one["label"] for one in slots} == {
        1: "of ann",
        4: "of everybody",
        5: "of red",
        6: "of ann",
    }
    assert (await admin.ask("DELETE", f"/v1/slots/6?agent_id={ann}")).status == 204
    slots = (await world.as_("ann").get(f"/v1/slots?agent_id={ann}")).json()["items"]
    assert {one["slot"]: one["label"] for one in slots}[6] == "of red"
    # A message in a slot is not removed, and nobody's slot holds what its owner may not use.
    assert (await admin.ask("DELETE", f"/v1/messages/{red}")).code == "conflict"
    assert (await admin.ask("PUT", "/v1/slots/7", json={"message_id": red})).code == "conflict"
    other = {"message_id": red, "team_id": str(world.teams["blue"])}
    assert (await admin.ask("PUT", "/v1/slots/7", json=other)).code == "conflict"


async def test_a_removed_message_is_no_longer_offered(world: World) -> None:
    path = f"/v1/messages/{world.messages['red']}"
    assert (await world.as_("rose").ask("DELETE", path)).status == 204
    assert (await world.as_("rose").get(path)).code == "not_found"
    call = world.engine.call("ann")
    answer = await world.as_("ann").post("/v1/drops", json={"call_id": call, "message_id": str(world.messages["red"])})
    assert answer.code == "invalid"


async def test_a_refused_drop_names_its_rule(world: World) -> None:
    world.engine.refusal = Refused("suppressed", "This number is on the suppression list.")
    answer = await world.as_("ann").post("/v1/drops", json={"call_id": world.engine.call("ann"), "slot": 1})
    assert (answer.code, answer.json()["rule"]) == ("refused", "suppressed")
    assert "suppression list" in answer.json()["detail"]


@pytest.mark.parametrize("body", [{}, {"slot": 1, "message_id": "00000000-0000-7000-8000-000000000000"}])
async def test_a_drop_is_of_a_slot_or_a_message(world: World, body: dict[str, Any]) -> None:
    answer = await world.as_("ann").post("/v1/drops", json={"call_id": world.engine.call("ann"), **body})
    assert answer.code == "invalid"


async def test_drops_are_found_by_what_they_were(world: World) -> None:
    async def found(query: str) -> list[str]:
        return [one["agent"] for one in (await world.as_("admin").get(f"/v1/drops?{query}")).json()["items"]]

    assert await found("outcome=delivered") == ["bob", "ann"]
    assert await found("outcome=failed") == []
    assert await found(f"agent_id={world.agents['ann']}") == ["ann"]
    assert await found(f"team_id={world.teams['blue']}") == ["bob"]
    assert await found("number=%2B15551230000") == ["ann"]
    assert await found("since=2020-01-01T00:00:00Z&until=2021-01-01T00:00:00Z") == []
    assert (await world.as_("admin").get("/v1/drops?outcome=nothing")).code == "invalid"
    assert (await world.as_("admin").get("/v1/drops?since=yesterday")).code == "invalid"
    assert (await world.as_("admin").get("/v1/drops?sort=up")).code == "invalid"
    assert (await world.as_("admin").get("/v1/drops?limit=1&limit=2")).code == "invalid"


async def test_evidence_is_served_from_its_folder_only(world: World) -> None:
    drop = world.drops["ann"]
    folder = world.services.evidence / str(drop)
    folder.mkdir(parents=True)
    (folder / "audio.wav").write_bytes(b"RIFF")
    (world.services.evidence / "secret").write_bytes(b"x")
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE drops SET evidence = %s WHERE id = %s", (str(drop), drop))
    (file,) = (await world.as_("ann").get(f"/v1/drops/{drop}")).json()["evidence"]["files"]
    assert (await world.as_("ann").get(file["href"])).body == b"RIFF"
    assert (await world.as_("bob").get(file["href"])).code == "not_found"
    for name in ("marks.json", "..%2Fsecret", "%2e%2e%2fsecret", "other.wav"):
        assert (await world.as_("ann").get(f"/v1/drops/{drop}/evidence/{name}")).code == "not_found"


async def test_a_list_of_numbers_is_taken_whole_or_not_at_all(world: World) -> None:
    async def take(text: bytes) -> Any:
        return await world.as_("rose").post("/v1/suppression/import", data=text, headers={"Content-Type": "text/csv"})

    answer = await take(b"number,reason\n+12025550123,asked\nrubbish,x\n+12025550124,\n1,2,3\n")
    assert answer.code == "invalid"
    assert [one["where"] for one in answer.json()["errors"]] == ["line 3", "line 5"]
    assert await every(world, "rose", "/v1/suppression") == []
    answer = await take("\ufeffnumber,reason,expires\n+12025550123,asked,\n+1900*,premium,2099-12-31\n".encode())
    assert answer.json() == {"entries": 2, "new": 2}
    assert (await take(b"+12025550123\n")).json() == {"entries": 1, "new": 0}
    assert {one["pattern"] for one in await every(world, "rose", "/v1/suppression")} == {"+12025550123", "+1900*"}
    assert (await take(b"\xff\xfe")).code == "malformed"
    assert (await take(b"number\n+12025550123\x00\n")).code == "invalid"


async def test_a_number_is_put_on_the_list_and_taken_off(world: World) -> None:
    agent = world.as_("ann")
    assert (await agent.post("/v1/suppression", json={"pattern": "+12025550123"})).json() == {"entries": 1, "new": 1}
    assert (await agent.post("/v1/suppression", json={"pattern": "+1202*"})).code == "invalid"
    assert (await agent.get("/v1/suppression")).code == "forbidden"
    assert (await world.as_("rose").post("/v1/suppression", json={"pattern": "+1202*"})).status == 200
    assert (await world.as_("admin").ask("DELETE", "/v1/suppression/+1202*")).status == 204
    assert (await world.as_("admin").ask("DELETE", "/v1/suppression/%2B1202*")).code == "not_found"


@pytest.mark.parametrize("pattern", ["12025550123", "+1", "12", "1900*", "*", "+", "hmac-sha256:" + "0" * 64])
async def test_what_could_never_be_looked_up_is_not_taken(world: World, pattern: str) -> None:
    answer = await world.as_("admin").post("/v1/suppression", json={"pattern": pattern})
    assert (answer.status, answer.code) == (422, "invalid")
    assert await every(world, "rose", "/v1/suppression") == []


async def test_national_digits_are_listed_as_the_gate_reads_them(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, PLENTY, default_region="US") as world:
        admin = world.as_("admin")
        for pattern in ("2025550123", "12025550123", "+12025550123"):
            assert (await admin.post("/v1/suppression", json={"pattern": pattern})).status == 200
        assert (await admin.post("/v1/suppression", json={"pattern": "442071234567"})).code == "invalid"
        assert [one["pattern"] for one in await every(world, "rose", "/v1/suppression")] == ["+12025550123"]
        assert (await admin.ask("DELETE", "/v1/suppression/2025550123")).status == 204
        assert (await admin.post("/v1/suppression", json={"pattern": "+*"})).status == 200


async def test_a_webhook_lives(world: World) -> None:
    rose = world.as_("rose")
    made = (await rose.post("/v1/webhooks", json={"url": "https://example.com/hook", "kinds": ["drop.ended"]})).json()
    assert made["team_id"] == str(world.teams["red"])
    path = f"/v1/webhooks/{made['id']}"
    assert "secret" not in (await rose.get(path)).json()
    assert (await world.as_("bert").get(path)).code == "not_found"
    assert (await world.as_("bert").get("/v1/webhooks")).json()["items"] == []
    assert (await rose.ask("PATCH", path, json={"active": False})).json()["disabled_reason"]
    assert (await rose.ask("PATCH", path, json={"active": True})).json()["active"] is True
    rotated = (await rose.post(f"{path}/secret")).json()["secret"]
    assert rotated != made["secret"]
    assert (await rose.get(path)).json()["old_secret_until"]
    assert (await rose.get(f"{path}/deliveries")).json() == {"items": [], "next": None}
    again = await rose.post(f"{path}/deliveries/{made['id']}/redeliver")
    assert again.code == "conflict"
    assert (await rose.ask("DELETE", path)).status == 204


@pytest.mark.parametrize(
    "target",
    ["http://example.com/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "ftp://x/", "x", "https://"],
)
async def test_a_webhook_into_ones_own_network_is_refused(world: World, target: str) -> None:
    assert (await world.as_("admin").post("/v1/webhooks", json={"url": target})).code == "invalid"


async def test_who_did_what_is_written_down(world: World) -> None:
    team = (await world.as_("admin").post("/v1/teams", json={"name": "green"})).json()
    acts = (await world.as_("admin").get(f"/v1/audit?object=team&object_id={team['id']}")).json()["items"]
    assert [(one["actor"], one["action"], one["detail"]) for one in acts] == [
        ("token:admin", "create", {"name": "green"})
    ]
    assert (await world.as_("rose").get("/v1/audit")).code == "forbidden"


async def test_a_number_is_exported_and_erased(world: World) -> None:
    admin = world.as_("admin")
    await admin.post("/v1/suppression", json={"pattern": "+15551230000"})
    known = (await admin.get("/v1/numbers/+15551230000")).json()
    assert [one["id"] for one in known["drops"]] == [str(world.drops["ann"])]
    assert [one["pattern"] for one in known["suppression"]] == ["+15551230000"]
    erased = (await admin.ask("DELETE", "/v1/numbers/+15551230000")).json()
    assert (erased["drops"], erased["opted_out"]) == (1, True)
    drop = (await admin.get(f"/v1/drops/{world.drops['ann']}")).json()
    assert (drop["number"], drop["receipt"]["number"]) == ("", "")
    assert drop["erased_at"]
    acts = (await admin.get("/v1/audit?object=number")).json()["items"]
    assert [one["action"] for one in acts] == ["erase", "export"]
    assert not any("5551230000" in str(one) for one in acts)


async def test_every_change_of_what_engines_remember_is_told(world: World) -> None:
    heard = asyncio.Event()
    async with await psycopg.AsyncConnection.connect(world.database.url, autocommit=True) as listening:
        await listening.execute("LISTEN voicedrop_changed")

        async def listen() -> None:
            async for _ in listening.notifies():
                heard.set()

        task = asyncio.create_task(listen())
        admin, message = world.as_("admin"), world.messages["all"]
        for method, path, body in (
            ("POST", "/v1/teams", {"name": "green"}),
            ("POST", "/v1/agents", {"name": "gus"}),
            ("PUT", "/v1/slots/9", {"message_id": str(message)}),
            ("PATCH", f"/v1/messages/{message}", {"evidence": True}),
            ("POST", "/v1/suppression", {"pattern": "+12025550123"}),
            ("DELETE", "/v1/suppression/+12025550123", None),
            ("DELETE", "/v1/slots/9", None),
            ("DELETE", f"/v1/messages/{message}", None),
        ):
            heard.clear()
            assert (await admin.ask(method, path, json=body)).status in (200, 201, 204)
            async with asyncio.timeout(10):
                await heard.wait()
        await end(task)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/nothing", "not_found"),
        ("GET", "/v1", "not_found"),
        ("PUT", "/v1/messages", "method_not_allowed"),
        ("OPTIONS", "/v1/messages", "method_not_allowed"),
        ("GET", "/v1/messages/not-an-id", "invalid"),
        ("GET", "/v1/messages/%00", "invalid"),
        ("GET", "/v1/drops?number=%00", "invalid"),
        ("GET", "/v1/messages?search=%00", "invalid"),
    ],
)
async def test_every_error_is_a_problem(world: World, method: str, path: str, code: str) -> None:
    answer = await world.as_("admin").ask(method, path)
    assert answer.code == code
    if code == "method_not_allowed":
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", "application/json", "malformed"),
        (b"{", "application/json", "malformed"),
        (b'{"name":"\xff"}', "application/json", "malformed"),
        (b'{"name":"\\ud800"}', "application/json", "malformed"),
        (b'{"name":"a\\u0000b"}', "application/json", "invalid"),
        (b"[]", "application/json", "invalid"),
        (b'{"name":"x","more":1}', "application/json", "invalid"),
        (b'{"name":"x"}', "text/plain", "unsupported_media_type"),
        (b" " * 1_100_000, "application/json", "too_large"),
        (b"[" * 100_000, "application/json", "malformed"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_problem(world: World, content: bytes, kind: str, code: str) -> None:
    answer = await world.as_("admin").post("/v1/teams", data=io.BytesIO(content), headers={"Content-Type": kind})
    assert answer.code == code


async def test_without_a_database_it_says_so_and_comes_back(external: ExternalServer, tmp_path: Path) -> None:
    database = Database(external.url, pool=2)
    await database.open()
    async with serving(database, tmp_path, PLENTY) as world:
        external.stop()
        answer = await world.as_("ann").get("/v1/messages")
        assert answer.code == "no_database"
        assert int(answer.headers["Retry-After"]) > 0
        external.start()
        assert (await world.as_("ann").get("/v1/messages")).status == 200
    await database.close()


async def test_the_document_and_the_page_are_open_and_hold_no_script(world: World) -> None:
    document = (await world.nobody.get("/v1/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    page = await world.nobody.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    text = page.body.decode()
    assert "<script" not in text
    for path in document["paths"]:
        assert path in text
