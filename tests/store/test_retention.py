"""What is kept for how long."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.store.lines import NUMBER, accepted, do, ended, ids, rows, whole
from voicedrop.store.database import Database
from voicedrop.store.drops import first_id
from voicedrop.store.journal import Journal
from voicedrop.store.retention import Limits, Retention
from voicedrop.store.shipping import Shipper
from voicedrop.tasks import end

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=400)


def id_of(moment: datetime) -> str:
    return str(first_id(moment))


def retention_of(database: Database, journal: Journal, tmp_path: Path, limits: Limits | None = None) -> Retention:
    return Retention(database, journal, "n1", tmp_path / "evidence", limits or Limits())


async def ship(database: Database, journal: Journal) -> None:
    await Shipper(database, journal, "n1").ship_all()


async def test_old_drops_lose_the_person_and_keep_the_rest(
    database: Database, journal: Journal, tmp_path: Path
) -> None:
    old, new = id_of(OLD), id_of(NOW)
    for drop, at in ((old, OLD), (new, NOW)):
        await journal.append(accepted(drop, at=at))
        await journal.append(ended(drop, at=at))
    await ship(database, journal)
    await retention_of(database, journal, tmp_path).sweep(NOW)
    found = await rows(database, "SELECT outcome, number, receipt->>'number' AS in_receipt FROM drops ORDER BY id")
    assert [(row["outcome"], row["number"], row["in_receipt"]) for row in found] == [
        ("delivered", "", ""),
        ("delivered", NUMBER, NUMBER),
    ]
    events = await rows(database, "SELECT body->>'number' AS number FROM event ORDER BY id")
    assert [row["number"] for row in events] == ["", "", NUMBER, NUMBER]


async def test_an_order_that_waits_keeps_its_number(database: Database, journal: Journal, tmp_path: Path) -> None:
    await do(
        database,
        "INSERT INTO drops (id, node, door, number, accepted_at) VALUES (%s, '', 'unattended', %s, %s)",
        id_of(OLD),
        NUMBER,
        OLD,
    )
    await retention_of(database, journal, tmp_path).sweep(NOW)
    assert [row["number"] for row in await rows(database, "SELECT number FROM drops")] == [NUMBER]


async def test_more_old_drops_than_one_transaction_takes(database: Database, journal: Journal, tmp_path: Path) -> None:
    await do(
        database,
        """INSERT INTO drops (id, node, door, number, accepted_at)
        SELECT overlay(%s::text PLACING lpad(to_hex(n), 12, '0') FROM 25)::uuid, 'n1', 'dial', '+1555', %s
        FROM generate_series(1, 1200) n""",
        id_of(OLD),
        OLD,
    )
    await retention_of(database, journal, tmp_path).sweep(NOW)
    assert await rows(database, "SELECT 1 FROM drops WHERE number <> ''") == []


async def test_evidence_goes_when_its_time_has_come(database: Database, journal: Journal, tmp_path: Path) -> None:
    past = NOW - timedelta(days=31)
    due, kept, others = id_of(past), id_of(NOW), id_of(past - timedelta(days=1))
    stray, foreign = id_of(past - timedelta(days=2)), "somebody elses"
    for drop, at in ((due, past), (kept, NOW)):
        await journal.append(ended(drop, at=at, evidence=drop))
    await journal.append(ended(others, at=past, evidence=others, node="n2"))
    await ship(database, journal)
    for name in (due, kept, others, stray, foreign):
        folder = tmp_path / "evidence" / name
        folder.mkdir(parents=True)
        (folder / "audio.wav").write_bytes(b"voice")
        if name in (stray, foreign, others):
            os.utime(folder, (past.timestamp(), past.timestamp()))
    await retention_of(database, journal, tmp_path).sweep(NOW)
    left = {path.name for path in (tmp_path / "evidence").iterdir()}
    assert left == {kept, foreign, others}, "what another node's row names is that node's to delete"
    named = await rows(database, "SELECT evidence FROM drops WHERE evidence IS NOT NULL")
    assert {row["evidence"] for row in named} == {kept, others}


@pytest.mark.parametrize("name", ["..", "../state", "/etc", "a/b", ""])
async def test_a_name_that_leads_elsewhere_deletes_nothing(
    database: Database, journal: Journal, tmp_path: Path, name: str
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "evidence" / "a" / "b").mkdir(parents=True)
    (drop,) = ids(1)
    await journal.append(ended(drop, at=OLD, evidence=name))
    await ship(database, journal)
    await retention_of(database, journal, tmp_path).sweep(NOW)
    assert (tmp_path / "state").exists()
    assert (tmp_path / "evidence" / "a" / "b").exists()


async def test_old_events_deliveries_and_audit_rows_are_deleted(
    database: Database, journal: Journal, tmp_path: Path
) -> None:
    (hook,) = ids(1)
    await do(database, "INSERT INTO webhook (id, url, secret) VALUES (%s, 'https://x', 's')", hook)
    await journal.append(accepted(ids(1)[0]))
    await ship(database, journal)
    assert len(await rows(database, "SELECT 1 FROM delivery")) == 1
    await do(database, "INSERT INTO audit (id, actor, action, object) VALUES (%s, 'cli', 'add', 'team')", ids(1)[0])
    retention = retention_of(database, journal, tmp_path)
    await retention.sweep(NOW + timedelta(days=89))
    assert len(await rows(database, "SELECT 1 FROM delivery")) == 1
    await retention.sweep(NOW + timedelta(days=91))
    assert await rows(database, "SELECT 1 FROM event UNION ALL SELECT 1 FROM delivery") == []
    assert len(await rows(database, "SELECT 1 FROM audit")) == 1
    await retention.sweep(NOW + timedelta(days=731))
    assert await rows(database, "SELECT 1 FROM audit") == []


async def test_zero_days_keep_for_ever(database: Database, journal: Journal, tmp_path: Path) -> None:
    await journal.append(ended(id_of(OLD), at=OLD))
    await ship(database, journal)
    forever = Limits(receipts_days=0, evidence_days=0, events_days=0, audit_days=0, journal_days=0)
    await retention_of(database, journal, tmp_path, forever).sweep(NOW + timedelta(days=10_000))
    (row,) = await rows(database, "SELECT number FROM drops")
    assert row["number"] == NUMBER
    assert len(await rows(database, "SELECT 1 FROM event")) == 1


# -- the journal's files ----------------------------------------------------------------------------


def old_file(tmp_path: Path, day: str, *entries: object) -> Path:
    path = tmp_path / "journal" / f"{day}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


async def test_an_old_file_goes_once_it_is_shipped(database: Database, tmp_path: Path) -> None:
    first, last = ids(2)
    path = old_file(tmp_path, "2020-01-01", *whole(first))
    journal = Journal(tmp_path)
    journal.open()
    await journal.append(accepted(last))
    retention = retention_of(database, journal, tmp_path)
    await retention.sweep(NOW)
    assert path.exists(), "it is not in the database yet"
    await ship(database, journal)
    await retention.sweep(NOW)
    journal.close()
    assert not path.exists()
    assert len(await rows(database, "SELECT 1 FROM shipped")) == 1
    assert len(journal.files()) == 1, "the newest stays, however old"


async def test_a_file_that_recovery_needs_stays(database: Database, tmp_path: Path) -> None:
    (drop,) = ids(1)
    at = datetime(2020, 1, 2, 12, tzinfo=UTC)
    before = old_file(tmp_path, "2020-01-01", *whole(ids(1)[0]))
    needed = old_file(tmp_path, "2020-01-02", accepted(drop, at=at))
    journal = Journal(tmp_path)
    journal.open()
    await journal.append(accepted(ids(1)[0]))
    await ship(database, journal)
    retention = retention_of(database, journal, tmp_path)
    await retention.sweep(NOW)
    assert (before.exists(), needed.exists()) == (False, True)
    await journal.append(ended(drop, at=at))
    await ship(database, journal)
    await retention.sweep(NOW)
    journal.close()
    assert not needed.exists()


# -- the loop ---------------------------------------------------------------------------------------


async def test_it_waits_for_a_database_and_is_woken(database: Database, journal: Journal, tmp_path: Path) -> None:
    await database.close()
    reopened = Database(database.url, pool=2)
    swept: asyncio.Queue[bool] = asyncio.Queue()

    class Watched(Retention):
        async def sweep(self, now: datetime) -> None:
            try:
                await super().sweep(now)
                swept.put_nowait(True)
            except Exception:
                swept.put_nowait(False)
                raise

    retention = Watched(reopened, journal, "n1", tmp_path, Limits())
    running = asyncio.create_task(retention.run())
    async with asyncio.timeout(30):
        assert await swept.get() is False  # the pool is not open
        await reopened.open()
        retention.wake()
        assert await swept.get() is True
    await end(running)
    await reopened.close()
