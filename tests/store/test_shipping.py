"""The journal's way into the database: every entry once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.store.lines import AT, SHA, accepted, do, ended, ids, kinds, people, refused, rows, step, whole
from voicedrop.model import new_id
from voicedrop.store import shipping
from voicedrop.store.database import Database
from voicedrop.store.journal import Journal
from voicedrop.store.shipping import Shipper


@pytest.fixture
def shipper(database: Database, journal: Journal) -> Shipper:
    return Shipper(database, journal, "n1")


async def append(journal: Journal, *entries: dict[str, Any]) -> None:
    for entry in entries:
        await journal.append(entry)


def file_of(tmp_path: Path) -> Path:
    return max((tmp_path / "journal").glob("*.jsonl"))


# -- what the entries become ------------------------------------------------------------------------


async def test_a_drop_becomes_a_row_a_count_and_events(database: Database, journal: Journal, shipper: Shipper) -> None:
    agent, team = await people(database)
    message = new_id()
    await do(database, "INSERT INTO message (id, label) VALUES (%s, 'Callback')", message)
    await do(
        database,
        """INSERT INTO message_version (message_id, version, sha256, prepared_sha256, duration_s, checks, created_by)
        VALUES (%s, 4, 'x', %s, 8, '{}', 'cli')""",
        message,
        SHA,
    )
    (drop,) = ids(1)
    await append(journal, accepted(drop))
    await shipper.ship_all()
    (row,) = await rows(database, "SELECT * FROM drops")
    assert (str(row["id"]), row["outcome"], row["receipt"], row["accepted_at"]) == (drop, None, None, AT)
    assert (str(row["agent_id"]), str(row["team_id"]), row["agent"], row["slot"]) == (agent, team, "anna", 3)
    await append(journal, *whole(drop)[1:])
    await shipper.ship_all()
    (row,) = await rows(database, "SELECT * FROM drops")
    assert (row["outcome"], row["played_fraction"], row["cue"]) == ("delivered", 1.0, "beep")
    assert row["receipt"] == whole(drop)[-1]["receipt"]
    assert (str(row["message_id"]), row["message_version"]) == (message, 4)
    counts = await rows(database, "SELECT * FROM message_count")
    assert [(str(one["message_id"]), one["version"], one["outcome"], one["drops"]) for one in counts] == [
        (message, 4, "delivered", 1)
    ]
    assert await kinds(database) == ["drop.accepted", "drop.playing", "drop.ended"]
    events = await rows(database, "SELECT * FROM event ORDER BY id")
    assert {(str(one["drop_id"]), str(one["agent_id"]), str(one["team_id"])) for one in events} == {(drop, agent, team)}
    assert events[-1]["body"] == row["receipt"]


async def test_a_receipt_that_names_its_message_needs_no_look_up(
    database: Database, journal: Journal, shipper: Shipper
) -> None:
    drop, message = ids(2)
    await append(journal, ended(drop, message={"id": message, "version": 2, "slot": 5, "label": "", "sha256": "zz"}))
    await shipper.ship_all()
    (row,) = await rows(database, "SELECT message_id, message_version, slot, outcome FROM drops")
    assert (str(row["message_id"]), row["message_version"], row["slot"], row["outcome"]) == (message, 2, 5, "delivered")


async def test_a_refusal_is_told_and_is_no_drop(database: Database, journal: Journal, shipper: Shipper) -> None:
    _, team = await people(database)
    await append(journal, refused())
    await shipper.ship_all()
    (event,) = await rows(database, "SELECT * FROM event")
    assert (event["kind"], event["body"]["rule"], str(event["team_id"])) == ("drop.refused", "suppressed", team)
    assert await rows(database, "SELECT 1 FROM drops") == []


async def test_a_withdrawn_drop_never_was(database: Database, journal: Journal, shipper: Shipper) -> None:
    at_once, later, kept = ids(3)
    await append(journal, accepted(at_once), {"kind": "withdrawn", "drop": at_once}, accepted(later), accepted(kept))
    await shipper.ship_all()
    await append(journal, {"kind": "withdrawn", "drop": later})
    await shipper.ship_all()
    assert [str(row["id"]) for row in await rows(database, "SELECT id FROM drops")] == [kept]
    assert await kinds(database) == ["drop.accepted", "drop.accepted", "drop.withdrawn"]


async def test_evidence_expires_by_its_own_rule(database: Database, journal: Journal, shipper: Shipper) -> None:
    (drop,) = ids(1)
    await append(journal, ended(drop, evidence=drop))
    await shipper.ship_all()
    (row,) = await rows(database, "SELECT evidence, evidence_until - ended_at AS kept FROM drops")
    assert (row["evidence"], row["kept"]) == (drop, shipping.EVIDENCE_KEPT)


async def test_webhooks_get_what_they_asked_for(database: Database, journal: Journal, shipper: Shipper) -> None:
    _, team = await people(database)
    other = new_id()
    await do(database, "INSERT INTO team (id, name) VALUES (%s, 'Support')", other)
    hooks = dict(zip(("all", "ends", "team", "other", "off"), ids(5), strict=True))
    for name, kinds_, of, off in (
        ("all", [], None, False),
        ("ends", ["drop.ended"], None, False),
        ("team", [], team, False),
        ("other", [], other, False),
        ("off", [], None, True),
    ):
        await do(
            database,
            """INSERT INTO webhook (id, url, kinds, team_id, secret, disabled_at)
            VALUES (%s, 'https://x', %s, %s, 's', CASE WHEN %s THEN now() END)""",
            hooks[name],
            kinds_,
            of,
            off,
        )
    (drop,) = ids(1)
    await append(journal, accepted(drop), ended(drop))
    await shipper.ship_all()
    found = await rows(
        database,
        """SELECT d.webhook_id, e.kind, d.drop_id FROM delivery d JOIN event e ON e.id = d.event_id ORDER BY e.id""",
    )
    by_name = {identity: name for name, identity in hooks.items()}
    assert sorted((by_name[str(row["webhook_id"])], row["kind"]) for row in found) == [
        ("all", "drop.accepted"),
        ("all", "drop.ended"),
        ("ends", "drop.ended"),
        ("team", "drop.accepted"),
        ("team", "drop.ended"),
    ]
    assert {str(row["drop_id"]) for row in found} == {drop}


# -- what a journal may hold besides ----------------------------------------------------------------


async def test_several_days_are_shipped_in_their_order(
    database: Database, journal: Journal, shipper: Shipper, tmp_path: Path
) -> None:
    first, second = ids(2)
    lines = [json.dumps(accepted(first)), json.dumps(accepted(second))]
    # The last line of an old day has no end: the engine died there, and that file grows no more.
    (tmp_path / "journal" / "2020-01-01.jsonl").write_text("\n".join(lines))
    await append(journal, ended(first), ended(second, "no_cue"))
    await shipper.ship_all()
    outcomes = await rows(database, "SELECT outcome FROM drops ORDER BY id")
    assert [row["outcome"] for row in outcomes] == ["delivered", "no_cue"]
    assert await kinds(database) == ["drop.accepted", "drop.accepted", "drop.ended", "drop.ended"]


async def test_a_torn_last_line_waits_for_its_end(
    database: Database, journal: Journal, shipper: Shipper, tmp_path: Path
) -> None:
    first, torn, second = ids(3)
    await append(journal, accepted(first))
    journal.close()
    with file_of(tmp_path).open("ab") as out:
        out.write(json.dumps(accepted(torn)).encode()[:40])
    again = Journal(tmp_path)
    again.open()
    shipper = Shipper(database, again, "n1")
    await shipper.ship_all()
    assert (len(await rows(database, "SELECT 1 FROM drops")), shipper.skipped) == (1, 0)
    await append(again, accepted(second))
    await shipper.ship_all()
    again.close()
    found = await rows(database, "SELECT id FROM drops ORDER BY id")
    assert [str(row["id"]) for row in found] == [first, second]
    assert shipper.skipped == 1


@pytest.mark.parametrize(
    "bad",
    [
        b"\xff\xfe{",
        b"17",
        b"[" * 100_000,
        b'{"kind":"accepted"}',
        b'{"kind":"accepted","drop":"no id","at":"2026-01-01T00:00:00+00:00"}',
        b'{"kind":"accepted","drop":"0190d3a0-0000-7000-8000-000000000000","at":"yesterday"}',
        b'{"kind":"accepted","drop":"0190d3a0-0000-7000-8000-000000000000","at":"2026-01-01T00:00:00"}',
        b'{"kind":"ended","drop":"0190d3a0-0000-7000-8000-000000000000","receipt":[]}',
        b'{"kind":"refused","at":"2026-01-01T00:00:00+00:00","slot":99999999999}',
        json.dumps(ended(new_id(), played_fraction=1e300)).encode(),
        json.dumps(ended(new_id(), message={"id": new_id(), "version": 1 << 40})).encode(),
        b"x" * (shipping.BATCH_BYTES + 10),
    ],
    ids=range(12),
)
async def test_a_line_that_cannot_be_taken_is_passed_over_and_counted(
    database: Database, tmp_path: Path, bad: bytes
) -> None:
    before, behind = ids(2)
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "2020-01-01.jsonl").write_bytes(
        b"\n".join([json.dumps(accepted(before)).encode(), bad, json.dumps(accepted(behind)).encode(), b""])
    )
    journal = Journal(tmp_path)
    journal.open()
    shipper = Shipper(database, journal, "n1")
    await shipper.ship_all()
    journal.close()
    found = await rows(database, "SELECT id FROM drops ORDER BY id")
    assert [str(row["id"]) for row in found] == [before, behind]
    assert shipper.skipped >= 1
    assert await shipper.behind() == 0


async def test_what_postgresql_cannot_hold_is_replaced(database: Database, journal: Journal, shipper: Shipper) -> None:
    (drop,) = ids(1)
    await append(journal, ended(drop, reason="a\0b", beep={"level_dbfs": float("nan")}))
    (file,) = journal.files()
    file.write_bytes(file.read_bytes().replace(b'"crm-7"', b'"\\ud800"'))
    journal.close()
    journal.open()
    await shipper.ship_all()
    (row,) = await rows(database, "SELECT reason, ref, receipt FROM drops")
    assert (row["reason"], row["ref"], row["receipt"]["beep"]) == ("a\ufffdb", "?", {"level_dbfs": None})


async def test_unknown_kinds_and_steps_of_unknown_drops_say_nothing(
    database: Database, journal: Journal, shipper: Shipper
) -> None:
    (drop,) = ids(1)
    await append(journal, {"kind": "of tomorrow", "drop": drop}, step("started", drop), {"no": "kind"})
    await shipper.ship_all()
    assert (await kinds(database), shipper.skipped, await shipper.behind()) == ([], 0, 0)


async def test_an_entry_that_is_not_on_the_disk_yet_is_not_shipped(
    database: Database, journal: Journal, shipper: Shipper, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = ids(2)
    await append(journal, accepted(first))
    safe = journal._safe
    await append(journal, accepted(second))
    monkeypatch.setattr(journal, "_safe", safe)  # as between the write and the sync
    await shipper.ship_all()
    assert [str(row["id"]) for row in await rows(database, "SELECT id FROM drops")] == [first]


# -- once -------------------------------------------------------------------------------------------


async def test_a_journal_that_is_read_again_from_its_beginning_tells_nothing_twice(
    database: Database, journal: Journal, shipper: Shipper
) -> None:
    (drop,) = ids(1)
    await append(journal, ended(drop, message={"id": new_id(), "version": 1}))
    await shipper.ship_all()
    await do(database, "UPDATE shipped SET bytes = 0")
    again = Shipper(database, journal, "n1")
    await again.ship_all()
    assert await kinds(database) == ["drop.ended"]
    assert [row["drops"] for row in await rows(database, "SELECT drops FROM message_count")] == [1]


async def test_an_emptied_state_directory_begins_again(
    database: Database, journal: Journal, shipper: Shipper, tmp_path: Path
) -> None:
    await append(journal, *whole(new_id()))
    await shipper.ship_all()
    journal.close()
    file_of(tmp_path).unlink()
    fresh = Journal(tmp_path)
    fresh.open()
    await append(fresh, accepted(new_id()))
    await Shipper(database, fresh, "n1").ship_all()
    fresh.close()
    assert len(await rows(database, "SELECT 1 FROM drops")) == 2


async def test_two_shippers_of_one_journal_ship_it_once(database: Database, journal: Journal) -> None:
    one, other = Shipper(database, journal, "n1"), Shipper(database, journal, "n1")
    for drop in ids(20):
        await append(journal, *whole(drop))
        await one.ship_all()
        await append(journal, refused())
        await other.ship_all()
    assert len(await kinds(database)) == 20 * 4


async def test_nodes_do_not_touch_each_others_journals(database: Database, tmp_path: Path) -> None:
    for node in ("n1", "n2"):
        own = Journal(tmp_path / node)
        own.open()
        await append(own, *whole(new_id()))
        await Shipper(database, own, node).ship_all()
        own.close()
    places = await rows(database, "SELECT node, bytes FROM shipped ORDER BY node")
    assert [row["node"] for row in places] == ["n1", "n2"]
    assert len(await rows(database, "SELECT 1 FROM drops WHERE outcome = 'delivered'")) == 2


async def test_a_refusal_by_the_database_loses_nothing(
    database: Database, journal: Journal, shipper: Shipper, url: str
) -> None:
    (drop,) = ids(1)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER TABLE message_count RENAME TO gone")
        await append(journal, ended(drop, message={"id": new_id(), "version": 1}))
        with pytest.raises(shipping.StoreError, match="the database refused"):
            await shipper.ship_all()
        assert await rows(database, "SELECT 1 FROM drops") == []
        owner.execute("ALTER TABLE gone RENAME TO message_count")
    await shipper.ship_all()
    assert (len(await rows(database, "SELECT 1 FROM drops")), shipper.skipped) == (1, 0)
