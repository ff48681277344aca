"""A number is exported and erased wherever it stands: database, journal, evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.store.lines import NUMBER, accepted, do, ended, ids, refused, rows, whole
from voicedrop.store import numbers, persons
from voicedrop.store.database import Database
from voicedrop.store.journal import Journal, read, unfinished
from voicedrop.store.retention import ERASURE_SETTLES, Limits, Retention
from voicedrop.store.shipping import Shipper

OTHER = "+12025550777"


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def retention(database: Database, journal: Journal, evidence: Path) -> Retention:
    return Retention(database, journal, "n1", evidence, Limits())


async def erase(database: Database, number: str = NUMBER) -> persons.Erased:
    async with database.transaction() as connection:
        return await persons.erase(connection, number)


async def everything(database: Database) -> str:
    """All that the database holds, as text."""
    tables = await rows(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = ""
    for table in tables:
        found += str(await rows(database, f"SELECT t::text FROM {table['tablename']} t"))
    return found


async def fill(database: Database, journal: Journal) -> list[str]:
    """Two drops and a refusal of our number, one of them without its +, and a drop of another."""
    first, second, other = ids(3)
    without = {"number": NUMBER.removeprefix("+")}
    for entry in (
        *whole(first),
        accepted(second, **without),
        ended(second, evidence=second, **without),
        refused(),
        accepted(other, number=OTHER),
        ended(other, number=OTHER),
    ):
        await journal.append(entry)
    await Shipper(database, journal, "n1").ship_all()
    await do(database, "INSERT INTO suppression (pattern, source, created_by) VALUES (%s, 'api', 'token:a')", NUMBER)
    await do(
        database,
        "INSERT INTO audit (id, actor, action, object, object_id) VALUES (%s, 'a', 'add', 'suppression', %s)",
        ids(1)[0],
        NUMBER,
    )
    return [first, second, other]


async def test_export_holds_everything_of_a_number(database: Database, journal: Journal) -> None:
    first, second, _ = await fill(database, journal)
    async with database.transaction() as connection:
        found = await persons.export(connection, NUMBER)
    assert [str(row["id"]) for row in found["drops"]] == [first, second]
    assert len(found["events"]) == 3 + 2 + 1
    assert [row["pattern"] for row in found["suppression"]] == [NUMBER]
    assert len(found["audit"]) == 1
    assert OTHER not in str(found)


async def test_erasure_leaves_the_counts_and_the_opt_out(
    database: Database, journal: Journal, retention: Retention, tmp_path: Path, evidence: Path
) -> None:
    first, second, other = await fill(database, journal)
    (evidence / second).mkdir(parents=True)
    (evidence / second / "audio.wav").write_bytes(b"voice")
    sizes = [path.stat().st_size for path in journal.files()]
    assert await erase(database) == persons.Erased(drops=2, events=6, opted_out=True)
    found = await everything(database)
    assert NUMBER.removeprefix("+") not in found
    assert "crm-7" in found, "of the other number"
    assert OTHER in found
    kept = await rows(database, "SELECT id, outcome, number, receipt, erased_at FROM drops ORDER BY id")
    assert [str(row["id"]) for row in kept] == [first, second, other]
    assert [(row["outcome"], row["number"]) for row in kept] == [
        ("delivered", ""),
        ("delivered", ""),
        ("delivered", OTHER),
    ]
    assert kept[0]["receipt"]["number"] == kept[0]["receipt"]["uniqueid"] == ""
    assert kept[0]["receipt"]["beep" if "beep" in kept[0]["receipt"] else "cue"] == "beep"
    assert [row["erased_at"] is not None for row in kept] == [True, True, False]
    async with database.transaction() as connection:
        key = await numbers.key(connection)
    hashes = await rows(database, "SELECT hash FROM suppression_hash")
    assert [bytes(row["hash"]) for row in hashes] == [numbers.hashed(NUMBER, key)]
    await retention.sweep(datetime.now(UTC))
    text = "".join(path.read_text() for path in journal.files())
    assert NUMBER.removeprefix("+") not in text
    assert text.count(OTHER) == 2
    assert [path.stat().st_size for path in journal.files()] == sizes, "places in the journal stay what they are"
    assert len(list(read(tmp_path))) == 9
    assert not (evidence / second).exists()
    assert await rows(database, "SELECT 1 FROM drops WHERE evidence IS NOT NULL") == []


async def test_what_is_shipped_after_the_erasure_comes_blanked(database: Database, journal: Journal) -> None:
    under_way, later = ids(2)
    await journal.append(accepted(under_way))
    assert (await erase(database)).drops == 0
    await journal.append(refused())
    await journal.append(ended(under_way))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await journal.append(accepted(later, at=tomorrow))
    await Shipper(database, journal, "n1").ship_all()
    found = await rows(database, "SELECT outcome, number, erased_at IS NOT NULL AS erased FROM drops ORDER BY id")
    assert [(row["outcome"], row["number"], row["erased"]) for row in found] == [
        ("delivered", "", True),
        (None, NUMBER, False),  # a call of a later day is another matter
    ]
    events = await rows(database, "SELECT 1 FROM event WHERE body::text LIKE '%%2025550123%%'")
    assert len(events) == 1


async def test_the_journal_of_a_drop_that_was_under_way_is_gone_over_again(
    database: Database, journal: Journal, retention: Retention, tmp_path: Path
) -> None:
    (drop,) = ids(1)
    await journal.append(accepted(drop))
    await journal.append(refused(at="some day"))
    await erase(database)
    now = datetime.now(UTC)
    await retention.sweep(now)
    assert [entry["number"] for entry in unfinished(tmp_path)] == [""]
    await journal.append(ended(drop))
    await retention.sweep(now + ERASURE_SETTLES + timedelta(minutes=1))
    assert NUMBER not in "".join(path.read_text() for path in journal.files())
    (row,) = await rows(database, "SELECT done FROM erasure")
    assert row["done"] == ["n1"]


async def test_a_number_that_nobody_knows(database: Database) -> None:
    assert await erase(database, OTHER) == persons.Erased(drops=0, events=0, opted_out=False)


async def test_the_key_is_made_once_and_is_each_deployments_own(database: Database) -> None:
    async with database.transaction() as connection:
        key = await numbers.key(connection)
        assert len(key) == 32
        assert await numbers.key(connection) == key
    assert numbers.hashed("+1555", key) == numbers.hashed("1555", key) != numbers.hashed("+1555", b"another")
