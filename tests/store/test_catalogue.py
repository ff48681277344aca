"""What an engine keeps in memory: read from a real PostgreSQL, kept on the disk, asked before each drop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile
from structlog.testing import capture_logs

from voicedrop.config import Settings
from voicedrop.control import Refused
from voicedrop.engine.asking import Asker, Wish
from voicedrop.engine.catalogue import FILE, LIST, Catalogue
from voicedrop.engine.services import Services
from voicedrop.errors import MessageError, StoreError
from voicedrop.library.shelf import Shelf
from voicedrop.model import Message, new_id
from voicedrop.store import numbers
from voicedrop.store.changes import CHANGED, changed
from voicedrop.store.database import Database
from voicedrop.store.listening import NotificationListener
from voicedrop.takeover import take_over_folder
from voicedrop.tasks import end

NUMBER = "+12025550123"


def place(sha256: str) -> Message:
    return Message(slot=0, label="", file=Path(sha256), media=sha256, duration_s=0, sha256="")


@pytest.fixture
def catalogue(database: Database, tmp_path: Path) -> Catalogue:
    return Catalogue(database, tmp_path / "state", place)


async def run(database: Database, *statements: tuple[str, tuple[Any, ...]]) -> None:
    async with database.transaction() as connection:
        for text, values in statements:
            await connection.execute(text.encode(), values)
        await changed(connection)


def suppress(pattern: str, expires: str = "infinity") -> tuple[str, tuple[Any, ...]]:
    return (
        "INSERT INTO suppression (pattern, reason, source, created_by, expires_at) VALUES (%s, 'asked', 't', 't', %s)",
        (pattern, None if expires == "infinity" else expires),
    )


def everybodys(slot: int, message: str, *, sha256: str = "ab" * 32) -> list[tuple[str, tuple[Any, ...]]]:
    return [
        ("INSERT INTO message (id, label) VALUES (%s, 'one')", (message,)),
        ("INSERT INTO message_version VALUES (%s, 1, %s, 'cd', 7.5, '[]', now(), 'test')", (message, sha256)),
        ("INSERT INTO slot (slot, message_id) VALUES (%s, %s)", (slot, message)),
    ]


async def test_what_is_in_the_database_is_known(database: Database, catalogue: Catalogue) -> None:
    message = new_id()
    await run(database, *everybodys(3, message))
    assert catalogue.message(3, "anybody") is None
    await catalogue.read()
    found = catalogue.message(3, "anybody")
    assert found is not None
    assert (found.id, found.version, found.slot, found.label, found.sha256) == (message, 1, 3, "one", "cd")
    assert found.duration_s == 7.5
    assert found.media == "ab" * 32
    await run(database, ("UPDATE message SET deleted_at = now() WHERE id = %s", (message,)))
    await catalogue.read()
    assert catalogue.message(3, "anybody") is None


@pytest.mark.parametrize(
    ("pattern", "expires", "stopped"),
    [
        (NUMBER, "infinity", True),
        ("+1202*", "infinity", True),
        ("+*", "infinity", True),
        (NUMBER, "2999-01-01", True),
        (NUMBER, "2020-01-01", False),
        ("+12025550124", "infinity", False),
        ("+1203*", "infinity", False),
    ],
)
async def test_the_suppression_list(
    database: Database, catalogue: Catalogue, pattern: str, expires: str, *, stopped: bool
) -> None:
    await run(database, suppress(pattern, expires))
    await catalogue.read()
    assert (catalogue.suppressed(NUMBER) is not None) is stopped
    await run(database, ("DELETE FROM suppression", ()))
    await catalogue.read()
    assert catalogue.suppressed(NUMBER) is None
    assert not catalogue.suppresses


async def test_an_entry_that_cannot_be_read_costs_no_other(
    database: Database, catalogue: Catalogue, tmp_path: Path
) -> None:
    """Somebody wrote it by SQL, past the constraint."""
    await run(
        database,
        ("ALTER TABLE suppression DROP CONSTRAINT suppression_pattern", ()),
        suppress("12025550124"),
        suppress(NUMBER),
    )
    with capture_logs() as logs:
        await catalogue.read()
    assert catalogue.suppressed(NUMBER) is not None
    (told,) = [one for one in logs if one["event"] == "suppression_entry_not_read"]
    assert (told["log_level"], told["ctid"]) == ("error", "(0,1)")
    assert "2025550124" not in str(told)
    later = Catalogue(database, tmp_path / "state", place)
    later.recall()
    assert later.suppressed(NUMBER) is not None


async def test_an_erased_person_stays_opted_out(database: Database, catalogue: Catalogue) -> None:
    async with database.transaction() as connection:
        key = await numbers.key(connection)
        await connection.execute("INSERT INTO suppression_hash (hash) VALUES (%s)", (numbers.hashed(NUMBER, key),))
    await catalogue.read()
    assert (found := catalogue.suppressed(NUMBER)) is not None
    assert found.reason == "opted out"
    assert catalogue.suppressed("+12025550124") is None


async def test_a_later_run_recalls_it_without_the_database(
    database: Database, catalogue: Catalogue, tmp_path: Path
) -> None:
    await run(database, *everybodys(1, new_id()), suppress(NUMBER, "2999-01-01"))
    await catalogue.read()
    nowhere = Database("postgresql://127.0.0.1:1/none")
    later = Catalogue(nowhere, tmp_path / "state", place)
    later.recall()
    assert later.message(1, "anybody") == catalogue.message(1, "anybody")
    assert (found := later.suppressed(NUMBER)) is not None
    assert found == catalogue.suppressed(NUMBER)
    assert later.list_known
    for name in (FILE, LIST):
        assert (tmp_path / "state" / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", [None, "[1]\n", "no JSON\n"])
async def test_without_the_kept_list_nobody_gets_a_message(
    database: Database, catalogue: Catalogue, tmp_path: Path, text: str | None
) -> None:
    await run(database, *everybodys(1, new_id()), suppress("+1900*"))
    await catalogue.read()
    kept = tmp_path / "state" / LIST
    kept.unlink() if text is None else kept.write_text(text)
    later = Catalogue(database, tmp_path / "state", place)
    later.recall()
    assert await rule(asker(later), wish()) == "unreachable"
    await later.read()
    assert (await asker(later).ask(wish())).message.label == "one"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"agents": []}', '{"agents": 1, "messages": 2, "slots": 3}'])
def test_a_file_that_is_broken_is_passed_over(database: Database, tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    found = Catalogue(database, tmp_path, place)
    found.recall()
    assert found.size == 0


async def test_a_disk_that_fails_costs_only_the_recall(database: Database, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    found = Catalogue(database, tmp_path / "state", place)
    await run(database, *everybodys(1, new_id()), suppress(NUMBER))
    await found.read()
    assert found.message(1, "anybody") is not None
    assert found.suppressed(NUMBER) is not None


async def test_a_change_is_known_as_soon_as_it_is_told(database: Database, catalogue: Catalogue, url: str) -> None:
    listener = NotificationListener(url, {CHANGED: catalogue.wake})
    tasks = [asyncio.create_task(catalogue.run()), asyncio.create_task(listener.run())]
    try:
        await catalogue.read_again(10)
        message = new_id()
        await run(database, *everybodys(2, message))
        await catalogue.read_again(10)
        assert catalogue.by_id(message, "anybody") is not None
    finally:
        await end(*tasks)


# -- asked before each drop -------------------------------------------------------------------------


def asker(catalogue: Catalogue, busy: Refused | None = None) -> Asker:
    class Known:
        pass

    services = Known()
    services.catalogue = catalogue
    services.settings = Settings.model_validate({"ari": {"password": "x"}})
    return Asker(cast(Services, services), lambda: busy)


def wish(number: str = NUMBER, slot: int = 1) -> Wish:
    return Wish(agent="1001", number=number, door="bridged", slot=slot)


async def rule(asked: Asker, what: Wish) -> str:
    with pytest.raises(Refused) as caught:
        await asked.ask(what)
    assert NUMBER.lstrip("+") not in str(caught.value)
    return caught.value.rule


async def test_each_refusal_names_its_rule(database: Database, catalogue: Catalogue) -> None:
    await run(database, *everybodys(1, new_id()))
    await catalogue.read()
    assert (await asker(catalogue).ask(wish())).message.label == "one"
    assert (await asker(catalogue).ask(wish(""))).message.label == "one"
    assert await rule(asker(catalogue), wish(slot=2)) == "no_message"
    full = asker(catalogue, Refused("busy", "full"))
    assert await rule(full, wish()) == "busy"
    assert (await full.choose(wish())).message.label == "one"
    await run(database, suppress(NUMBER))
    await catalogue.read()
    for number in (NUMBER, "12025550123", "+1 202 555-0123"):
        assert await rule(asker(catalogue), wish(number)) == "suppressed"
    assert await rule(full, wish()) == "suppressed"
    assert await rule(asker(catalogue), wish("")) == "no_number"
    assert await rule(asker(catalogue), wish("anonymous")) == "no_number"
    assert (await asker(catalogue).ask(wish("+12025550124"))).message.label == "one"
    unknown = Wish(agent="1001", number=NUMBER, door="bridged", message_id=new_id())
    assert await rule(asker(catalogue), unknown) == "no_message"


# -- the folder at a first start --------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two messages: a swept tone is loud enough, and is no beep."""
    made = tmp_path / "messages"
    made.mkdir()
    time = np.arange(4 * 8000) / 8000
    for name, low in (("a", 300.0), ("b", 500.0)):
        soundfile.write(made / f"{name}.wav", 0.3 * np.sin(2 * np.pi * (low + 100 * time) * time), 8000)
    (made / "messages.yaml").write_text("- {slot: 1, label: A, file: a.wav}\n- {slot: 4, label: B, file: b.wav}\n")
    return made


async def test_the_folder_is_taken_over_once(
    database: Database, catalogue: Catalogue, folder: Path, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "shelf")
    assert await take_over_folder(database, shelf, folder) == 2
    assert await take_over_folder(database, shelf, folder) == 0
    await catalogue.read()
    found = [catalogue.message(slot, "anybody") for slot in (1, 4)]
    assert [one.label if one else None for one in found] == ["A", "B"]
    assert found[0] is not None
    assert shelf.find(found[0].media) is not None
    async with database.transaction() as connection:
        rows = await (await connection.execute("SELECT actor, action FROM audit")).fetchall()
    assert [(row["actor"], row["action"]) for row in rows] == [("engine", "created")] * 2


async def test_two_engines_that_start_together_take_it_over_once(
    database: Database, folder: Path, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "shelf")
    assert sorted(await asyncio.gather(*(take_over_folder(database, shelf, folder) for _ in range(2)))) == [0, 2]


async def test_a_folder_without_an_index_is_none(database: Database, tmp_path: Path) -> None:
    assert await take_over_folder(database, Shelf(tmp_path / "shelf"), tmp_path) == 0


async def test_a_file_that_cannot_be_used_stops_it_all(database: Database, folder: Path, tmp_path: Path) -> None:
    (folder / "b.wav").write_bytes(b"no sound")
    with pytest.raises(MessageError, match=r"b\.wav"):
        await take_over_folder(database, Shelf(tmp_path / "shelf"), folder)
    async with database.transaction() as connection:
        assert await (await connection.execute("SELECT FROM message")).fetchall() == []


async def test_without_the_database_it_says_so(folder: Path, tmp_path: Path) -> None:
    nowhere = Database("postgresql://127.0.0.1:1/none")
    with pytest.raises(StoreError):
        await take_over_folder(nowhere, Shelf(tmp_path / "shelf"), folder)
